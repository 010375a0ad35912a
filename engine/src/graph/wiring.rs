//! Edges: every input names a node whose stream fits, nothing is left unread, nothing goes in
//! circles; and the order in which operators can be built.

use super::config::{Config, Input, NodeConfig, kind_word};
use super::report::Report;
use super::suggest;
use crate::component::{ComponentKind, Registry, StreamKind};
use std::collections::{BTreeSet, HashMap};

/// Checks all edges. Returns the positions of operators in `config.nodes`, each after those it
/// reads; it is complete only if nothing was reported.
pub(super) fn check(config: &Config, registry: Registry, report: &mut Report) -> Vec<usize> {
    let mut wiring = Wiring::new(config, registry, report);
    for node in &config.nodes {
        wiring.inputs(node);
    }
    wiring.unread();
    wiring.order()
}

struct Wiring<'a> {
    config: &'a Config,
    registry: Registry,
    report: &'a mut Report,
    by_id: HashMap<&'a str, usize>,
    /// Ids that some node reads, or was probably meant to read.
    read: BTreeSet<&'a str>,
}

impl<'a> Wiring<'a> {
    fn new(config: &'a Config, registry: Registry, report: &'a mut Report) -> Self {
        let by_id = config.nodes.iter().enumerate().map(|(i, node)| (node.id.as_str(), i));
        Self { config, registry, report, by_id: by_id.collect(), read: BTreeSet::new() }
    }

    /// Returns the ids of nodes that produce one of `kinds`.
    fn producers(&self, kinds: &[StreamKind]) -> Vec<&'a str> {
        let produces = |node: &&NodeConfig| {
            node.component.and_then(|c| c.output).is_some_and(|output| kinds.contains(&output))
        };
        self.config.nodes.iter().filter(produces).map(|node| node.id.as_str()).collect()
    }

    fn inputs(&mut self, node: &'a NodeConfig) {
        let Some(inputs) = &node.inputs else {
            let known = node.component.is_some();
            if node.kind != ComponentKind::Source && known && !node.has_inputs {
                self.needs_inputs(node);
            }
            return;
        };
        if inputs.is_empty() {
            return self.needs_inputs(node);
        }
        let given: Vec<Option<StreamKind>> =
            inputs.iter().map(|input| self.input(node, input)).collect();
        let Some(component) = node.component else { return };
        for (kind, required) in component.inputs {
            let present = given.iter().any(|input| input.is_none_or(|given| given == *kind));
            if *required && !present {
                self.missing(node, *kind);
            }
        }
    }

    fn needs_inputs(&mut self, node: &NodeConfig) {
        let word = kind_word(node.kind);
        let kinds = accepted(node);
        let hint = match self.producers(&kinds).as_slice() {
            [] => (!kinds.is_empty()).then(|| format!("It reads {}.", listed(&kinds))),
            ids => Some(format!("It reads {}: {}.", listed(&kinds), suggest::listed(ids))),
        };
        self.report.add(node.place, format!("the {word} `{}` has no `inputs`", node.id), hint);
    }

    /// Checks one edge; returns the kind of stream it carries unless that cannot be told.
    fn input(&mut self, node: &NodeConfig, input: &'a Input) -> Option<StreamKind> {
        let Some(producer) = self.by_id.get(input.id.as_str()) else {
            let nodes = self.config.nodes.iter();
            let ids = nodes
                .filter(|other| !other.kind.is_sink() && other.id != node.id)
                .map(|other| other.id.as_str());
            let ids: Vec<&'a str> = ids.collect();
            self.read.extend(suggest::nearest(&input.id, ids.iter().copied()));
            let message = format!("`{}` reads `{}`, which does not exist", node.id, input.id);
            self.report.add(input.place, message, suggest::hint("node", &input.id, &ids));
            return None;
        };
        let producer = &self.config.nodes[*producer];
        self.read.insert(&producer.id);
        if producer.kind.is_sink() {
            let message = format!("`{}` reads `{}`, which is a sink", node.id, input.id);
            let hint = "Nothing can be read from a sink; name what the sink reads.".to_owned();
            self.report.add(input.place, message, Some(hint));
            return None;
        }
        let output = producer.component?.output?;
        let component = node.component?;
        if component.inputs.iter().any(|(kind, _)| *kind == output) {
            return Some(output);
        }
        let kinds = accepted(node);
        let message = format!(
            "`{}` produces {output}, but `{}` (type `{}`) reads {}",
            producer.id,
            node.id,
            component.name,
            listed(&kinds)
        );
        let others = self.producers(&kinds);
        let others: Vec<&str> = others.into_iter().filter(|id| *id != node.id).collect();
        let hint = match others.as_slice() {
            [] => self.types_for(&kinds),
            ids => Some(format!("Nodes that fit: {}.", suggest::listed(ids))),
        };
        self.report.add(input.place, message, hint);
        None
    }

    fn missing(&mut self, node: &NodeConfig, kind: StreamKind) {
        let message = format!("`{}` needs an input that produces {kind}", node.id);
        let hint = match self.producers(&[kind]).as_slice() {
            [] => self.types_for(&[kind]),
            ids => Some(format!("Add {} to its `inputs`.", suggest::listed(ids))),
        };
        self.report.add(node.place, message, hint);
    }

    /// Says which component types produce one of `kinds`.
    fn types_for(&self, kinds: &[StreamKind]) -> Option<String> {
        let makes = self.registry.0.iter().filter(|c| c.output.is_some_and(|o| kinds.contains(&o)));
        let names: Vec<&str> = makes.map(|component| component.name).collect();
        let all = suggest::listed(&names);
        (!names.is_empty()).then(|| format!("Add a node of type {all}."))
    }

    /// Returns whether a node whose inputs are not known, which has been reported, may read `node`.
    fn may_be_read(&self, node: &NodeConfig) -> bool {
        let output = node.component.and_then(|component| component.output);
        let unclear = self.config.nodes.iter().filter(|other| {
            other.kind != ComponentKind::Source && other.inputs.as_ref().is_none_or(Vec::is_empty)
        });
        let mut readers = unclear.filter(|other| other.id != node.id);
        readers.any(|other| match (other.component, output) {
            (Some(_), Some(output)) => accepted(other).contains(&output),
            (None, _) | (_, None) => true,
        })
    }

    fn unread(&mut self) {
        if self.config.incomplete {
            return;
        }
        for node in &self.config.nodes {
            let read = self.read.contains(node.id.as_str()) || self.may_be_read(node);
            if node.kind.is_sink() || read {
                continue;
            }
            let readers = node.component.and_then(|c| c.output).map(|output| {
                let reads =
                    |other: &&NodeConfig| other.id != node.id && accepted(other).contains(&output);
                let nodes = self.config.nodes.iter().filter(reads);
                nodes.map(|other| other.id.as_str()).collect::<Vec<&str>>()
            });
            let hint = match readers.unwrap_or_default().as_slice() {
                [] => "Remove it, or let a node read it.".to_owned(),
                ids => {
                    format!("Remove it, or add it to the `inputs` of {}.", suggest::listed(ids))
                }
            };
            let message = format!("nothing reads the {} `{}`", kind_word(node.kind), node.id);
            self.report.add(node.place, message, Some(hint));
        }
    }

    /// Returns the positions of the nodes that node `position` reads, with the inputs that say so.
    fn sources_of(&self, position: usize) -> Vec<(usize, &'a Input)> {
        let inputs = self.config.nodes[position].inputs.iter().flatten();
        let found = inputs.filter_map(|input| Some((*self.by_id.get(input.id.as_str())?, input)));
        found.filter(|(node, _)| !self.config.nodes[*node].kind.is_sink()).collect()
    }

    fn order(&mut self) -> Vec<usize> {
        let count = self.config.nodes.len();
        let mut waiting: Vec<usize> = (0..count).map(|i| self.sources_of(i).len()).collect();
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); count];
        for node in 0..count {
            for (source, _) in self.sources_of(node) {
                readers[source].push(node);
            }
        }
        // The smallest position first, so that the order is that of the file wherever it can be.
        let mut ready: BTreeSet<usize> = (0..count).filter(|node| waiting[*node] == 0).collect();
        let mut order = Vec::new();
        while let Some(node) = ready.pop_first() {
            order.push(node);
            for reader in &readers[node] {
                waiting[*reader] -= 1;
                if waiting[*reader] == 0 {
                    ready.insert(*reader);
                }
            }
        }
        self.cycles(&waiting);
        order.retain(|node| self.config.nodes[*node].kind == ComponentKind::Operator);
        order
    }

    /// Names a cycle through nodes that still wait; each such node is walked over once.
    fn cycles(&mut self, waiting: &[usize]) {
        let mut walked: BTreeSet<usize> = BTreeSet::new();
        for start in (0..waiting.len()).filter(|node| waiting[*node] > 0) {
            let mut path: Vec<usize> = Vec::new();
            let mut node = start;
            while walked.insert(node) {
                path.push(node);
                let stuck = |(source, _): &(usize, &Input)| waiting[*source] > 0;
                let Some((source, input)) = self.sources_of(node).into_iter().find(stuck) else {
                    break;
                };
                if let Some(first) = path.iter().position(|walked| *walked == source) {
                    self.cycle(&path[first..], input);
                    break;
                }
                node = source;
            }
        }
    }

    /// Reports a cycle, given against the direction of the data; `input` closes it.
    fn cycle(&mut self, path: &[usize], input: &Input) {
        /// Longer cycles are cut in the message.
        const SHOWN_MAX: usize = 12;
        let id = |node: &usize| self.config.nodes[*node].id.as_str();
        let mut shown: Vec<&str> = path.iter().rev().map(id).take(SHOWN_MAX).collect();
        if path.len() > SHOWN_MAX {
            shown.push("…");
        }
        shown.extend(path.last().map(id));
        let message = format!("data would go in a circle: {}", shown.join(" → "));
        let hint = "Remove one of these inputs.".to_owned();
        self.report.add(input.place, message, Some(hint));
    }
}

/// Returns the stream kinds that a node reads.
fn accepted(node: &NodeConfig) -> Vec<StreamKind> {
    let inputs = node.component.map(|component| component.inputs).unwrap_or_default();
    inputs.iter().map(|(kind, _)| *kind).collect()
}

fn listed(kinds: &[StreamKind]) -> String {
    let words: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    match words.split_last() {
        None => "nothing".to_owned(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}
