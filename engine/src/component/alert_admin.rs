//! What a server may do with the alerts of a running engine: pass on what people decide about them, and say what
//! was decided and delivered.

use crate::model::{Command, Deploy, NoticeId, Silence};
use serde::{Deserialize, Serialize};

/// A notifier as shown. Its numbers are those of this process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotifierRow {
    /// Its id in the graph file.
    pub id: String,
    /// Its component type.
    pub r#type: String,
    /// Notices that wait.
    pub waiting: usize,
    /// Notices accepted.
    pub delivered: u64,
    /// Notices given up.
    pub dead: u64,
    /// Why the last attempt failed; `None` when it did not.
    pub trouble: Option<String>,
}

/// Why nothing was decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// What it is about is not there.
    #[error("there is no {0}")]
    Unknown(String),
    /// It cannot be decided any more, or not in this graph.
    #[error("{0}")]
    Conflict(String),
    /// The engine has not started yet, or is stopping, or its store is away.
    #[error("{0}")]
    NotNow(String),
}

/// Decides about alerts. Every method may block for as long as a commit takes.
pub trait AlertAdmin: Send + Sync {
    /// Lets the engine hear of a decision. Returns whether it is durable; if not, the store is behind or away,
    /// and it will be.
    fn decide(&self, command: Command) -> Result<bool, Refusal>;
    /// Returns the silences that have not ended, the one that ends first at the front.
    fn silences(&self) -> Vec<Silence>;
    /// Returns the deploys that are remembered, latest first.
    fn deploys(&self) -> Vec<Deploy>;
    /// Returns the notifiers, in the order of the graph file.
    fn notifiers(&self) -> Vec<NotifierRow>;
    /// Lets a notice that was given up be sent once more. Returns whether that is durable.
    fn resend(&self, notice: NoticeId, notifier: &str) -> Result<bool, Refusal>;
}
