//! Registry: name to factory, schema and documentation. The list itself is `src/registry.rs` of the
//! root package; nothing registers itself.

use super::{Operator, Source, Store, StreamKind};
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};

/// What a component is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ComponentKind {
    /// Reads lines.
    Source,
    /// Computes a stream from streams.
    Operator,
    /// Stores results.
    Store,
}

/// The options of one component as the user wrote them, with everything the engine itself
/// understands (`type`, `inputs`, a source's `service` and `timezone`) taken out.
#[derive(Clone, Debug)]
pub struct Options {
    /// The node's id.
    pub id: String,
    /// The options.
    pub value: serde_json::Value,
    /// The folder against which relative paths are resolved: that of the graph file.
    pub base: PathBuf,
}

/// An option that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OptionsError {
    /// Where, as a list of keys below the component; empty for the component itself.
    pub path: Vec<String>,
    /// What is wrong, in one lower-case sentence.
    pub message: String,
    /// What to write instead, if it can be said.
    pub hint: Option<String>,
}

impl OptionsError {
    /// Returns an error about one option.
    pub fn at(option: &str, message: impl Into<String>) -> Self {
        Self { path: vec![option.to_owned()], message: message.into(), hint: None }
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Options {
    /// Returns the options as a typed configuration.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Vec<OptionsError>> {
        serde_json::from_value(self.value.clone()).map_err(|error| {
            vec![OptionsError { path: Vec::new(), message: error.to_string(), hint: None }]
        })
    }

    /// Returns `path`, resolved against the graph file's folder if it is relative.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }
}

/// Makes a component from its options, reporting every mistake it finds.
#[derive(Clone, Copy)]
pub enum Build {
    /// A source.
    Source(fn(&Options) -> Result<Box<dyn Source>, Vec<OptionsError>>),
    /// An operator.
    Operator(fn(&Options) -> Result<Box<dyn Operator>, Vec<OptionsError>>),
    /// A store. It may not touch the disk before [`Store::load`].
    Store(fn(&Options) -> Result<Box<dyn Store>, Vec<OptionsError>>),
}

/// One entry of the registry.
#[derive(Clone, Copy)]
pub struct ComponentType {
    /// The value of `type` in the graph file.
    pub name: &'static str,
    /// One sentence for help and documentation.
    pub summary: &'static str,
    /// Stream kinds it reads: `(kind, required)`.
    pub inputs: &'static [(StreamKind, bool)],
    /// Stream kind it produces; `None` for sinks.
    pub output: Option<StreamKind>,
    /// JSON Schema of its options.
    pub schema: fn() -> schemars::Schema,
    /// The factory.
    pub build: Build,
}

impl ComponentType {
    /// Returns what the component is for.
    pub fn kind(&self) -> ComponentKind {
        match self.build {
            Build::Source(_) => ComponentKind::Source,
            Build::Operator(_) => ComponentKind::Operator,
            Build::Store(_) => ComponentKind::Store,
        }
    }
}

/// Every component the binary knows, in the order of the manual.
#[derive(Clone, Copy)]
pub struct Registry(pub &'static [ComponentType]);

impl Registry {
    /// Returns the component type of that kind and name.
    pub fn find(&self, kind: ComponentKind, name: &str) -> Option<&'static ComponentType> {
        self.0.iter().find(|component| component.kind() == kind && component.name == name)
    }

    /// Returns the names of all component types of a kind.
    pub fn names(&self, kind: ComponentKind) -> impl Iterator<Item = &'static str> {
        self.0.iter().filter(move |component| component.kind() == kind).map(|c| c.name)
    }
}
