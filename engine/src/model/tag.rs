//! Tags: what kind of failure an issue is about, each with its reason.

use super::{IssueId, Similarity};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// What kind of failure a text is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tag {
    /// Its name.
    pub name: Arc<str>,
    /// How sure that is.
    pub score: Similarity,
    /// Why.
    pub reason: TagReason,
}

/// Why a text has a tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TagReason {
    /// It has these words.
    Words(Arc<str>),
    /// It is near this sentence.
    Near(Arc<str>),
}

impl fmt::Display for TagReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TagReason::Words(words) => write!(f, "it says \"{words}\""),
            TagReason::Near(sentence) => write!(f, "it is near \"{sentence}\""),
        }
    }
}

/// That an issue has a tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tagged {
    /// The issue.
    pub issue: IssueId,
    /// Its tag.
    pub tag: Tag,
}
