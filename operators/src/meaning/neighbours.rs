//! Which names are linked: near enough, and among the nearest of one of the two.
//!
//! *Definition.* With `near(x)` the [`LINKS_PER_NODE_MAX`] names most similar to x (of equals the smaller
//! name) among those at least as similar as the floor, x and y are linked if `y ∈ near(x)` or
//! `x ∈ near(y)`.
//! *Promises:* a function of the set of names and embeddings, whatever came and went in between (I1, I6).
//! *State and limits:* `near` of every name, so at most [`LINKS_PER_NODE_MAX`] links a name on average;
//! [`Neighbours::crowded`] says how many names have as many as can be.

use super::scan::Flat;
use engine::model::{Embedding, KernelClass, Similarity};
use foldhash::{HashMap, HashMapExt};
use std::cmp::Reverse;
use std::hash::Hash;

/// Nearest names that are kept for each name. With 16, 32 and 128 the merges of labelled templates at the
/// default threshold were the same; what a name costs grows with it.
pub const LINKS_PER_NODE_MAX: usize = 32;

/// How similar two names are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link<N> {
    /// The smaller name.
    pub low: N,
    /// The other one.
    pub high: N,
    /// Their similarity.
    pub similarity: Similarity,
}

impl<N: Ord> Link<N> {
    fn between(one: N, other: N, similarity: Similarity) -> Link<N> {
        let (low, high) = if one <= other { (one, other) } else { (other, one) };
        Link { low, high, similarity }
    }
}

/// A link that comes or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Change<N> {
    /// It is there from now on.
    Linked(Link<N>),
    /// It is no longer there.
    Unlinked(Link<N>),
}

/// The order of nearness: the smaller, the nearer.
type Rank<N> = (Reverse<Similarity>, N);

/// Names, their embeddings and their links.
#[derive(Debug)]
pub struct Neighbours<N> {
    flat: Flat<N>,
    near: HashMap<N, Vec<Rank<N>>>,
    floor: Similarity,
    links_max: usize,
}

impl<N: Copy + Ord + Hash> Neighbours<N> {
    /// Returns one without names; links are at least as similar as `floor`.
    pub fn new(kernel: KernelClass, floor: Similarity, links_max: usize) -> Neighbours<N> {
        Neighbours { flat: Flat::new(kernel), near: HashMap::new(), floor, links_max }
    }

    /// Returns how many names there are.
    pub fn len(&self) -> usize {
        self.flat.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.flat.is_empty()
    }

    /// Returns for how many names there may be more that are near than are kept.
    pub fn crowded(&self) -> usize {
        self.near.values().filter(|near| near.len() >= self.links_max).count()
    }

    /// Adds a name, which must not be there, and returns what that changes.
    pub fn insert(&mut self, name: N, embedding: &Embedding) -> Vec<Change<N>> {
        let mut all = self.ranked(name, embedding);
        let mut changes = Vec::new();
        if self.flat.contains(name) || !self.flat.insert(name, embedding) {
            return changes;
        }
        for (index, &(Reverse(similarity), other)) in all.iter().enumerate() {
            let is_near_other = self.enter(other, (Reverse(similarity), name), &mut changes);
            if is_near_other || index < self.links_max {
                changes.push(Change::Linked(Link::between(name, other, similarity)));
            }
        }
        all.truncate(self.links_max);
        self.near.insert(name, all);
        changes
    }

    /// Takes a name out and returns what that changes.
    pub fn remove(&mut self, name: N) -> Vec<Change<N>> {
        let mut changes = Vec::new();
        let Some(embedding) = self.flat.get(name) else { return changes };
        self.flat.remove(name);
        let own = self.near.remove(&name).unwrap_or_default();
        let mut crowded = Vec::new();
        for (Reverse(similarity), other) in self.ranked(name, &embedding) {
            let rank = (Reverse(similarity), name);
            let near = self.near.entry(other).or_default();
            let place = near.binary_search(&rank);
            if place.is_ok() || own.binary_search(&(Reverse(similarity), other)).is_ok() {
                changes.push(Change::Unlinked(Link::between(name, other, similarity)));
            }
            if let Ok(place) = place {
                if near.len() == self.links_max {
                    crowded.push(other);
                }
                near.remove(place);
            }
        }
        crowded.into_iter().for_each(|other| self.refill(other, &mut changes));
        changes
    }

    /// Returns the names near an embedding, the nearest first.
    fn ranked(&self, name: N, embedding: &Embedding) -> Vec<Rank<N>> {
        let above = self.flat.above(embedding, self.floor).into_iter();
        let others = above.filter(|(other, _)| *other != name);
        let mut ranked: Vec<Rank<N>> =
            others.map(|(other, similarity)| (Reverse(similarity), other)).collect();
        ranked.sort_unstable();
        ranked
    }

    /// Puts a name into the list of `owner` if it is near enough, and returns whether it is. A link goes
    /// with the one that is pushed out, unless that one's own list has it.
    fn enter(&mut self, owner: N, rank: Rank<N>, changes: &mut Vec<Change<N>>) -> bool {
        let near = self.near.entry(owner).or_default();
        let place = near.binary_search(&rank).unwrap_or_else(|place| place);
        if place >= self.links_max {
            return false;
        }
        near.insert(place, rank);
        if near.len() > self.links_max
            && let Some((Reverse(similarity), out)) = near.pop()
            && !self.has(out, (Reverse(similarity), owner))
        {
            changes.push(Change::Unlinked(Link::between(owner, out, similarity)));
        }
        true
    }

    /// Fills a list up that was full and lost a name.
    fn refill(&mut self, owner: N, changes: &mut Vec<Change<N>>) {
        let Some(embedding) = self.flat.get(owner) else { return };
        let mut near = self.ranked(owner, &embedding);
        near.truncate(self.links_max);
        let known = self.near.insert(owner, near.clone()).unwrap_or_default();
        for rank in near {
            let (Reverse(similarity), other) = rank;
            if known.binary_search(&rank).is_err() && !self.has(other, (Reverse(similarity), owner))
            {
                changes.push(Change::Linked(Link::between(owner, other, similarity)));
            }
        }
    }

    fn has(&self, owner: N, rank: Rank<N>) -> bool {
        self.near.get(&owner).is_some_and(|near| near.binary_search(&rank).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::model::EMBEDDING_DIMENSIONS;
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    const CLASS: KernelClass = KernelClass::MINILM_L6_F32;
    const FLOOR: Similarity = Similarity::from_millionths(450_000);

    fn waves(seed: u32) -> Embedding {
        let number = |n: usize| ((n as f32 * 0.31 + seed as f32 * 0.4).sin() * 120.0) as i8;
        Embedding::from_numbers(std::array::from_fn::<_, EMBEDDING_DIMENSIONS, _>(number), CLASS)
    }

    /// The definition, word for word.
    fn links(seeds: &BTreeMap<u32, u32>, links_max: usize) -> BTreeSet<Link<u32>> {
        let mut links = BTreeSet::new();
        for (name, seed) in seeds {
            let similar = |(other, at): (&u32, &u32)| {
                (Reverse(waves(*seed).similarity(&waves(*at)).unwrap()), *other)
            };
            let others = seeds.iter().filter(|(other, _)| *other != name).map(similar);
            let mut near: Vec<_> = others.filter(|(Reverse(it), _)| *it >= FLOOR).collect();
            near.sort_unstable();
            near.truncate(links_max);
            let link = |(Reverse(similarity), other)| Link::between(*name, other, similarity);
            links.extend(near.into_iter().map(link));
        }
        links
    }

    proptest! {
        #[test]
        fn links_are_a_function_of_the_set_whatever_came_and_went(
            steps in prop::collection::vec((0u32..24, 0u32..40), 1..60),
            links_max in 1usize..5,
        ) {
            let mut neighbours = Neighbours::new(CLASS, FLOOR, links_max);
            let mut seeds: BTreeMap<u32, u32> = BTreeMap::new();
            let mut linked: BTreeSet<Link<u32>> = BTreeSet::new();
            for (name, seed) in steps {
                let changes = if seeds.remove(&name).is_some() {
                    neighbours.remove(name)
                } else {
                    seeds.insert(name, seed);
                    neighbours.insert(name, &waves(seed))
                };
                for change in changes {
                    match change {
                        Change::Linked(link) => prop_assert!(linked.insert(link), "twice: {:?}", link),
                        Change::Unlinked(link) => prop_assert!(linked.remove(&link), "never: {:?}", link),
                    }
                }
                prop_assert_eq!(&linked, &links(&seeds, links_max));
            }
        }
    }

    #[test]
    fn limit_a_name_that_everything_is_near_to_keeps_a_bounded_list() {
        let mut neighbours = Neighbours::new(CLASS, FLOOR, 8);
        let count = |changes: Vec<Change<u32>>| {
            changes
                .iter()
                .map(|it| if matches!(it, Change::Linked(_)) { 1 } else { -1 })
                .sum::<i32>()
        };
        let links: i32 = (0..100).map(|name| count(neighbours.insert(name, &waves(3)))).sum();
        assert!(links <= 100 * 8, "{links} links");
        assert_eq!(neighbours.crowded(), 100);
    }
}
