//! How issues stand with people, what happened to them, and what was said about grouping, as the API writes them.

use super::Time;
use engine::model::{self, Constraint, Deed, Happened, IssueId, TriageState};
use serde::Serialize;
use std::sync::Arc;

/// How an issue stands with people.
#[derive(Serialize)]
pub(crate) struct Standing {
    state: TriageState,
    /// When that changed last; `null` if it never did.
    changed_at: Option<Time>,
    /// Who changed it; `null` if events did.
    by: Option<Arc<str>>,
    /// Until when it is ignored.
    until: Option<Time>,
    assignee: Option<Arc<str>>,
}

impl From<model::Standing> for Standing {
    fn from(standing: model::Standing) -> Self {
        let changed = standing.changed_at != model::EventTime::default();
        Self {
            state: standing.state,
            changed_at: changed.then(|| standing.changed_at.into()),
            by: Some(standing.by).filter(|by| !by.is_empty()),
            until: standing.until.map(Time::from),
            assignee: standing.assignee,
        }
    }
}

/// Something that happened to an issue.
#[derive(Serialize)]
pub(crate) struct Activity {
    at: Time,
    /// The issue, by the id that it had.
    issue: IssueId,
    what: &'static str,
    by: Option<Arc<str>>,
    comment: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grouping: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    constraint: Option<Constraint>,
}

impl From<model::Activity> for Activity {
    fn from(entry: model::Activity) -> Self {
        let (mut until, mut to, mut grouping, mut constraint) = (None, None, None, None);
        let what = match entry.happened {
            Happened::Deed(Deed::Resolve) => "resolved",
            Happened::Deed(Deed::Reopen) => "reopened",
            Happened::Deed(Deed::Ignore { until: given }) => {
                until = given.map(Time::from);
                "ignored"
            }
            Happened::Deed(Deed::Assign { to: given }) => {
                to = given;
                "assigned"
            }
            Happened::Deed(Deed::Comment) => "commented",
            Happened::Regressed => "regressed",
            Happened::Woke => "woke",
            Happened::Grouped { id, constraint: given } => {
                (grouping, constraint) = (Some(id), Some(given));
                "grouped"
            }
            Happened::Ungrouped { id } => {
                grouping = Some(id);
                "ungrouped"
            }
        };
        let given = |text: Arc<str>| Some(text).filter(|text| !text.is_empty());
        Self {
            at: entry.at.into(),
            issue: entry.issue,
            what,
            by: given(entry.by),
            comment: given(entry.comment),
            until,
            to,
            grouping,
            constraint,
        }
    }
}

/// What somebody said about grouping.
#[derive(Serialize)]
pub(crate) struct Grouping {
    id: Arc<str>,
    constraint: Constraint,
    at: Time,
    by: Option<Arc<str>>,
    comment: Option<Arc<str>>,
}

impl From<model::Grouping> for Grouping {
    fn from(grouping: model::Grouping) -> Self {
        let given = |text: Arc<str>| Some(text).filter(|text| !text.is_empty());
        Self {
            id: grouping.id,
            constraint: grouping.constraint,
            at: grouping.at.into(),
            by: given(grouping.by),
            comment: given(grouping.comment),
        }
    }
}
