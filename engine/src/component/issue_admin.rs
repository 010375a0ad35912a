//! What a server may do with the issues of a running engine: pass on what people decide about them, and say what holds
//! of their grouping.

use super::Refusal;
use crate::model::{Deed, Fingerprint, Grouping, IssueId};
use std::sync::Arc;

/// Who decides, and what they say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Who.
    pub by: Arc<str>,
    /// What they say.
    pub comment: Arc<str>,
}

/// Decides about issues. Every method may block for as long as a commit takes; `true` says that the decision is
/// durable; if not, the store is behind or away, and it will be. An id that was merged into another issue leads to that
/// one.
pub trait IssueAdmin: Send + Sync {
    /// Does something about issues: about all of them, or about none if one cannot be found.
    fn decide(&self, issues: &[IssueId], deed: &Deed, said: Said) -> Result<bool, Refusal>;
    /// Makes issues one, for good until that is taken back. Returns what holds then.
    fn merge(
        &self,
        issue: IssueId,
        with: &[IssueId],
        said: Said,
    ) -> Result<(Vec<Grouping>, bool), Refusal>;
    /// Makes an issue of its own of some fingerprints of an issue: of all that say the same, whatever their service.
    fn split(
        &self,
        issue: IssueId,
        fingerprints: &[Fingerprint],
        said: Said,
    ) -> Result<(Vec<Grouping>, bool), Refusal>;
    /// Returns what people have said about grouping and holds, latest first.
    fn groupings(&self) -> Vec<Grouping>;
    /// Takes back what somebody said about grouping.
    fn ungroup(&self, id: &str, said: Said) -> Result<bool, Refusal>;
}
