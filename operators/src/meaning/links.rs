//! Neighbours in the dataflow: links between nodes of one severity class, as embeddings come and go.
//!
//! *Picture:* nodes of a pattern, its vector ──exchange by class──► [`Neighbours`] of the class ──► links.
//! *Promises:* the links are a function of the set of nodes and vectors (I1, I6); a class is looked after by
//! one worker, so by all workers alike (I2).
//! *Frontier:* holds each epoch until its input is complete.
//! *State and limits:* one row and at most `links_max` kept neighbours per node. A node that comes costs
//! one scan of its class: 1 to 2 ms at 100,000.

use super::neighbours::{Change, Neighbours};
use crate::cluster::rule::Node;
use crate::view::{View, view};
use engine::dataflow::Collection;
use engine::model::{Embedding, KernelClass, SeverityClass, Similarity};
use std::collections::BTreeMap;

/// What is compared: a node within its class.
pub type Placed = (SeverityClass, Node, Embedding);

/// Who is near whom.
#[derive(Clone)]
pub struct Linked<'s> {
    /// The links.
    pub links: Collection<'s, (Node, Node, Similarity)>,
    /// One row for each node that may be near more others than links are kept for.
    pub crowded: Collection<'s, ()>,
}

/// Returns the links between nodes of one class that are at least as similar as `floor`.
pub fn links<'s>(
    embeddings: Collection<'s, Placed>,
    floor: Similarity,
    links_max: usize,
) -> Linked<'s> {
    let near = Near { floor, links_max, classes: BTreeMap::new(), changes: Vec::new(), crowded: 0 };
    let told = view("neighbours", embeddings, |(class, _, _)| *class as u64, near);
    Linked {
        links: told.clone().flat_map(|link| link),
        crowded: told.filter(Option::is_none).map(|_| ()),
    }
}

/// The neighbours of each class; tells links, and `None` for each node that is crowded.
struct Near {
    floor: Similarity,
    links_max: usize,
    classes: BTreeMap<(SeverityClass, KernelClass), Neighbours<Node>>,
    changes: Vec<Change<Node>>,
    crowded: isize,
}

impl View for Near {
    type Row = Placed;
    type Told = Option<(Node, Node, Similarity)>;

    fn change(&mut self, (class, node, embedding): Placed, n: isize) {
        let key = (class, embedding.kernel());
        let neighbours = self
            .classes
            .entry(key)
            .or_insert_with(|| Neighbours::new(key.1, self.floor, self.links_max));
        self.changes.extend(match n > 0 {
            true => neighbours.insert(node, &embedding),
            false => neighbours.remove(node),
        });
    }

    fn tell(&mut self) -> Vec<(Self::Told, isize)> {
        let told = |change| {
            let (link, n) = match change {
                Change::Linked(link) => (link, 1),
                Change::Unlinked(link) => (link, -1),
            };
            (Some((link.low, link.high, link.similarity)), n)
        };
        let mut changes: Vec<_> = std::mem::take(&mut self.changes).into_iter().map(told).collect();
        let crowded = self.classes.values().map(Neighbours::crowded).sum::<usize>() as isize;
        let before = std::mem::replace(&mut self.crowded, crowded);
        changes.extend((crowded != before).then_some((None, crowded - before)));
        changes
    }
}
