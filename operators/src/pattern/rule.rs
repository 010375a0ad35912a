//! The rule by which words become variables, on one skeleton at a time.
//!
//! ```text
//! "user ann left"  "user bob left"  "user <*> left"
//!        └──── cut one word out ────┴──► hole "user <*> left", filled by ann, bob, and a variable
//! ```
//! A *hole* is a skeleton with one constant word made a variable; what stood there is a *filler*.
//! Once enough different words fill a hole, the place is a variable in all of them. Rounds go on until
//! nothing changes; each makes a skeleton shorter in constants, so there are at most as many as
//! words.
//!
//! *Safeguards:* a hole keeps at least [`CONSTANTS_MIN`] constant words ([`CONSTANTS_MIN_OF_NAMES`]
//! if names fill it), and a skeleton never loses more than half of its words, so that no pattern
//! grows to match everything.
//! *State and limits:* only the first [`HOLES_MAX`] words of a skeleton can vary.

use crate::skeleton::MARKER;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// How many words of a skeleton can vary.
pub const HOLES_MAX: usize = 32;
/// How many different words make a place a variable.
pub const WORDS_MIN: usize = 6;
/// The same if they look like names.
pub const NAMES_MIN: usize = 3;

/// How many different words vary where a single constant word would remain, at the end.
pub const LAST_WORDS_MIN: usize = 10;
/// How many constant words a hole beside a variable keeps, for a word to be taken in by it.
pub const CONSTANTS_BESIDE_MIN: usize = 4;

/// What fills a hole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Filler {
    /// A variable: the hole as such is a skeleton.
    Variable,
    /// A word that looks like a name: `LOCAL`, `getUser`, `max_rate`.
    Name(String),
    /// A word of a sentence.
    Word(String),
}

/// A hole of a skeleton.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hole {
    /// The place of the word, counted from 0.
    pub place: usize,
    /// The skeleton with that word made a variable.
    pub around: String,
    /// The word.
    pub filler: Filler,
}

/// Returns the holes of `skeleton`.
pub fn holes(skeleton: &str) -> Vec<Hole> {
    let items: Vec<&str> = skeleton.split(' ').collect();
    let constants = items.iter().filter(|item| **item != MARKER).count();
    let places = 0..items.len().min(HOLES_MAX);
    let open = places.filter(|&place| may_vary(&items, place, constants.saturating_sub(1)));
    open.map(|place| Hole {
        place,
        around: cut(&items, &[place]),
        filler: Filler::of(items[place]),
    })
    .collect()
}

/// Returns whether the word at `place` may vary, if `left` constant words remain without it.
fn may_vary(items: &[&str], place: usize, left: usize) -> bool {
    let word = items[place];
    if word == MARKER || left == 0 || names_failure(word) {
        return false;
    }
    let beside = |other: Option<usize>| other.and_then(|at| items.get(at)) == Some(&MARKER);
    let is_beside = beside(place.checked_sub(1)) || beside(Some(place + 1));
    // What a message begins with is what it is about.
    place > 0 || is_beside && left >= CONSTANTS_BESIDE_MIN
}

/// Returns whether a word says what went wrong.
fn names_failure(word: &str) -> bool {
    const WORDS: [&str; 4] = ["Exception", "Error", "Fail", "fail"];
    WORDS.iter().any(|part| word.contains(part))
}

/// Returns whether what fills the hole makes its place a variable.
pub fn varies(around: &str, fillers: &BTreeSet<Filler>) -> bool {
    let names = fillers.iter().filter(|filler| matches!(filler, Filler::Name(_))).count();
    let words = fillers.iter().filter(|filler| matches!(filler, Filler::Word(_))).count();
    let variable = fillers.contains(&Filler::Variable);
    match constants_of(around) {
        0 => false,
        1 => names >= NAMES_MIN && !around.starts_with(MARKER) || names + words >= LAST_WORDS_MIN,
        _ => {
            names >= NAMES_MIN
                || names + words >= WORDS_MIN
                || variable && (names >= 1 || words >= 2)
        }
    }
}

impl Filler {
    fn of(word: &str) -> Filler {
        if is_name(word) { Filler::Name(word.to_owned()) } else { Filler::Word(word.to_owned()) }
    }
}

/// Returns whether a word looks like an identifier rather than like a word of a sentence.
fn is_name(word: &str) -> bool {
    let inner_upper = word.chars().skip(1).any(char::is_uppercase);
    inner_upper || word.contains('_') || word.bytes().any(|byte| byte.is_ascii_digit())
}

/// Returns `skeleton` with the words at `places` made variables, runs of them one; unless more than
/// half of the words of `original` would be gone.
pub fn rewrite(original: &str, skeleton: &str, places: &[usize]) -> Option<String> {
    let items: Vec<&str> = skeleton.split(' ').collect();
    let rewritten = cut(&items, places);
    (2 * constants_of(&rewritten) >= constants_of(original)).then_some(rewritten)
}

fn constants_of(skeleton: &str) -> usize {
    skeleton.split(' ').filter(|item| *item != MARKER).count()
}

/// Returns `items` as one text with variables at `places`, each run of variables as one.
fn cut(items: &[&str], places: &[usize]) -> String {
    let mut text = String::new();
    let mut in_variables = false;
    for (place, item) in items.iter().enumerate() {
        let item = if places.contains(&place) { MARKER } else { item };
        let repeats = std::mem::replace(&mut in_variables, item == MARKER) && item == MARKER;
        if !repeats {
            text.push_str(if text.is_empty() { "" } else { " " });
            text.push_str(item);
        }
    }
    text
}
