//! From a chunk of lines to a batch of events, with everything that was not used counted.
//!
//! *Time.* An event without a time has the time of the event before it in its partition, else its
//! receipt. The event before is remembered per partition for the life of the process, so how lines
//! are cut into chunks does not matter; it is not part of the checkpoint, so after a restart the
//! first events of a partition carry their receipt until one names its time.
//!
//! *State and limits:* the last event time of at most [`PARTITIONS_MAX`] partitions (of others, only
//! within a chunk); at most [`Rejected::PER_REASON_MAX`] examples per chunk and reason.

use super::format::Format;
use super::found::Place;
use super::line::{self, Scratch};
use super::zone::Zone;
use engine::model::{
    Chunk, EventBatch, EventRef, EventTime, PartitionId, RejectReason, Rejected, Severity, Span,
};
use foldhash::HashMap;
use memchr::memchr;
use std::collections::BTreeMap;
use std::sync::Arc;
use xxhash_rust::xxh3::xxh3_64;

/// How many partitions are remembered.
pub const PARTITIONS_MAX: usize = 65_536;

/// Reads chunks of one source.
#[derive(Debug)]
pub struct Parser {
    format: Format,
    zone: Zone,
    latest: HashMap<PartitionId, EventTime>,
    /// How many events and scratch bytes the last chunk had, to reserve as much.
    events_hint: usize,
    scratch_hint: usize,
    scratch: Scratch,
}

/// What became of a chunk: `lines_read = lines_blank + events + rejected`.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The events.
    pub batch: EventBatch,
    /// Lines in the chunk.
    pub lines_read: u64,
    /// Lines with nothing but white space.
    pub lines_blank: u64,
    /// Records with bytes that are not UTF-8; they are events all the same.
    pub invalid_utf8: u64,
    /// Records that could not be used.
    pub rejected: Rejections,
}

impl Parsed {
    /// Returns the number of records: lines that are not blank.
    pub fn read(&self) -> u64 {
        self.lines_read - self.lines_blank
    }
}

/// Rejected records: exact numbers, and the examples with the smallest hashes.
#[derive(Clone, Debug, Default)]
pub struct Rejections {
    counts: [u64; RejectReason::ALL.len()],
    examples: BTreeMap<(RejectReason, u64), Rejected>,
}

impl Rejections {
    /// Returns how many records were rejected for `reason`.
    pub fn count(&self, reason: RejectReason) -> u64 {
        self.counts[reason as usize]
    }

    /// Returns how many records were rejected in all.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the examples, at most [`Rejected::PER_REASON_MAX`] per reason.
    pub fn examples(&self) -> impl Iterator<Item = &Rejected> {
        self.examples.values()
    }

    fn add(&mut self, chunk: &Chunk, reason: RejectReason, record: &[u8]) {
        self.counts[reason as usize] += 1;
        let hash = xxh3_64(record);
        let kept = || self.examples.range((reason, 0)..=(reason, u64::MAX));
        if kept().count() >= Rejected::PER_REASON_MAX {
            match kept().next_back() {
                Some((&(_, largest), _)) if hash < largest => {
                    self.examples.remove(&(reason, largest));
                }
                _ => return,
            }
        }
        let excerpt = excerpt(record, Rejected::RECORD_BYTES_MAX);
        let source = chunk.source;
        self.examples.insert((reason, hash), Rejected { source, reason, hash, record: excerpt });
    }
}

/// Decodes `record` and cuts it at `bytes_max`, replacement characters included.
fn excerpt(record: &[u8], bytes_max: usize) -> String {
    let mut text = String::from_utf8_lossy(&record[..record.len().min(bytes_max)]).into_owned();
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}

impl Parser {
    /// Returns a parser for `format`, which reads times without zone as of the IANA `timezone`;
    /// `None` if there is no such zone.
    pub fn new(format: Format, timezone: &str) -> Option<Parser> {
        Zone::named(timezone).map(|zone| Parser::in_zone(format, zone))
    }

    /// Returns a parser that reads times without zone as UTC.
    pub fn utc(format: Format) -> Parser {
        Parser::in_zone(format, Zone::utc())
    }

    fn in_zone(format: Format, zone: Zone) -> Parser {
        Parser {
            format,
            zone,
            latest: HashMap::default(),
            events_hint: 0,
            scratch_hint: 0,
            scratch: Scratch::default(),
        }
    }

    /// Reads a chunk. `service` is that of events that name none.
    pub fn parse(&mut self, service: &Arc<str>, chunk: &Chunk) -> Parsed {
        let bytes = chunk.bytes.as_slice();
        let mut run = Run {
            format: self.format,
            chunk,
            latest: self.latest.get(&chunk.partition).copied(),
            // Line ends are ASCII: if the chunk is UTF-8, every line is.
            check_utf8: std::str::from_utf8(bytes).is_err(),
            events: Vec::with_capacity(self.events_hint),
            lines_read: 0,
            lines_blank: 0,
            invalid_utf8: 0,
            rejected: Rejections::default(),
        };
        self.scratch.bytes = Vec::with_capacity(self.scratch_hint);
        let mut start = 0;
        while start < bytes.len() {
            let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |length| start + length);
            run.line(start, end, &mut self.zone, &mut self.scratch);
            start = end + 1;
        }
        self.events_hint = run.events.len();
        self.scratch_hint = self.scratch.bytes.len();
        self.remember(chunk, run.latest);
        Parsed {
            batch: EventBatch {
                source: chunk.source,
                service: Arc::clone(service),
                bytes: Arc::clone(&chunk.bytes),
                scratch: Arc::new(std::mem::take(&mut self.scratch.bytes)),
                extras: Vec::new(),
                events: run.events,
            },
            lines_read: run.lines_read,
            lines_blank: run.lines_blank,
            invalid_utf8: run.invalid_utf8,
            rejected: run.rejected,
        }
    }

    fn remember(&mut self, chunk: &Chunk, latest: Option<EventTime>) {
        let Some(latest) = latest else { return };
        if chunk.end.is_none() {
            self.latest.remove(&chunk.partition);
        } else if let Some(known) = self.latest.get_mut(&chunk.partition) {
            *known = latest;
        } else if self.latest.len() < PARTITIONS_MAX {
            self.latest.insert(chunk.partition.clone(), latest);
        }
    }
}

/// A chunk being read.
struct Run<'c> {
    format: Format,
    chunk: &'c Chunk,
    latest: Option<EventTime>,
    check_utf8: bool,
    events: Vec<EventRef>,
    lines_read: u64,
    lines_blank: u64,
    invalid_utf8: u64,
    rejected: Rejections,
}

impl Run<'_> {
    /// Reads the line `[start, end)` of the chunk.
    fn line(&mut self, start: usize, end: usize, zone: &mut Zone, scratch: &mut Scratch) {
        self.lines_read += 1;
        let whole = &self.chunk.bytes[start..end];
        let text = whole.strip_suffix(b"\r").unwrap_or(whole);
        if is_blank(text) {
            self.lines_blank += 1;
            return;
        }
        if self.check_utf8 && std::str::from_utf8(text).is_err() {
            self.invalid_utf8 += 1;
        }
        let place = Place { scratch: false, base: start };
        let scratch_before = scratch.bytes.len();
        let Some(found) = line::read(self.format, text, place, scratch) else {
            scratch.bytes.truncate(scratch_before);
            self.rejected.add(self.chunk, RejectReason::FormatMismatch, text);
            return;
        };
        let received = self.chunk.received;
        let time = match found.time {
            Some(written) => {
                let time = zone.resolve(written, received);
                if !time.is_plausible(received) {
                    scratch.bytes.truncate(scratch_before);
                    self.rejected.add(self.chunk, RejectReason::AbsurdTime, text);
                    return;
                }
                self.latest = Some(time);
                time
            }
            None => self.latest.unwrap_or(received),
        };
        self.events.push(EventRef {
            record: Span::chunk(start, start + text.len()),
            message: found.message,
            service: found.service,
            host: found.host,
            process: found.process,
            thread: found.thread,
            logger: found.logger,
            time,
            severity: found.severity.unwrap_or(Severity::Unknown),
            ..EventRef::default()
        });
    }
}

fn is_blank(text: &[u8]) -> bool {
    text.first().is_none_or(|first| *first <= b' ')
        && text.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | 0x0B | 0x0C))
}
