//! The numbers of embeddings, one row after the other, in memory that the system is asked to keep in
//! large pages: a scan of a hundred thousand rows waits for page tables otherwise (measured: 1.5 times
//! as long).
//!
//! *State and limits:* whole slabs of [`SLAB_BYTES`] of address space; what is touched of them, in steps
//! of a large page, is memory.

use engine::model::EMBEDDING_DIMENSIONS;
use memmap2::MmapMut;
use std::alloc::{Layout, handle_alloc_error};

/// The numbers of one embedding, as the bytes that they are stored in.
pub type Row = [u8; EMBEDDING_DIMENSIONS];

/// Bytes that are mapped at once.
const SLAB_BYTES: usize = 16 << 20;
const ROWS_PER_SLAB: usize = SLAB_BYTES / size_of::<Row>();

/// Rows, each at a place; the places are without gaps.
#[derive(Debug, Default)]
pub struct Rows {
    slabs: Vec<MmapMut>,
    len: usize,
}

impl Rows {
    /// Appends a row.
    pub fn push(&mut self, numbers: &[i8; EMBEDDING_DIMENSIONS]) {
        if self.len == self.slabs.len() * ROWS_PER_SLAB {
            self.slabs.push(slab());
        }
        self.len += 1;
        *self.row_mut(self.len - 1) = numbers.map(|number| number as u8);
    }

    /// Takes the row at a place out; the last one takes its place.
    ///
    /// # Panics
    /// When there is no such place.
    pub fn swap_remove(&mut self, place: usize) {
        assert!(place < self.len, "place {place} of {}", self.len);
        let last = *self.row(self.len - 1);
        *self.row_mut(place) = last;
        self.len -= 1;
    }

    /// Returns the numbers at a place.
    ///
    /// # Panics
    /// When there is no such place.
    pub fn get(&self, place: usize) -> [i8; EMBEDDING_DIMENSIONS] {
        assert!(place < self.len, "place {place} of {}", self.len);
        self.row(place).map(|byte| byte as i8)
    }

    /// Returns all rows in blocks of at most `rows`, each with the place of its first.
    pub fn blocks(&self, rows: usize) -> impl Iterator<Item = (usize, &[Row])> {
        self.slabs.iter().enumerate().flat_map(move |(slab, bytes)| {
            let first = slab * ROWS_PER_SLAB;
            let held = self.len.saturating_sub(first).min(ROWS_PER_SLAB);
            let blocks = bytes.as_chunks().0[..held].chunks(rows).enumerate();
            blocks.map(move |(block, held)| (first + block * rows, held))
        })
    }

    fn row(&self, place: usize) -> &Row {
        &self.slabs[place / ROWS_PER_SLAB].as_chunks().0[place % ROWS_PER_SLAB]
    }

    fn row_mut(&mut self, place: usize) -> &mut Row {
        &mut self.slabs[place / ROWS_PER_SLAB].as_chunks_mut().0[place % ROWS_PER_SLAB]
    }
}

/// Returns memory for [`ROWS_PER_SLAB`] rows; without memory the process ends, as it does for any vector.
fn slab() -> MmapMut {
    let slab = MmapMut::map_anon(SLAB_BYTES);
    let slab = slab.unwrap_or_else(|_| handle_alloc_error(Layout::new::<[Row; ROWS_PER_SLAB]>()));
    // A kernel without large pages is as right, and slower.
    #[cfg(target_os = "linux")]
    let _ = slab.advise(memmap2::Advice::HugePage);
    slab
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(place: usize) -> [i8; EMBEDDING_DIMENSIONS] {
        std::array::from_fn(|dimension| (place + dimension) as i8)
    }

    #[test]
    fn limit_rows_beyond_a_slab_are_found_in_the_next_and_the_last_fills_a_gap() {
        let mut rows = Rows::default();
        let count = ROWS_PER_SLAB + 3;
        (0..count).for_each(|place| rows.push(&row(place)));
        rows.swap_remove(5);
        assert_eq!(rows.get(5), row(count - 1));
        assert_eq!(rows.get(ROWS_PER_SLAB), row(ROWS_PER_SLAB));
        let blocks: Vec<(usize, usize)> =
            rows.blocks(ROWS_PER_SLAB - 1).map(|(first, held)| (first, held.len())).collect();
        let last = ROWS_PER_SLAB - 1;
        assert_eq!(blocks, [(0, last), (last, 1), (ROWS_PER_SLAB, 2)]);
    }
}
