//! A batch in the making, and everything that is counted besides.

use super::format::Format;
use super::found::{Found, Place};
use super::line::{self, Scratch};
use super::named;
use super::open::{CopiedText, Slot, Version};
use super::rejections::Rejections;
use engine::model::{
    EventBatch, EventRef, EventTime, Extra, ExtraIndex, Severity, SourceIndex, Span,
};
use std::sync::Arc;

/// What became of a chunk, or of records that were held. `lines_read = lines_blank + lines of
/// records`.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The events. Those with a change of -1 take back an earlier version of another one.
    pub batch: EventBatch,
    /// Lines in the chunk.
    pub lines_read: u64,
    /// Lines with nothing but white space.
    pub lines_blank: u64,
    /// Lines beyond the bounds of their record: counted as read, and not kept.
    pub lines_cut: u64,
    /// Records emitted for the first time.
    pub emitted: u64,
    /// Records with bytes that are not UTF-8; they are events all the same.
    pub invalid_utf8: u64,
    /// Records that could not be used.
    pub rejected: Rejections,
}

impl Parsed {
    /// Returns the number of records that are accounted for: emitted or rejected. Those that are
    /// held back are not among them yet.
    pub fn read(&self) -> u64 {
        self.emitted + self.rejected.total()
    }
}

/// A batch in the making.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub events: Vec<EventRef>,
    pub extras: Vec<Extra>,
    pub scratch: Scratch,
    pub lines_read: u64,
    pub lines_blank: u64,
    pub lines_cut: u64,
    pub emitted: u64,
    pub invalid_utf8: u64,
    pub rejected: Rejections,
    /// Events that are held back after all.
    held: Vec<u32>,
    events_hint: usize,
    scratch_hint: usize,
}

impl Draft {
    /// Adds the event that `found` describes.
    pub(super) fn push(
        &mut self,
        found: &Found,
        record: Span,
        time: EventTime,
        change: i8,
    ) -> Slot {
        let (event, extra) = self.described(found, record, time, change);
        self.events.push(event);
        Slot { event: (self.events.len() - 1) as u32, extra }
    }

    /// Makes an event the one that `found` describes.
    pub(super) fn describe(
        &mut self,
        slot: &mut Slot,
        found: &Found,
        record: Span,
        time: EventTime,
    ) {
        let (event, extra) = self.described(found, record, time, 1);
        self.events[slot.event as usize] = event;
        slot.extra = extra;
    }

    fn described(
        &mut self,
        found: &Found,
        record: Span,
        time: EventTime,
        change: i8,
    ) -> (EventRef, Option<u32>) {
        let details = &found.details;
        let extra = Extra {
            trace: details.stack,
            exception_type: details.exception_type,
            exception_message: details.exception_message,
            fingerprint: details.fingerprint,
        };
        let extra = (extra != Extra::default()).then(|| self.extra(extra));
        let event = EventRef {
            record,
            message: found.message,
            service: found.service,
            host: found.host,
            process: found.process,
            thread: found.thread,
            logger: found.logger,
            time,
            severity: found.severity.unwrap_or(Severity::Unknown),
            extra: extra.map_or(ExtraIndex::NONE, |extra| ExtraIndex::new(extra as usize)),
            change,
        };
        (event, extra)
    }

    /// Makes `line`, the second one of a record, its message, if the first one only has names.
    pub(super) fn take_second_line(&mut self, slot: Slot, chunk: &[u8], line: &[u8]) {
        let event = self.events[slot.event as usize];
        if named::is_only_names(event.message.bytes(chunk, &self.scratch.bytes)) {
            let base = self.append(line);
            self.set_message(slot, named::message_of(line, Place { scratch: true, base }));
        }
    }

    fn set_message(&mut self, slot: Slot, found: Option<(Span, Option<Severity>)>) {
        let Some((message, severity)) = found.filter(|(message, _)| !message.is_empty()) else {
            return;
        };
        let event = &mut self.events[slot.event as usize];
        event.message = message;
        event.severity = severity.unwrap_or(event.severity);
    }

    fn extra(&mut self, extra: Extra) -> u32 {
        self.extras.push(extra);
        (self.extras.len() - 1) as u32
    }

    /// Gives an event all lines of its record and the trace behind the first.
    pub(super) fn set_text(&mut self, slot: &mut Slot, record: Span, trace: Span) {
        let extra = match slot.extra {
            Some(extra) => extra,
            None => self.extra(Extra::default()),
        };
        slot.extra = Some(extra);
        self.extras[extra as usize].trace = trace;
        let event = &mut self.events[slot.event as usize];
        event.extra = ExtraIndex::new(extra as usize);
        event.record = record;
    }

    /// Gives an event a text that does not stand in the chunk.
    pub(super) fn set_copied(&mut self, slot: &mut Slot, text: &CopiedText) {
        let version = text.version();
        let base = self.append(&text.raw);
        let trace = self.append_trace(text, version, base);
        self.set_text(slot, Span::scratch(base, base + text.raw.len()), trace);
    }

    /// Adds `version` of a record that began in an earlier chunk, or takes it back.
    pub(super) fn push_version(
        &mut self,
        format: Format,
        text: &CopiedText,
        version: Version,
        time: EventTime,
        change: i8,
    ) {
        let base = self.append(&text.raw[..version.raw]);
        let place = Place { scratch: true, base };
        // The record was an event before, so it still is one.
        let found = line::read(format, text.first_line_in(version), place, &mut self.scratch);
        let record = Span::scratch(base, base + version.raw);
        let mut slot = self.push(&found.unwrap_or_default(), record, time, change);
        if version.raw > text.first_bytes {
            let trace = self.append_trace(text, version, base);
            self.set_text(&mut slot, record, trace);
            let behind = text.trace(version);
            let end = memchr::memchr(b'\n', behind).unwrap_or(behind.len());
            self.take_second_line(slot, &[], &behind[..end]);
        }
    }

    fn append_trace(&mut self, text: &CopiedText, version: Version, base: usize) -> Span {
        let trace = text.trace(version);
        if text.trace.is_some() {
            let start = self.append(trace);
            return Span::scratch(start, start + trace.len());
        }
        let end = base + version.raw;
        Span::scratch(end - trace.len(), end)
    }

    fn append(&mut self, text: &[u8]) -> usize {
        let base = self.scratch.bytes.len();
        self.scratch.bytes.extend_from_slice(text);
        base
    }

    /// Takes an event out again: its record is held back.
    pub(super) fn hold(&mut self, slot: Slot) {
        self.emitted -= 1;
        self.held.push(slot.event);
    }

    /// Makes room for as much as the batch before had.
    pub(super) fn begin(&mut self) {
        self.events.reserve(self.events_hint);
        self.scratch.bytes.reserve(self.scratch_hint);
    }

    /// Finishes the batch; the draft is empty again.
    pub(super) fn finish(
        &mut self,
        source: SourceIndex,
        service: &Arc<str>,
        bytes: &Arc<Vec<u8>>,
    ) -> Parsed {
        self.held.sort_unstable();
        for event in self.held.drain(..).rev() {
            self.events.swap_remove(event as usize);
        }
        self.events_hint = self.events.len();
        self.scratch_hint = self.scratch.bytes.len();
        let take = std::mem::take::<u64>;
        Parsed {
            batch: EventBatch {
                source,
                service: Arc::clone(service),
                bytes: Arc::clone(bytes),
                scratch: Arc::new(std::mem::take(&mut self.scratch.bytes)),
                extras: std::mem::take(&mut self.extras),
                events: std::mem::take(&mut self.events),
            },
            lines_read: take(&mut self.lines_read),
            lines_blank: take(&mut self.lines_blank),
            lines_cut: take(&mut self.lines_cut),
            emitted: take(&mut self.emitted),
            invalid_utf8: take(&mut self.invalid_utf8),
            rejected: std::mem::take(&mut self.rejected),
        }
    }
}
