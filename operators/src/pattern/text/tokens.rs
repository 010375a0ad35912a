//! From a message to gaps between the pattern's constant words.

use super::Token;
use super::align::align;
use crate::mask::{Decision, MaskKind, Ruled, SCAN_BYTES_MAX, Sink, Word, readable, scan_with};
use crate::skeleton::KEPT_MARK;

/// A message cut at the pattern's constants: one more gap than constants.
pub(super) struct Gaps {
    pub(super) gaps: Vec<Vec<Token>>,
    pub(super) constants: Vec<String>,
}

/// What the scanner found, by place.
struct Found {
    start: usize,
    stop: usize,
    what: What,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum What {
    Word,
    Variable(MaskKind),
    Ignored,
}

#[derive(Default)]
struct Items(Vec<Found>);

impl Sink for Items {
    fn word(&mut self, _: &[u8], word: Word) {
        self.0.push(Found { start: word.start, stop: word.stop, what: What::Word });
    }

    fn variable(&mut self, text: &[u8], start: usize, stop: usize, known: Option<MaskKind>) {
        let kind = known.unwrap_or_else(|| MaskKind::of(&text[start..stop]));
        self.0.push(Found { start, stop, what: What::Variable(kind) });
    }

    fn ignored(&mut self, start: usize, stop: usize) {
        self.0.push(Found { start, stop, what: What::Ignored });
    }
}

/// Returns which of what was found is a constant of the pattern; `None` if the message does not fit.
fn constants(message: &[u8], found: &[Found], pattern: &[&str]) -> Option<Vec<bool>> {
    let is_run = |at: usize| {
        let before = found[..at].iter().rev().find(|one| one.what != What::Ignored);
        matches!(found[at].what, What::Variable(_))
            && before.is_some_and(|one| matches!(one.what, What::Variable(_)))
    };
    let counts = |at: &usize| found[*at].what != What::Ignored && !is_run(*at);
    let places: Vec<usize> = (0..found.len()).filter(counts).collect();
    let word = |at: &usize| match found[*at].what {
        What::Word => std::str::from_utf8(&message[found[*at].start..found[*at].stop]).ok(),
        _ => None,
    };
    let items: Vec<Option<&str>> = places.iter().map(word).collect();
    // An empty message is a variable.
    let kept = align(if items.is_empty() { &[None] } else { &items }, pattern)?;
    let mut constants = vec![false; found.len()];
    for (place, kept) in places.iter().zip(kept) {
        constants[*place] = kept;
    }
    Some(constants)
}

/// Returns the gaps of `message` in the pattern, or `None` if it is not of the pattern.
pub(super) fn gaps(message: &[u8], pattern: &[&str]) -> Option<Gaps> {
    let mut items = Items::default();
    let ruled = kept_words(message, pattern);
    scan_with(message, &ruled, &mut items);
    // Where they stand, kept words are words like others.
    let bare: Vec<&str>;
    let pattern = match ruled.is_empty() {
        true => pattern,
        false => {
            bare = pattern.iter().map(|part| part.trim_start_matches(KEPT_MARK)).collect();
            &bare
        }
    };
    let kept = constants(message, &items.0, pattern)?;
    let mut cut = Gaps { gaps: Vec::new(), constants: Vec::new() };
    let (mut gap, mut at) = (Vec::new(), 0);
    for (found, is_constant) in items.0.iter().zip(kept) {
        push_text(&mut gap, &message[at..found.start]);
        at = found.stop;
        let text = || readable(&message[found.start..found.stop]);
        match found.what {
            What::Word if is_constant => {
                cut.gaps.push(std::mem::take(&mut gap));
                cut.constants.push(text());
            }
            What::Word => push_value(&mut gap, MaskKind::Word, text()),
            What::Variable(kind) => push_value(&mut gap, kind, text()),
            What::Ignored => {}
        }
    }
    let end = message.len().clamp(at, at.max(SCAN_BYTES_MAX));
    push_text(&mut gap, &message[at..end]);
    cut.gaps.push(gap);
    cut.gaps.iter_mut().for_each(|gap| *gap = split(adopt(std::mem::take(gap))));
    Some(cut)
}

/// Returns where the words of the pattern stand that rules of the user keep: the scanner alone would
/// not take them for words. Their order is known, and that they mostly stand alone.
fn kept_words<'p>(message: &[u8], pattern: &[&'p str]) -> Vec<Ruled<'p>> {
    let (mut ruled, mut from) = (Vec::new(), 0);
    let message = &message[..message.len().min(SCAN_BYTES_MAX)];
    for word in pattern.iter().filter_map(|part| part.strip_prefix(KEPT_MARK)) {
        let begins = |at: usize| at == 0 || !message[at - 1].is_ascii_alphanumeric();
        let ends = |at: usize| !message.get(at).is_some_and(u8::is_ascii_alphanumeric);
        let places = || memchr::memmem::find_iter(&message[from..], word).map(|at| from + at);
        let alone = places().find(|&at| begins(at) && ends(at + word.len()));
        let Some(start) = alone.or_else(|| places().next()) else { break };
        from = start + word.len();
        if start < from {
            ruled.push(Ruled { start, stop: from, decision: Decision::Keep });
        }
    }
    ruled
}

fn push_text(gap: &mut Vec<Token>, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    let text = readable(bytes);
    match gap.last_mut() {
        Some(Token::Text(before)) => before.push_str(&text),
        _ => gap.push(Token::Text(text)),
    }
}

fn push_value(gap: &mut Vec<Token>, kind: MaskKind, text: String) {
    if let Some(Token::Value { kind: before, text: Some(value), lead }) = gap.last_mut() {
        // Nothing stands between the two.
        value.push_str(&text);
        *before = MaskKind::Word;
        lead.clear();
        return;
    }
    let lead = lead_of(kind, &text).to_owned();
    gap.push(Token::Value { kind, text: Some(text), lead });
}

/// Returns the name with which an identifier begins that is a name and a number: `dump.` of
/// `dump.17`, `CPU#` of `CPU#0`.
fn lead_of(kind: MaskKind, text: &str) -> &str {
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let mark = text.as_bytes().get(letters);
    if kind != MaskKind::Identifier || letters < 2 || !matches!(mark, Some(b'.' | b'#' | b'-')) {
        return "";
    }
    let number = &text[letters + 1..];
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if is_number { &text[..=letters] } else { "" }
}

/// Gives values the punctuation beside them that belongs to them: angle brackets, the star of a
/// path, and a full stop that ends no sentence.
fn adopt(gap: Vec<Token>) -> Vec<Token> {
    let mut adopted: Vec<Token> = Vec::with_capacity(gap.len());
    let mut rest = gap.into_iter().peekable();
    while let Some(token) = rest.next() {
        let Token::Text(mut text) = token else {
            adopted.push(token);
            continue;
        };
        if let Some(Token::Value { text: Some(value), kind, .. }) = adopted.last_mut() {
            let owns = |mark: char| match mark {
                '>' => true,
                '*' => *kind == MaskKind::Path,
                _ => false,
            };
            while text.starts_with(owns) {
                value.push(text.remove(0));
            }
            if text == ". " && rest.peek().is_some() {
                value.push(text.remove(0));
            }
        }
        let opens = text.ends_with('<') && rest.peek().is_some();
        if opens {
            text.pop();
        }
        if !text.is_empty() {
            adopted.push(Token::Text(text));
        }
        if opens && let Some(Token::Value { text: Some(value), .. }) = rest.peek_mut() {
            value.insert(0, '<');
        }
    }
    adopted
}

/// Cuts texts into words, white space, and single marks, the finest parts that gaps can share.
fn split(gap: Vec<Token>) -> Vec<Token> {
    let mut parts = Vec::with_capacity(gap.len());
    for token in gap {
        let Token::Text(text) = token else {
            parts.push(token);
            continue;
        };
        let chars: Vec<char> = text.chars().collect();
        let joins = |a: &char, b: &char| {
            a.is_alphanumeric() && b.is_alphanumeric() || a.is_whitespace() && b.is_whitespace()
        };
        parts.extend(chars.chunk_by(joins).map(|part| Token::Text(part.iter().collect())));
    }
    parts
}
