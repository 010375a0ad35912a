//! Seals: a sum over the rows on which exactness depends, so that a bit that flips on disk is noticed.
//!
//! ```text
//! commit ──rows that come, go or grow──► Σ n · weight(key) ──same transaction──► seals
//! load ──every row again──────────────► Σ n · weight(key) ──compared with───────► seals
//! ```
//! Weights are odd hashes of what names a row, sums wrap: a changed count, key or offset, or a row that is
//! gone, changes the sum, and a commit adds its own rows without reading any. *Limits:* texts, samples, alerts
//! and what follows from the rows are not sealed. A store without seals, from an earlier version or a backup, gets
//! them when it is loaded.

use super::Failure;
use crate::store::sql::codec;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row, Rows, params};
use xxhash_rust::xxh3::Xxh3;

/// What is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Minutes,
    Hours,
    Totals,
    Accounts,
    Offsets,
    State,
    Horizons,
    Outbox,
    Standings,
    Activity,
}

impl Kind {
    const ALL: [Kind; 10] = [
        Kind::Minutes,
        Kind::Hours,
        Kind::Totals,
        Kind::Accounts,
        Kind::Offsets,
        Kind::State,
        Kind::Horizons,
        Kind::Outbox,
        Kind::Standings,
        Kind::Activity,
    ];

    fn name(self) -> &'static str {
        match self {
            Kind::Minutes => "minutes",
            Kind::Hours => "hours",
            Kind::Totals => "totals",
            Kind::Accounts => "accounts",
            Kind::Offsets => "offsets",
            Kind::State => "state",
            Kind::Horizons => "horizons",
            Kind::Outbox => "outbox",
            Kind::Standings => "standings",
            Kind::Activity => "activity",
        }
    }

    /// Every row: what names it, and its number last.
    fn rows(self) -> &'static str {
        match self {
            Kind::Minutes => "SELECT bucket_start, fingerprint_id, n FROM minutes",
            Kind::Hours => "SELECT bucket_start, fingerprint_id, n FROM hours",
            Kind::Totals => {
                "SELECT f.fingerprint, t.total FROM totals t JOIN fingerprints f ON f.id = t.fingerprint_id"
            }
            Kind::Accounts => {
                "SELECT s.name, a.counter, a.n FROM accounts a JOIN sources s ON s.id = a.source_id"
            }
            Kind::Offsets => {
                "SELECT s.name, p.partition, p.resume_offset, 1 FROM partitions p \
                 JOIN sources s ON s.id = p.source_id"
            }
            Kind::State => "SELECT node, key, value, 1 FROM operator_state",
            Kind::Horizons => "SELECT kind, before, forgotten, 1 FROM horizons",
            Kind::Outbox => {
                "SELECT notice_id, notifier, incident, at, state, settled_at, reason, body, 1 FROM outbox"
            }
            Kind::Standings => {
                "SELECT issue, state, changed_at, changed_by, until, assignee, 1 FROM standings"
            }
            Kind::Activity => "SELECT issue, at, body, 1 FROM activity",
        }
    }
}

/// A part of what names a row.
pub(super) enum Part<'a> {
    Number(i64),
    Bytes(&'a [u8]),
}

/// Changes of the sums that the open transaction has made.
#[derive(Debug, Default)]
pub(super) struct Seals([i64; Kind::ALL.len()]);

impl Seals {
    /// Takes note that the row of that name grows by `n`.
    pub(super) fn add(&mut self, kind: Kind, name: &[Part<'_>], n: i64) {
        let sum = &mut self.0[kind as usize];
        *sum = sum.wrapping_add(weight(kind, name).wrapping_mul(n));
    }

    /// Takes note that the row of that name, which is all of its columns, grows by `n`.
    pub(super) fn add_row(&mut self, kind: Kind, row: &Row<'_>, n: i64) -> Result<(), Failure> {
        let width = row.as_ref().column_count();
        self.add(kind, &name(row, width)?, n);
        Ok(())
    }

    /// Changes the stored sums, and forgets the changes.
    pub(super) fn save(&mut self, connection: &Connection) -> Result<(), Failure> {
        let mut read = connection.prepare_cached("SELECT sum FROM seals WHERE kind = ?1")?;
        let mut write = connection.prepare_cached("UPDATE seals SET sum = ?2 WHERE kind = ?1")?;
        for (kind, change) in Kind::ALL.into_iter().zip(std::mem::take(&mut self.0)) {
            if change != 0 {
                let sum: i64 = read.query_row([kind.name()], |row| row.get(0))?;
                write.execute(params![kind.name(), sum.wrapping_add(change)])?;
            }
        }
        Ok(())
    }
}

/// Seals the horizons as the open transaction leaves them: four rows, changed by pruning and by late events.
pub(super) fn horizons(connection: &Connection) -> Result<(), Failure> {
    let (kind, found) = (Kind::Horizons, sum(connection, Kind::Horizons)?);
    connection.execute("UPDATE seals SET sum = ?2 WHERE kind = ?1", params![kind.name(), found])?;
    Ok(())
}

/// Fails if any sealed row is not what was committed; seals a store that has no seals yet.
pub(super) fn check(connection: &Connection) -> Result<(), Failure> {
    let sealed: i64 = connection.query_row("SELECT count(*) FROM seals", [], |row| row.get(0))?;
    for kind in Kind::ALL {
        let found = sum(connection, kind)?;
        let name = kind.name();
        if sealed == 0 {
            connection
                .execute("INSERT INTO seals (kind, sum) VALUES (?1, ?2)", params![name, found])?;
            continue;
        }
        let expected: i64 =
            connection
                .query_row("SELECT sum FROM seals WHERE kind = ?1", [name], |row| row.get(0))?;
        if found != expected {
            return Err(codec::strange(format!("its {name}: not what was committed")));
        }
    }
    Ok(())
}

/// Takes rows that are about to be deleted out of their seal: those that the end of a statement chooses.
pub(super) fn forget(
    connection: &Connection,
    kind: Kind,
    chosen: &str,
    bound: [i64; 2],
) -> Result<(), Failure> {
    let mut oldest = connection.prepare_cached(&format!("{} {chosen}", kind.rows()))?;
    let gone = sum_of(kind, oldest.query(bound)?)?;
    let mut seals = Seals::default();
    seals.0[kind as usize] = gone.wrapping_neg();
    seals.save(connection)
}

fn sum(connection: &Connection, kind: Kind) -> Result<i64, Failure> {
    sum_of(kind, connection.prepare(kind.rows())?.query([])?)
}

fn sum_of(kind: Kind, mut rows: Rows<'_>) -> Result<i64, Failure> {
    let mut seals = Seals::default();
    while let Some(row) = rows.next()? {
        let width = row.as_ref().column_count() - 1;
        seals.add(kind, &name(row, width)?, row.get(width)?);
    }
    Ok(seals.0[kind as usize])
}

/// Returns the first columns of a row, which name it.
fn name<'a>(row: &'a Row<'_>, width: usize) -> rusqlite::Result<Vec<Part<'a>>> {
    (0..width).map(|column| part(row, column)).collect()
}

fn part<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<Part<'a>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Integer(number) => Part::Number(number),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Part::Bytes(bytes),
        ValueRef::Null | ValueRef::Real(_) => Part::Bytes(b""),
    })
}

/// Returns an odd number that depends on every bit of a row's name.
fn weight(kind: Kind, name: &[Part<'_>]) -> i64 {
    let mut hasher = Xxh3::with_seed(kind as u64);
    for part in name {
        match part {
            Part::Number(number) => hasher.update(&number.to_le_bytes()),
            Part::Bytes(bytes) => {
                hasher.update(&(bytes.len() as u64).to_le_bytes());
                hasher.update(bytes);
            }
        }
    }
    (hasher.digest() | 1).cast_signed()
}
