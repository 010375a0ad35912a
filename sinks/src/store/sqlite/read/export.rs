//! The complete export: rows stream out of a sorter that may spill to disk, so that memory stays
//! small however much is stored.

use super::super::{Failure, codec, samples};
use super::overview::text_of;
use engine::component::CountRow;
use engine::model::{Bucket, BucketSize, EventTime, Fingerprint, IssueId, Severity};
use rusqlite::{Connection, Transaction};

/// Every count once: a fingerprint that two issues claim belongs to the smaller one, and one that
/// none claims to the issue zero.
const COUNTS: &str = "\
    SELECT coalesce(i.issue, zeroblob(16)), f.fingerprint, c.bucket_start, c.n, f.severity, f.id \
    FROM minutes c CROSS JOIN fingerprints f ON f.id = c.fingerprint_id \
    LEFT JOIN (SELECT fingerprint_id, min(issue) AS issue FROM members GROUP BY fingerprint_id) i \
        ON i.fingerprint_id = c.fingerprint_id \
    WHERE c.n <> 0 ORDER BY 1, 2, 3";

/// Answers [`ReadStore::export_counts`](engine::component::ReadStore::export_counts).
pub(super) fn counts(
    transaction: &Transaction<'_>,
    each: &mut dyn FnMut(CountRow) -> bool,
) -> Result<(), Failure> {
    let mut select = transaction.prepare_cached(COUNTS)?;
    let mut rows = select.query([])?;
    let mut shown = None;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(5)?;
        let (template, sample) = match &shown {
            Some((of, template, sample)) if *of == id => (template, sample),
            _ => {
                let fresh = (id, text_of(transaction, id)?, sample_of(transaction, id)?);
                let (_, template, sample) = shown.insert(fresh);
                (&*template, &*sample)
            }
        };
        let count = CountRow {
            issue: IssueId(codec::id(row, 0)?),
            fingerprint: Fingerprint(codec::id(row, 1)?),
            severity: Severity::from_code(row.get(4)?),
            template: template.clone(),
            sample: sample.clone(),
            bucket_start: Bucket(row.get(2)?).start(),
            bucket_seconds: BucketSize::MINUTE.secs(),
            count: row.get(3)?,
        };
        if !each(count) {
            break;
        }
    }
    Ok(())
}

/// Returns the sample with the smallest (time, hash).
fn sample_of(connection: &Connection, id: i64) -> Result<String, Failure> {
    let mut first: Option<((EventTime, u64), String)> = None;
    samples::each_of(connection, id, |sample| {
        let place = (sample.time, sample.hash);
        if first.as_ref().is_none_or(|(known, _)| place < *known) {
            first = Some((place, sample.record.to_owned()));
        }
    })?;
    Ok(first.map(|(_, record)| record).unwrap_or_default())
}
