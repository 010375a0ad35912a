//! Counts: the rows of which there are most, so the ones that are written with most care.
//!
//! Deltas are sorted into the order of the table and written [`ROWS_PER_STATEMENT`] at a time.

use super::Failure;
use super::seal::{self, Kind, Part};
use super::write::Memory;
use crate::store::sql::deltas::{Delta, hours_of};
use crate::store::sql::prune::{forget_late, take_forgotten};
use engine::model::{Bucket, Fingerprint};
use rusqlite::Transaction;

/// Rows that one INSERT statement writes.
const ROWS_PER_STATEMENT: usize = 64;

impl Memory {
    /// Adds counts to minutes, hours and totals. `counts` is ordered by fingerprint.
    pub(super) fn count(
        &mut self,
        transaction: &Transaction<'_>,
        counts: &[(Fingerprint, Bucket, i64)],
    ) -> Result<(), Failure> {
        let mut minutes: Vec<Delta> = Vec::with_capacity(counts.len());
        let mut add_total = transaction
            .prepare_cached("UPDATE totals SET total = total + ?2 WHERE fingerprint_id = ?1")?;
        for of_one in counts.chunk_by(|a, b| a.0 == b.0) {
            let id = self.fingerprint(transaction, of_one[0].0)?;
            let n = of_one.iter().map(|&(_, _, n)| n).sum();
            add_total.execute([id, n])?;
            let name = of_one[0].0.0.to_be_bytes();
            self.seals.add(Kind::Totals, &[Part::Bytes(&name)], n);
            minutes.extend(of_one.iter().map(|&(_, bucket, n)| (bucket.0, id, n)));
        }
        minutes.sort_unstable();
        let mut hours = hours_of(&minutes);
        let horizons = self.horizons(transaction)?;
        let late_minutes = take_forgotten(&mut minutes, horizons.minutes);
        let late_hours = take_forgotten(&mut hours, horizons.hours);
        forget_late(&**transaction, late_minutes, late_hours)?;
        if (late_minutes, late_hours) != (0, 0) {
            seal::horizons(transaction)?;
        }
        for (kind, deltas) in [(Kind::Minutes, &minutes), (Kind::Hours, &hours)] {
            for &(start, id, n) in deltas {
                self.seals.add(kind, &[Part::Number(start), Part::Number(id)], n);
            }
        }
        add(transaction, "minutes", &minutes)?;
        add(transaction, "hours", &hours)
    }
}

fn add(transaction: &Transaction<'_>, table: &str, deltas: &[Delta]) -> Result<(), Failure> {
    let (many, few) = deltas.as_chunks::<ROWS_PER_STATEMENT>();
    if !many.is_empty() {
        let mut insert = transaction.prepare_cached(&insert(table, ROWS_PER_STATEMENT))?;
        for deltas in many {
            for (row, &(start, id, n)) in deltas.iter().enumerate() {
                insert.raw_bind_parameter(3 * row + 1, start)?;
                insert.raw_bind_parameter(3 * row + 2, id)?;
                insert.raw_bind_parameter(3 * row + 3, n)?;
            }
            insert.raw_execute()?;
        }
    }
    let mut insert = transaction.prepare_cached(&insert(table, 1))?;
    for &(start, id, n) in few {
        insert.execute([start, id, n])?;
    }
    Ok(())
}

fn insert(table: &str, rows: usize) -> String {
    let values = vec!["(?,?,?)"; rows].join(",");
    format!(
        "INSERT INTO {table} (bucket_start, fingerprint_id, n) VALUES {values} \
         ON CONFLICT (bucket_start, fingerprint_id) DO UPDATE SET n = n + excluded.n"
    )
}
