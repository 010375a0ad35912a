//! The stores, and what they share: the form of stored rows ([`rows`]), the meaning of the
//! dashboard's questions ([`view`], [`slices`]) and of the audit ([`audit`]).
//!
//! A store only fetches rows and adds them up in its own way; what an issue list *is* (which issues
//! match, in which order, what is new or spiking) is written once, in [`view`], for all of them.

mod archive;
mod audit;
pub mod memory;
pub mod postgres;
mod retention;
mod rows;
mod slices;
mod sql;
pub mod sqlite;
mod steps;
mod view;

pub use memory::{MEMORY, MemoryStore};
pub use postgres::{POSTGRES, PostgresStore};
pub use sqlite::{SQLITE, SqliteStore};
pub use steps::{CommitStep, CrashPoints, NoCrash};
