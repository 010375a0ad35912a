//! JSON lines without a document tree: one pass over the object that remembers where the fields we
//! look for stand. Strings are copied to the scratch bytes only if they hold an escape.
//!
//! *Limits:* [`DEPTH_MAX`] levels of nesting; deeper text is not JSON to us. Numbers and literals are
//! checked loosely, structure and strings strictly.

use super::fields;
use super::found::{Found, Layout, Place};
use super::slots::{Reading, Slot, Slots};
use engine::model::Severity;
use memchr::memchr2;

/// The deepest nesting that is read.
pub(super) const DEPTH_MAX: usize = 64;
/// The longest dotted path of a nested key that is looked at.
const PATH_BYTES_MAX: usize = 64;

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    slots: Slots,
    /// Whether fields of the compact event format (`@t`) were seen.
    compact: bool,
    path: [u8; PATH_BYTES_MAX],
}

/// Enters what a JSON object says.
pub(super) fn find(text: &[u8], place: Place, scratch: &mut Vec<u8>, found: &mut Found) -> Reading {
    let mut scanner =
        Scanner { text, at: 0, slots: Slots::default(), compact: false, path: [0; PATH_BYTES_MAX] };
    if scanner.whole().is_none() {
        return Reading::Other;
    }
    found.layout = Layout::Json;
    scanner.slots.enter(text, place, scratch, found);
    if scanner.compact && found.severity.is_none() {
        // The compact event format leaves the level out where it is information.
        found.severity = Some(Severity::Info);
    }
    scanner.slots.enter_message(text, place, scratch, found)
}

impl Scanner<'_> {
    fn whole(&mut self) -> Option<()> {
        self.blanks();
        self.object(0, 1)?;
        self.blanks();
        (self.at == self.text.len()).then_some(())
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
        if let Some(slot) = self.value(rank, depth)? {
            self.slots.offer(role, slot);
        }
        Some(())
    }

    /// Reads a value; lists, objects and null say nothing.
    fn value(&mut self, rank: u8, depth: usize) -> Option<Option<Slot>> {
        if self.peek() == Some(b'"') {
            let (start, end, escaped) = self.string()?;
            return Some(Some(Slot::new(rank, start, end, escaped)));
        }
        let scalar = !matches!(self.peek(), Some(b'{' | b'['));
        let start = self.at;
        self.skip(depth)?;
        let says = scalar && &self.text[start..self.at] != b"null";
        Some(says.then(|| Slot::new(rank, start, self.at, false)))
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
