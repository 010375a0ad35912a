//! Everything at once: the timeline, the alerts, the audit.

use super::super::{Failure, codec};
use super::issues::current;
use super::ranges::{ByRow, each_count};
use crate::store::audit::AuditBuilder;
use crate::store::rows::counter_named;
use crate::store::slices::{HOUR_SECS, Piece, Range, cover};
use crate::store::view::Run;
use engine::component::{AlertRow, Audit, ClassCounts, TimelineQuery};
use engine::model::{Alert, Bucket, Epoch, EventTime, IssueId, Severity, SeverityClass};
use rusqlite::{Connection, Params, Transaction};
use std::collections::BTreeMap;

/// Answers [`ReadStore::timeline`](engine::component::ReadStore::timeline).
pub(super) fn timeline(
    transaction: &Transaction<'_>,
    query: &TimelineQuery,
) -> Result<Vec<ClassCounts>, Failure> {
    let issue = query.issue.map(|id| current(transaction, id)).transpose()?;
    let classes = classes(transaction, issue)?;
    let range = Range::of(query.from, query.to);
    let whole_hours = query.size.secs() % HOUR_SECS == 0;
    let pieces = if whole_hours { cover(range) } else { vec![Piece::Minutes(range)] };
    let mut slices: BTreeMap<Bucket, ClassCounts> = BTreeMap::new();
    let wanted = |id| classes.get(id).is_some();
    each_count(transaction, &pieces, wanted, |id, bucket, n| {
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
    connection: &Connection,
    issue: Option<IssueId>,
) -> Result<ByRow<Option<SeverityClass>>, Failure> {
    let mut select = connection.prepare_cached(match issue {
        None => "SELECT id, class FROM fingerprints WHERE ?1 IS NULL",
        Some(_) => {
            "SELECT f.id, f.class FROM members m JOIN fingerprints f ON f.id = m.fingerprint_id \
             WHERE m.issue = ?1"
        }
    })?;
    let mut classes = ByRow::default();
    let mut rows = select.query([issue.map(|issue| codec::blob(issue.0))])?;
    while let Some(row) = rows.next()? {
        *classes.entry(row.get(0)?) = Some(SeverityClass::from_code(row.get(1)?));
    }
    Ok(classes)
}

/// Answers [`ReadStore::alerts`](engine::component::ReadStore::alerts).
pub(super) fn alerts(
    transaction: &Transaction<'_>,
    now: EventTime,
    limit: usize,
) -> Result<Vec<AlertRow>, Failure> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    alert_rows(
        transaction,
        "ORDER BY last_bucket + 3 * bucket_secs > ?1 DESC, last_bucket DESC, start_bucket DESC, \
         alert_key LIMIT ?2",
        [now.secs(), limit],
        now,
    )
}

/// Returns the alerts that the end of a SELECT chooses, with what is shown beside them.
pub(super) fn alert_rows(
    connection: &Connection,
    chosen: &str,
    bound: impl Params,
    now: EventTime,
) -> Result<Vec<AlertRow>, Failure> {
    let sql = format!("SELECT {} FROM alerts {chosen}", codec::ALERT_COLUMNS);
    let mut select = connection.prepare_cached(&sql)?;
    let alerts: Vec<Alert> =
        select.query_map(bound, codec::alert)?.collect::<rusqlite::Result<_>>()?;
    let mut rows = Vec::with_capacity(alerts.len());
    for alert in alerts {
        // An alert of long ago may be of an issue that is part of another one by now.
        let (template, severity) = shown_beside(connection, current(connection, alert.issue)?)?;
        rows.push(AlertRow { template, severity, firing: Run::of(&alert).holds(now), alert });
    }
    Ok(rows)
}

/// Returns the text and the highest severity of an issue.
fn shown_beside(connection: &Connection, issue: IssueId) -> Result<(String, Severity), Failure> {
    let mut select = connection.prepare_cached(
        "SELECT (SELECT text FROM issues WHERE issue = ?1), max(f.severity) FROM members m \
         JOIN fingerprints f ON f.id = m.fingerprint_id WHERE m.issue = ?1",
    )?;
    let (text, severity): (Option<String>, Option<u8>) =
        select.query_row([codec::blob(issue.0)], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let severity = severity.map_or(Severity::Unknown, Severity::from_code);
    Ok((text.unwrap_or_default(), severity))
}

/// Returns the text of a fingerprint.
pub(super) fn text_of(connection: &Connection, id: i64) -> Result<String, Failure> {
    let mut select = connection.prepare_cached("SELECT text FROM fingerprints WHERE id = ?1")?;
    Ok(select.query_row([id], |row| row.get(0))?)
}

/// Answers [`ReadStore::audit`](engine::component::ReadStore::audit).
pub(super) fn audit(transaction: &Transaction<'_>) -> Result<Audit, Failure> {
    let epoch: Option<i64> =
        transaction.query_row("SELECT epoch FROM checkpoint", [], |row| row.get(0))?;
    let counted =
        transaction
            .query_row("SELECT coalesce(sum(total), 0) FROM totals", [], |row| row.get(0))?;
    let mut audit = AuditBuilder::new(epoch.map(|epoch| Epoch(epoch.cast_unsigned())), counted);
    let mut select = transaction.prepare_cached(
        "SELECT s.name, a.counter, a.n FROM accounts a JOIN sources s ON s.id = a.source_id",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let name = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
        let counter = counter_named(name)
            .ok_or_else(|| codec::strange(format!("an account counts {name:?}")))?;
        audit.account(&row.get::<_, String>(0)?, counter, row.get(2)?);
    }
    let mut select = transaction.prepare_cached(
        "SELECT s.name, p.partition, p.resume_offset, p.lag_bytes \
         FROM partitions p JOIN sources s ON s.id = p.source_id",
    )?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (source, partition): (String, String) = (row.get(0)?, row.get(1)?);
        let lag_bytes: i64 = row.get(3)?;
        audit.partition(&source, &partition, &row.get::<_, String>(2)?, lag_bytes.cast_unsigned());
    }
    Ok(audit.finish())
}
