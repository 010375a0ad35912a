//! The stores and the notifiers from outside. Families:
//!
//! - `conforms_`: the suite of `engine::testing::conformance`, on every store, Postgres on each
//!   version of the server.
//! - `oracle_`: SQLite and Postgres answer every question as the memory store does, on seeded commits.
//! - `crash_`: a store dies at every named step of a commit; what is found shows all of it or nothing.
//! - `fault_`: Postgres behind a proxy that loses, cuts and swallows, or in trouble of its own, under the
//!   engine's committer: exact every time (`SEISMOLOG_CASES` raises how often).
//! - `upgrade_`: a store of an earlier version is brought up to date.
//! - `keeping`: retention, backups, moves between stores, damage that is noticed.
//! - `notifiers`: made from options, asked for one attempt.
//! - `limit_` and the rest: ownership, damaged and foreign files, bounds, the graph file's options.
#![allow(clippy::unwrap_used)]

mod committing;
mod conforms;
mod crash;
mod files;
mod keeping;
mod notifiers;
mod oracle;
mod postgres_faults;
mod postgres_schema;
mod postgres_server;
mod postgres_tls;
mod postgres_trouble;
mod upgrades;
