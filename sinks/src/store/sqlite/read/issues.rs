//! The list of issues, and one issue in full.

use super::super::{Failure, codec, tags};
use super::evidence;
use super::overview::alert_rows;
use super::ranges::{ByRow, each_count};
use crate::store::slices::{Range, Slices, cover};
use crate::store::view::{
    ALERTS_SHOWN_MAX, MemberFacts, Run, Summary, order_members, page, surest_first,
};
use engine::component::{FingerprintRow, IssueDetail, IssuePage, IssueQuery, MemberRow};
use engine::model::{
    Bucket, EventTime, Fingerprint, FirstSeen, IssueId, Severity, SeverityClass, Template,
};
use rusqlite::{Connection, OptionalExtension, Params, Row, Rows, Transaction, params};
use std::collections::BTreeSet;

/// The longest bucket, in seconds: an alert can hold at most three of them after its last start.
const BUCKET_SECS_MAX: i64 = 86_400;

/// Answers [`ReadStore::issues`](engine::component::ReadStore::issues).
pub(super) fn list(
    transaction: &Transaction<'_>,
    query: &IssueQuery,
) -> Result<IssuePage, Failure> {
    let mut summaries = match &query.ids {
        Some(ids) => summaries_of(transaction, ids, query)?,
        None => all_summaries(transaction, query)?,
    };
    if let Some(name) = &query.tag {
        let tagged = tags::issues_with(transaction, name)?;
        summaries.retain(|summary| tagged.contains(&summary.id));
    }
    let mut page = page(summaries, query, &mut |id| shown(transaction, id))?;
    let ids: Vec<IssueId> = page.issues.iter().map(|row| row.id).collect();
    for (row, sparkline) in page.issues.iter_mut().zip(sparklines(transaction, &ids, query)?) {
        row.sparkline = sparkline;
        row.tags = surest_first(tags::of_issue(transaction, row.id)?);
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
    let mut found = summaries_of(transaction, &BTreeSet::from([id]), query)?;
    let Some(summary) = found.pop() else {
        return Ok(None);
    };
    let mut issue = summary.into_row(shown(transaction, id)?, query.now);
    issue.sparkline = sparklines(transaction, &[id], query)?.pop().unwrap_or_default();
    issue.tags = surest_first(tags::of_issue(transaction, id)?);
    let key = codec::blob(id.0);
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

/// Returns what an issue shows.
fn shown(connection: &Connection, issue: IssueId) -> Result<String, Failure> {
    let mut select = connection.prepare_cached("SELECT text FROM issues WHERE issue = ?1")?;
    Ok(select.query_row([codec::blob(issue.0)], |row| row.get(0))?)
}

/// Returns all issues, ordered by id.
fn all_summaries(connection: &Connection, query: &IssueQuery) -> Result<Vec<Summary>, Failure> {
    let counts = Counts::of(connection, query, |_| true)?;
    let mut found = Vec::new();
    add_members(connection, MEMBERS_OF_ALL, [], &counts, &mut found)?;
    let mut alerts = connection.prepare_cached(
        "SELECT issue, start_bucket, last_bucket, bucket_secs FROM alerts WHERE last_bucket >= ?1",
    )?;
    add_alerts(alerts.query([oldest_alert(query)])?, &mut found, query)?;
    Ok(found)
}

/// Returns these issues, ordered by id; reads little of the others.
fn summaries_of(
    connection: &Connection,
    ids: &BTreeSet<IssueId>,
    query: &IssueQuery,
) -> Result<Vec<Summary>, Failure> {
    let mut members = ByRow::default();
    each_member(connection, ids, |_, member| *members.entry(member) = true)?;
    let counts = Counts::of(connection, query, |id| members.get(id))?;
    let mut alerts = connection.prepare_cached(
        "SELECT issue, start_bucket, last_bucket, bucket_secs FROM alerts \
         WHERE issue = ?1 AND last_bucket >= ?2",
    )?;
    let mut found = Vec::new();
    for id in ids {
        let key = codec::blob(id.0);
        add_members(connection, MEMBERS_OF_ONE, [key], &counts, &mut found)?;
        add_alerts(alerts.query(params![key, oldest_alert(query)])?, &mut found, query)?;
    }
    Ok(found)
}

/// Calls `each` with the place of an issue among `issues` and the row numbers of its members.
fn each_member<'a>(
    connection: &Connection,
    issues: impl IntoIterator<Item = &'a IssueId>,
    mut each: impl FnMut(usize, i64),
) -> Result<(), Failure> {
    let mut select =
        connection.prepare_cached("SELECT fingerprint_id FROM members WHERE issue = ?1")?;
    for (place, issue) in issues.into_iter().enumerate() {
        let mut rows = select.query([codec::blob(issue.0)])?;
        while let Some(row) = rows.next()? {
            each(place, row.get(0)?);
        }
    }
    Ok(())
}

/// Events in the range of a query.
enum Counts {
    /// By fingerprint.
    Within(ByRow<i64>),
    /// All that there ever were.
    Totals,
}

impl Counts {
    /// Adds up the counts of the fingerprints that are `wanted`.
    fn of(
        connection: &Connection,
        query: &IssueQuery,
        wanted: impl Fn(i64) -> bool,
    ) -> Result<Counts, Failure> {
        let range = Range::of(query.from, query.to);
        if range.holds_all_time() {
            return Ok(Counts::Totals);
        }
        let mut counts = ByRow::default();
        each_count(connection, &cover(range), wanted, |id, _, n| *counts.entry(id) += n)?;
        Ok(Counts::Within(counts))
    }

    fn get(&self, id: i64, total: i64) -> i64 {
        match self {
            Counts::Within(counts) => counts.get(id),
            Counts::Totals => total,
        }
    }
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

/// Reads members and adds them up by issue, at the end of `summaries`.
fn add_members(
    connection: &Connection,
    sql: &str,
    bound: impl Params,
    counts: &Counts,
    summaries: &mut Vec<Summary>,
) -> Result<(), Failure> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(bound)?;
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
    Ok(())
}

fn member_facts<'a>(row: &'a Row<'_>, counts: &Counts) -> rusqlite::Result<MemberFacts<'a>> {
    let (key, total) = (row.get(1)?, row.get(9)?);
    Ok(MemberFacts {
        fingerprint: Fingerprint(codec::id(row, 3)?),
        severity: Severity::from_code(row.get(4)?),
        first: FirstSeen { time: EventTime(row.get(5)?), hash: codec::hash(row.get(6)?) },
        service: row.get_ref(7)?.as_str()?,
        last: EventTime(row.get(8)?),
        count: counts.get(key, total),
        total,
    })
}

/// Returns the earliest last bucket of alerts that matter to the query.
fn oldest_alert(query: &IssueQuery) -> i64 {
    query.from.min(query.to).min(query.now).secs().saturating_sub(3 * BUCKET_SECS_MAX)
}

/// Tells summaries, ordered by id, about alerts.
fn add_alerts(
    mut rows: Rows<'_>,
    summaries: &mut [Summary],
    query: &IssueQuery,
) -> Result<(), Failure> {
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
    each_member(connection, issues, |place, member| {
        *line_of.entry(member) = u32::try_from(place + 1).unwrap_or(u32::MAX);
    })?;
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
