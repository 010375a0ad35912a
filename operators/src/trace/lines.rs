//! The lines of a trace as text: bounded, without colour codes and line ends, with the first line of
//! the record in front; and the small questions that every reader asks of a line.

use super::model::TRACE_BYTES_MAX;
use std::borrow::Cow;

const ESCAPE: u8 = 0x1b;

/// Returns `bytes` as text of which not more is looked at than the limit.
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    let shown: Cow<'_, [u8]> = if bytes.len() <= TRACE_BYTES_MAX {
        Cow::Borrowed(bytes)
    } else {
        let half = TRACE_BYTES_MAX / 2;
        let (first, last) = (&bytes[..half], &bytes[bytes.len() - half..]);
        Cow::Owned([first, b"\n", last].concat())
    };
    let shown = if memchr::memchr(ESCAPE, &shown).is_some() {
        Cow::Owned(without_colours(&shown))
    } else {
        shown
    };
    match shown {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(String::from_utf8_lossy(&bytes).into_owned()),
    }
}

/// Returns `bytes` without colour codes (`ESC [ … letter`).
fn without_colours(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == ESCAPE && bytes.get(at + 1) == Some(&b'[') {
            at += 2;
            while at < bytes.len() && matches!(bytes[at], b'0'..=b'9' | b';') {
                at += 1;
            }
            at += usize::from(at < bytes.len() && bytes[at].is_ascii_alphabetic());
        } else {
            plain.push(bytes[at]);
            at += 1;
        }
    }
    plain
}

/// Returns `message` and the lines of `trace`.
pub(super) fn lines_of<'t>(message: &'t str, trace: &'t str) -> Vec<&'t str> {
    let mut lines: Vec<&str> = message.lines().map(|line| line.trim_end_matches('\r')).collect();
    lines.extend(trace.lines().map(|line| line.trim_end_matches('\r')));
    lines
}

/// Returns how many bytes of white space begin `line`.
pub(super) fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Returns whether `text` is digits, at least one.
pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns what stands before a final `:12`, if there is one.
pub(super) fn before_number(text: &str) -> Option<&str> {
    let (before, number) = text.rsplit_once(':')?;
    is_digits(number).then_some(before)
}

/// Returns what stands before a final `:12` or `:12:34`.
pub(super) fn before_position(text: &str) -> Option<&str> {
    let before = before_number(text)?;
    Some(before_number(before).unwrap_or(before))
}

/// Returns whether `text` is hexadecimal digits, at least `min`.
pub(super) fn is_hex(text: &str, min: usize) -> bool {
    text.len() >= min && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns `text` without what stands between `open` and its `close`, brackets included. Text in
/// unclosed brackets is left out.
pub(super) fn without_brackets(text: &str, open: char, close: char) -> String {
    let mut depth = 0_usize;
    let mut kept = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == open {
            depth += 1;
        } else if letter == close && depth > 0 {
            depth -= 1;
        } else if depth == 0 {
            kept.push(letter);
        }
    }
    kept
}

/// Returns the pieces of `text` between `separator`s that stand outside of `<…>`.
pub(super) fn split_outside_angles(text: &str, separator: char) -> Vec<&str> {
    let mut depth = 0_usize;
    let mut start = 0;
    let mut pieces = Vec::new();
    for (at, letter) in text.char_indices() {
        match letter {
            '<' => depth += 1,
            '>' => depth = depth.saturating_sub(1),
            _ if letter == separator && depth == 0 => {
                pieces.push(&text[start..at]);
                start = at + letter.len_utf8();
            }
            _ => {}
        }
    }
    pieces.push(&text[start..]);
    pieces
}
