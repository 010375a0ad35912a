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
    let by_class =
        Exchange::new(|((class, _, _), _, _): &(Placed, DataflowTime, isize)| *class as u64);
    let linked = embeddings
        .inner
        .unary_frontier(by_class, "neighbours", move |_capability, _info| {
            let mut waiting: BTreeMap<DataflowTime, _> = BTreeMap::new();
            let mut classes: BTreeMap<(SeverityClass, KernelClass), Neighbours<Node>> =
                BTreeMap::new();
            let mut crowded = 0;
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
                            let link = (link.low, link.high, link.similarity);
                            session.give((Some(link), epoch, n));
                        }
                    }
                    let now = classes.values().map(Neighbours::crowded).sum::<usize>() as isize;
                    let before = std::mem::replace(&mut crowded, now);
                    if now != before {
                        session.give((None, epoch, now - before));
                    }
                }
            }
        })
        .as_collection();
    Linked {
        links: linked.clone().flat_map(|link| link),
        crowded: linked.filter(Option::is_none).map(|_| ()),
    }
}
