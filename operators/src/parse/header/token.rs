//! Cuts a header into fields: numbers, brackets, separators, words. Bounded: a field longer than
//! [`FIELD_BYTES_MAX`] is no header field.

use memchr::memchr;

/// The longest header field.
pub(super) const FIELD_BYTES_MAX: usize = 320;

/// What a field looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Digits only.
    Number,
    /// `[…]` or `(…)`, nested brackets included.
    Bracket,
    /// `-`, `--`, `---`, `|` or `:` standing alone.
    Separator,
    /// Anything else up to a blank or `|`.
    Word,
}

/// One field of a header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    /// What it looks like.
    pub kind: Kind,
    /// Its content: without brackets, and without the `:` or `,` that ends it.
    pub start: usize,
    pub end: usize,
    /// Where the next field begins.
    pub next: usize,
    /// The `:` or `,` that ended it, or 0.
    pub closer: u8,
    /// How many blanks follow; a tab counts as two.
    pub gap: usize,
}

/// Returns the field at `at`, which is not a blank.
pub(super) fn field_at(text: &[u8], at: usize) -> Option<Field> {
    let (kind, start, end, mut after) = match *text.get(at)? {
        open @ (b'[' | b'(') => match closing(text, at, open) {
            Some(close) => (Kind::Bracket, at + 1, close, close + 1),
            None => return None,
        },
        b'|' => (Kind::Separator, at, at + 1, at + 1),
        b'-' | b':' => separator(text, at).or_else(|| word(text, at))?,
        _ => word(text, at)?,
    };
    let mut closer = 0;
    let mut end = end;
    if kind == Kind::Bracket || kind == Kind::Number {
        if let Some(&found @ (b':' | b',')) = text.get(after)
            && text.get(after + 1).is_none_or(|b| is_blank(*b))
        {
            closer = found;
            after += 1;
        }
    } else if kind == Kind::Word && end - start > 1 && matches!(text[end - 1], b':' | b',') {
        closer = text[end - 1];
        end -= 1;
    }
    let (next, gap) = blanks(text, after);
    let kind = if kind == Kind::Word && text[start..end].iter().all(u8::is_ascii_digit) {
        Kind::Number
    } else {
        kind
    };
    Some(Field { kind, start, end, next, closer, gap })
}

fn separator(text: &[u8], at: usize) -> Option<(Kind, usize, usize, usize)> {
    let sign = text[at];
    let run = text[at..].iter().take(4).take_while(|b| **b == sign).count();
    let stands_alone = text.get(at + run).is_none_or(|b| is_blank(*b)) && run < 4;
    stands_alone.then_some((Kind::Separator, at, at + run, at + run))
}

fn word(text: &[u8], at: usize) -> Option<(Kind, usize, usize, usize)> {
    let window = &text[at..text.len().min(at + FIELD_BYTES_MAX)];
    let length = match window.iter().position(|b| is_blank(*b) || *b == b'|') {
        Some(length) => length,
        None if at + window.len() == text.len() => window.len(),
        None => return None,
    };
    (length > 0).then_some((Kind::Word, at, at + length, at + length))
}

/// Returns where the bracket opened at `at` closes; nested brackets are passed over.
pub(super) fn closing(text: &[u8], at: usize, open: u8) -> Option<usize> {
    let close = if open == b'[' { b']' } else { b')' };
    let window = &text[at..text.len().min(at + FIELD_BYTES_MAX)];
    let first = memchr(close, window)?;
    if memchr(open, &window[1..first]).is_none() {
        return Some(at + first);
    }
    let mut depth = 0usize;
    for (offset, byte) in window.iter().enumerate() {
        if *byte == open {
            depth += 1;
        } else if *byte == close {
            depth -= 1;
            if depth == 0 {
                return Some(at + offset);
            }
        }
    }
    None
}

/// Skips blanks: where they end, and how many they were.
pub(super) fn blanks(text: &[u8], at: usize) -> (usize, usize) {
    let mut next = at;
    let mut gap = 0;
    while let Some(byte) = text.get(next).filter(|byte| is_blank(**byte)) {
        gap += if *byte == b'\t' { 2 } else { 1 };
        next += 1;
    }
    (next, gap)
}

pub(super) fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// Returns whether a word looks like the name of a logger, class, file or module and not like prose:
/// it starts with a letter and has an inner capital, or a sign that joins names.
pub(super) fn is_logger_like(word: &[u8]) -> bool {
    let Some(first) = word.first() else { return false };
    if !(first.is_ascii_alphabetic() || *first == b'_') {
        return false;
    }
    let mut named = false;
    let mut previous = b'_';
    for &byte in word {
        match byte {
            b'A'..=b'Z' => named |= previous.is_ascii_lowercase(),
            b'a'..=b'z' => {}
            // "https://…" is a value; "std::vec" and "file.go:12" are names.
            b'/' if previous == b'/' => return false,
            b'.' | b'_' | b'$' | b'/' | b'@' | b':' | b'#' | b'0'..=b'9' => named = true,
            b'-' | b'<' | b'>' | b'~' | b'\\' => {}
            _ => return false,
        }
        previous = byte;
    }
    named
}

/// Returns whether a logger-like word names more than one thing: `a.b`, `a::b`, `a$b`, `aB`.
pub(super) fn is_qualified(word: &[u8]) -> bool {
    let camel = |pair: &[u8]| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase();
    word.iter().any(|b| matches!(b, b'.' | b':' | b'$' | b'/')) || word.windows(2).any(camel)
}

/// Returns whether a word may stand before the level of a header: anything but prose.
pub(super) fn is_header_like(word: &[u8]) -> bool {
    let mut letters = false;
    for &byte in word {
        match byte {
            b'0'..=b'9' | b'.' | b'_' | b'/' | b'@' | b'#' | b'$' | b':' | b'-' => return true,
            b'a'..=b'z' => letters = true,
            b'A'..=b'Z' => {}
            _ => return false,
        }
    }
    !letters && word.len() > 1
}

/// Returns whether a word is a code such as `AH00128`, which belongs to the message.
pub(super) fn is_code(word: &[u8]) -> bool {
    let digits = word.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let letters = &word[..word.len() - digits];
    digits >= 3
        && !letters.is_empty()
        && letters.iter().all(|b| b.is_ascii_uppercase() || *b == b'-')
}

/// Returns whether a word can be the tag that stands before a message: a short name.
pub(super) fn is_tag(word: &[u8]) -> bool {
    word.len() <= 48 && word.iter().all(|b| b.is_ascii_alphanumeric() || b"._-/:".contains(b))
}

/// Returns whether a bracket holds the ids of a trace: long hexadecimal numbers, or nothing.
pub(super) fn is_trace(inner: &[u8]) -> bool {
    let first = inner.split(|b| matches!(b, b'-' | b',')).next().unwrap_or_default();
    first.iter().all(u8::is_ascii_hexdigit) && (first.is_empty() || first.len() >= 16)
}
