//! What went wrong between us and the server, in words a person can act on.

use super::options::Target;
use crate::store::sql::Failure;
use engine::component::StoreError;
use std::time::Duration;
use tokio_postgres::error::{DbError, SqlState};

/// The server did not answer in time: it is stuck, or the network swallows what is sent.
#[derive(Debug, thiserror::Error)]
#[error("the server has not answered for {0:?}")]
pub(super) struct NoAnswer(pub(super) Duration);

/// Returns the failure of something that trying again does not mend.
pub(super) fn refused(what: impl Into<String>) -> Failure {
    Failure::Store(StoreError::Damaged { what: what.into(), cause: None })
}

/// Returns the error to report, which says what was attempted where and why it failed; `blockers` are
/// sessions that hold our tables.
pub(super) fn explain(
    failure: Failure,
    what: &str,
    target: &Target,
    blockers: Option<String>,
) -> StoreError {
    let error = match failure {
        Failure::Store(error) => return error,
        Failure::Database(error) => error,
    };
    let sql = error.downcast_ref::<tokio_postgres::Error>();
    let told = sql.and_then(|error| error.as_db_error());
    let words = match told {
        Some(told) => words(told, blockers),
        None => first_cause(&*error),
    };
    let what = format!("{what} in {target}: {words}");
    let damaged = told.is_some_and(|told| damaged(told.code()));
    let cause = Some(error);
    match damaged {
        true => StoreError::Damaged { what, cause },
        false => StoreError::Unavailable { what, cause },
    }
}

/// Returns the deepest cause: "connection refused" says more than "error connecting to server".
fn first_cause(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// Returns whether an error is about stored data that cannot be read, or that somebody removed.
fn damaged(code: &SqlState) -> bool {
    let lasting = [
        SqlState::DATA_CORRUPTED,
        SqlState::INDEX_CORRUPTED,
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_COLUMN,
    ];
    lasting.contains(code)
}

fn words(told: &DbError, blockers: Option<String>) -> String {
    let said = told.message();
    let code = told.code();
    if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        return "the server is read-only; it is a standby, or default_transaction_read_only is on"
            .to_owned();
    }
    if *code == SqlState::DISK_FULL {
        return format!("the server's disk is full; make room, nothing is lost ({said})");
    }
    if *code == SqlState::TOO_MANY_CONNECTIONS {
        return format!("the server has too many connections; raise max_connections ({said})");
    }
    if [SqlState::INVALID_PASSWORD, SqlState::INVALID_AUTHORIZATION_SPECIFICATION].contains(code) {
        return format!("the server refused the user or the password ({said})");
    }
    if *code == SqlState::LOCK_NOT_AVAILABLE {
        let holder = blockers.unwrap_or_else(|| "another session".to_owned());
        return format!("a lock is held by {holder}; it waited until lock_timeout");
    }
    if *code == SqlState::QUERY_CANCELED {
        return format!("the server gave up after statement_timeout, or was told to ({said})");
    }
    if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        return format!("the user lacks a right; grant it and try again ({said})");
    }
    match told.hint() {
        Some(hint) => format!("{said} (hint: {hint})"),
        None => said.to_owned(),
    }
}
