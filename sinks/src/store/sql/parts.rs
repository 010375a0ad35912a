//! Parts of issues, read as a whole.

use super::{Failure, Snapshot, codec, list};
use engine::model::{IssueId, Part, PatternId, TextId};
use std::sync::Arc;

/// Returns every part, ordered.
pub(crate) fn all(snapshot: &dyn Snapshot) -> Result<Vec<Part>, Failure> {
    let sql = "SELECT issue, pattern, text, embedded FROM parts \
               ORDER BY issue, pattern, text, embedded";
    list(snapshot, sql, &[], |row| {
        let embedded = match &*row.blob(3)? {
            [] => None,
            id => Some(TextId(codec::id_of(id)?)),
        };
        Ok(Part {
            issue: IssueId(codec::id(row, 0)?),
            pattern: PatternId(codec::id(row, 1)?),
            text: Arc::from(row.text(2)?),
            embedded,
        })
    })
}
