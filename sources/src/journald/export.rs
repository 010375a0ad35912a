//! The journal's export format: entries of fields, as text or, with a length before them, as bytes.
//!
//! ```text
//! MESSAGE=one line\n                         NAME=value
//! MESSAGE\n<8 bytes, little-endian>…bytes…\n NAME, its length, its value
//! \n                                         the end of an entry
//! ```
//! *Promises:* bytes may arrive in pieces of any size. Whatever they are, nothing fails: what cannot be
//! a field is skipped up to its line end, and counted with the entry as cut.
//!
//! *State and limits:* one entry, of whose fields [`FIELDS_MAX`] and, in all, the limit of a line are
//! kept; of a line that is not finished one byte more than that.

use crate::escaped::fitting;
use serde_json::Value;
use std::fmt::Write;

/// Fields that are kept of an entry.
pub const FIELDS_MAX: usize = 64;
/// Longest name of a field.
const NAME_BYTES_MAX: usize = 64;
/// Fields of the journal itself that say something about the record; others with `_` do not.
const TRUSTED: [&str; 8] = [
    "__REALTIME_TIMESTAMP",
    "_SYSTEMD_UNIT",
    "_SYSTEMD_USER_UNIT",
    "_HOSTNAME",
    "_PID",
    "_COMM",
    "_TRANSPORT",
    "_SOURCE_REALTIME_TIMESTAMP",
];
/// The field with the entry's place in the journal.
const CURSOR: &str = "__CURSOR";
/// The field with the text.
const MESSAGE: &str = "MESSAGE";

/// One entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// Its fields as a JSON line without line end; `None` if it has no message.
    pub line: Option<Vec<u8>>,
    /// Its place in the journal.
    pub cursor: Option<String>,
    /// Whether something of it was dropped.
    pub is_cut: bool,
}

/// Where the reader stands.
#[derive(Debug)]
enum At {
    /// In a line: what there is of it.
    Line(Vec<u8>),
    /// In the length of a field: its name, and what there is of the length.
    Length(String, Vec<u8>),
    /// In a value: its name, what is kept, and how many bytes are to come.
    Value(String, Vec<u8>, u64),
    /// Before the line end behind a value.
    End,
}

/// Reads entries from pieces of bytes.
#[derive(Debug)]
pub struct Reader {
    at: At,
    entry: Draft,
    bytes_max: usize,
}

impl Reader {
    /// Returns a reader that keeps at most `bytes_max` of an entry.
    pub fn new(bytes_max: usize) -> Self {
        Self { at: At::Line(Vec::new()), entry: Draft::default(), bytes_max }
    }

    /// Takes the next piece and gives out the entries that are whole now.
    pub fn push(&mut self, mut bytes: &[u8], mut give: impl FnMut(Entry)) {
        while !bytes.is_empty() {
            // A long text leaves room for what is short and counts more: time, severity, unit.
            let room = self.bytes_max.saturating_sub(self.entry.bytes).min(self.bytes_max / 4 * 3);
            bytes = match &mut self.at {
                At::Line(line) => {
                    let end = memchr::memchr(b'\n', bytes);
                    keep(line, &bytes[..end.unwrap_or(bytes.len())], room + NAME_BYTES_MAX + 2);
                    let Some(end) = end else { return };
                    let line = std::mem::take(line);
                    if line.is_empty() {
                        self.entry.finish(&mut give, self.bytes_max);
                    } else {
                        self.at = self.entry.line(line, room);
                    }
                    &bytes[end + 1..]
                }
                At::Length(name, length) => {
                    let take = bytes.len().min(8 - length.len());
                    length.extend_from_slice(&bytes[..take]);
                    if let Some(length) = length.first_chunk() {
                        let value = Vec::new();
                        let to_come = u64::from_le_bytes(*length);
                        self.at = At::Value(std::mem::take(name), value, to_come);
                    }
                    &bytes[take..]
                }
                At::Value(name, value, to_come) => {
                    let take = usize::try_from(*to_come).unwrap_or(usize::MAX).min(bytes.len());
                    keep(value, &bytes[..take], room + 1);
                    *to_come -= take as u64;
                    if *to_come == 0 {
                        self.entry.field(name, value, room);
                        self.at = At::End;
                    }
                    &bytes[take..]
                }
                At::End => {
                    self.at = At::Line(Vec::new());
                    // Anything but a line end would be the begin of the next line.
                    if bytes[0] == b'\n' { &bytes[1..] } else { bytes }
                }
            };
        }
    }

    /// Returns the entry that the end of input leaves, if it has begun.
    pub fn finish(mut self) -> Option<Entry> {
        let mut last = None;
        match &self.at {
            At::Line(line) if line.is_empty() => {}
            At::End => {}
            _ => self.entry.is_cut = true,
        }
        self.entry.finish(&mut |entry| last = Some(entry), self.bytes_max);
        last
    }
}

/// Appends what there is room for: a byte more than fits tells that something was cut.
fn keep(kept: &mut Vec<u8>, bytes: &[u8], room: usize) {
    let room = room.saturating_sub(kept.len());
    kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

/// An entry that is being read.
#[derive(Debug, Default)]
struct Draft {
    fields: Vec<(String, String)>,
    cursor: Option<String>,
    bytes: usize,
    is_cut: bool,
}

impl Draft {
    /// Takes a line; returns what comes next.
    fn line(&mut self, line: Vec<u8>, room: usize) -> At {
        match memchr::memchr(b'=', &line) {
            Some(equals) => self.text_field(&line[..equals], &line[equals + 1..], room),
            None => match name_of(&line) {
                Some(name) => return At::Length(name, Vec::with_capacity(8)),
                None => self.is_cut = true,
            },
        }
        At::Line(Vec::new())
    }

    fn text_field(&mut self, name: &[u8], value: &[u8], room: usize) {
        match name_of(name) {
            Some(name) => self.field(&name, value, room),
            None => self.is_cut = true,
        }
    }

    fn field(&mut self, name: &str, value: &[u8], room: usize) {
        if name == CURSOR {
            self.cursor = Some(String::from_utf8_lossy(value).into_owned());
            return;
        }
        if name.starts_with('_') && !TRUSTED.contains(&name) {
            return;
        }
        if self.fields.len() >= FIELDS_MAX || self.fields.iter().any(|(known, _)| known == name) {
            self.is_cut |= self.fields.len() >= FIELDS_MAX;
            return;
        }
        let end = crate::lines::cut_point(value, room);
        self.is_cut |= end < value.len();
        let value = String::from_utf8_lossy(&value[..end]).into_owned();
        self.bytes += name.len() + value.len();
        self.fields.push((name.to_owned(), value));
    }

    fn finish(&mut self, give: &mut impl FnMut(Entry), bytes_max: usize) {
        let draft = std::mem::take(self);
        if draft.fields.is_empty() && draft.cursor.is_none() && !draft.is_cut {
            return;
        }
        let has_message = draft.fields.iter().any(|(name, _)| name == MESSAGE);
        let mut is_cut = draft.is_cut;
        let line = has_message.then(|| written(&draft.fields, bytes_max, &mut is_cut));
        give(Entry { line, cursor: draft.cursor, is_cut });
    }
}

fn name_of(name: &[u8]) -> Option<String> {
    let legal = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_';
    let fits = !name.is_empty() && name.len() <= NAME_BYTES_MAX && name.iter().all(legal);
    fits.then(|| String::from_utf8_lossy(name).into_owned())
}

/// Writes the fields as a JSON object of at most `bytes_max`: the message first, then what fits.
fn written(fields: &[(String, String)], bytes_max: usize, is_cut: &mut bool) -> Vec<u8> {
    let mut line = String::from("{");
    let message = fields.iter().filter(|(name, _)| name == MESSAGE);
    // Time, severity and unit are short and count most; a long text gives way to them.
    let reserved = bytes_max / 4;
    for (name, value) in message.chain(fields.iter().filter(|(name, _)| name != MESSAGE)) {
        let room = if name == MESSAGE { bytes_max - reserved } else { bytes_max };
        let fitting = fitting(value, room.saturating_sub(line.len() + name.len() + 8));
        *is_cut |= fitting.len() < value.len();
        let value = fitting;
        if value.is_empty() {
            continue;
        }
        let comma = if line.len() > 1 { "," } else { "" };
        // Writing to a string cannot fail.
        let _written = write!(line, "{comma}\"{name}\":{}", Value::from(value));
    }
    line.push('}');
    line.into_bytes()
}

#[cfg(test)]
mod tests;
