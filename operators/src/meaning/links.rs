//! Neighbours in the dataflow: links between nodes of one severity class, as embeddings come and go.
//!
//! *Picture:* (class, node, embedding) ──exchange by class──► [`Neighbours`] of the class ──► links.
//! *Promises:* the links are a function of the set of embeddings (I1, I6); a class is looked after by one
//! worker, so by all workers alike (I2).
//! *Frontier:* holds each epoch until its input is complete.
//! *State and limits:* one row and at most `links_max` kept neighbours per node. A node that comes costs
//! one scan of its class: 1 to 2 ms at 100,000.

use super::neighbours::{Change, Neighbours};
use crate::cluster::rule::Node;
use engine::dataflow::{AsCollection, Collection, DataflowTime, Exchange, GenericOperator};
use engine::model::{Embedding, KernelClass, SeverityClass, Similarity};
use std::collections::BTreeMap;

/// What is compared: a node within its class.
type Placed = (SeverityClass, Node, Embedding);

/// Returns the links between nodes of one class that are at least as similar as `floor`.
pub fn links<'s>(
    embeddings: Collection<'s, Placed>,
    floor: Similarity,
    links_max: usize,
) -> Collection<'s, (Node, Node, Similarity)> {
    let by_class =
        Exchange::new(|((class, _, _), _, _): &(Placed, DataflowTime, isize)| *class as u64);
    embeddings
        .inner
        .unary_frontier(by_class, "neighbours", move |_capability, _info| {
            let mut waiting: BTreeMap<DataflowTime, _> = BTreeMap::new();
            let mut classes: BTreeMap<(SeverityClass, KernelClass), Neighbours<Node>> =
                BTreeMap::new();
            move |(input, frontier), output| {
                input.for_each(|time, updates: &mut Vec<_>| {
                    for (row, epoch, n) in updates.drain(..) {
                        let (_, rows) = waiting.entry(epoch).or_insert_with(|| {
                            (time.delayed(&epoch, 0), BTreeMap::<Placed, isize>::new())
                        });
                        *rows.entry(row).or_default() += n;
                    }
                });
                while let Some((&epoch, _)) = waiting.first_key_value()
                    && !frontier.less_equal(&epoch)
                {
                    let Some((capability, rows)) = waiting.remove(&epoch) else { return };
                    let mut session = output.session(&capability);
                    // What goes makes room for what comes under the same name.
                    let going = rows.iter().filter(|(_, n)| **n < 0);
                    let coming = rows.iter().filter(|(_, n)| **n > 0);
                    for ((class, node, embedding), n) in going.chain(coming) {
                        let key = (*class, embedding.kernel());
                        let neighbours = classes
                            .entry(key)
                            .or_insert_with(|| Neighbours::new(key.1, floor, links_max));
                        let changes = match *n < 0 {
                            true => neighbours.remove(*node),
                            false => neighbours.insert(*node, embedding),
                        };
                        for change in changes {
                            let (link, n) = match change {
                                Change::Linked(link) => (link, 1),
                                Change::Unlinked(link) => (link, -1),
                            };
                            session.give(((link.low, link.high, link.similarity), epoch, n));
                        }
                    }
                }
            }
        })
        .as_collection()
}
