//! The stages an event passes, in the order in which it meets them. Pure: no clock, no files, no
//! sockets, no environment, no threads (`clippy.toml` forbids the calls). What a stage wants stored
//! leaves it as facts.
//!
//! ```text
//! parse ─► redact, filter, sample, route ─► fingerprint ─► window ─► expiry ─► spike ─► alert
//!                                              └─► pattern ─► issue ───────────┘
//!                                                     └─► embed ─► cluster ─────┤
//!                                                                  classify ◄───┘
//! ```
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod alert;
pub mod assemble;
mod batchwise;
pub mod classify;
pub mod cluster;
pub mod embed;
pub mod filter;
pub mod fingerprint;
pub mod issue;
pub mod mask;
pub mod meaning;
pub mod parse;
pub mod pattern;
pub mod redact;
pub mod replay;
pub mod route;
pub mod rules;
pub mod sample;
pub mod search;
pub mod skeleton;
pub mod spike;
pub mod trace;
pub mod triage;
mod view;
pub mod window;

#[cfg(test)]
mod stage_test;
