//! Notifier: brings notices to where people read them. The runtime owns when and how often (`runtime::outbox`); a
//! notifier makes one attempt.
//!
//! The contract of [`Notifier`]:
//! 1. `deliver` returns within [`Notifier::ATTEMPT_MAX`], whatever the other side does, and keeps bounded
//!    memory.
//! 2. `Ok` means that the other side has accepted the notice. Anything else may be tried again: a notifier
//!    passes [`Notice::id`](crate::model::Notice) on, so that a receiver can tell a repeat.

use crate::model::{IssueId, Notice, Severity};
use std::collections::BTreeMap;
use std::time::Duration;

/// What is shown of an issue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IssueTitle {
    /// Its template, variables written `<name>`.
    pub template: String,
    /// Its highest severity.
    pub severity: Severity,
    /// Kinds of failure, the surest first.
    pub tags: Vec<String>,
    /// One of its records, the latest.
    pub sample: String,
}

/// A notice with what is looked up when it is delivered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// What to tell.
    pub notice: Notice,
    /// Its issues, as far as the store knows them.
    pub titles: BTreeMap<IssueId, IssueTitle>,
    /// Where people read on, without a slash at its end: `https://seismolog.example`. Nothing if the graph file
    /// names no `public_url`.
    pub public_url: Option<String>,
}

/// Why a notice was not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// It may be accepted later.
    #[error("{reason}")]
    Later {
        /// Why, as a sentence.
        reason: String,
        /// How long the other side asks to be left alone.
        after: Option<Duration>,
    },
    /// It never will be.
    #[error("{reason}")]
    Never {
        /// Why, as a sentence.
        reason: String,
    },
}

/// Delivers to one place. Lives on a thread of its own; may block.
pub trait Notifier: Send {
    /// Makes one attempt.
    fn deliver(&mut self, message: &Message) -> Result<(), DeliveryError>;

    /// Returns how often an open incident is sent again, for receivers that forget what they do not hear of.
    fn repeats_every(&self) -> Option<Duration> {
        None
    }
}

impl dyn Notifier {
    /// How long one attempt may take.
    pub const ATTEMPT_MAX: Duration = Duration::from_secs(15);
}
