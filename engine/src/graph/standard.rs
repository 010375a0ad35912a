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

/// The operators behind `events`, which reads every source.
const OPERATORS: &str = "\
  prints: { type: fingerprint, inputs: [events] }
  counts: { type: window,      inputs: [prints] }
  issues: { type: issue,       inputs: [prints] }
  spikes: { type: spike,       inputs: [counts, issues] }
  alerts: { type: alert,       inputs: [spikes] }
";

/// The ids it uses.
const IDS: [&str; 6] = ["events", "prints", "counts", "issues", "spikes", "alerts"];

/// What a store without `inputs` keeps of it.
const STORED: [&str; 3] = ["counts", "issues", "alerts"];

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
    let sources: Vec<&str> =
        config.of(ComponentKind::Source).map(|source| source.id.as_str()).collect();
    let events = format!("  events: {{ type: parse, inputs: {} }}\n", quoted(&sources));
    let text = format!("operators:\n{events}{OPERATORS}");
    let file = report.add_input(&GraphInput { name: NAME.to_owned(), text, base: PathBuf::new() });
    config.read(file, registry, report);
    for node in config.nodes.iter_mut().filter(|node| node.kind == ComponentKind::Store) {
        if node.has_inputs {
            continue;
        }
        let accepts = node.component.map(|component| component.inputs).unwrap_or_default();
        let fits = |id: &&&str| accepts.iter().any(|(kind, _)| kind.as_str() == **id);
        let place = node.place;
        let input = |id: &&str| Input { id: (*id).to_owned(), place };
        node.inputs = Some(STORED.iter().filter(fits).map(input).collect());
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

/// Returns ids as a YAML list of quoted texts; a source may be called `1` or `null`.
fn quoted(ids: &[&str]) -> String {
    let quoted: Vec<String> =
        ids.iter().map(|id| format!("'{}'", id.replace('\'', "''").escape_debug())).collect();
    format!("[{}]", quoted.join(", "))
}
