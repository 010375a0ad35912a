//! Golden lines that no text file holds, and what depends on more than the line. The corpora by format
//! are in `tests/golden`. Family `golden_`.

use super::{Explanation, Format, explain};
use engine::model::{EventTime, RejectReason};

/// 2024-05-17T12:00:00Z.
const RECEIVED: EventTime = EventTime::from_secs(1_715_947_200);

/// Renders `layout time severity | host | process | thread | logger | message`, `-` for absent.
fn rendered(line: &[u8]) -> String {
    let Explanation {
        layout, time, severity, service, host, process, thread, logger, message, ..
    } = explain(Format::Auto, "UTC", RECEIVED, line);
    let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
    let time = time.map_or("-".to_owned(), |time| time.to_string());
    let service = if service.is_empty() { service } else { format!(" @{service}") };
    let [host, process, thread, logger] = [host, process, thread, logger].map(or_dash);
    let layout = layout.unwrap_or("mismatch");
    format!(
        "{layout} {time} {severity}{service} | {host} | {process} | {thread} | {logger} | {message}"
    )
}

#[test]
fn golden_bytes_that_are_no_text_stay_as_they_are() {
    let line = b"\xEF\xBB\xBF\x1b[32m2024-01-02T03:04:05Z\x1b[0m \x1b[33mWARN\x1b[0m shop::cart: a\x00b\xFFc";
    let found = rendered(line);
    assert_eq!(
        found,
        "timestamp 2024-01-02T03:04:05Z warn | - | - | - | shop::cart | a\u{0}b\u{FFFD}c"
    );
}

#[test]
fn golden_line_ends_of_windows_are_taken_off() {
    assert_eq!(rendered(b"INFO: hello\r\n"), "level - info | - | - | - | - | hello");
}

#[test]
fn golden_times_without_zone_are_local_to_the_source() {
    let line = b"2024-01-02 03:04:05 INFO started";
    let time = explain(Format::Auto, "Europe/Berlin", RECEIVED, line).time.unwrap();
    assert_eq!(time.to_string(), "2024-01-02T02:04:05Z");
}

#[test]
fn golden_explicit_formats_refuse_other_lines() {
    let layouts = |line: &[u8]| -> Vec<&str> {
        let fits = |format| explain(format, "UTC", RECEIVED, line).layout.is_some();
        Format::ALL.into_iter().filter(|format| fits(*format)).map(Format::as_str).collect()
    };
    let explicit = |line| -> Vec<&str> { layouts(line).split_off(2) };
    assert_eq!(layouts(b"just words"), ["auto", "plain"]);
    assert_eq!(explicit(b"{\"msg\":1}"), ["json"]);
    assert_eq!(explicit(b"a=b"), ["logfmt"]);
    assert_eq!(explicit(b"<13>words"), ["syslog"]);
    assert_eq!(explicit(b"[INFO] words"), ["header"]);
}

#[test]
fn golden_records_that_would_not_be_counted_are_explained_as_such() {
    let rejected = |format, line: &[u8]| explain(format, "UTC", RECEIVED, line).rejected;
    assert_eq!(rejected(Format::Auto, b"words"), None);
    assert_eq!(rejected(Format::Json, b"words"), Some(RejectReason::FormatMismatch));
    let far = b"2031-01-02 03:04:05 INFO words";
    assert_eq!(rejected(Format::Auto, far), Some(RejectReason::AbsurdTime));
}
