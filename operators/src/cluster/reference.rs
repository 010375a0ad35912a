//! The same from scratch, short and obvious: what the dataflow must agree with, and what `group` uses.

use super::rule::{Cluster, Node, Ties, closest};
use engine::model::Similarity;
use std::collections::{BTreeMap, BTreeSet};

/// What is clustered, as it stands at one time.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    /// The nodes.
    pub nodes: BTreeSet<Node>,
    /// How similar linked nodes are.
    pub links: BTreeMap<(Node, Node), Similarity>,
    /// Pairs that must be together.
    pub together: BTreeSet<(Node, Node)>,
    /// Pairs that must not be together.
    pub apart: BTreeSet<(Node, Node)>,
    /// Nodes that are with nothing that they must not be with.
    pub alone: BTreeSet<Node>,
}

impl Graph {
    /// Returns the cluster of every node.
    pub fn clusters(&self, threshold: Similarity) -> BTreeMap<Node, Cluster> {
        let mut labels = self.contracted();
        while let Some(next) = round(&labels, &self.ties(&labels), threshold) {
            labels = next;
        }
        labels
    }

    /// Returns the clusters that must be, before any similarity is looked at.
    fn contracted(&self) -> BTreeMap<Node, Cluster> {
        let mut firsts: BTreeMap<Node, Node> =
            self.nodes.iter().map(|&node| (node, node)).collect();
        for (left, right) in &self.together {
            let (Some(&left), Some(&right)) = (firsts.get(left), firsts.get(right)) else {
                continue;
            };
            let moved = firsts.values_mut().filter(|first| **first == left.max(right));
            moved.for_each(|first| *first = left.min(right));
        }
        let mut sizes: BTreeMap<Node, u32> = BTreeMap::new();
        firsts.values().for_each(|first| *sizes.entry(*first).or_default() += 1);
        let cluster = |first: &Node| Cluster { first: *first, size: sizes[first] };
        firsts.iter().map(|(node, first)| (*node, cluster(first))).collect()
    }

    /// Returns what ties clusters, in both directions.
    fn ties(&self, labels: &BTreeMap<Node, Cluster>) -> BTreeMap<Cluster, BTreeMap<Cluster, Ties>> {
        let alone: BTreeSet<Cluster> =
            self.alone.iter().filter_map(|node| labels.get(node).copied()).collect();
        let is_alone = |node: &Node| labels.get(node).is_some_and(|it| alone.contains(it));
        let links = self.links.iter();
        let links = links.filter(|((left, right), _)| !is_alone(left) && !is_alone(right));
        let links =
            links.map(|(pair, similarity)| (pair, (similarity.millionths() as isize, 1, 0)));
        let bans = self.apart.iter().map(|pair| (pair, (0, 0, 1)));
        let mut ties: BTreeMap<Cluster, BTreeMap<Cluster, Ties>> = BTreeMap::new();
        for ((left, right), (sum, linked, forbidden)) in links.chain(bans) {
            let (Some(&left), Some(&right)) = (labels.get(left), labels.get(right)) else {
                continue;
            };
            for (one, other) in [(left, right), (right, left)] {
                if one != other {
                    let all = ties.entry(one).or_default().entry(other).or_default();
                    *all = (all.0 + sum, all.1 + linked, all.2 + forbidden);
                }
            }
        }
        ties
    }
}

/// Joins clusters that are closest to each other; nothing if there are none.
fn round(
    labels: &BTreeMap<Node, Cluster>,
    ties: &BTreeMap<Cluster, BTreeMap<Cluster, Ties>>,
    threshold: Similarity,
) -> Option<BTreeMap<Node, Cluster>> {
    let closest: BTreeMap<Cluster, Cluster> = ties
        .iter()
        .filter_map(|(cluster, others)| {
            let others = others.iter().map(|(other, ties)| (*other, *ties));
            Some((*cluster, closest(*cluster, others, threshold)?))
        })
        .collect();
    let joined = |cluster: &Cluster| {
        let other = closest.get(cluster)?;
        (closest.get(other) == Some(cluster)).then(|| cluster.with(*other))
    };
    let next: BTreeMap<Node, Cluster> =
        labels.iter().map(|(node, cluster)| (*node, joined(cluster).unwrap_or(*cluster))).collect();
    (next != *labels).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const THRESHOLD: Similarity = Similarity::from_millionths(550_000);

    fn node(name: u128) -> Node {
        Node(name)
    }

    fn graph(nodes: u128, links: &[(u128, u128, i32)]) -> Graph {
        let link = |&(left, right, millionths): &(u128, u128, i32)| {
            ((node(left), node(right)), Similarity::from_millionths(millionths))
        };
        Graph {
            nodes: (0..nodes).map(node).collect(),
            links: links.iter().map(link).collect(),
            ..Graph::default()
        }
    }

    fn parts(graph: &Graph) -> Vec<Vec<u128>> {
        let mut parts: BTreeMap<Cluster, Vec<u128>> = BTreeMap::new();
        for (node, cluster) in graph.clusters(THRESHOLD) {
            parts.entry(cluster).or_default().push(node.0);
        }
        parts.into_values().collect()
    }

    #[test]
    fn a_chain_of_links_is_not_one_cluster() {
        let chain = graph(4, &[(0, 1, 900_000), (1, 2, 600_000), (2, 3, 900_000)]);
        assert_eq!(parts(&chain), [vec![0, 1], vec![2, 3]]);
    }

    #[test]
    fn what_must_be_together_is_together_whatever_its_similarity() {
        let mut apart = graph(4, &[(0, 1, 900_000), (0, 2, 900_000), (0, 3, 900_000)]);
        apart.together.extend([(node(1), node(3)), (node(3), node(2))]);
        assert_eq!(parts(&apart), [[0, 1, 2, 3]]);
        apart.apart.insert((node(0), node(2)));
        assert_eq!(parts(&apart), [vec![0], vec![1, 2, 3]]);
        apart.apart.insert((node(1), node(2)));
        assert_eq!(parts(&apart), [vec![0], vec![1, 2, 3]], "must-links win");
    }

    #[test]
    fn what_is_alone_joins_nothing_but_what_it_must() {
        let mut all = graph(3, &[(0, 1, 990_000), (1, 2, 980_000), (0, 2, 970_000)]);
        all.alone.insert(node(1));
        assert_eq!(parts(&all), [vec![0, 2], vec![1]]);
        all.together.insert((node(1), node(2)));
        assert_eq!(parts(&all), [vec![0], vec![1, 2]]);
    }

    /// Joins the best pair of all, one at a time: what average link is.
    fn one_at_a_time(graph: &Graph) -> BTreeMap<Node, Cluster> {
        let mut labels = graph.contracted();
        loop {
            let ties = graph.ties(&labels);
            let pairs = ties.iter().flat_map(|(one, others)| {
                let similar = others.iter().filter_map(|(other, ties)| {
                    let average = super::super::rule::Average::of(*one, *other, *ties)?;
                    average.reaches(THRESHOLD).then_some((average, *one, *other))
                });
                similar.filter(|(_, one, other)| one < other).collect::<Vec<_>>()
            });
            let best = pairs.min_by(|left, right| {
                right.0.cmp(&left.0).then_with(|| (left.1, left.2).cmp(&(right.1, right.2)))
            });
            let Some((_, one, other)) = best else { return labels };
            let joined =
                labels.values_mut().filter(|cluster| **cluster == one || **cluster == other);
            joined.for_each(|cluster| *cluster = one.with(other));
        }
    }

    proptest! {
        #[test]
        fn rounds_find_what_joining_the_best_pair_finds(
            links in prop::collection::btree_map((0u128..14, 0u128..14), 450_000..=1_000_000i32, 0..60),
        ) {
            let links: Vec<_> = links
                .into_iter()
                .filter(|((left, right), _)| left < right)
                .map(|((left, right), similarity)| (left, right, similarity))
                .collect();
            let graph = graph(14, &links);
            prop_assert_eq!(graph.clusters(THRESHOLD), one_at_a_time(&graph));
        }
    }
}
