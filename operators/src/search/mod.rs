//! search: which issues a question is about, by words and by meaning; and which issues are alike.
//!
//! ```text
//! parts of issues ──► Words: term ─► documents ──rank by words──┐
//!        └── text ids ──► Vectors ──rank by meaning─────────────┴──► fused by rank ─► issues
//! vectors ──────────────────┘
//! ```
//! *Promises:* an answer is a function of the *set* of parts and vectors, whatever came and went before,
//! in whatever order (I1, I6); similarities are products of whole numbers, and vectors only rank.
//! *State and limits:* one entry for each part and for each text, bounded by the fingerprint stage; of a
//! part's text [`TEXT_BYTES_MAX`](crate::meaning::TEXT_BYTES_MAX) bytes are looked at, of a question what
//! [`Question`] says.
//! *Not here:* where vectors are stored, and who embeds a question (the root package).

mod alike;
mod fuse;
mod index;
mod question;
mod tokens;
mod vectors;
mod words;

pub use alike::{PARTS_COMPARED_MAX, SIMILAR_COMPARED_MAX};
pub use fuse::{Near, RANK_CONSTANT};
pub use index::{Index, LIMIT_MAX, Neighbour, SIMILARITY_MIN, TEXTS_PER_ISSUE_MAX};
pub use question::{PREFIX_CHARS_MIN, QUESTION_BYTES_MAX, QUESTION_TOKENS_MAX, Question};
pub use words::PREFIX_TERMS_MAX;
