//! What is remembered of a partition between chunks, and its form in the checkpoint.
//!
//! *State and limits:* at most [`OPEN_RECORDS_MAX`] open records, each of which keeps at most
//! [`RECORD_BYTES_MAX`](crate::assemble::RECORD_BYTES_MAX) of text, once as read and once without
//! envelopes.

use super::open::{CopiedText, Open, Pending, Text, Version};
use crate::assemble::{BLANKS_MAX, OPEN_RECORDS_MAX, State};
use engine::model::EventTime;

/// The version of the encoding.
const ENCODING: u8 = 1;

/// A partition between two chunks.
#[derive(Debug, Default)]
pub(super) struct Partition {
    /// The time of the last event that named one.
    pub latest: Option<EventTime>,
    /// Whether any line had a header.
    pub has_headers: bool,
    /// Blank lines since the last other line, counted no further than one beyond the bound.
    pub blanks: u8,
    /// Lines that are not blank, so far.
    pub lines: u64,
    /// Records that later lines may continue.
    pub open: Vec<Open>,
}

const INVALID_UTF8: u8 = 1;
const FULL: u8 = 2;
const PARTIAL: u8 = 4;
const TEXT: u8 = 8;
const TRACE: u8 = 16;
const EMITTED: u8 = 32;
const DUE: u8 = 64;
const QUIET: u8 = 128;

impl Partition {
    /// Returns the partition as bytes.
    pub(super) fn encoded(&self) -> Vec<u8> {
        let mut out = vec![ENCODING, u8::from(self.has_headers), self.blanks];
        out.extend_from_slice(&self.lines.to_le_bytes());
        out.extend_from_slice(&self.latest.map_or(i64::MIN, |time| time.0).to_le_bytes());
        out.push(self.open.len() as u8);
        for open in &self.open {
            encode(open, &mut out);
        }
        out
    }

    /// Returns the partition that was encoded as `bytes`, or `None` if they are damaged.
    pub(super) fn decoded(bytes: &[u8]) -> Option<Partition> {
        let mut reader = Reader(bytes);
        if reader.u8()? != ENCODING {
            return None;
        }
        let has_headers = reader.u8()? != 0;
        let blanks = reader.u8()?.min(BLANKS_MAX + 1);
        let lines = reader.u64()?;
        let latest = Some(EventTime(reader.u64()? as i64)).filter(|time| time.0 != i64::MIN);
        let count = usize::from(reader.u8()?).min(OPEN_RECORDS_MAX);
        let open = (0..count).map(|_| decode(&mut reader)).collect::<Option<Vec<Open>>>()?;
        Some(Partition { latest, has_headers, blanks, lines, open })
    }
}

fn encode(open: &Open, out: &mut Vec<u8>) {
    let copy = open.copy();
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    out.push(
        flag(open.is_invalid_utf8, INVALID_UTF8)
            | flag(open.is_full, FULL)
            | flag(open.is_partial, PARTIAL)
            | flag(copy.is_some(), TEXT)
            | flag(copy.is_some_and(|copy| copy.trace.is_some()), TRACE)
            | flag(open.emitted.is_some(), EMITTED)
            | flag(open.due.is_some(), DUE)
            | flag(open.is_quiet, QUIET),
    );
    out.extend_from_slice(&open.state.encoded());
    out.push(open.interposed);
    for number in [open.stream, open.thread, open.touched, open.time.0 as u64] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&open.lines.to_le_bytes());
    if let Some(version) = open.emitted {
        out.extend_from_slice(&(version.raw as u32).to_le_bytes());
        out.extend_from_slice(&(version.trace as u32).to_le_bytes());
    }
    if let Some(due) = open.due {
        out.extend_from_slice(&due.to_le_bytes());
    }
    if let Some(copy) = copy {
        out.extend_from_slice(&(copy.first_bytes as u32).to_le_bytes());
        let mut piece = |bytes: &[u8]| {
            out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
            out.extend_from_slice(bytes);
        };
        piece(&copy.raw);
        if let Some(trace) = &copy.trace {
            piece(trace);
        }
    }
}

fn decode(reader: &mut Reader<'_>) -> Option<Open> {
    let flags = reader.u8()?;
    let state = State::decoded(*reader.take(State::ENCODED_BYTES)?.first_chunk()?)?;
    let interposed = reader.u8()?;
    let [stream, thread, touched, time] =
        [reader.u64()?, reader.u64()?, reader.u64()?, reader.u64()?];
    let lines = reader.u32()?;
    let emitted = match flags & EMITTED {
        0 => None,
        _ => Some(Version { raw: reader.u32()? as usize, trace: reader.u32()? as usize }),
    };
    let due = if flags & DUE == 0 { None } else { Some(reader.u64()?) };
    let text = match flags & TEXT {
        0 => Text::Gone,
        _ => {
            let first_bytes = reader.u32()? as usize;
            let raw = reader.piece()?.to_vec();
            let trace = if flags & TRACE == 0 { None } else { Some(reader.piece()?.to_vec()) };
            let copy = CopiedText { raw, first_bytes, trace };
            let whole = copy.version();
            let fits = emitted.is_none_or(|v| v.raw <= whole.raw && v.trace <= whole.trace);
            (fits && first_bytes <= whole.raw).then(|| Text::Copy(Box::new(copy)))?
        }
    };
    Some(Open {
        stream,
        thread,
        touched,
        state,
        pending: Pending::Nothing,
        is_quiet: flags & QUIET != 0,
        time: EventTime(time as i64),
        interposed,
        lines,
        is_invalid_utf8: flags & INVALID_UTF8 != 0,
        is_full: flags & FULL != 0,
        is_partial: flags & PARTIAL != 0,
        text,
        slot: None,
        emitted,
        due,
    })
}

/// Reads what [`encode`] wrote.
struct Reader<'b>(&'b [u8]);

impl<'b> Reader<'b> {
    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(*self.take(4)?.first_chunk()?))
    }

    fn u64(&mut self) -> Option<u64> {
        Some(u64::from_le_bytes(*self.take(8)?.first_chunk()?))
    }

    fn piece(&mut self) -> Option<&'b [u8]> {
        let length = self.u32()? as usize;
        self.take(length)
    }
}
