//! Why the server did not do what it was asked to, as sentences a person can act on.
//!
//! Everything is tried again: servers restart, tables are made later, rights are granted. What needs
//! a person is said as such.

use engine::component::SourceError;
use tokio_postgres::error::SqlState;

/// Most characters of the server's own words that are repeated.
const REASON_CHARS_MAX: usize = 300;

/// Why a call failed.
#[derive(Debug)]
pub enum Failure {
    /// The engine is stopping.
    Stopped,
    /// The server did not answer in time.
    Silent,
    /// The driver says why.
    Server(tokio_postgres::Error),
    /// It cannot be read as configured.
    Unusable(String),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Failure::Server(error)
    }
}

impl Failure {
    /// Returns the sentence about what was read.
    pub fn sentence(&self, what: &str) -> String {
        let error = match self {
            Failure::Stopped => return "stopped".to_owned(),
            Failure::Silent => {
                return format!("could not read {what}: the server did not answer in time");
            }
            Failure::Unusable(sentence) => return sentence.clone(),
            Failure::Server(error) => error,
        };
        let Some(refusal) = error.as_db_error() else {
            return format!("could not reach the server: {}", causes(error));
        };
        let reason: String = refusal.message().chars().take(REASON_CHARS_MAX).collect();
        let code = refusal.code();
        let hint = if *code == SqlState::UNDEFINED_TABLE || *code == SqlState::UNDEFINED_COLUMN {
            " Hint: check the options `table`, `key` and `columns`."
        } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
            " Hint: grant the user SELECT on it."
        } else if is_login(code) {
            " Hint: check the user and the password file."
        } else if *code == SqlState::QUERY_CANCELED {
            " Hint: an index on the key makes each page quick."
        } else {
            ""
        };
        let end = if hint.is_empty() { "" } else { "." };
        format!("could not read {what} ({}): {reason}{end}{hint}", code.code())
    }

    /// Returns whether a person should know even while it is tried again.
    pub fn needs_a_person(&self) -> bool {
        let Failure::Server(error) = self else { return matches!(self, Failure::Unusable(_)) };
        error.code().is_some_and(|code| {
            code.code().starts_with("42") || code.code().starts_with("3D") || is_login(code)
        })
    }

    /// Returns the error of the whole source.
    pub fn into_error(self, what: &str) -> SourceError {
        SourceError { what: self.sentence(what), retry: true, cause: None }
    }
}

fn is_login(code: &SqlState) -> bool {
    code.code().starts_with("28")
}

/// Returns an error with its causes; the driver's own words are only the first of them.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
