//! What decides which clusters become one: average link over a sparse graph of similarities.
//!
//! Two clusters are as similar as their members are on average, where a pair that is not linked (too
//! dissimilar, or beyond the bound of links) counts as [`UNLINKED`]. In every round each cluster names
//! the one it is most similar to, if the two are similar enough; two that name each other become one.
//! Average link is reducible (what two clusters become is never more similar to a third than both
//! were), so these rounds find what joining the best pair of all, one at a time, would find. No order
//! of arrival enters.

use engine::model::{PatternId, SeverityClass, Similarity};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use xxhash_rust::xxh3::xxh3_128;

/// The similarity of two nodes that are not linked. Unrelated templates measured .05 to .25.
pub const UNLINKED: Similarity = Similarity::from_millionths(200_000);
/// A pair is linked if its similarity is above the threshold less this.
pub const LINK_MARGIN: i32 = 100_000;

/// Members are counted up to here, so that averages can be compared without overflow.
const SIZE_MAX: u32 = 1 << 26;

/// What is clustered: a pattern within a severity class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Node(pub u128);

impl Node {
    /// Returns the node of a pattern in a class.
    pub fn new(class: SeverityClass, pattern: PatternId) -> Node {
        let mut bytes = [class as u8; 17];
        bytes[1..].copy_from_slice(&pattern.0.to_be_bytes());
        Node(xxh3_128(&bytes))
    }
}

/// Nodes that are together: named by the smallest of them, and how many they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Cluster {
    /// The smallest of its nodes.
    pub first: Node,
    /// How many there are.
    pub size: u32,
}

impl Cluster {
    /// Returns what two clusters become.
    pub fn with(self, other: Cluster) -> Cluster {
        Cluster {
            first: self.first.min(other.first),
            size: SIZE_MAX.min(self.size.saturating_add(other.size)),
        }
    }
}

/// What ties two clusters: the sum of the millionths of their links' similarities, how many links there
/// are, and how many constraints forbid them to become one. Ties of parts add up to ties of the whole.
pub type Ties = (isize, isize, isize);

/// How similar two clusters are.
#[derive(Clone, Copy, Debug)]
pub struct Average {
    sum: i128,
    pairs: i128,
}

impl Average {
    /// Returns the average similarity of two clusters, or nothing if they must not become one.
    pub fn of(left: Cluster, right: Cluster, (sum, linked, forbidden): Ties) -> Option<Average> {
        let pairs = i128::from(left.size) * i128::from(right.size);
        let unlinked = (pairs - linked as i128) * i128::from(UNLINKED.millionths());
        (forbidden == 0).then_some(Average { sum: sum as i128 + unlinked, pairs })
    }

    /// Returns whether it reaches `threshold`.
    pub fn reaches(self, threshold: Similarity) -> bool {
        self.sum >= i128::from(threshold.millionths()) * self.pairs
    }

    /// Returns it in millionths, cut towards zero.
    pub fn similarity(self) -> Similarity {
        Similarity::from_millionths((self.sum / self.pairs.max(1)) as i32)
    }
}

impl Ord for Average {
    fn cmp(&self, other: &Average) -> Ordering {
        (self.sum * other.pairs).cmp(&(other.sum * self.pairs))
    }
}

impl PartialOrd for Average {
    fn partial_cmp(&self, other: &Average) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Average {
    fn eq(&self, other: &Average) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Average {}

/// Returns which cluster `cluster` would join, of those that it is tied to: the most similar one if that
/// reaches `threshold`; of equals, the one with which it makes the smaller pair of names.
///
/// All clusters see pairs in this one order, so the best pair of all is always mutual: every round joins
/// something, until nothing reaches the threshold.
pub fn closest(
    cluster: Cluster,
    others: impl Iterator<Item = (Cluster, Ties)>,
    threshold: Similarity,
) -> Option<Cluster> {
    let pair = |other: Cluster| (cluster.min(other), cluster.max(other));
    let similar = others.filter_map(|(other, ties)| {
        let average = Average::of(cluster, other, ties)?;
        average.reaches(threshold).then_some((average, other))
    });
    let order = |left: &(Average, Cluster), right: &(Average, Cluster)| {
        right.0.cmp(&left.0).then_with(|| pair(left.1).cmp(&pair(right.1)))
    };
    similar.min_by(order).map(|(_, other)| other)
}

#[cfg(test)]
mod tests {
    use super::*;

    const THRESHOLD: Similarity = Similarity::from_millionths(550_000);

    fn cluster(first: u128, size: u32) -> Cluster {
        Cluster { first: Node(first), size }
    }

    #[test]
    fn pairs_that_are_not_linked_pull_the_average_down() {
        let one_of_two = Average::of(cluster(1, 2), cluster(2, 1), (800_000, 1, 0)).unwrap();
        assert_eq!(one_of_two.similarity(), Similarity::from_millionths(500_000));
        assert!(!one_of_two.reaches(THRESHOLD));
        let both = Average::of(cluster(1, 2), cluster(2, 1), (1_100_000, 2, 0)).unwrap();
        assert!(both.reaches(THRESHOLD));
    }

    #[test]
    fn no_similarity_makes_up_for_a_ban() {
        assert_eq!(Average::of(cluster(1, 1), cluster(2, 1), (1_000_000, 1, 1)), None);
    }

    #[test]
    fn of_equals_the_smaller_pair_of_names_comes_first() {
        let tied = [9, 3, 7].map(|first| (cluster(first, 1), (600_000, 1, 0)));
        let closest = closest(cluster(5, 1), tied.into_iter(), THRESHOLD);
        assert_eq!(closest, Some(cluster(3, 1)));
    }

    #[test]
    fn limit_the_largest_clusters_do_not_overflow() {
        let largest = cluster(1, SIZE_MAX);
        assert_eq!(largest.with(largest).size, SIZE_MAX);
        let ties = (isize::MAX, 0, 0);
        let average = Average::of(largest, largest, ties).unwrap();
        assert_eq!(average.cmp(&average), Ordering::Equal);
    }
}
