//! Triage: what people decide about issues, and how an issue stands with them.
//!
//! ```text
//! [Decision] about an issue ──► each of its fingerprints ──► [Standing] of the issue that they are part of today
//! ```
//! Decisions hold for fingerprints, so that they follow them through merges and splits.

use super::{Constraint, EventTime, IssueId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How an issue stands with people.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum TriageState {
    /// Nobody has decided anything, or it was opened again by hand.
    #[default]
    Open,
    /// It was resolved, and its events came again.
    Regressed,
    /// Nobody wants to see it, for a while or for good.
    Ignored,
    /// It is over, as far as people know.
    Resolved,
}

impl TriageState {
    /// Every state.
    pub const ALL: [TriageState; 4] =
        [TriageState::Open, TriageState::Regressed, TriageState::Ignored, TriageState::Resolved];

    /// Returns the name of the state, the same as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            TriageState::Open => "open",
            TriageState::Regressed => "regressed",
            TriageState::Ignored => "ignored",
            TriageState::Resolved => "resolved",
        }
    }

    /// Returns whether somebody has to look at it.
    pub const fn is_unresolved(self) -> bool {
        matches!(self, TriageState::Open | TriageState::Regressed)
    }
}

/// How an issue stands: stored where it is anything but open and nobody's.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Standing {
    /// Its state.
    pub state: TriageState,
    /// When that changed last.
    pub changed_at: EventTime,
    /// Who changed it; nobody if events did.
    pub by: Arc<str>,
    /// Until when it is ignored; for good if that is not said.
    pub until: Option<EventTime>,
    /// Who looks after it.
    pub assignee: Option<Arc<str>>,
}

/// What somebody does about an issue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Deed {
    /// It is over; the next event of a later minute opens it again.
    Resolve,
    /// It is not over after all.
    Reopen,
    /// Nobody wants to see it until an instant, or for good.
    Ignore {
        /// Until when.
        until: Option<EventTime>,
    },
    /// Somebody looks after it, or nobody any more.
    Assign {
        /// Who.
        to: Option<Arc<str>>,
    },
    /// Somebody says something.
    Comment,
}

/// A deed about one issue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Decision {
    /// The issue, by the id that it has today.
    pub issue: IssueId,
    /// What.
    pub deed: Deed,
    /// Who.
    pub by: Arc<str>,
    /// What they say.
    pub comment: Arc<str>,
}

/// What somebody says about grouping, for good until it is undone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Grouping {
    /// Its id, `g_` and 16 hex digits.
    pub id: Arc<str>,
    /// What holds.
    pub constraint: Constraint,
    /// From when.
    pub at: EventTime,
    /// Who.
    pub by: Arc<str>,
    /// Why.
    pub comment: Arc<str>,
}

impl Grouping {
    /// Returns the grouping with the id that follows from what it says: the same thing is said once.
    pub fn named(self) -> Grouping {
        // Texts and numbers always have a form.
        let bytes = serde_json::to_vec(&self.constraint).unwrap_or_default();
        let hash = blake3::hash(&bytes).to_hex();
        Grouping { id: format!("g_{}", &hash[..16]).into(), ..self }
    }
}

/// Something that happened to an issue, for the record.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Activity {
    /// When.
    pub at: EventTime,
    /// The issue, by the id that it had.
    pub issue: IssueId,
    /// What.
    pub happened: Happened,
    /// Who; nobody if events did.
    pub by: Arc<str>,
    /// What they said.
    pub comment: Arc<str>,
}

/// What happened to an issue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Happened {
    /// Somebody did something.
    Deed(Deed),
    /// Its events came again although it was resolved.
    Regressed,
    /// The time for which it was ignored has passed.
    Woke,
    /// Somebody said something about grouping.
    Grouped {
        /// The id of that.
        id: Arc<str>,
        /// What.
        constraint: Constraint,
    },
    /// Somebody took that back.
    Ungrouped {
        /// The id of what was said.
        id: Arc<str>,
    },
}
