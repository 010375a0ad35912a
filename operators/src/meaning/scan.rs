//! Embeddings in flat arrays, compared one after the other: exact, and without an index to keep.
//!
//! *Promises:* which rows are near, and in which order, is decided by products of whole numbers; equal
//! on every processor. Floats only leave out rows that are clearly too far, with [`SPARE`] to spare.
//! *State and limits:* 400 bytes and its name for each row.
//! *Not here:* what is linked (`neighbours`).

use super::rows::{Row, Rows};
use engine::model::{EMBEDDING_DIMENSIONS, Embedding, KernelClass, Similarity, Vector};
use foldhash::{HashMap, HashMapExt};
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::hash::Hash;

/// Rows that are multiplied before any of them is looked at.
const BLOCK_ROWS: usize = 512;
/// By how much a rough similarity may be below a bound before its row is left out; single precision is
/// off by less than a hundredth of it.
const SPARE: f32 = 1e-4;

/// Embeddings of one kernel class, each with a name.
#[derive(Debug)]
pub struct Flat<N> {
    kernel: KernelClass,
    names: Vec<N>,
    rows: Rows,
    /// The product of each row with itself.
    squares: Vec<i32>,
    /// One over the length of each row.
    inverses: Vec<f32>,
    places: HashMap<N, usize>,
    arch: pulp::Arch,
}

impl<N: Copy + Ord + Hash> Flat<N> {
    /// Returns one without rows.
    pub fn new(kernel: KernelClass) -> Flat<N> {
        Flat {
            kernel,
            names: Vec::new(),
            rows: Rows::default(),
            squares: Vec::new(),
            inverses: Vec::new(),
            places: HashMap::new(),
            arch: pulp::Arch::new(),
        }
    }

    /// Returns how many rows there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Returns whether there is a row of that name.
    pub fn contains(&self, name: N) -> bool {
        self.places.contains_key(&name)
    }

    /// Returns the embedding of that name.
    pub fn get(&self, name: N) -> Option<Embedding> {
        let place = *self.places.get(&name)?;
        Some(Embedding::from_numbers(self.rows.get(place), self.kernel))
    }

    /// Appends a row, in place of the one of that name if there is one. Nothing happens, and `false` is
    /// returned, if it is of another kernel class.
    pub fn insert(&mut self, name: N, embedding: &Embedding) -> bool {
        if embedding.kernel() != self.kernel {
            return false;
        }
        self.remove(name);
        let square = embedding.dot(embedding);
        self.places.insert(name, self.names.len());
        self.names.push(name);
        self.rows.push(embedding.numbers());
        self.squares.push(square);
        self.inverses.push(inverse_length(square));
        true
    }

    /// Takes a row out; the last one takes its place. Returns whether there was one.
    pub fn remove(&mut self, name: N) -> bool {
        let Some(place) = self.places.remove(&name) else { return false };
        self.names.swap_remove(place);
        self.rows.swap_remove(place);
        self.squares.swap_remove(place);
        self.inverses.swap_remove(place);
        if let Some(moved) = self.names.get(place) {
            self.places.insert(*moved, place);
        }
        true
    }

    /// Returns every row that is at least as similar to `query` as `floor`, in no particular order.
    pub fn above(&self, query: &Embedding, floor: Similarity) -> Vec<(N, Similarity)> {
        let mut found = Vec::new();
        self.scan(query, floor, |name, similarity| {
            found.push((name, similarity));
            floor
        });
        found
    }

    /// Returns the `count` rows that are most similar to `query`, the most similar first; of equals,
    /// the one with the smaller name.
    pub fn nearest(&self, query: &Embedding, count: usize) -> Vec<(N, Similarity)> {
        let lowest = Similarity::from_millionths(-1_000_000);
        // The worst of those kept is on top.
        let mut kept: BinaryHeap<(Reverse<Similarity>, N)> = BinaryHeap::new();
        if count == 0 {
            return Vec::new();
        }
        self.scan(query, lowest, |name, similarity| {
            kept.push((Reverse(similarity), name));
            if kept.len() > count {
                kept.pop();
            }
            let worst = kept.peek().filter(|_| kept.len() == count);
            worst.map_or(lowest, |(Reverse(similarity), _)| *similarity)
        });
        let found = kept.into_sorted_vec();
        found.into_iter().map(|(Reverse(similarity), name)| (name, similarity)).collect()
    }

    /// Shows `take` every row that reaches a floor, which is what `take` returned last.
    fn scan(
        &self,
        query: &Embedding,
        mut floor: Similarity,
        mut take: impl FnMut(N, Similarity) -> Similarity,
    ) {
        if query.kernel() != self.kernel {
            return;
        }
        let square = query.dot(query);
        let length = (square as f32).sqrt();
        let bound = |floor: Similarity| (floor.ratio() as f32 - SPARE) * length;
        let wide = query.numbers().map(i16::from);
        let mut products = [0i32; BLOCK_ROWS];
        for (start, rows) in self.rows.blocks(BLOCK_ROWS) {
            let products = &mut products[..rows.len()];
            self.arch.dispatch(|| multiply(rows, &wide, products));
            let inverses = &self.inverses[start..start + rows.len()];
            let mut lowest = bound(floor);
            for (offset, (&product, inverse)) in products.iter().zip(inverses).enumerate() {
                if product as f32 * inverse < lowest {
                    continue;
                }
                let place = start + offset;
                let similarity = Similarity::of_products(product, square, self.squares[place]);
                if similarity >= floor {
                    floor = take(self.names[place], similarity);
                    lowest = bound(floor);
                }
            }
        }
    }
}

fn inverse_length(square: i32) -> f32 {
    if square == 0 { 0.0 } else { 1.0 / (square as f32).sqrt() }
}

/// Writes the product of each row with `query`; inlined where the processor's instructions are known, so
/// that the compiler vectorises it for them.
#[inline(always)]
fn multiply(rows: &[Row], query: &[i16; EMBEDDING_DIMENSIONS], products: &mut [i32]) {
    for (row, product) in rows.iter().zip(products) {
        let mut sum = 0i32;
        for dimension in 0..EMBEDDING_DIMENSIONS {
            sum += i32::from(i16::from(row[dimension] as i8)) * i32::from(query[dimension]);
        }
        *product = sum;
    }
}

/// Returns the `count` of `candidates` whose vectors are nearest to that of the query, the nearest first:
/// the last step of a search, for ranks only. [`RERANKED`] candidates are enough for ten results.
pub fn nearest_by_vector<'v, N: Copy + Ord>(
    query: &Vector,
    candidates: impl IntoIterator<Item = (N, &'v Vector)>,
    count: usize,
) -> Vec<(N, f32)> {
    let cosine = |(name, vector): (N, &Vector)| (name, query.cosine(vector));
    let mut ranked: Vec<(N, f32)> = candidates.into_iter().map(cosine).collect();
    let order = |left: &(N, f32), right: &(N, f32)| -> Ordering {
        right.1.total_cmp(&left.1).then_with(|| left.0.cmp(&right.0))
    };
    ranked.sort_unstable_by(order);
    ranked.truncate(count);
    ranked
}

/// Rows to ask of [`Flat::nearest`] for ten results by vector: measured recall 1.0000.
pub const RERANKED: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CLASS: KernelClass = KernelClass::MINILM_L6_F32;

    fn embedding(numbers: impl FnMut(usize) -> i8) -> Embedding {
        Embedding::from_numbers(std::array::from_fn(numbers), CLASS)
    }

    /// Numbers that are alike for seeds that are near each other.
    fn waves(seed: u32) -> Embedding {
        embedding(|n| ((n as f32 * 0.31 + seed as f32 * 0.17).sin() * 120.0) as i8)
    }

    fn flat(rows: &[(u32, Embedding)]) -> Flat<u32> {
        let mut flat = Flat::new(CLASS);
        rows.iter().for_each(|(name, embedding)| assert!(flat.insert(*name, embedding)));
        flat
    }

    proptest! {
        #[test]
        fn what_is_found_is_what_comparing_every_pair_finds(
            seeds in prop::collection::vec(0u32..60, 0..700),
            floor in -1_000_000..=1_000_000i32,
            count in 0usize..30,
        ) {
            let rows: Vec<_> = (0u32..).zip(seeds.iter().map(|seed| waves(*seed))).collect();
            let (flat, query) = (flat(&rows), waves(7));
            let mut all: Vec<(Reverse<Similarity>, u32)> = rows
                .iter()
                .map(|(name, row)| (Reverse(query.similarity(row).unwrap()), *name))
                .collect();
            all.sort_unstable();
            let mut above = flat.above(&query, Similarity::from_millionths(floor));
            above.sort_unstable_by_key(|(name, similarity)| (Reverse(*similarity), *name));
            let expected = all.iter().map(|(Reverse(similarity), name)| (*name, *similarity));
            let floor = Similarity::from_millionths(floor);
            prop_assert_eq!(above, expected.clone().filter(|row| row.1 >= floor).collect::<Vec<_>>());
            let nearest = flat.nearest(&query, count);
            prop_assert_eq!(nearest, expected.take(count).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_row_that_is_taken_out_is_not_found_and_the_others_are() {
        let rows: Vec<_> = (0..5).map(|seed| (seed, waves(seed))).collect();
        let mut flat = flat(&rows);
        assert!(flat.remove(1) && !flat.remove(1));
        assert!(flat.insert(4, &waves(40)), "the name's old row goes");
        assert_eq!(flat.len(), 4);
        let mut names: Vec<u32> = flat.nearest(&waves(0), 9).iter().map(|row| row.0).collect();
        names.sort_unstable();
        assert_eq!(names, [0, 2, 3, 4]);
        assert_eq!(flat.get(4), Some(waves(40)));
        assert_eq!(flat.get(1), None);
    }

    #[test]
    fn another_kernel_class_is_neither_kept_nor_compared() {
        let other = Embedding::from_numbers([1; EMBEDDING_DIMENSIONS], KernelClass::from_code(9));
        let mut flat = flat(&[(1, waves(1))]);
        assert!(!flat.insert(2, &other));
        assert!(flat.nearest(&other, 3).is_empty());
    }

    #[test]
    fn limit_extreme_numbers_are_compared_exactly() {
        let (low, high, zero) = (embedding(|_| -128), embedding(|_| 127), embedding(|_| 0));
        let flat = flat(&[(1, low.clone()), (2, high), (3, zero)]);
        let found = flat.nearest(&low, 3);
        assert_eq!(found.iter().map(|row| row.0).collect::<Vec<_>>(), [1, 3, 2]);
        assert_eq!(found[0].1, Similarity::ONE);
    }

    #[test]
    fn vectors_rank_what_whole_numbers_found() {
        let vector = |first: f32| {
            let mut numbers = [0.0; EMBEDDING_DIMENSIONS];
            (numbers[0], numbers[1]) = (first, (1.0 - first * first).sqrt());
            Vector(Box::new(numbers))
        };
        let vectors = [(1, vector(0.5)), (2, vector(0.9)), (3, vector(0.7)), (4, vector(0.9))];
        let candidates = vectors.iter().map(|(name, vector)| (*name, vector));
        let ranked = nearest_by_vector(&vector(1.0), candidates, 3);
        assert_eq!(ranked.iter().map(|row| row.0).collect::<Vec<_>>(), [2, 4, 3]);
    }
}
