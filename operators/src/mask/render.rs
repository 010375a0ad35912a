//! The message as a person reads it: variables as typed placeholders, everything else as it was.

use super::classes::Word;
use super::kind::MaskKind;
use super::overlay::{Ruled, scan_with};
use super::scan::{SCAN_BYTES_MAX, Sink};
use std::borrow::Cow;

/// From this many variables in a row, with nothing but white space between them, they are displayed
/// as one: a list, or a date in words.
const RUN_MIN: usize = 3;

/// Longest displayed text, in bytes; a longer one ends with `…`.
pub const TEXT_BYTES_MAX: usize = 2 * 1024;

/// A part of a message that is a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaskedSpan {
    /// Where it begins, in bytes of the message.
    pub start: usize,
    /// Where it ends. Equal to `start` where a value is missing.
    pub end: usize,
    /// What it is.
    pub kind: MaskKind,
}

/// Returns the variables of `message`, in order, as far as identity looks at it.
pub fn masks(message: &[u8]) -> Vec<MaskedSpan> {
    masks_with(message, &[])
}

/// Returns the variables of `message` that no rule of the user decides about; see [`masks`].
pub(crate) fn masks_with(message: &[u8], ruled: &[Ruled<'_>]) -> Vec<MaskedSpan> {
    let mut spans = Spans::default();
    scan_with(message, ruled, &mut spans);
    spans.masked
}

/// Returns `message` with placeholders for its variables, without colour codes, control characters
/// as spaces, bytes that are not UTF-8 replaced.
pub fn render(message: &[u8]) -> String {
    render_with(message, &[])
}

/// Returns the text of `message`, of which rules of the user decide about pieces; see [`render`].
pub(crate) fn render_with(message: &[u8], ruled: &[Ruled<'_>]) -> String {
    let mut spans = Spans::default();
    scan_with(message, ruled, &mut spans);
    spans.merge_runs(message);
    let mut text = String::with_capacity(message.len().min(TEXT_BYTES_MAX) + 16);
    let mut at = 0;
    for (start, end, placeholder) in spans.edits() {
        push_readable(&mut text, &message[at..start]);
        text.push_str(placeholder);
        at = end;
        if text.len() > TEXT_BYTES_MAX {
            break;
        }
    }
    push_readable(&mut text, &message[at..message.len().clamp(at, at.max(SCAN_BYTES_MAX))]);
    truncate(&mut text);
    text
}

/// Appends text between variables.
fn push_readable(text: &mut String, bytes: &[u8]) {
    let shown = &bytes[..bytes.len().min(TEXT_BYTES_MAX + 4)];
    let decoded: Cow<'_, str> = String::from_utf8_lossy(shown);
    if decoded.chars().any(char::is_control) {
        text.extend(decoded.chars().map(|c| if c.is_control() { ' ' } else { c }));
    } else {
        text.push_str(&decoded);
    }
}

/// Returns `bytes` decoded, control characters as spaces, what is not UTF-8 replaced.
pub(crate) fn readable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    push_readable(&mut text, bytes);
    text
}

/// Cuts `text` at the limit, at a character.
pub(crate) fn truncate(text: &mut String) {
    const MORE: &str = "…";
    if text.len() > TEXT_BYTES_MAX {
        let mut cut = TEXT_BYTES_MAX - MORE.len();
        while !text.is_char_boundary(cut) {
            cut -= 1;
        }
        text.truncate(cut);
        text.push_str(MORE);
    }
}

/// Returns what a run of variables is together.
fn kind_of_run(run: &[MaskedSpan]) -> MaskKind {
    let is_date = |kind| matches!(kind, MaskKind::Time | MaskKind::Number);
    let first = run[0].kind;
    if run.iter().all(|span| span.kind == first) {
        first
    } else if first == MaskKind::Time && run.iter().all(|span| is_date(span.kind)) {
        MaskKind::Time
    } else {
        MaskKind::Word
    }
}

/// Collects the variables and the bytes that are no text.
#[derive(Default)]
struct Spans {
    masked: Vec<MaskedSpan>,
    /// Those that rules of the user found, and their placeholders.
    named: Vec<(usize, usize, String)>,
    ignored: Vec<(usize, usize)>,
}

impl Spans {
    /// Makes one span of each long run of variables.
    fn merge_runs(&mut self, message: &[u8]) {
        let follows = |left: &MaskedSpan, right: &MaskedSpan| {
            let between = &message[left.end..right.start];
            !between.is_empty() && between.iter().all(u8::is_ascii_whitespace)
        };
        let merged = self.masked.chunk_by(follows).flat_map(|run| {
            let one = MaskedSpan { end: run[run.len() - 1].end, kind: kind_of_run(run), ..run[0] };
            if run.len() < RUN_MIN { run.to_vec() } else { vec![one] }
        });
        self.masked = merged.collect();
    }

    /// Returns what is replaced by what, in order; missing values show nothing.
    fn edits(&self) -> Vec<(usize, usize, &str)> {
        let masked = self.masked.iter().filter(|span| span.start < span.end);
        let mut edits: Vec<(usize, usize, &str)> =
            masked.map(|span| (span.start, span.end, span.kind.placeholder())).collect();
        edits.extend(self.named.iter().map(|(start, end, name)| (*start, *end, name.as_str())));
        edits.extend(self.ignored.iter().map(|&(start, end)| (start, end, "")));
        edits.sort_unstable();
        edits
    }
}

impl Sink for Spans {
    fn word(&mut self, _text: &[u8], _word: Word) {}

    fn variable(&mut self, text: &[u8], start: usize, stop: usize, known: Option<MaskKind>) {
        let kind = known.unwrap_or_else(|| MaskKind::of(&text[start..stop]));
        self.masked.push(MaskedSpan { start, end: stop, kind });
    }

    fn named(&mut self, _text: &[u8], start: usize, stop: usize, placeholder: &str) {
        self.named.push((start, stop, placeholder.to_owned()));
    }

    fn ignored(&mut self, start: usize, stop: usize) {
        self.ignored.push((start, stop));
    }
}
