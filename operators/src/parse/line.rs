//! One line: which format it has, and what it says. A pure function of the line and the configured
//! format; neighbours never matter.

use super::format::Format;
use super::found::{Found, Place, set_first};
use super::json::Envelope;
use super::{header, json, logfmt, syslog};

const BOM: &[u8] = b"\xEF\xBB\xBF";
const ESCAPE: u8 = 0x1B;

/// The bytes that are not in the chunk, and a buffer for texts that are read from them.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Goes out with the batch.
    pub bytes: Vec<u8>,
    spare: Vec<u8>,
}

/// Returns what the line `text` at `place` says, or `None` if it does not have the format it was
/// said to have.
pub(super) fn read(
    format: Format,
    text: &[u8],
    place: Place,
    scratch: &mut Scratch,
) -> Option<Found> {
    let start = if text.starts_with(BOM) { BOM.len() } else { 0 };
    let (text, place) = (&text[start..], place.within(start));
    if memchr::memchr(ESCAPE, text).is_none() {
        return read_clean(format, text, place, scratch);
    }
    // Colour codes would stand between and inside the fields: read a copy without them.
    let mut clean = std::mem::take(&mut scratch.spare);
    clean.clear();
    strip_escapes(text, &mut clean);
    let place = Place { scratch: true, base: scratch.bytes.len() };
    scratch.bytes.extend_from_slice(&clean);
    let found = read_clean(format, &clean, place, scratch);
    scratch.spare = clean;
    found
}

fn read_clean(format: Format, text: &[u8], place: Place, scratch: &mut Scratch) -> Option<Found> {
    match format {
        Format::Auto => Some(read_auto(text, place, scratch, true)),
        Format::Plain => Some(plain(text, place)),
        Format::Json => json_line(text, place, scratch),
        Format::Logfmt => logfmt::find(text, place, &mut scratch.bytes, true),
        Format::Syslog => syslog::find(text, place),
        Format::Header => header::find(text, place),
    }
}

/// Decides by the first bytes; whatever fits nothing is plain. `unwrap`: an envelope may be opened.
fn read_auto(text: &[u8], place: Place, scratch: &mut Scratch, unwrap: bool) -> Found {
    let found = match text.first() {
        Some(b'{') if unwrap => json_line(text, place, scratch),
        Some(b'{') => json::find(text, place, &mut scratch.bytes).map(|line| line.found),
        Some(b'<') => syslog::find(text, place),
        Some(b'0'..=b'9') if unwrap => container_line(text, place, scratch),
        Some(b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'@') => {
            logfmt::find(text, place, &mut scratch.bytes, false)
        }
        _ => None,
    };
    let found = found.or_else(|| header::find(text, place)).unwrap_or_else(|| plain(text, place));
    if unwrap && found.rest > 0 && text.get(found.rest) == Some(&b'{') {
        return around_json(found, text, place, scratch);
    }
    found
}

/// A header around a JSON object: both are read.
fn around_json(outer: Found, text: &[u8], place: Place, scratch: &mut Scratch) -> Found {
    let inner = &text[outer.rest..];
    let kept = scratch.bytes.len();
    match json::find(inner, place.within(outer.rest), &mut scratch.bytes) {
        Some(line) => outer.refined_by(line.found),
        None => {
            scratch.bytes.truncate(kept);
            outer
        }
    }
}

fn plain(text: &[u8], place: Place) -> Found {
    Found { message: place.trimmed(text, 0, text.len()), ..Found::default() }
}

/// A container runtime's `time stdout F line`: the line is read on its own, once.
fn container_line(text: &[u8], place: Place, scratch: &mut Scratch) -> Option<Found> {
    let (outer, start) = header::container_line(text, place)?;
    let inner = read_auto(&text[start..], place.within(start), scratch, false);
    Some(outer.refined_by(inner))
}

fn json_line(text: &[u8], place: Place, scratch: &mut Scratch) -> Option<Found> {
    let line = json::find(text, place, &mut scratch.bytes)?;
    let Some(envelope) = line.envelope else { return Some(line.found) };
    // The wrapped text may stand in the scratch bytes, which reading it may grow.
    let mut inner = std::mem::take(&mut scratch.spare);
    inner.clear();
    let place = match envelope {
        Envelope::Line(start, end) => {
            inner.extend_from_slice(&text[start..end]);
            place.within(start)
        }
        Envelope::Scratch(start, end) => {
            inner.extend_from_slice(&scratch.bytes[start..end]);
            Place { scratch: true, base: start }
        }
    };
    let found = wrapped(line.found, &inner, place, scratch);
    scratch.spare = inner;
    Some(found)
}

/// What an envelope wraps: the first line is read on its own, lines behind it are a trace.
fn wrapped(mut outer: Found, inner: &[u8], place: Place, scratch: &mut Scratch) -> Found {
    let (first, rest) = json::first_line(inner);
    let line = read_auto(&inner[first.clone()], place.within(first.start), scratch, false);
    outer.body = place.span(first.start, rest.end);
    let mut found = outer.refined_by(line);
    set_first(&mut found.details.stack, place.span(rest.start, rest.end));
    found
}

/// Appends `text` without terminal control sequences.
fn strip_escapes(text: &[u8], clean: &mut Vec<u8>) {
    let mut at = 0;
    while at < text.len() {
        let plain = memchr::memchr(ESCAPE, &text[at..]).unwrap_or(text.len() - at);
        clean.extend_from_slice(&text[at..at + plain]);
        at += plain + 1;
        if text.get(at) == Some(&b'[') {
            let rest = &text[at + 1..];
            // Parameters and intermediates, then one final byte.
            let end = rest.iter().position(|b| !(0x20..0x40).contains(b));
            at += 1 + end.map_or(rest.len(), |end| end + 1);
        }
    }
}
