//! all-MiniLM-L6-v2 on the processor: a text's vector as a pure function of the model's bytes.
//!
//! No files, no clock: the root package finds and reads the weights, the engine's runtime owns the threads
//! that call [`Encoder::embed_chunk`] with the chunks of a [`plan`]; only the products of a single long text
//! are shared with threads that end with them. Same bits on every
//! processor, in every company; tested against candle's `BertModel` and against vectors made with
//! sentence-transformers.
//!
//! Read in this order: `encoder.rs` (the model as a sequence of steps), `blocks.rs` (how numbers lie),
//! `multiply.rs`, `attention.rs`, `norm.rs`, `math.rs`, and `kernel.rs` for the instructions, the only
//! file with `unsafe`. `safetensors.rs`, `model.rs` and `tokens.rs` read files.
//! *Not here:* where the files come from (`src/model/` of the root package), and what vectors are
//! compared by (`engine::model::Embedding`).

mod attention;
mod blocks;
mod embedder;
mod encoder;
mod error;
mod kernel;
mod math;
mod model;
mod multiply;
mod norm;
mod plan;
mod safetensors;
mod tokens;

pub use encoder::{Accept, DIMENSIONS, Encoder, Room};
pub use error::EncoderError;
pub use kernel::Kernel;
pub use model::{TOKENS_MAX, WEIGHTS_SHA256};
pub use plan::{CHUNK_TOKENS, plan};
pub use tokens::{TEXT_BYTES_MAX, TOKENIZER_SHA256};
