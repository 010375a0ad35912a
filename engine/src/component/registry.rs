//! Registry: name to factory, schema and documentation. The list itself is `src/registry.rs` of the
//! root package; nothing registers itself.

use super::{Notifier, Operator, Source, Store, StreamKind};
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
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
    /// Tells people.
    Notifier,
}

impl ComponentKind {
    /// Returns whether nothing can be read from it: a graph ends there.
    pub const fn is_sink(self) -> bool {
        matches!(self, ComponentKind::Store | ComponentKind::Notifier)
    }
}

/// The options of one component as the user wrote them, with everything the engine itself
/// understands (`type`, `inputs`, a source's `service` and `timezone`) taken out.
#[derive(Clone, Debug)]
pub struct Options {
    /// The node's id.
    pub id: String,
    /// The options.
    pub value: Json,
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
    /// Returns the options as a typed configuration, or an error for every option that does not
    /// fit. Unknown keys and wrong types have been found before, by the component's schema; this
    /// finds what only the types themselves know, and says which option it was.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Vec<OptionsError>> {
        let mut value = self.value.clone();
        let mut errors = Vec::new();
        let mut blamed = Vec::new();
        loop {
            let error = match serde_json::from_value::<T>(value.clone()) {
                Ok(options) if errors.is_empty() => return Ok(options),
                Ok(_) => return Err(errors),
                Err(error) => error.to_string(),
            };
            let culprit = culprit::<T>(&value, &error);
            if let (Some(key), Json::Object(options)) = (&culprit, &mut value) {
                options.remove(key);
                blamed.push(format!("missing field `{key}`"));
            } else if blamed.contains(&error) {
                // It is missing only because it was taken out above.
                return Err(errors);
            }
            let last = culprit.is_none();
            let path = culprit.into_iter().collect();
            errors.push(OptionsError { path, message: error, hint: None });
            if last {
                return Err(errors);
            }
        }
    }

    /// Returns `path`, resolved against the graph file's folder if it is relative.
    pub fn resolve(&self, path: &Path) -> PathBuf {
        self.base.join(path)
    }
}

/// Returns the option that causes `error`: reading goes by key, so it is the last one of the
/// shortest run of options that fails in the same way.
fn culprit<T: DeserializeOwned>(value: &Json, error: &str) -> Option<String> {
    let options = value.as_object().filter(|_| !error.starts_with("missing field"))?;
    let fails = |count: usize| {
        let some = options.iter().take(count).map(|(key, value)| (key.clone(), value.clone()));
        let read = serde_json::from_value::<T>(Json::Object(some.collect()));
        read.is_err_and(|found| found.to_string() == error)
    };
    if fails(0) {
        return None;
    }
    (1..=options.len())
        .find(|count| fails(*count))
        .and_then(|count| options.keys().nth(count - 1).cloned())
}

/// A component, or everything that is wrong with its options.
pub type Built<T> = Result<Box<T>, Vec<OptionsError>>;

/// Makes a component from its options, reporting every mistake it finds.
#[derive(Clone, Copy)]
pub enum Build {
    /// A source.
    Source(fn(&Options) -> Built<dyn Source>),
    /// An operator.
    Operator(fn(&Options) -> Built<dyn Operator>),
    /// A store. It may not touch the disk before [`Store::load`].
    Store(fn(&Options) -> Built<dyn Store>),
    /// A notifier. It may not reach out before [`Notifier::deliver`].
    Notifier(fn(&Options) -> Built<dyn Notifier>),
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
            Build::Notifier(_) => ComponentKind::Notifier,
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::component::HumanDuration;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Fake {
        size: HumanDuration,
        wait: Option<HumanDuration>,
        name: String,
    }

    fn errors(value: Json) -> Vec<(String, String)> {
        let options = Options { id: "fake".to_owned(), value, base: PathBuf::new() };
        let errors = options.parse::<Fake>().unwrap_err().into_iter();
        errors.map(|error| (error.path.join("."), error.message)).collect()
    }

    #[test]
    fn every_option_that_does_not_fit_is_named() {
        let found = errors(json!({"size": "1x", "wait": "1x", "name": "n"}));
        let options: Vec<&str> = found.iter().map(|(option, _)| option.as_str()).collect();
        assert_eq!(options, ["size", "wait"]);
        assert!(found[0].1.contains("must be a duration"), "{found:?}");
    }

    #[test]
    fn a_missing_option_belongs_to_the_component() {
        assert_eq!(errors(json!({"size": "1m"})), [(String::new(), "missing field `name`".into())]);
    }

    #[test]
    fn options_that_are_no_map_are_an_error() {
        assert_eq!(errors(json!(7)).len(), 1);
    }
}
