//! Tags of issues: written as they come and go, read as a whole, by issue and by name.

use super::{Failure, codec};
use engine::model::{IssueId, Similarity, Tag, TagReason, Tagged};
use rusqlite::{Connection, Row, Transaction, params};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Inserts or removes tags.
pub(super) fn write(transaction: &Transaction<'_>, tags: &[(Tagged, bool)]) -> Result<(), Failure> {
    let mut insert = transaction.prepare_cached(
        "INSERT OR IGNORE INTO tags (issue, name, score, reason_kind, reason) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut remove = transaction.prepare_cached(
        "DELETE FROM tags WHERE issue = ?1 AND name = ?2 AND score = ?3 AND reason_kind = ?4 \
         AND reason = ?5",
    )?;
    for (Tagged { issue, tag }, present) in tags {
        let (kind, reason) = match &tag.reason {
            TagReason::Words(words) => (WORDS, words),
            TagReason::Near(sentence) => (NEAR, sentence),
        };
        let statement = if *present { &mut insert } else { &mut remove };
        let (issue, score) = (codec::blob(issue.0), tag.score.millionths());
        statement.execute(params![issue, tag.name, score, kind, reason])?;
    }
    Ok(())
}

/// Returns every tag, ordered.
pub(super) fn all(connection: &Connection) -> Result<Vec<Tagged>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT name, score, reason_kind, reason, issue FROM tags \
         ORDER BY issue, name, score, reason_kind, reason",
    )?;
    let mut rows = select.query([])?;
    let mut tags = Vec::new();
    while let Some(row) = rows.next()? {
        tags.push(Tagged { issue: IssueId(codec::id(row, 4)?), tag: tag(row)? });
    }
    Ok(tags)
}

/// Returns the tags of an issue, in any order.
pub(super) fn of_issue(connection: &Connection, issue: IssueId) -> Result<Vec<Tag>, Failure> {
    let mut select = connection
        .prepare_cached("SELECT name, score, reason_kind, reason FROM tags WHERE issue = ?1")?;
    let mut rows = select.query([codec::blob(issue.0)])?;
    let mut tags = Vec::new();
    while let Some(row) = rows.next()? {
        tags.push(tag(row)?);
    }
    Ok(tags)
}

/// Returns the issues that have a tag.
pub(super) fn issues_with(
    connection: &Connection,
    name: &str,
) -> Result<BTreeSet<IssueId>, Failure> {
    let mut select = connection.prepare_cached("SELECT issue FROM tags WHERE name = ?1")?;
    let ids = select.query_map([name], |row| codec::id(row, 0).map(IssueId))?;
    Ok(ids.collect::<rusqlite::Result<_>>()?)
}

/// Stored for [`TagReason::Words`].
const WORDS: i64 = 0;
/// Stored for [`TagReason::Near`].
const NEAR: i64 = 1;

/// Reads the first four columns.
fn tag(row: &Row<'_>) -> Result<Tag, Failure> {
    let text =
        |column| -> rusqlite::Result<Arc<str>> { Ok(Arc::from(row.get_ref(column)?.as_str()?)) };
    let reason = match row.get(2)? {
        WORDS => TagReason::Words(text(3)?),
        NEAR => TagReason::Near(text(3)?),
        kind => return Err(codec::strange(format!("a tag has a reason of kind {kind}"))),
    };
    Ok(Tag { name: text(0)?, score: Similarity::from_millionths(row.get(1)?), reason })
}
