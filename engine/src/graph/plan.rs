//! Graph: validated, typed, acyclic; every configuration error is born here.

use super::{build, load};
use crate::component::{
    ComponentType, NodeIdentity, Notifier, Operator, Registry, Source, SourceDefaults, Store,
    StreamKind,
};
use std::fmt;
use std::path::{Path, PathBuf};
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

impl Mistake {
    /// Returns a mistake about a whole file.
    pub(super) fn about_file(file: &str, message: &str, hint: Option<&str>) -> Self {
        let (file, message) = (file.to_owned(), message.to_owned());
        Self { file, line: 1, column: 1, span: 0..0, message, hint: hint.map(str::to_owned) }
    }
}

impl fmt::Display for Mistake {
    /// One line: `file:line:column: message`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)
    }
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
    /// What it reads: ids of nodes, or `id.output`.
    pub inputs: Vec<String>,
    /// What it produces.
    pub output: StreamKind,
    /// Its options, as the file gives them.
    pub options: serde_json::Value,
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

/// A notifier.
pub struct NotifierNode {
    /// Its id.
    pub id: String,
    /// Its component type.
    pub component: &'static ComponentType,
    /// Ids of the nodes whose alerts it tells.
    pub inputs: Vec<String>,
    /// The notifier, which has not reached out yet.
    pub notifier: Box<dyn Notifier>,
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
    /// Folders that sources added while the engine runs may read; none means that none may read files.
    pub source_roots: Vec<PathBuf>,
    /// The address under which people reach it, without a slash at its end; links in notices begin with it.
    pub public_url: Option<String>,
}

/// The `model:` section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelOptions {
    /// Whether patterns are embedded at all.
    pub enabled: bool,
    /// The folder of the model's files; then nothing else is looked at.
    pub path: Option<PathBuf>,
    /// Whether the model may be fetched.
    pub fetch: bool,
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
    /// Notifiers, in the order of the file.
    pub notifiers: Vec<NotifierNode>,
    /// The server, if the file asks for one.
    pub server: Option<ServerOptions>,
    /// The engine's own options.
    pub engine: EngineOptions,
    /// The model's.
    pub model: ModelOptions,
}

impl Graph {
    /// Reads `inputs` as one graph, or returns everything that is wrong with them.
    pub fn read(inputs: &[GraphInput], registry: Registry) -> Result<Graph, Vec<Mistake>> {
        build::graph(inputs, registry, None)
    }

    /// Like [`Graph::read`], but takes the `sinks` of `default_sinks` if the inputs have none.
    pub fn read_with(
        inputs: &[GraphInput],
        registry: Registry,
        default_sinks: &GraphInput,
    ) -> Result<Graph, Vec<Mistake>> {
        build::graph(inputs, registry, Some(default_sinks))
    }

    /// Reads the files at `paths` as one graph. A file that cannot be read is a mistake too.
    pub fn load<P: AsRef<Path>>(paths: &[P], registry: Registry) -> Result<Graph, Vec<Mistake>> {
        Graph::read(&GraphInput::load(paths)?, registry)
    }

    /// Returns what a checkpoint must agree with, ordered by node: see [`super::check_identity`].
    pub fn identity(&self) -> Vec<NodeIdentity> {
        let identity = |node: &OperatorNode| {
            let component = node.component.name.to_owned();
            let own = node.operator.identity()?;
            Some(NodeIdentity { node: node.id.clone(), component, ..own })
        };
        let mut identities: Vec<NodeIdentity> =
            self.operators.iter().filter_map(identity).collect();
        identities.sort();
        identities
    }
}

impl GraphInput {
    /// Reads the files at `paths`; returns the mistakes of all that cannot be read.
    pub fn load<P: AsRef<Path>>(paths: &[P]) -> Result<Vec<GraphInput>, Vec<Mistake>> {
        let (mut inputs, mut mistakes) = (Vec::new(), Vec::new());
        for path in paths {
            match load::input(path.as_ref()) {
                Ok(input) => inputs.push(input),
                Err(mistake) => mistakes.push(mistake),
            }
        }
        if mistakes.is_empty() { Ok(inputs) } else { Err(mistakes) }
    }
}

impl fmt::Debug for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}
