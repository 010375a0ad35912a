//! What the runtime tells whoever watches it: status, metrics, the live feed. The runtime never
//! waits for a watcher, so implementations must return at once.

use crate::component::{Commit, Recovered};
use crate::model::SourceIndex;
use std::time::Duration;

/// What a source is doing, as its supervisor sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceReport {
    /// It reads.
    Running,
    /// It reads, but a person should know this sentence.
    Degraded(String),
    /// It failed with this sentence and will be tried again.
    BackingOff(String),
    /// It has read everything there will ever be.
    Finished,
    /// It failed with this sentence, for good.
    Failed(String),
}

/// Watches the runtime. Every method does nothing unless overridden.
pub trait Observer: Send + Sync {
    /// The store has been loaded; the first epoch follows.
    fn recovered(&self, _recovered: &Recovered) {}
    /// A source changed its state.
    fn source(&self, _source: SourceIndex, _state: SourceReport) {}
    /// A source handed over bytes.
    fn received(&self, _source: SourceIndex, _bytes: usize) {}
    /// A transaction is durable.
    fn committed(&self, _commit: &Commit, _took: Duration) {}
    /// The store fails with this sentence, or works again.
    fn store(&self, _trouble: Option<&str>) {}
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
