//! Constraints: what people said about grouping. They win over any grouping, now and later.
//!
//! A constraint names issues by ids as people see them. [`IssueId::new`] of a class and a template names
//! whatever holds that template, so a constraint keeps its meaning when issues merge or get another
//! first member; if nothing holds it, the constraint waits.

use super::IssueId;
use serde::{Deserialize, Serialize};

/// One thing that a person said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Constraint {
    /// The two are one issue.
    MustLink {
        /// One.
        left: IssueId,
        /// The other.
        right: IssueId,
    },
    /// The two are never one issue. If must-links make them one all the same, they win.
    CannotLink {
        /// One.
        left: IssueId,
        /// The other.
        right: IssueId,
    },
    /// This is one issue with nothing but what must-links join to it.
    Pin {
        /// It.
        issue: IssueId,
    },
}

impl Constraint {
    /// Returns the issues that it names.
    pub fn issues(self) -> Vec<IssueId> {
        match self {
            Constraint::MustLink { left, right } | Constraint::CannotLink { left, right } => {
                vec![left, right]
            }
            Constraint::Pin { issue } => vec![issue],
        }
    }
}

/// A constraint that cannot have its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Conflict {
    /// The constraint.
    pub constraint: Constraint,
    /// Why.
    pub reason: ConflictReason,
}

/// Why a constraint cannot have its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConflictReason {
    /// A must-link of two severity classes: no issue spans classes.
    Classes,
    /// A cannot-link of two templates that are one pattern.
    OnePattern,
    /// A cannot-link of what must-links make one.
    MustLinks,
}
