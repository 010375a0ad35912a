//! How numbers lie in memory: columns in blocks of 32, so that one loop multiplies everything.
//!
//! ```text
//! rows × columns:   block 0: row 0 [32], row 1 [32], …, row n-1 [32]
//!                   block 1: row 0 [32], …
//! ```
//! A row's 32 columns lie together and the rows of a block follow each other, so a register tile reads
//! its rows at fixed distances from one address, and the 32 columns of one attention head are one
//! block. A *panel* of weights has the same shape with inputs for rows: 32 outputs of input 0, of
//! input 1, and so on. Therefore the values of a head are, as they lie, the panel that attention
//! multiplies with.

use std::ops::{Deref, DerefMut};

/// Columns of a block.
pub const WIDTH: usize = 32;

/// One row of one block: two cache lines, aligned, so that no load crosses from one to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
#[repr(align(64))]
pub struct Row(pub [f32; WIDTH]);

impl Row {
    /// Zeros.
    pub const ZERO: Row = Row([0.0; WIDTH]);
}

impl Deref for Row {
    type Target = [f32; WIDTH];

    #[inline(always)]
    fn deref(&self) -> &[f32; WIDTH] {
        &self.0
    }
}

impl DerefMut for Row {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [f32; WIDTH] {
        &mut self.0
    }
}

/// Some rows of a matrix in blocks.
#[derive(Clone, Copy)]
pub struct Blocks<'a> {
    /// All rows of all blocks.
    pub rows: &'a [Row],
    /// Distance from a row of one block to the same row of the next.
    pub stride: usize,
    /// The first row that is meant.
    pub first: usize,
    /// How many rows are meant.
    pub count: usize,
}

impl<'a> Blocks<'a> {
    /// Returns a whole matrix of `count` rows.
    pub fn whole(rows: &'a [Row], count: usize) -> Blocks<'a> {
        Blocks { rows, stride: count, first: 0, count }
    }

    /// Returns the meant rows of one block.
    #[inline(always)]
    pub fn block(&self, block: usize) -> &'a [Row] {
        let start = block * self.stride + self.first;
        &self.rows[start..start + self.count]
    }
}

/// As [`Blocks`], to be written.
pub struct BlocksMut<'a> {
    /// All rows of all blocks.
    pub rows: &'a mut [Row],
    /// Distance from a row of one block to the same row of the next.
    pub stride: usize,
    /// The first row that is meant.
    pub first: usize,
    /// How many rows are meant.
    pub count: usize,
}

impl<'a> BlocksMut<'a> {
    /// Returns a whole matrix of `count` rows.
    pub fn whole(rows: &'a mut [Row], count: usize) -> BlocksMut<'a> {
        BlocksMut { rows, stride: count, first: 0, count }
    }

    /// Returns the meant rows of one block.
    #[inline(always)]
    pub fn block(&mut self, block: usize) -> &mut [Row] {
        let start = block * self.stride + self.first;
        &mut self.rows[start..start + self.count]
    }
}

/// Lays a row-major matrix of `columns` columns out as panels: `weights[out][in]` becomes, for every 32
/// outputs, 32 numbers of each input. The number of outputs must be a multiple of 32.
pub fn lay_out_panels(weights: &[f32], columns: usize, panels: &mut [Row]) {
    let outputs = weights.chunks_exact(columns * WIDTH);
    for (panel, outputs) in panels.chunks_exact_mut(columns).zip(outputs) {
        // Square pieces, so that neither side is read or written across the cache.
        for start in (0..columns).step_by(WIDTH) {
            let end = (start + WIDTH).min(columns);
            for (column, output) in outputs.chunks_exact(columns).enumerate() {
                for (row, &weight) in panel[start..end].iter_mut().zip(&output[start..end]) {
                    row[column] = weight;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_hold_every_weight_where_the_product_looks_for_it() {
        let (outputs, inputs) = (96, 40);
        let weights: Vec<f32> = (0..outputs * inputs).map(|n| n as f32).collect();
        let mut packed = vec![Row::ZERO; outputs * inputs / WIDTH];
        lay_out_panels(&weights, inputs, &mut packed);
        for output in 0..outputs {
            for input in 0..inputs {
                let found = packed[output / WIDTH * inputs + input][output % WIDTH];
                assert_eq!(found, weights[output * inputs + input]);
            }
        }
    }
}
