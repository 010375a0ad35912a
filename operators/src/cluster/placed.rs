//! Which nodes there are, and the vectors of those that have one.

use super::rule::Node;
use crate::meaning::Placed;
use crate::view::{View, one_owner, view};
use engine::dataflow::Collection;
use engine::model::{Embedding, PatternId, Patterned, SeverityClass};
use foldhash::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Nodes with and without a vector.
pub(super) struct Nodes<'s> {
    /// All of them.
    pub(super) nodes: Collection<'s, Node>,
    /// Those that have a vector.
    pub(super) placed: Collection<'s, Placed>,
}

/// Returns the nodes of fingerprints.
pub(super) fn nodes<'s>(
    patterned: Collection<'s, Patterned>,
    vectors: Collection<'s, (PatternId, Embedding)>,
) -> Nodes<'s> {
    let rows = patterned
        .map(|held| Row::Node(held.pattern.id, held.one.class))
        .concat(vectors.map(|(pattern, vector)| Row::Vector(pattern, vector)));
    let told = view("nodes", rows, one_owner, Placing::default());
    Nodes {
        nodes: told.clone().flat_map(|told| match told {
            Told::Node(node) => Some(node),
            Told::Placed(_) => None,
        }),
        placed: told.flat_map(|told| match told {
            Told::Placed(placed) => Some(*placed),
            Told::Node(_) => None,
        }),
    }
}

/// What is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Row {
    /// One fingerprint of a pattern is of this class.
    Node(PatternId, SeverityClass),
    Vector(PatternId, Embedding),
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Told {
    Node(Node),
    Placed(Box<Placed>),
}

/// See the module.
#[derive(Default)]
struct Placing {
    /// Fingerprints of each class of a pattern.
    classes: HashMap<PatternId, BTreeMap<SeverityClass, isize>>,
    vectors: HashMap<PatternId, Embedding>,
    changes: Vec<(Told, isize)>,
}

impl View for Placing {
    type Row = Row;
    type Told = Told;

    fn change(&mut self, row: Row, n: isize) {
        match row {
            Row::Node(pattern, class) => {
                let classes = self.classes.entry(pattern).or_default();
                let count = classes.entry(class).or_default();
                let before = *count > 0;
                *count += n;
                let after = *count > 0;
                if *count == 0 {
                    classes.remove(&class);
                }
                if classes.is_empty() {
                    self.classes.remove(&pattern);
                }
                if before != after {
                    let sign = if after { 1 } else { -1 };
                    let node = Node::new(class, pattern);
                    self.changes.push((Told::Node(node), sign));
                    let vector = self.vectors.get(&pattern).cloned();
                    let placed = vector.map(|it| Told::Placed(Box::new((class, node, it))));
                    self.changes.extend(placed.map(|placed| (placed, sign)));
                }
            }
            Row::Vector(pattern, vector) => {
                let sign = if n > 0 { 1 } else { -1 };
                for class in
                    self.classes.get(&pattern).into_iter().flatten().map(|(class, _)| *class)
                {
                    let placed = (class, Node::new(class, pattern), vector.clone());
                    self.changes.push((Told::Placed(Box::new(placed)), sign));
                }
                match n > 0 {
                    true => self.vectors.insert(pattern, vector),
                    false => self.vectors.remove(&pattern),
                };
            }
        }
    }

    fn tell(&mut self) -> Vec<(Told, isize)> {
        std::mem::take(&mut self.changes)
    }
}
