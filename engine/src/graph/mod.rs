//! The graph file: how a user connects components, and what will run.
//!
//! ```text
//! text ──yaml──► tree with places ──config──► nodes ──standard──► all nodes ──wiring──► order
//!                                                └──check, build──► components ──outputs──► Graph
//!                every mistake, with file, line and column ──report──► Vec<Mistake>
//! ```
//! Every configuration error is born here or in a component's factory, which is called from here;
//! nothing that starts later can fail for a reason that stands in the file. All mistakes are found
//! at once.
//!
//! *State and limits:* [`FILE_BYTES_MAX`], [`NODES_MAX`], [`DEPTH_MAX`], [`MISTAKES_MAX`].

mod build;
mod check;
mod config;
mod explain;
mod foreign;
mod load;
mod outputs;
mod plan;
mod report;
mod scalar;
mod schema;
mod settings;
mod standard;
mod suggest;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
mod wiring;
mod yaml;

pub use config::{ID_CHARS_MAX, is_id, node_of};
pub use foreign::{Difference, ForeignCheckpoint, check_identity};
pub use plan::{
    EngineOptions, Graph, GraphInput, Mistake, ModelOptions, NotifierNode, OperatorNode,
    ServerOptions, SourceNode, StoreNode,
};
pub use report::MISTAKES_MAX;
pub use schema::schema;
pub use yaml::{DEPTH_MAX, FILE_BYTES_MAX, NODES_MAX};
