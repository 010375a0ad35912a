//! Products of matrices: a register tile of rows by 32 columns, with what follows it fused into its end.
//!
//! *Promise:* each number of the result is one chain `bias + before + a[0]*b[0] + a[1]*b[1] + …`, every
//! step rounded once, in this order. It depends on its own row and column only: not on how many rows are
//! multiplied together, where tiles begin, or how wide a register is.

use crate::blocks::{Blocks, BlocksMut, Row, WIDTH};
use crate::kernel::{Job, LANES, Lanes};
use crate::math::gelu;

/// How a sum begins and what happens to it at its end.
pub trait Finish: Copy {
    /// Whether a sum begins with what is there, besides the bias: the residual connection.
    const ADDS: bool;
    /// Whether [`Finish::finish`] does anything.
    const CHANGES: bool;

    /// Returns what is written for a sum.
    fn finish<L: Lanes>(self, lanes: L, sum: L::Sixteen) -> L::Sixteen;
}

/// Writes the sum.
#[derive(Clone, Copy)]
pub struct Store;

impl Finish for Store {
    const ADDS: bool = false;
    const CHANGES: bool = false;

    #[inline(always)]
    fn finish<L: Lanes>(self, _lanes: L, sum: L::Sixteen) -> L::Sixteen {
        sum
    }
}

/// Writes the sum's GELU.
#[derive(Clone, Copy)]
pub struct Gelu;

impl Finish for Gelu {
    const ADDS: bool = false;
    const CHANGES: bool = true;

    #[inline(always)]
    fn finish<L: Lanes>(self, lanes: L, sum: L::Sixteen) -> L::Sixteen {
        gelu(lanes, sum)
    }
}

/// Adds the sum to what is there.
#[derive(Clone, Copy)]
pub struct AddTo;

impl Finish for AddTo {
    const ADDS: bool = true;
    const CHANGES: bool = false;

    #[inline(always)]
    fn finish<L: Lanes>(self, _lanes: L, sum: L::Sixteen) -> L::Sixteen {
        sum
    }
}

/// `out = finish(a × panels + bias)`.
pub struct Multiply<'a, F> {
    /// The left side.
    pub a: Blocks<'a>,
    /// Columns of `a` that are used; also the rows of each panel.
    pub depth: usize,
    /// One panel for each block of `out`, one after the other.
    pub panels: &'a [Row],
    /// The beginning of each sum, one row for each panel; none means 0.
    pub bias: Option<&'a [Row]>,
    /// Where the result goes; as many rows as `a`.
    pub out: BlocksMut<'a>,
    /// What happens to each sum.
    pub finish: F,
}

impl<F: Finish> Job for Multiply<'_, F> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(self, lanes: L) {
        multiply(lanes, self);
    }
}

/// See [`Multiply`].
#[inline(always)]
pub fn multiply<L: Lanes, F: Finish>(lanes: L, mut job: Multiply<'_, F>) {
    let tiles = job.a.count.div_ceil(L::TILE_ROWS);
    for (block, panel) in job.panels.chunks_exact(job.depth).enumerate() {
        let bias = job.bias.map_or(&Row::ZERO, |bias| &bias[block]);
        let out = job.out.block(block);
        let mut start = 0;
        for tile in 0..tiles {
            // Tiles of nearly equal height: 22 rows are 11 and 11, not 14 and 8.
            let end = job.a.count * (tile + 1) / tiles;
            let a = Blocks { first: job.a.first + start, count: end - start, ..job.a };
            tile_of_any_height(lanes, a, panel, bias, &mut out[start..end], job.finish);
            start = end;
        }
    }
}

/// Calls [`tile`] with the height as a constant, so that the sums stay in registers.
#[inline(always)]
fn tile_of_any_height<L: Lanes, F: Finish>(
    lanes: L,
    a: Blocks<'_>,
    panel: &[Row],
    bias: &Row,
    out: &mut [Row],
    finish: F,
) {
    macro_rules! heights {
        ($($height:literal)+) => {
            match a.count {
                $($height if $height <= L::TILE_ROWS => {
                    if L::WIDE {
                        tile::<L, F, $height, 2>(lanes, a, panel, bias, out, 0, finish);
                    } else {
                        tile::<L, F, $height, 1>(lanes, a, panel, bias, out, 0, finish);
                        tile::<L, F, $height, 1>(lanes, a, panel, bias, out, 1, finish);
                    }
                })+
                other => unreachable!("a tile of {other} rows"),
            }
        };
    }
    heights!(1 2 3 4 5 6 7 8 9 10 11 12 13 14);
}

/// Multiplies `HEIGHT` rows with `PARTS` × 16 columns of a panel.
#[inline(always)]
fn tile<L: Lanes, F: Finish, const HEIGHT: usize, const PARTS: usize>(
    lanes: L,
    a: Blocks<'_>,
    panel: &[Row],
    bias: &Row,
    out: &mut [Row],
    first_part: usize,
    finish: F,
) {
    let (out, _) = out.as_chunks_mut::<HEIGHT>();
    let out = &mut out[0];
    let mut sums = [[lanes.splat(0.0); PARTS]; HEIGHT];
    for row in 0..HEIGHT {
        for part in 0..PARTS {
            sums[row][part] = lanes.load(sixteen(bias, first_part + part));
            if F::ADDS {
                let before = lanes.load(sixteen(&out[row], first_part + part));
                sums[row][part] = lanes.add(sums[row][part], before);
            }
        }
    }
    for (block, weights) in panel.chunks(WIDTH).enumerate() {
        let (rows, _) = a.block(block).as_chunks::<HEIGHT>();
        let rows = &rows[0];
        for (column, weights) in weights.iter().enumerate().take(WIDTH) {
            let mut of_column = [lanes.splat(0.0); PARTS];
            for part in 0..PARTS {
                of_column[part] = lanes.load(sixteen(weights, first_part + part));
            }
            for row in 0..HEIGHT {
                let number = lanes.splat(rows[row][column]);
                for part in 0..PARTS {
                    sums[row][part] = lanes.mul_add(number, of_column[part], sums[row][part]);
                }
            }
        }
    }
    // Stored first and finished in memory: a longer loop over the sums would not be unrolled, and what is
    // indexed in a loop cannot be held in registers.
    for row in 0..HEIGHT {
        for part in 0..PARTS {
            lanes.store(sums[row][part], sixteen_mut(&mut out[row], first_part + part));
        }
    }
    if F::CHANGES {
        for row in out {
            for part in 0..PARTS {
                let to = sixteen_mut(row, first_part + part);
                lanes.store(finish.finish(lanes, lanes.load(to)), to);
            }
        }
    }
}

/// Returns the lower (0) or upper (1) half of a row.
#[inline(always)]
pub fn sixteen(row: &Row, half: usize) -> &[f32; LANES] {
    &row.as_chunks::<LANES>().0[half]
}

/// As [`sixteen`], to be written.
#[inline(always)]
pub fn sixteen_mut(row: &mut Row, half: usize) -> &mut [f32; LANES] {
    &mut row.as_chunks_mut::<LANES>().0[half]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::{Kernel, TILE_ROWS_MAX};

    /// Numbers that look random and are the same everywhere.
    fn numbers(count: usize, seed: u32) -> Vec<Row> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        (0..count).map(|_| Row(std::array::from_fn(|_| next()))).collect()
    }

    /// The promise of this file, as plain loops.
    fn slow(
        a: Blocks<'_>,
        depth: usize,
        panels: &[Row],
        start: impl Fn(usize, usize) -> Row,
    ) -> Vec<Row> {
        let mut out = Vec::new();
        for (block, panel) in panels.chunks(depth).enumerate() {
            for row in 0..a.count {
                let start = start(block, row);
                out.push(Row(std::array::from_fn(|column| {
                    (0..depth).fold(start[column], |sum, k| {
                        a.block(k / WIDTH)[row][k % WIDTH].mul_add(panel[k][column], sum)
                    })
                })));
            }
        }
        out
    }

    fn check(kernel: Kernel, count: usize, depth: usize, panel_count: usize) {
        // Rows before and behind the meant ones, to see that only those are touched.
        let (first, stride) = (3, count + 5);
        let rows = numbers(depth.div_ceil(WIDTH) * stride, count as u32);
        let a = Blocks { rows: &rows, stride, first, count };
        let panels = numbers(panel_count * depth, depth as u32);
        let bias = numbers(panel_count, 7);
        let before = numbers(panel_count * stride, 9);
        let expected = slow(a, depth, &panels, |block, _| bias[block]);
        let expected_added = slow(a, depth, &panels, |block, row| {
            let before = before[block * stride + first + row];
            Row(std::array::from_fn(|n| bias[block][n] + before[n]))
        });
        let run = |finish: &dyn Fn(BlocksMut<'_>)| {
            let mut out = before.clone();
            finish(BlocksMut { rows: &mut out, stride, first, count });
            out
        };
        let (panels, bias) = (&panels[..], Some(&bias[..]));
        let stored =
            run(&|out| kernel.run(Multiply { a, depth, panels, bias, out, finish: Store }));
        let added = run(&|out| kernel.run(Multiply { a, depth, panels, bias, out, finish: AddTo }));
        for block in 0..panel_count {
            for row in 0..stride {
                let at = block * stride + row;
                if !(first..first + count).contains(&row) {
                    assert_eq!((stored[at], added[at]), (before[at], before[at]));
                    continue;
                }
                let of_out = block * count + row - first;
                assert_eq!(stored[at], expected[of_out], "{} {count} × {depth}", kernel.name());
                assert_eq!(
                    added[at],
                    expected_added[of_out],
                    "{} {count} × {depth}",
                    kernel.name()
                );
            }
        }
    }

    #[test]
    fn every_kernel_equals_plain_loops_for_every_height_of_a_tile_and_every_depth() {
        for kernel in Kernel::available() {
            for depth in 1..=256 {
                check(kernel, 1 + depth % TILE_ROWS_MAX, depth, 1);
            }
            for count in 1..=TILE_ROWS_MAX {
                for depth in [1, 31, 32, 33, 64, 100] {
                    check(kernel, count, depth, 2);
                }
            }
        }
    }

    #[test]
    fn every_kernel_equals_plain_loops_for_every_number_of_rows() {
        for kernel in Kernel::available() {
            for count in 1..=256 {
                check(kernel, count, 32, 1);
            }
        }
    }

    #[test]
    fn gelu_at_the_end_of_a_product_is_gelu_of_the_product() {
        let a = numbers(20, 1);
        let panels = numbers(64, 2);
        for kernel in Kernel::available() {
            let mut plain = numbers(20, 3);
            let mut fused = plain.clone();
            let a = Blocks::whole(&a[..10], 10);
            let job =
                |out| Multiply { a, depth: 32, panels: &panels, bias: None, out, finish: Gelu };
            kernel.run(job(BlocksMut::whole(&mut fused, 10)));
            let out = BlocksMut::whole(&mut plain, 10);
            kernel.run(Multiply { a, depth: 32, panels: &panels, bias: None, out, finish: Store });
            for (fused, plain) in fused.iter().flat_map(|r| r.0).zip(plain.iter().flat_map(|r| r.0))
            {
                // The tanh approximation is within 1e-3 of the exact one: enough to see a mix-up.
                let inner = 0.797_884_6 * (plain + 0.044_715 * plain * plain * plain);
                assert!((fused - 0.5 * plain * (1.0 + inner.tanh())).abs() < 2e-3);
            }
        }
    }
}
