//! What was kept of the records themselves: samples of what was counted, examples of what was not.

use super::issues::current;
use super::{Failure, Snapshot, codec, find, list, samples};
use crate::store::rows::{NEVER_FIRST, counter_named};
use crate::store::view::{SAMPLES_SHOWN_MAX, choose_samples, latest_first, order_samples};
use engine::component::{KeptSamples, RejectedRow, SampleRow, SamplesOf};
use engine::model::{Counter, Fingerprint, IssueId, Rejected};
use std::collections::BTreeMap;

/// A sample and its hash.
type Hashed = (u64, SampleRow);
/// Row number and id of a fingerprint.
type Known = (i64, Fingerprint);

/// Answers [`ReadStore::samples`](engine::component::ReadStore::samples).
pub(super) fn samples(
    snapshot: &dyn Snapshot,
    of: SamplesOf,
    limit: usize,
) -> Result<Option<KeptSamples>, Failure> {
    let found = match of {
        SamplesOf::Issue(id) => of_issue(snapshot, id)?,
        SamplesOf::Fingerprint(id) => of_fingerprint(snapshot, id)?,
    };
    let Some((known, fingerprints)) = found else { return Ok(None) };
    let mut chosen = Vec::new();
    let choose = |samples: &mut Vec<Hashed>| choose_samples(samples, limit);
    let kept = read(snapshot, &fingerprints, &mut chosen, limit, choose)?;
    Ok(Some(KeptSamples { kept, samples: latest_first(chosen), ..known }))
}

/// Returns the samples that are shown with an issue, latest first.
pub(super) fn shown(snapshot: &dyn Snapshot, issue: IssueId) -> Result<Vec<SampleRow>, Failure> {
    let mut shown = Vec::new();
    let members = members(snapshot, issue)?;
    read(snapshot, &members, &mut shown, SAMPLES_SHOWN_MAX, order_samples)?;
    Ok(latest_first(shown))
}

fn of_issue(
    snapshot: &dyn Snapshot,
    id: IssueId,
) -> Result<Option<(KeptSamples, Vec<Known>)>, Failure> {
    let id = current(snapshot, id)?;
    let sql = "SELECT text, skeleton FROM issues WHERE issue = ?1";
    let known = find(snapshot, sql, &[(&codec::blob(id.0)).into()], |row| {
        Ok(KeptSamples {
            issue: Some(id),
            template: row.text(0)?.into_owned(),
            skeleton: row.text(1)?.into_owned(),
            ..KeptSamples::default()
        })
    })?;
    known.map(|known| Ok((known, members(snapshot, id)?))).transpose()
}

fn of_fingerprint(
    snapshot: &dyn Snapshot,
    id: Fingerprint,
) -> Result<Option<(KeptSamples, Vec<Known>)>, Failure> {
    let sql = "SELECT f.id, f.text, f.skeleton, (SELECT m.issue FROM members m \
               WHERE m.fingerprint_id = f.id ORDER BY m.issue LIMIT 1) FROM fingerprints f \
               WHERE f.fingerprint = ?1 AND f.first_time <> ?2";
    let key = codec::blob(id.0);
    find(snapshot, sql, &[(&key).into(), NEVER_FIRST.time.0.into()], |row| {
        let issue = row.find_blob(3)?.map(|issue| codec::id_of(&issue)).transpose()?;
        let known = KeptSamples {
            issue: issue.map(IssueId),
            template: row.text(1)?.into_owned(),
            skeleton: row.text(2)?.into_owned(),
            ..KeptSamples::default()
        };
        Ok((known, vec![(row.integer(0)?, id)]))
    })
}

fn members(snapshot: &dyn Snapshot, issue: IssueId) -> Result<Vec<Known>, Failure> {
    let sql = "SELECT m.fingerprint_id, f.fingerprint FROM members m \
               JOIN fingerprints f ON f.id = m.fingerprint_id WHERE m.issue = ?1";
    list(snapshot, sql, &[(&codec::blob(issue.0)).into()], |row| {
        Ok((row.integer(0)?, Fingerprint(codec::id(row, 1)?)))
    })
}

/// Reads all samples of fingerprints into `into` and says how many there are; `choose` is called
/// whenever twice as many as the `limit` are held, and at the end.
fn read(
    snapshot: &dyn Snapshot,
    fingerprints: &[Known],
    into: &mut Vec<Hashed>,
    limit: usize,
    choose: impl Fn(&mut Vec<Hashed>),
) -> Result<usize, Failure> {
    let names: BTreeMap<i64, String> =
        list(snapshot, "SELECT id, name FROM sources", &[], |row| {
            Ok((row.integer(0)?, row.text(1)?.into_owned()))
        })?
        .into_iter()
        .collect();
    let mut kept = 0;
    for &(id, fingerprint) in fingerprints {
        samples::each_of(snapshot, id, |sample| {
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
pub(super) fn rejected(snapshot: &dyn Snapshot) -> Result<Vec<RejectedRow>, Failure> {
    let sql = "SELECT s.name, a.counter, a.n, s.id FROM accounts a \
               JOIN sources s ON s.id = a.source_id \
               WHERE a.counter LIKE 'rejected:%' AND a.n > 0 ORDER BY s.name, a.counter";
    let accounts = list(snapshot, sql, &[], |row| {
        let name = row.text(1)?;
        let Some(Counter::Rejected(reason)) = counter_named(&name) else {
            return Err(codec::strange(format!("an account counts {name:?}")));
        };
        Ok((row.text(0)?.into_owned(), reason, row.integer(2)?.cast_unsigned(), row.integer(3)?))
    })?;
    let mut rows = Vec::with_capacity(accounts.len());
    for (source, reason, count, id) in accounts {
        let examples = examples(snapshot, id, reason.as_str())?;
        rows.push(RejectedRow { source, reason, count, examples });
    }
    Ok(rows)
}

fn examples(snapshot: &dyn Snapshot, source: i64, reason: &str) -> Result<Vec<String>, Failure> {
    let sql = "SELECT record FROM rejected WHERE source_id = ?1 AND reason = ?2 \
               ORDER BY hash LIMIT ?3";
    let bound = [source.into(), reason.into(), codec::limit(Rejected::PER_REASON_MAX).into()];
    list(snapshot, sql, &bound, |row| Ok(row.text(0)?.into_owned()))
}
