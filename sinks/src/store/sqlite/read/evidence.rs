//! What was kept of the records themselves: samples of what was counted, examples of what was not.

use super::super::{Failure, codec, samples};
use super::issues::current;
use crate::store::rows::{NEVER_FIRST, counter_named};
use crate::store::view::{SAMPLES_SHOWN_MAX, choose_samples, latest_first, order_samples};
use engine::component::{KeptSamples, RejectedRow, SampleRow, SamplesOf};
use engine::model::{Counter, Fingerprint, IssueId, Rejected};
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use std::collections::BTreeMap;

/// A sample and its hash.
type Hashed = (u64, SampleRow);
/// Row number and id of a fingerprint.
type Known = (i64, Fingerprint);

/// Answers [`ReadStore::samples`](engine::component::ReadStore::samples).
pub(super) fn samples(
    transaction: &Transaction<'_>,
    of: SamplesOf,
    limit: usize,
) -> Result<Option<KeptSamples>, Failure> {
    let found = match of {
        SamplesOf::Issue(id) => of_issue(transaction, id)?,
        SamplesOf::Fingerprint(id) => of_fingerprint(transaction, id)?,
    };
    let Some((known, fingerprints)) = found else { return Ok(None) };
    let mut chosen = Vec::new();
    let choose = |samples: &mut Vec<Hashed>| choose_samples(samples, limit);
    let kept = read(transaction, &fingerprints, &mut chosen, limit, choose)?;
    Ok(Some(KeptSamples { kept, samples: latest_first(chosen), ..known }))
}

/// Returns the samples that are shown with an issue, latest first.
pub(super) fn shown(connection: &Connection, issue: IssueId) -> Result<Vec<SampleRow>, Failure> {
    let mut shown = Vec::new();
    let members = members(connection, issue)?;
    read(connection, &members, &mut shown, SAMPLES_SHOWN_MAX, order_samples)?;
    Ok(latest_first(shown))
}

fn of_issue(
    connection: &Connection,
    id: IssueId,
) -> Result<Option<(KeptSamples, Vec<Known>)>, Failure> {
    let id = current(connection, id)?;
    let mut select =
        connection.prepare_cached("SELECT text, skeleton FROM issues WHERE issue = ?1")?;
    let row = select.query_row([codec::blob(id.0)], |row| Ok((row.get(0)?, row.get(1)?)));
    let Some((template, skeleton)) = row.optional()? else { return Ok(None) };
    let known = KeptSamples { issue: Some(id), template, skeleton, ..KeptSamples::default() };
    Ok(Some((known, members(connection, id)?)))
}

fn of_fingerprint(
    connection: &Connection,
    id: Fingerprint,
) -> Result<Option<(KeptSamples, Vec<Known>)>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT f.id, f.text, f.skeleton, (SELECT min(m.issue) FROM members m \
         WHERE m.fingerprint_id = f.id) FROM fingerprints f \
         WHERE f.fingerprint = ?1 AND f.first_time <> ?2",
    )?;
    let row = select.query_row(params![codec::blob(id.0), NEVER_FIRST.time.0], |row| {
        let issue: Option<[u8; 16]> = row.get(3)?;
        let known = KeptSamples {
            issue: issue.map(|issue| IssueId(u128::from_be_bytes(issue))),
            template: row.get(1)?,
            skeleton: row.get(2)?,
            ..KeptSamples::default()
        };
        Ok((known, vec![(row.get(0)?, id)]))
    });
    Ok(row.optional()?)
}

fn members(connection: &Connection, issue: IssueId) -> Result<Vec<Known>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT m.fingerprint_id, f.fingerprint FROM members m \
         JOIN fingerprints f ON f.id = m.fingerprint_id WHERE m.issue = ?1",
    )?;
    let known = select.query_map([codec::blob(issue.0)], |row| {
        Ok((row.get(0)?, Fingerprint(codec::id(row, 1)?)))
    })?;
    Ok(known.collect::<rusqlite::Result<_>>()?)
}

/// Reads all samples of fingerprints into `into` and says how many there are; `choose` is called
/// whenever twice as many as the `limit` are held, and at the end.
fn read(
    connection: &Connection,
    fingerprints: &[Known],
    into: &mut Vec<Hashed>,
    limit: usize,
    choose: impl Fn(&mut Vec<Hashed>),
) -> Result<usize, Failure> {
    let names: BTreeMap<i64, String> = connection
        .prepare_cached("SELECT id, name FROM sources")?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let mut kept = 0;
    for &(id, fingerprint) in fingerprints {
        samples::each_of(connection, id, |sample| {
            kept += 1;
            let source = names.get(&sample.source).cloned().unwrap_or_default();
            let (time, record) = (sample.time, sample.record.to_owned());
            into.push((sample.hash, SampleRow { time, source, fingerprint, record }));
            if into.len() >= limit.saturating_mul(2).max(1) {
                choose(into);
            }
        })?;
    }
    choose(into);
    Ok(kept)
}

/// Answers [`ReadStore::rejected`](engine::component::ReadStore::rejected).
pub(super) fn rejected(transaction: &Transaction<'_>) -> Result<Vec<RejectedRow>, Failure> {
    let mut select = transaction.prepare_cached(
        "SELECT s.name, a.counter, a.n, s.id FROM accounts a JOIN sources s ON s.id = a.source_id \
         WHERE a.counter LIKE 'rejected:%' AND a.n > 0 ORDER BY s.name, a.counter",
    )?;
    let mut found = select.query([])?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let name: String = row.get(1)?;
        let Some(Counter::Rejected(reason)) = counter_named(&name) else {
            return Err(codec::strange(format!("an account counts {name:?}")));
        };
        let count: i64 = row.get(2)?;
        let examples = examples(transaction, row.get(3)?, reason.as_str())?;
        let count = count.cast_unsigned();
        rows.push(RejectedRow { source: row.get(0)?, reason, count, examples });
    }
    Ok(rows)
}

fn examples(connection: &Connection, source: i64, reason: &str) -> Result<Vec<String>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT record FROM rejected WHERE source_id = ?1 AND reason = ?2 ORDER BY hash LIMIT ?3",
    )?;
    let most = Rejected::PER_REASON_MAX as i64;
    let records = select.query_map(params![source, reason, most], |row| row.get(0))?;
    Ok(records.collect::<rusqlite::Result<_>>()?)
}
