//! cluster: patterns that mean the same failure.
//!
//! *Promises:* a function of the *set* of nodes, links and constraints: independent of order and of
//! worker count, incremental and retractable (I1, I2, I6). It equals [`Graph::clusters`], which computes
//! the same from scratch.
//! *Frontier:* never holds an epoch. *State and limits:* a few rows per node and per link; links are
//! bounded by [`LINKS_PER_NODE_MAX`](crate::meaning::LINKS_PER_NODE_MAX).
//! *Not here:* which embeddings are near each other (`meaning`).

mod constraints;
mod contracted;
mod group;
pub mod groupings;
mod incremental;
mod issues;
mod operator;
mod placed;
mod reference;
pub mod rule;

pub use group::{Placed, floor, group};
pub use incremental::{Changing, clusters};
pub use issues::{ClusterOptions, Clustered, issues};
pub use operator::{COMPONENT, ClusterOperator};
pub use reference::Graph;
