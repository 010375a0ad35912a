//! How issues stand with people, and what happened to them: columns, and lists.

use super::issues::current;
use super::{Failure, Row, Snapshot, codec, list};
use engine::model::{Activity, EventTime, IssueId, Standing, TriageState};
use std::sync::Arc;

/// The columns of a standing, in the order in which [`standing`] reads them.
pub(crate) const COLUMNS: &str = "issue, state, changed_at, changed_by, until, assignee";

/// Reads how an issue stands.
pub(super) fn standing(row: &dyn Row) -> Result<(IssueId, Standing), Failure> {
    let name = row.text(1)?;
    let state = TriageState::ALL.into_iter().find(|state| state.as_str() == name);
    let standing = Standing {
        state: state.ok_or_else(|| codec::strange(format!("an issue is {name:?}")))?,
        changed_at: EventTime(row.integer(2)?),
        by: Arc::from(row.text(3)?),
        until: row.find_integer(4)?.map(EventTime),
        assignee: row.find_text(5)?.map(Arc::from),
    };
    Ok((IssueId(codec::id(row, 0)?), standing))
}

/// What happened to an issue, and to the issues that its members began and that are no longer there. The
/// text decides between what happened at one instant, see
/// [`order_activity`](crate::store::view::order_activity).
const ACTIVITY: &str = "\
    SELECT at, body FROM activity WHERE issue = ?1 \
    UNION ALL \
    SELECT a.at, a.body FROM (SELECT DISTINCT f.own_issue FROM members m \
        JOIN fingerprints f ON f.id = m.fingerprint_id \
        WHERE m.issue = ?1 AND f.own_issue <> ?1 \
            AND NOT EXISTS (SELECT 1 FROM issues i WHERE i.issue = f.own_issue)) p \
    CROSS JOIN activity a ON a.issue = p.own_issue \
    ORDER BY 1 DESC, 2 LIMIT ?2 OFFSET ?3";

/// Answers [`ReadStore::activity`](engine::component::ReadStore::activity).
pub(super) fn activity(
    snapshot: &dyn Snapshot,
    issue: IssueId,
    limit: usize,
    skip: usize,
) -> Result<Vec<Activity>, Failure> {
    let issue = codec::blob(current(snapshot, issue)?.0);
    let bound = [(&issue).into(), codec::limit(limit).into(), codec::limit(skip).into()];
    list(snapshot, ACTIVITY, &bound, |row| {
        codec::read_json(&row.text(1)?, "what happened to an issue")
    })
}
