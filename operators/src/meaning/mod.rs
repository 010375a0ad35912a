//! What patterns mean: the text that is embedded, and which embeddings are near each other.
//!
//! ```text
//! pattern ──text──► (an embedder, elsewhere) ──► embedding ──neighbours──► links above a similarity
//! ```
//! *Promises:* whole numbers decide (I1, I2). *Not here:* vectors of texts (`engine::component::Embedder`),
//! and what links make of patterns (`cluster`).

mod codes;
mod links;
mod neighbours;
mod rows;
mod scan;
mod text;

pub use links::{Linked, Placed, links};
pub use neighbours::{Change, LINKS_PER_NODE_MAX, Link, Neighbours};
pub use scan::{Flat, RERANKED, nearest_by_vector};
pub use text::{TEXT_BYTES_MAX, all_words, text};
