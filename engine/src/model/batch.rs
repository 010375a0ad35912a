//! What travels before counting: chunks of whole lines, and events that point into them. No
//! `String` per line anywhere (measured: 3.6 times slower).
//!
//! ```text
//! Chunk ──parse──► EventBatch ──filter──► EventBatch ──fingerprint──► PrintBatch ──window──► counts
//! 256 KiB, whole     one EventRef per       fewer          16-byte identity
//! lines              record, spans only     EventRefs      + time per event
//! ```
//! None of these leave their worker, so none is serialised.

use super::{EventTime, Fingerprint, Offset, Severity};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The position of a source in the graph file; small, so that batches can carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SourceIndex(pub u16);

/// The unit of a source that has its own [`Offset`]: one file, one stream, one table. Stable over
/// restarts; read by one worker at a time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PartitionId(pub Arc<str>);

/// Whole lines of one partition, as a reader hands them over.
///
/// `bytes` holds lines that each end with `\n` except, at most, the last one (which is then
/// complete by the source's judgement: rotated away, or end of input). The source has already cut
/// over-long lines. A chunk may be empty, to move the offset or to report a loss.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Which source of the graph read it.
    pub source: SourceIndex,
    /// Which partition of that source.
    pub partition: PartitionId,
    /// The lines.
    pub bytes: Arc<Vec<u8>>,
    /// Where to resume the partition once this chunk is committed; `None` forgets the partition.
    pub end: Option<Offset>,
    /// When the engine received it (for old files read once: their modification time).
    pub received: EventTime,
    /// How many of its lines were cut at the length limit.
    pub lines_cut: u64,
    /// Bytes that were gone before they could be read, noticed since the partition's last chunk.
    pub lost_bytes: u64,
    /// Bytes known to wait behind this chunk, for the lag display.
    pub lag_bytes: u64,
}

/// A piece of a batch's text: `[start, start + len)` of the chunk's bytes, or, when the top bit of
/// `start` is set, of the batch's scratch bytes (unescaped JSON strings and the like).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    start: u32,
    len: u32,
}

impl Span {
    const SCRATCH: u32 = 1 << 31;
    /// The absent piece.
    pub const NONE: Span = Span { start: 0, len: 0 };

    /// Returns the piece `[start, end)` of the chunk's bytes.
    pub fn chunk(start: usize, end: usize) -> Span {
        debug_assert!(start <= end && end < Self::SCRATCH as usize);
        Span { start: start as u32, len: (end - start) as u32 }
    }

    /// Returns the piece `[start, end)` of the scratch bytes.
    pub fn scratch(start: usize, end: usize) -> Span {
        debug_assert!(start <= end && end < Self::SCRATCH as usize);
        Span { start: start as u32 | Self::SCRATCH, len: (end - start) as u32 }
    }

    /// Returns whether it is a piece of the scratch bytes.
    pub const fn is_scratch(self) -> bool {
        self.start & Self::SCRATCH != 0
    }

    /// Returns whether there is nothing in it.
    pub const fn is_empty(self) -> bool {
        self.len == 0
    }

    /// Returns its bytes, given those of its chunk and of its batch's scratch.
    pub fn bytes<'b>(self, chunk: &'b [u8], scratch: &'b [u8]) -> &'b [u8] {
        let start = (self.start & !Self::SCRATCH) as usize;
        let buffer = if self.start & Self::SCRATCH == 0 { chunk } else { scratch };
        &buffer[start..start + self.len as usize]
    }
}

/// Where an event's [`Extra`] stands in its batch, if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtraIndex(u32);

impl ExtraIndex {
    /// The index of an event without extras.
    pub const NONE: ExtraIndex = ExtraIndex(u32::MAX);

    /// Returns the index of the `position`-th entry of [`EventBatch::extras`].
    pub fn new(position: usize) -> ExtraIndex {
        debug_assert!(position < u32::MAX as usize);
        ExtraIndex(position as u32)
    }
}

impl Default for ExtraIndex {
    fn default() -> Self {
        ExtraIndex::NONE
    }
}

/// What few events have: kept apart, so that the others stay small.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extra {
    /// The lines after the first one, joined by `\n`, or the stack field of a structured record.
    pub trace: Span,
    /// The exception's type, where a structured record names it.
    pub exception_type: Span,
    /// The exception's message, likewise.
    pub exception_message: Span,
    /// The fingerprint that the record itself asks for.
    pub fingerprint: Span,
}

/// One event, as spans into its batch.
#[derive(Clone, Copy, Debug)]
pub struct EventRef {
    /// The whole record as it was read, all its lines, without the last line end.
    pub record: Span,
    /// The message: what is left of the first line when the header or envelope is taken off.
    pub message: Span,
    /// Service, if the event names one; else the source's default holds.
    pub service: Span,
    /// Facets found in the header; empty when absent.
    pub host: Span,
    /// Process name or id.
    pub process: Span,
    /// Thread name or id.
    pub thread: Span,
    /// Logger, class or module.
    pub logger: Span,
    /// When it happened.
    pub time: EventTime,
    /// How bad it says it is.
    pub severity: Severity,
    /// Trace, exception and the like.
    pub extra: ExtraIndex,
    /// `1`; `-1` takes back an earlier version of the event, which a later line has completed.
    pub change: i8,
}

impl Default for EventRef {
    fn default() -> Self {
        Self {
            record: Span::NONE,
            message: Span::NONE,
            service: Span::NONE,
            host: Span::NONE,
            process: Span::NONE,
            thread: Span::NONE,
            logger: Span::NONE,
            time: EventTime::default(),
            severity: Severity::default(),
            extra: ExtraIndex::NONE,
            change: 1,
        }
    }
}

/// The events of one chunk. Cheap to clone: the bytes are shared.
#[derive(Clone, Debug)]
pub struct EventBatch {
    /// Which source of the graph.
    pub source: SourceIndex,
    /// Service of events that name none.
    pub service: Arc<str>,
    /// The chunk's bytes.
    pub bytes: Arc<Vec<u8>>,
    /// Text that does not stand in the chunk as such.
    pub scratch: Arc<Vec<u8>>,
    /// What few of the events have.
    pub extras: Vec<Extra>,
    /// The events, in the order in which they were read.
    pub events: Vec<EventRef>,
}

impl EventBatch {
    /// Returns the bytes of a piece of this batch.
    pub fn text(&self, span: Span) -> &[u8] {
        span.bytes(&self.bytes, &self.scratch)
    }

    /// Returns what `event` has besides the usual, if anything.
    pub fn extra_of(&self, event: &EventRef) -> Option<&Extra> {
        self.extras.get(event.extra.0 as usize)
    }

    /// Returns the service of `event`, the source's default if it names none.
    pub fn service_of(&self, event: &EventRef) -> &[u8] {
        if event.service.is_empty() { self.service.as_bytes() } else { self.text(event.service) }
    }
}

/// One event after fingerprinting: what counting needs and nothing more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Print {
    /// Whose event it is.
    pub fingerprint: Fingerprint,
    /// When it happened.
    pub time: EventTime,
    /// `1`; `-1` takes a print back.
    pub change: i8,
}

/// The prints of one chunk.
#[derive(Clone, Debug, Default)]
pub struct PrintBatch {
    /// One entry per event.
    pub prints: Vec<Print>,
}
