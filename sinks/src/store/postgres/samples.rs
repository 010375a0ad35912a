//! Writes samples: reads the days of fingerprints back, merges, and replaces those that changed.

use super::memory::Memory;
use super::pipeline::Write;
use super::session::Calls;
use super::values::Column;
use crate::store::rows::samples_by_day;
use crate::store::sql::samples::{Kept, decode, encode, key_of, merge};
use crate::store::sql::{Failure, Row};
use crate::store::steps::CommitStep;
use engine::model::{Sample, Sighting};
use std::borrow::Cow;
use std::collections::BTreeMap;
use tokio_postgres::Client;

const STORED_DAYS: &str = "SELECT key, samples FROM sample_days WHERE key = ANY($1)";
const REPLACE_DAYS: &str = "\
    INSERT INTO sample_days (key, samples) SELECT * FROM unnest($1::bigint[], $2::bytea[]) \
    ON CONFLICT (key) DO UPDATE SET samples = excluded.samples";

/// Days that are read at once: what they hold together has a bound.
const DAYS_MAX: usize = 500;

/// The statements, to prepare them together.
pub(super) const STATEMENTS: [&str; 2] = [STORED_DAYS, REPLACE_DAYS];

/// The key of a fingerprint's day, and its samples as they are stored.
pub(super) type Day = (i64, Vec<u8>);

/// Returns the days of fingerprints that sightings change, merged with what is stored.
pub(super) fn changed_days(
    client: &Client,
    calls: &Calls,
    memory: &mut Memory,
    sightings: &[Sighting],
) -> Result<Vec<Day>, Failure> {
    let mut candidates: BTreeMap<i64, Vec<Kept<'_>>> = BTreeMap::new();
    for sighting in sightings {
        let id = memory.fingerprint(sighting.fingerprint);
        for (day, samples) in samples_by_day(&sighting.samples) {
            let key = key_of(id, day);
            let largest = memory.full_days.get(&key).copied().unwrap_or(u64::MAX);
            let kept: Vec<_> = samples
                .into_iter()
                .filter(|sample| sample.hash <= largest)
                .map(|Sample { hash, time, source, record }| Kept {
                    hash: *hash,
                    time: *time,
                    source: memory.source(*source),
                    record,
                })
                .collect();
            if !kept.is_empty() {
                candidates.insert(key, kept);
            }
        }
    }
    let keys: Vec<i64> = candidates.keys().copied().collect();
    let mut changed = Vec::new();
    for keys in keys.chunks(DAYS_MAX) {
        let statement = calls.prepared(client, STORED_DAYS)?;
        let rows = calls.wait(client.query(&statement, &[&keys]))?;
        let mut stored: BTreeMap<i64, Cow<'_, [u8]>> = BTreeMap::new();
        for row in &rows {
            let row: &dyn Row = row;
            stored.insert(row.integer(0)?, row.blob(1)?);
        }
        for &key in keys {
            let mut kept = decode(stored.get(&key).map_or(&[], |days| &**days))?;
            let fresh = candidates.remove(&key).unwrap_or_default();
            if merge(&mut kept, fresh.into_iter(), |source| Ok(memory.name(source)))? {
                changed.push((key, encode(&kept)));
            }
            if let Some(last) = kept.get(Sample::PER_DAY_MAX - 1) {
                memory.full_days.insert(key, last.hash);
            }
        }
    }
    Ok(changed)
}

/// Replaces days.
pub(super) fn write<'a>(writes: &mut Vec<Write<'a>>, days: &'a [Day]) {
    let columns = vec![
        Column::integers(days.iter().map(|(key, _)| *key)),
        Column::blobs(days.iter().map(|(_, samples)| Cow::Borrowed(&samples[..]))),
    ];
    writes.push(Write::new(CommitStep::AfterSamples, REPLACE_DAYS, columns));
}
