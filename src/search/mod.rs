//! Search by words and by meaning: in a running engine, and the verb `search`.
//!
//! ```text
//! recovered, committed ──► SharedIndex ◄── parts, vectors ── ReadStore (command line)
//! question ──model──► vector ──► candidates ──► vectors of the store ──► ranked ──► Found
//! ```
//! *Not here:* how issues are ranked (`operators::search`).

mod index;
mod meaning;
mod verb;

pub use index::SharedIndex;
pub use meaning::{Meaning, OpenModel, local_model};
pub use verb::search;
