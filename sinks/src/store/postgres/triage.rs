//! How standings and activity are written: the latest standing of an issue stands, activity is only added.

use super::pipeline::Write;
use super::values::Column;
use crate::store::sql::{Failure, codec};
use crate::store::steps::CommitStep;
use engine::model::{Activity, IssueId, Standing};
use std::borrow::Cow;

const REPLACE_STANDINGS: &str = "\
    INSERT INTO standings (issue, state, changed_at, changed_by, until, assignee) \
    SELECT * FROM unnest($1::bytea[], $2::text[], $3::bigint[], $4::text[], $5::bigint[], $6::text[]) \
    ON CONFLICT (issue) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at, \
        changed_by = excluded.changed_by, until = excluded.until, assignee = excluded.assignee";
const REMOVE_STANDINGS: &str = "DELETE FROM standings WHERE issue = ANY($1)";
const ADD_ACTIVITY: &str = "\
    INSERT INTO activity (number, issue, at, body) \
    SELECT (SELECT coalesce(max(number), 0) FROM activity) + row_number() OVER (ORDER BY n.place), \
        n.issue, n.at, n.body \
    FROM unnest($1::bytea[], $2::bigint[], $3::text[]) WITH ORDINALITY AS n (issue, at, body, place)";

/// The statements, to prepare them together.
pub(super) const STATEMENTS: [&str; 3] = [REPLACE_STANDINGS, REMOVE_STANDINGS, ADD_ACTIVITY];

/// Inserts, replaces or removes how issues stand.
pub(super) fn standings<'a>(writes: &mut Vec<Write<'a>>, rows: &'a [(IssueId, Option<Standing>)]) {
    let step = CommitStep::AfterStandings;
    let stands = || rows.iter().filter_map(|(issue, standing)| Some((issue, standing.as_ref()?)));
    let until = stands().map(|(_, standing)| standing.until.map(|until| until.0));
    let columns = vec![
        Column::ids(stands().map(|(issue, _)| issue.0)),
        Column::texts(stands().map(|(_, standing)| standing.state.as_str())),
        Column::integers(stands().map(|(_, standing)| standing.changed_at.0)),
        Column::texts(stands().map(|(_, standing)| &*standing.by)),
        Column::SomeIntegers(until.collect()),
        Column::some_texts(stands().map(|(_, standing)| standing.assignee.as_deref())),
    ];
    writes.push(Write::new(step, REPLACE_STANDINGS, columns));
    let gone = rows.iter().filter(|(_, standing)| standing.is_none());
    let gone = vec![Column::ids(gone.map(|(issue, _)| issue.0))];
    writes.push(Write::new(step, REMOVE_STANDINGS, gone));
}

/// Adds what happened to issues.
pub(super) fn activity<'a>(
    writes: &mut Vec<Write<'a>>,
    rows: &'a [Activity],
) -> Result<(), Failure> {
    let bodies = rows.iter().map(|entry| codec::json(entry).map(Cow::Owned));
    let columns = vec![
        Column::ids(rows.iter().map(|entry| entry.issue.0)),
        Column::integers(rows.iter().map(|entry| entry.at.0)),
        Column::names(bodies.collect::<Result<Vec<_>, _>>()?),
    ];
    writes.push(Write::new(CommitStep::AfterActivity, ADD_ACTIVITY, columns).few_at_a_time());
    Ok(())
}
