//! What components promise the engine, and which streams may be connected to which.
//!
//! ```text
//! Source ──Lines──► Operator ──Events──► … ──Counts, Issues, Alerts──► Store ──► ReadStore
//!                                                              └Alerts──► Notifier
//! ```
//! *Not here:* any concrete component (crates `sources`, `operators`, `sinks`), and the list of them
//! (`src/registry.rs` of the root package).

mod alert_admin;
mod analyst;
mod duration;
mod embedder;
mod issue_admin;
mod notifier;
mod operator;
mod registry;
mod source;
mod source_admin;
mod source_table;
mod store;

pub use alert_admin::{AlertAdmin, NotifierRow, Refusal};
pub use analyst::{
    Analyst, AskedRecord, Found, Hit, IssueMeaning, PartMeaning, PartState, SimilarIssue, TopValue,
    Variable, Variables,
};
pub use duration::{HUMAN_DURATION_FORMAT, HumanDuration, ParseDurationError};
pub use embedder::{EmbedError, Embedder};
pub use issue_admin::{IssueAdmin, Said};
pub use notifier::{DeliveryError, IssueTitle, Message, Notifier};
pub use operator::{
    History, Operator, Outputs, Port, Ports, SourceDefaults, Stage, Titled, VectorPort,
};
pub use registry::{Build, Built, ComponentKind, ComponentType, Options, OptionsError, Registry};
pub use source::{Delivery, Intake, Source, SourceError, SourceHealth, Stopped};
pub use source_admin::{
    NewSource, SourceActivity, SourceAdmin, SourceChange, SourceOrigin, SourceRefusal, SourceRow,
};
pub use source_table::{NoIndex, SourceTable};
pub use store::{
    AlertQuery, AlertRow, Audit, BackupReport, ClassCounts, Commit, Contents, CountRow,
    FingerprintRow, Incarnation, IssueDetail, IssueOrder, IssuePage, IssueQuery, IssueRow,
    IssueState, KeptSamples, KnownFingerprint, MemberRow, NodeIdentity, OutboxQuery, ReadStore,
    Recovered, RejectedRow, SampleRow, SamplesOf, SourceAudit, Store, StoreError, TimelineQuery,
};

use serde::{Deserialize, Serialize};
use std::fmt;

/// What a stream carries; an edge of the graph is legal when both ends agree on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StreamKind {
    /// Raw lines, in chunks, from a source.
    Lines,
    /// Parsed events.
    Events,
    /// Fingerprinted events.
    Prints,
    /// Events counted per fingerprint and bucket.
    Counts,
    /// Patterns of fingerprints.
    Patterns,
    /// Patterns with their embeddings.
    Vectors,
    /// Issues and their members.
    Issues,
    /// Tags of issues.
    Tags,
    /// Spiking buckets per issue.
    Spikes,
    /// Alerts.
    Alerts,
    /// How issues stand with people.
    Standings,
}

impl StreamKind {
    /// Returns the word used in the graph file's messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            StreamKind::Lines => "lines",
            StreamKind::Events => "events",
            StreamKind::Prints => "prints",
            StreamKind::Counts => "counts",
            StreamKind::Patterns => "patterns",
            StreamKind::Vectors => "vectors",
            StreamKind::Issues => "issues",
            StreamKind::Tags => "tags",
            StreamKind::Spikes => "spikes",
            StreamKind::Alerts => "alerts",
            StreamKind::Standings => "standings",
        }
    }
}

impl fmt::Display for StreamKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
