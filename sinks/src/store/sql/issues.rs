//! The list of issues, and one issue in full.

use super::ranges::{ByRow, each_count};
use super::{Failure, Row, Snapshot, alerts, codec, evidence, find, list, tags, triage};
use crate::store::rows::FastMap;
use crate::store::slices::{Range, Slices, cover};
use crate::store::view::{MemberFacts, Summary, order_members, page, surest_first};
use engine::component::{FingerprintRow, IssueDetail, IssuePage, IssueQuery, IssueRow, MemberRow};
use engine::model::{
    EventTime, Fingerprint, FirstSeen, IssueId, Severity, SeverityClass, Template,
};
use std::collections::BTreeSet;

/// The longest bucket, in seconds: an alert that is over ends that long after its last start.
const BUCKET_SECS_MAX: i64 = 86_400;

/// Answers [`ReadStore::issues`](engine::component::ReadStore::issues).
pub(super) fn list_page(snapshot: &dyn Snapshot, query: &IssueQuery) -> Result<IssuePage, Failure> {
    let mut summaries = match &query.ids {
        Some(ids) => summaries_of(snapshot, ids, query)?,
        None => all_summaries(snapshot, query)?,
    };
    if let Some(name) = &query.tag {
        let tagged = tags::issues_with(snapshot, name)?;
        summaries.retain(|summary| tagged.contains(&summary.id));
    }
    // Only a question for words must know the texts before it knows which issues are listed.
    let texts = if query.words.is_empty() { None } else { Some(all_texts(snapshot)?) };
    let text_of = |id: IssueId| texts.as_ref().and_then(|texts| texts.get(&id)).cloned();
    let mut text = |id| Ok::<String, Failure>(text_of(id).unwrap_or_default());
    let mut page = page(summaries, query, &mut text)?;
    fill(snapshot, query, &mut page.issues)?;
    Ok(page)
}

/// Answers [`ReadStore::issue`](engine::component::ReadStore::issue).
pub(super) fn detail(
    snapshot: &dyn Snapshot,
    id: IssueId,
    query: &IssueQuery,
) -> Result<Option<IssueDetail>, Failure> {
    let id = current(snapshot, id)?;
    let mut found = summaries_of(snapshot, &BTreeSet::from([id]), query)?;
    let Some(summary) = found.pop() else {
        return Ok(None);
    };
    let mut rows = [summary.into_row(String::new(), query.now)];
    fill(snapshot, query, &mut rows)?;
    let [issue] = rows;
    let alerts = alerts::of_issue(snapshot, id)?;
    let members = members(snapshot, id)?;
    let samples = evidence::shown(snapshot, id)?;
    Ok(Some(IssueDetail { issue, members, samples, alerts }))
}

/// Adds what is shown of issues but not asked for: text, sparkline and tags.
fn fill(snapshot: &dyn Snapshot, query: &IssueQuery, rows: &mut [IssueRow]) -> Result<(), Failure> {
    let keys: Vec<_> = rows.iter().map(|row| codec::blob(row.id.0)).collect();
    let sql = "SELECT text FROM issues WHERE issue = ?1";
    snapshot.each_of(sql, &keys, &mut |place, row| {
        rows[place].template = row.text(0)?.into_owned();
        Ok(())
    })?;
    let tags = tags::of_each(snapshot, &keys)?;
    let sparklines = sparklines(snapshot, &keys, query)?;
    for ((row, tags), sparkline) in rows.iter_mut().zip(tags).zip(sparklines) {
        row.tags = surest_first(tags);
        row.sparkline = sparkline;
    }
    Ok(())
}

/// The issue that a fingerprint began and is no longer there leads to the fingerprint's own issue.
const MERGED_INTO: &str = "\
    SELECT m.issue FROM fingerprints f JOIN members m ON m.fingerprint_id = f.id \
    WHERE f.own_issue = ?1 AND NOT EXISTS (SELECT 1 FROM issues WHERE issue = ?1) \
    ORDER BY m.issue LIMIT 1";

/// Returns the issue that now stands for `id`: itself, or the one into which it was merged.
pub(super) fn current(snapshot: &dyn Snapshot, id: IssueId) -> Result<IssueId, Failure> {
    let key = codec::blob(id.0);
    let merged = find(snapshot, MERGED_INTO, &[(&key).into()], |row| codec::id(row, 0))?;
    Ok(merged.map_or(id, IssueId))
}

/// The same of each of these issues.
pub(super) fn current_each(
    snapshot: &dyn Snapshot,
    ids: &[IssueId],
) -> Result<Vec<IssueId>, Failure> {
    let keys: Vec<_> = ids.iter().map(|id| codec::blob(id.0)).collect();
    let mut current = ids.to_vec();
    snapshot.each_of(MERGED_INTO, &keys, &mut |place, row| {
        current[place] = IssueId(codec::id(row, 0)?);
        Ok(())
    })?;
    Ok(current)
}

/// Returns what every issue shows.
fn all_texts(snapshot: &dyn Snapshot) -> Result<FastMap<IssueId, String>, Failure> {
    let texts = list(snapshot, "SELECT issue, text FROM issues", &[], |row| {
        Ok((IssueId(codec::id(row, 0)?), row.text(1)?.into_owned()))
    })?;
    Ok(texts.into_iter().collect())
}

/// Returns all issues, ordered by id.
fn all_summaries(snapshot: &dyn Snapshot, query: &IssueQuery) -> Result<Vec<Summary>, Failure> {
    let counts = Counts::of(snapshot, query, |_| true)?;
    let mut found = Vec::new();
    snapshot.stream(MEMBERS_OF_ALL, &[], &mut |row| {
        add_member(row, &counts, &mut found)?;
        Ok(true)
    })?;
    let sql = format!(
        "SELECT {} FROM alerts WHERE last_bucket >= ?1 OR {}",
        alerts::RUN_COLUMNS,
        alerts::OPEN
    );
    let oldest = query.to.min(query.now).secs().saturating_sub(BUCKET_SECS_MAX);
    snapshot.each(&sql, &[oldest.into()], &mut |row| add_alert(row, &mut found, query))?;
    let sql = format!("SELECT {} FROM standings", triage::COLUMNS);
    snapshot.each(&sql, &[], &mut |row| add_standing(row, &mut found))?;
    Ok(found)
}

/// Returns these issues, ordered by id; reads little of the others.
fn summaries_of(
    snapshot: &dyn Snapshot,
    ids: &BTreeSet<IssueId>,
    query: &IssueQuery,
) -> Result<Vec<Summary>, Failure> {
    let keys: Vec<_> = ids.iter().map(|id| codec::blob(id.0)).collect();
    let mut members = ByRow::default();
    each_member(snapshot, &keys, |_, member| *members.entry(member) = true)?;
    let counts = Counts::of(snapshot, query, |id| members.get(id))?;
    let mut found = Vec::new();
    snapshot.each_of(MEMBERS_OF_ONE, &keys, &mut |_, row| add_member(row, &counts, &mut found))?;
    let sql = format!("SELECT {} FROM alerts WHERE issue = ?1", alerts::RUN_COLUMNS);
    snapshot.each_of(&sql, &keys, &mut |_, row| add_alert(row, &mut found, query))?;
    let sql = format!("SELECT {} FROM standings WHERE issue = ?1", triage::COLUMNS);
    snapshot.each_of(&sql, &keys, &mut |_, row| add_standing(row, &mut found))?;
    Ok(found)
}

/// Calls `each` with the place of an issue among `issues` and the row numbers of its members.
fn each_member(
    snapshot: &dyn Snapshot,
    issues: &[[u8; 16]],
    mut each: impl FnMut(usize, i64),
) -> Result<(), Failure> {
    let sql = "SELECT fingerprint_id FROM members WHERE issue = ?1";
    snapshot.each_of(sql, issues, &mut |place, row| {
        each(place, row.integer(0)?);
        Ok(())
    })
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
        snapshot: &dyn Snapshot,
        query: &IssueQuery,
        wanted: impl Fn(i64) -> bool,
    ) -> Result<Counts, Failure> {
        let range = Range::of(query.from, query.to);
        if range.holds_all_time() {
            return Ok(Counts::Totals);
        }
        let mut counts = ByRow::default();
        each_count(snapshot, &cover(range), wanted, |id, _, n| *counts.entry(id) += n)?;
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

/// Adds a member to its issue, which is the last one of `summaries` or the next.
fn add_member(row: &dyn Row, counts: &Counts, summaries: &mut Vec<Summary>) -> Result<(), Failure> {
    let issue = IssueId(codec::id(row, 0)?);
    let (key, total) = (row.integer(1)?, row.integer(9)?);
    let member = MemberFacts {
        fingerprint: Fingerprint(codec::id(row, 3)?),
        severity: Severity::from_code(row.small(4)?),
        first: FirstSeen { time: EventTime(row.integer(5)?), hash: codec::hash(row.integer(6)?) },
        service: &row.text(7)?,
        last: EventTime(row.integer(8)?),
        count: counts.get(key, total),
        total,
    };
    match summaries.last_mut() {
        Some(summary) if summary.id == issue => summary.add(&member),
        _ => {
            let class = SeverityClass::from_code(row.small(2)?);
            summaries.push(Summary::new(issue, class, &member));
        }
    }
    Ok(())
}

/// Tells summaries, ordered by id, about an alert.
fn add_alert(row: &dyn Row, summaries: &mut [Summary], query: &IssueQuery) -> Result<(), Failure> {
    let (issue, run) = alerts::run(row)?;
    if let Ok(index) = summaries.binary_search_by_key(&issue, |summary| summary.id) {
        summaries[index].alert(run, query);
    }
    Ok(())
}

/// Tells summaries, ordered by id, how an issue stands.
fn add_standing(row: &dyn Row, summaries: &mut [Summary]) -> Result<(), Failure> {
    let (issue, standing) = triage::standing(row)?;
    if let Ok(index) = summaries.binary_search_by_key(&issue, |summary| summary.id) {
        summaries[index].stand(standing);
    }
    Ok(())
}

/// Returns the sparklines of issues, in one pass over the range.
fn sparklines(
    snapshot: &dyn Snapshot,
    issues: &[[u8; 16]],
    query: &IssueQuery,
) -> Result<Vec<Vec<i64>>, Failure> {
    let slices = Slices::of(query);
    let mut sparklines = vec![slices.zeros(); issues.len()];
    let mut line_of: ByRow<u32> = ByRow::default();
    each_member(snapshot, issues, |place, member| {
        *line_of.entry(member) = u32::try_from(place + 1).unwrap_or(u32::MAX);
    })?;
    let listed = |id| line_of.get(id) > 0;
    each_count(snapshot, &slices.cover(), listed, |id, bucket, n| {
        if let Some(index) = slices.index(bucket) {
            sparklines[line_of.get(id) as usize - 1][index] += n;
        }
    })?;
    Ok(sparklines)
}

fn members(snapshot: &dyn Snapshot, issue: IssueId) -> Result<Vec<MemberRow>, Failure> {
    let sql = "SELECT f.fingerprint, f.template, f.text, f.service, f.class, f.severity, \
                      f.first_time, t.last_seen, t.total \
               FROM members m JOIN fingerprints f ON f.id = m.fingerprint_id \
               JOIN totals t ON t.fingerprint_id = m.fingerprint_id WHERE m.issue = ?1";
    let mut members = list(snapshot, sql, &[(&codec::blob(issue.0)).into()], |row| {
        let fingerprint = FingerprintRow {
            fingerprint: Fingerprint(codec::id(row, 0)?),
            template_id: Template(codec::id(row, 1)?),
            template: row.text(2)?.into_owned(),
            service: row.text(3)?.into_owned(),
            class: SeverityClass::from_code(row.small(4)?),
            severity: Severity::from_code(row.small(5)?),
            first_seen: EventTime(row.integer(6)?),
            last_seen: EventTime(row.integer(7)?),
        };
        Ok(MemberRow { fingerprint, total: row.integer(8)? })
    })?;
    order_members(&mut members);
    Ok(members)
}
