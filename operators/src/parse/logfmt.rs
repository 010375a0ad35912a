//! logfmt: `time=2024-01-02T03:04:05Z level=info msg="it works" service=api`.

use super::fields::{self, Role, Value};
use super::found::{Found, Layout, Place};
use super::json::unescape;
use memchr::{memchr, memchr2};

/// The longest key.
const KEY_BYTES_MAX: usize = 64;

/// Returns what a line of pairs says. Without a message field the message is the whole line; unless
/// `explicit`, such a line must then at least name its level, and have three pairs.
pub(super) fn find(
    text: &[u8],
    place: Place,
    scratch: &mut Vec<u8>,
    explicit: bool,
) -> Option<Found> {
    key_end(text, 0)?;
    let mut found = Found { layout: Layout::Logfmt, ..Found::default() };
    let mut best: [u8; fields::ROLES] = [u8::MAX; fields::ROLES];
    let (mut at, mut pairs) = (0, 0);
    while at < text.len() {
        if text[at] == b' ' || text[at] == b'\t' {
            at += 1;
            continue;
        }
        let Some(key_end) = key_end(text, at) else {
            at = next_blank(text, at);
            continue;
        };
        let key = &text[at..key_end];
        let start = key_end + 1;
        let (inner, end, escaped) = value_at(text, start)?;
        at = end;
        pairs += 1;
        let Some((role, rank)) = fields::role(key) else { continue };
        let held = &mut best[role as usize];
        if rank >= *held {
            continue;
        }
        *held = rank;
        forget(&mut found, role);
        let raw = &text[inner.0..inner.1];
        let span = if escaped { unescape(raw, scratch) } else { place.span(inner.0, inner.1) };
        match role {
            Role::Message => found.message = span,
            _ => fields::enter(&mut found, role, Value { text: raw, span }),
        }
    }
    if best[Role::Message as usize] == u8::MAX {
        if !explicit && (found.severity.is_none() || pairs < 3) {
            return None;
        }
        let whole = place.trimmed(text, 0, text.len());
        let exception = found.details.exception_message;
        found.message = if exception.is_empty() { whole } else { exception };
    }
    Some(found)
}

/// Empties what a field of a worse rank has set.
fn forget(found: &mut Found, role: Role) {
    match role {
        Role::Time => found.time = None,
        Role::Level => found.severity = None,
        Role::Service => found.service = Default::default(),
        Role::Host => found.host = Default::default(),
        Role::Process => found.process = Default::default(),
        Role::Thread => found.thread = Default::default(),
        Role::Logger => found.logger = Default::default(),
        Role::Exception => found.details.exception_message = Default::default(),
        Role::ExceptionType => found.details.exception_type = Default::default(),
        Role::Stack => found.details.stack = Default::default(),
        Role::Fingerprint => found.details.fingerprint = Default::default(),
        Role::Stream => found.stream = Default::default(),
        _ => {}
    }
}

/// Returns where the key at `at` ends: at its `=`.
fn key_end(text: &[u8], at: usize) -> Option<usize> {
    let window = &text[at..text.len().min(at + KEY_BYTES_MAX)];
    if !window.first()?.is_ascii_alphabetic() && !matches!(window[0], b'_' | b'@') {
        return None;
    }
    let length = window.iter().position(|b| {
        !(b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-' | b'@' | b'/'))
    })?;
    (window[length] == b'=').then_some(at + length)
}

/// Returns the value's piece, where it ends, and whether it holds escapes; `None` if a quote is left
/// open.
fn value_at(text: &[u8], start: usize) -> Option<((usize, usize), usize, bool)> {
    if text.get(start) != Some(&b'"') {
        let end = next_blank(text, start);
        return Some(((start, end), end, false));
    }
    let mut at = start + 1;
    let mut escaped = false;
    loop {
        at += memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(((start + 1, at), at + 1, escaped));
        }
        escaped = true;
        at += 2;
    }
}

fn next_blank(text: &[u8], at: usize) -> usize {
    memchr(b' ', &text[at..]).map_or(text.len(), |length| at + length)
}
