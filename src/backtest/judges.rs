//! What of a graph file judges: its `spike` and its `alert`, and what is counted for them.

use crate::failure::Failure;
use crate::registry::REGISTRY;
use engine::graph::{Graph, GraphInput, Mistake, OperatorNode, node_of};
use operators::alert::{AlertConfig, Alerting};
use operators::spike::{SpikeConfig, SpikeDetector};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// A graph file that can be replayed.
pub struct Judges {
    /// The graph.
    pub graph: Graph,
    /// Its detector, and the id of that node.
    pub spikes: SpikeDetector,
    /// See above.
    pub spikes_id: String,
    /// What makes alerts of it, and the id of that node.
    pub alerts: Alerting,
    /// See above.
    pub alerts_id: String,
}

impl Judges {
    /// Reads graph files; they must have one `spike` and one `alert` that reads it.
    pub fn read(paths: &[PathBuf]) -> Result<Judges, Failure> {
        let failed = |inputs, mistakes| Failure::Configuration { inputs, mistakes };
        let inputs = GraphInput::load(paths).map_err(|mistakes| failed(Vec::new(), mistakes))?;
        let graph = match Graph::read(&inputs, REGISTRY) {
            Ok(graph) => graph,
            Err(mistakes) => return Err(failed(inputs, mistakes)),
        };
        Judges::of(graph).map_err(|message| {
            let file = inputs.first().map_or_else(String::new, |input| input.name.clone());
            let hint = "Write it out as `seismolog graph` prints the standard chain, or leave `operators` \
                        out altogether.";
            let hint = Some(hint.to_owned());
            failed(inputs, vec![Mistake { file, line: 1, column: 1, span: 0..0, message, hint }])
        })
    }

    fn of(graph: Graph) -> Result<Judges, String> {
        let spike = only(&graph, operators::spike::COMPONENT.name)?;
        let alert = only(&graph, operators::alert::COMPONENT.name)?;
        let unusable = |node: &OperatorNode| format!("the options of `{}` cannot be read", node.id);
        let config: SpikeConfig = options(spike).ok_or_else(|| unusable(spike))?;
        let spikes = SpikeDetector::new(config).map_err(|_| unusable(spike))?;
        let config: AlertConfig = options(alert).ok_or_else(|| unusable(alert))?;
        let alerts = Alerting::new(config).map_err(|_| unusable(alert))?;
        let (spikes_id, alerts_id) = (spike.id.clone(), alert.id.clone());
        Ok(Judges { graph, spikes, spikes_id, alerts, alerts_id })
    }

    /// Returns what the detector reads.
    pub fn counted(&self) -> Vec<String> {
        let spike = self.graph.operators.iter().find(|node| node.id == self.spikes_id);
        spike.map(|node| node.inputs.clone()).unwrap_or_default()
    }

    /// Returns the ids of the operators before the detector.
    pub fn upstream(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut open = self.counted();
        while let Some(input) = open.pop() {
            let node = self.graph.operators.iter().find(|node| node.id == node_of(&input));
            if let Some(node) = node.filter(|node| found.insert(node.id.clone())) {
                open.extend(node.inputs.iter().cloned());
            }
        }
        found
    }

    /// Returns whether another graph counts the same: same sources, same operators up to the detector.
    pub fn counts_like(&self, other: &Judges) -> bool {
        let sources = |of: &Judges| {
            let sources = of.graph.sources.iter().map(|node| node.defaults.clone());
            sources.collect::<Vec<_>>()
        };
        let operators = |of: &Judges| {
            let upstream = of.upstream();
            let mut nodes: Vec<_> = of
                .graph
                .operators
                .iter()
                .filter(|node| upstream.contains(&node.id))
                .map(|node| {
                    let OperatorNode { id, component, inputs, options, .. } = node;
                    (id.clone(), component.name, inputs.clone(), options.to_string())
                })
                .collect();
            nodes.sort();
            nodes
        };
        sources(self) == sources(other)
            && operators(self) == operators(other)
            && self.counted() == other.counted()
    }
}

/// Returns the one node of a type, or a sentence about what is wrong.
fn only<'a>(graph: &'a Graph, component: &str) -> Result<&'a OperatorNode, String> {
    let of_type = |node: &&OperatorNode| node.component.name == component;
    let mut found = graph.operators.iter().filter(of_type);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(format!("the graph has no `{component}`: there is nothing to replay")),
        (Some(one), Some(another)) => {
            let ids = format!("`{}` and `{}`", one.id, another.id);
            Err(format!("the graph has several `{component}`, {ids}: a backtest replays one"))
        }
    }
}

/// Returns the options of a node, which its factory has checked before.
fn options<T: serde::de::DeserializeOwned>(node: &OperatorNode) -> Option<T> {
    serde_json::from_value(node.options.clone()).ok()
}
