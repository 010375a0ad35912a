//! What parsing finds in one line, for people: the pieces as text, and the name of the layout.

use super::format::Format;
use super::found::{Found, Place};
use super::line::{self, Scratch};
use super::zone::Zone;
use engine::model::{EventBatch, EventTime, RejectReason, Severity, SourceIndex, Span};
use serde::Serialize;
use std::sync::Arc;

/// One line, explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// How the line is laid out; `None` if it does not have the format asked for.
    pub layout: Option<&'static str>,
    /// Why the record would not be counted, if so.
    pub rejected: Option<RejectReason>,
    /// The time it carries.
    pub time: Option<EventTime>,
    /// Its severity.
    pub severity: Severity,
    /// The service it names; empty if none, like the other pieces.
    pub service: String,
    /// Host.
    pub host: String,
    /// Process.
    pub process: String,
    /// Thread.
    pub thread: String,
    /// Logger.
    pub logger: String,
    /// What is left.
    pub message: String,
    /// Which of several interleaved streams it belongs to.
    pub stream: String,
    /// Whether it goes on in the next line of its stream.
    pub partial: bool,
    /// The type of the exception that a structured record names.
    pub exception_type: String,
    /// The message of that exception.
    pub exception_message: String,
    /// Its stack trace.
    pub stack: String,
    /// The fingerprint that the record names itself.
    pub fingerprint: String,
}

/// Explains `text` as a line of `format`, received at `received`, in a zone of that IANA name (UTC
/// if there is no such zone). Line ends are ignored.
pub fn explain(format: Format, timezone: &str, received: EventTime, text: &[u8]) -> Explanation {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let mut scratch = Scratch::default();
    let place = Place { scratch: false, base: 0 };
    let read = line::read(format, text, place, &mut scratch);
    let found = read.unwrap_or(Found { message: place.span(0, text.len()), ..Found::default() });
    let mut zone = Zone::named(timezone).unwrap_or_else(Zone::utc);
    let batch = EventBatch {
        source: SourceIndex(0),
        service: Arc::from(""),
        bytes: Arc::new(text.to_vec()),
        scratch: Arc::new(scratch.bytes),
        extras: Vec::new(),
        events: Vec::new(),
    };
    let piece = |span: Span| String::from_utf8_lossy(batch.text(span)).into_owned();
    let time = found.time.map(|written| zone.resolve(written, received));
    let rejected = match (read, time) {
        (None, _) => Some(RejectReason::FormatMismatch),
        (_, Some(time)) if !time.is_plausible(received) => Some(RejectReason::AbsurdTime),
        _ => None,
    };
    Explanation {
        rejected,
        layout: read.map(|found| found.layout.as_str()),
        time,
        severity: found.severity.unwrap_or(Severity::Unknown),
        service: piece(found.service),
        host: piece(found.host),
        process: piece(found.process),
        thread: piece(found.thread),
        logger: piece(found.logger),
        message: piece(found.message),
        stream: piece(found.stream),
        partial: found.partial,
        exception_type: piece(found.details.exception_type),
        exception_message: piece(found.details.exception_message),
        stack: piece(found.details.stack),
        fingerprint: piece(found.details.fingerprint),
    }
}
