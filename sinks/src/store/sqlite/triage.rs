//! How standings and activity are written: the latest standing of an issue stands, activity is only added,
//! and every row of both is sealed.

use super::Failure;
use super::seal::{Kind, Part, Seals};
use crate::store::sql::codec;
use crate::store::sql::triage::COLUMNS;
use engine::model::{Activity, IssueId, Standing};
use rusqlite::{Transaction, params};

/// Inserts, replaces or removes how issues stand.
pub(super) fn standings(
    transaction: &Transaction<'_>,
    seals: &mut Seals,
    rows: &[(IssueId, Option<Standing>)],
) -> Result<(), Failure> {
    let mut before =
        transaction.prepare_cached(&format!("SELECT {COLUMNS} FROM standings WHERE issue = ?1"))?;
    let mut insert = transaction.prepare_cached(&format!(
        "INSERT OR REPLACE INTO standings ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6)"
    ))?;
    let mut remove = transaction.prepare_cached("DELETE FROM standings WHERE issue = ?1")?;
    for (issue, standing) in rows {
        let id = codec::blob(issue.0);
        let mut known = before.query([id])?;
        if let Some(row) = known.next()? {
            seals.add_row(Kind::Standings, row, -1)?;
        }
        drop(known);
        let Some(Standing { state, changed_at, by, until, assignee }) = standing else {
            remove.execute([id])?;
            continue;
        };
        let (state, until) = (state.as_str(), until.map(|until| until.0));
        let name = [
            Part::Bytes(&id),
            Part::Bytes(state.as_bytes()),
            Part::Number(changed_at.0),
            Part::Bytes(by.as_bytes()),
            until.map_or(Part::Bytes(b""), Part::Number),
            Part::Bytes(assignee.as_deref().unwrap_or_default().as_bytes()),
        ];
        seals.add(Kind::Standings, &name, 1);
        insert.execute(params![id, state, changed_at.0, by, until, assignee])?;
    }
    Ok(())
}

/// Adds what happened to issues.
pub(super) fn activity(
    transaction: &Transaction<'_>,
    seals: &mut Seals,
    rows: &[Activity],
) -> Result<(), Failure> {
    let mut insert =
        transaction.prepare_cached("INSERT INTO activity (issue, at, body) VALUES (?1, ?2, ?3)")?;
    for entry in rows {
        let (issue, at, body) = (codec::blob(entry.issue.0), entry.at.0, codec::json(entry)?);
        let name = [Part::Bytes(&issue), Part::Number(at), Part::Bytes(body.as_bytes())];
        seals.add(Kind::Activity, &name, 1);
        insert.execute(params![issue, at, body])?;
    }
    Ok(())
}
