//! From lines to a trace: which language printed it, and where the fields of a structured record
//! complete it.

use super::codes::codes_of;
use super::head::find_head;
use super::lines::{decode, lines_of};
use super::model::{Cause, Language, NAME_BYTES_MAX, Trace, cut};
use super::origin::FrameRules;
use super::{dotnet, go, javascript, jvm, php, python, ruby, rust};

/// A trace, and the line in front of it where that is no part of the trace.
pub(super) struct Reading {
    pub(super) trace: Trace,
    /// The message of the record.
    pub(super) message: String,
}

/// Returns what the parts of a record say of an exception. `kind` and `text` are the type and the
/// message that a structured record names; all may be empty.
pub(super) fn read(
    message: &[u8],
    trace: &[u8],
    kind: &[u8],
    text: &[u8],
    rules: &FrameRules,
) -> Option<Reading> {
    let (message, trace) = (decode(message), decode(trace));
    let (kind, text) = (decode(kind), decode(text));
    let kind = cut(kind.trim(), NAME_BYTES_MAX);
    let lines = lines_of(&message, &trace);
    let read = if lines.len() > 1 || is_one_line(&message, &trace) {
        of_lines(&lines, rules)
    } else {
        None
    };
    let mut read = match read {
        Some(trace) => trace,
        None if !kind.is_empty() => {
            let causes = vec![Cause::new(kind, if text.is_empty() { &message } else { &text })];
            Trace { language: Language::Unknown, causes }
        }
        None => unframed(&lines)?,
    };
    if let Some(outer) = read.causes.last_mut()
        && outer.kind.is_empty()
        && !kind.is_empty()
    {
        outer.kind = kind.to_owned();
        outer.message = if text.is_empty() { message.to_string() } else { text.to_string() };
        outer.codes = codes_of(kind, &outer.message);
    }
    Some(Reading { trace: read, message: message.lines().next().unwrap_or("").to_owned() })
}

/// Returns whether there is a trace of one line, beside its message.
fn is_one_line(message: &str, trace: &str) -> bool {
    message.is_empty() && !trace.is_empty()
}

/// Returns the trace in `lines`: of the language that the first line speaks that any does.
fn of_lines(lines: &[&str], rules: &FrameRules) -> Option<Trace> {
    let language = lines.iter().enumerate().find_map(|(at, line)| speaks(lines, at, line))?;
    let trace = match language {
        Language::Jvm => jvm::read(lines, rules),
        Language::Python => python::read(lines, rules),
        Language::Go => go::read(lines, rules),
        Language::Rust => rust::read(lines, rules),
        Language::JavaScript => javascript::read(lines, rules),
        Language::DotNet => dotnet::read(lines, rules),
        Language::Ruby => ruby::read(lines, rules),
        Language::Php => php::read(lines, rules),
        Language::Unknown => None,
    };
    trace.filter(|trace| {
        trace.causes.iter().any(|one| !one.kind.is_empty() || !one.frames.is_empty())
    })
}

/// Returns the language whose traces have a line such as `line`. The order decides where grammars
/// meet: that of the JVM is narrower than that of .NET.
fn speaks(lines: &[&str], at: usize, line: &str) -> Option<Language> {
    if line.trim_start().starts_with("at ") {
        return if jvm::is_frame(line) {
            Some(Language::Jvm)
        } else if javascript::is_frame(line) {
            Some(Language::JavaScript)
        } else {
            dotnet::is_frame(line).then_some(Language::DotNet)
        };
    }
    if python::is_frame(line) {
        Some(Language::Python)
    } else if php::is_frame(line) {
        Some(Language::Php)
    } else if go::is_location(line) && at > 0 {
        Some(Language::Go)
    } else if ruby::is_frame(line) {
        Some(Language::Ruby)
    } else if rust::is_header(line) || rust::is_frame(line) || is_rust_report(lines, at, line) {
        Some(Language::Rust)
    } else if javascript::is_frame(line) {
        Some(Language::JavaScript)
    } else if dotnet::is_frame(line) {
        Some(Language::DotNet)
    } else {
        // A chain without frames: the JVM leaves them out of exceptions it throws often.
        (at > 0 && line.starts_with("Caused by: ")).then_some(Language::Jvm)
    }
}

/// Returns whether `line` begins the causes of an error that Rust reports.
fn is_rust_report(lines: &[&str], at: usize, line: &str) -> bool {
    at > 0
        && line.trim_end() == "Caused by:"
        && lines.get(at + 1).is_some_and(|next| next.starts_with("    "))
}

/// Returns an exception without frames that a line after the first one names.
fn unframed(lines: &[&str]) -> Option<Trace> {
    let rest: Vec<&str> =
        lines.iter().skip(1).copied().filter(|line| !line.trim().is_empty()).collect();
    let first = rest.first()?;
    let head = find_head(&rest[..1], true)?;
    let is_alone = first.starts_with(head.kind) && super::head::names_failure(head.kind);
    let is_qualified = head.kind.contains(['.', '\\']) || head.kind.contains("::");
    (is_alone && is_qualified)
        .then(|| Trace { language: Language::Unknown, causes: vec![Cause::of(head)] })
}
