//! The names under which structured loggers write what we look for: ECS, OpenTelemetry, Bunyan and
//! pino, zap, slog, logback, Serilog, Python, GELF, journald, cloud loggers. One list for JSON and
//! logfmt; nested JSON keys are joined by dots.

use super::found::{Found, set_first};
use super::severity;
use super::timestamp::{self, Written};
use engine::model::{Severity, Span};

/// What a field means to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The message.
    Message,
    /// A message still with its line end, in a container runtime's envelope.
    Envelope,
    /// What went wrong; the message too, if there is no other.
    Exception,
    /// The type of the exception.
    ExceptionType,
    /// Its stack trace.
    Stack,
    /// The fingerprint that the record names itself.
    Fingerprint,
    /// The stream that a container runtime or the journal read it from.
    Stream,
    Time,
    /// A severity word or number.
    Level,
    /// A severity word, under a name that other things have too: numbers say nothing.
    LevelName,
    /// A severity number of Python, OpenTelemetry or syslog.
    PythonLevel,
    OtelLevel,
    SyslogLevel,
    Service,
    Host,
    Process,
    Thread,
    Logger,
}

/// How many roles there are.
pub(super) const ROLES: usize = Role::Logger as usize + 1;

impl Role {
    /// Every role, in the order of its number.
    pub(super) const ALL: [Role; ROLES] = [
        Role::Message,
        Role::Envelope,
        Role::Exception,
        Role::ExceptionType,
        Role::Stack,
        Role::Fingerprint,
        Role::Stream,
        Role::Time,
        Role::Level,
        Role::LevelName,
        Role::PythonLevel,
        Role::OtelLevel,
        Role::SyslogLevel,
        Role::Service,
        Role::Host,
        Role::Process,
        Role::Thread,
        Role::Logger,
    ];
}

/// Returns the role of a field and its rank among the fields of that role; the lowest rank counts.
pub(super) fn role(key: &[u8]) -> Option<(Role, u8)> {
    role_in_text(key).or_else(|| role_in_header(key))
}

/// The fields that say what happened.
fn role_in_text(key: &[u8]) -> Option<(Role, u8)> {
    use Role::*;
    Some(match key {
        b"message" | b"@m" => (Message, 0),
        b"msg" | b"Message" | b"M" | b"RenderedMessage" | b"short_message" => (Message, 1),
        b"body"
        | b"body.stringValue"
        | b"Body"
        | b"textPayload"
        | b"jsonPayload.message"
        | b"fields.message"
        | b"_msg" => (Message, 2),
        b"@mt" | b"MessageTemplate" | b"event" | b"text" => (Message, 3),
        b"log" => (Envelope, 0),
        b"MESSAGE" => (Envelope, 1),
        b"error.message"
        | b"err.message"
        | b"exception.message"
        | b"error.msg"
        | b"err.msg"
        | b"exception.exception_message"
        | b"thrown.message"
        | b"context.exception.message"
        | b"attributes.exception.message"
        | b"Attributes.exception.message" => (Exception, 0),
        b"error" | b"err" | b"exception" | b"@x" | b"exc_info" | b"exc_text" | b"Exception"
        | b"thrown" => (Exception, 1),
        b"error.type"
        | b"exception.type"
        | b"attributes.exception.type"
        | b"Attributes.exception.type" => (ExceptionType, 0),
        b"err.type"
        | b"error.kind"
        | b"exception.class"
        | b"exception.exception_class"
        | b"exception_class"
        | b"exception.exceptionType"
        | b"context.exception.class"
        | b"thrown.name" => (ExceptionType, 1),
        b"err.name" | b"error.name" | b"exception.name" | b"error.class" => (ExceptionType, 2),
        b"error.stack_trace"
        | b"exception.stacktrace"
        | b"attributes.exception.stacktrace"
        | b"Attributes.exception.stacktrace" => (Stack, 0),
        b"err.stack"
        | b"error.stack"
        | b"exception.stack"
        | b"exception.stack_trace"
        | b"exception.backtrace"
        | b"thrown.extendedStackTrace"
        | b"error.stacktrace" => (Stack, 1),
        b"stack_trace" | b"stacktrace" | b"stackTrace" | b"StackTrace" | b"stack"
        | b"backtrace" | b"traceback" | b"S" => (Stack, 2),
        b"error.fingerprint" => (Fingerprint, 0),
        b"fingerprint" | b"attributes.fingerprint" => (Fingerprint, 1),
        _ => return None,
    })
}

/// The fields that say when, where and how bad it was.
fn role_in_header(key: &[u8]) -> Option<(Role, u8)> {
    use Role::*;
    Some(match key {
        b"_SYSTEMD_UNIT" | b"kubernetes.container_name" | b"container.id" => (Stream, 0),
        b"stream" | b"container_id" | b"_TRANSPORT" => (Stream, 1),
        b"@timestamp" | b"@t" => (Time, 0),
        b"timestamp" | b"time" | b"ts" | b"Timestamp" | b"Time" | b"T" => (Time, 1),
        b"timeUnixNano"
        | b"time_unix_nano"
        | b"datetime"
        | b"date"
        | b"asctime"
        | b"t"
        | b"t.$date"
        | b"eventTime"
        | b"__REALTIME_TIMESTAMP"
        | b"timeMillis" => (Time, 2),
        b"_time"
        | b"created"
        | b"created_at"
        | b"observedTimeUnixNano"
        | b"observed_timestamp"
        | b"instant.epochSecond"
        | b"record.time.timestamp" => (Time, 3),
        b"log.level" | b"severity_text" | b"severityText" | b"SeverityText" => (Level, 0),
        b"level" | b"severity" | b"lvl" | b"@l" | b"Level" | b"LogLevel" | b"levelname"
        | b"loglevel" | b"log_level" | b"logLevel" | b"L" => (Level, 1),
        b"record.level.name" => (Level, 2),
        b"level_name" | b"s" | b"status" | b"at" => (LevelName, 0),
        b"levelno" => (PythonLevel, 0),
        b"severity_number" | b"severityNumber" | b"SeverityNumber" => (OtelLevel, 0),
        b"PRIORITY" | b"syslog.severity.code" | b"log.syslog.severity.code" => (SyslogLevel, 0),
        b"service.name" => (Service, 0),
        b"service"
        | b"serviceName"
        | b"service_name"
        | b"resource.service.name"
        | b"Resource.service.name"
        | b"resource.attributes.service.name" => (Service, 1),
        b"application" | b"app_name" | b"appName" | b"app" => (Service, 2),
        b"host.name" | b"host" | b"hostname" | b"hostName" | b"host.hostname" | b"_HOSTNAME" => {
            (Host, 0)
        }
        b"process.name" | b"SYSLOG_IDENTIFIER" | b"process" | b"processName" => (Process, 0),
        b"process.pid" | b"pid" | b"_PID" => (Process, 1),
        b"process.thread.name" | b"thread" | b"thread_name" | b"threadName" => (Thread, 0),
        b"process.thread.id" | b"tid" | b"thread_id" => (Thread, 1),
        b"log.logger"
        | b"logger"
        | b"logger_name"
        | b"loggerName"
        | b"SourceContext"
        | b"Properties.SourceContext"
        | b"Category" => (Logger, 0),
        b"name" | b"component" | b"module" | b"target" | b"N" | b"c" => (Logger, 1),
        _ => return None,
    })
}

/// Returns whether objects under this key hold fields that we look for.
pub(super) fn is_parent(key: &[u8]) -> bool {
    matches!(
        key,
        b"log"
            | b"t"
            | b"error"
            | b"err"
            | b"exception"
            | b"thrown"
            | b"attributes"
            | b"context"
            | b"context.exception"
            | b"instant"
            | b"kubernetes"
            | b"record"
            | b"record.level"
            | b"record.time"
            | b"attributes.exception"
            | b"Attributes"
            | b"service"
            | b"host"
            | b"process"
            | b"process.thread"
            | b"body"
            | b"jsonPayload"
            | b"fields"
            | b"resource"
            | b"Resource"
            | b"resource.service"
            | b"resource.attributes"
            | b"resource.attributes.service"
            | b"Properties"
            | b"syslog"
            | b"syslog.severity"
            | b"log.syslog"
            | b"log.syslog.severity"
    )
}

/// The text of a field, and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value<'t> {
    /// Its bytes, as they stand in the line.
    pub text: &'t [u8],
    /// The same as a span.
    pub span: Span,
}

/// Enters a field's value into `found`. Messages and exceptions are the caller's business.
pub(super) fn enter(found: &mut Found, role: Role, value: Value<'_>) {
    match role {
        Role::Message | Role::Envelope => {}
        Role::Exception if is_literal(value.text) => {}
        Role::Exception if holds_lines(value.text) => {
            set_first(&mut found.details.stack, value.span);
        }
        Role::Exception => set_first(&mut found.details.exception_message, value.span),
        Role::ExceptionType => set_first(&mut found.details.exception_type, value.span),
        Role::Stack => set_first(&mut found.details.stack, value.span),
        Role::Fingerprint => set_first(&mut found.details.fingerprint, value.span),
        Role::Stream => set_first(&mut found.stream, value.span),
        Role::Time => found.time = found.time.or_else(|| time(value.text)),
        Role::Level => found.severity = found.severity.or_else(|| level(value.text)),
        Role::LevelName => {
            found.severity = found.severity.or_else(|| match value.text {
                [letter @ b'A'..=b'Z'] => severity::of_letter(*letter),
                word => severity::of_word(word),
            });
        }
        Role::PythonLevel => {
            found.severity =
                found.severity.or_else(|| scaled(value.text, severity::of_python_number));
        }
        Role::OtelLevel => {
            found.severity =
                found.severity.or_else(|| scaled(value.text, severity::of_otel_number));
        }
        Role::SyslogLevel => {
            let of = |number| Some(severity::of_syslog(number));
            found.severity = found.severity.or_else(|| scaled(value.text, of));
        }
        Role::Service => set_first(&mut found.service, value.span),
        Role::Host => set_first(&mut found.host, value.span),
        Role::Process => set_first(&mut found.process, value.span),
        Role::Thread => set_first(&mut found.thread, value.span),
        Role::Logger => set_first(&mut found.logger, value.span),
    }
}

/// Returns whether a value only says that, or how often, something went wrong.
fn is_literal(raw: &[u8]) -> bool {
    matches!(raw, b"true" | b"false" | b"nil" | b"null" | b"none" | b"None")
        || raw.iter().all(u8::is_ascii_digit)
}

/// Returns whether a value that is still escaped has more than one line: then it is a trace.
fn holds_lines(raw: &[u8]) -> bool {
    memchr::memmem::find(raw, b"\\n").is_some()
}

fn time(text: &[u8]) -> Option<Written> {
    match timestamp::at(text, 0) {
        Some(stamp) if stamp.end == text.len() => Some(stamp.written),
        _ => timestamp::from_number(text).map(Written::Instant),
    }
}

fn level(text: &[u8]) -> Option<Severity> {
    match text {
        [letter @ b'A'..=b'Z'] => severity::of_letter(*letter),
        [b'0'..=b'9', ..] => scaled(text, severity::of_level_number),
        _ => severity::of_word(text),
    }
}

fn scaled(text: &[u8], of: impl Fn(u64) -> Option<Severity>) -> Option<Severity> {
    std::str::from_utf8(text).ok()?.parse().ok().and_then(of)
}
