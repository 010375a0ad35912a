//! The encoder's tests from outside, one binary.
//!
//! - `weights`: files that are truncated, damaged, or another model; made-up weights, no download;
//! - `stable`: the same bits in any company, order, chunk, on any thread and kernel; made-up weights;
//! - `candle`: equal to candle's `BertModel` on made-up weights (family `oracle_`);
//! - `reference`: equal to sentence-transformers on the official weights, which `cargo xtask setup` fetches.

mod candle;
mod made_up;
mod reference;
mod stable;
mod weights;
