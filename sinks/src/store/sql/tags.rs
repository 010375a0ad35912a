//! Tags of issues, read as a whole, by issue and by name.

use super::{Failure, Row, Snapshot, codec, list};
use engine::model::{IssueId, Similarity, Tag, TagReason, Tagged};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Stored for [`TagReason::Words`].
const WORDS: i64 = 0;
/// Stored for [`TagReason::Near`].
const NEAR: i64 = 1;

/// Returns how a reason is stored: its kind and its text.
pub(crate) fn reason(reason: &TagReason) -> (i64, &Arc<str>) {
    match reason {
        TagReason::Words(words) => (WORDS, words),
        TagReason::Near(sentence) => (NEAR, sentence),
    }
}

/// Returns every tag, ordered.
pub(crate) fn all(snapshot: &dyn Snapshot) -> Result<Vec<Tagged>, Failure> {
    let sql = "SELECT name, score, reason_kind, reason, issue FROM tags \
               ORDER BY issue, name, score, reason_kind, reason";
    list(snapshot, sql, &[], |row| {
        Ok(Tagged { issue: IssueId(codec::id(row, 4)?), tag: tag(row)? })
    })
}

/// Returns the tags of each of these issues, in any order.
pub(super) fn of_each(
    snapshot: &dyn Snapshot,
    issues: &[[u8; 16]],
) -> Result<Vec<Vec<Tag>>, Failure> {
    let sql = "SELECT name, score, reason_kind, reason FROM tags WHERE issue = ?1";
    let mut tags = vec![Vec::new(); issues.len()];
    snapshot.each_of(sql, issues, &mut |place, row| {
        tags[place].push(tag(row)?);
        Ok(())
    })?;
    Ok(tags)
}

/// Returns the issues that have a tag.
pub(super) fn issues_with(
    snapshot: &dyn Snapshot,
    name: &str,
) -> Result<BTreeSet<IssueId>, Failure> {
    let sql = "SELECT issue FROM tags WHERE name = ?1";
    let ids = list(snapshot, sql, &[name.into()], |row| codec::id(row, 0).map(IssueId))?;
    Ok(ids.into_iter().collect())
}

/// Reads the first four columns.
fn tag(row: &dyn Row) -> Result<Tag, Failure> {
    let text = || row.text(3).map(Arc::from);
    let reason = match row.integer(2)? {
        WORDS => TagReason::Words(text()?),
        NEAR => TagReason::Near(text()?),
        kind => return Err(codec::strange(format!("a tag has a reason of kind {kind}"))),
    };
    let score = Similarity::from_millionths(row.small(1)?);
    Ok(Tag { name: Arc::from(row.text(0)?), score, reason })
}
