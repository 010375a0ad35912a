//! Clusters of a list of texts, without counts and without a dataflow: the verb `group`, and previews.

use super::issues::ClusterOptions;
use super::reference::Graph;
use super::rule::{Cluster, LINK_MARGIN, Node};
use crate::meaning::{Change, Neighbours};
use engine::model::{Embedding, KernelClass, Similarity};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_128;

/// Where a text of the list belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The index of the first text that it is together with: its own if there is none before it.
    pub first: usize,
    /// Its average similarity to the others that it is together with; 1 if it is alone.
    pub similarity: Similarity,
}

/// Returns where each text belongs; a text without an embedding is alone, texts of the same embedding are
/// together. Only embeddings of one kernel class are compared.
///
/// Which texts are together, and their similarities, do not depend on the order of the list (I1).
pub fn group(embeddings: &[Option<Embedding>], options: &ClusterOptions) -> Vec<Placed> {
    let threshold = Similarity::from_ratio(options.same_issue);
    let by_node = by_node(embeddings);
    let graph = graph(embeddings, &by_node, threshold, options.links_max);
    let clusters = graph.clusters(threshold);
    let mut members: BTreeMap<Cluster, Vec<usize>> = BTreeMap::new();
    for (node, places) in &by_node {
        // In the order of nodes, so that an average over the first of them is one of the set.
        members.entry(clusters[node]).or_default().extend(places);
    }
    let alone = |(index, _)| Placed { first: index, similarity: Similarity::ONE };
    let mut placed: Vec<Placed> = embeddings.iter().enumerate().map(alone).collect();
    for members in members.into_values() {
        let first = members.iter().copied().min().unwrap_or_default();
        for index in &members {
            placed[*index] = Placed { first, similarity: average(embeddings, *index, &members) };
        }
    }
    placed
}

/// Returns the places of each different embedding under the node that its numbers name.
fn by_node(embeddings: &[Option<Embedding>]) -> BTreeMap<Node, Vec<usize>> {
    let mut places: BTreeMap<Node, Vec<usize>> = BTreeMap::new();
    for (index, embedding) in embeddings.iter().enumerate() {
        if let Some(embedding) = embedding {
            places.entry(name(embedding)).or_default().push(index);
        }
    }
    places
}

fn graph(
    embeddings: &[Option<Embedding>],
    by_node: &BTreeMap<Node, Vec<usize>>,
    threshold: Similarity,
    links_max: usize,
) -> Graph {
    let nodes = by_node.keys().copied().collect();
    let mut graph = Graph { nodes, ..Graph::default() };
    let different = by_node
        .iter()
        .filter_map(|(node, places)| Some((*node, embeddings[*places.first()?].as_ref()?)));
    let mut classes: BTreeMap<KernelClass, Neighbours<Node>> = BTreeMap::new();
    for (node, embedding) in different {
        let class = embedding.kernel();
        let neighbours = classes
            .entry(class)
            .or_insert_with(|| Neighbours::new(class, floor(threshold), links_max));
        for change in neighbours.insert(node, embedding) {
            match change {
                Change::Linked(link) => graph.links.insert((link.low, link.high), link.similarity),
                Change::Unlinked(link) => graph.links.remove(&(link.low, link.high)),
            };
        }
    }
    graph
}

/// Returns how similar a pair must be to be linked.
pub fn floor(threshold: Similarity) -> Similarity {
    Similarity::from_millionths(threshold.millionths() - LINK_MARGIN)
}

/// Nodes of a list are named by what they mean: ties are broken alike, whatever the order of the list.
fn name(embedding: &Embedding) -> Node {
    let class = embedding.kernel().code().to_be_bytes().map(|byte| byte as i8);
    let bytes: Vec<u8> =
        class.iter().chain(embedding.numbers()).map(|number| *number as u8).collect();
    Node(xxh3_128(&bytes))
}

/// Texts that an average is taken over: of a larger cluster, its first ones.
const AVERAGED_MAX: usize = 256;

fn average(embeddings: &[Option<Embedding>], index: usize, members: &[usize]) -> Similarity {
    let Some(own) = &embeddings[index] else { return Similarity::ONE };
    let others = members.iter().filter(|other| **other != index).take(AVERAGED_MAX);
    let similar = others.filter_map(|other| own.similarity(embeddings[*other].as_ref()?));
    let (sum, count) = similar.fold((0i64, 0i64), |(sum, count), similarity| {
        (sum + i64::from(similarity.millionths()), count + 1)
    });
    match count {
        0 => Similarity::ONE,
        _ => Similarity::from_millionths((sum / count) as i32),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::model::EMBEDDING_DIMENSIONS;
    use proptest::prelude::*;

    /// An embedding in the plane, this many degrees from the first axis.
    fn at(degrees: f64) -> Option<Embedding> {
        let mut numbers = [0; EMBEDDING_DIMENSIONS];
        let angle = degrees.to_radians();
        numbers[0] = (angle.cos() * 127.0).round() as i8;
        numbers[1] = (angle.sin() * 127.0).round() as i8;
        Some(Embedding::from_numbers(numbers, KernelClass::MINILM_L6_F32))
    }

    #[test]
    fn texts_of_like_meaning_are_together_under_the_first_of_them() {
        let texts = [at(0.0), None, at(100.0), at(10.0), at(95.0), None];
        let placed = group(&texts, &ClusterOptions::default());
        let firsts: Vec<usize> = placed.iter().map(|placed| placed.first).collect();
        assert_eq!(firsts, [0, 1, 2, 0, 2, 5]);
        assert!(placed[0].similarity > Similarity::from_millionths(980_000));
        assert_eq!(placed[1].similarity, Similarity::ONE);
    }

    #[test]
    fn nothing_is_grouped_into_nothing() {
        let options = ClusterOptions::default();
        assert!(group(&[], &options).is_empty());
        assert_eq!(group(&[None], &options).len(), 1);
    }

    #[test]
    fn limit_more_equal_texts_than_a_node_has_links_are_together() {
        let texts: Vec<_> =
            (0..ClusterOptions::default().links_max * 3).map(|_| at(45.0)).collect();
        let placed = group(&texts, &ClusterOptions::default());
        assert!(placed.iter().all(|placed| placed.first == 0), "{placed:?}");
    }

    proptest! {
        #[test]
        fn the_order_of_the_texts_changes_nothing(
            degrees in prop::collection::vec(prop::option::of(0u16..180), 0..40),
            seed in any::<u64>(),
        ) {
            let options = ClusterOptions::default();
            let texts: Vec<_> =
                degrees.iter().map(|d| d.and_then(|degrees| at(f64::from(degrees)))).collect();
            let mut order: Vec<usize> = (0..texts.len()).collect();
            order.sort_by_key(|index| xxh3_128(&(seed ^ *index as u64).to_be_bytes()));
            let shuffled: Vec<_> = order.iter().map(|index| texts[*index].clone()).collect();
            let (placed, moved) = (group(&texts, &options), group(&shuffled, &options));
            for (one, original) in order.iter().enumerate() {
                prop_assert_eq!(moved[one].similarity, placed[*original].similarity);
                for (other, original_other) in order.iter().enumerate() {
                    let together = moved[one].first == moved[other].first;
                    let before = placed[*original].first == placed[*original_other].first;
                    prop_assert_eq!(together, before);
                }
            }
        }
    }
}
