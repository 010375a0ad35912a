//! The few words that are not simply constant: literals that are values, and words that say what
//! the next piece is.

use super::classes::Word;
use super::dictionary::{Dictionary, key};

/// What a plain word means to the scanner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A constant like any other.
    Plain,
    /// `true`, `false`, `null`, `nil`: a value.
    Literal,
    /// `user`: the next word is a name.
    User,
    /// `errno`, `SQLSTATE`, `HRESULT`: the next piece is an error code, which tells failures apart.
    Code,
    /// A month or a day of the week: part of a date, if a number follows.
    Calendar,
}

/// Names of months and days, as dates abbreviate them.
const CALENDAR: [&[u8]; 19] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
    b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun",
];

const TRUE: u64 = key(b"true");
const FALSE: u64 = key(b"false");
const NULL: u64 = key(b"null");
const NIL: u64 = key(b"nil");
const USER: u64 = key(b"user");
const ERRNO: u64 = key(b"errno");
const SQLSTATE: u64 = key(b"sqlstate");
const HRESULT: u64 = key(b"hresult");

/// The words that may mean something, names of months and days among them.
const SPECIAL: [u64; 27] = {
    let mut keys = [0; 27];
    let few = [TRUE, FALSE, NULL, NIL, USER, ERRNO, SQLSTATE, HRESULT];
    let mut at = 0;
    while at < keys.len() {
        keys[at] = if at < few.len() { few[at] } else { key(CALENDAR[at - few.len()]) };
        at += 1;
    }
    keys
};
static SPECIAL_WORDS: Dictionary<128> = Dictionary::of(&SPECIAL);

/// Returns the meaning of `word`, letters of `text`, of which there is at least one.
#[inline]
pub(super) fn meaning(text: &[u8], word: Word) -> Meaning {
    if SPECIAL_WORDS.holds(word.head) {
        special_meaning(&text[word.start..word.stop])
    } else {
        Meaning::Plain
    }
}

/// Returns the meaning of a word whose first eight letters are, in some case, one of the few.
#[cold]
fn special_meaning(word: &[u8]) -> Meaning {
    if word.len() > 8 {
        return Meaning::Plain;
    }
    match key(word) {
        TRUE | FALSE | NULL | NIL => Meaning::Literal,
        USER if word == b"user" => Meaning::User,
        ERRNO | HRESULT | SQLSTATE => Meaning::Code,
        _ if is_calendar(word) => Meaning::Calendar,
        _ => Meaning::Plain,
    }
}

/// Words that may follow `user` and are no names.
const NO_NAMES: [&[u8]; 32] = [
    b"account", b"agent", b"and", b"app", b"by", b"code", b"could", b"data", b"does", b"for",
    b"from", b"group", b"had", b"has", b"id", b"in", b"input", b"is", b"level", b"mode", b"name",
    b"not", b"on", b"or", b"request", b"session", b"space", b"to", b"unknown", b"was", b"will",
    b"with",
];

/// Returns whether `word` after `user` goes on with the sentence, as in "user unknown".
pub(super) fn is_no_name(word: &[u8]) -> bool {
    NO_NAMES.binary_search(&word).is_ok()
}

/// Names of techniques that hold a digit: constant words although identifiers with digits vary.
const TECHNIQUES: [&[u8]; 25] = [
    b"base64", b"ec2", b"http2", b"i386", b"i686", b"ipv4", b"ipv6", b"k8s", b"l1", b"l2", b"l3",
    b"md5", b"nfs4", b"oauth2", b"s3", b"sha1", b"sha256", b"sha512", b"socks4", b"socks5",
    b"ssh1", b"ssh2", b"utf16", b"utf8", b"x86",
];
const TECHNIQUE_BYTES_MAX: usize = 6;

/// Returns whether `word`, which holds a digit, is the name of a technique in any case.
pub(super) fn is_technique(word: &[u8]) -> bool {
    if word.len() > TECHNIQUE_BYTES_MAX || word.iter().all(u8::is_ascii_digit) {
        return false;
    }
    TECHNIQUES.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// Returns whether `word` is the abbreviated name of a month or a day.
pub(super) fn is_calendar(word: &[u8]) -> bool {
    CALENDAR.contains(&word)
}

/// What may be measured, and how it is abbreviated.
const UNITS: [&[u8]; 42] = [
    b"b", b"kb", b"mb", b"gb", b"tb", b"kib", b"mib", b"gib", b"tib", b"byte", b"bytes", b"ns",
    b"us", b"ms", b"s", b"m", b"h", b"d", b"nsec", b"usec", b"msec", b"msecs", b"sec", b"secs",
    b"second", b"seconds", b"min", b"mins", b"minute", b"minutes", b"hour", b"hours", b"hr",
    b"hrs", b"day", b"days", b"millis", b"hz", b"khz", b"mhz", b"ghz", b"utc",
];
const UNIT_KEYS: [u64; UNITS.len()] = {
    let mut keys = [0; UNITS.len()];
    let mut at = 0;
    while at < keys.len() {
        keys[at] = key(UNITS[at]);
        at += 1;
    }
    keys
};
static UNIT_WORDS: Dictionary<256> = Dictionary::of(&UNIT_KEYS);

/// Returns whether `word`, letters of `text` right after a number, says what was measured: it
/// belongs to the value, so that "1 byte", "12 bytes" and "12 bytes (1.2 KB)" are one message.
pub(super) fn is_unit(text: &[u8], word: Word) -> bool {
    if word.len() > 8 {
        return text[word.start..word.stop].eq_ignore_ascii_case(b"milliseconds");
    }
    UNIT_WORDS.holds(word.head)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(word: &[u8]) -> Meaning {
        meaning(word, Word::at(word, 0, word.len()))
    }

    #[test]
    fn literals_are_known_in_every_case_and_names_only_in_their_own() {
        assert_eq!(of(b"True"), Meaning::Literal);
        assert_eq!(of(b"NULL"), Meaning::Literal);
        assert_eq!(of(b"user"), Meaning::User);
        assert_eq!(of(b"User"), Meaning::Plain);
        assert_eq!(of(b"SQLSTATE"), Meaning::Code);
        assert_eq!(of(b"Mar"), Meaning::Calendar);
        assert_eq!(of(b"mar"), Meaning::Plain);
        assert_eq!(of(b"trueish"), Meaning::Plain);
    }

    #[test]
    fn words_after_user_are_sorted_for_the_search() {
        assert!(NO_NAMES.is_sorted());
        assert!(is_no_name(b"unknown") && !is_no_name(b"ann"));
    }

    #[test]
    fn names_of_techniques_are_known_in_every_case() {
        assert!(is_technique(b"IPv6") && is_technique(b"ssh2") && !is_technique(b"eth1"));
        assert!(TECHNIQUES.iter().all(|name| name.len() <= TECHNIQUE_BYTES_MAX));
    }

    #[test]
    fn units_are_known_in_every_case() {
        let is_unit = |word: &[u8]| is_unit(word, Word::at(word, 0, word.len()));
        assert!(is_unit(b"KB") && is_unit(b"Seconds") && is_unit(b"milliseconds"));
        assert!(!is_unit(b"errors") && !is_unit(b"secondss"));
    }
}
