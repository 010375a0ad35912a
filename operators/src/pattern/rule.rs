//! The rule by which words become variables, on one skeleton at a time.
//!
//! ```text
//! "user ann left"  "user bob left"  "user <*> left"
//!        └──── cut one word out ────┴──► hole "user <*> left", filled by ann, bob, and a variable
//! ```
//! A *hole* is a skeleton with one constant word made a variable; what stood there is a *filler*.
//! Once enough different words fill a hole, its place is a variable in all of them. Rounds go on
//! until nothing changes; each takes constant words away, so there are at most as many as words.
//!
//! *Safeguards:* what a message begins with varies only beside a variable, in a long message; words
//! that say what went wrong or what was asked for, and words that rules of the user keep, never vary;
//! a single constant word remains only after many different
//! words; and no skeleton loses more than half of its words. So no pattern grows to match everything.
//! *State and limits:* only the first [`HOLES_MAX`] items of a skeleton can vary.

use crate::skeleton::{KEPT_MARK, MARKER};
use engine::model::PatternId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use xxhash_rust::xxh3::xxh3_64;

/// How many items of a skeleton can vary.
pub const HOLES_MAX: usize = 32;
/// How many different words make a place a variable.
pub const WORDS_MIN: usize = 6;
/// The same if they look like names.
pub const NAMES_MIN: usize = 3;
/// How many different words where a variable stands elsewhere, unless one looks like a name.
pub const WORDS_BESIDE_VARIABLE_MIN: usize = 2;
/// How many different words vary where a single constant word would remain.
pub const LAST_WORDS_MIN: usize = 10;
/// How many constant words must remain for a message's first word to be taken in by a variable.
pub const CONSTANTS_AFTER_FIRST_MIN: usize = 4;

/// What fills a hole. Words are told apart by a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Filler {
    /// A variable: the hole as such is a skeleton.
    Variable,
    /// A word that looks like a name: `LOCAL`, `getUser`, `max_rate`.
    Name(u64),
    /// A word of a sentence.
    Word(u64),
}

/// A skeleton with one more variable, as the name of a hole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Around {
    /// The skeleton's id.
    pub id: PatternId,
    /// How many constant words it has.
    pub constants: u32,
    /// Whether it begins with a variable.
    pub begins_open: bool,
}

impl Around {
    /// Returns the name of the hole that is `skeleton` itself.
    pub fn of(skeleton: &str) -> Around {
        Around {
            id: PatternId::of_skeleton(skeleton),
            constants: constants_of(skeleton) as u32,
            begins_open: skeleton.starts_with(MARKER),
        }
    }
}

/// A hole of a skeleton.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Hole {
    /// What is around it.
    pub around: Around,
    /// The place of the word, counted from 0.
    pub place: u32,
    /// The word.
    pub filler: Filler,
}

/// Returns the holes of `skeleton`.
pub fn holes(skeleton: &str) -> Vec<Hole> {
    if !is_of_words(skeleton) {
        return Vec::new();
    }
    let items: Vec<&str> = skeleton.split(' ').collect();
    let left = constants_of(skeleton).saturating_sub(1);
    let places = 0..items.len().min(HOLES_MAX);
    let open = places.filter(|&place| may_vary(&items, place, left));
    let hole = |place: usize| Hole {
        around: Around::of(&cut(&items, &[place as u32])),
        place: place as u32,
        filler: Filler::of(items[place]),
    };
    open.map(hole).collect()
}

/// Returns whether the word at `place` may vary, if `left` constant words remain without it.
fn may_vary(items: &[&str], place: usize, left: usize) -> bool {
    let word = items[place];
    let stays = word.starts_with(KEPT_MARK) || names_failure(word) || is_request(word);
    if word == MARKER || left == 0 || stays {
        return false;
    }
    // What a message begins with is what it is about.
    place > 0 || items.get(1) == Some(&MARKER) && left >= CONSTANTS_AFTER_FIRST_MIN
}

/// Returns whether a word says what went wrong.
fn names_failure(word: &str) -> bool {
    const PARTS: [&str; 4] = ["Exception", "Error", "Fail", "fail"];
    PARTS.iter().any(|part| word.contains(part))
}

/// Returns whether a word is what a request asks for: reading is not writing.
fn is_request(word: &str) -> bool {
    matches!(
        word,
        "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS" | "CONNECT" | "TRACE"
    )
}

/// Returns whether what fills the hole makes its place a variable.
pub fn varies(around: Around, fillers: &BTreeSet<Filler>) -> bool {
    let names = fillers.iter().filter(|filler| matches!(filler, Filler::Name(_))).count();
    let words = fillers.iter().filter(|filler| matches!(filler, Filler::Word(_))).count();
    let variable = fillers.contains(&Filler::Variable);
    match around.constants {
        0 => false,
        1 => names >= NAMES_MIN && !around.begins_open || names + words >= LAST_WORDS_MIN,
        _ => {
            names >= NAMES_MIN
                || names + words >= WORDS_MIN
                || variable && (names >= 1 || words >= WORDS_BESIDE_VARIABLE_MIN)
        }
    }
}

/// Returns `skeleton` with the words at `places` made variables, runs of them one; unless more than
/// half of the words of `original` would be gone.
pub fn rewrite(original: &str, skeleton: &str, places: &[u32]) -> Option<String> {
    let items: Vec<&str> = skeleton.split(' ').collect();
    let rewritten = cut(&items, places);
    (2 * constants_of(&rewritten) >= constants_of(original)).then_some(rewritten)
}

impl Filler {
    fn of(word: &str) -> Filler {
        let hash = xxh3_64(word.as_bytes());
        if is_name(word) { Filler::Name(hash) } else { Filler::Word(hash) }
    }
}

/// Returns whether a word looks like an identifier rather than like a word of a sentence.
fn is_name(word: &str) -> bool {
    let inner_upper = word.chars().skip(1).any(char::is_uppercase);
    inner_upper || word.contains('_') || word.bytes().any(|byte| byte.is_ascii_digit())
}

/// Returns whether a skeleton is made of a message's words. One that begins with a mark of another kind,
/// which no word can be, stands for itself: that of a trace, of an explicit fingerprint, of what
/// overflowed.
pub fn is_of_words(skeleton: &str) -> bool {
    let first = skeleton.split(' ').next().unwrap_or_default();
    first == MARKER || !first.starts_with('<')
}

fn constants_of(skeleton: &str) -> usize {
    skeleton.split(' ').filter(|item| *item != MARKER).count()
}

/// Returns `items` as one text with variables at `places`, each run of variables as one.
fn cut(items: &[&str], places: &[u32]) -> String {
    let mut text = String::new();
    let mut in_variables = false;
    for (place, item) in items.iter().enumerate() {
        let item = if places.contains(&(place as u32)) { MARKER } else { item };
        let repeats = std::mem::replace(&mut in_variables, item == MARKER) && item == MARKER;
        if !repeats {
            text.push_str(if text.is_empty() { "" } else { " " });
            text.push_str(item);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fillers(words: &[&str]) -> BTreeSet<Filler> {
        let filler =
            |word: &&str| if *word == MARKER { Filler::Variable } else { Filler::of(word) };
        words.iter().map(filler).collect()
    }

    #[test]
    fn a_hole_is_named_after_what_is_around_it() {
        let of = |skeleton| holes(skeleton).iter().map(|hole| hole.around).collect::<Vec<_>>();
        assert_eq!(of("user ann left")[0], of("user bob left")[0]);
        assert_eq!(of("user ann left")[0], Around::of("user <*> left"));
        assert_eq!(holes("<*>"), []);
    }

    #[test]
    fn a_hole_beside_a_variable_is_one_with_it() {
        assert_eq!(cut(&["a", "b", MARKER, "c"], &[1]), "a <*> c");
    }

    #[test]
    fn first_words_and_words_of_failure_and_requests_stay() {
        let places = |skeleton| holes(skeleton).iter().map(|hole| hole.place).collect::<Vec<_>>();
        assert_eq!(places("sshd startup succeeded"), [1, 2]);
        assert_eq!(places("mail <*> could not be sent today"), [0, 2, 3, 4, 5, 6]);
        assert_eq!(places("got TimeoutException again"), [2]);
        assert_eq!(places("client <*> DELETE <*> status <*>"), [4]);
    }

    #[test]
    fn words_that_rules_keep_never_vary() {
        let places = |skeleton| holes(skeleton).iter().map(|hole| hole.place).collect::<Vec<_>>();
        assert_eq!(places("shop closed =error =code =42 again"), [1, 5]);
        let skeletons: Vec<String> =
            (0..50).map(|n| format!("charge refused =code ={n}")).collect();
        let patterns = crate::pattern::Patterns::of(skeletons.iter().map(String::as_str));
        let ids: BTreeSet<_> = skeletons.iter().map(|one| patterns.pattern_of(one).id).collect();
        assert_eq!(ids.len(), 50);
    }

    #[test]
    fn skeletons_that_stand_for_themselves_have_no_holes() {
        assert_eq!(holes("<trace> shop Cart add shop Cart main"), []);
        assert_eq!(holes("<overflow>"), []);
    }

    #[test]
    fn names_need_fewer_than_words_and_a_variable_needs_least() {
        let around = Around::of("user <*> left");
        assert!(varies(around, &fillers(&["getA", "getB", "getC"])));
        assert!(!varies(around, &fillers(&["ann", "bob", "eve", "joe", "kim"])));
        assert!(varies(around, &fillers(&["ann", "bob", "eve", "joe", "kim", "lea"])));
        assert!(varies(around, &fillers(&["LOCAL", MARKER])));
        assert!(!varies(around, &fillers(&["ann", MARKER])));
    }

    #[test]
    fn limit_a_pattern_keeps_half_of_its_words_and_at_least_one() {
        assert_eq!(rewrite("a b c d", "a <*> c d", &[2]).as_deref(), Some("a <*> d"));
        assert_eq!(rewrite("a b c d", "a <*> d", &[2]), None);
        assert!(!varies(Around::of("<*>"), &(0..100).map(Filler::Word).collect()));
        assert!(!varies(Around::of("gone <*>"), &(0..9).map(Filler::Word).collect()));
    }

    #[test]
    fn limit_only_the_first_items_can_vary() {
        let skeleton = vec!["word"; HOLES_MAX + 5].join(" ");
        assert_eq!(holes(&skeleton).len(), HOLES_MAX - 1);
    }
}
