//! Embedding beside the dataflow: workers never wait for it.
//!
//! ```text
//!  stage ──texts──► vectors (worker 0) ──request──► Desk ──► pool threads, each with the encoder
//!                      │    ▲                                  │
//!                      │    └───────── results, wake-up ◄──────┘
//!                      ├──► (text, embedding)                     at the epoch that is open then
//!                      └──► Fact::Vector, committed with it
//! ```
//! *Promises:* a text is embedded once, as long as the store keeps its vector; counts, spikes and alerts
//! never wait (`vectors` holds no epoch); without a model everything else goes on, requests wait, and
//! are answered once there is one.
//! *State and limits:* one entry per distinct text, which the fingerprint stage bounds; how much of a text
//! counts is the encoder's bound.

mod desk;
mod pool;
mod vectors;

pub use desk::Desk;
pub(crate) use pool::start;
pub use pool::{OpenEmbedder, RETRY_FIRST, RETRY_MAX};
pub(crate) use vectors::vectors;
