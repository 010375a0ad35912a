//! Parts of issues: written as they come and go, read as a whole.

use super::{Failure, codec};
use engine::model::{IssueId, Part, PatternId, TextId};
use rusqlite::{Connection, Transaction, params};
use std::sync::Arc;

/// Inserts or removes parts.
pub(super) fn write(transaction: &Transaction<'_>, parts: &[(Part, bool)]) -> Result<(), Failure> {
    let mut insert = transaction.prepare_cached(
        "INSERT OR IGNORE INTO parts (issue, pattern, text, embedded) VALUES (?1, ?2, ?3, ?4)",
    )?;
    let mut remove = transaction.prepare_cached(
        "DELETE FROM parts WHERE issue = ?1 AND pattern = ?2 AND text = ?3 AND embedded = ?4",
    )?;
    for (part, present) in parts {
        let (issue, pattern) = (codec::blob(part.issue.0), codec::blob(part.pattern.0));
        let embedded = part.embedded.map(|text| codec::blob(text.0));
        let embedded = embedded.as_ref().map_or(&[][..], |id| &id[..]);
        let statement = if *present { &mut insert } else { &mut remove };
        statement.execute(params![issue, pattern, part.text, embedded])?;
    }
    Ok(())
}

/// Returns every part, ordered.
pub(super) fn all(connection: &Connection) -> Result<Vec<Part>, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT issue, pattern, text, embedded FROM parts \
         ORDER BY issue, pattern, text, embedded",
    )?;
    let mut rows = select.query([])?;
    let mut parts = Vec::new();
    while let Some(row) = rows.next()? {
        let embedded = match row.get_ref(3)?.as_blob().map_err(rusqlite::Error::from)? {
            [] => None,
            _ => Some(TextId(codec::id(row, 3)?)),
        };
        parts.push(Part {
            issue: IssueId(codec::id(row, 0)?),
            pattern: PatternId(codec::id(row, 1)?),
            text: Arc::from(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?),
            embedded,
        });
    }
    Ok(parts)
}
