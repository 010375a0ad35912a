//! The clusters that must be, before any similarity is looked at: nodes that must-links join, and every
//! other node on its own.

use super::rule::{Cluster, Node};
use crate::view::{View, one_owner, view};
use engine::dataflow::Collection;
use foldhash::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Returns the cluster of every node.
pub(super) fn contracted<'s>(
    nodes: Collection<'s, Node>,
    together: Collection<'s, (Node, Node)>,
) -> Collection<'s, (Cluster, Node)> {
    let pairs = together.map(|(left, right)| Row::Together(left.min(right), left.max(right)));
    view("contracted", nodes.map(Row::Node).concat(pairs), one_owner, Contracting::default())
}

/// What is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Row {
    Node(Node),
    Together(Node, Node),
}

/// See the module.
#[derive(Default)]
struct Contracting {
    nodes: BTreeSet<Node>,
    /// How often each pair was said.
    together: BTreeMap<(Node, Node), isize>,
    told: HashMap<Node, Cluster>,
    touched: BTreeSet<Node>,
    /// Nodes that were told to be joined to another.
    joined: Vec<Node>,
}

impl View for Contracting {
    type Row = Row;
    type Told = (Cluster, Node);

    fn change(&mut self, row: Row, n: isize) {
        match row {
            Row::Node(node) => {
                match n > 0 {
                    true => self.nodes.insert(node),
                    false => self.nodes.remove(&node),
                };
                self.touched.insert(node);
            }
            Row::Together(left, right) => {
                let count = self.together.entry((left, right)).or_default();
                *count += n;
                if *count == 0 {
                    self.together.remove(&(left, right));
                }
                self.touched.extend([left, right]);
            }
        }
    }

    fn tell(&mut self) -> Vec<((Cluster, Node), isize)> {
        let mut touched = std::mem::take(&mut self.touched);
        if touched.is_empty() {
            return Vec::new();
        }
        // Must-links are few: what they join is found anew.
        let joined = self.joined();
        touched.extend(std::mem::replace(&mut self.joined, joined.keys().copied().collect()));
        touched.extend(&self.joined);
        let mut changes = Vec::new();
        for node in touched {
            let single = Cluster { first: node, size: 1 };
            let is_there = self.nodes.contains(&node);
            let now = is_there.then(|| joined.get(&node).copied().unwrap_or(single));
            let before = match now {
                Some(now) => self.told.insert(node, now),
                None => self.told.remove(&node),
            };
            if before != now {
                changes.extend(before.map(|cluster| ((cluster, node), -1)));
                changes.extend(now.map(|cluster| ((cluster, node), 1)));
            }
        }
        changes
    }
}

impl Contracting {
    /// Returns the cluster of every node that a must-link joins to another.
    fn joined(&self) -> HashMap<Node, Cluster> {
        let mut firsts: BTreeMap<Node, Node> = BTreeMap::new();
        let both_there =
            |(left, right): &&(Node, Node)| self.nodes.contains(left) && self.nodes.contains(right);
        let root = |firsts: &BTreeMap<Node, Node>, mut node: Node| {
            while let Some(first) = firsts.get(&node).filter(|first| **first != node) {
                node = *first;
            }
            node
        };
        for (left, right) in self.together.keys().filter(both_there) {
            let (left, right) = (root(&firsts, *left), root(&firsts, *right));
            let first = left.min(right);
            firsts.extend([(left, first), (right, first)]);
        }
        let mut members: BTreeMap<Node, Vec<Node>> = BTreeMap::new();
        for pair in self.together.keys().filter(both_there) {
            for node in [pair.0, pair.1] {
                members.entry(root(&firsts, node)).or_default().push(node);
            }
        }
        let mut clusters = HashMap::default();
        for (first, mut nodes) in members {
            nodes.sort_unstable();
            nodes.dedup();
            let size = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
            clusters.extend(nodes.into_iter().map(|node| (node, Cluster { first, size })));
        }
        clusters
    }
}
