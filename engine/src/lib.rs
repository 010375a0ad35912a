//! The engine: vocabulary, component traits, the graph file and the runtime. It knows no concrete
//! source, operator or sink; those live in sibling crates that all look only at this one.
//!
//! ```text
//!             seismolog   (wiring)          benches
//!            /     |      |       \
//!     sources  operators  sinks  dashboard   siblings never see each other
//!            \     |      |       /
//!                   engine                   you are here
//! ```
//!
//! Read it in this order: [`model`] (the words), [`component`] (what a source, an operator and a
//! store promise), [`graph`] (how a user connects them), [`runtime`] (how epochs are read,
//! computed, committed and recovered), [`invariants`] (what must never stop being true).
#![forbid(unsafe_code)]

pub mod clock;
pub mod component;
pub mod dataflow;
pub mod error;
pub mod graph;
pub mod invariants;
pub mod metrics;
pub mod model;
pub mod runtime;
#[cfg(feature = "testing")]
pub mod testing;
