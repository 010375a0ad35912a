//! Anchors: the hash of the bytes just before a position, by which content is known again.
//!
//! One check answers rename, copy, truncate and regrow, inode reuse and equal banners: if the bytes
//! before a position are the ones that were read, everything before the position was read.
//!
//! *State and limits:* a [`Trail`] keeps the anchor of the present position and a few older ones at
//! growing distances, [`Trail::ANCHORS_MAX`] in all. The older ones recognise a copy that was taken
//! shortly before the last bytes were read (copytruncate while a program writes).

use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use xxhash_rust::xxh3::xxh3_64;

/// Longest piece of content that an anchor covers, in bytes.
pub const ANCHOR_BYTES: usize = 1024;

/// The content before a position, as a hash. Serialised as `[position, length, hash]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(u64, u32, u64)", into = "(u64, u32, u64)")]
pub struct Anchor {
    /// The position in the file, in bytes.
    pub position: u64,
    /// How many bytes before it are hashed.
    pub length: u32,
    /// Their xxh3.
    pub hash: u64,
}

impl From<(u64, u32, u64)> for Anchor {
    fn from((position, length, hash): (u64, u32, u64)) -> Self {
        Self { position, length, hash }
    }
}

impl From<Anchor> for (u64, u32, u64) {
    fn from(anchor: Anchor) -> Self {
        (anchor.position, anchor.length, anchor.hash)
    }
}

impl Anchor {
    /// Returns the anchor of `position`, before which `tail` stands.
    pub fn of(position: u64, tail: &[u8]) -> Self {
        Self { position, length: tail.len() as u32, hash: xxh3_64(tail) }
    }

    /// Returns whether the anchor covers as much as an anchor can.
    pub fn is_full(&self) -> bool {
        self.length as usize == ANCHOR_BYTES
    }

    /// Returns the bytes that the anchor covers if `file` has them where it should.
    pub fn find_in(&self, file: &File) -> io::Result<Option<Vec<u8>>> {
        let length = (self.length as usize).min(ANCHOR_BYTES);
        let Some(start) = self.position.checked_sub(length as u64) else { return Ok(None) };
        let mut bytes = vec![0; length];
        let found = read_full_at(file, &mut bytes, start)?;
        Ok((found == length && xxh3_64(&bytes) == self.hash).then_some(bytes))
    }
}

/// The anchors of a content stream, oldest first; the last one is that of the present position.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail(Vec<Anchor>);

impl Trail {
    /// How many anchors are kept.
    pub const ANCHORS_MAX: usize = 8;

    /// Returns the newest anchor; none before anything was read.
    pub fn newest(&self) -> Option<Anchor> {
        self.0.last().copied()
    }

    /// Returns the newest anchor at or before `position`.
    pub fn newest_until(&self, position: u64) -> Option<Anchor> {
        self.0.iter().rev().find(|anchor| anchor.position <= position).copied()
    }

    /// Adds an anchor. Over the bound, the one goes that leaves the smallest gap for its distance.
    pub fn push(&mut self, anchor: Anchor) {
        while self.0.last().is_some_and(|last| last.position >= anchor.position) {
            self.0.pop();
        }
        self.0.push(anchor);
        self.thin();
    }

    /// Adds an anchor before the newest one; returns whether it was not known.
    pub fn insert(&mut self, anchor: Anchor) -> bool {
        let at = self.0.partition_point(|known| known.position < anchor.position);
        if at == self.0.len() || self.0[at].position == anchor.position {
            return false;
        }
        self.0.insert(at, anchor);
        self.thin();
        true
    }

    fn thin(&mut self) {
        if self.0.len() <= Self::ANCHORS_MAX {
            return;
        }
        let newest = self.0.last().map_or(0, |newest| newest.position);
        let gap = |at: &usize| {
            let (before, after) = (self.0[at - 1].position, self.0[at + 1].position);
            let distance = newest.saturating_sub(before).max(1);
            after.saturating_sub(before).saturating_mul(1 << 16) / distance
        };
        if let Some(at) = (1..self.0.len() - 1).min_by_key(gap) {
            self.0.remove(at);
        }
    }
}

/// Reads at `position` until `buffer` is full or the file ends, and returns how much it read.
pub fn read_full_at(file: &File, buffer: &mut [u8], position: u64) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read_at(&mut buffer[filled..], position + filled as u64) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file_with(content: &[u8]) -> File {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(content).unwrap();
        file
    }

    #[test]
    fn an_anchor_is_found_only_where_its_content_stands() {
        let anchor = Anchor::of(6, b"hello\n");
        assert_eq!(anchor.find_in(&file_with(b"hello\nmore")).unwrap(), Some(b"hello\n".to_vec()));
        assert_eq!(anchor.find_in(&file_with(b"hullo\nmore")).unwrap(), None);
        assert_eq!(anchor.find_in(&file_with(b"hel")).unwrap(), None);
    }

    #[test]
    fn an_impossible_anchor_is_found_nowhere() {
        let anchor = Anchor { position: 3, length: 9, hash: 0 };
        assert_eq!(anchor.find_in(&file_with(b"0123456789")).unwrap(), None);
    }

    #[test]
    fn limit_a_trail_keeps_few_anchors_at_growing_distances() {
        let mut trail = Trail::default();
        for position in 1..=10_000 {
            trail.push(Anchor::of(position, b"x"));
        }
        assert_eq!(trail.0.len(), Trail::ANCHORS_MAX);
        assert_eq!(trail.newest().unwrap().position, 10_000);
        assert_eq!(trail.0[0].position, 1);
        let distances: Vec<u64> = trail.0.iter().map(|a| 10_000 - a.position).collect();
        assert!(distances.windows(2).all(|pair| pair[0] >= 2 * pair[1]), "{distances:?}");
    }

    #[test]
    fn an_older_anchor_is_inserted_once() {
        let mut trail = Trail::default();
        assert!(!trail.insert(Anchor::of(5, b"b")));
        trail.push(Anchor::of(10, b"a"));
        assert!(trail.insert(Anchor::of(5, b"b")));
        assert!(!trail.insert(Anchor::of(5, b"b")));
        assert!(!trail.insert(Anchor::of(20, b"c")));
        assert_eq!(trail.newest_until(9).unwrap().position, 5);
    }

    #[test]
    fn the_newest_anchor_until_a_position_is_found() {
        let mut trail = Trail::default();
        trail.push(Anchor::of(10, b"a"));
        trail.push(Anchor::of(20, b"b"));
        assert_eq!(trail.newest_until(19).unwrap().position, 10);
        assert_eq!(trail.newest_until(9), None);
    }
}
