//! Escaped text: the escapes of JSON strings, which logfmt shares, and the lines in what they hide.

use super::found::Place;
use engine::model::Span;
use std::ops::Range;

/// Returns the first line of `text` that is not blank, and the lines behind it, without the white
/// space at their end.
pub(super) fn first_line(text: &[u8]) -> (Range<usize>, Range<usize>) {
    let end = text.trim_ascii_end().len();
    let words = end - text[..end].trim_ascii_start().len();
    let start = memchr::memrchr(b'\n', &text[..words]).map_or(0, |line_end| line_end + 1);
    match memchr::memchr(b'\n', &text[start..end]) {
        Some(length) => (start..start + length, start + length + 1..end),
        None => (start..end, end..end),
    }
}

/// Appends `raw` to the scratch bytes with its escapes resolved. Half a surrogate pair becomes the
/// replacement character, an unknown escape stands for itself.
pub(super) fn unescape(raw: &[u8], scratch: &mut Vec<u8>) -> Span {
    let begin = scratch.len();
    let mut at = 0;
    while at < raw.len() {
        let plain = memchr::memchr(b'\\', &raw[at..]).unwrap_or(raw.len() - at);
        scratch.extend_from_slice(&raw[at..at + plain]);
        at += plain + 1;
        let Some(&escape) = raw.get(at) else { break };
        at += 1;
        match escape {
            b'n' => scratch.push(b'\n'),
            b't' => scratch.push(b'\t'),
            b'r' => scratch.push(b'\r'),
            b'b' => scratch.push(8),
            b'f' => scratch.push(12),
            b'u' => at += unescape_unicode(&raw[at..], scratch),
            other => scratch.push(other),
        }
    }
    let place = Place { scratch: true, base: begin };
    place.trimmed(&scratch[begin..], 0, scratch.len() - begin)
}

/// Appends the character of `XXXX` or `XXXX\uXXXX` and returns how many bytes it took.
fn unescape_unicode(rest: &[u8], scratch: &mut Vec<u8>) -> usize {
    let Some(first) = four_hex(rest) else { return 0 };
    let pair = (0xD800..0xDC00)
        .contains(&first)
        .then(|| rest.get(4..6).filter(|u| *u == b"\\u").and_then(|_| four_hex(&rest[6..])))
        .flatten()
        .filter(|second| (0xDC00..0xE000).contains(second));
    let (code, taken) = match pair {
        Some(second) => (0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00), 10),
        None => (first, 4),
    };
    let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
    scratch.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    taken
}

fn four_hex(text: &[u8]) -> Option<u32> {
    let digits = text.get(..4).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
