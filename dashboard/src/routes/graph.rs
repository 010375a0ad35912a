//! Graph: the components and streams as they run, described by whoever wired them.

use crate::context::Call;
use crate::problem::Problem;
use crate::reply::{Response, json};
use engine::component::StreamKind;
use http::StatusCode;
use serde::Serialize;

/// The graph as the API shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GraphView {
    /// Every component.
    pub nodes: Vec<NodeView>,
    /// Every stream between two of them.
    pub edges: Vec<EdgeView>,
}

/// Which part of the graph a component belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum NodeKind {
    /// Reads.
    Source,
    /// Computes.
    Operator,
    /// Stores.
    Store,
    /// Tells people.
    Notifier,
}

/// One component.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NodeView {
    /// Its id in the graph file.
    pub id: String,
    /// Its `type` in the graph file.
    pub r#type: String,
    /// Which part of the graph it belongs to.
    pub kind: NodeKind,
    /// What it puts out; `None` for a store or a notifier.
    pub output: Option<StreamKind>,
}

/// One stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EdgeView {
    /// The component that puts it out.
    pub from: String,
    /// The component that takes it in.
    pub to: String,
    /// What it carries.
    pub stream: StreamKind,
}

/// `GET /api/v1/graph`
pub(crate) async fn show(call: Call) -> Result<Response, Problem> {
    call.query(&[])?;
    json(StatusCode::OK, &call.context.dashboard.graph)
}
