//! The scanner: one pass over a message that tells constant words from variables. Everything else
//! (hash, skeleton, displayed text, explanation) is a [`Sink`] of this one pass, so that they
//! cannot disagree.
//!
//! ```text
//! message ──► plain word? ──yes──────────────────────► Sink::word
//!                │no: a piece (digits, dots, slashes …) ──piece.rs──► words or Sink::variable
//!                └ quotes, key=value, <placeholders>, colour codes ─► Sink::variable or nothing
//! ```
//! *State and limits:* at most [`SCAN_BYTES_MAX`] bytes are read and [`ITEMS_MAX`] items handed on;
//! what follows does not count for identity. No allocation.

use super::classes::{
    CLOSE, COLON, DIGIT, DOT, EQUALS, ESCAPE, FOREIGN, HARD, LETTER, OPEN, PIECE, QUOTE, SLASH,
    SPACE, Word, class_at, class_of, digits_end,
};
use super::kind::{MaskKind, placeholder_at};
use super::piece::{query_end, scheme_end, url_end};
use super::words::{Meaning, is_calendar, is_no_name, is_unit, meaning};

/// How much of a message is looked at, in bytes.
pub const SCAN_BYTES_MAX: usize = 16 * 1024;
/// How many constant words and runs of variables make up an identity.
pub const ITEMS_MAX: usize = 128;
/// A run of letters longer than this is data, not a word.
pub const WORD_BYTES_MAX: usize = 64;
/// The longest quoted text that is taken for one value.
pub const QUOTED_BYTES_MAX: usize = 1024;
/// The longest verb of a request that is looked for in quotes.
pub(super) const REQUEST_VERB_BYTES_MAX: usize = 10;
/// The two characters that stand for a millionth.
const MICRO_SIGNS: [&[u8]; 2] = ["\u{b5}".as_bytes(), "\u{3bc}".as_bytes()];
/// The shortest word made of the letters a to f only that is taken for a hexadecimal number.
const HEX_WORD_BYTES_MIN: usize = 8;

/// What a scan hands on, in order of position.
pub(crate) trait Sink {
    /// A constant word of `text`, never empty.
    fn word(&mut self, text: &[u8], word: Word);
    /// A variable: `text[start..stop]`, empty where a value is missing. `known` is its kind where
    /// the scanner had to know it; otherwise it can be told from the text.
    fn variable(&mut self, text: &[u8], start: usize, stop: usize, known: Option<MaskKind>);
    /// A word that a rule of the user keeps, whatever it looks like: no white space, never empty.
    fn kept(&mut self, text: &[u8], start: usize, stop: usize) {
        self.word(text, Word::at(text, start, stop));
    }
    /// A variable that a rule of the user finds, and its placeholder.
    fn named(&mut self, text: &[u8], start: usize, stop: usize, _placeholder: &str) {
        self.variable(text, start, stop, Some(MaskKind::Word));
    }
    /// Bytes that are no text at all (colour codes).
    fn ignored(&mut self, _start: usize, _stop: usize) {}
}

/// What was just seen, as far as it decides what comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing that matters.
    Nothing,
    /// A number: a unit may follow.
    Number,
    /// The word `user`: a name follows.
    User,
    /// A word such as `errno`: a code follows.
    Code,
}

/// The state of one pass.
pub(super) struct Scanner<'m, 's, S> {
    pub(super) text: &'m [u8],
    pub(super) sink: &'s mut S,
    pub(super) before: Before,
    /// How many items the sink got; runs of variables count once.
    items: usize,
    in_variables: bool,
    /// The last variable, and its kind where that is known.
    last: (usize, usize, Option<MaskKind>),
    /// Quotation marks (`"`, `'`, `` ` ``) known not to occur again.
    unclosed: [bool; 3],
    /// Where the quotation ends that the whole message is, apart from pairs; 0 if it is none.
    title_end: usize,
}

/// Scans `message` into `sink`.
#[inline]
pub(crate) fn scan<S: Sink>(message: &[u8], sink: &mut S) {
    let text = &message[..message.len().min(SCAN_BYTES_MAX)];
    let unclosed = [false; 3];
    let before = Before::Nothing;
    let last = (0, 0, None);
    let (items, in_variables, title_end) = (0, false, 0);
    let mut scanner =
        Scanner { text, sink, before, items, in_variables, last, unclosed, title_end };
    scanner.run();
}

impl<S: Sink> Scanner<'_, '_, S> {
    #[inline]
    fn run(&mut self) {
        let mut at = 0;
        while at < self.text.len() && self.items < ITEMS_MAX {
            let class = class_of(self.text[at]);
            at = if class == LETTER {
                self.letters(at)
            } else if class == SPACE {
                at + 1
            } else if class == DIGIT {
                self.digits(at)
            } else if class & PIECE != 0 {
                self.piece(at)
            } else {
                self.mark(at, class)
            };
        }
    }

    /// Reads from the letter at `at`: a plain word, unless it goes on with something else.
    #[inline]
    fn letters(&mut self, at: usize) -> usize {
        let word = Word::of_letters(self.text, at);
        let next = class_at(self.text, word.stop);
        let ends = next & PIECE == 0
            || (next & (DOT | COLON) != 0 && class_at(self.text, word.stop + 1) == SPACE);
        if ends {
            self.plain_word(word);
            word.stop + usize::from(next == SPACE)
        } else {
            self.piece(at)
        }
    }

    /// Reads from the digit at `at`: a short plain number, unless it goes on with something else.
    #[inline]
    fn digits(&mut self, at: usize) -> usize {
        let stop = digits_end(self.text, at);
        let ends = stop - at < 8 && class_at(self.text, stop) & PIECE == 0 && !self.is(stop, b',');
        if !ends || self.before == Before::Code {
            return self.piece(at);
        }
        self.before = Before::Number;
        self.variable(at, stop, None);
        stop
    }

    /// Hands on a word of letters that stands alone.
    #[inline(always)]
    pub(super) fn plain_word(&mut self, word: Word) {
        let before = std::mem::replace(&mut self.before, Before::Nothing);
        if before == Before::User && !is_no_name(&self.text[word.start..word.stop]) {
            return self.variable(word.start, word.stop, Some(MaskKind::Word));
        }
        if before == Before::Number && is_unit(self.text, word) && self.takes_unit() {
            self.before = Before::Number;
            return;
        }
        match meaning(self.text, word) {
            Meaning::Plain => {}
            Meaning::Literal => {
                return self.variable(word.start, word.stop, Some(MaskKind::Literal));
            }
            Meaning::User => self.before = Before::User,
            Meaning::Code => self.before = Before::Code,
            Meaning::Calendar if self.begins_date(word.stop) => {
                return self.variable(word.start, word.stop, Some(MaskKind::Time));
            }
            Meaning::Calendar => {}
        }
        self.constant(word);
    }

    /// Hands on a constant, unless it is too long or too hexadecimal to be a word.
    #[inline(always)]
    pub(super) fn constant(&mut self, word: Word) {
        let Word { start, stop, .. } = word;
        // Few words begin and end with letters from a to f; the branch is foreseeable.
        let may_be_hex = (word.len() >= HEX_WORD_BYTES_MIN)
            & self.text[start].is_ascii_hexdigit()
            & self.text[stop - 1].is_ascii_hexdigit();
        if (word.len() > WORD_BYTES_MAX)
            | (may_be_hex && self.text[start..stop].iter().all(u8::is_ascii_hexdigit))
        {
            return self.variable(start, stop, None);
        }
        self.items += 1;
        self.in_variables = false;
        self.sink.word(self.text, word);
    }

    /// Hands on a variable.
    #[inline]
    pub(super) fn variable(&mut self, start: usize, stop: usize, known: Option<MaskKind>) {
        self.items += usize::from(!self.in_variables);
        self.in_variables = true;
        self.last = (start, stop, known);
        self.sink.variable(self.text, start, stop, known);
    }

    /// Returns whether a unit may follow the last variable: as it may follow its placeholder.
    fn takes_unit(&self) -> bool {
        let (start, stop, known) = self.last;
        let value = &self.text[start..stop];
        match known {
            None if value.iter().all(u8::is_ascii_digit) => true,
            known => known.unwrap_or_else(|| MaskKind::of(value)).is_number(),
        }
    }

    /// Returns whether a date goes on at `at`: a number (or its placeholder), or a month after a day.
    fn begins_date(&self, mut at: usize) -> bool {
        while class_at(self.text, at) == SPACE && at < self.text.len() || self.is(at, b',') {
            at += 1;
        }
        class_at(self.text, at) == DIGIT
            || self.text.get(at..at + 3).is_some_and(is_calendar)
            || placeholder_at(self.text, at).is_some_and(|(kind, _)| kind.is_number())
    }

    /// Reads the byte at `at`, which is neither white space nor part of a piece.
    fn mark(&mut self, at: usize, class: u16) -> usize {
        match class {
            ESCAPE => {
                let stop = escape_end(self.text, at);
                self.sink.ignored(at, stop);
                stop
            }
            FOREIGN => self.foreign(at),
            QUOTE => self.quoted(at),
            EQUALS => self.value(at),
            OPEN => self.bracket(at),
            _ => {
                debug_assert!(class & (CLOSE | HARD) != 0);
                if self.before != Before::Code {
                    self.before = Before::Nothing;
                }
                at + 1
            }
        }
    }

    /// Reads characters outside ASCII: words of their own, since many scripts put no spaces
    /// between words and numbers; bytes that are not UTF-8 are data.
    fn foreign(&mut self, at: usize) -> usize {
        let rest = &self.text[at..];
        if self.before == Before::Number && self.takes_unit() && begins_microseconds(rest) {
            return at + MICRO_SIGNS[0].len() + 1;
        }
        let len = rest.iter().position(|&byte| class_of(byte) != FOREIGN).unwrap_or(rest.len());
        let before = std::mem::replace(&mut self.before, Before::Nothing);
        if before == Before::User || std::str::from_utf8(&rest[..len]).is_err() {
            self.variable(at, at + len, Some(MaskKind::Word));
        } else {
            self.constant(Word::at(self.text, at, at + len));
        }
        at + len
    }

    /// Reads a quotation mark: a quoted value, an apostrophe, or nothing.
    fn quoted(&mut self, at: usize) -> usize {
        let opens = at == 0 || class_of(self.text[at - 1]) & (LETTER | DIGIT | FOREIGN) == 0;
        self.before = Before::Nothing;
        if at > 0 && at == self.title_end {
            return at + 1;
        }
        match if opens { self.closing_quote(at) } else { None } {
            Some(stop) => {
                if let Some(verb) = request_verb(&self.text[at + 1..stop]) {
                    self.constant(Word::at(self.text, at + 1, at + 1 + verb));
                    self.variable(at + 2 + verb, stop, Some(MaskKind::Url));
                    return stop + 1;
                }
                if at == 0 && self.text[0] == b'"' && heads_pairs(&self.text[stop + 1..]) {
                    // A message in quotes before its pairs: its words are no value.
                    self.title_end = stop;
                    return at + 1;
                }
                self.variable(at + 1, stop, Some(MaskKind::Quoted));
                stop + 1
            }
            None => at + 1,
        }
    }

    /// Returns where the text quoted from `at` on ends.
    fn closing_quote(&mut self, at: usize) -> Option<usize> {
        let mark = self.text[at];
        let unclosed = match mark {
            b'"' => 0,
            b'\'' => 1,
            _ => 2,
        };
        if self.unclosed[unclosed] {
            return None;
        }
        let bound = self.text.len().min(at + 1 + QUOTED_BYTES_MAX);
        let mut from = at + 1;
        while let Some(found) = memchr::memchr(mark, &self.text[from..bound]) {
            let stop = from + found;
            let escaped = self.text[stop - 1] == b'\\' && stop - 1 > at;
            let inside = class_at(self.text, stop + 1) & (LETTER | DIGIT | FOREIGN) != 0;
            if !escaped && !inside {
                return Some(stop);
            }
            from = stop + 1;
        }
        self.unclosed[unclosed] = bound == self.text.len();
        None
    }

    /// Reads `=`: after a key, whatever follows directly is its value, even if nothing does.
    fn value(&mut self, at: usize) -> usize {
        const KEY: u16 = LETTER | DIGIT | FOREIGN | CLOSE | QUOTE;
        let is_key = at > 0
            && (class_of(self.text[at - 1]) & KEY != 0 || matches!(self.text[at - 1], b'_' | b'-'));
        if !is_key || self.is(at + 1, b'=') || self.is(at + 1, b'>') || self.before == Before::Code
        {
            return at + 1;
        }
        if let Some(name) = self.type_name(at + 1) {
            self.before = Before::Nothing;
            self.constant(name);
            return name.stop;
        }
        let (start, mut stop, mut seen) = (at + 1, at + 1, 0);
        while class_at(self.text, stop) & (PIECE | FOREIGN | EQUALS) != 0 {
            seen |= class_of(self.text[stop]);
            stop += 1;
        }
        while stop > start && matches!(self.text[stop - 1], b'.' | b':') {
            stop -= 1;
        }
        if let Some(colon) = scheme_end(self.text, start, stop, seen) {
            stop = url_end(self.text, colon);
        }
        if seen & SLASH != 0 {
            stop = query_end(self.text, stop);
        }
        self.before = if stop > start && class_of(self.text[stop - 1]) == DIGIT {
            Before::Number
        } else {
            Before::Nothing
        };
        let quoted = stop == start && class_at(self.text, stop) == QUOTE;
        if !quoted && placeholder_at(self.text, stop).is_none() {
            let known = if stop == start { Some(MaskKind::Word) } else { None };
            self.variable(start, stop, known);
        }
        stop
    }

    /// Returns the name of a type at `at` whose fields follow in brackets: of `bounds=Rect(0, 1)`
    /// only the fields are values.
    fn type_name(&self, at: usize) -> Option<Word> {
        if !self.text.get(at).is_some_and(u8::is_ascii_uppercase) {
            return None;
        }
        let name = Word::of_letters(self.text, at);
        let opens = matches!(self.text.get(name.stop), Some(b'(' | b'{' | b'['));
        (opens && self.text[name.start..name.stop].iter().any(u8::is_ascii_lowercase))
            .then_some(name)
    }

    /// Reads an opening bracket: an empty pair stands for a missing value, `<name>` for a value
    /// that was masked before.
    fn bracket(&mut self, at: usize) -> usize {
        if let Some((kind, stop)) = placeholder_at(self.text, at) {
            self.variable(at, stop, Some(kind));
            self.before = if kind.is_number() { Before::Number } else { Before::Nothing };
            return stop;
        }
        if self.before != Before::Code {
            self.before = Before::Nothing;
        }
        if class_at(self.text, at + 1) == CLOSE {
            self.variable(at + 1, at + 1, Some(MaskKind::Word));
            return at + 2;
        }
        at + 1
    }

    /// Returns whether the byte at `at` is `byte`.
    fn is(&self, at: usize, byte: u8) -> bool {
        self.text.get(at) == Some(&byte)
    }
}

/// Returns whether `text` begins with `µs` and nothing goes on from there.
fn begins_microseconds(text: &[u8]) -> bool {
    MICRO_SIGNS.iter().any(|sign| {
        let rest = text.strip_prefix(*sign).and_then(|rest| rest.strip_prefix(b"s"));
        rest.is_some_and(|rest| class_at(rest, 0) & (LETTER | DIGIT | FOREIGN) == 0)
    })
}

/// Returns whether pairs follow a quoted text, or nothing: `"text" key=value`.
fn heads_pairs(rest: &[u8]) -> bool {
    let rest = rest.trim_ascii();
    let key = rest.iter().take(WORD_BYTES_MAX).position(|byte| !is_key_byte(*byte));
    rest.is_empty() || key.is_some_and(|length| length > 0 && rest[length] == b'=')
}

fn is_key_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/')
}

/// Returns the length of the verb of a quoted request such as `"GET /a HTTP/1.1"`: it stays, since a
/// failing read and a failing write are not the same.
fn request_verb(quoted: &[u8]) -> Option<usize> {
    let verb = memchr::memchr(b' ', &quoted[..quoted.len().min(REQUEST_VERB_BYTES_MAX + 1)])?;
    let is_verb = verb >= 3 && quoted[..verb].iter().all(u8::is_ascii_uppercase);
    let target = &quoted[verb + 1..];
    let is_target = [&b"/"[..], b"http", b"<"].iter().any(|start| target.starts_with(start));
    (is_verb && is_target).then_some(verb)
}

/// Returns the end of the terminal sequence that begins at `at`.
fn escape_end(text: &[u8], at: usize) -> usize {
    if text.get(at + 1) != Some(&b'[') {
        return at + 1;
    }
    let mut stop = at + 2;
    while text.get(stop).is_some_and(|byte| (0x20..=0x3f).contains(byte)) {
        stop += 1;
    }
    if text.get(stop).is_some_and(|byte| (0x40..=0x7e).contains(byte)) { stop + 1 } else { stop }
}
