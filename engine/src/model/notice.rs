//! Notices: each transition of an incident that somebody is told of, once.
//!
//! A notice is written in the transaction of the epoch that caused it, a row for every notifier
//! ([`OutboxRow`]). Its id is a function of the incident and the number of the transition, so whoever hears of it
//! twice can tell.

use super::fingerprint::id_type;
use super::{Alert, AlertKey, EventTime, ParseIdError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

id_type!(
    /// A notice's id: the same transition has the same id after any restart, `n_` + 32 hex.
    NoticeId,
    "n_"
);

impl NoticeId {
    /// Returns the id of an incident's `number`th transition, counted from 1.
    pub fn new(incident: AlertKey, number: u32) -> NoticeId {
        NoticeId::of(&[&incident.0.to_be_bytes(), &number.to_be_bytes()])
    }
}

/// What happened to an incident.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Transition {
    /// It began, or more alerts joined it.
    #[default]
    Fired,
    /// It began again within an hour of its end.
    Reopened,
    /// It still goes on.
    Reminder,
    /// Late events have changed its size.
    Amended,
    /// Somebody looks after it.
    Acknowledged,
    /// Somebody does not want to hear of it for a while.
    Snoozed,
    /// It is over.
    Resolved,
    /// Late events have shown that it never was.
    Retracted,
}

/// What is told, once.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Notice {
    /// Its id.
    pub id: NoticeId,
    /// The incident: the key of its first alert.
    pub incident: AlertKey,
    /// Which transition of the incident it is, from 1.
    pub number: u32,
    /// What happened.
    pub transition: Transition,
    /// When the engine noticed.
    pub at: EventTime,
    /// The incident's alerts as they were then, strongest first, at most [`Notice::ALERTS_MAX`].
    pub alerts: Vec<Alert>,
    /// How many more there are.
    pub more: u32,
}

impl Notice {
    /// Alerts listed in one notice, at most.
    pub const ALERTS_MAX: usize = 20;

    /// Returns whether the incident is over with it.
    pub fn ends(&self) -> bool {
        matches!(self.transition, Transition::Resolved | Transition::Retracted)
    }
}

/// How a notice stands with one notifier.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum OutboxState {
    /// It waits to be delivered.
    #[default]
    Queued,
    /// It was accepted.
    Delivered {
        /// When.
        at: EventTime,
    },
    /// It was given up: a person can send it again.
    Dead {
        /// When.
        at: EventTime,
        /// Why, as a sentence.
        reason: Arc<str>,
    },
}

impl OutboxState {
    /// Returns how the row stands.
    pub const fn standing(&self) -> OutboxStanding {
        match self {
            OutboxState::Queued => OutboxStanding::Queued,
            OutboxState::Delivered { .. } => OutboxStanding::Delivered,
            OutboxState::Dead { .. } => OutboxStanding::Dead,
        }
    }
}

/// An [`OutboxState`] without when and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutboxStanding {
    /// It waits to be delivered.
    Queued,
    /// It was accepted.
    Delivered,
    /// It was given up.
    Dead,
}

impl OutboxStanding {
    /// Returns the name, the same as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            OutboxStanding::Queued => "queued",
            OutboxStanding::Delivered => "delivered",
            OutboxStanding::Dead => "dead",
        }
    }
}

/// One notice for one notifier. The latest row of a (notice, notifier) holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OutboxRow {
    /// The notifier's id in the graph file.
    pub notifier: Arc<str>,
    /// What to tell.
    pub notice: Arc<Notice>,
    /// How it stands.
    pub state: OutboxState,
}
