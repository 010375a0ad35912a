//! What stood in the variable places of a pattern: per place the kind, and the values seen most.
//!
//! ```text
//! "peer 10.0.0.7 sent bytes=12"  ─┐   place 0: ip    10.0.0.7 ×2             <─ "peer <ip> sent …
//! "peer 10.0.0.7 sent bytes=31"  ─┴─► place 1: num   12 ×1, 31 ×1            <─ … bytes=<num>"
//! ```
//! *Promises:* exact for the messages given, and independent of their order; over a fingerprint's
//! stored samples, which are those of smallest hash, it is what a uniform sample tells.
//! *State and limits:* [`MESSAGES_MAX`] messages, [`POSITIONS_MAX`] places, [`VALUES_MAX`] values of
//! [`VALUE_BYTES_MAX`] bytes.

use super::tokens::gaps;
use super::{MESSAGES_MAX, Token};
use crate::mask::MaskKind;
use std::collections::BTreeMap;

/// How many variable places are looked at.
pub const POSITIONS_MAX: usize = 16;
/// How many values are told per place.
pub const VALUES_MAX: usize = 10;
/// How much of a value, or of the key before it, is told, in bytes.
pub const VALUE_BYTES_MAX: usize = 128;

/// What varies in messages of one pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Values {
    /// How many of the messages are of the pattern.
    pub messages: usize,
    /// Its variable places, in order.
    pub positions: Vec<Position>,
}

/// A variable place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// What its values are; [`MaskKind::Word`] if they are not all of one kind.
    pub kind: MaskKind,
    /// The key written before it, as `bytes` in `bytes=12`; empty if there is none.
    pub key: String,
    /// Which placeholder of the displayed text stands for it, from 0.
    pub placeholder: Option<usize>,
    /// In how many messages it has a value.
    pub seen: u64,
    /// How many different values were seen.
    pub distinct: usize,
    /// The values seen most, most first, and how often.
    pub top: Vec<(String, u64)>,
}

/// A place is the n-th value of the n-th gap.
type Place = (usize, usize);

/// Returns what stood in the variable places of the pattern with this skeleton. `text` is how the
/// pattern is displayed; places that it shows as a constant, and that did not vary, are left out.
pub fn values_of<'a>(
    skeleton: &str,
    text: &str,
    messages: impl IntoIterator<Item = &'a [u8]>,
) -> Values {
    let constants: Vec<&str> = skeleton.split(' ').collect();
    let mut places: BTreeMap<Place, (MaskKind, BTreeMap<String, u64>)> = BTreeMap::new();
    let mut fitting = 0;
    let messages = messages.into_iter().filter_map(|message| gaps(message, &constants));
    for cut in messages.take(MESSAGES_MAX) {
        fitting += 1;
        let all = cut.gaps.into_iter().enumerate().flat_map(|(gap, tokens)| {
            values(tokens).enumerate().map(move |(at, value)| ((gap, at), value))
        });
        // The first places of all are among the first places of each message that has them.
        for (place, (kind, value)) in all.take(POSITIONS_MAX) {
            let (of_all, seen) = places.entry(place).or_insert_with(|| (kind, BTreeMap::new()));
            *of_all = if *of_all == kind { kind } else { MaskKind::Word };
            *seen.entry(value).or_insert(0) += 1;
        }
    }
    let shown = Shown::of(text, &constants);
    let positions = places.into_iter().take(POSITIONS_MAX).map(|(place, (kind, seen))| {
        let (placeholder, key) = shown.at(place);
        position(kind, key, placeholder, seen)
    });
    let varies = |position: &Position| position.placeholder.is_some() || position.distinct > 1;
    Values { messages: fitting, positions: positions.filter(varies).collect() }
}

/// Returns the values of a gap that are not missing.
fn values(tokens: Vec<Token>) -> impl Iterator<Item = (MaskKind, String)> {
    tokens.into_iter().filter_map(|token| match token {
        Token::Value { kind, text: Some(text), .. } if !text.is_empty() => Some((kind, cut(text))),
        _ => None,
    })
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(VALUE_BYTES_MAX));
    text
}

fn position(
    kind: MaskKind,
    key: &str,
    placeholder: Option<usize>,
    seen: BTreeMap<String, u64>,
) -> Position {
    let distinct = seen.len();
    let messages = seen.values().sum();
    let mut top: Vec<(String, u64)> = seen.into_iter().collect();
    // The sort is stable: of values seen equally often, the smaller comes first.
    top.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    top.truncate(VALUES_MAX);
    Position { kind, key: key.to_owned(), placeholder, seen: messages, distinct, top }
}

/// What the displayed text says of the places: per gap its values, in order.
struct Shown(Vec<Vec<(Option<usize>, String)>>);

impl Shown {
    fn of(text: &str, constants: &[&str]) -> Shown {
        let Some(found) = gaps(text.as_bytes(), constants) else { return Shown(Vec::new()) };
        let mut before = String::new();
        let mut shown = Vec::with_capacity(found.gaps.len());
        for (number, gap) in found.gaps.into_iter().enumerate() {
            let mut places = Vec::new();
            for token in gap {
                match token {
                    Token::Text(text) => before.push_str(&text),
                    Token::Value { text: Some(text), .. } if !text.is_empty() => {
                        let (first, key) = (placeholders_in(&before), cut(key_before(&before)));
                        before.push_str(&text);
                        places.push(((placeholders_in(&before) > first).then_some(first), key));
                    }
                    Token::Value { .. } => {}
                }
            }
            before.push_str(found.constants.get(number).map_or("", String::as_str));
            shown.push(places);
        }
        Shown(shown)
    }

    /// Returns the placeholder and the key of a place. Where the text shows a gap with fewer values,
    /// the last of them stands for the others.
    fn at(&self, (gap, at): Place) -> (Option<usize>, &str) {
        let shown = self.0.get(gap).and_then(|places| places.get(at.min(places.len().max(1) - 1)));
        shown.map_or((None, ""), |(placeholder, key)| (*placeholder, key.as_str()))
    }
}

/// Returns how many placeholders a displayed text has: `<*>`, or a short name between angle brackets.
fn placeholders_in(text: &str) -> usize {
    const NAME_CHARS_MAX: usize = 32;
    let is_name = |name: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"_:.-".contains(&byte);
        name == "*"
            || name.len() <= NAME_CHARS_MAX
                && name.starts_with(|first: char| first.is_ascii_alphabetic())
                && name.bytes().all(inner)
    };
    let opened = text.split('<').skip(1);
    opened.filter(|rest| rest.split_once('>').is_some_and(|(name, _)| is_name(name))).count()
}

/// Returns the key with which a text ends: `bytes` of `sent bytes=`, `user` of `user: "`.
fn key_before(text: &str) -> String {
    let text = text.trim_end_matches(['"', '\'', ' ']);
    let Some(text) = text.strip_suffix(['=', ':']) else { return String::new() };
    let text = text.trim_end_matches(['"', '\'']);
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
    let start = text.char_indices().rev().take_while(|(_, c)| is_part(*c)).last();
    start.map_or(String::new(), |(at, _)| text[at..].to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(skeleton: &str, text: &str, messages: &[String]) -> Vec<Position> {
        values_of(skeleton, text, messages.iter().map(String::as_bytes)).positions
    }

    #[test]
    fn places_tell_their_kind_and_the_values_seen_most() {
        let line = |host: &str, n: u32| format!("peer {host} sent {n} lines as user ann");
        let lines = [line("10.0.0.7", 3), line("10.0.0.8", 4), line("10.0.0.7", 5)];
        let text = "peer <ip> sent <num> lines as user <*>";
        let found = of("peer <*> sent <*> lines as user <*>", text, &lines);
        let kinds: Vec<MaskKind> = found.iter().map(|place| place.kind).collect();
        assert_eq!(kinds, [MaskKind::Ip, MaskKind::Number, MaskKind::Word]);
        let top = [("10.0.0.7".to_owned(), 2), ("10.0.0.8".to_owned(), 1)];
        assert_eq!((found[0].top.as_slice(), found[1].distinct), (top.as_slice(), 3));
        assert_eq!(found[2].top, [("ann".to_owned(), 3)]);
        assert!(found.iter().map(|place| place.placeholder).eq([Some(0), Some(1), Some(2)]));
    }

    #[test]
    fn words_that_vary_are_values_too_and_other_messages_do_not_count() {
        let (skeleton, text) = ("card of <*> is locked", "card of <*> is locked");
        let lines = ["card of kim is locked".to_owned(), "another message".to_owned()];
        let found = values_of(skeleton, text, lines.iter().map(String::as_bytes));
        assert_eq!((found.messages, found.positions.len()), (1, 1));
        assert_eq!(found.positions[0].top, [("kim".to_owned(), 1)]);
        assert_eq!(of(skeleton, text, &lines[1..]), []);
    }

    #[test]
    fn a_value_has_the_key_before_it_and_its_placeholder() {
        let lines = ["pool eth1 at <b> ran dry: active=40 idle=0 (user: \"ann\")".to_owned()];
        let text = "pool eth1 at <b> ran dry: active=<num> idle=<num> (user: \"<*>\")";
        let skeleton = crate::fingerprint::explain(
            lines[0].as_bytes(),
            b"",
            engine::model::SeverityClass::Rest,
        );
        let found = of(&skeleton.skeleton.join(" "), text, &lines);
        let keys: Vec<_> = found.iter().map(|place| (&*place.key, place.placeholder)).collect();
        assert_eq!(keys, [("active", Some(1)), ("idle", Some(2)), ("user", Some(3))]);
    }

    #[test]
    fn values_shown_as_one_share_its_placeholder() {
        let lines = ["ids ( 1 2 3 ) gone from 10.0.0.1".to_owned()];
        let found = of("ids <*> gone from <*>", "ids ( <num> ) gone from <ip>", &lines);
        let places: Vec<_> = found.iter().map(|place| place.placeholder).collect();
        assert_eq!(places, [Some(0), Some(0), Some(0), Some(1)]);
    }

    #[test]
    fn placeholders_are_counted_as_they_are_displayed() {
        assert_eq!(placeholders_in("<*> a <num>:<ip> <img src=x> <half < <x-1.y> <9>"), 4);
        assert_eq!(placeholders_in(&format!("<{}>", "n".repeat(33))), 0);
    }

    #[test]
    fn limit_places_values_and_their_lengths_are_bounded() {
        let line = |n: usize| format!("{n} a ").repeat(POSITIONS_MAX + 4) + &"é1".repeat(200);
        let lines: Vec<String> = (0..VALUES_MAX + 5).map(line).collect();
        let skeleton = "<*> a ".repeat(POSITIONS_MAX + 4) + "<*>";
        let found = of(&skeleton, "", &lines);
        assert_eq!(found.len(), POSITIONS_MAX);
        assert_eq!((found[0].top.len(), found[0].distinct), (VALUES_MAX, VALUES_MAX + 5));
        let long = of("at <*>", "at <path>", &[format!("at /{}", "é".repeat(200))]);
        assert!((VALUE_BYTES_MAX - 1..=VALUE_BYTES_MAX).contains(&long[0].top[0].0.len()));
    }

    #[test]
    fn limit_only_so_many_messages_are_looked_at() {
        let lines: Vec<String> = (0..MESSAGES_MAX + 9).map(|n| format!("at {n} now")).collect();
        let found = values_of("at <*> now", "at <num> now", lines.iter().map(String::as_bytes));
        assert_eq!((found.messages, found.positions[0].distinct), (MESSAGES_MAX, MESSAGES_MAX));
    }
}
