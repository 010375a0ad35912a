//! Graph: validated, typed, acyclic; every configuration error is born here.

use crate::component::{ComponentType, Operator, Source, SourceDefaults, Store, StreamKind};
use std::path::PathBuf;
use std::time::Duration;

/// One graph file, or several that are read as one.
#[derive(Clone, Debug)]
pub struct GraphInput {
    /// The name shown in messages, usually the path.
    pub name: String,
    /// Its text.
    pub text: String,
    /// The folder against which relative paths in it are resolved.
    pub base: PathBuf,
}

/// Something in a graph file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Which input.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Byte range in the input's text, for the caret.
    pub span: std::ops::Range<usize>,
    /// What is wrong, in one lower-case sentence.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A source, ready to run.
pub struct SourceNode {
    /// Its component type.
    pub component: &'static ComponentType,
    /// Its id, service and time zone.
    pub defaults: SourceDefaults,
    /// The source.
    pub source: Box<dyn Source>,
}

/// An operator, ready to be placed.
pub struct OperatorNode {
    /// Its id.
    pub id: String,
    /// Its component type.
    pub component: &'static ComponentType,
    /// Ids of the nodes it reads.
    pub inputs: Vec<String>,
    /// What it produces.
    pub output: StreamKind,
    /// The operator.
    pub operator: Box<dyn Operator>,
}

/// The store.
pub struct StoreNode {
    /// Its id.
    pub id: String,
    /// Its component type.
    pub component: &'static ComponentType,
    /// Ids of the nodes it stores.
    pub inputs: Vec<String>,
    /// The store, not yet opened.
    pub store: Box<dyn Store>,
}

/// The `server:` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// Address and port; port 0 takes a free one.
    pub listen: String,
    /// File with the token that every request must carry; needed unless `listen` is loopback.
    pub token_file: Option<PathBuf>,
    /// Host names under which browsers may address the server, besides the listen address.
    pub allowed_hosts: Vec<String>,
}

/// The `engine:` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineOptions {
    /// Dataflow workers.
    pub workers: usize,
    /// Length of an epoch.
    pub epoch: Duration,
}

/// A graph that can run.
pub struct Graph {
    /// Sources, in the order of the file.
    pub sources: Vec<SourceNode>,
    /// Operators, each after those it reads.
    pub operators: Vec<OperatorNode>,
    /// The one store.
    pub store: StoreNode,
    /// The server, if the file asks for one.
    pub server: Option<ServerOptions>,
    /// The engine's own options.
    pub engine: EngineOptions,
}

impl Graph {
    /// Returns what a checkpoint of this graph says about its operators.
    pub fn identity(&self) -> Vec<crate::component::NodeIdentity> {
        self.operators
            .iter()
            .map(|node| {
                let mut identity = node.operator.identity();
                identity.node.clone_from(&node.id);
                identity
            })
            .collect()
    }
}
