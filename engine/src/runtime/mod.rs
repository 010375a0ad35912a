//! The runtime: what happens between a reader's chunk and a committed epoch.

pub mod live;
pub mod status;
