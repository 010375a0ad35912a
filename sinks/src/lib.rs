//! The stores: where committed epochs go, and where the dashboard reads.
//!
//! ```text
//! engine's store thread ──Commit──► Store ═══ one transaction ═══► rows ──► ReadStore ──► dashboard
//! ```
//! *Promises:* I5 (an epoch is stored whole or not at all), and the contract in the header of
//! `engine/src/component/store.rs`, checked by `engine::testing::conformance` on each of them.
//!
//! *Not here:* when to commit and what to do about an unanswered commit (`engine/src/runtime`), and
//! the traits themselves (`engine/src/component/store.rs`).
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod store;
