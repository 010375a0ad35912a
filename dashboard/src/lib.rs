//! The server: REST under `/api/v1`, a live stream, health, metrics and the embedded browser UI.
//!
//! ```text
//! TCP ─► connection cap ─► hyper (header and write deadlines) ─► door: sizes, Host, Origin
//!                                                                 │
//!      ReadStore ◄─ blocking pool, capped ◄─ handler ◄─ token ◄─ route table (warp filters)
//!      LiveFeed  ─► coalesced events ───────────────────────► text/event-stream
//! ```
//! Read it in this order: [`Dashboard`] (what the server needs), `routes` (every address and who may
//! ask), `door` (what is refused before a route is looked for), `server` (connections and shutdown).
//!
//! *Promises:* a route without an [`Access`] rule does not compile; a slow, silent or greedy client
//! costs a bounded amount of memory and never delays another (I8); the engine never waits for the
//! server. *Not here:* what is stored and how (`engine::component::ReadStore`, crate `sinks`).
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod access;
mod assets;
mod connection;
mod context;
mod cursor;
mod door;
mod error;
mod filter;
mod last_answers;
mod limits;
mod problem;
mod query;
mod reply;
mod routes;
mod server;
#[cfg(test)]
mod tests;
mod wire;

pub use access::{Access, AccessOptions};
pub use error::ServeError;
pub use limits::Limits;
pub use routes::graph::{EdgeView, GraphView, NodeKind, NodeView};
pub use routes::search::SearchResults;
pub use server::{Listener, bind, serve};
pub use wire::ExportLine;

use engine::clock::Clock;
use engine::component::{AlertAdmin, Analyst, IssueAdmin, ReadStore, SourceAdmin};
use engine::metrics::Metrics;
use engine::runtime::live::LiveFeed;
use engine::runtime::status::Status;
use std::sync::Arc;

/// Everything the server shows, and the rules by which it shows it.
pub struct Dashboard {
    /// Answers questions about what is committed.
    pub read: Arc<dyn ReadStore>,
    /// Explains records.
    pub analyst: Arc<dyn Analyst>,
    /// How the engine and its sources are doing.
    pub status: Arc<Status>,
    /// What was just committed.
    pub live: LiveFeed,
    /// Counters and gauges.
    pub metrics: Arc<Metrics>,
    /// Lists and changes sources.
    pub sources: Arc<dyn SourceAdmin>,
    /// Passes on what people decide about alerts.
    pub alerts: Arc<dyn AlertAdmin>,
    /// Passes on what people decide about issues.
    pub issues: Arc<dyn IssueAdmin>,
    /// The graph as it runs.
    pub graph: GraphView,
    /// Decides what "now" and "the last 24 hours" are.
    pub clock: Arc<dyn Clock>,
    /// Who may ask.
    pub access: AccessOptions,
    /// How much may be asked.
    pub limits: Limits,
}
