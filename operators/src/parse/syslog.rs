//! Syslog as it travels: `<PRI>` and the header of RFC 5424 or RFC 3164. The priority gives the
//! severity; host, process and message come from the header.

use super::found::{Found, Layout, Place};
use super::header;
use super::severity;
use super::timestamp;

/// The largest priority: facility 23, severity 7.
const PRIORITY_MAX: u64 = 191;
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Enters what a line says that begins with `<PRI>`; returns whether it does.
pub(super) fn find(text: &[u8], place: Place, found: &mut Found) -> bool {
    let Some((priority, at)) = priority(text) else { return false };
    let newer = text.get(at..at + 2) == Some(b"1 ");
    if !(newer && rfc5424(text, at + 2, place, found).is_some()
        || !newer && rfc3164(text, at, place, found))
    {
        *found = Found { layout: Layout::Syslog3164, rest: at, ..Found::default() };
        found.message = place.trimmed(text, at, text.len());
    }
    found.severity = Some(severity::of_syslog(priority));
    true
}

fn priority(text: &[u8]) -> Option<(u64, usize)> {
    if text.first() != Some(&b'<') {
        return None;
    }
    let close = text.iter().take(5).position(|b| *b == b'>')?;
    let digits = &text[1..close];
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
    (value <= PRIORITY_MAX).then_some((value, close + 1))
}

/// `TIMESTAMP HOSTNAME APP-NAME PROCID MSGID STRUCTURED-DATA [MSG]`, `-` for what is absent.
fn rfc5424(text: &[u8], at: usize, place: Place, found: &mut Found) -> Option<()> {
    let mut fields = [(0usize, 0usize); 5];
    let mut at = at;
    for field in &mut fields {
        let length = memchr::memchr(b' ', text.get(at..)?)?;
        *field = (at, at + length);
        at += length + 1;
    }
    let [time, host, app, process, _message_id] = fields;
    if &text[time.0..time.1] != b"-" {
        found.time = Some(timestamp::at(text, time.0).filter(|s| s.end == time.1)?.written);
    }
    let present = |(start, end): (usize, usize)| match &text[start..end] {
        b"-" => engine::model::Span::NONE,
        _ => place.span(start, end),
    };
    found.host = present(host);
    found.process = present(app);
    if found.process.is_empty() {
        found.process = present(process);
    }
    let after = structured_data_end(text, at)?;
    let rest = &text[after..];
    let start = text.len() - rest.strip_prefix(BOM).unwrap_or(rest).len();
    found.message = place.trimmed(text, start, text.len());
    found.rest = start;
    found.layout = Layout::Syslog5424;
    Some(())
}

/// Skips `-` or `[id name="value" …]…`; quoted values may hold escaped quotes and brackets.
fn structured_data_end(text: &[u8], at: usize) -> Option<usize> {
    if text.get(at) == Some(&b'-') {
        return Some(text.len().min(at + 2));
    }
    let mut at = at;
    while text.get(at) == Some(&b'[') {
        let mut quoted = false;
        loop {
            match text.get(at)? {
                b'\\' if quoted => at += 1,
                b'"' => quoted = !quoted,
                b']' if !quoted => break,
                _ => {}
            }
            at += 1;
        }
        at += 1;
    }
    Some(if text.get(at) == Some(&b' ') { at + 1 } else { at })
}

/// `Mmm dd hh:mm:ss HOST TAG: MSG`, of which any part may be missing; returns whether the time is
/// there.
fn rfc3164(text: &[u8], at: usize, place: Place, found: &mut Found) -> bool {
    let start = at + usize::from(text.get(at) == Some(&b' '));
    let timed = header::find(&text[start..], place.within(start), found) && found.time.is_some();
    found.layout = Layout::Syslog3164;
    found.rest += start;
    timed
}
