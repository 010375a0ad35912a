//! Clusters of a list of texts, without counts and without a dataflow: the verb `group`, and previews.

use super::reference::Graph;
use super::rule::{Cluster, LINK_MARGIN, Node};
use crate::meaning::{Change, LINKS_PER_NODE_MAX, Neighbours};
use engine::model::{Embedding, Similarity};
use foldhash::{HashMap, HashMapExt};
use std::collections::BTreeMap;

/// Where a text of the list belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The index of the first text that it is together with: its own if there is none before it.
    pub first: usize,
    /// Its average similarity to the others that it is together with; 1 if it is alone.
    pub similarity: Similarity,
}

/// Returns where each text belongs; a text without an embedding is alone, texts of the same embedding are
/// together. All embeddings are of one kernel class, that of the first; what is of another is alone.
pub fn group(embeddings: &[Option<Embedding>], threshold: Similarity) -> Vec<Placed> {
    let firsts = firsts(embeddings);
    let clusters = graph(embeddings, &firsts, threshold).clusters(threshold);
    let cluster = |first: &usize| clusters[&name(*first)];
    let mut members: BTreeMap<Cluster, Vec<usize>> = BTreeMap::new();
    for (index, first) in firsts.iter().enumerate() {
        members.entry(cluster(first)).or_default().push(index);
    }
    let placed = |(index, first): (usize, &usize)| Placed {
        first: cluster(first).first.0 as usize,
        similarity: average(embeddings, index, &members[&cluster(first)]),
    };
    firsts.iter().enumerate().map(placed).collect()
}

/// Returns for each text the first one that has the same embedding.
fn firsts(embeddings: &[Option<Embedding>]) -> Vec<usize> {
    let mut known: HashMap<&Embedding, usize> = HashMap::new();
    let mut firsts = Vec::with_capacity(embeddings.len());
    for (index, embedding) in embeddings.iter().enumerate() {
        firsts.push(embedding.as_ref().map_or(index, |one| *known.entry(one).or_insert(index)));
    }
    firsts
}

fn graph(embeddings: &[Option<Embedding>], firsts: &[usize], threshold: Similarity) -> Graph {
    let nodes = firsts.iter().map(|first| name(*first)).collect();
    let mut graph = Graph { nodes, ..Graph::default() };
    let Some(kernel) = embeddings.iter().flatten().map(Embedding::kernel).next() else {
        return graph;
    };
    let mut neighbours = Neighbours::new(kernel, floor(threshold), LINKS_PER_NODE_MAX);
    for (index, embedding) in embeddings.iter().enumerate() {
        let Some(embedding) = embedding.as_ref().filter(|_| firsts[index] == index) else {
            continue;
        };
        for change in neighbours.insert(name(index), embedding) {
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

/// Nodes of a list are named by their place: names of clusters are then places of first texts.
fn name(index: usize) -> Node {
    Node(index as u128)
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
    use engine::model::{EMBEDDING_DIMENSIONS, KernelClass};

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
        let placed = group(&texts, Similarity::from_millionths(550_000));
        let firsts: Vec<usize> = placed.iter().map(|placed| placed.first).collect();
        assert_eq!(firsts, [0, 1, 2, 0, 2, 5]);
        assert!(placed[0].similarity > Similarity::from_millionths(980_000));
        assert_eq!(placed[1].similarity, Similarity::ONE);
    }

    #[test]
    fn nothing_is_grouped_into_nothing() {
        assert!(group(&[], Similarity::ONE).is_empty());
        assert_eq!(group(&[None], Similarity::ONE).len(), 1);
    }

    #[test]
    fn limit_more_equal_texts_than_a_node_has_links_are_together() {
        let texts: Vec<_> = (0..LINKS_PER_NODE_MAX * 3).map(|_| at(45.0)).collect();
        let placed = group(&texts, Similarity::from_millionths(550_000));
        assert!(placed.iter().all(|placed| placed.first == 0), "{placed:?}");
    }
}
