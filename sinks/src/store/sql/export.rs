//! The complete export: rows stream out of a sorter that may spill to disk, so that memory stays
//! small however much is stored.

use super::{Failure, Row, Snapshot, codec, find, samples};
use engine::component::CountRow;
use engine::model::{Bucket, EventTime, Fingerprint, IssueId, Severity};

/// Every count once, by the minute, or by the hour where minutes are forgotten: a fingerprint that two issues claim belongs to the smaller one, and one that
/// none claims to the issue zero.
const COUNTS: &str = "\
    SELECT coalesce(i.issue, ?1), f.fingerprint, c.bucket_start, c.n, f.severity, f.id, c.secs \
    FROM (SELECT bucket_start, fingerprint_id, n, CAST(60 AS BIGINT) AS secs FROM minutes UNION ALL \
        SELECT bucket_start, fingerprint_id, n, CAST(3600 AS BIGINT) AS secs FROM hours \
        WHERE bucket_start < (SELECT coalesce(max(before), ?2) FROM horizons WHERE kind = 'minutes')) c \
    CROSS JOIN fingerprints f ON f.id = c.fingerprint_id \
    LEFT JOIN (SELECT fingerprint_id, issue, \
            row_number() OVER (PARTITION BY fingerprint_id ORDER BY issue) AS place FROM members) i \
        ON i.fingerprint_id = c.fingerprint_id AND i.place = 1 \
    WHERE c.n <> 0 ORDER BY 1, 2, 3";

/// Answers [`ReadStore::export_counts`](engine::component::ReadStore::export_counts).
pub(super) fn counts(
    snapshot: &dyn Snapshot,
    each: &mut dyn FnMut(CountRow) -> bool,
) -> Result<(), Failure> {
    snapshot.allow_long_sorts()?;
    let mut shown: Option<(i64, String, String)> = None;
    let nobody = codec::blob(0);
    snapshot.stream(COUNTS, &[(&nobody).into(), i64::MIN.into()], &mut |row| {
        let id = row.integer(5)?;
        let known = shown.take_if(|(of, _, _)| *of == id);
        let (_, template, sample) = match known {
            Some(known) => shown.insert(known),
            None => shown.insert((id, text_of(snapshot, id)?, sample_of(snapshot, id)?)),
        };
        Ok(each(count(row, template, sample)?))
    })
}

fn count(row: &dyn Row, template: &str, sample: &str) -> Result<CountRow, Failure> {
    Ok(CountRow {
        issue: IssueId(codec::id(row, 0)?),
        fingerprint: Fingerprint(codec::id(row, 1)?),
        severity: Severity::from_code(row.small(4)?),
        template: template.to_owned(),
        sample: sample.to_owned(),
        bucket_start: Bucket(row.integer(2)?).start(),
        bucket_seconds: row.integer(6)?,
        count: row.integer(3)?,
    })
}

/// Returns the text of a fingerprint.
fn text_of(snapshot: &dyn Snapshot, id: i64) -> Result<String, Failure> {
    let sql = "SELECT text FROM fingerprints WHERE id = ?1";
    let text = find(snapshot, sql, &[id.into()], |row| Ok(row.text(0)?.into_owned()))?;
    Ok(text.unwrap_or_default())
}

/// Returns the sample with the smallest (time, hash).
fn sample_of(snapshot: &dyn Snapshot, id: i64) -> Result<String, Failure> {
    let mut first: Option<((EventTime, u64), String)> = None;
    samples::each_of(snapshot, id, |sample| {
        let place = (sample.time, sample.hash);
        if first.as_ref().is_none_or(|(known, _)| place < *known) {
            first = Some((place, sample.record.to_owned()));
        }
    })?;
    Ok(first.map(|(_, record)| record).unwrap_or_default())
}
