//! What parsing one line found: pieces of its text, a time as written, a severity. A pure function
//! of the line; what depends on the chunk (receipt, previous event) is added by [`super::parser`].

use super::timestamp::Written;
use engine::model::{Severity, Span};

/// How a line was laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// The whole line is the message.
    #[default]
    Plain,
    /// One JSON object.
    Json,
    /// `key=value` pairs.
    Logfmt,
    /// `<PRI>` and the header of RFC 3164.
    Syslog3164,
    /// `<PRI>1` and the header of RFC 5424.
    Syslog5424,
    /// `Jan  2 03:04:05 host process[pid]: message`, as syslog daemons write files.
    SyslogFile,
    /// A run of header fields that begins with, or contains, a time.
    Timestamp,
    /// Fields between `|`.
    Columns,
    /// `I0102 15:04:05.678901   12345 file.go:12] message`.
    Klog,
    /// `time stdout F message`, as container runtimes write it, around a line without header.
    Container,
    /// An HTTP server's access log.
    Access,
    /// A severity and no time.
    Level,
}

impl Layout {
    /// Returns the name shown by `explain`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Layout::Plain => "plain",
            Layout::Json => "json",
            Layout::Logfmt => "logfmt",
            Layout::Syslog3164 => "syslog_rfc3164",
            Layout::Syslog5424 => "syslog_rfc5424",
            Layout::SyslogFile => "syslog_file",
            Layout::Timestamp => "timestamp",
            Layout::Columns => "columns",
            Layout::Klog => "klog",
            Layout::Container => "container",
            Layout::Access => "access",
            Layout::Level => "level",
        }
    }
}

/// Where a text stands in its batch: at `base` of the chunk's bytes or of the scratch bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Whether it stands in the scratch bytes.
    pub scratch: bool,
    /// Where it begins.
    pub base: usize,
}

impl Place {
    /// Returns the piece `[start, end)` of the text at this place; an empty one is absent.
    pub(super) fn span(self, start: usize, end: usize) -> Span {
        match (start >= end, self.scratch) {
            (true, _) => Span::NONE,
            (false, true) => Span::scratch(self.base + start, self.base + end),
            (false, false) => Span::chunk(self.base + start, self.base + end),
        }
    }

    /// Returns the piece `[start, end)` of `text` without the white space around it.
    pub(super) fn trimmed(self, text: &[u8], start: usize, end: usize) -> Span {
        let piece = &text[start..end];
        let inner = piece.trim_ascii_start();
        let start = end - inner.len();
        self.span(start, start + inner.trim_ascii_end().len())
    }

    /// Returns the place of what begins `start` bytes into the text at this place.
    pub(super) fn within(self, start: usize) -> Place {
        Place { base: self.base + start, ..self }
    }
}

/// What one line says.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    /// How it is laid out.
    pub layout: Layout,
    /// What is left when header or envelope are taken off.
    pub message: Span,
    /// Where the message begins in its text, if a header stands before it; else 0.
    pub rest: usize,
    /// Service, host, process, thread and logger, where named.
    pub service: Span,
    pub host: Span,
    pub process: Span,
    pub thread: Span,
    pub logger: Span,
    /// When it happened, as written.
    pub time: Option<Written>,
    /// How bad it says it is.
    pub severity: Option<Severity>,
}

impl Found {
    /// Returns `self` with what `inner`, read from its message, found in addition or more exactly.
    pub(super) fn refined_by(self, inner: Found) -> Found {
        let either = |inner: Span, outer: Span| if inner.is_empty() { outer } else { inner };
        Found {
            layout: if inner.layout == Layout::Plain { self.layout } else { inner.layout },
            message: inner.message,
            rest: 0,
            service: either(inner.service, self.service),
            host: either(inner.host, self.host),
            process: either(inner.process, self.process),
            thread: either(inner.thread, self.thread),
            logger: either(inner.logger, self.logger),
            time: inner.time.or(self.time),
            severity: inner.severity.or(self.severity),
        }
    }
}

/// Sets a piece unless it is set already.
pub(super) fn set_first(slot: &mut Span, span: Span) {
    if slot.is_empty() {
        *slot = span;
    }
}
