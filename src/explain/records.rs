//! Which lines of the input become which record, by the parser that the engine runs: it is fed line by
//! line, and takes a record back when a later line completes it.
//!
//! *State and limits:* all records of the input are held, since patterns are a function of all of them.

use super::analyst::{header, rejected_identity};
use super::input::Row;
use crate::cli::ExplainArgs;
use engine::model::{
    Chunk, EventBatch, EventRef, EventTime, Offset, PartitionId, Severity, SourceIndex,
};
use operators::assemble::Assemble;
use operators::fingerprint::{Explained, IdentityRules, explain_event};
use operators::parse::{Format, Parsed, Parser};
use std::collections::BTreeMap;
use std::sync::Arc;

/// One record, as far as it has been read.
pub(super) struct Record {
    pub(super) stream: String,
    /// Numbers of its rows.
    pub(super) lines: Vec<u64>,
    pub(super) severity: Severity,
    pub(super) time: EventTime,
    pub(super) identity: Explained,
    /// The first line, without its header.
    pub(super) message: Vec<u8>,
    /// Why it would not be counted.
    pub(super) rejected: Option<&'static str>,
    raw: Vec<u8>,
}

/// What is remembered of a stream while its rows are read.
#[derive(Default)]
struct Stream {
    /// Its records, in order.
    records: Vec<usize>,
    /// Blank rows since the last other one.
    blanks: Vec<u64>,
}

/// How far back a record is looked for that was completed: farther than the parser keeps one open.
const LOOKED_BACK_MAX: usize = 1024;

/// Makes records of rows.
pub(super) struct Records {
    parser: Parser,
    rules: IdentityRules,
    received: EventTime,
    timezone: String,
    service: Arc<str>,
    streams: BTreeMap<String, Stream>,
    /// Every record, in the order of first lines.
    pub(super) all: Vec<Record>,
}

impl Records {
    /// Returns a maker of records as `args` say; the time zone has been checked.
    pub(super) fn new(args: &ExplainArgs, rules: IdentityRules, received: EventTime) -> Self {
        let (format, assemble) = match args.content {
            true => (Format::Plain, Assemble::Off),
            false => (Format::Auto, Assemble::Auto),
        };
        let parser = Parser::new(format, &args.timezone).unwrap_or_else(|| Parser::utc(format));
        Self {
            parser: parser.assembling(assemble),
            rules,
            received,
            timezone: args.timezone.clone(),
            service: "".into(),
            streams: BTreeMap::new(),
            all: Vec::new(),
        }
    }

    /// Reads one row.
    pub(super) fn read(&mut self, row: Row) {
        let stream = self.streams.entry(row.stream.clone()).or_default();
        if row.text.iter().all(u8::is_ascii_whitespace) {
            stream.blanks.push(row.number);
        }
        let mut bytes = row.text;
        bytes.push(b'\n');
        let chunk = chunk(&row.stream, bytes, self.received);
        let parsed = self.parser.parse(&self.service, &chunk);
        self.take(row.number, &row.stream, row.time, &parsed);
    }

    /// Notes what a row changed.
    fn take(&mut self, number: u64, stream: &str, time: Option<EventTime>, parsed: &Parsed) {
        let (batch, mut changed) = (&parsed.batch, false);
        let taken_back = batch.events.iter().filter(|event| event.change < 0);
        let mut completed: Vec<usize> =
            taken_back.filter_map(|event| self.find(stream, batch.text(event.record))).collect();
        for event in batch.events.iter().filter(|event| event.change > 0) {
            match completed.pop() {
                Some(at) => self.complete(at, number, stream, batch, event),
                None => self.begin(number, stream, time, batch, event),
            }
            changed = true;
        }
        for rejected in parsed.rejected.examples() {
            let header = header(&rejected.record, &self.timezone, self.received);
            let identity = rejected_identity(&header, &self.rules);
            let (raw, message) =
                (rejected.record.clone().into_bytes(), header.message.into_bytes());
            let (reason, severity) = (Some(rejected.reason.as_str()), header.severity);
            let time = time.unwrap_or(self.received);
            self.push(
                stream,
                Record {
                    stream: stream.to_owned(),
                    lines: vec![number],
                    severity,
                    time,
                    identity,
                    message,
                    rejected: reason,
                    raw,
                },
            );
            changed = true;
        }
        if !changed && parsed.lines_blank == 0 {
            // What a record may no longer hold, or what follows a rejected one.
            self.append_to_last(stream, number);
        }
    }

    /// Returns the latest record of `stream` that reads `raw`.
    fn find(&self, stream: &str, raw: &[u8]) -> Option<usize> {
        let recent = self.streams.get(stream)?.records.iter().rev().take(LOOKED_BACK_MAX);
        recent.copied().find(|&at| self.all[at].raw == raw)
    }

    fn begin(
        &mut self,
        number: u64,
        stream: &str,
        time: Option<EventTime>,
        batch: &EventBatch,
        event: &EventRef,
    ) {
        let identity = explain_event(batch, event, &self.rules);
        let record = Record {
            stream: stream.to_owned(),
            lines: vec![number],
            severity: event.severity,
            time: time.unwrap_or(event.time),
            message: message(batch, event, &identity),
            identity,
            rejected: None,
            raw: batch.text(event.record).to_vec(),
        };
        self.push(stream, record);
    }

    fn push(&mut self, stream: &str, record: Record) {
        let stream = self.streams.entry(stream.to_owned()).or_default();
        stream.blanks.clear();
        stream.records.push(self.all.len());
        self.all.push(record);
    }

    fn complete(
        &mut self,
        at: usize,
        number: u64,
        stream: &str,
        batch: &EventBatch,
        event: &EventRef,
    ) {
        let blanks = self.streams.get_mut(stream).map(|stream| std::mem::take(&mut stream.blanks));
        let record = &mut self.all[at];
        record.raw = batch.text(event.record).to_vec();
        let written = record.raw.iter().filter(|byte| **byte == b'\n').count() + 1;
        if written > record.lines.len() + 1 {
            record.lines.extend(blanks.unwrap_or_default());
        }
        record.lines.push(number);
        record.identity = explain_event(batch, event, &self.rules);
        record.severity = event.severity;
    }

    fn append_to_last(&mut self, stream: &str, number: u64) {
        let last = self.streams.get(stream).and_then(|stream| stream.records.last());
        if let Some(&at) = last {
            self.all[at].lines.push(number);
        }
    }
}

/// Returns lines of a partition as a source would hand them over.
pub(super) fn chunk(partition: &str, bytes: Vec<u8>, received: EventTime) -> Chunk {
    Chunk {
        source: SourceIndex(0),
        partition: PartitionId(partition.into()),
        bytes: Arc::new(bytes),
        end: Some(Offset::default()),
        received,
        lines_cut: 0,
        lost_bytes: 0,
        lag_bytes: 0,
    }
}

/// Returns the message from which the text of a pattern is made: where rules of the user decide, what
/// they made of it.
fn message(batch: &EventBatch, event: &EventRef, identity: &Explained) -> Vec<u8> {
    match identity.rules.is_empty() {
        true => batch.text(event.message).to_vec(),
        false => identity.text.clone().into_bytes(),
    }
}
