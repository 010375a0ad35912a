//! Named outputs: every input names one that its node has, and none of them is left unread. They are
//! known once the operators are built, since options give them their names.

use super::config::{Config, Input, NodeConfig};
use super::report::Report;
use super::{OperatorNode, suggest};
use crate::component::{ComponentKind, Outputs};

/// Checks all inputs and outputs. What could not be built, which has been reported, is passed over.
pub(super) fn check(config: &Config, operators: &[OperatorNode], report: &mut Report) {
    for input in inputs(config) {
        let Some(node) = config.nodes.iter().find(|node| node.id == input.id) else { continue };
        if let (Some(output), Some(outputs)) = (&input.output, outputs_of(node, operators)) {
            named(input, output, &outputs, report);
        }
    }
    // A node whose inputs are not known may read anything.
    let reads = |node: &NodeConfig| node.kind == ComponentKind::Source || node.inputs.is_some();
    if !config.incomplete && config.nodes.iter().all(reads) {
        for node in operators {
            unread(config, node, report);
        }
    }
}

fn inputs(config: &Config) -> impl Iterator<Item = &Input> {
    config.nodes.iter().flat_map(|node| node.inputs.iter().flatten())
}

/// Returns what can be read of a node; `None` if that is not known, or it is a sink.
fn outputs_of(node: &NodeConfig, operators: &[OperatorNode]) -> Option<Outputs> {
    match node.kind {
        ComponentKind::Source => Some(Outputs { has_main: true, named: Vec::new() }),
        ComponentKind::Operator => {
            let built = operators.iter().find(|built| built.id == node.id)?;
            Some(built.operator.outputs())
        }
        ComponentKind::Store | ComponentKind::Notifier => None,
    }
}

/// Reports an input that names an output which its node does not have.
fn named(input: &Input, output: &str, outputs: &Outputs, report: &mut Report) {
    let names: Vec<&str> = outputs.named.iter().map(String::as_str).collect();
    if names.contains(&output) {
        return;
    }
    let id = &input.id;
    let hint = match names.as_slice() {
        [] => Some(format!("It has one output; write `{id}`.")),
        names => suggest::hint("output", output, names),
    };
    report.add(input.place, format!("`{id}` has no output `{output}`"), hint);
}

/// Reports outputs that nothing reads: what goes there would be lost without being counted.
fn unread(config: &Config, node: &OperatorNode, report: &mut Report) {
    let Outputs { has_main, named } = node.operator.outputs();
    let Some(written) = config.nodes.iter().find(|written| written.id == node.id) else { return };
    let of_node = || inputs(config).filter(|input| input.id == node.id);
    // A node of which nothing is read at all has been reported.
    if of_node().next().is_none() {
        return;
    }
    let id = &node.id;
    for name in named {
        // One that was probably meant is reported where it is misspelt.
        let meant = |input: &Input| {
            input.output.as_deref().is_some_and(|read| {
                read == name || suggest::nearest(read, [name.as_str()]).is_some()
            })
        };
        if !of_node().any(meant) {
            let hint = format!("Let a node read `{id}.{name}`, or drop what goes there.");
            report.add(
                written.place,
                format!("nothing reads the output `{name}` of `{id}`"),
                Some(hint),
            );
        }
    }
    if has_main && !of_node().any(|input| input.output.is_none()) {
        let message = format!("nothing reads what `{id}` sends to none of its outputs");
        let hint = format!("Let a node read `{id}`, or drop the rest.");
        report.add(written.place, message, Some(hint));
    }
}
