//! Position: what has been read, as the Offset of the `elasticsearch` source. Pure.
//!
//! ```text
//!  ── settled ──┬────────── seen ───────────┬─ after ─┬── unread ──►   times of documents
//!   never read  │ read again; documents     │ highest │
//!   again       │ not in `seen` are late    │ key read│
//! ```
//! The Offset is the JSON object `{time, after, at, seen}`: `time` is the settled instant in
//! milliseconds; `after` the highest key read, `[time, value of id_field]`; `at` the documents that
//! carry exactly this key; `seen` the documents read behind `time`, each as its time and 8 bytes of
//! the hash of its index and id. `at` and `seen` are base64.
//!
//! *Limits:* [`SEEN_MAX`] documents in `seen`; beyond it the window shrinks from its old end, which is
//! reported. [`AT_MAX`] documents with one key; beyond it nothing orders them, and the source fails.

use crate::poll::{from_base64, json_text, to_base64};
use engine::model::Offset;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most documents that are remembered by their ids.
pub const SEEN_MAX: usize = 50_000;
/// How many are kept when the window shrinks, so that it does not shrink with every document.
const SEEN_KEPT: usize = SEEN_MAX / 4 * 3;
/// Most documents that may carry the same time and value of `id_field`.
pub const AT_MAX: usize = 10_000;

/// The value of `id_field` in a document, in the order in which clusters sort it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Tie {
    /// A whole number.
    Number(i64),
    /// A keyword; compared by its bytes.
    Text(String),
    /// The document has no such field; such documents come last.
    Missing,
}

/// Where a document stands: its time in milliseconds, then its tie-breaker.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key(pub i64, pub Tie);

/// The hash of a document's index and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocumentHash(pub u64);

impl DocumentHash {
    /// Returns the hash of a document.
    pub fn of(index: &str, id: &str) -> Self {
        let mut hasher = xxhash_rust::xxh3::Xxh3::new();
        hasher.update(index.as_bytes());
        hasher.update(b"\0");
        hasher.update(id.as_bytes());
        Self(hasher.digest())
    }
}

/// What a document is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It was not read before.
    New,
    /// It was, or it is settled.
    Known,
    /// More than [`AT_MAX`] documents carry its key.
    Unordered,
}

/// What has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    settled: i64,
    after: Option<Key>,
    at: Vec<DocumentHash>,
    seen: BTreeSet<(i64, DocumentHash)>,
    shrunk: bool,
}

#[derive(Serialize, Deserialize)]
struct Written {
    time: i64,
    after: Option<Key>,
    at: String,
    seen: String,
}

impl Position {
    /// Returns the position of a source that has read nothing and takes what is later than `settled`.
    pub fn behind(settled: i64) -> Self {
        Self { settled, after: None, at: Vec::new(), seen: BTreeSet::new(), shrunk: false }
    }

    /// Returns the instant up to which nothing is read again.
    pub fn settled(&self) -> i64 {
        self.settled
    }

    /// Returns the highest key read.
    pub fn after(&self) -> Option<&Key> {
        self.after.as_ref()
    }

    /// Returns whether the window shrank since it was asked last.
    pub fn take_shrunk(&mut self) -> bool {
        std::mem::take(&mut self.shrunk)
    }

    /// Decides whether a document is to be delivered, and remembers it.
    pub fn admit(&mut self, key: &Key, document: DocumentHash) -> Admission {
        if self.seen.contains(&(key.0, document)) {
            return Admission::Known;
        }
        match self.after.as_ref().map(|after| key.cmp(after)) {
            Some(std::cmp::Ordering::Less) if key.0 <= self.settled => return Admission::Known,
            Some(std::cmp::Ordering::Less) => {}
            Some(std::cmp::Ordering::Equal) => {
                if self.at.contains(&document) {
                    return Admission::Known;
                }
                if self.at.len() == AT_MAX {
                    return Admission::Unordered;
                }
                self.at.push(document);
            }
            Some(std::cmp::Ordering::Greater) | None => {
                self.after = Some(key.clone());
                self.at = vec![document];
            }
        }
        if key.0 > self.settled {
            self.seen.insert((key.0, document));
            self.shrink();
        }
        Admission::New
    }

    /// Settles what is not later than `instant`.
    pub fn settle(&mut self, instant: i64) {
        if instant > self.settled {
            self.settled = instant;
            let first_kept = (instant.saturating_add(1), DocumentHash(0));
            self.seen = self.seen.split_off(&first_kept);
        }
    }

    fn shrink(&mut self) {
        if self.seen.len() > SEEN_MAX {
            let oldest = self.seen.iter().nth(SEEN_MAX - SEEN_KEPT).map(|(time, _)| *time);
            self.settle(oldest.unwrap_or(self.settled));
            self.shrunk = true;
        }
    }

    /// Returns the position as the engine keeps it.
    pub fn to_offset(&self) -> Offset {
        let at: Vec<u8> = self.at.iter().flat_map(|document| document.0.to_le_bytes()).collect();
        let mut seen = Vec::with_capacity(self.seen.len() * 10);
        let mut previous = self.settled;
        for (time, document) in &self.seen {
            write_varint(&mut seen, time.wrapping_sub(previous) as u64);
            seen.extend_from_slice(&document.0.to_le_bytes());
            previous = *time;
        }
        let (at, seen) = (to_base64(&at), to_base64(&seen));
        let written = Written { time: self.settled, after: self.after.clone(), at, seen };
        Offset(json_text(&written))
    }

    /// Returns the position that the engine kept; nothing if it cannot be understood.
    pub fn parse(offset: &Offset) -> Option<Self> {
        let written: Written = serde_json::from_str(&offset.0).ok()?;
        let at = from_base64(&written.at)?;
        let bytes = from_base64(&written.seen)?;
        let mut rest = &bytes[..];
        let mut seen = BTreeSet::new();
        let mut time = written.time;
        while !rest.is_empty() {
            time = time.wrapping_add(read_varint(&mut rest)? as i64);
            seen.insert((time, read_hash(&mut rest)?));
        }
        let mut rest = &at[..];
        let at = (0..at.len() / 8).map(|_| read_hash(&mut rest)).collect::<Option<_>>()?;
        Some(Self { settled: written.time, after: written.after, at, seen, shrunk: false })
    }
}

fn write_varint(out: &mut Vec<u8>, mut number: u64) {
    while number > 0x7f {
        out.push(number as u8 & 0x7f | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

fn read_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

fn read_hash(bytes: &mut &[u8]) -> Option<DocumentHash> {
    let (hash, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(DocumentHash(u64::from_le_bytes(*hash)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(time: i64, tie: i64) -> Key {
        Key(time, Tie::Number(tie))
    }

    fn document(number: usize) -> DocumentHash {
        DocumentHash::of("logs", &number.to_string())
    }

    #[test]
    fn a_document_is_new_once_in_order_or_late() {
        let mut position = Position::behind(0);
        assert_eq!(position.admit(&key(5, 1), document(1)), Admission::New);
        assert_eq!(position.admit(&key(9, 1), document(2)), Admission::New);
        assert_eq!(position.admit(&key(7, 3), document(3)), Admission::New, "it is late");
        for (time, number) in [(5, 1), (9, 2), (7, 3)] {
            let again = position.admit(&key(time, 1), document(number));
            assert_eq!(again, Admission::Known);
        }
    }

    #[test]
    fn what_is_settled_is_not_read_again() {
        let mut position = Position::behind(0);
        position.admit(&key(5, 1), document(1));
        position.admit(&key(9, 1), document(2));
        position.settle(5);
        assert_eq!(position.admit(&key(5, 0), document(3)), Admission::Known);
        assert_eq!(position.admit(&key(6, 0), document(4)), Admission::New);
    }

    #[test]
    fn shards_may_give_two_documents_one_key() {
        let mut position = Position::behind(0);
        assert_eq!(position.admit(&key(5, 1), document(1)), Admission::New);
        assert_eq!(position.admit(&key(5, 1), document(2)), Admission::New);
        position.settle(5);
        assert_eq!(position.admit(&key(5, 1), document(2)), Admission::Known);
    }

    #[test]
    fn an_offset_reads_back_as_it_was_written() {
        let mut position = Position::behind(-5);
        for number in 0..500 {
            position.admit(&key(number as i64 * 777 % 90_000, 1), document(number));
        }
        assert_eq!(Position::parse(&position.to_offset()), Some(position.clone()));
        let text = Key(9_000_000, Tie::Text("é".into()));
        position.admit(&text, document(501));
        assert_eq!(Position::parse(&position.to_offset()), Some(position));
        assert_eq!(Position::parse(&Offset("{\"bytes\":7}".into())), None);
        let beginning = Position::behind(i64::MIN);
        assert_eq!(Position::parse(&beginning.to_offset()), Some(beginning));
    }

    #[test]
    fn limit_a_window_with_too_many_documents_shrinks_and_repeats_none() {
        let mut position = Position::behind(i64::MIN);
        let total = SEEN_MAX + 10;
        for number in 0..total {
            position.admit(&key(number as i64, 0), document(number));
        }
        assert!(position.seen.len() <= SEEN_MAX && position.take_shrunk());
        assert!(position.to_offset().0.len() < SEEN_MAX * 14);
        for number in 0..total {
            let again = position.admit(&key(number as i64, 0), document(number));
            assert_eq!(again, Admission::Known, "document {number}");
        }
    }

    #[test]
    fn limit_documents_of_one_instant_are_told_apart_by_their_tie() {
        let mut position = Position::behind(i64::MIN);
        for number in 0..SEEN_MAX + 10 {
            assert_eq!(position.admit(&key(7, number as i64), document(number)), Admission::New);
        }
        assert_eq!(position.settled(), 7);
        let last = position.after().cloned().unwrap();
        assert_eq!(position.admit(&last, document(SEEN_MAX + 9)), Admission::Known);
        assert_eq!(position.admit(&key(7, i64::MAX), document(0)), Admission::New);
    }

    #[test]
    fn limit_more_documents_with_one_key_than_are_told_apart_are_refused() {
        let mut position = Position::behind(0);
        let admitted = |position: &mut Position, n| position.admit(&key(5, 1), document(n));
        assert!((0..AT_MAX).all(|n| admitted(&mut position, n) == Admission::New));
        assert_eq!(admitted(&mut position, AT_MAX), Admission::Unordered);
    }
}
