//! JSON lines without a document tree: one pass over the object that remembers where the fields we
//! look for stand. Strings are copied to the scratch bytes only if they hold an escape.
//!
//! *Limits:* [`DEPTH_MAX`] levels of nesting; deeper text is not JSON to us. Numbers and literals are
//! checked loosely, structure and strings strictly.

use super::fields::{self, Role, Value};
use super::found::{Found, Layout, Place, set_first};
use engine::model::{Severity, Span};
use memchr::memchr2;
use std::ops::Range;

/// The deepest nesting that is read.
pub(super) const DEPTH_MAX: usize = 64;
/// The longest dotted path of a nested key that is looked at.
const PATH_BYTES_MAX: usize = 64;

/// What a JSON line says: its fields, and the text that a container runtime wrapped, if it is one.
pub(super) struct Line {
    /// What it says itself.
    pub found: Found,
    /// The wrapped text; to be parsed on its own.
    pub envelope: Option<Envelope>,
}

/// Where a wrapped text stands.
#[derive(Clone, Copy)]
pub(super) enum Envelope {
    /// `[start, end)` of the line.
    Line(usize, usize),
    /// `[start, end)` of the scratch bytes.
    Scratch(usize, usize),
}

/// Where a field's value stands in the text.
#[derive(Clone, Copy)]
struct Slot {
    rank: u8,
    start: usize,
    end: usize,
    escaped: bool,
    /// Whether it is a string, a number or a literal, and not an object or a list.
    scalar: bool,
}

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    slots: [Slot; fields::ROLES],
    /// Whether fields of the compact event format (`@t`) were seen.
    compact: bool,
    path: [u8; PATH_BYTES_MAX],
}

/// Returns what a JSON object says, or `None` if `text` is not one.
pub(super) fn find(text: &[u8], place: Place, scratch: &mut Vec<u8>) -> Option<Line> {
    let empty = Slot { rank: u8::MAX, start: 0, end: 0, escaped: false, scalar: false };
    let slots = [empty; fields::ROLES];
    let mut scanner = Scanner { text, at: 0, slots, compact: false, path: [0; PATH_BYTES_MAX] };
    scanner.blanks();
    scanner.object(0, 1)?;
    scanner.blanks();
    if scanner.at != text.len() {
        return None;
    }
    Some(scanner.line(place, scratch))
}

impl Scanner<'_> {
    fn line(&self, place: Place, scratch: &mut Vec<u8>) -> Line {
        let mut found = Found { layout: Layout::Json, ..Found::default() };
        for (role, slot) in ALL_ROLES.iter().zip(&self.slots) {
            if slot.rank == u8::MAX || matches!(role, Role::Message | Role::Envelope) {
                continue;
            }
            let text = &self.text[slot.start..slot.end];
            let span = self.span(slot, place, scratch);
            fields::enter(&mut found, *role, Value { text, span });
        }
        if self.compact && found.severity.is_none() {
            // The compact event format leaves the level out where it is information.
            found.severity = Some(Severity::Info);
        }
        let envelope = self.message(&mut found, place, scratch);
        Line { found, envelope }
    }

    /// Enters the message: the field of that name, else what a container runtime wrapped, which is
    /// returned, else what went wrong, else the whole object.
    fn message(&self, found: &mut Found, place: Place, scratch: &mut Vec<u8>) -> Option<Envelope> {
        let [message, envelope] = [Role::Message, Role::Envelope].map(|r| self.slots[r as usize]);
        if message.rank != u8::MAX && message.end > message.start {
            // A message that is an object itself is read like a wrapped line.
            if self.text[message.start] == b'{' {
                return Some(self.unwrapped(&message, scratch));
            }
            self.lines(&message, found, place, scratch);
            return None;
        }
        if envelope.rank != u8::MAX {
            found.layout = Layout::Container;
            return Some(self.unwrapped(&envelope, scratch));
        }
        let [exception, stack] = [Role::Exception, Role::Stack].map(|r| self.slots[r as usize]);
        if !found.details.exception_message.is_empty() {
            found.message = found.details.exception_message;
        } else if exception.end > exception.start {
            self.lines(&exception, found, place, scratch);
        } else if stack.end > stack.start {
            self.lines(&stack, found, place, scratch);
        } else {
            found.message = place.trimmed(self.text, 0, self.text.len());
        }
        None
    }

    /// Enters the first line of a field as the message, and what follows it as the trace, if the
    /// object names no other.
    fn lines(&self, slot: &Slot, found: &mut Found, place: Place, scratch: &mut Vec<u8>) {
        if !slot.escaped {
            found.message = place.trimmed(self.text, slot.start, slot.end);
            return;
        }
        let begin = scratch.len();
        unescape(&self.text[slot.start..slot.end], scratch);
        let place = Place { scratch: true, base: begin };
        let text = &scratch[begin..];
        let (first, rest) = first_line(text);
        found.message = place.trimmed(text, first.start, first.end);
        set_first(&mut found.details.stack, place.span(rest.start, rest.end));
    }

    fn span(&self, slot: &Slot, place: Place, scratch: &mut Vec<u8>) -> Span {
        if slot.escaped {
            unescape(&self.text[slot.start..slot.end], scratch)
        } else {
            place.trimmed(self.text, slot.start, slot.end)
        }
    }

    /// A wrapped line usually has one escape, the `\n` at its end; then it need not be copied.
    fn unwrapped(&self, slot: &Slot, scratch: &mut Vec<u8>) -> Envelope {
        let raw = &self.text[slot.start..slot.end];
        let inner = raw.strip_suffix(b"\\n").unwrap_or(raw);
        if memchr::memchr(b'\\', inner).is_none() {
            return Envelope::Line(slot.start, slot.start + inner.len());
        }
        let begin = scratch.len();
        unescape(raw, scratch);
        Envelope::Scratch(begin, scratch.len())
    }

    /// Reads the object at the cursor, whose keys begin with the first `prefix` bytes of the path.
    fn object(&mut self, prefix: usize, depth: usize) -> Option<()> {
        self.expect(b'{')?;
        self.blanks();
        if self.accept(b'}') {
            return Some(());
        }
        loop {
            self.blanks();
            let (start, end, _) = self.string()?;
            self.blanks();
            self.expect(b':')?;
            self.blanks();
            self.field(prefix, start, end, depth)?;
            self.blanks();
            if self.accept(b'}') {
                return Some(());
            }
            self.expect(b',')?;
        }
    }

    /// Reads the value of the key `[start, end)`.
    fn field(&mut self, prefix: usize, start: usize, end: usize, depth: usize) -> Option<()> {
        let key = &self.text[start..end];
        let length = prefix + key.len();
        let nested = prefix > 0;
        if nested {
            let Some(tail) = self.path.get_mut(prefix..length) else { return self.skip(depth) };
            tail.copy_from_slice(key);
        }
        let path = if nested { &self.path[..length] } else { key };
        let (role, parent) = (fields::role(path), fields::is_parent(path));
        let compact = path == b"@t";
        if self.peek() == Some(b'{') && parent && depth < DEPTH_MAX && length + 1 < PATH_BYTES_MAX {
            if !nested {
                self.path[..length].copy_from_slice(&self.text[start..end]);
            }
            self.path[length] = b'.';
            return self.object(length + 1, depth + 1);
        }
        let Some((role, rank)) = role else { return self.skip(depth) };
        self.compact |= compact;
        let slot = self.value(rank, depth)?;
        let held = &mut self.slots[role as usize];
        // The first field of the best rank counts; null says nothing.
        if rank < held.rank && slot.scalar && &self.text[slot.start..slot.end] != b"null" {
            *held = slot;
        }
        Some(())
    }

    fn value(&mut self, rank: u8, depth: usize) -> Option<Slot> {
        if self.peek() == Some(b'"') {
            let (start, end, escaped) = self.string()?;
            return Some(Slot { rank, start, end, escaped, scalar: true });
        }
        let scalar = !matches!(self.peek(), Some(b'{' | b'['));
        let start = self.at;
        self.skip(depth)?;
        Some(Slot { rank, start, end: self.at, escaped: false, scalar })
    }

    /// Skips any value without recursion: a bit per level says whether it is an object.
    fn skip(&mut self, depth: usize) -> Option<()> {
        let mut levels = 0usize;
        let mut objects = 0u64;
        loop {
            self.blanks();
            match self.peek()? {
                open @ (b'{' | b'[') => {
                    if depth + levels >= DEPTH_MAX {
                        return None;
                    }
                    self.at += 1;
                    levels += 1;
                    objects = objects << 1 | u64::from(open == b'{');
                    self.blanks();
                    if self.peek() != Some(close_of(objects)) {
                        if open == b'{' {
                            self.key()?;
                        }
                        continue;
                    }
                }
                b'"' => drop(self.string()?),
                _ => self.literal()?,
            }
            // A value has ended, or an empty object or list is about to: close what closes.
            loop {
                if levels == 0 {
                    return Some(());
                }
                self.blanks();
                let object = objects & 1 == 1;
                if self.accept(close_of(objects)) {
                    levels -= 1;
                    objects >>= 1;
                    continue;
                }
                self.expect(b',')?;
                if object {
                    self.key()?;
                }
                break;
            }
        }
    }

    fn key(&mut self) -> Option<()> {
        self.blanks();
        self.string()?;
        self.blanks();
        self.expect(b':')
    }

    /// Reads the string at the cursor: its inner piece, and whether it holds escapes.
    fn string(&mut self) -> Option<(usize, usize, bool)> {
        self.expect(b'"')?;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += memchr2(b'"', b'\\', self.text.get(self.at..)?)?;
            if self.text[self.at] == b'"' {
                self.at += 1;
                return Some((start, self.at - 1, escaped));
            }
            escaped = true;
            self.at += 2;
        }
    }

    fn literal(&mut self) -> Option<()> {
        let rest = self.text.get(self.at..)?;
        let length = rest
            .iter()
            .take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
            .count();
        let text = &rest[..length];
        let number = matches!(text.first()?, b'-' | b'0'..=b'9');
        let named = matches!(text, b"true" | b"false" | b"null" | b"NaN" | b"Infinity");
        self.at += length;
        (number || named).then_some(())
    }

    fn blanks(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn accept(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.accept(byte).then_some(())
    }
}

const fn close_of(objects: u64) -> u8 {
    if objects & 1 == 1 { b'}' } else { b']' }
}

/// The roles in the order of their slots.
const ALL_ROLES: [Role; fields::ROLES] = [
    Role::Message,
    Role::Envelope,
    Role::Exception,
    Role::ExceptionType,
    Role::Stack,
    Role::Fingerprint,
    Role::Stream,
    Role::Time,
    Role::Level,
    Role::PythonLevel,
    Role::OtelLevel,
    Role::SyslogLevel,
    Role::Service,
    Role::Host,
    Role::Process,
    Role::Thread,
    Role::Logger,
];

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
