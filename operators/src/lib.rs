//! The stages an event passes, in the order in which it meets them. Pure: no clock, no files, no
//! sockets, no environment, no threads (`clippy.toml` forbids the calls).
//!
//! ```text
//! parse ─► filter ─► fingerprint ─► window ─► spike ─► alert
//!                        └────────► issue ────┘
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod alert;
pub mod expiry;
pub mod issue;
pub mod spike;
pub mod window;
