//! The list of issues, and one issue in full.

use super::super::{Failure, codec};
use super::evidence;
use super::overview::alert_rows;
use super::ranges::{ByRow, each_count};
use crate::store::slices::{Range, Slices, cover};
use crate::store::view::{ALERTS_SHOWN_MAX, MemberFacts, Run, Summary, order_members, page};
use engine::component::{FingerprintRow, IssueDetail, IssuePage, IssueQuery, MemberRow};
use engine::model::{
    Bucket, EventTime, Fingerprint, FirstSeen, IssueId, Severity, SeverityClass, Template,
};
use rusqlite::{Connection, OptionalExtension, Params, Row, Transaction, params};

/// The longest bucket, in seconds: an alert can hold at most three of them after its last start.
const BUCKET_SECS_MAX: i64 = 86_400;

/// Answers [`ReadStore::issues`](engine::component::ReadStore::issues).
pub(super) fn list(
    transaction: &Transaction<'_>,
    query: &IssueQuery,
) -> Result<IssuePage, Failure> {
    let counts = counts_in_range(transaction, query)?;
    let mut summaries = summaries(transaction, MEMBERS_OF_ALL, [], &counts)?;
    add_alerts(transaction, &mut summaries, query)?;
    let mut page = page(summaries, query, &mut |id| shown(transaction, id))?;
    let ids: Vec<IssueId> = page.issues.iter().map(|row| row.id).collect();
    for (row, sparkline) in page.issues.iter_mut().zip(sparklines(transaction, &ids, query)?) {
        row.sparkline = sparkline;
    }
    Ok(page)
}

/// Answers [`ReadStore::issue`](engine::component::ReadStore::issue).
pub(super) fn detail(
    transaction: &Transaction<'_>,
    id: IssueId,
    query: &IssueQuery,
) -> Result<Option<IssueDetail>, Failure> {
    let id = current(transaction, id)?;
    let counts = counts_in_range(transaction, query)?;
    let key = codec::blob(id.0);
    let mut found = summaries(transaction, MEMBERS_OF_ONE, [key], &counts)?;
    add_alerts(transaction, &mut found, query)?;
    let Some(summary) = found.pop() else {
        return Ok(None);
    };
    let mut issue = summary_row(transaction, summary, query)?;
    issue.sparkline = sparklines(transaction, &[id], query)?.pop().unwrap_or_default();
    let alerts = alert_rows(
        transaction,
        "WHERE issue = ?1 ORDER BY last_bucket DESC, start_bucket DESC, alert_key LIMIT ?2",
        params![key, ALERTS_SHOWN_MAX as i64],
        query.now,
    )?;
    let members = members(transaction, id)?;
    let samples = evidence::shown(transaction, id)?;
    Ok(Some(IssueDetail { issue, members, samples, alerts }))
}

/// Returns the issue that now stands for `id`: itself, or the one into which it was merged.
pub(super) fn current(connection: &Connection, id: IssueId) -> Result<IssueId, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT m.issue FROM fingerprints f JOIN members m ON m.fingerprint_id = f.id \
         WHERE f.own_issue = ?1 AND NOT EXISTS (SELECT 1 FROM issues WHERE issue = ?1) \
         ORDER BY m.issue LIMIT 1",
    )?;
    let merged = select.query_row([codec::blob(id.0)], |row| codec::id(row, 0)).optional()?;
    Ok(merged.map_or(id, IssueId))
}

fn summary_row(
    transaction: &Transaction<'_>,
    summary: Summary,
    query: &IssueQuery,
) -> Result<engine::component::IssueRow, Failure> {
    let text = shown(transaction, summary.id)?;
    Ok(summary.into_row(text, query.now))
}

/// Returns what an issue shows.
fn shown(connection: &Connection, issue: IssueId) -> Result<String, Failure> {
    let mut select = connection.prepare_cached("SELECT text FROM issues WHERE issue = ?1")?;
    Ok(select.query_row([codec::blob(issue.0)], |row| row.get(0))?)
}

fn counts_in_range(connection: &Connection, query: &IssueQuery) -> Result<ByRow<i64>, Failure> {
    let mut counts = ByRow::default();
    let pieces = cover(Range::of(query.from, query.to));
    each_count(connection, &pieces, |_| true, |id, _, n| *counts.entry(id) += n)?;
    Ok(counts)
}

/// Members with everything a summary needs, by issue; CROSS JOIN keeps the order of the loops.
const MEMBERS_OF_ALL: &str = "\
    SELECT m.issue, m.fingerprint_id, i.class, f.fingerprint, f.severity, f.first_time, \
           f.first_hash, f.service, t.last_seen, t.total \
    FROM members m CROSS JOIN issues i ON i.issue = m.issue \
    CROSS JOIN fingerprints f ON f.id = m.fingerprint_id \
    CROSS JOIN totals t ON t.fingerprint_id = m.fingerprint_id ORDER BY m.issue";

/// The same of one issue.
const MEMBERS_OF_ONE: &str = "\
    SELECT m.issue, m.fingerprint_id, i.class, f.fingerprint, f.severity, f.first_time, \
           f.first_hash, f.service, t.last_seen, t.total \
    FROM members m CROSS JOIN issues i ON i.issue = m.issue \
    CROSS JOIN fingerprints f ON f.id = m.fingerprint_id \
    CROSS JOIN totals t ON t.fingerprint_id = m.fingerprint_id WHERE m.issue = ?1";

/// Reads members and adds them up by issue; the result is ordered by id.
fn summaries(
    connection: &Connection,
    sql: &str,
    bound: impl Params,
    counts: &ByRow<i64>,
) -> Result<Vec<Summary>, Failure> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(bound)?;
    let mut summaries: Vec<Summary> = Vec::new();
    while let Some(row) = rows.next()? {
        let issue = IssueId(codec::id(row, 0)?);
        let member = member_facts(row, counts)?;
        match summaries.last_mut() {
            Some(summary) if summary.id == issue => summary.add(&member),
            _ => {
                let class = SeverityClass::from_code(row.get(2)?);
                summaries.push(Summary::new(issue, class, &member));
            }
        }
    }
    Ok(summaries)
}

fn member_facts<'a>(row: &'a Row<'_>, counts: &ByRow<i64>) -> rusqlite::Result<MemberFacts<'a>> {
    let key = row.get(1)?;
    Ok(MemberFacts {
        fingerprint: Fingerprint(codec::id(row, 3)?),
        severity: Severity::from_code(row.get(4)?),
        first: FirstSeen { time: EventTime(row.get(5)?), hash: codec::hash(row.get(6)?) },
        service: row.get_ref(7)?.as_str()?,
        last: EventTime(row.get(8)?),
        count: counts.get(key),
        total: row.get(9)?,
    })
}

/// Tells summaries, ordered by id, about the alerts that matter to the query.
fn add_alerts(
    connection: &Connection,
    summaries: &mut [Summary],
    query: &IssueQuery,
) -> Result<(), Failure> {
    let mut select = connection.prepare_cached(
        "SELECT issue, start_bucket, last_bucket, bucket_secs FROM alerts WHERE last_bucket >= ?1",
    )?;
    let oldest = query.from.min(query.to).min(query.now).secs().saturating_sub(3 * BUCKET_SECS_MAX);
    let mut rows = select.query([oldest])?;
    while let Some(row) = rows.next()? {
        let issue = IssueId(codec::id(row, 0)?);
        if let Ok(index) = summaries.binary_search_by_key(&issue, |summary| summary.id) {
            let (start, last) = (Bucket(row.get(1)?), Bucket(row.get(2)?));
            summaries[index].alert(Run { start, last, bucket_secs: row.get(3)? }, query);
        }
    }
    Ok(())
}

/// Returns the sparklines of issues, in one pass over the range.
fn sparklines(
    connection: &Connection,
    issues: &[IssueId],
    query: &IssueQuery,
) -> Result<Vec<Vec<i64>>, Failure> {
    let slices = Slices::of(query);
    let mut sparklines = vec![slices.zeros(); issues.len()];
    let mut line_of: ByRow<u32> = ByRow::default();
    let mut select =
        connection.prepare_cached("SELECT fingerprint_id FROM members WHERE issue = ?1")?;
    for (number, issue) in (1..).zip(issues) {
        let mut rows = select.query([codec::blob(issue.0)])?;
        while let Some(row) = rows.next()? {
            *line_of.entry(row.get(0)?) = number;
        }
    }
    let listed = |id| line_of.get(id) > 0;
    each_count(connection, &slices.cover(), listed, |id, bucket, n| {
        if let Some(index) = slices.index(bucket) {
            sparklines[line_of.get(id) as usize - 1][index] += n;
        }
    })?;
    Ok(sparklines)
}

fn members(connection: &Connection, issue: IssueId) -> Result<Vec<MemberRow>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT f.fingerprint, f.template, f.text, f.service, f.class, f.severity, f.first_time, \
                t.last_seen, t.total \
         FROM members m JOIN fingerprints f ON f.id = m.fingerprint_id \
         JOIN totals t ON t.fingerprint_id = m.fingerprint_id WHERE m.issue = ?1",
    )?;
    let rows = select.query_map([codec::blob(issue.0)], |row| {
        let fingerprint = FingerprintRow {
            fingerprint: Fingerprint(codec::id(row, 0)?),
            template_id: Template(codec::id(row, 1)?),
            template: row.get(2)?,
            service: row.get(3)?,
            class: SeverityClass::from_code(row.get(4)?),
            severity: Severity::from_code(row.get(5)?),
            first_seen: EventTime(row.get(6)?),
            last_seen: EventTime(row.get(7)?),
        };
        Ok(MemberRow { fingerprint, total: row.get(8)? })
    })?;
    let mut members = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    order_members(&mut members);
    Ok(members)
}
