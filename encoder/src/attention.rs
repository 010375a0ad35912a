//! Attention of one head over the tokens of one text: scores, softmax, weighted values.
//!
//! *Promise:* depends on the text's own tokens and their number only. Scores and weighted values are
//! products of `multiply.rs`; a softmax sums sixteen keys at a time, then the lanes in one order.

use crate::blocks::{Blocks, BlocksMut, Row, WIDTH};
use crate::kernel::{Job, Lanes};
use crate::math::{exponential, max_of_lanes, sum_of_lanes};
use crate::multiply::{Multiply, Store, multiply, sixteen, sixteen_mut};
use std::ops::Range;

/// Room for one head of one text; made once for a number of tokens and used again.
pub struct AttentionRoom {
    /// Keys, transposed: for every 32 keys, 32 rows of one dimension each.
    keys: Vec<Row>,
    /// For every 32 keys, one row for each query.
    scores: Vec<Row>,
}

impl AttentionRoom {
    /// Returns room for texts of at most `tokens` tokens.
    pub fn new(tokens: usize) -> AttentionRoom {
        let panels = tokens.div_ceil(WIDTH);
        AttentionRoom {
            keys: vec![Row::ZERO; panels * WIDTH],
            scores: vec![Row::ZERO; panels * tokens],
        }
    }
}

/// Attends with some heads of one text.
pub struct Attend<'a> {
    /// Queries, keys and values of every head, a block each: first all queries, then all keys, then
    /// all values. The meant rows are those of one text.
    pub projections: Blocks<'a>,
    /// How many heads there are, each 32 wide.
    pub heads: usize,
    /// Those that are meant.
    pub meant: Range<usize>,
    /// Room for the text.
    pub room: &'a mut AttentionRoom,
    /// A block for each head that is meant.
    pub out: BlocksMut<'a>,
}

impl Job for Attend<'_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes>(mut self, lanes: L) {
        for head in self.meant.clone() {
            self.attend(lanes, head);
        }
    }
}

impl Attend<'_> {
    #[inline(always)]
    fn attend<L: Lanes>(&mut self, lanes: L, head: usize) {
        let tokens = self.projections.count;
        let panels = tokens.div_ceil(WIDTH);
        let queries = Blocks::whole(self.projections.block(head), tokens);
        let values = self.projections.block(2 * self.heads + head);
        let keys = &mut self.room.keys[..panels * WIDTH];
        let scores = &mut self.room.scores[..panels * tokens];
        transpose(self.projections.block(self.heads + head), keys);
        multiply(
            lanes,
            Multiply {
                a: queries,
                depth: WIDTH,
                panels: keys,
                bias: None,
                out: BlocksMut::whole(scores, tokens),
                finish: Store,
            },
        );
        softmax(lanes, scores, tokens);
        multiply(
            lanes,
            Multiply {
                a: Blocks::whole(scores, tokens),
                depth: tokens,
                panels: values,
                bias: None,
                out: BlocksMut::whole(self.out.block(head - self.meant.start), tokens),
                finish: Store,
            },
        );
    }
}

/// Writes `keys` (a row for each token) as panels (a row for each dimension); missing keys are 0.
#[inline(always)]
fn transpose(keys: &[Row], panels: &mut [Row]) {
    for (panel, keys) in panels.chunks_exact_mut(WIDTH).zip(keys.chunks(WIDTH)) {
        for (column, key) in keys.iter().enumerate() {
            for (row, &number) in panel.iter_mut().zip(&key.0) {
                row[column] = number;
            }
        }
        for row in panel {
            row[keys.len()..].fill(0.0);
        }
    }
}

/// Turns scores into weights that add up to 1, over the `tokens` keys of each query.
#[inline(always)]
fn softmax<L: Lanes>(lanes: L, scores: &mut [Row], tokens: usize) {
    // 1 / sqrt(32): the scores are not scaled before.
    const SCALE: f32 = 0.176_776_7;
    let panels = tokens.div_ceil(WIDTH);
    let last_width = tokens - (panels - 1) * WIDTH;
    for query in 0..tokens {
        // Far below every score, so that the weight of a missing key vanishes.
        scores[(panels - 1) * tokens + query][last_width..].fill(f32::MIN);
        let mut largest = lanes.splat(f32::MIN);
        for panel in 0..panels {
            for half in 0..2 {
                let score = lanes.load(sixteen(&scores[panel * tokens + query], half));
                largest = lanes.max(largest, score);
            }
        }
        let largest = lanes.splat(max_of_lanes(lanes, largest));
        let mut sum = lanes.splat(0.0);
        for panel in 0..panels {
            for half in 0..2 {
                let score = sixteen_mut(&mut scores[panel * tokens + query], half);
                let below = lanes.sub(lanes.load(score), largest);
                let weight = exponential(lanes, lanes.mul(below, lanes.splat(SCALE)));
                sum = lanes.add(sum, weight);
                lanes.store(weight, score);
            }
        }
        let share = lanes.splat(1.0 / sum_of_lanes(lanes, sum));
        for panel in 0..panels {
            for half in 0..2 {
                let weight = sixteen_mut(&mut scores[panel * tokens + query], half);
                lanes.store(lanes.mul(lanes.load(weight), share), weight);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Kernel;

    /// Attention in double precision, from the definition.
    fn slow(projections: Blocks<'_>, heads: usize) -> Vec<[f64; WIDTH]> {
        let mut out = Vec::new();
        for head in 0..heads {
            let (queries, keys) = (projections.block(head), projections.block(heads + head));
            let values = projections.block(2 * heads + head);
            for query in queries {
                let dot = |key: &Row| -> f64 {
                    query.iter().zip(&key.0).map(|(&a, &b)| f64::from(a) * f64::from(b)).sum()
                };
                let weights: Vec<f64> =
                    keys.iter().map(|key| (dot(key) / 32f64.sqrt()).exp()).collect();
                let total: f64 = weights.iter().sum();
                out.push(std::array::from_fn(|n| {
                    let each = weights.iter().zip(values).map(|(w, v)| w * f64::from(v[n]));
                    each.sum::<f64>() / total
                }));
            }
        }
        out
    }

    #[test]
    fn attention_is_that_of_the_definition_for_every_length_and_equal_on_every_kernel() {
        let heads = 2;
        let mut room = AttentionRoom::new(256);
        for tokens in 1..=256 {
            let stride = tokens + 2;
            let rows: Vec<Row> = (0..3 * heads * stride)
                .map(|row| Row(std::array::from_fn(|n| ((row * 37 + n * 11) as f32).sin() * 1.5)))
                .collect();
            let projections = Blocks { rows: &rows, stride, first: 1, count: tokens };
            let expected = slow(projections, heads);
            let mut first: Option<Vec<Row>> = None;
            for kernel in Kernel::available() {
                let mut out = vec![Row::ZERO; heads * tokens];
                let blocks = BlocksMut::whole(&mut out, tokens);
                kernel.run(Attend {
                    projections,
                    heads,
                    meant: 0..heads,
                    room: &mut room,
                    out: blocks,
                });
                for (row, expected) in out.iter().zip(&expected) {
                    for (&number, &expected) in row.iter().zip(expected) {
                        let error = (f64::from(number) - expected).abs();
                        assert!(error < 2e-6, "{} {tokens}: {error:e}", kernel.name());
                    }
                }
                assert_eq!(*first.get_or_insert_with(|| out.clone()), out, "{}", kernel.name());
            }
        }
    }
}
