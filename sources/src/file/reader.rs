//! Reads one content stream on: whole lines from a position, and proof that the file is still the
//! one that was read.
//!
//! *Promises:* what stands before the position was delivered and is checked again with each read;
//! a half-written line is not delivered; a line of any length costs no memory beyond the limit and
//! each of its bytes is read at most twice.
//!
//! *State and limits:* a position, how far a newline was searched in vain, and at most
//! [`ANCHOR_BYTES`] of content; nothing of an unfinished line is kept.

use super::anchor::{ANCHOR_BYTES, Anchor, Trail, read_full_at};
use crate::lines::{cut_long_lines, cut_point};
use std::fs::File;
use std::io;

/// Where a content stream stands.
#[derive(Clone, Debug, Default)]
pub struct Cursor {
    position: u64,
    /// No newline stands between the position and here.
    searched_to: u64,
    trail: Trail,
    /// The content before the position; unknown after a restart until the file was read.
    tail: Option<Vec<u8>>,
    /// Where a copy ends that was seen before this cursor got there.
    copy_end: Option<Anchor>,
}

/// What one read brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// Whole lines; the cursor stands behind them.
    Lines {
        /// The lines.
        bytes: Vec<u8>,
        /// How many of them were cut at the limit.
        lines_cut: u64,
        /// Whether more may wait behind them.
        more: bool,
    },
    /// A part of a very long line was searched, and there is more to search.
    Searched,
    /// Nothing more for now.
    End,
    /// The content before the position is not what was read.
    Changed,
}

impl Cursor {
    /// Returns the cursor with which a stream is resumed.
    pub fn resume(position: u64, trail: Trail) -> Self {
        Self { position, searched_to: position, trail, ..Self::default() }
    }

    /// Returns the cursor that stands at `position` of `file`, everything before it being read.
    pub fn at(file: &File, position: u64) -> io::Result<Self> {
        let mut cursor = Self::default();
        cursor.jump(file, position)?;
        Ok(cursor)
    }

    /// Returns the end of the last delivered line.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Returns how far the file was looked at.
    pub fn searched_to(&self) -> u64 {
        self.searched_to
    }

    /// Returns the anchors of what was read.
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Forgets that a newline was searched in vain: the end of the file was taken away.
    pub fn search_again(&mut self) {
        self.searched_to = self.position;
    }

    /// Remembers where a copy of the content ends, so that the copy is known again when the
    /// original is gone. Returns whether that is news for the offset.
    pub fn remember_copy(&mut self, end: Anchor) -> bool {
        if end.position > self.position {
            self.copy_end = Some(end);
            return false;
        }
        self.trail.insert(end)
    }

    /// Moves to `position` of `file`, everything before it being read.
    pub fn jump(&mut self, file: &File, position: u64) -> io::Result<()> {
        let length = position.min(ANCHOR_BYTES as u64);
        let mut tail = vec![0; length as usize];
        if read_full_at(file, &mut tail, position - length)? < tail.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.stand_at(position, tail);
        Ok(())
    }

    /// Returns whether the content before the position is what was read.
    pub fn holds(&mut self, file: &File) -> io::Result<bool> {
        let Some(anchor) = self.trail.newest() else { return Ok(true) };
        let Some(found) = anchor.find_in(file)? else { return Ok(false) };
        let holds = self.tail.as_ref().is_none_or(|tail| *tail == found);
        self.tail.get_or_insert(found);
        Ok(holds)
    }

    /// Reads on, at most `buffer` at a time.
    pub fn step(&mut self, file: &File, buffer: &mut [u8], line_max: usize) -> io::Result<Step> {
        let searching = self.searched_to > self.position;
        let read = read_full_at(file, buffer, self.searched_to)?;
        // Checked after reading: if the old content is there now, it was there then.
        if !self.holds(file)? {
            return Ok(Step::Changed);
        }
        let (bytes, more) = (&buffer[..read], read == buffer.len());
        if searching {
            if let Some(at) = memchr::memchr(b'\n', bytes) {
                return self.end_long_line(file, self.searched_to + at as u64, line_max);
            }
        } else if let Some(last) = memchr::memrchr(b'\n', bytes) {
            let (lines, lines_cut) = cut_long_lines(&bytes[..=last], line_max);
            self.advance(&bytes[..=last]);
            if !more {
                self.searched_to += (bytes.len() - last - 1) as u64;
            }
            return Ok(Step::Lines { bytes: lines, lines_cut, more });
        }
        self.searched_to += read as u64;
        Ok(if more { Step::Searched } else { Step::End })
    }

    /// Delivers the unfinished last line up to `size`, which nobody will finish.
    pub fn rest(&mut self, file: &File, size: u64, line_max: usize) -> io::Result<Step> {
        if size <= self.position {
            return Ok(Step::End);
        }
        let (bytes, lines_cut) = self.line_until(file, size, line_max)?;
        if !self.holds(file)? {
            return Ok(Step::Changed);
        }
        self.jump(file, size)?;
        Ok(Step::Lines { bytes, lines_cut, more: false })
    }

    fn end_long_line(&mut self, file: &File, end: u64, line_max: usize) -> io::Result<Step> {
        let (mut bytes, lines_cut) = self.line_until(file, end, line_max)?;
        if memchr::memchr(b'\n', &bytes).is_some() {
            // The unfinished line was taken away and other lines stand in its place.
            self.search_again();
            return Ok(Step::Searched);
        }
        bytes.push(b'\n');
        self.jump(file, end + 1)?;
        Ok(Step::Lines { bytes, lines_cut, more: true })
    }

    /// Returns the bytes from the position to `end`, cut at the limit, and how often they were cut.
    fn line_until(&self, file: &File, end: u64, line_max: usize) -> io::Result<(Vec<u8>, u64)> {
        let length = end - self.position;
        // One byte over the limit tells whether the cut would tear a character.
        let mut bytes = vec![0; length.min(line_max as u64 + 1) as usize];
        if read_full_at(file, &mut bytes, self.position)? < bytes.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.truncate(cut_point(&bytes, line_max));
        Ok((bytes, u64::from(length > line_max as u64)))
    }

    fn advance(&mut self, read: &[u8]) {
        let mut tail = self.tail.take().unwrap_or_default();
        if read.len() >= ANCHOR_BYTES {
            tail.clear();
        }
        tail.extend_from_slice(&read[read.len().saturating_sub(ANCHOR_BYTES)..]);
        tail.drain(..tail.len().saturating_sub(ANCHOR_BYTES));
        self.stand_at(self.position + read.len() as u64, tail);
    }

    fn stand_at(&mut self, position: u64, tail: Vec<u8>) {
        self.position = position;
        self.searched_to = position;
        if position > 0 {
            self.trail.push(Anchor::of(position, &tail));
            if self.copy_end.is_some_and(|end| end.position <= position) {
                self.copy_end.take().map(|end| self.trail.insert(end));
            }
        }
        self.tail = Some(tail);
    }
}
