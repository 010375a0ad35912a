//! From nodes as written to components: options checked, factories called, edges resolved.

use super::check;
use super::config::{Config, Input, NodeConfig, kind_word};
use super::report::{Place, Report};
use super::settings::{self, SOURCE_KEYS};
use super::yaml::{Entry, Value};
use super::{Graph, GraphInput, Mistake, NotifierNode, OperatorNode, SourceNode, StoreNode};
use super::{outputs, standard, wiring};
use crate::component::{
    Build, ComponentKind, ComponentType, Options, OptionsError, Registry, SourceDefaults,
};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Builds the graph of `inputs`, or reports everything that stands in its way.
pub(super) fn graph(
    inputs: &[GraphInput],
    registry: Registry,
    default_sinks: Option<&GraphInput>,
) -> Result<Graph, Vec<Mistake>> {
    if inputs.is_empty() {
        return Err(vec![Mistake::about_file("", "no graph file was given", None)]);
    }
    let mut report = Report::new(inputs);
    let mut config = Config::default();
    let mut readable = true;
    for file in 0..inputs.len() {
        readable &= config.read(file, registry, &mut report);
    }
    // What a file that cannot be read would have said is unknown, so nothing is missing yet.
    let order = if readable {
        complete(&mut config, registry, default_sinks, &mut report)
    } else {
        Vec::new()
    };
    let server =
        config.server.take().map(|(place, node)| settings::server(place, &node, &mut report));
    let engine = config.engine.take();
    let engine = settings::engine(engine.as_ref().map(|(p, node)| (*p, node)), &mut report);
    let model = config.model.take();
    let model = settings::model(model.as_ref().map(|(p, node)| (*p, node)), &mut report);
    let mut parts = Parts::default();
    for node in &config.nodes {
        parts.build(node, &mut report);
    }
    outputs::check(&config, &parts.operators, &mut report);
    let store = parts.store.take();
    let (Some(store), 0) = (store, report.len()) else { return Err(report.finish()) };
    let ids: Vec<&str> = order.iter().map(|node| config.nodes[*node].id.as_str()).collect();
    parts.operators.sort_by_key(|operator| ids.iter().position(|id| *id == operator.id));
    let Parts { sources, operators, notifiers, .. } = parts;
    Ok(Graph { sources, operators, store, notifiers, server, engine, model })
}

/// Adds what the files leave out, checks that nothing is missing, and wires the nodes.
fn complete(
    config: &mut Config,
    registry: Registry,
    default_sinks: Option<&GraphInput>,
    report: &mut Report,
) -> Vec<usize> {
    let start = Place::default();
    if !config.has("sources") {
        let hint =
            "Add one, for instance `sources: { app: { type: file, include: [\"app.log\"] } }`.";
        report.add(start, "the graph has no sources", Some(hint.to_owned()));
    }
    if let (false, Some(sinks)) = (config.has("sinks"), default_sinks) {
        let file = report.add_input(sinks);
        config.read(file, registry, report);
    }
    one_store(config, report);
    let missing = [ComponentKind::Source, ComponentKind::Store]
        .into_iter()
        .any(|kind| config.of(kind).next().is_none());
    if !config.has("operators") && !standard::add(config, registry, report) {
        return Vec::new();
    }
    // Without its ends no chain is whole: everything would be called unread.
    if missing { Vec::new() } else { wiring::check(config, registry, report) }
}

/// Reports that there is no store, or every store but the first.
fn one_store(config: &Config, report: &mut Report) {
    // A sink whose type is not known may be the store, and need not be a second one.
    let mut stores = config.of(ComponentKind::Store).filter(|node| node.component.is_some());
    let Some(first) = stores.next() else {
        if config.of(ComponentKind::Store).next().is_none() && !config.incomplete {
            let (place, hint) = match config.place_of("sinks") {
                None => (
                    Place::default(),
                    "Add `sinks: { store: { type: sqlite, path: ./seismolog.db } }`.",
                ),
                Some(place) => {
                    (place, "Add `store: { type: sqlite, path: ./seismolog.db }` to it.")
                }
            };
            report.add(place, "the graph has no store", Some(hint.to_owned()));
        }
        return;
    };
    for second in stores {
        let message = format!(
            "a graph has one store, and `{}` is already given at {}",
            first.id,
            report.locate(first.place)
        );
        report.add(second.place, message, Some("Remove one of the two.".to_owned()));
    }
}

#[derive(Default)]
struct Parts {
    sources: Vec<SourceNode>,
    operators: Vec<OperatorNode>,
    store: Option<StoreNode>,
    notifiers: Vec<NotifierNode>,
}

impl Parts {
    fn build(&mut self, node: &NodeConfig, report: &mut Report) {
        let is_source = node.kind == ComponentKind::Source;
        let of_engine = |entry: &&Entry| is_source && SOURCE_KEYS.contains(&entry.key.as_str());
        let (engine_options, own): (Vec<Entry>, Vec<Entry>) =
            node.options.iter().cloned().partition(|entry| of_engine(&entry));
        let section =
            is_source.then(|| settings::source(&node.id, node.place, &engine_options, report));
        let Some(component) = node.component else { return };
        let (options, trusted) = check_options(node, component, &own, report);
        let inputs: Vec<String> = node.inputs.iter().flatten().map(Input::written).collect();
        let id = node.id.clone();
        match component.build {
            Build::Source(make) => {
                let made = reported(make(&options), node, &own, &trusted, report);
                if let (Some(source), Some(section)) = (made, section) {
                    let timezone = section.timezone.unwrap_or_else(|| "UTC".to_owned());
                    let defaults = SourceDefaults { id, service: section.service.into(), timezone };
                    self.sources.push(SourceNode { component, defaults, source });
                }
            }
            Build::Operator(make) => {
                let made = reported(make(&options), node, &own, &trusted, report);
                match (made, component.output) {
                    (Some(operator), Some(output)) => {
                        self.operators.push(OperatorNode {
                            id,
                            component,
                            inputs,
                            output,
                            options: options.value,
                            operator,
                        });
                    }
                    (Some(_), None) => {
                        let message = format!("the type `{}` produces nothing", component.name);
                        report.add(node.place, message, None);
                    }
                    (None, _) => {}
                }
            }
            Build::Store(make) => {
                if let Some(store) = reported(make(&options), node, &own, &trusted, report) {
                    self.store = Some(StoreNode { id, component, inputs, store });
                }
            }
            Build::Notifier(make) => {
                if let Some(notifier) = reported(make(&options), node, &own, &trusted, report) {
                    self.notifiers.push(NotifierNode { id, component, inputs, notifier });
                }
            }
        }
    }
}

/// Which of a factory's complaints are worth repeating.
enum Trusted {
    /// All: it saw every option.
    All,
    /// Only those about options that it was given; others were taken out after a mistake.
    Only(BTreeSet<String>),
}

/// Checks the component's own options and returns what its factory is to see.
fn check_options(
    node: &NodeConfig,
    component: &ComponentType,
    own: &[Entry],
    report: &mut Report,
) -> (Options, Trusted) {
    let schema = (component.schema)();
    let also: &[&str] = match node.kind {
        ComponentKind::Source => &["type", "service", "timezone"],
        ComponentKind::Operator | ComponentKind::Store | ComponentKind::Notifier => {
            &["type", "inputs"]
        }
    };
    let owner = format!("`{}`", node.id);
    let (mut object, faults) = check::check(&owner, node.place, own, also, schema.as_value());
    let clean = faults.is_empty();
    for option in faults.iter().filter_map(|fault| fault.option.as_ref()) {
        object.remove(option);
    }
    settings::report_faults(faults, report);
    let trusted =
        if clean { Trusted::All } else { Trusted::Only(object.keys().cloned().collect()) };
    let base: PathBuf = report.input(node.place.file).base.clone();
    (Options { id: node.id.clone(), value: Json::Object(object), base }, trusted)
}

/// Reports what a factory complains about.
fn reported<T>(
    made: Result<T, Vec<OptionsError>>,
    node: &NodeConfig,
    own: &[Entry],
    trusted: &Trusted,
    report: &mut Report,
) -> Option<T> {
    let errors = match made {
        Ok(component) => return Some(component),
        Err(errors) => errors,
    };
    if errors.is_empty() {
        let message = format!("the {} `{}` could not be made", kind_word(node.kind), node.id);
        report.add(node.place, message, None);
    }
    for error in errors {
        let heeded = match (trusted, error.path.first()) {
            (Trusted::All, _) => true,
            (Trusted::Only(given), Some(option)) => given.contains(option),
            (Trusted::Only(_), None) => false,
        };
        if !heeded {
            continue;
        }
        let message = match error.path.as_slice() {
            [] => format!("`{}`: {}", node.id, error.message),
            path => format!("option `{}` of `{}`: {}", path.join("."), node.id, error.message),
        };
        report.add(place_of(node.place, own, &error.path), message, error.hint);
    }
    None
}

/// Returns where the option at `path` stands, or the nearest thing around it.
fn place_of(outer: Place, entries: &[Entry], path: &[String]) -> Place {
    let mut place = outer;
    let mut value: Option<&Value> = None;
    for key in path {
        let node = match value {
            None => entries.iter().find(|entry| entry.key == *key).map(|entry| &entry.value),
            Some(Value::Map(entries)) => {
                entries.iter().find(|entry| entry.key == *key).map(|entry| &entry.value)
            }
            Some(Value::List(items)) => {
                key.parse::<usize>().ok().and_then(|position| items.get(position))
            }
            Some(Value::Scalar(_)) => None,
        };
        let Some(node) = node else { break };
        place = node.place;
        value = Some(&node.value);
    }
    place
}
