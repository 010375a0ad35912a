//! The text that is embedded for a pattern: its words, without what says where an error was caught
//! instead of what went wrong.
//!
//! In this order: placeholders, a `[prefix]` or `Logger - `, URLs, the packages before a class name and
//! the codes of SQL and C are dropped; codes that have words become those words; names written as one
//! word are taken apart; bare numbers and punctuation are dropped; at last, words that nearly every
//! error has ([`NOISE`]), unless fewer than two words would stay.
//!
//! *Promises:* a pure function of the text; a text without words has none, so that wordless patterns
//! are never alike. *Limits:* [`TEXT_BYTES_MAX`] bytes are looked at, in linear time.

use super::codes::{in_words, status_in_words};
use regex::{Captures, Regex};
use std::borrow::Cow;
use std::sync::LazyLock;

/// What is beyond is not looked at; the encoder reads less.
pub const TEXT_BYTES_MAX: usize = 4096;

/// Words that nearly every error has, and that say nothing about its cause.
const NOISE: [&str; 22] = [
    "caused",
    "by",
    "code",
    "com",
    "critical",
    "detail",
    "error",
    "errors",
    "exception",
    "fatal",
    "hint",
    "io",
    "java",
    "javax",
    "line",
    "org",
    "panic",
    "runtime",
    "err",
    "warn",
    "warning",
    "exc",
];

/// What is cut out or replaced before words are looked at, in this order.
static CUTS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let cuts = [
        (r"<[^<> ]{1,20}>", " "),
        (r"^\s*\[[^\]]{1,40}\]\s*", ""),
        (r"^[A-Za-z][\w.$-]* - ", ""),
        (r"\w+://\S*", " "),
        (r"\b(?:[a-z_]\w*[./])+([A-Z])", "$1"),
        (r"\(?\b(?:SQLSTATE|[Ee]rrno)\b\s*[-:]?\s*\w*\)?", " "),
    ];
    cuts.map(|(pattern, with)| (compiled(pattern), with)).into()
});
/// A word as it is written.
static WORD: LazyLock<Regex> = LazyLock::new(|| compiled(r"[A-Za-z_]+"));
/// Where names written as one word are taken apart.
static HUMPS: LazyLock<[Regex; 2]> =
    LazyLock::new(|| [compiled(r"([\p{Ll}0-9])(\p{Lu})"), compiled(r"(\p{Lu}+)(\p{Lu}\p{Ll})")]);
/// What is no part of a word.
static BETWEEN: LazyLock<Regex> = LazyLock::new(|| compiled(r"[^\p{L}\p{M}\p{N}' ]+"));

fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the patterns of this file compile")
}

/// Returns what is embedded for a pattern, a template or a message, or nothing if it has no words.
pub fn text(pattern: &str) -> Option<String> {
    let plain = plain(pattern);
    let words = words(&plain);
    let telling: Vec<&str> = words.iter().copied().filter(|word| !NOISE.contains(word)).collect();
    let words = if telling.len() >= 2 { telling } else { words };
    (!words.is_empty()).then(|| words.join(" "))
}

/// Returns all words of a pattern, also those that nearly every error has: what rules look at.
pub fn all_words(pattern: &str) -> String {
    words(&plain(pattern)).join(" ")
}

/// Returns a pattern in lower case, cut and spelled out, nothing but spaces between words.
fn plain(pattern: &str) -> String {
    let mut text = Cow::Borrowed(&pattern[..pattern.floor_char_boundary(TEXT_BYTES_MAX)]);
    for (cut, with) in CUTS.iter() {
        replace(&mut text, cut, *with);
    }
    replace(&mut text, &WORD, |word: &Captures<'_>| {
        in_words(&word[0]).map_or_else(|| word[0].to_owned(), str::to_owned)
    });
    for hump in HUMPS.iter() {
        replace(&mut text, hump, "$1 $2");
    }
    replace(&mut text, &BETWEEN, " ");
    text.to_lowercase()
}

fn replace(text: &mut Cow<'_, str>, what: &Regex, with: impl regex::Replacer) {
    if let Cow::Owned(replaced) = what.replace_all(text, with) {
        *text = Cow::Owned(replaced);
    }
}

/// Returns the words of a text in lower case, a status in words, numbers left out.
fn words(lower: &str) -> Vec<&str> {
    let trimmed = lower.split(' ').map(|word| word.trim_matches('\''));
    let mut items = trimmed.filter(|word| !word.is_empty()).peekable();
    let mut words = Vec::new();
    while let Some(word) = items.next() {
        match status_in_words(word, items.peek().copied()) {
            Some(status) => words.extend(status.split(' ')),
            None if is_number(word) => {}
            None => words.push(word),
        }
    }
    words
}

/// Returns whether a word is a number, decimal or hexadecimal.
fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix("0x").unwrap_or(word);
    let is_marked = digits.len() < word.len();
    digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        && (is_marked || digits.bytes().any(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(pattern: &str) -> String {
        text(pattern).unwrap_or_default()
    }

    #[test]
    fn placeholders_prefixes_packages_and_numbers_are_dropped() {
        assert_eq!(of("[api] cannot reach <host> after <num> ms"), "cannot reach after ms");
        assert_eq!(of("OrderPool-3 - pool is empty"), "pool is empty");
        assert_eq!(of("net.shop.Client: got https://a.b/c 77 0xfe"), "client got");
        assert_eq!(of("lost row (SQLSTATE 08006) in orders"), "lost row in orders");
    }

    #[test]
    fn names_written_as_one_word_are_taken_apart() {
        assert_eq!(of("HTTPServerClosedTooEarly now"), "http server closed too early now");
        assert_eq!(of("missing_order_id in cart"), "missing order id in cart");
    }

    #[test]
    fn codes_become_their_words() {
        assert_eq!(of("write /var/x: ENOSPC"), "write var x no space left on device");
        assert_eq!(of("upstream answered 429"), "upstream answered too many requests");
        assert_eq!(of("answered after 429 ms"), "answered after ms");
    }

    #[test]
    fn words_that_every_error_has_are_dropped_if_two_others_stay() {
        assert_eq!(of("FATAL error: disk is full"), "disk is full");
        assert_eq!(of("Fatal error 7"), "fatal error");
        assert_eq!(of("runtime exception: stopped"), "runtime exception stopped");
    }

    #[test]
    fn words_of_any_script_stay() {
        assert_eq!(of("Verbindung für Größe abgelehnt"), "verbindung für größe abgelehnt");
        assert_eq!(of("接続 拒否 <num>"), "接続 拒否");
    }

    #[test]
    fn a_text_without_words_is_not_embedded() {
        for nothing in ["", "<*> <*>", "-- 17: 0x3f", "''"] {
            assert_eq!(text(nothing), None, "{nothing:?}");
        }
    }

    #[test]
    fn limit_what_is_beyond_the_bytes_looked_at_changes_nothing() {
        let start = "é ".repeat(TEXT_BYTES_MAX / 3 + 1);
        let cut = &start[..start.floor_char_boundary(TEXT_BYTES_MAX)];
        assert_eq!(text(&format!("{start} more words")), text(cut));
    }

    proptest! {
        #[test]
        fn any_text_is_taken_and_what_comes_out_has_no_spare_spaces(pattern in ".{0,300}") {
            if let Some(text) = text(&pattern) {
                prop_assert_eq!(text.split_whitespace().collect::<Vec<_>>().join(" "), text);
            }
        }
    }
}
