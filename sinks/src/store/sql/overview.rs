//! Everything at once: the timeline, the alerts, the audit.

use super::issues::{current, current_each};
use super::ranges::{ByRow, each_count};
use super::{Bound, Failure, Row, Snapshot, codec, find, list};
use crate::store::audit::AuditBuilder;
use crate::store::rows::counter_named;
use crate::store::slices::{HOUR_SECS, Piece, Range, cover};
use crate::store::view::Run;
use engine::component::{AlertRow, Audit, ClassCounts, TimelineQuery};
use engine::model::{Bucket, Epoch, EventTime, IssueId, Severity, SeverityClass};
use std::collections::BTreeMap;

/// Answers [`ReadStore::timeline`](engine::component::ReadStore::timeline).
pub(super) fn timeline(
    snapshot: &dyn Snapshot,
    query: &TimelineQuery,
) -> Result<Vec<ClassCounts>, Failure> {
    let issue = query.issue.map(|id| current(snapshot, id)).transpose()?;
    let classes = classes(snapshot, issue)?;
    let range = Range::of(query.from, query.to);
    let whole_hours = query.size.secs() % HOUR_SECS == 0;
    let pieces = if whole_hours { cover(range) } else { vec![Piece::Minutes(range)] };
    let mut slices: BTreeMap<Bucket, ClassCounts> = BTreeMap::new();
    let wanted = |id| classes.get(id).is_some();
    each_count(snapshot, &pieces, wanted, |id, bucket, n| {
        let bucket = query.size.coarsen(bucket);
        let empty = ClassCounts { bucket, ..ClassCounts::default() };
        let slice = slices.entry(bucket).or_insert(empty);
        match classes.get(id) {
            Some(SeverityClass::Error) => slice.error += n,
            Some(SeverityClass::Warn) => slice.warn += n,
            _ => slice.rest += n,
        }
    })?;
    let filled = |slice: &ClassCounts| (slice.error, slice.warn, slice.rest) != (0, 0, 0);
    Ok(slices.into_values().filter(filled).collect())
}

/// Returns the classes of an issue's fingerprints, or of all.
fn classes(
    snapshot: &dyn Snapshot,
    issue: Option<IssueId>,
) -> Result<ByRow<Option<SeverityClass>>, Failure> {
    let mut classes = ByRow::default();
    let mut add = |row: &dyn Row| {
        *classes.entry(row.integer(0)?) = Some(SeverityClass::from_code(row.small(1)?));
        Ok(())
    };
    match issue {
        None => snapshot.each("SELECT id, class FROM fingerprints", &[], &mut add)?,
        Some(issue) => snapshot.each(
            "SELECT f.id, f.class FROM members m JOIN fingerprints f ON f.id = m.fingerprint_id \
             WHERE m.issue = ?1",
            &[(&codec::blob(issue.0)).into()],
            &mut add,
        )?,
    }
    Ok(classes)
}

/// Answers [`ReadStore::alerts`](engine::component::ReadStore::alerts).
pub(super) fn alerts(
    snapshot: &dyn Snapshot,
    now: EventTime,
    limit: usize,
) -> Result<Vec<AlertRow>, Failure> {
    alert_rows(
        snapshot,
        "ORDER BY last_bucket + 3 * bucket_secs > ?1 DESC, last_bucket DESC, start_bucket DESC, \
         alert_key LIMIT ?2",
        &[now.secs().into(), codec::limit(limit).into()],
        now,
    )
}

/// Returns the alerts that the end of a SELECT chooses, with what is shown beside them.
pub(super) fn alert_rows(
    snapshot: &dyn Snapshot,
    chosen: &str,
    bound: &[Bound<'_>],
    now: EventTime,
) -> Result<Vec<AlertRow>, Failure> {
    let sql = format!("SELECT {} FROM alerts {chosen}", codec::ALERT_COLUMNS);
    let alerts = list(snapshot, &sql, bound, codec::alert)?;
    // An alert of long ago may be of an issue that is part of another one by now.
    let issues: Vec<IssueId> = alerts.iter().map(|alert| alert.issue).collect();
    let mut beside = shown_beside(snapshot, &current_each(snapshot, &issues)?)?.into_iter();
    let row = |alert| {
        let (template, severity) = beside.next().unwrap_or_default();
        AlertRow { template, severity, firing: Run::of(&alert).holds(now), alert }
    };
    Ok(alerts.into_iter().map(row).collect())
}

/// Returns the text and the highest severity of each of these issues.
fn shown_beside(
    snapshot: &dyn Snapshot,
    issues: &[IssueId],
) -> Result<Vec<(String, Severity)>, Failure> {
    let keys: Vec<_> = issues.iter().map(|issue| codec::blob(issue.0)).collect();
    let mut shown = vec![(String::new(), Severity::Unknown); keys.len()];
    let sql = "SELECT (SELECT text FROM issues WHERE issue = ?1), max(f.severity) FROM members m \
               JOIN fingerprints f ON f.id = m.fingerprint_id WHERE m.issue = ?1";
    snapshot.each_of(sql, &keys, &mut |place, row| {
        let text = row.find_text(0)?.unwrap_or_default().into_owned();
        let severity = match row.find_integer(1)? {
            Some(_) => Severity::from_code(row.small(1)?),
            None => Severity::Unknown,
        };
        shown[place] = (text, severity);
        Ok(())
    })?;
    Ok(shown)
}

/// Answers [`ReadStore::audit`](engine::component::ReadStore::audit).
pub(super) fn audit(snapshot: &dyn Snapshot) -> Result<Audit, Failure> {
    let epoch = find(snapshot, "SELECT epoch FROM checkpoint", &[], |row| row.find_integer(0))?;
    let epoch = epoch.flatten().map(|epoch| Epoch(epoch.cast_unsigned()));
    let sum = "SELECT CAST(coalesce(sum(total), 0) AS BIGINT) FROM totals";
    let counted = find(snapshot, sum, &[], |row| row.integer(0))?;
    let mut audit = AuditBuilder::new(epoch, counted.unwrap_or(0));
    let accounts =
        "SELECT s.name, a.counter, a.n FROM accounts a JOIN sources s ON s.id = a.source_id";
    snapshot.each(accounts, &[], &mut |row| {
        let name = row.text(1)?;
        let counter = counter_named(&name)
            .ok_or_else(|| codec::strange(format!("an account counts {name:?}")))?;
        audit.account(&row.text(0)?, counter, row.integer(2)?);
        Ok(())
    })?;
    let partitions = "SELECT s.name, p.partition, p.resume_offset, p.lag_bytes \
                      FROM partitions p JOIN sources s ON s.id = p.source_id";
    snapshot.each(partitions, &[], &mut |row| {
        let lag_bytes = row.integer(3)?.cast_unsigned();
        audit.partition(&row.text(0)?, &row.text(1)?, &row.text(2)?, lag_bytes);
        Ok(())
    })?;
    Ok(audit.finish())
}
