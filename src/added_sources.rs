//! Sources that people add to a running engine: what they may be, and how they are made.
//!
//! *Promises:* an added source is made by the same code as one of the graph file, and reads files only
//! from the folders that the graph file allows; none starts a program. *Not here:* threads, places and
//! what is stored (`engine::runtime::Sources`), addresses (crate `dashboard`).

use crate::registry::REGISTRY;
use engine::component::{
    NewSource, SourceActivity, SourceAdmin, SourceChange, SourceOrigin, SourceRefusal, SourceRow,
};
use engine::graph::{Graph, GraphInput, ServerOptions, SourceNode};
use engine::runtime::status::{SourceState, Status};
use engine::runtime::{
    MakeSource, NotChanged, Prepared, SlotView, SourceEnd, Sources, StoredSource,
};
use serde_json::{Map, Value as Json, json};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Types that read what only the person who starts the engine can mean.
const NOT_ADDED: [&str; 2] = ["stdin", "synthetic"];
/// Options that name a program.
const PROGRAMS: [&str; 1] = ["command"];

/// The sources of a running engine, as the server sees them.
pub struct AddedSources {
    sources: Sources,
    status: Arc<Status>,
    roots: Vec<PathBuf>,
}

impl AddedSources {
    /// Returns the sources of an engine that a server shows.
    pub fn new(sources: Sources, status: Arc<Status>, server: Option<&ServerOptions>) -> Self {
        let roots = server.map(|server| server.source_roots.clone()).unwrap_or_default();
        Self { sources, status, roots }
    }

    /// Returns what makes stored sources again after a restart, by the rules that hold then.
    pub fn maker(&self) -> MakeSource {
        let roots = self.roots.clone();
        Arc::new(move |id, options| {
            let options = options.as_object().cloned().unwrap_or_default();
            make(id, &options, &roots).map_err(|refusal| refusal.to_string())
        })
    }

    fn row(&self, slot: SlotView) -> SourceRow {
        let status = self.status.source(slot.index);
        let origin = match slot.stored.options {
            Some(_) => SourceOrigin::Added,
            None => SourceOrigin::File,
        };
        let state = match (slot.stored.paused, slot.end, status.as_ref().map(|s| s.state)) {
            (true, ..) => SourceActivity::Paused,
            (_, Some(SourceEnd::Finished), _) => SourceActivity::Finished,
            (_, Some(_), _) => SourceActivity::Stopped,
            (.., Some(SourceState::Backoff)) => SourceActivity::Backoff,
            _ => SourceActivity::Running,
        };
        SourceRow {
            id: slot.id,
            r#type: slot.component.to_owned(),
            origin,
            state,
            message: status.as_ref().and_then(|status| status.message.clone()),
            restarts: status.map_or(0, |status| status.restarts),
            options: slot.stored.options.map(without_secrets),
        }
    }

    fn changed(&self, (slot, durable): (SlotView, bool)) -> SourceChange {
        SourceChange { source: Some(self.row(slot)), durable }
    }
}

impl SourceAdmin for AddedSources {
    fn list(&self) -> Vec<SourceRow> {
        self.sources.list().into_iter().map(|slot| self.row(slot)).collect()
    }

    fn test(&self, new: &NewSource) -> Result<String, SourceRefusal> {
        let node = make(&new.id, &new.options, &self.roots)?;
        let failed = |error| SourceRefusal::NotNow(engine::error::sentence(&error));
        node.source.check().map_err(failed)
    }

    fn add(&self, new: &NewSource) -> Result<SourceChange, SourceRefusal> {
        let SourceNode { component, defaults, source } = make(&new.id, &new.options, &self.roots)?;
        let options = Some(Json::Object(new.options.clone()));
        let stored = StoredSource { options, paused: false };
        let prepared = Prepared { defaults, component: component.name, source, stored };
        Ok(self.changed(self.sources.add(prepared).map_err(refusal)?))
    }

    fn pause(&self, id: &str) -> Result<SourceChange, SourceRefusal> {
        Ok(self.changed(self.sources.pause(id, true).map_err(refusal)?))
    }

    fn resume(&self, id: &str) -> Result<SourceChange, SourceRefusal> {
        Ok(self.changed(self.sources.pause(id, false).map_err(refusal)?))
    }

    fn remove(&self, id: &str) -> Result<SourceChange, SourceRefusal> {
        let durable = self.sources.remove(id).map_err(refusal)?;
        Ok(SourceChange { source: None, durable })
    }
}

fn refusal(error: NotChanged) -> SourceRefusal {
    match error {
        NotChanged::Unknown(id) => SourceRefusal::Unknown(id),
        NotChanged::NotRunning | NotChanged::Thread(_) => SourceRefusal::NotNow(error.to_string()),
        _ => SourceRefusal::Conflict(error.to_string()),
    }
}

/// Makes a source as the graph file would, after checking what an added one may be.
fn make(
    id: &str,
    options: &Map<String, Json>,
    roots: &[PathBuf],
) -> Result<SourceNode, SourceRefusal> {
    let mut options = options.clone();
    let component = options.get("type").and_then(Json::as_str).unwrap_or_default();
    if NOT_ADDED.contains(&component) {
        let message = format!("a source of type `{component}` belongs into the graph file");
        return Err(SourceRefusal::Forbidden(message));
    }
    if let Some(option) = PROGRAMS.iter().find(|option| options.contains_key(**option)) {
        let message = format!("option `{option}` starts a program: it belongs into the graph file");
        return Err(SourceRefusal::Forbidden(message));
    }
    check_paths(&options, roots)?;
    if component == "file" {
        options.insert("within".to_owned(), json!(roots));
    }
    // The graph of this one source: the same checks, the same messages.
    let text = json!({
        "sources": { id: options },
        "sinks": { "store_of_the_graph": { "type": "memory" } },
    });
    let (name, text) = ("source".to_owned(), text.to_string());
    let inputs = [GraphInput { name, text, base: PathBuf::from("/") }];
    let mistakes = |mistakes: Vec<engine::graph::Mistake>| {
        let sentence = |mistake: engine::graph::Mistake| match mistake.hint {
            Some(hint) => format!("{}. {hint}", mistake.message),
            None => mistake.message,
        };
        SourceRefusal::Invalid(mistakes.into_iter().map(sentence).collect())
    };
    let graph = Graph::read(&inputs, REGISTRY).map_err(mistakes)?;
    let made = graph.sources.into_iter().find(|node| node.defaults.id == id);
    made.ok_or_else(|| SourceRefusal::Invalid(vec![format!("`{id}` cannot be an id")]))
}

/// Refuses paths outside of the allowed folders: patterns of log files, and files with secrets, which a
/// source would otherwise send to whoever it connects to.
fn check_paths(options: &Map<String, Json>, roots: &[PathBuf]) -> Result<(), SourceRefusal> {
    let is_path = |name: &str| name == "include" || name == "path" || name.ends_with("_file");
    let mut pending: Vec<(&str, &Json)> =
        options.iter().map(|(name, value)| (name.as_str(), value)).collect();
    while let Some((name, value)) = pending.pop() {
        match value {
            Json::Array(values) => pending.extend(values.iter().map(|value| (name, value))),
            Json::Object(inner) => {
                pending.extend(inner.iter().map(|(name, value)| (name.as_str(), value)));
            }
            Json::String(path) if is_path(name) && !is_inside(path, roots) => {
                let allowed: Vec<String> =
                    roots.iter().map(|root| root.display().to_string()).collect();
                let message = format!(
                    "option `{name}`: {path:?} is outside of what added sources may read ({}); \
                     `server.source_roots` of the graph file decides that",
                    if allowed.is_empty() { "nothing".to_owned() } else { allowed.join(", ") }
                );
                return Err(SourceRefusal::Forbidden(message));
            }
            _ => {}
        }
    }
    Ok(())
}

/// Returns whether everything that a path or a pattern names lies in one of the folders, as written.
fn is_inside(path: &str, roots: &[PathBuf]) -> bool {
    let plain = |part: Component<'_>| matches!(part, Component::RootDir | Component::Normal(_));
    let path = Path::new(path);
    path.components().all(plain) && roots.iter().any(|root| path.starts_with(root))
}

/// Returns options without passwords that stand in addresses.
fn without_secrets(mut options: Json) -> Json {
    match &mut options {
        Json::String(text) => {
            if let Some((scheme, rest)) = text.split_once("://")
                && let Some((user, host)) = rest.split_once('@')
                && !user.contains('/')
            {
                let user = user.split(':').next().unwrap_or_default();
                *text = format!("{scheme}://{user}:***@{host}");
            }
        }
        Json::Array(values) => {
            values.iter_mut().for_each(|value| *value = without_secrets(value.take()))
        }
        Json::Object(values) => {
            values.values_mut().for_each(|value| *value = without_secrets(value.take()));
        }
        _ => {}
    }
    options
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(options: Json) -> SourceRefusal {
        let roots = [PathBuf::from("/var/log"), PathBuf::from("/srv/logs")];
        match make("web", options.as_object().unwrap(), &roots) {
            Ok(_) => panic!("{options} was accepted"),
            Err(refusal) => refusal,
        }
    }

    #[test]
    fn an_added_source_reads_only_from_allowed_folders() {
        for path in [
            "/etc/shadow",
            "/var/log/../../etc/shadow",
            "relative.log",
            "/var/logs/x",
            "/srv/logsx/a",
            "",
        ] {
            let refusal = refused(json!({ "type": "file", "include": [path] }));
            assert!(matches!(refusal, SourceRefusal::Forbidden(_)), "{path}: {refusal}");
        }
        let roots = [PathBuf::from("/srv/logs")];
        let options = json!({ "type": "file", "include": ["/srv/logs/*.log"], "service": "shop" });
        let node = make("web", options.as_object().unwrap(), &roots).unwrap();
        assert_eq!((&*node.defaults.id, &*node.defaults.service), ("web", "shop"));
    }

    #[test]
    fn secrets_are_not_sent_to_strangers() {
        let options =
            json!({ "type": "file", "include": ["/var/log/a"], "tls": { "ca_file": "/etc/x" } });
        assert!(refused(options).to_string().contains("`ca_file`"));
    }

    #[test]
    fn no_program_is_started_and_no_terminal_is_read() {
        let refusals = [
            refused(json!({ "type": "stdin" })),
            refused(json!({ "type": "synthetic" })),
            refused(json!({ "type": "file", "include": ["/var/log/a"], "command": ["sh"] })),
        ];
        assert!(refusals.iter().all(|refusal| matches!(refusal, SourceRefusal::Forbidden(_))));
    }

    #[test]
    fn mistakes_are_told_as_for_a_graph_file() {
        let refusal = refused(json!({ "type": "fiel", "include": ["/var/log/a"] }));
        assert!(refusal.to_string().contains("Did you mean `file`?"), "{refusal}");
        let refusal =
            refused(json!({ "type": "file", "include": ["/var/log/a"], "timezone": "Mars" }));
        assert!(refusal.to_string().contains("names no time zone"), "{refusal}");
    }

    #[test]
    fn passwords_in_addresses_are_not_shown() {
        let shown =
            without_secrets(json!({ "url": ["postgres://me:secret@db/x", "http://db:9200"] }));
        assert_eq!(shown, json!({ "url": ["postgres://me:***@db/x", "http://db:9200"] }));
    }
}
