//! Alerts: how they stand in columns, one of them, and lists of them.
//!
//! What is looked up by has a column of its own; everything else is one JSON text, the details.

use super::issues::{current, current_each};
use super::{Bound, Failure, Row, Snapshot, codec, find, list};
use crate::store::slices::Range;
use crate::store::view::{ALERTS_SHOWN_MAX, Run, alert_row};
use engine::component::{AlertQuery, AlertRow};
use engine::model::{Alert, AlertKey, AlertState, Bucket, EventTime, IssueId, Severity, Verdict};

/// The columns of an alert, in the order in which [`alert`] reads them.
pub(crate) const COLUMNS: &str = "alert_key, issue, start_bucket, last_bucket, bucket_secs, \
     observed, peak_bucket, peak_observed, peak_expected_milli, peak_surprise_milli, state, service, \
     details";

/// Holds of an alert that is open.
pub(crate) const OPEN: &str = "state IN ('pending', 'firing', 'acknowledged', 'snoozed')";

/// Reads an alert.
fn alert(row: &dyn Row) -> Result<Alert, Failure> {
    Ok(Alert {
        key: AlertKey(codec::id(row, 0)?),
        issue: IssueId(codec::id(row, 1)?),
        start: Bucket(row.integer(2)?),
        last: Bucket(row.integer(3)?),
        bucket_secs: row.small(4)?,
        observed: row.integer(5)?,
        peak: Verdict {
            bucket: Bucket(row.integer(6)?),
            observed: row.integer(7)?,
            expected_milli: row.integer(8)?,
            surprise_milli: row.integer(9)?,
        },
        details: codec::read_json(&row.text(12)?, "the details of an alert")?,
    })
}

/// The columns that [`run`] reads.
pub(super) const RUN_COLUMNS: &str = "issue, start_bucket, last_bucket + bucket_secs, state";

/// Reads when an alert goes on, and of which issue it is.
pub(super) fn run(row: &dyn Row) -> Result<(IssueId, Run), Failure> {
    let name = row.text(3)?;
    let state = AlertState::ALL.into_iter().find(|state| state.as_str() == name);
    let state = state.ok_or_else(|| codec::strange(format!("an alert is {name:?}")))?;
    let run = Run { start: Bucket(row.integer(1)?), end: Bucket(row.integer(2)?), state };
    Ok((IssueId(codec::id(row, 0)?), run))
}

/// Answers [`ReadStore::alert`](engine::component::ReadStore::alert).
pub(super) fn one(snapshot: &dyn Snapshot, key: AlertKey) -> Result<Option<AlertRow>, Failure> {
    let sql = format!("SELECT {COLUMNS} FROM alerts WHERE alert_key = ?1");
    let found = find(snapshot, &sql, &[(&codec::blob(key.0)).into()], alert)?;
    Ok(shown(snapshot, found.into_iter().collect())?.pop())
}

/// Returns the alerts that are shown with an issue, latest first.
pub(super) fn of_issue(snapshot: &dyn Snapshot, issue: IssueId) -> Result<Vec<AlertRow>, Failure> {
    let sql = format!(
        "SELECT {COLUMNS} FROM alerts WHERE issue = ?1 \
         ORDER BY last_bucket DESC, start_bucket DESC, alert_key LIMIT ?2"
    );
    let key = codec::blob(issue.0);
    let bound = [(&key).into(), codec::limit(ALERTS_SHOWN_MAX).into()];
    shown(snapshot, list(snapshot, &sql, &bound, alert)?)
}

/// Answers [`ReadStore::alerts`](engine::component::ReadStore::alerts).
pub(super) fn page(
    snapshot: &dyn Snapshot,
    query: &AlertQuery,
    now: EventTime,
) -> Result<Vec<AlertRow>, Failure> {
    let AlertQuery { open_only, issue, service, from, to, limit, skip } = query;
    let issue = issue.map(|issue| current(snapshot, issue)).transpose()?;
    let issue = issue.map(|issue| codec::blob(issue.0));
    let mut bound: Vec<Bound<'_>> = vec![Range::of(*from, *to).end.into(), from.secs().into()];
    let mut sql = format!(
        "SELECT {COLUMNS} FROM alerts WHERE start_bucket < ?1 AND (last_bucket + bucket_secs > ?2"
    );
    // One that is open goes on until now.
    sql += &if now > *from { format!(" OR {OPEN})") } else { ")".to_owned() };
    if *open_only {
        sql += &format!(" AND {OPEN}");
    }
    for (column, value) in [
        ("issue", issue.as_ref().map(Bound::from)),
        ("service", service.as_deref().map(Bound::from)),
    ] {
        if let Some(value) = value {
            bound.push(value);
            sql += &format!(" AND {column} = ?{}", bound.len());
        }
    }
    bound.extend([codec::limit(*limit), codec::limit(*skip)].map(Bound::from));
    let (skip, limit) = (bound.len(), bound.len() - 1);
    sql += &format!(
        " ORDER BY {OPEN} DESC, last_bucket DESC, start_bucket DESC, alert_key \
         LIMIT ?{limit} OFFSET ?{skip}"
    );
    shown(snapshot, list(snapshot, &sql, &bound, alert)?)
}

/// Returns alerts with what is shown beside them.
fn shown(snapshot: &dyn Snapshot, alerts: Vec<Alert>) -> Result<Vec<AlertRow>, Failure> {
    // An alert of long ago may be of an issue that is part of another one by now.
    let issues: Vec<IssueId> = alerts.iter().map(|alert| alert.issue).collect();
    let beside = shown_beside(snapshot, &current_each(snapshot, &issues)?)?;
    let row = |(alert, (template, severity))| alert_row(alert, template, severity);
    Ok(alerts.into_iter().zip(beside).map(row).collect())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_states_of_an_open_alert_are_those_that_the_statement_names() {
        for state in AlertState::ALL {
            let is_named = OPEN.contains(&format!("'{}'", state.as_str()));
            assert_eq!(is_named, state.is_open(), "{state:?}");
        }
    }
}
