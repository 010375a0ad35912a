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
mod values;

pub use values::{POSITIONS_MAX, Position, VALUE_BYTES_MAX, VALUES_MAX, Values, values_of};

use crate::mask::{MaskKind, truncate};
use crate::skeleton::KEPT_MARK;
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

/// Returns the text of the pattern with this skeleton, as far as `messages` tell it: messages of
/// events, or the displayed texts of templates. Those of other patterns, and traces, are left out;
/// without any other the skeleton is the text.
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
        return constants
            .iter()
            .map(|word| word.trim_start_matches(KEPT_MARK))
            .collect::<Vec<_>>()
            .join(" ");
    };
    let mut text = String::new();
    for (index, gap) in general.gaps.iter().enumerate() {
        show(gap, &mut text);
        text.push_str(general.constants.get(index).map_or("", String::as_str));
    }
    truncate(&mut text);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(skeleton: &str, messages: &[&str]) -> String {
        text_of(skeleton, messages.iter().map(|message| message.as_bytes()))
    }

    #[test]
    fn what_all_messages_share_stays_as_it_was_written() {
        let pair = ["sent 12 bytes (1.2 KB) via eth1: ok", "sent 15 bytes via eth1: ok"];
        assert_eq!(text("sent <*> via <*> ok", &pair), "sent <*> via eth1: ok");
        let lists = ["ids ( 1 2 3 ) gone", "ids ( 4 5 ) gone"];
        assert_eq!(text("ids <*> gone", &lists), "ids ( <*> ) gone");
        assert_eq!(text("wrote <*>", &["wrote dump.1", "wrote dump.27"]), "wrote dump.<num>");
    }

    #[test]
    fn words_that_vary_are_placeholders_even_in_a_single_message() {
        assert_eq!(
            text("card of <*> is locked", &["card of kim is locked"]),
            "card of <*> is locked"
        );
    }

    #[test]
    fn displayed_texts_serve_as_messages() {
        let texts = ["peer <ip>, stratum <num>", "peer LOCAL(<num>), stratum <num>"];
        assert_eq!(text("peer <*> stratum <*>", &texts), "peer <*>, stratum <num>");
    }

    #[test]
    fn words_that_rules_keep_are_found_again_and_names_of_masks_stay() {
        let kept = "charge of <*> refused =error =code =4";
        assert_eq!(
            text(kept, &["charge of 14 refused: error code 4"]),
            "charge of <num> refused: error code 4"
        );
        assert_eq!(text(kept, &["another message"]), "charge of <*> refused error code 4");
        let texts = ["login of <tenant> failed", "login of <tenant> failed"];
        assert_eq!(text("login of <*> failed", &texts), "login of <tenant> failed");
        assert_eq!(
            text("login key <*> failed", &["login key=<tenant_key> failed"]),
            "login key=<tenant_key> failed"
        );
    }

    #[test]
    fn order_and_repetition_do_not_matter_and_strangers_are_left_out() {
        let messages = ["a 1 (x=2) b", "a 1 b", "c", "a 10.0.0.1 b", "a 1 b"];
        let mut backwards = messages;
        backwards.reverse();
        assert_eq!(text("a <*> b", &messages[1..]), text("a <*> b", &backwards[..4]));
        assert_eq!(text("a <*> b", &["c"]), "a <*> b");
    }

    #[test]
    fn limit_a_text_is_cut() {
        let long = format!("at /x {}", "word ".repeat(2_000));
        assert!(text_of("at <*>", [long.as_bytes()]).len() <= crate::mask::TEXT_BYTES_MAX);
        assert!(crate::mask::TEXT_BYTES_MAX < long.len());
    }
}
