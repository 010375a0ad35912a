//! The displayed text of a pattern, from messages that belong to it: what all of them share stays as
//! it was written, what differs becomes a placeholder.
//!
//! ```text
//! "sent 12 bytes (1.2 KB) via eth1"  ─┐
//! "sent 15 bytes via eth1"           ─┴─► "sent <num> bytes <*> via eth1"
//! ```
//! A message is cut at the pattern's constant words; what stands between two of them is a *gap*.
//! Gaps are generalised one by one, so that optional units, brackets and lists do not matter.
//!
//! *Promises:* a function of the pattern and of the *set* of messages (they are ordered first).
//! *State and limits:* at most [`MESSAGES_MAX`] messages count; a text is cut at
//! [`TEXT_BYTES_MAX`](crate::mask::TEXT_BYTES_MAX).
//! *Not here:* which words vary (`rule`), what a single message shows (`mask::render`).

mod align;
mod gap;
mod tokens;

use crate::mask::{MaskKind, truncate};
use gap::{generalise, show};
use tokens::{Gaps, gaps};

/// How many messages are looked at.
pub const MESSAGES_MAX: usize = 1024;

/// A part of a gap.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Token {
    /// Punctuation, white space, and words that are no part of identity.
    Text(String),
    /// A value; its text is known as long as all messages agree on it.
    Value {
        /// What it is.
        kind: MaskKind,
        /// What it was everywhere.
        text: Option<String>,
        /// The name it began with everywhere, as `dump.` in `dump.17`; mostly empty.
        lead: String,
    },
}

/// Returns the text of the pattern with this skeleton, as far as `messages`, of which there is at
/// least one, tell it. Messages of other patterns are left out.
pub fn text_of<'a>(skeleton: &str, messages: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut messages: Vec<&[u8]> = messages.into_iter().collect();
    messages.sort_unstable();
    messages.dedup();
    messages.truncate(MESSAGES_MAX);
    let constants: Vec<&str> = skeleton.split(' ').collect();
    let all = messages.iter().filter_map(|message| gaps(message, &constants));
    let Some(general) = all.reduce(|left, right| Gaps {
        gaps: left.gaps.iter().zip(&right.gaps).map(|(a, b)| generalise(a, b)).collect(),
        constants: left.constants,
    }) else {
        return skeleton.to_owned();
    };
    let mut text = String::new();
    for (index, gap) in general.gaps.iter().enumerate() {
        show(gap, &mut text);
        text.push_str(general.constants.get(index).map_or("", String::as_str));
    }
    truncate(&mut text);
    text
}
