//! A Graph as text, as a drawing (Mermaid, DOT) and as JSON: the graph as it will run, with the
//! standard chain if that is what runs. The output depends on the graph alone.

use super::Graph;
use super::config::{kind_word, node_of};
use crate::component::{ComponentKind, ComponentType, StreamKind};
use serde_json::{Value as Json, json};
use std::fmt::Write;

/// A node, whatever it is.
struct Drawn<'a> {
    id: &'a str,
    component: &'static ComponentType,
    inputs: &'a [String],
}

/// An edge.
struct Edge<'a> {
    from: &'a str,
    /// The name of the output, if it is not the main one.
    output: Option<&'a str>,
    to: &'a str,
    stream: Option<StreamKind>,
}

impl Edge<'_> {
    /// Returns what it carries, with the name of the output.
    fn label(&self) -> String {
        let stream = self.stream.map_or("", StreamKind::as_str);
        match self.output {
            Some(output) => format!("{stream}: {output}"),
            None => stream.to_owned(),
        }
    }
}

impl Graph {
    fn drawn(&self) -> Vec<Drawn<'_>> {
        let sources = self.sources.iter().map(|node| Drawn {
            id: &node.defaults.id,
            component: node.component,
            inputs: &[],
        });
        let operators = self.operators.iter().map(|node| Drawn {
            id: &node.id,
            component: node.component,
            inputs: &node.inputs,
        });
        let store = Drawn {
            id: &self.store.id,
            component: self.store.component,
            inputs: &self.store.inputs,
        };
        let notifiers = self.notifiers.iter().map(|node| Drawn {
            id: &node.id,
            component: node.component,
            inputs: &node.inputs,
        });
        sources.chain(operators).chain(std::iter::once(store)).chain(notifiers).collect()
    }

    fn edges<'a>(nodes: &[Drawn<'a>]) -> Vec<Edge<'a>> {
        let output = |id: &str| {
            nodes.iter().find(|node| node.id == id).and_then(|node| node.component.output)
        };
        let edge = |input: &'a String, to| {
            let from = node_of(input);
            let name = input.split_once('.').map(|(_, name)| name);
            Edge { from, output: name, to, stream: output(from) }
        };
        let of_node = |node: &Drawn<'a>| {
            let (to, inputs) = (node.id, node.inputs);
            inputs.iter().map(move |input| (input, to))
        };
        nodes.iter().flat_map(of_node).map(|(input, to)| edge(input, to)).collect()
    }

    /// Returns the graph as aligned text, one node a line.
    pub fn to_text(&self) -> String {
        let nodes = self.drawn();
        let width = |of: fn(&Drawn<'_>) -> usize| nodes.iter().map(of).max().unwrap_or(0);
        let id_width = width(|node| node.id.len());
        let type_width = width(|node| node.component.name.len());
        let mut text = String::new();
        let mut section = None;
        for node in &nodes {
            let word = section_word(node.component.kind());
            if section.replace(word) != Some(word) {
                text.push_str(word);
                text.push('\n');
            }
            let output = node.component.output.map_or(String::new(), |kind| format!("→ {kind}"));
            let (id, name) = (node.id, node.component.name);
            let mut line = format!("  {id:id_width$}  {name:type_width$}  {output:8}");
            if !node.inputs.is_empty() {
                line.push_str("  ← ");
                line.push_str(&node.inputs.join(", "));
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// Returns the graph as a Mermaid flow chart.
    pub fn to_mermaid(&self) -> String {
        let nodes = self.drawn();
        let name = |id: &str| nodes.iter().position(|node| node.id == id).unwrap_or(nodes.len());
        let mut text = "flowchart LR\n".to_owned();
        for (number, node) in nodes.iter().enumerate() {
            let label = format!("{}<br/>{}", node.id, node.component.name);
            let (open, close) = match node.component.kind() {
                ComponentKind::Source => ("([", "])"),
                ComponentKind::Operator => ("[", "]"),
                ComponentKind::Store => ("[(", ")]"),
                ComponentKind::Notifier => ("[/", "/]"),
            };
            // Writing to a text cannot fail. Ids of nodes are numbers: Mermaid reserves words.
            let _ = writeln!(text, "  n{number}{open}\"{label}\"{close}");
        }
        for edge in Self::edges(&nodes) {
            let (from, to) = (name(edge.from), name(edge.to));
            let _ = writeln!(text, "  n{from} -->|{}| n{to}", edge.label());
        }
        text
    }

    /// Returns the graph in the DOT language of Graphviz.
    pub fn to_dot(&self) -> String {
        let nodes = self.drawn();
        let mut text = "digraph seismolog {\n  rankdir=LR;\n  node [shape=box];\n".to_owned();
        for node in &nodes {
            let shape = match node.component.kind() {
                ComponentKind::Source => " shape=ellipse",
                ComponentKind::Operator => "",
                ComponentKind::Store => " shape=cylinder",
                ComponentKind::Notifier => " shape=parallelogram",
            };
            let (id, name) = (node.id, node.component.name);
            let _ = writeln!(text, "  \"{id}\" [label=\"{id}\\n{name}\"{shape}];");
        }
        for edge in Self::edges(&nodes) {
            let (from, to) = (edge.from, edge.to);
            let _ = writeln!(text, "  \"{from}\" -> \"{to}\" [label=\"{}\"];", edge.label());
        }
        text.push_str("}\n");
        text
    }

    /// Returns nodes and edges as the API shows them.
    pub fn to_json(&self) -> Json {
        let nodes = self.drawn();
        let edges: Vec<Json> = Self::edges(&nodes)
            .into_iter()
            .map(|edge| {
                let mut shown = json!({"from": edge.from, "to": edge.to, "stream": edge.stream});
                if let Some(output) = edge.output {
                    shown["output"] = json!(output);
                }
                shown
            })
            .collect();
        let nodes: Vec<Json> = nodes
            .iter()
            .map(|node| {
                json!({
                    "id": node.id,
                    "type": node.component.name,
                    "kind": kind_word(node.component.kind()),
                    "output": node.component.output,
                })
            })
            .collect();
        json!({"nodes": nodes, "edges": edges})
    }
}

/// Returns the section of the graph file that holds nodes of a kind.
const fn section_word(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::Source => "sources",
        ComponentKind::Operator => "operators",
        ComponentKind::Store | ComponentKind::Notifier => "sinks",
    }
}
