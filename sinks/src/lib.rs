//! The stores, where committed epochs go and where the dashboard reads, and the notifiers, which tell people.
//!
//! ```text
//! engine's store thread ──Commit──► Store ═══ one transaction ═══► rows ──► ReadStore ──► dashboard
//! engine's outbox ────────Message──► Notifier ──► webhook, Slack, PagerDuty, …
//! ```
//! *Promises:* I5 (an epoch is stored whole or not at all), and the contract in the header of
//! `engine/src/component/store.rs`, checked by `engine::testing::conformance` on each of them; that of
//! `engine/src/component/notifier.rs`.
//!
//! *Not here:* when to commit, when to tell, and what to do about an unanswered commit (`engine/src/runtime`), and
//! the traits themselves (`engine/src/component/store.rs`).
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod notify;
pub mod store;
