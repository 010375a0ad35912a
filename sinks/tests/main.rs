//! The stores from outside. Families:
//!
//! - `conforms_`: the suite of `engine::testing::conformance`, on every store, Postgres on each
//!   version of the server.
//! - `oracle_`: SQLite answers every question as the memory store does, on seeded commits.
//! - `crash_`: SQLite dies at every named step of a commit; what is found shows all of it or nothing.
//! - `limit_` and the rest: ownership, damaged and foreign files, bounds, the graph file's options.
#![allow(clippy::unwrap_used)]

mod conforms;
mod crash;
mod files;
mod oracle;
mod postgres_server;
