//! The graph file: how a user connects components, and what will run.
//!
//! ```text
//! YAML text ──config──► nodes with spans ──plan──► Graph (validated, typed, acyclic) ──explain──► text
//!                              └── every mistake, with file, line and column ──► Vec<Mistake>
//! ```
//! Every configuration error is born here or in a component's factory, which is called from here;
//! nothing that starts later can fail for a reason that stands in the file.

mod plan;

pub use plan::{
    EngineOptions, Graph, GraphInput, Mistake, OperatorNode, ServerOptions, SourceNode, StoreNode,
};

/// placeholder until merged
pub fn check_identity(
    _stored: &[crate::component::NodeIdentity],
    _now: &[crate::component::NodeIdentity],
) -> Result<(), String> {
    Ok(())
}
