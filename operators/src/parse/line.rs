//! One line: which format it has, and what it says. A pure function of the line and the configured
//! format; neighbours never matter.

use super::escape::first_line;
use super::format::Format;
use super::found::{Found, Place, set_first};
use super::pattern::Matcher;
use super::slots::{Reading, Wrapped};
use super::{header, json, logfmt, syslog, timestamp};

const BOM: &[u8] = b"\xEF\xBB\xBF";
const ESCAPE: u8 = 0x1B;

/// The bytes that are not in the chunk, and a buffer for texts that are read from them.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Goes out with the batch.
    pub bytes: Vec<u8>,
    /// The pattern of the formats that need one; without it they fit nothing.
    pub matcher: Option<Matcher>,
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
    let mut found = Found::default();
    if memchr::memchr(ESCAPE, text).is_none() {
        return read_clean(format, text, place, scratch, &mut found).then_some(found);
    }
    // Colour codes would stand between and inside the fields: read a copy without them.
    let mut clean = std::mem::take(&mut scratch.spare);
    clean.clear();
    strip_escapes(text, &mut clean);
    let place = Place { scratch: true, base: scratch.bytes.len() };
    scratch.bytes.extend_from_slice(&clean);
    let fits = read_clean(format, &clean, place, scratch, &mut found);
    scratch.spare = clean;
    fits.then_some(found)
}

fn read_clean(
    format: Format,
    text: &[u8],
    place: Place,
    scratch: &mut Scratch,
    found: &mut Found,
) -> bool {
    match format {
        Format::Auto => read_auto(text, place, scratch, true, found),
        Format::Plain => plain(text, place, found),
        Format::Json => return json_line(text, place, scratch, true, found),
        Format::Logfmt => return logfmt_line(text, place, scratch, true, true, found),
        Format::Syslog => return syslog::find(text, place, found),
        Format::Header => return header::find(text, place, found),
        Format::Regex | Format::Grok => {
            return scratch.matcher.as_mut().is_some_and(|m| m.find(text, place, found));
        }
    }
    true
}

/// Decides by the first bytes; whatever fits nothing is plain. `unwrap`: an envelope may be opened.
fn read_auto(text: &[u8], place: Place, scratch: &mut Scratch, unwrap: bool, found: &mut Found) {
    let first = text.first().copied().unwrap_or(b' ');
    let fits = match first {
        b'0'..=b'9' => digits_line(text, place, scratch, unwrap, found),
        b'{' => json_line(text, place, scratch, unwrap, found),
        b'<' => syslog::find(text, place, found),
        b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'@' => {
            logfmt_line(text, place, scratch, unwrap, false, found)
                || header::find(text, place, found)
        }
        _ => false,
    };
    let tried = first.is_ascii_alphanumeric() || matches!(first, b'_' | b'@');
    if !(fits || !tried && header::find(text, place, found)) {
        return plain(text, place, found);
    }
    if unwrap && found.rest > 0 && text.get(found.rest) == Some(&b'{') {
        around_json(text, place, scratch, found);
    }
}

/// A header around a JSON object: both are read.
fn around_json(text: &[u8], place: Place, scratch: &mut Scratch, found: &mut Found) {
    let rest = found.rest;
    let mut inner = Found::default();
    if json_line(&text[rest..], place.within(rest), scratch, false, &mut inner) {
        *found = found.refined_by(inner);
    }
}

fn plain(text: &[u8], place: Place, found: &mut Found) {
    found.message = place.trimmed(text, 0, text.len());
}

/// A line that begins with a digit: its time is read once, whatever follows it.
fn digits_line(
    text: &[u8],
    place: Place,
    scratch: &mut Scratch,
    unwrap: bool,
    found: &mut Found,
) -> bool {
    let stamp = timestamp::at(text, 0);
    if unwrap
        && let Some(stamp) = &stamp
        && let Some(start) = header::container_line(stamp, text, place, found)
    {
        // A container runtime's `time stdout F line`: the line is read on its own, once.
        let mut inner = Found::default();
        read_auto(&text[start..], place.within(start), scratch, false, &mut inner);
        *found = found.refined_by(inner);
        return true;
    }
    header::find_behind(stamp, text, place, found)
}

fn logfmt_line(
    text: &[u8],
    place: Place,
    scratch: &mut Scratch,
    unwrap: bool,
    explicit: bool,
    found: &mut Found,
) -> bool {
    let reading = logfmt::find(text, place, &mut scratch.bytes, explicit, found);
    opened(reading, text, place, scratch, unwrap, found)
}

fn json_line(
    text: &[u8],
    place: Place,
    scratch: &mut Scratch,
    unwrap: bool,
    found: &mut Found,
) -> bool {
    let reading = json::find(text, place, &mut scratch.bytes, found);
    opened(reading, text, place, scratch, unwrap, found)
}

/// Reads what a record wraps, once; returns whether it is a record at all.
fn opened(
    reading: Reading,
    text: &[u8],
    place: Place,
    scratch: &mut Scratch,
    unwrap: bool,
    found: &mut Found,
) -> bool {
    let wrapped = match reading {
        Reading::Other => return false,
        Reading::Record => return true,
        Reading::Around(wrapped) => wrapped,
    };
    // The wrapped text may stand in the scratch bytes, which reading it may grow.
    let mut copy = std::mem::take(&mut scratch.spare);
    let (inner, place) = match wrapped {
        Wrapped::Line(start, end) => (&text[start..end], place.within(start)),
        Wrapped::Scratch(start, end) => {
            copy.clear();
            copy.extend_from_slice(&scratch.bytes[start..end]);
            (copy.as_slice(), Place { scratch: true, base: start })
        }
    };
    let (first, rest) = first_line(inner);
    let mut line = Found::default();
    let (text, at) = (&inner[first.clone()], place.within(first.start));
    match unwrap {
        true => read_auto(text, at, scratch, false, &mut line),
        false => plain(text, at, &mut line),
    }
    found.body = place.span(first.start, rest.end);
    *found = found.refined_by(line);
    set_first(&mut found.details.stack, place.span(rest.start, rest.end));
    scratch.spare = copy;
    true
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
