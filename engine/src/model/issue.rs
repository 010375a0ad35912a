//! Issues: what people see. An issue is a set of fingerprints of one severity class; which ones is a
//! function of the set of events, never of their order.

use super::fingerprint::id_type;
use super::{Fingerprint, FirstSeen, ParseIdError, Pattern, Severity, SeverityClass, Template};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

id_type!(
    /// An issue's id, derived from its first member: `i_` + 32 hex.
    IssueId,
    "i_"
);

impl IssueId {
    /// Returns the id of the issue whose first member has this class and template.
    pub fn new(class: SeverityClass, template: Template) -> IssueId {
        IssueId::of(&[&[class as u8], &template.0.to_be_bytes()])
    }
}

/// An issue as the dataflow derives it. Counts, times and samples are read from its members.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Issue {
    /// Its id.
    pub id: IssueId,
    /// The severity class all members share.
    pub class: SeverityClass,
    /// The template of its first member.
    pub template: Template,
    /// What is displayed: that member's text, `<*>` where the words of members differ.
    pub text: Arc<str>,
    /// The constant words of its pattern, `<*>` for each run of variables.
    pub skeleton: Arc<str>,
}

/// That a fingerprint belongs to an issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Member {
    /// The fingerprint.
    pub fingerprint: Fingerprint,
    /// The issue it belongs to.
    pub issue: IssueId,
}

/// A fingerprint with its pattern, and what else grouping needs to know of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Patterned {
    /// What is known of the fingerprint.
    pub one: Candidate,
    /// Its pattern.
    pub pattern: Pattern,
}

/// What the issue stage needs to know of a fingerprint besides its pattern.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Candidate {
    /// The fingerprint.
    pub fingerprint: Fingerprint,
    /// Its class.
    pub class: SeverityClass,
    /// Its service; empty if none was named.
    pub service: Arc<str>,
    /// Its template.
    pub template: Template,
    /// The highest severity seen so far.
    pub severity: Severity,
    /// The earliest event seen so far.
    pub first: FirstSeen,
    /// That event's template text.
    pub text: Arc<str>,
}

/// Where a fingerprint stands: all that is needed to judge it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Placed {
    /// The fingerprint.
    pub fingerprint: Fingerprint,
    /// The issue it belongs to.
    pub issue: IssueId,
    /// Its service; empty if none was named.
    pub service: Arc<str>,
    /// The highest severity of its issue, for thresholds.
    pub severity: Severity,
}
