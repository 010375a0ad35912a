//! The standard chain: the operators that run when a graph file names none.
//!
//! It is written as a graph file of its own, so it is read, checked and wired like any other.

use super::GraphInput;
use super::config::{Config, Input};
use super::report::{Place, Report};
use crate::component::{ComponentKind, Registry};
use std::path::PathBuf;

/// The name under which the chain appears in messages.
const NAME: &str = "(standard chain)";

/// The operators; what `events` reads, every source, is filled in.
const TEXT: &str = "operators:
  events:   { type: parse,       inputs: [] }
  prints:   { type: fingerprint, inputs: [events] }
  counts:   { type: window,      inputs: [prints] }
  patterns: { type: pattern,     inputs: [prints] }
  vectors:  { type: embed,       inputs: [patterns] }
  issues:   { type: cluster,     inputs: [vectors] }
  tags:     { type: classify,    inputs: [issues] }
  spikes:   { type: spike,       inputs: [counts, issues] }
  alerts:   { type: alert,       inputs: [spikes] }
  standings: { type: triage,     inputs: [counts, issues] }
";

/// The operator that reads the sources.
const EVENTS: &str = "events";

/// The ids it uses.
const IDS: [&str; 10] = [
    EVENTS,
    "prints",
    "counts",
    "patterns",
    "vectors",
    "issues",
    "tags",
    "spikes",
    "alerts",
    "standings",
];

/// What a sink without `inputs` reads of it, as far as it reads such streams.
const SUNK: [&str; 5] = ["counts", "issues", "tags", "alerts", "standings"];

/// Adds the chain to a configuration without operators, then drops what nothing reads. Returns
/// whether an id of the user's stood in its way.
pub(super) fn add(config: &mut Config, registry: Registry, report: &mut Report) -> bool {
    let mut clear = true;
    for node in config.nodes.iter().filter(|node| IDS.contains(&node.id.as_str())) {
        let message = format!("the standard chain already has an operator `{}`", node.id);
        let hint = "Take another id, or write the `operators` out.".to_owned();
        report.add(node.place, message, Some(hint));
        clear = false;
    }
    if !clear {
        return false;
    }
    let (name, text) = (NAME.to_owned(), TEXT.to_owned());
    let file = report.add_input(&GraphInput { name, text, base: PathBuf::new() });
    config.read(file, registry, report);
    let sources: Vec<Input> = config
        .of(ComponentKind::Source)
        .map(|source| Input::main(source.id.clone(), source.place))
        .collect();
    if let Some(events) = config.nodes.iter_mut().find(|node| node.id == EVENTS) {
        events.inputs = Some(sources);
    }
    for node in config.nodes.iter_mut().filter(|node| node.kind.is_sink()) {
        if node.has_inputs {
            continue;
        }
        let Some(component) = node.component else { continue };
        let fits = |id: &&&str| component.inputs.iter().any(|(kind, _)| kind.as_str() == **id);
        let place = node.place;
        let input = |id: &&str| Input::main((*id).to_owned(), place);
        node.inputs = Some(SUNK.iter().filter(fits).map(input).collect());
        node.has_inputs = true;
    }
    prune(config, file);
    true
}

/// Drops nodes of the chain that nothing reads, so that a store may take less than all of it.
fn prune(config: &mut Config, chain: usize) {
    let of_chain = |place: Place| place.file == chain;
    loop {
        let inputs = config.nodes.iter().filter_map(|node| node.inputs.as_ref());
        let read: Vec<String> = inputs.flatten().map(|input| input.id.clone()).collect();
        let before = config.nodes.len();
        config.nodes.retain(|node| !of_chain(node.place) || read.contains(&node.id));
        if config.nodes.len() == before {
            return;
        }
    }
}
