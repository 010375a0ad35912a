//! logfmt: `time=2024-01-02T03:04:05Z level=info msg="it works" service=api`.

use super::fields::{self, Role};
use super::found::{Found, Layout, Place};
use super::slots::{Reading, Slot, Slots};
use memchr::{memchr, memchr2};

/// The longest key.
const KEY_BYTES_MAX: usize = 64;

/// Enters what a line of pairs says. Without a message field the message is the whole line; unless
/// `explicit`, such a line must then at least name its level, and have three pairs.
pub(super) fn find(
    text: &[u8],
    place: Place,
    scratch: &mut Vec<u8>,
    explicit: bool,
    found: &mut Found,
) -> Reading {
    if key_end(text, 0).is_none() {
        return Reading::Other;
    }
    let mut slots = Slots::default();
    let Some(pairs) = collect(text, &mut slots) else { return Reading::Other };
    let named = slots.get(Role::Message).is_some();
    if !(named || explicit || pairs >= 3) {
        return Reading::Other;
    }
    slots.enter(text, place, scratch, found);
    if !(named || explicit) && found.severity.is_none() {
        *found = Found::default();
        return Reading::Other;
    }
    found.layout = Layout::Logfmt;
    slots.enter_message(text, place, scratch, found)
}

/// Collects the fields we look for and returns how many pairs there are; `None` if a quote is left
/// open.
fn collect(text: &[u8], slots: &mut Slots) -> Option<usize> {
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
        let (inner, end, escaped) = value_at(text, key_end + 1)?;
        at = end;
        pairs += 1;
        match fields::role(key) {
            // A line wrapped by a container runtime is JSON.
            None | Some((Role::Envelope, _)) => {}
            // "msg=audit(…): …" goes on behind the value.
            Some((Role::Message, _)) if text[key_end + 1..end].ends_with(b"):") => return None,
            Some((role, rank)) => slots.offer(role, Slot::new(rank, inner.0, inner.1, escaped)),
        }
    }
    Some(pairs)
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
