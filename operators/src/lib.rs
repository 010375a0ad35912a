//! The stages a log line passes, in the order in which an event meets them: pure functions, and
//! where they stand in the dataflow. Nothing here reads a clock, a file, a socket or the
//! environment (`clippy.toml` forbids the calls); what a stage wants stored leaves it as facts.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod filter;
pub mod parse;

#[cfg(test)]
mod stage_test;
