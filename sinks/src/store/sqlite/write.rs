//! How each kind of row is written. All of it adds up or merges, so that order does not matter.
//!
//! [`Memory`] spares the writer look-ups; it is dropped with the connection after any error, since
//! a transaction that was rolled back may have taught it rows that are gone.

use super::Failure;
use super::seal::{Kind, Part, Seals};
use crate::store::retention::Horizons;
use crate::store::rows::{
    FastMap, GONE_RANK, NEVER_FIRST, NEVER_LAST, counter_name, source_id, source_rank,
};
use crate::store::sql::{codec, prune};
use engine::model::{
    Account, Fingerprint, IssueId, Progress, Rejected, Sighting, SourceIndex, StateRow,
};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::sync::Arc;

/// The most row numbers, and the most full days, that the writer remembers.
pub(super) const IDS_MAX: usize = 250_000;

/// The writing connection and what it remembers.
pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) memory: Memory,
}

impl Writer {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, memory: Memory::default() }
    }
}

/// What the writer need not look up again.
#[derive(Default)]
pub(super) struct Memory {
    source_ids: Option<Arc<[String]>>,
    /// Row numbers of the graph's sources, by index.
    sources: Vec<i64>,
    /// Row numbers of fingerprints.
    fingerprints: FastMap<Fingerprint, i64>,
    /// Per key of a fingerprint's day that is full: its largest kept hash.
    pub(super) full_days: FastMap<i64, u64>,
    /// Below what rows are forgotten.
    horizons: Option<Horizons>,
    /// How the open transaction changes the seals.
    pub(super) seals: Seals,
}

impl Memory {
    /// Returns below what rows are forgotten.
    pub(super) fn horizons(&mut self, connection: &Connection) -> Result<Horizons, Failure> {
        match self.horizons {
            Some(horizons) => Ok(horizons),
            None => Ok(*self.horizons.insert(prune::horizons(connection)?)),
        }
    }

    /// Remembers that everything below is forgotten; days that were full may be gone.
    pub(super) fn forget(&mut self, horizons: Horizons) {
        self.horizons = Some(horizons);
        self.full_days.clear();
    }

    /// Gives every source of the graph a row number and its rank.
    pub(super) fn name_sources(
        &mut self,
        transaction: &Transaction<'_>,
        source_ids: &Arc<[String]>,
    ) -> Result<(), Failure> {
        if self.source_ids.as_ref() == Some(source_ids) {
            return Ok(());
        }
        transaction.execute("UPDATE sources SET rank = ?1", [GONE_RANK])?;
        self.sources = source_ids
            .iter()
            .map(|name| named_source(transaction, name, source_rank(source_ids, name)))
            .collect::<rusqlite::Result<_>>()?;
        self.source_ids = Some(source_ids.clone());
        Ok(())
    }

    /// Returns the row number of a source.
    pub(super) fn source(
        &self,
        transaction: &Transaction<'_>,
        source: SourceIndex,
    ) -> rusqlite::Result<i64> {
        match self.sources.get(usize::from(source.0)) {
            Some(&id) => Ok(id),
            None => named_source(transaction, &source_id(&[], source), GONE_RANK),
        }
    }

    /// Returns the id of a source.
    fn source_name(&self, source: SourceIndex) -> String {
        source_id(self.source_ids.as_deref().unwrap_or_default(), source).into_owned()
    }

    /// Returns the row number of a fingerprint, adding a row about which nothing is known yet.
    pub(super) fn fingerprint(
        &mut self,
        transaction: &Transaction<'_>,
        fingerprint: Fingerprint,
    ) -> rusqlite::Result<i64> {
        if let Some(&id) = self.fingerprints.get(&fingerprint) {
            return Ok(id);
        }
        let mut select =
            transaction.prepare_cached("SELECT id FROM fingerprints WHERE fingerprint = ?1")?;
        let found = select.query_row([codec::blob(fingerprint.0)], |row| row.get(0)).optional()?;
        let id = match found {
            Some(id) => id,
            None => unknown_fingerprint(transaction, fingerprint)?,
        };
        self.remember(fingerprint, id);
        Ok(id)
    }

    /// Remembers the row number of a fingerprint.
    pub(super) fn remember(&mut self, fingerprint: Fingerprint, id: i64) {
        if self.fingerprints.len() >= IDS_MAX {
            self.fingerprints.clear();
        }
        self.fingerprints.insert(fingerprint, id);
    }

    /// Merges sightings into the known fingerprints.
    pub(super) fn see(
        &mut self,
        transaction: &Transaction<'_>,
        sightings: &[Sighting],
    ) -> Result<(), Failure> {
        for sighting in sightings {
            let id = self.fingerprint(transaction, sighting.fingerprint)?;
            let source = self.source(transaction, sighting.source)?;
            let mut merge = transaction.prepare_cached(MERGE_SIGHTING)?;
            merge.execute(params![
                id,
                codec::blob(sighting.template.0),
                sighting.class as u8,
                sighting.severity as u8,
                sighting.first.time.0,
                codec::signed(sighting.first.hash),
                source,
                sighting.service,
                sighting.text,
                NEVER_FIRST.time.0,
                sighting.skeleton,
                codec::blob(IssueId::new(sighting.class, sighting.template).0),
            ])?;
            let mut last = transaction.prepare_cached(
                "UPDATE totals SET last_seen = ?2 WHERE fingerprint_id = ?1 AND last_seen < ?2",
            )?;
            last.execute([id, sighting.last.0])?;
        }
        Ok(())
    }

    /// Adds accounts.
    pub(super) fn account(
        &mut self,
        transaction: &Transaction<'_>,
        accounts: &[Account],
    ) -> Result<(), Failure> {
        let mut add = transaction.prepare_cached(
            "INSERT INTO accounts (source_id, counter, n) VALUES (?1, ?2, ?3) \
             ON CONFLICT DO UPDATE SET n = n + excluded.n",
        )?;
        for account in accounts {
            let source = self.source(transaction, account.source)?;
            let counter = counter_name(&account.counter);
            add.execute(params![source, counter, account.n])?;
            let name = self.source_name(account.source);
            self.seals.add(Kind::Accounts, &texts([&name, &counter]), account.n);
        }
        Ok(())
    }

    /// Merges rejected examples: per source and reason those with the smallest hash stay.
    pub(super) fn keep_rejected(
        &self,
        transaction: &Transaction<'_>,
        rejected: &[Rejected],
    ) -> Result<(), Failure> {
        let mut keep = transaction.prepare_cached(
            "INSERT INTO rejected (source_id, reason, hash, record) VALUES (?1, ?2, ?3, ?4) \
             ON CONFLICT DO NOTHING",
        )?;
        let mut prune = transaction.prepare_cached(
            "DELETE FROM rejected WHERE source_id = ?1 AND reason = ?2 AND hash > \
             (SELECT hash FROM rejected WHERE source_id = ?1 AND reason = ?2 \
              ORDER BY hash LIMIT 1 OFFSET ?3)",
        )?;
        let offset = Rejected::PER_REASON_MAX as i64 - 1;
        for group in rejected.chunk_by(|a, b| (a.source, a.reason) == (b.source, b.reason)) {
            let source = self.source(transaction, group[0].source)?;
            let reason = group[0].reason.as_str();
            for example in group {
                keep.execute(params![source, reason, codec::signed(example.hash), example.record])?;
            }
            prune.execute(params![source, reason, offset])?;
        }
        Ok(())
    }

    /// Moves partitions on, or forgets them.
    pub(super) fn progress(
        &mut self,
        transaction: &Transaction<'_>,
        progress: &[Progress],
    ) -> Result<(), Failure> {
        let mut move_on = transaction.prepare_cached(
            "INSERT OR REPLACE INTO partitions \
             (source_id, partition, resume_offset, lag_bytes, received) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?;
        let mut forget = transaction
            .prepare_cached("DELETE FROM partitions WHERE source_id = ?1 AND partition = ?2")?;
        let mut before = transaction.prepare_cached(
            "SELECT resume_offset FROM partitions WHERE source_id = ?1 AND partition = ?2",
        )?;
        for moved in progress {
            let source = self.source(transaction, moved.source)?;
            let partition: &str = &moved.partition.0;
            let name = self.source_name(moved.source);
            let known = before.query_row(params![source, partition], |row| row.get::<_, String>(0));
            if let Some(offset) = known.optional()? {
                self.seals.add(Kind::Offsets, &texts([&name, partition, &offset]), -1);
            }
            if let Some(offset) = &moved.offset {
                self.seals.add(Kind::Offsets, &texts([&name, partition, &offset.0]), 1);
            }
            match &moved.offset {
                Some(offset) => {
                    let lag = codec::count(moved.lag_bytes);
                    let received = moved.received.0;
                    move_on.execute(params![source, partition, offset.0, lag, received])?
                }
                None => forget.execute(params![source, partition])?,
            };
        }
        Ok(())
    }
}

/// Replaces or forgets what operators keep.
pub(super) fn state(
    transaction: &Transaction<'_>,
    seals: &mut Seals,
    rows: &[StateRow],
) -> Result<(), Failure> {
    let mut before = transaction
        .prepare_cached("SELECT value FROM operator_state WHERE node = ?1 AND key = ?2")?;
    let mut keep = transaction.prepare_cached(
        "INSERT OR REPLACE INTO operator_state (node, key, value) VALUES (?1, ?2, ?3)",
    )?;
    let mut forget =
        transaction.prepare_cached("DELETE FROM operator_state WHERE node = ?1 AND key = ?2")?;
    for StateRow { node, key, value } in rows {
        let known = before.query_row(params![node, key], |row| row.get::<_, Vec<u8>>(0));
        if let Some(value) = known.optional()? {
            seals.add(Kind::State, &[text(node), text(key), Part::Bytes(&value)], -1);
        }
        if let Some(value) = value {
            seals.add(Kind::State, &[text(node), text(key), Part::Bytes(value)], 1);
        }
        match value {
            Some(value) => keep.execute(params![node, key, value])?,
            None => forget.execute(params![node, key])?,
        };
    }
    Ok(())
}

fn text(text: &str) -> Part<'_> {
    Part::Bytes(text.as_bytes())
}

fn texts<'a, const N: usize>(parts: [&'a str; N]) -> [Part<'a>; N] {
    parts.map(text)
}

/// Leaves the row alone, and its page clean, unless the sighting changes it. A row without a
/// sighting (its first time is ?10) takes everything.
const MERGE_SIGHTING: &str = "\
    UPDATE fingerprints SET \
        template = ?2, class = ?3, service = ?8, skeleton = ?11, own_issue = ?12, \
        severity = max(severity, ?4), \
        text = CASE WHEN (?5, ?6) < (first_time, first_hash) THEN ?9 ELSE text END, \
        first_time = min(first_time, ?5), \
        first_hash = CASE WHEN (?5, ?6) < (first_time, first_hash) THEN ?6 ELSE first_hash END, \
        source_id = CASE WHEN first_time = ?10 \
            OR (SELECT rank FROM sources WHERE id = ?7) < (SELECT rank FROM sources WHERE id = source_id) \
            THEN ?7 ELSE source_id END \
    WHERE id = ?1 AND (first_time = ?10 OR (?5, ?6) < (first_time, first_hash) OR severity < ?4 \
        OR (SELECT rank FROM sources WHERE id = ?7) < (SELECT rank FROM sources WHERE id = source_id))";

fn named_source(transaction: &Transaction<'_>, name: &str, rank: i64) -> rusqlite::Result<i64> {
    let mut upsert = transaction.prepare_cached(
        "INSERT INTO sources (name, rank) VALUES (?1, ?2) \
         ON CONFLICT (name) DO UPDATE SET rank = excluded.rank RETURNING id",
    )?;
    upsert.query_row(params![name, rank], |row| row.get(0))
}

fn unknown_fingerprint(
    transaction: &Transaction<'_>,
    fingerprint: Fingerprint,
) -> rusqlite::Result<i64> {
    let mut insert = transaction.prepare_cached(
        "INSERT INTO fingerprints (fingerprint, template, class, severity, first_time, first_hash, \
         source_id, service, text) VALUES (?1, zeroblob(16), 0, 0, ?2, ?3, 0, '', '') RETURNING id",
    )?;
    let first = (NEVER_FIRST.time.0, codec::signed(NEVER_FIRST.hash));
    let id: i64 = insert
        .query_row(params![codec::blob(fingerprint.0), first.0, first.1], |row| row.get(0))?;
    let mut total = transaction.prepare_cached(
        "INSERT INTO totals (fingerprint_id, total, last_seen) VALUES (?1, 0, ?2)",
    )?;
    total.execute([id, NEVER_LAST.0])?;
    Ok(id)
}
