//! What stood in the variable places of a pattern: per place the kind, and the values seen most.
//!
//! *Promises:* exact for the messages given, and independent of their order; over a fingerprint's
//! stored samples, which are those of smallest hash, it is what a uniform sample tells.
//! *State and limits:* [`POSITIONS_MAX`] places, [`VALUES_MAX`] values of [`VALUE_BYTES_MAX`] bytes.

use super::Token;
use super::tokens::gaps;
use crate::mask::MaskKind;
use std::collections::BTreeMap;

/// How many variable places are looked at.
pub const POSITIONS_MAX: usize = 16;
/// How many values are told per place.
pub const VALUES_MAX: usize = 10;
/// How much of a value is told, in bytes.
pub const VALUE_BYTES_MAX: usize = 128;

/// A variable place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// What its values are; [`MaskKind::Word`] if they are not all of one kind.
    pub kind: MaskKind,
    /// How many different values were seen.
    pub distinct: usize,
    /// The values seen most, most first, and how often.
    pub top: Vec<(String, u64)>,
}

/// Returns what stood in the variable places of the pattern with this skeleton, in order of place.
pub fn values_of<'a>(
    skeleton: &str,
    messages: impl IntoIterator<Item = &'a [u8]>,
) -> Vec<Position> {
    let constants: Vec<&str> = skeleton.split(' ').collect();
    // A place is the n-th value of the n-th gap.
    let mut places: BTreeMap<(usize, usize), (MaskKind, BTreeMap<String, u64>)> = BTreeMap::new();
    for cut in messages.into_iter().filter_map(|message| gaps(message, &constants)) {
        for (gap, tokens) in cut.gaps.into_iter().enumerate() {
            for (place, (kind, value)) in values(tokens).enumerate() {
                let (all, seen) =
                    places.entry((gap, place)).or_insert_with(|| (kind, BTreeMap::new()));
                *all = if *all == kind { kind } else { MaskKind::Word };
                *seen.entry(value).or_insert(0) += 1;
            }
        }
    }
    places.into_values().take(POSITIONS_MAX).map(position).collect()
}

/// Returns the values of a gap that are not missing.
fn values(tokens: Vec<Token>) -> impl Iterator<Item = (MaskKind, String)> {
    tokens.into_iter().filter_map(|token| match token {
        Token::Value { kind, text: Some(mut text), .. } if !text.is_empty() => {
            text.truncate(text.floor_char_boundary(VALUE_BYTES_MAX));
            Some((kind, text))
        }
        _ => None,
    })
}

fn position((kind, seen): (MaskKind, BTreeMap<String, u64>)) -> Position {
    let distinct = seen.len();
    let mut top: Vec<(String, u64)> = seen.into_iter().collect();
    // The sort is stable: of values seen equally often, the smaller comes first.
    top.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    top.truncate(VALUES_MAX);
    Position { kind, distinct, top }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(skeleton: &str, messages: &[String]) -> Vec<Position> {
        values_of(skeleton, messages.iter().map(String::as_bytes))
    }

    #[test]
    fn places_tell_their_kind_and_the_values_seen_most() {
        let line = |host: &str, n: u32| format!("peer {host} sent {n} lines as user ann");
        let lines = [line("10.0.0.7", 3), line("10.0.0.8", 4), line("10.0.0.7", 5)];
        let found = of("peer <*> sent <*> lines as user <*>", &lines);
        let kinds: Vec<MaskKind> = found.iter().map(|place| place.kind).collect();
        assert_eq!(kinds, [MaskKind::Ip, MaskKind::Number, MaskKind::Word]);
        let top = [("10.0.0.7".to_owned(), 2), ("10.0.0.8".to_owned(), 1)];
        assert_eq!((found[0].top.as_slice(), found[1].distinct), (top.as_slice(), 3));
        assert_eq!(found[2].top, [("ann".to_owned(), 3)]);
    }

    #[test]
    fn words_that_vary_are_values_too() {
        let found = of("card of <*> is locked", &["card of kim is locked".to_owned()]);
        assert_eq!(found[0].top, [("kim".to_owned(), 1)]);
        assert_eq!(of("card of <*> is locked", &["another message".to_owned()]), []);
    }

    #[test]
    fn limit_places_values_and_their_lengths_are_bounded() {
        let line = |n: usize| format!("{n} a ").repeat(POSITIONS_MAX + 4) + &"é1".repeat(200);
        let lines: Vec<String> = (0..VALUES_MAX + 5).map(line).collect();
        let skeleton = "<*> a ".repeat(POSITIONS_MAX + 4) + "<*>";
        let found = of(&skeleton, &lines);
        assert_eq!(found.len(), POSITIONS_MAX);
        assert_eq!((found[0].top.len(), found[0].distinct), (VALUES_MAX, VALUES_MAX + 5));
        let long = of("at <*>", &[format!("at /{}", "é".repeat(200))]);
        assert!((VALUE_BYTES_MAX - 1..=VALUE_BYTES_MAX).contains(&long[0].top[0].0.len()));
    }
}
