//! How the outbox is written: the latest row of a notice and a notifier stands, and every row is sealed.

use super::Failure;
use super::seal::{Kind, Part, Seals};
use crate::store::sql::codec;
use crate::store::sql::outbox::{COLUMNS, Standing};
use engine::model::OutboxRow;
use rusqlite::{Transaction, params};

/// Inserts or replaces rows.
pub(super) fn rows(
    transaction: &Transaction<'_>,
    seals: &mut Seals,
    rows: &[OutboxRow],
) -> Result<(), Failure> {
    let mut before = transaction.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM outbox WHERE notice_id = ?1 AND notifier = ?2"
    ))?;
    let mut insert = transaction.prepare_cached(&format!(
        "INSERT OR REPLACE INTO outbox ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
    ))?;
    for OutboxRow { notifier, notice, state } in rows {
        let (id, incident) = (codec::blob(notice.id.0), codec::blob(notice.incident.0));
        let Standing { state, settled_at, reason } = Standing::of(state);
        let body = codec::json(&**notice)?;
        let mut known = before.query(params![id, notifier])?;
        if let Some(row) = known.next()? {
            seals.add_row(Kind::Outbox, row, -1)?;
        }
        let name = [
            Part::Bytes(&id),
            Part::Bytes(notifier.as_bytes()),
            Part::Bytes(&incident),
            Part::Number(notice.at.0),
            Part::Bytes(state.as_bytes()),
            settled_at.map_or(Part::Bytes(b""), Part::Number),
            Part::Bytes(reason.as_bytes()),
            Part::Bytes(body.as_bytes()),
        ];
        seals.add(Kind::Outbox, &name, 1);
        let at = notice.at.0;
        insert.execute(params![id, notifier, incident, at, state, settled_at, reason, body])?;
    }
    Ok(())
}
