//! Masks: which parts of a message are variables, and the message with placeholders for them.
//!
//! Whole values are masked (URLs, addresses, times, paths, sizes, numbers, quoted texts, values of
//! keys, identifiers with digits); names that tell failures apart stay (types of exceptions,
//! `Class::method`, codes after `errno` and `SQLSTATE`).
//!
//! *State and limits:* none; a displayed text is cut at [`TEXT_BYTES_MAX`].
//! *Not here:* identity (`skeleton`), ids and counting (`fingerprint`).

mod classes;
mod dictionary;
mod kind;
mod overlay;
mod piece;
mod render;
mod scan;
mod words;

pub use kind::MaskKind;
pub use render::{MaskedSpan, TEXT_BYTES_MAX, masks, render};
pub use scan::{ITEMS_MAX, QUOTED_BYTES_MAX, SCAN_BYTES_MAX, WORD_BYTES_MAX};

pub(crate) use classes::{Word, load};
pub(crate) use overlay::{Decision, Ruled, scan_with};
pub(crate) use render::{masks_with, readable, render_with, truncate};
pub(crate) use scan::{Sink, scan};

#[cfg(test)]
mod tests;
