//! The view of issues: what follows from the fingerprints of each cluster of nodes.

use crate::cluster::rule::Node;
use crate::pattern::{rule::is_of_words, text_of};
use crate::view::{View, differences, one_owner, view};
use engine::component::Port;
use engine::dataflow::Collection;
use engine::model::{
    Embedding, EventTime, FirstSeen, Issue, IssueId, Member, Part, Pattern, PatternId, Patterned,
    Placed, Severity, SeverityClass, Template, TextId,
};
use foldhash::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is known of the meaning of patterns.
pub(crate) struct Embedded<'s> {
    /// What is embedded for a pattern.
    pub(crate) texts: Collection<'s, (PatternId, TextId)>,
    /// The embedding of every pattern that has one by now.
    pub(crate) vectors: Collection<'s, (PatternId, Embedding)>,
}

/// Returns the issues of fingerprints; a node without a cluster is a cluster of its own.
pub(crate) fn derived<'s>(
    patterned: Collection<'s, Patterned>,
    clusters: Collection<'s, (Node, Node)>,
    embedded: Embedded<'s>,
) -> Port<'s> {
    let rows = patterned
        .map(|one| Row::Held(Box::new(one)))
        .concat(clusters.map(|(node, first)| Row::Cluster(node, first)))
        .concat(embedded.texts.map(|(pattern, text)| Row::Text(pattern, text)))
        .concat(embedded.vectors.map(|(pattern, vector)| Row::Vector(pattern, vector)));
    let told = view("issues", rows, one_owner, Issues::default());
    Port::Issues {
        issues: told.clone().flat_map(|told| match told {
            Told::Issue(issue) => Some(issue),
            _ => None,
        }),
        members: told.clone().flat_map(|told| match told {
            Told::Member(member) => Some(member),
            _ => None,
        }),
        severities: told.clone().flat_map(|told| match told {
            Told::Severity(issue, severity) => Some((issue, severity)),
            _ => None,
        }),
        parts: told.clone().flat_map(|told| match told {
            Told::Part(part) => Some(part),
            _ => None,
        }),
        placed: told.clone().flat_map(|told| match told {
            Told::Placed(placed) => Some(placed),
            _ => None,
        }),
        embeddings: told.flat_map(|told| match told {
            Told::Title(issue, embedding) => Some((issue, embedding)),
            _ => None,
        }),
    }
}

/// Returns what is displayed for a pattern whose first member has this text.
pub(crate) fn shown(pattern: &Pattern, text: Arc<str>) -> Arc<str> {
    // Traces and the like have no words that could differ.
    match is_of_words(&pattern.skeleton) {
        true => text_of(&pattern.skeleton, [text.as_bytes()]).into(),
        false => text,
    }
}

/// What is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Row {
    Held(Box<Patterned>),
    /// A node belongs to the cluster of this first one.
    Cluster(Node, Node),
    Text(PatternId, TextId),
    Vector(PatternId, Embedding),
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Told {
    Issue(Issue),
    Member(Member),
    Placed(Placed),
    Severity(IssueId, Severity),
    Part(Part),
    Title(IssueId, Embedding),
}

/// The order of members: the first one gives the issue its id, and its text.
type Rank<'a> = (EventTime, Template, FirstSeen, &'a str, &'a Pattern, SeverityClass);

fn rank(held: &Patterned) -> Rank<'_> {
    let one = &held.one;
    (one.first.time, one.template, one.first, &one.text, &held.pattern, one.class)
}

/// See the module.
#[derive(Default)]
struct Issues {
    /// The fingerprints of each node.
    nodes: HashMap<Node, BTreeSet<Patterned>>,
    /// The cluster of each node that has one.
    clusters: HashMap<Node, Node>,
    /// The nodes of each cluster, as far as they hold fingerprints.
    groups: HashMap<Node, BTreeSet<Node>>,
    texts: HashMap<PatternId, TextId>,
    vectors: HashMap<PatternId, Embedding>,
    /// The nodes of each pattern, one per class.
    by_pattern: HashMap<PatternId, BTreeSet<Node>>,
    /// What was told of each cluster.
    told: HashMap<Node, Vec<Told>>,
    /// Clusters of which something changed.
    touched: BTreeSet<Node>,
}

impl View for Issues {
    type Row = Row;
    type Told = Told;

    fn change(&mut self, row: Row, n: isize) {
        match row {
            Row::Held(held) => self.hold(*held, n > 0),
            Row::Cluster(node, first) => {
                self.leave(node);
                match n > 0 {
                    true => self.clusters.insert(node, first),
                    false => self.clusters.remove(&node),
                };
                self.join(node);
            }
            Row::Text(pattern, text) => {
                match n > 0 {
                    true => self.texts.insert(pattern, text),
                    false => self.texts.remove(&pattern),
                };
                self.touch(pattern);
            }
            Row::Vector(pattern, vector) => {
                match n > 0 {
                    true => self.vectors.insert(pattern, vector),
                    false => self.vectors.remove(&pattern),
                };
                self.touch(pattern);
            }
        }
    }

    fn tell(&mut self) -> Vec<(Told, isize)> {
        let mut changes = Vec::new();
        for cluster in std::mem::take(&mut self.touched) {
            let now = self.told_of(cluster);
            let before = match now.is_empty() {
                true => self.told.remove(&cluster),
                false => self.told.insert(cluster, now.clone()),
            };
            changes.extend(differences(&before.unwrap_or_default(), &now));
        }
        changes
    }
}

impl Issues {
    fn cluster_of(&self, node: Node) -> Node {
        *self.clusters.get(&node).unwrap_or(&node)
    }

    fn hold(&mut self, held: Patterned, comes: bool) {
        let node = Node::new(held.one.class, held.pattern.id);
        let pattern = held.pattern.id;
        let all = self.nodes.entry(node).or_default();
        let was_empty = all.is_empty();
        if comes {
            all.insert(held);
        } else {
            all.remove(&held);
        }
        let is_empty = all.is_empty();
        if was_empty && !is_empty {
            self.by_pattern.entry(pattern).or_default().insert(node);
            self.join(node);
        } else if is_empty {
            self.leave(node);
            self.nodes.remove(&node);
            remove_from(&mut self.by_pattern, pattern, node);
        }
        self.touched.insert(self.cluster_of(node));
    }

    /// Puts a node that holds something under its cluster.
    fn join(&mut self, node: Node) {
        if self.nodes.contains_key(&node) {
            let cluster = self.cluster_of(node);
            self.groups.entry(cluster).or_default().insert(node);
            self.touched.insert(cluster);
        }
    }

    /// Takes a node from under its cluster.
    fn leave(&mut self, node: Node) {
        let cluster = self.cluster_of(node);
        remove_from(&mut self.groups, cluster, node);
        self.touched.insert(cluster);
    }

    fn touch(&mut self, pattern: PatternId) {
        let nodes = self.by_pattern.get(&pattern).into_iter().flatten();
        let clusters: Vec<Node> = nodes.map(|node| self.cluster_of(*node)).collect();
        self.touched.extend(clusters);
    }

    /// Returns everything that follows from what a cluster holds, ordered.
    fn told_of(&self, cluster: Node) -> Vec<Told> {
        let nodes = self.groups.get(&cluster).into_iter().flatten();
        let held: Vec<&Patterned> =
            nodes.filter_map(|node| self.nodes.get(node)).flatten().collect();
        let Some(first) = held.iter().copied().min_by_key(|held| rank(held)) else {
            return Vec::new();
        };
        let (one, pattern) = (&first.one, &first.pattern);
        let id = IssueId::new(one.class, one.template);
        let severity = held.iter().map(|held| held.one.severity).max().unwrap_or(one.severity);
        let mut told = vec![
            Told::Issue(Issue {
                id,
                class: one.class,
                template: one.template,
                text: shown(pattern, Arc::clone(&one.text)),
                skeleton: Arc::clone(&pattern.skeleton),
            }),
            Told::Severity(id, severity),
        ];
        let title = self.vectors.get(&pattern.id);
        told.extend(title.map(|embedding| Told::Title(id, embedding.clone())));
        let member = |held: &&Patterned| Member { fingerprint: held.one.fingerprint, issue: id };
        told.extend(held.iter().map(member).map(Told::Member));
        let placed = |held: &&Patterned| Placed {
            fingerprint: held.one.fingerprint,
            issue: id,
            service: Arc::clone(&held.one.service),
            severity,
        };
        told.extend(held.iter().map(placed).map(Told::Placed));
        told.extend(self.parts(id, &held).into_iter().map(Told::Part));
        told.sort_unstable();
        told
    }

    /// Returns the patterns of an issue, each with the text of its first member there.
    fn parts(&self, issue: IssueId, held: &[&Patterned]) -> Vec<Part> {
        let mut firsts: BTreeMap<&Pattern, (FirstSeen, &Arc<str>)> = BTreeMap::new();
        for held in held {
            let this = (held.one.first, &held.one.text);
            let first = firsts.entry(&held.pattern).or_insert(this);
            *first = this.min(*first);
        }
        let part = |(pattern, (_, text)): (&Pattern, (FirstSeen, &Arc<str>))| Part {
            issue,
            pattern: pattern.id,
            text: shown(pattern, Arc::clone(text)),
            embedded: self.texts.get(&pattern.id).copied(),
        };
        firsts.into_iter().map(part).collect()
    }
}

/// Takes a node out of the set under a key, and the set with its last node.
fn remove_from<K: Copy + Eq + std::hash::Hash>(
    sets: &mut HashMap<K, BTreeSet<Node>>,
    key: K,
    node: Node,
) {
    if let Some(set) = sets.get_mut(&key) {
        set.remove(&node);
        if set.is_empty() {
            sets.remove(&key);
        }
    }
}
