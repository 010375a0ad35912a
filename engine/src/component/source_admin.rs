//! What a server may do with the sources of a running engine.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// Where a source is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceOrigin {
    /// In the graph file, which alone can remove it.
    File,
    /// In the store, since somebody added it.
    Added,
}

/// What a source is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceActivity {
    /// It reads, or waits for more.
    Running,
    /// Somebody paused it.
    Paused,
    /// It failed and will be tried again.
    Backoff,
    /// It has read everything there will ever be.
    Finished,
    /// It failed in a way that trying again cannot mend.
    Stopped,
}

/// A source as shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceRow {
    /// Its id.
    pub id: String,
    /// Its component type.
    pub r#type: String,
    /// Where it is written down.
    pub origin: SourceOrigin,
    /// What it is doing.
    pub state: SourceActivity,
    /// The last sentence it had to say; `None` when all is well.
    pub message: Option<String>,
    /// How often it was started again after a failure.
    pub restarts: u64,
    /// Its options as they were given, for one that was added; passwords in addresses are left out.
    pub options: Option<Json>,
}

/// A source that somebody wants to have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewSource {
    /// Its id.
    pub id: String,
    /// `type`, its options, `service` and `timezone`, as in a graph file.
    #[serde(flatten)]
    pub options: Map<String, Json>,
}

/// What became of a change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceChange {
    /// The source now; `None` when it was removed.
    pub source: Option<SourceRow>,
    /// Whether the change is committed; if not, the store is behind or away, and it will be.
    pub durable: bool,
}

/// Why nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceRefusal {
    /// There is no such source.
    #[error("there is no source `{0}`")]
    Unknown(String),
    /// It is there already, or cannot be what was asked for.
    #[error("{0}")]
    Conflict(String),
    /// What was given is wrong; every mistake as a sentence.
    #[error("{}", .0.join("; "))]
    Invalid(Vec<String>),
    /// The graph file does not allow it.
    #[error("{0}")]
    Forbidden(String),
    /// The engine has not started yet, or is stopping.
    #[error("{0}")]
    NotNow(String),
}

/// Lists and changes sources. Every method may block for as long as a commit takes.
pub trait SourceAdmin: Send + Sync {
    /// Returns every source, in the order of the graph file, then of their addition.
    fn list(&self) -> Vec<SourceRow>;
    /// Returns one sentence about what the source would read, without reading it.
    fn test(&self, new: &NewSource) -> Result<String, SourceRefusal>;
    /// Adds a source and starts it.
    fn add(&self, new: &NewSource) -> Result<SourceChange, SourceRefusal>;
    /// Pauses a source: what it has handed over is counted, its place is kept.
    fn pause(&self, id: &str) -> Result<SourceChange, SourceRefusal>;
    /// Lets a paused source go on where it was.
    fn resume(&self, id: &str) -> Result<SourceChange, SourceRefusal>;
    /// Removes a source that was added. Its place is kept, in case the id comes back.
    fn remove(&self, id: &str) -> Result<SourceChange, SourceRefusal>;
}
