//! The graph file as the user writes it: sections, and nodes whose options are still a tree.
//!
//! Several files are read as one: their sections are merged, and an id that is used twice is a
//! mistake that names both places. Everything that concerns one node alone is checked here; what
//! concerns edges is `wiring`'s.

use super::report::{Place, Report};
use super::suggest;
use super::yaml::{self, Entry, Node, Scalar, Value};
use crate::component::{ComponentKind, ComponentType, Registry};
use std::collections::HashMap;

/// Longest node id in characters.
pub const ID_CHARS_MAX: usize = 64;

/// A section that holds nodes.
struct NodeSection {
    name: &'static str,
    /// What one of its nodes is called while its type is not known.
    word: &'static str,
    /// What its nodes may be; one of unknown type counts as the first.
    kinds: &'static [ComponentKind],
}

/// The sections that hold nodes.
const NODE_SECTIONS: [NodeSection; 3] = [
    NodeSection { name: "sources", word: "source", kinds: &[ComponentKind::Source] },
    NodeSection { name: "operators", word: "operator", kinds: &[ComponentKind::Operator] },
    NodeSection {
        name: "sinks",
        word: "sink",
        kinds: &[ComponentKind::Store, ComponentKind::Notifier],
    },
];

/// Every section.
const SECTIONS: [&str; 6] = ["sources", "operators", "sinks", "server", "engine", "model"];

/// A reference to another node.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// The node.
    pub id: String,
    /// Which of its named outputs, unless it is the main one.
    pub output: Option<String>,
    pub place: Place,
}

impl Input {
    /// Returns the main output of a node.
    pub fn main(id: String, place: Place) -> Self {
        Self { id, output: None, place }
    }

    /// Reads `id` or `id.output`.
    fn read(text: &str, place: Place) -> Self {
        let output = text.split_once('.').map(|(_, output)| output.to_owned());
        Self { id: node_of(text).to_owned(), output, place }
    }

    /// Returns it as it is written.
    pub fn written(&self) -> String {
        match &self.output {
            Some(output) => format!("{}.{output}", self.id),
            None => self.id.clone(),
        }
    }
}

/// Returns the id of the node that an input names, which may be one of a node's named outputs
/// (`id.output`).
pub fn node_of(input: &str) -> &str {
    input.split_once('.').map_or(input, |(id, _)| id)
}

/// A node as written.
pub(super) struct NodeConfig {
    pub id: String,
    pub kind: ComponentKind,
    /// Where its id stands.
    pub place: Place,
    /// `None` if its `type` is missing or unknown, which has been reported.
    pub component: Option<&'static ComponentType>,
    /// `None` if it has no `inputs`, or unreadable ones, which has been reported.
    pub inputs: Option<Vec<Input>>,
    /// Whether it has an `inputs` key.
    pub has_inputs: bool,
    /// Everything but `type` and `inputs`.
    pub options: Vec<Entry>,
}

/// A section of which there is one, with its key's place.
pub(super) type Section = Option<(Place, Node)>;

/// All files together.
#[derive(Default)]
pub(super) struct Config {
    pub nodes: Vec<NodeConfig>,
    pub server: Section,
    pub engine: Section,
    pub model: Section,
    /// Whether a node was left out because its place in the file is unusable; reported already.
    pub incomplete: bool,
    /// Where `operators`, `sinks` and `sources` were first seen with something in them.
    filled: HashMap<&'static str, Place>,
}

impl Config {
    /// Returns whether a section holds anything.
    pub fn has(&self, section: &str) -> bool {
        self.filled.contains_key(section)
    }

    /// Returns where a section was first seen with something in it.
    pub fn place_of(&self, section: &str) -> Option<Place> {
        self.filled.get(section).copied()
    }

    /// Returns the nodes of a kind, in the order of the files.
    pub fn of(&self, kind: ComponentKind) -> impl Iterator<Item = &NodeConfig> {
        self.nodes.iter().filter(move |node| node.kind == kind)
    }

    /// Reads input `file` into this configuration; returns whether its sections could be told.
    pub fn read(&mut self, file: usize, registry: Registry, report: &mut Report) -> bool {
        let before = report.len();
        let Some(root) = yaml::read(file, report) else {
            if report.len() == before {
                let hint = "Begin with `sources:`.";
                let place = Place { file, ..Place::default() };
                report.add(place, "the file is empty", Some(hint.to_owned()));
            }
            return false;
        };
        let Some(sections) = root.entries() else {
            let hint = format!("The sections are {}.", suggest::listed(&SECTIONS));
            report.add(root.place, "a graph file must be a map of sections", Some(hint));
            return false;
        };
        for section in sections {
            self.section(section, registry, report);
        }
        true
    }

    fn section(&mut self, section: &Entry, registry: Registry, report: &mut Report) {
        let name = section.key.as_str();
        if let Some(of_nodes) = NODE_SECTIONS.iter().find(|known| known.name == name) {
            let Some(entries) = section.value.entries() else {
                let hint = "Write each as `id: { type: … }`.".to_owned();
                let message = format!("`{name}` must be a map from ids to components");
                report.add(section.value.place, message, Some(hint));
                self.filled.insert(of_nodes.name, section.key_place);
                self.incomplete = true;
                return;
            };
            if !entries.is_empty() {
                self.filled.entry(of_nodes.name).or_insert(section.key_place);
            }
            for entry in entries {
                self.node(of_nodes, entry, registry, report);
            }
            return;
        }
        let slot = match name {
            "server" => &mut self.server,
            "engine" => &mut self.engine,
            "model" => &mut self.model,
            _ => {
                let hint = suggest::hint("section", name, &SECTIONS);
                report.add(section.key_place, format!("there is no section `{name}`"), hint);
                return;
            }
        };
        match slot {
            None => *slot = Some((section.key_place, section.value.clone())),
            Some((first, _)) => {
                let message = format!("`{name}` is already given at {}", report.locate(*first));
                let hint = "Keep one of the two; this section is not merged.".to_owned();
                report.add(section.key_place, message, Some(hint));
            }
        }
    }

    fn node(
        &mut self,
        section: &NodeSection,
        entry: &Entry,
        registry: Registry,
        report: &mut Report,
    ) {
        let (id, place) = (entry.key.clone(), entry.key_place);
        if !is_id(&id) {
            let hint =
                format!("Use 1 to {ID_CHARS_MAX} of: lower-case letters, digits, `_` and `-`.");
            report.add(place, format!("`{id}` cannot be the id of a component"), Some(hint));
        }
        if let Some(first) = self.nodes.iter().find(|node| node.id == id) {
            let message =
                format!("the id `{id}` is already used at {}", report.locate(first.place));
            report.add(place, message, Some("Ids are unique over all sections and files.".into()));
            self.incomplete = true;
            return;
        }
        let Some(entries) = entry.value.entries() else {
            let hint = format!("Write `{id}: {{ type: … }}`.");
            report.add(entry.value.place, format!("`{id}` must be a map of options"), Some(hint));
            self.incomplete = true;
            self.nodes.push(NodeConfig::unusable(id, section.kinds[0], place));
            return;
        };
        let component = component_of(section, &id, place, entries, registry, report);
        let kind = component.map_or(section.kinds[0], ComponentType::kind);
        let written = entries.iter().find(|entry| entry.key == "inputs");
        let inputs = match (kind, written) {
            (ComponentKind::Source, Some(inputs)) => {
                let hint = "Remove `inputs`, or move this node to another section.".to_owned();
                let message = format!("the source `{id}` cannot have `inputs`");
                report.add(inputs.key_place, message, Some(hint));
                None
            }
            (_, Some(inputs)) => inputs_of(&id, inputs, report),
            (_, None) => None,
        };
        let engine_keys = ["type", "inputs"];
        let options =
            entries.iter().filter(|entry| !engine_keys.contains(&entry.key.as_str())).cloned();
        self.nodes.push(NodeConfig {
            kind,
            place,
            component,
            inputs,
            has_inputs: written.is_some(),
            options: options.collect(),
            id,
        });
    }
}

impl NodeConfig {
    fn unusable(id: String, kind: ComponentKind, place: Place) -> Self {
        let (component, inputs, options) = (None, None, Vec::new());
        Self { id, kind, place, component, inputs, has_inputs: false, options }
    }
}

/// Returns the word for a component kind.
pub(super) const fn kind_word(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::Source => "source",
        ComponentKind::Operator => "operator",
        ComponentKind::Store => "store",
        ComponentKind::Notifier => "notifier",
    }
}

/// Returns whether `id` can be the id of a node, or the name of an output.
pub fn is_id(id: &str) -> bool {
    let legal = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-');
    (1..=ID_CHARS_MAX).contains(&id.len()) && id.bytes().all(legal)
}

fn component_of(
    section: &NodeSection,
    id: &str,
    place: Place,
    entries: &[Entry],
    registry: Registry,
    report: &mut Report,
) -> Option<&'static ComponentType> {
    let word = section.word;
    let Some(entry) = entries.iter().find(|entry| entry.key == "type") else {
        let hint = section.types(registry);
        report.add(place, format!("the {word} `{id}` has no `type`"), Some(hint));
        return None;
    };
    let Value::Scalar(Scalar { text: name, .. }) = &entry.value.value else {
        let hint = section.types(registry);
        report.add(entry.value.place, format!("the `type` of `{id}` must be a name"), Some(hint));
        return None;
    };
    let found = section.find(registry, name);
    if found.is_none() {
        let elsewhere = NODE_SECTIONS.iter().find(|other| other.find(registry, name).is_some());
        let names = section.kinds.iter().flat_map(|kind| registry.names(*kind));
        let hint = match (elsewhere, suggest::nearest(name, names)) {
            (Some(other), _) => format!("`{name}` belongs under `{}`.", other.name),
            (None, Some(near)) => format!("Did you mean `{near}`?"),
            (None, None) => section.types(registry),
        };
        report.add(entry.value.place, format!("there is no {word} type `{name}`"), Some(hint));
    }
    found
}

impl NodeSection {
    /// Returns the component type of that name, if it belongs here.
    fn find(&self, registry: Registry, name: &str) -> Option<&'static ComponentType> {
        self.kinds.iter().find_map(|kind| registry.find(*kind, name))
    }

    /// Returns a hint that names every type it may hold.
    fn types(&self, registry: Registry) -> String {
        let listed = |kind: &ComponentKind| {
            let names: Vec<&str> = registry.names(*kind).collect();
            suggest::listed(&names)
        };
        match self.kinds {
            [kind] => format!("One of: {}.", listed(kind)),
            kinds => {
                let each = kinds
                    .iter()
                    .map(|kind| format!("A {} is one of: {}.", kind_word(*kind), listed(kind)));
                each.collect::<Vec<String>>().join(" ")
            }
        }
    }
}

fn inputs_of(id: &str, inputs: &Entry, report: &mut Report) -> Option<Vec<Input>> {
    let items = match &inputs.value.value {
        Value::List(items) => items,
        other => {
            let hint = match other {
                Value::Scalar(scalar) if !scalar.is_null() => {
                    format!("Write `[{}]`.", scalar.written())
                }
                _ => "Write `[first, second]`.".to_owned(),
            };
            let message = format!("the `inputs` of `{id}` must be a list of ids");
            report.add(inputs.value.place, message, Some(hint));
            return None;
        }
    };
    let mut found: Vec<Input> = Vec::new();
    let mut complete = true;
    for item in items {
        let Value::Scalar(scalar) = &item.value else {
            let message = format!("an input of `{id}` must be the id of a node");
            report.add(item.place, message, None);
            complete = false;
            continue;
        };
        if found.iter().any(|input| input.written() == scalar.text) {
            let message = format!("`{id}` names the input `{}` twice", scalar.text);
            report.add(item.place, message, Some("Remove one of the two.".to_owned()));
        } else {
            found.push(Input::read(&scalar.text, item.place));
        }
    }
    complete.then_some(found)
}
