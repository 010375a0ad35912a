//! What went wrong between us and the server, in words a person can act on.

use super::options::Target;
use crate::store::sql::Failure;
use engine::component::StoreError;
use std::time::Duration;
use tokio_postgres::error::SqlState;

/// The server did not answer in time: it is stuck, or the network swallows what is sent.
#[derive(Debug, thiserror::Error)]
#[error("the server has not answered for {0:?}")]
pub(super) struct NoAnswer(pub(super) Duration);

/// Returns the failure of something that trying again does not mend.
pub(super) fn refused(what: impl Into<String>) -> Failure {
    Failure::Store(StoreError::Damaged { what: what.into(), cause: None })
}

/// What the server said of a statement or a connection.
#[derive(Debug, thiserror::Error)]
#[error("the server said: {0}")]
struct Said(String);

/// Returns the error to report, which says what was attempted where and, where a person can do something
/// about it, what; `blockers` are sessions that hold our tables.
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
    let what = format!("{what} in {target}");
    let sql = error.downcast_ref::<tokio_postgres::Error>();
    let Some(told) = sql.and_then(|error| error.as_db_error()) else {
        return StoreError::Unavailable { what, cause: Some(error) };
    };
    let what = match words(told.code(), blockers) {
        Some(words) => format!("{what}: {words}"),
        None => what,
    };
    let hint = told.hint().map_or_else(String::new, |hint| format!(" (hint: {hint})"));
    let cause = Some(Said(format!("{}{hint}", told.message())).into());
    match damaged(told.code()) {
        true => StoreError::Damaged { what, cause },
        false => StoreError::Unavailable { what, cause },
    }
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

/// Returns what is the matter and what to do, as far as that is known.
fn words(code: &SqlState, blockers: Option<String>) -> Option<String> {
    let known = [
        (
            SqlState::READ_ONLY_SQL_TRANSACTION,
            "the server is read-only; it is a standby, or default_transaction_read_only is on",
        ),
        (SqlState::DISK_FULL, "the server's disk is full; make room, nothing is lost"),
        (
            SqlState::TOO_MANY_CONNECTIONS,
            "the server has too many connections; end some, or raise max_connections",
        ),
        (SqlState::INVALID_PASSWORD, "the server refused the user or the password"),
        (
            SqlState::INVALID_AUTHORIZATION_SPECIFICATION,
            "the server refused the user or the password",
        ),
        (SqlState::QUERY_CANCELED, "the server gave up, usually after statement_timeout"),
        (SqlState::INSUFFICIENT_PRIVILEGE, "the user lacks a right; grant it"),
        (SqlState::CANNOT_CONNECT_NOW, "the server is starting or stopping"),
    ];
    if *code == SqlState::LOCK_NOT_AVAILABLE {
        let holder = blockers.unwrap_or_else(|| "another session".to_owned());
        return Some(format!("a lock is held by {holder}"));
    }
    let found = known.into_iter().find(|(known, _)| known == code);
    found.map(|(_, words)| words.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_can_do_is_said() {
        let said = |code| words(&code, None).unwrap();
        assert!(said(SqlState::DISK_FULL).contains("make room"));
        assert!(said(SqlState::LOCK_NOT_AVAILABLE).contains("another session"));
        let named = words(&SqlState::LOCK_NOT_AVAILABLE, Some("visitor (pid 7)".into()));
        assert_eq!(named.unwrap(), "a lock is held by visitor (pid 7)");
        assert_eq!(words(&SqlState::SYNTAX_ERROR, None), None);
    }
}
