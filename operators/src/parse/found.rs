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
    /// The envelope of a container runtime or of the journal around a line without header.
    Container,
    /// An HTTP server's access log.
    Access,
    /// A severity and no time.
    Level,
    /// What a pattern of the user matches.
    Pattern,
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
            Layout::Pattern => "pattern",
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

/// What one line says. With the layouts `Plain` and `Container` no header was found: the line may go
/// on from the one before it in its stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    /// How it is laid out.
    pub layout: Layout,
    /// What is left when header or envelope are taken off.
    pub message: Span,
    /// The line as its program wrote it, indentation included, if the envelope of a container
    /// runtime, the journal or a syslog daemon was around it.
    pub body: Span,
    /// Where the message begins in its text, if a header stands before it; else 0.
    pub rest: usize,
    /// Which of several interleaved streams the line belongs to: stdout or stderr, a container, a
    /// unit of the journal.
    pub stream: Span,
    /// Whether a container runtime cut the line here: it goes on in the next one of its stream.
    pub partial: bool,
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
    /// What only structured records say.
    pub details: Details,
}

/// What only structured records say about what went wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Details {
    /// The stack trace, as its logger wrote it.
    pub stack: Span,
    /// The type of the exception.
    pub exception_type: Span,
    /// Its message.
    pub exception_message: Span,
    /// The fingerprint that the record names itself.
    pub fingerprint: Span,
}

impl Details {
    /// Returns `self` with the pieces of `outer` that it lacks.
    fn or(self, outer: Details) -> Details {
        Details {
            stack: either(self.stack, outer.stack),
            exception_type: either(self.exception_type, outer.exception_type),
            exception_message: either(self.exception_message, outer.exception_message),
            fingerprint: either(self.fingerprint, outer.fingerprint),
        }
    }
}

fn either(inner: Span, outer: Span) -> Span {
    if inner.is_empty() { outer } else { inner }
}

impl Found {
    /// Returns `self` with what `inner`, read from its message, found in addition or more exactly.
    pub(super) fn refined_by(self, inner: Found) -> Found {
        Found {
            layout: if inner.layout == Layout::Plain { self.layout } else { inner.layout },
            message: inner.message,
            body: either(inner.body, self.body),
            rest: 0,
            stream: either(inner.stream, self.stream),
            partial: self.partial,
            service: either(inner.service, self.service),
            host: either(inner.host, self.host),
            process: either(inner.process, self.process),
            thread: either(inner.thread, self.thread),
            logger: either(inner.logger, self.logger),
            time: inner.time.or(self.time),
            severity: inner.severity.or(self.severity),
            details: inner.details.or(self.details),
        }
    }
}

/// Sets a piece unless it is set already.
pub(super) fn set_first(slot: &mut Span, span: Span) {
    if slot.is_empty() {
        *slot = span;
    }
}
