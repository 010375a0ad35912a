//! What the runtime tells whoever watches it: status, metrics, the live feed. The runtime never
//! waits for a watcher, so implementations must return at once.

use crate::component::{Commit, Recovered};
use crate::model::SourceIndex;
use std::collections::BTreeMap;
use std::sync::Arc;
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
    /// Somebody paused it.
    Paused,
    /// It has read everything there will ever be.
    Finished,
    /// It failed with this sentence, for good.
    Failed(String),
}

/// How embedding goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmbeddingReport {
    /// Texts embedded by this process, by the id of the operator that asked.
    pub computed: BTreeMap<Arc<str>, u64>,
    /// Texts that wait.
    pub pending: usize,
    /// Why they wait, or why the last ones have no vector, as a sentence.
    pub trouble: Option<String>,
}

/// How a notifier fares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeliveryReport {
    /// Attempts made by this process.
    pub attempts: u64,
    /// Notices accepted.
    pub delivered: u64,
    /// Notices given up.
    pub dead: u64,
    /// Notices that wait.
    pub waiting: usize,
    /// Why the last attempt failed, if it did.
    pub trouble: Option<String>,
}

/// Watches the runtime. Every method does nothing unless overridden.
pub trait Observer: Send + Sync {
    /// The store has been loaded; the first epoch follows.
    fn recovered(&self, _recovered: &Recovered) {}
    /// A source was added, with the next index or one that it had before.
    fn source_added(&self, _source: SourceIndex, _id: &str) {}
    /// A source was removed.
    fn source_removed(&self, _source: SourceIndex) {}
    /// A source changed its state.
    fn source(&self, _source: SourceIndex, _state: SourceReport) {}
    /// A source handed over bytes.
    fn received(&self, _source: SourceIndex, _bytes: usize) {}
    /// A transaction is durable.
    fn committed(&self, _commit: &Commit, _took: Duration) {}
    /// Texts were embedded, or could not be.
    fn embedding(&self, _report: &EmbeddingReport) {}
    /// A notifier has looked at the outbox.
    fn delivery(&self, _notifier: &str, _report: &DeliveryReport) {}
    /// The store fails with this sentence, or works again.
    fn store(&self, _trouble: Option<&str>) {}
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
