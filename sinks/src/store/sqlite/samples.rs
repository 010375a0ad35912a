//! Writes samples: reads a fingerprint's day back, merges, and replaces it if that changed anything.

use super::Failure;
use super::write::{IDS_MAX, Memory};
use crate::store::rows::samples_by_day;
use crate::store::sql::samples::{Kept, decode, encode, key_of, merge};
use engine::model::{Sample, Sighting};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

impl Memory {
    /// Merges the samples of sightings: per fingerprint and day those with the smallest hash stay.
    pub(super) fn keep_samples(
        &mut self,
        transaction: &Transaction<'_>,
        sightings: &[Sighting],
    ) -> Result<(), Failure> {
        for sighting in sightings.iter().filter(|sighting| !sighting.samples.is_empty()) {
            let id = self.fingerprint(transaction, sighting.fingerprint)?;
            for (day, samples) in samples_by_day(&sighting.samples) {
                self.keep_day(transaction, key_of(id, day), &samples)?;
            }
        }
        Ok(())
    }

    fn keep_day(
        &mut self,
        transaction: &Transaction<'_>,
        key: i64,
        samples: &[&Sample],
    ) -> Result<(), Failure> {
        let largest = self.full_days.get(&key).copied().unwrap_or(u64::MAX);
        let mut candidates = Vec::with_capacity(samples.len());
        for sample in samples.iter().filter(|sample| sample.hash <= largest) {
            let source = self.source(transaction, sample.source)?;
            let Sample { hash, time, ref record, .. } = **sample;
            candidates.push(Kept { hash, time, source, record });
        }
        if candidates.is_empty() {
            return Ok(());
        }
        let mut select =
            transaction.prepare_cached("SELECT samples FROM sample_days WHERE key = ?1")?;
        let stored: Option<Vec<u8>> = select.query_row([key], |row| row.get(0)).optional()?;
        let mut kept = decode(stored.as_deref().unwrap_or_default())?;
        let name_of = |id| Ok(named(transaction, id)?);
        if !merge(&mut kept, candidates.into_iter(), name_of)? {
            return Ok(());
        }
        let mut replace = transaction
            .prepare_cached("INSERT OR REPLACE INTO sample_days (key, samples) VALUES (?1, ?2)")?;
        replace.execute(params![key, encode(&kept)])?;
        if let Some(last) = kept.get(Sample::PER_DAY_MAX - 1) {
            if self.full_days.len() >= IDS_MAX {
                self.full_days.clear();
            }
            self.full_days.insert(key, last.hash);
        }
        Ok(())
    }
}

fn named(connection: &Connection, source: i64) -> rusqlite::Result<String> {
    let mut select = connection.prepare_cached("SELECT name FROM sources WHERE id = ?1")?;
    select.query_row([source], |row| row.get(0))
}
