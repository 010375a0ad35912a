//! Parts: the patterns that an issue is made of, and what was embedded of each.

use super::{IssueId, PatternId, TextId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// One pattern of an issue.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Part {
    /// The issue.
    pub issue: IssueId,
    /// The pattern.
    pub pattern: PatternId,
    /// What is displayed for it within the issue.
    pub text: Arc<str>,
    /// What is embedded for it, if anything is; the vector may still be waited for.
    pub embedded: Option<TextId>,
}
