//! Layer norm of every row, and the mean of a text's rows made a vector of length 1.
//!
//! *Promise:* a row's norm depends on that row only, a text's mean on its own rows in their order.

use crate::blocks::{Blocks, BlocksMut, Row, WIDTH};
use crate::kernel::{Job, Lanes};
use crate::math::sum_of_lanes;
use crate::multiply::{sixteen, sixteen_mut};

/// Sixteens of a hidden row that are held in registers at once.
const PARTS: usize = HIDDEN / 16;
/// Numbers of a hidden row.
pub const HIDDEN: usize = 384;
/// Blocks of a hidden row.
pub const HIDDEN_BLOCKS: usize = HIDDEN / WIDTH;

/// Added to the variance, as the model's configuration says.
const EPSILON: f32 = 1e-12;
/// A length below this counts as this, as in sentence-transformers.
const LENGTH_MIN: f32 = 1e-12;

/// Weight and bias of a layer norm.
pub struct Norm {
    /// What a normalised number is multiplied with.
    pub weight: [Row; HIDDEN_BLOCKS],
    /// What is added then.
    pub bias: [Row; HIDDEN_BLOCKS],
}

/// Normalises every row in place.
pub struct Normalise<'a> {
    /// Rows of 384 numbers.
    pub rows: BlocksMut<'a>,
    /// The norm.
    pub norm: &'a Norm,
}

impl Job for Normalise<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        for row in 0..self.rows.count {
            normalise(lanes, &mut self.rows, row, self.norm);
        }
    }
}

#[inline(always)]
fn normalise<L: Lanes>(lanes: L, rows: &mut BlocksMut<'_>, row: usize, norm: &Norm) {
    const ONE_HIDDENTH: f32 = 1.0 / HIDDEN as f32;
    let mut parts = [lanes.splat(0.0); PARTS];
    let mut sum = lanes.splat(0.0);
    for part in 0..PARTS {
        parts[part] = lanes.load(sixteen(&rows.block(part / 2)[row], part % 2));
        sum = lanes.add(sum, parts[part]);
    }
    let mean = lanes.splat(sum_of_lanes(lanes, sum) * ONE_HIDDENTH);
    let mut squares = lanes.splat(0.0);
    for part in &mut parts {
        *part = lanes.sub(*part, mean);
        squares = lanes.mul_add(*part, *part, squares);
    }
    let variance = sum_of_lanes(lanes, squares) * ONE_HIDDENTH;
    let scale = lanes.splat(1.0 / (variance + EPSILON).sqrt());
    for part in 0..PARTS {
        let (block, half) = (part / 2, part % 2);
        let weight = lanes.mul(lanes.load(sixteen(&norm.weight[block], half)), scale);
        let bias = lanes.load(sixteen(&norm.bias[block], half));
        let out = lanes.mul_add(parts[part], weight, bias);
        lanes.store(out, sixteen_mut(&mut rows.block(block)[row], half));
    }
}

/// Returns the mean of the rows, scaled to length 1.
pub struct Pool<'a> {
    /// The rows of one text.
    pub rows: Blocks<'a>,
}

impl Job for Pool<'_> {
    type Output = [f32; HIDDEN];

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) -> [f32; HIDDEN] {
        let mut out = [0.0; HIDDEN];
        let mut squares = lanes.splat(0.0);
        let share = lanes.splat(1.0 / self.rows.count as f32);
        for (part, out) in out.as_chunks_mut::<16>().0.iter_mut().enumerate() {
            let mut sum = lanes.splat(0.0);
            for row in self.rows.block(part / 2) {
                sum = lanes.add(sum, lanes.load(sixteen(row, part % 2)));
            }
            let mean = lanes.mul(sum, share);
            squares = lanes.mul_add(mean, mean, squares);
            lanes.store(mean, out);
        }
        let length = sum_of_lanes(lanes, squares).sqrt();
        let scale = lanes.splat(1.0 / if length > LENGTH_MIN { length } else { LENGTH_MIN });
        for out in out.as_chunks_mut::<16>().0 {
            lanes.store(lanes.mul(lanes.load(out), scale), out);
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;

    fn rows(count: usize) -> Vec<Row> {
        (0..count * HIDDEN_BLOCKS)
            .map(|row| Row(std::array::from_fn(|n| ((row * 131 + n * 7) as f32).sin() * 3.0 + 0.5)))
            .collect()
    }

    /// The numbers of one row, all blocks.
    fn numbers(rows: &[Row], count: usize, row: usize) -> Vec<f64> {
        let blocks = (0..HIDDEN_BLOCKS).flat_map(|block| rows[block * count + row].0);
        blocks.map(f64::from).collect()
    }

    #[test]
    fn layer_norm_is_that_of_the_definition_and_equal_on_every_kernel() {
        let norm = Norm {
            weight: std::array::from_fn(|b| {
                Row(std::array::from_fn(|n| 1.0 + (b + n) as f32 * 0.01))
            }),
            bias: std::array::from_fn(|b| Row(std::array::from_fn(|n| (b * n) as f32 * 0.001))),
        };
        let before = rows(5);
        let mut first: Option<Vec<Row>> = None;
        for kernel in Kernel::available() {
            let mut after = before.clone();
            kernel.run(Normalise { rows: BlocksMut::whole(&mut after, 5), norm: &norm });
            for row in 0..5 {
                let before = numbers(&before, 5, row);
                let mean = before.iter().sum::<f64>() / 384.0;
                let variance = before.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 384.0;
                for (at, number) in numbers(&after, 5, row).into_iter().enumerate() {
                    let weight = f64::from(norm.weight[at / WIDTH][at % WIDTH]);
                    let bias = f64::from(norm.bias[at / WIDTH][at % WIDTH]);
                    let expected = (before[at] - mean) / variance.sqrt() * weight + bias;
                    assert!((number - expected).abs() < 2e-6, "{number} is not {expected}");
                }
            }
            assert_eq!(*first.get_or_insert_with(|| after.clone()), after, "{}", kernel.name());
        }
    }

    #[test]
    fn a_mean_has_length_one_and_is_equal_on_every_kernel() {
        let rows = rows(7);
        let all = Blocks { rows: &rows, stride: 7, first: 2, count: 4 };
        let expected = Kernel::detect().run(Pool { rows: all });
        for kernel in Kernel::available() {
            assert_eq!(kernel.run(Pool { rows: all }), expected, "{}", kernel.name());
        }
        let length: f64 = expected.iter().map(|&x| f64::from(x).powi(2)).sum();
        assert!((length - 1.0).abs() < 1e-6, "{length}");
        let sums: Vec<f64> =
            (0..HIDDEN).map(|at| (2..6).map(|row| numbers(&rows, 7, row)[at]).sum()).collect();
        let total = sums.iter().map(|x| x * x).sum::<f64>().sqrt();
        for (number, sum) in expected.iter().zip(sums) {
            assert!((f64::from(*number) - sum / total).abs() < 1e-6);
        }
    }

    #[test]
    fn rows_of_zeros_have_a_mean_of_zeros() {
        let rows = vec![Row::ZERO; HIDDEN_BLOCKS];
        let pooled = Kernel::detect().run(Pool { rows: Blocks::whole(&rows, 1) });
        assert_eq!(pooled, [0.0; HIDDEN]);
    }
}
