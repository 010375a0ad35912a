//! Records: what one request brings, as lines.
//!
//! *Promises:* every line is a whole record or a whole line of one, ends with a newline, and is cut at
//! the limit if it is longer. *State and limits:* as many bytes as the request may become
//! ([`EXPANSION_MAX`] times its limit), taken from the budget as they grow.

use super::budget::Share;
use super::refusal::Refusal;
use crate::lines::cut_point;
use engine::component::Delivery;
use std::ops::Range;

/// How many times its limit a request may grow by being written as lines.
pub const EXPANSION_MAX: usize = 4;

/// How the lines of a request relate to those of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Relation {
    /// Every line is a record of its own: requests can share a stream.
    #[default]
    Whole,
    /// Lines may continue the ones before them, but never those of another request.
    Joined,
}

/// The lines of one request.
#[derive(Debug)]
pub struct Records {
    /// How they relate to others.
    pub relation: Relation,
    /// Records that could not be taken.
    pub rejected: u64,
    /// Why, of the first of them.
    pub rejected_why: Option<String>,
    lines: Vec<u8>,
    count: u64,
    cut: u64,
    line_bytes_max: usize,
    bytes_max: usize,
    share: Share,
}

impl Records {
    /// Returns no records yet, to be held by `share`.
    pub fn new(line_bytes_max: usize, body_bytes_max: usize, share: Share) -> Self {
        Self {
            relation: Relation::Whole,
            rejected: 0,
            rejected_why: None,
            lines: Vec::new(),
            count: 0,
            cut: 0,
            line_bytes_max,
            bytes_max: body_bytes_max.saturating_mul(EXPANSION_MAX),
            share,
        }
    }

    /// Adds a line, which holds no newline.
    pub fn push(&mut self, line: &[u8]) -> Result<(), Refusal> {
        let end = cut_point(line, self.line_bytes_max);
        let bytes = self.lines.len() + end + 1;
        if bytes > self.bytes_max {
            return Err(Refusal::too_large(self.bytes_max));
        }
        self.share.cover(bytes)?;
        self.cut += u64::from(end < line.len());
        self.lines.extend_from_slice(&line[..end]);
        self.lines.push(b'\n');
        self.count += 1;
        Ok(())
    }

    /// Counts a line whose record was cut before it was written.
    pub fn count_cut(&mut self) {
        self.cut += 1;
    }

    /// Counts a record that cannot be taken.
    pub fn reject(&mut self, why: &str) {
        self.rejected += 1;
        self.rejected_why.get_or_insert_with(|| why.to_owned());
    }

    /// Returns the longest line.
    pub fn line_bytes_max(&self) -> usize {
        self.line_bytes_max
    }

    /// Returns how many lines there are.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns how many of them were cut.
    pub fn cut(&self) -> u64 {
        self.cut
    }

    /// Returns all lines.
    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// Returns the lines behind the first `skipped`, in pieces of the size that readers aim for, each
    /// with its number of lines.
    pub fn pieces(&self, skipped: u64) -> Vec<(Range<usize>, u64)> {
        let mut start = self.start_of(skipped);
        let mut pieces = Vec::new();
        while start < self.lines.len() {
            let aim = (start + Delivery::BYTES_AIM).min(self.lines.len());
            let end = match memchr::memrchr(b'\n', &self.lines[start..aim]) {
                Some(at) => start + at + 1,
                // One line longer than the aim: the limit of a line is far below that of a chunk.
                None => memchr::memchr(b'\n', &self.lines[aim..])
                    .map_or(self.lines.len(), |at| aim + at + 1),
            };
            let count = memchr::memchr_iter(b'\n', &self.lines[start..end]).count();
            pieces.push((start..end, count as u64));
            start = end;
        }
        pieces
    }

    fn start_of(&self, skipped: u64) -> usize {
        let Some(last) = usize::try_from(skipped).ok().and_then(|n| n.checked_sub(1)) else {
            return 0;
        };
        memchr::memchr_iter(b'\n', &self.lines).nth(last).map_or(self.lines.len(), |at| at + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::super::budget::Budget;
    use super::*;

    fn records(line_max: usize, body_max: usize) -> Records {
        Records::new(line_max, body_max, Budget::new(1 << 30).share())
    }

    #[test]
    fn pieces_are_whole_lines_and_can_begin_behind_any_line() {
        let mut records = records(1 << 20, 1 << 24);
        for n in 0..40_000 {
            records.push(format!("line {n}").as_bytes()).unwrap();
        }
        records.push(&[b'x'; 700_000]).unwrap();
        for skipped in [0, 1, 39_999, 40_000, 40_001, u64::MAX] {
            let pieces = records.pieces(skipped);
            let joined: Vec<u8> = pieces
                .iter()
                .flat_map(|(range, _)| records.lines()[range.clone()].to_vec())
                .collect();
            let expected: Vec<u8> = records
                .lines()
                .split_inclusive(|byte| *byte == b'\n')
                .skip(usize::try_from(skipped).unwrap())
                .flatten()
                .copied()
                .collect();
            assert!(joined == expected, "{skipped} skipped");
            let count: u64 = pieces.iter().map(|(_, count)| count).sum();
            assert_eq!(count, 40_001_u64.saturating_sub(skipped));
            assert!(pieces.iter().all(|(range, _)| range.len() <= Delivery::BYTES_MAX));
        }
    }

    #[test]
    fn limit_long_lines_are_cut_and_counted() {
        let mut records = records(64, 1024);
        records.push(&[b'x'; 100]).unwrap();
        records.push(b"short").unwrap();
        assert_eq!((records.count(), records.cut()), (2, 1));
        assert_eq!(records.lines(), [&[b'x'; 64][..], b"\nshort\n"].concat());
    }

    #[test]
    fn limit_a_request_that_becomes_too_large_is_refused() {
        let mut records = records(1024, 1024);
        let refusal = (0..).find_map(|_| records.push(&[b'x'; 500]).err()).unwrap();
        assert_eq!(refusal.status.as_u16(), 413);
        assert!(records.lines().len() <= EXPANSION_MAX * 1024);
    }
}
