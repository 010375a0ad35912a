//! From a chunk of lines to a batch of events, with everything that was not used counted.
//!
//! ```text
//! chunk ─► lines ─► Run: begins a record, or continues an open one ─► Draft ─► Parsed
//!                    └── Partition: last time, open records ◄── checkpoint
//! ```
//! *Time.* An event without a time has the time of the event before it in its partition, else its
//! receipt.
//!
//! *State and limits:* [`PARTITIONS_MAX`] partitions are remembered, with at most
//! [`OPEN_BYTES_MAX`] for their open records (of others, only within a chunk); see `partition` for
//! one of them. At most [`Rejected::PER_REASON_MAX`](engine::model::Rejected::PER_REASON_MAX)
//! examples per chunk and reason.

use super::draft::{Draft, Parsed};
use super::format::Format;
use super::partition::Partition;
use super::pattern::{Matcher, Pattern};
use super::run::Run;
use super::settle::HOLD_EPOCHS;
use super::zone::Zone;
use crate::assemble::Assemble;
use engine::model::{Chunk, PartitionId, SourceIndex};
use foldhash::HashMap;
use memchr::memchr;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How many partitions are remembered.
pub const PARTITIONS_MAX: usize = 65_536;
/// Bytes of open records that are remembered, over all partitions of a source.
pub const OPEN_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Reads chunks of one source.
#[derive(Debug)]
pub struct Parser {
    format: Format,
    assemble: Assemble,
    zone: Zone,
    partitions: HashMap<PartitionId, Partition>,
    open_bytes: usize,
    /// Partitions with records that are held back, by the epoch in which these are due.
    held: BTreeMap<u64, BTreeSet<PartitionId>>,
    draft: Draft,
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
            assemble: Assemble::Auto,
            zone,
            partitions: HashMap::default(),
            open_bytes: 0,
            held: BTreeMap::new(),
            draft: Draft::default(),
        }
    }

    /// Returns the parser with this way of making records of lines.
    pub fn assembling(self, assemble: Assemble) -> Parser {
        Parser { assemble, ..self }
    }

    /// Returns the parser with the pattern of the formats that need one.
    pub fn matching(mut self, pattern: Option<&Arc<Pattern>>) -> Parser {
        self.draft.scratch.matcher = pattern.cloned().map(Matcher::new);
        self
    }

    /// Reads a chunk and emits all of it at once. `service` is that of events that name none.
    pub fn parse(&mut self, service: &Arc<str>, chunk: &Chunk) -> Parsed {
        self.read(service, chunk, None)
    }

    /// Reads a chunk in `epoch`: traces at its end, which more lines may follow, are held back for
    /// up to [`HOLD_EPOCHS`] epochs.
    pub fn parse_at(&mut self, service: &Arc<str>, chunk: &Chunk, epoch: u64) -> Parsed {
        self.read(service, chunk, Some(epoch + HOLD_EPOCHS))
    }

    fn read(&mut self, service: &Arc<str>, chunk: &Chunk, due: Option<u64>) -> Parsed {
        let bytes = chunk.bytes.as_slice();
        let known = self.partitions.get_mut(&chunk.partition).map(std::mem::take);
        let (is_known, mut partition) = (known.is_some(), known.unwrap_or_default());
        let before = (partition.bytes(), partition.due());
        self.draft.begin();
        let mut run = Run {
            format: self.format,
            assemble: &self.assemble,
            chunk,
            zone: &mut self.zone,
            partition: &mut partition,
            draft: &mut self.draft,
            // Line ends are ASCII: if the chunk is UTF-8, every line is.
            check_utf8: std::str::from_utf8(bytes).is_err(),
        };
        let mut start = 0;
        while start < bytes.len() {
            let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |length| start + length);
            run.line(start, end);
            start = end + 1;
        }
        let is_kept = chunk.end.is_some() && (is_known || self.partitions.len() < PARTITIONS_MAX);
        let due = due.filter(|_| is_kept);
        partition.end_chunk(due, self.format, &mut self.draft, bytes);
        self.open_bytes = self.open_bytes - before.0 + partition.bytes();
        if self.open_bytes > OPEN_BYTES_MAX {
            self.open_bytes -= partition.bytes();
            partition.let_all_go(self.format, &mut self.draft);
            self.open_bytes += partition.bytes();
        }
        self.plan(&chunk.partition, before.1, partition.due());
        if is_kept {
            self.remember(&chunk.partition, partition);
        } else {
            self.open_bytes -= partition.bytes();
            self.partitions.remove(&chunk.partition);
        }
        self.draft.finish(chunk.source, service, &chunk.bytes)
    }

    fn remember(&mut self, id: &PartitionId, partition: Partition) {
        match self.partitions.get_mut(id) {
            Some(known) => *known = partition,
            None => {
                self.partitions.insert(id.clone(), partition);
            }
        }
    }

    fn plan(&mut self, id: &PartitionId, before: Option<u64>, now: Option<u64>) {
        if before == now {
            return;
        }
        if let Some(due) = before
            && let Some(partitions) = self.held.get_mut(&due)
        {
            partitions.remove(id);
            if partitions.is_empty() {
                self.held.remove(&due);
            }
        }
        if let Some(due) = now {
            self.held.entry(due).or_default().insert(id.clone());
        }
    }

    /// Returns the first epoch in which something that was held back is due.
    pub fn due(&self) -> Option<u64> {
        self.held.first_key_value().map(|(due, _)| *due)
    }

    /// Returns the epoch in which something that a partition holds back is due.
    pub fn due_of(&self, id: &PartitionId) -> Option<u64> {
        self.partitions.get(id).and_then(Partition::due)
    }

    /// Returns the epoch in which the last of what a partition holds back is due.
    pub fn last_due_of(&self, id: &PartitionId) -> Option<u64> {
        self.partitions.get(id).and_then(Partition::last_due)
    }

    /// Emits what one partition holds back and is due in `epoch`.
    pub fn release_of(
        &mut self,
        id: &PartitionId,
        source: SourceIndex,
        service: &Arc<str>,
        epoch: u64,
    ) -> Parsed {
        if let Some(partition) = self.partitions.get_mut(id) {
            let before = partition.due();
            partition.release(epoch, self.format, &mut self.draft);
            let next = partition.due();
            self.plan(id, before, next);
        }
        self.draft.finish(source, service, &Arc::default())
    }

    /// Emits what is due in `epoch`; also says of which partitions.
    pub fn release(
        &mut self,
        source: SourceIndex,
        service: &Arc<str>,
        epoch: u64,
    ) -> (Parsed, Vec<PartitionId>) {
        let mut released = Vec::new();
        while let Some(due) = self.due().filter(|due| *due <= epoch) {
            for id in self.held.remove(&due).unwrap_or_default() {
                if let Some(partition) = self.partitions.get_mut(&id) {
                    partition.release(epoch, self.format, &mut self.draft);
                    let next = partition.due();
                    self.plan(&id, None, next);
                    released.push(id);
                }
            }
        }
        (self.draft.finish(source, service, &Arc::default()), released)
    }

    /// Returns what is remembered of a partition, as bytes for the checkpoint.
    pub fn state(&self, id: &PartitionId) -> Option<Vec<u8>> {
        self.partitions.get(id).map(Partition::encoded)
    }

    /// Returns whether a partition is remembered.
    pub fn knows(&self, id: &PartitionId) -> bool {
        self.partitions.contains_key(id)
    }

    /// Remembers what a checkpoint says about a partition. What was held back then counts as emitted
    /// by now: [`Parser::release_stored`] has done it, on one worker.
    pub fn restore(&mut self, id: &PartitionId, state: &[u8]) {
        if let Some(partition) = Partition::decoded(state).map(Partition::all_released)
            && self.partitions.len() < PARTITIONS_MAX
        {
            self.open_bytes += partition.bytes();
            self.partitions.insert(id.clone(), partition);
        }
    }

    /// Emits what was held back in states that a checkpoint holds.
    pub fn release_stored<'s>(
        &mut self,
        source: SourceIndex,
        service: &Arc<str>,
        states: impl Iterator<Item = &'s [u8]>,
    ) -> Parsed {
        for mut partition in states.filter_map(Partition::decoded) {
            partition.release(u64::MAX, self.format, &mut self.draft);
        }
        self.draft.finish(source, service, &Arc::default())
    }
}
