//! The runtime: reads, computes, commits and recovers epochs.
//!
//! ```text
//! supervise ─► intake ─► reader ─► stages of the graph ─► outputs ─► commit ─► store
//! (1 thread    (bounded)  └───────── worker threads ────────┘       (store thread)
//!  a source)
//! ```
//! *Promises:* I3 (recovery is the only way to start), I4 and I5 (`outputs`, `commit`), I7
//! (`supervise`), I8 (every queue names its bound). *Not here:* what the stages compute (crate
//! `operators`), what a transaction looks like (crate `sinks`).

mod beats;
mod bell;
mod commit;
mod engine;
mod epochs;
mod fold;
mod intake;
mod observer;
mod orders;
pub mod outbox;
mod outputs;
mod reader;
mod receipts;
mod recovery;
mod shutdown;
mod sources;
mod supervise;
mod worker;

pub mod embedding;
pub mod live;
pub mod status;

pub use beats::{BEAT_EVERY, CATCH_UP_MAX};
#[cfg(feature = "testing")]
pub use commit::{Committer, CompletedEpoch};
pub use commit::{EPOCHS_MAX, FACTS_MAX};
pub use engine::{Cluster, Engine, EngineError, MakeSource, RunOptions, StopHandle};
pub use epochs::{Epochs, Pace};
pub use fold::Fold;
pub use intake::CHUNKS_MAX;
pub use observer::{DeliveryReport, EmbeddingReport, Observer, SourceReport, Unobserved};
pub use orders::{NotTaken, Orders};
pub use reader::{DRAIN_BYTES_MAX, FACTS_PENDING_MAX};
pub use shutdown::StopStage;
pub use sources::{NotChanged, Prepared, SlotView, Sources, StoredSource};
pub use supervise::{BACKOFF_FIRST, BACKOFF_MAX, SourceEnd, backoff};
pub use worker::Shape;
#[cfg(feature = "testing")]
pub(crate) use {
    beats::Beats,
    reader::Reader,
    shutdown::StopSignal,
    worker::{Around, build},
};
