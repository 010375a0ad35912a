//! The outbox: how its rows stand in columns, and lists of them.

use super::{Bound, Failure, Row, Snapshot, codec, list};
use engine::component::OutboxQuery;
use engine::model::{EventTime, OutboxRow, OutboxState};
use std::sync::Arc;

/// The columns of a row; [`row`] reads the ones that are not in the body.
pub(crate) const COLUMNS: &str =
    "notice_id, notifier, incident, at, state, settled_at, reason, body";

/// How a row stands, in columns.
pub(crate) struct Standing<'a> {
    pub(crate) state: &'static str,
    pub(crate) settled_at: Option<i64>,
    /// Why it was given up; else empty.
    pub(crate) reason: &'a str,
}

impl Standing<'_> {
    /// Returns the columns of a state.
    pub(crate) fn of(state: &OutboxState) -> Standing<'_> {
        let (settled_at, reason) = match state {
            OutboxState::Queued => (None, ""),
            OutboxState::Delivered { at } => (Some(at.0), ""),
            OutboxState::Dead { at, reason } => (Some(at.0), &**reason),
        };
        Standing { state: state.standing().as_str(), settled_at, reason }
    }
}

/// Reads a row.
fn row(row: &dyn Row) -> Result<OutboxRow, Failure> {
    let settled_at = || row.integer(2).map(EventTime);
    let state = match &*row.text(1)? {
        "queued" => OutboxState::Queued,
        "delivered" => OutboxState::Delivered { at: settled_at()? },
        "dead" => OutboxState::Dead { at: settled_at()?, reason: Arc::from(row.text(3)?) },
        state => return Err(codec::strange(format!("a notice is {state:?}"))),
    };
    let notice = codec::read_json(&row.text(4)?, "a notice")?;
    Ok(OutboxRow { notifier: Arc::from(row.text(0)?), notice: Arc::new(notice), state })
}

/// Answers [`ReadStore::outbox`](engine::component::ReadStore::outbox).
pub(super) fn page(
    snapshot: &dyn Snapshot,
    query: &OutboxQuery,
) -> Result<Vec<OutboxRow>, Failure> {
    let OutboxQuery { notifier, state, limit, skip } = query;
    let mut bound: Vec<Bound<'_>> =
        [codec::limit(*limit), codec::limit(*skip)].map(Bound::from).to_vec();
    let mut conditions = String::new();
    for (column, value) in
        [("state", state.map(|state| state.as_str())), ("notifier", notifier.as_deref())]
    {
        if let Some(value) = value {
            bound.push(value.into());
            let word = if conditions.is_empty() { "WHERE" } else { "AND" };
            conditions += &format!("{word} {column} = ?{} ", bound.len());
        }
    }
    let sql = format!(
        "SELECT notifier, state, settled_at, reason, body FROM outbox {conditions}\
         ORDER BY settled_at IS NOT NULL, settled_at DESC, at, notice_id, notifier LIMIT ?1 OFFSET ?2"
    );
    list(snapshot, &sql, &bound, row)
}
