//! The clusters of a changing graph: the rounds of the reference as a loop of the dataflow, so that a
//! change costs what it changes.
//!
//! ```text
//! ties (cluster, cluster) ──by cluster──► closest ──two that name each other──► moves: old ► joined
//!   ▲                          │                                                 │
//!   └── ends that moved, renamed ◄──────────────────join──────────────────────◄──┤
//! labels (cluster, node) ◄─────────────────────────join──────────────────────────┘
//! ```
//! What ties two clusters is the *difference* of their record, so ties of clusters that become one add
//! up by themselves; a cluster's size is part of its name, so that no join has to look it up.

use super::contracted::contracted;
use super::rule::{Cluster, Node, Ties, closest};
use engine::dataflow::{
    AsCollection, Collection, DataflowTime, Map, Product, ValBuilder, ValSpine, Variable,
    VecCollection,
};
use engine::model::Similarity;

/// Ties between clusters, in both directions.
type Tied<'s> = VecCollection<'s, DataflowTime, (Cluster, Cluster), Ties>;

/// What is clustered: the parts of [`Graph`](super::Graph) as they change. Every collection is a set.
#[derive(Clone)]
pub struct Changing<'s> {
    /// The nodes.
    pub nodes: Collection<'s, Node>,
    /// How similar linked nodes are.
    pub links: Collection<'s, (Node, Node, Similarity)>,
    /// Pairs that must be together.
    pub together: Collection<'s, (Node, Node)>,
    /// Pairs that must not be together.
    pub apart: Collection<'s, (Node, Node)>,
    /// Nodes that are with nothing that they must not be with.
    pub alone: Collection<'s, Node>,
}

/// Returns the cluster of every node.
pub fn clusters<'s>(graph: Changing<'s>, threshold: Similarity) -> Collection<'s, (Node, Cluster)> {
    let scope = graph.nodes.inner.scope();
    let labels = contracted(graph.nodes.clone(), graph.together.clone());
    let ties = ties(&graph, labels.clone());
    let joined = scope.iterative::<u32, _, _>(|inner| {
        let step = Product::new(DataflowTime::default(), 1);
        let (ties_variable, ties) = Variable::new_from(ties.enter(inner), step);
        let (labels_variable, labels) = Variable::new_from(labels.enter(inner), step);
        let by_cluster = ties.clone().arrange_by_key();
        let moves = by_cluster
            .clone()
            .reduce_abelian::<_, ValBuilder<_, _, _, _>, ValSpine<Cluster, Cluster, _, isize>, _, _>(
                "Closest",
                move |cluster, others, best| {
                    let others = others.iter().map(|(other, ties)| (**other, *ties));
                    best.extend(closest(*cluster, others, threshold).map(|other| (other, 1)));
                },
                |rows, cluster, changes| {
                    rows.clear();
                    let row = |(other, time, change)| ((*cluster, other), time, change);
                    rows.extend(changes.drain(..).map(row));
                },
            )
            .as_collection(|one, other| ((*one.min(other), *one.max(other)), ()))
            .reduce(|_pair, named, mutual| {
                if named[0].1 == 2 {
                    mutual.push(((), 1));
                }
            })
            .flat_map(|((one, other), ())| [(one, one.with(other)), (other, one.with(other))])
            .arrange_by_key();
        // First the one end of what is tied to a cluster that moved, then the other end.
        let moved = by_cluster.join_core(moves.clone(), |from, other, to| Some((*from, *other, *to)));
        let left = moved.clone().map(|(from, other, _)| (other, from)).negate();
        let half = ties.map(|(one, other)| (other, one)).concat(left);
        let half = half.concat(moved.map(|(_, other, to)| (other, to))).arrange_by_key();
        let moved = half.clone().join_core(moves.clone(), |from, other, to| Some((*from, *other, *to)));
        let left = moved.clone().map(|(from, other, _)| (from, other)).negate();
        let whole = half.as_collection(|one, other| (*one, *other)).concat(left);
        let whole = whole.concat(moved.map(|(_, other, to)| (to, other)));
        ties_variable.set(whole.filter(|(one, other)| one != other).consolidate());

        let moved = labels.clone().arrange_by_key();
        let moved = moved.join_core(moves, |from, node, to| Some((*node, *from, *to)));
        let left = moved.clone().map(|(node, from, _)| (from, node)).negate();
        let labels = labels.concat(left).concat(moved.map(|(node, _, to)| (to, node)));
        let labels = labels.consolidate();
        labels_variable.set(labels.clone());
        labels.leave(scope)
    });
    joined.map(|(cluster, node)| (node, cluster))
}

/// Returns what ties the clusters that must be.
fn ties<'s>(graph: &Changing<'s>, labels: Collection<'s, (Cluster, Node)>) -> Tied<'s> {
    let by_node = labels.clone().map(|(cluster, node)| (node, cluster)).arrange_by_key();
    let alone = graph.alone.clone().map(|node| (node, ())).arrange_by_key();
    let alone = alone.join_core(by_node.clone(), |_, (), cluster| Some(*cluster)).distinct();
    let free = labels.antijoin(alone).map(|(cluster, node)| (node, cluster)).arrange_by_key();
    let links = graph.links.clone().map(|(left, right, similarity)| (left, (right, similarity)));
    let links = links
        .arrange_by_key()
        .join_core(free.clone(), |_, (right, similarity), one| Some((*right, (*one, *similarity))))
        .arrange_by_key()
        .join_core(free, |_, (one, similarity), other| {
            Some((*one, *other, (similarity.millionths() as isize, 1, 0)))
        });
    let bans = graph.apart.clone();
    let bans = bans
        .arrange_by_key()
        .join_core(by_node.clone(), |_, right, one| Some((*right, *one)))
        .arrange_by_key()
        .join_core(by_node, |_, one, other| Some((*one, *other, (0, 0, 1))));
    let both_ways = links.concat(bans).filter(|(one, other, _)| one != other).inner.flat_map(
        |((one, other, (sum, linked, forbidden)), time, change)| {
            let ties = (sum * change, linked * change, forbidden * change);
            [((one, other), time, ties), ((other, one), time, ties)]
        },
    );
    both_ways.as_collection()
}
