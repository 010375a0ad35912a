//! What one line looks like, whatever stands around it.

use super::frame::{self, Ruby};
use super::name;
use memchr::memmem;

/// Whose stack traces they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Language {
    /// Java, Kotlin, Scala and what else runs there.
    Jvm = 1,
    /// Python.
    Python,
    /// Go.
    Go,
    /// Rust.
    Rust,
    /// Node and browsers.
    Node,
    /// C#, F#.
    DotNet,
    /// Ruby and Rails.
    Ruby,
    /// PHP.
    Php,
}

/// How many colons a path may have before its line number.
const PLACE_COLONS_MAX: usize = 8;

/// What a line looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// An ordinary line at the margin.
    Plain,
    /// An ordinary line that is indented.
    Indented,
    /// Nothing but closing brackets, at the margin.
    Closer,
    /// The name of an exception, with or without a message.
    Typed,
    /// The first line of a trace.
    Start(Language),
    /// The first line of the next exception of one trace.
    Link(Language),
    /// A line that only traces have.
    Frame(Language),
    /// A call whose source line follows.
    Call(Language),
    /// The last line of a trace.
    End(Language),
}

/// Returns what `text`, a line without header and envelope, looks like. Its indentation counts.
pub fn mark(text: &[u8]) -> Mark {
    let inner = text.trim_ascii_end();
    match inner.iter().position(|b| !matches!(b, b' ' | b'\t')) {
        Some(0) => at_margin(inner),
        Some(indent) => indented(&inner[indent..], indent),
        None => Mark::Plain,
    }
}

/// Returns what the message behind a header of its own looks like, if it looks like a line inside a
/// trace. Most messages are told by their first byte.
pub fn mark_headed(message: &[u8]) -> Option<Mark> {
    let inner = message.trim_ascii_end();
    let found = match message.first()? {
        b'a' if inner.starts_with(b"at ") => Mark::Frame(frame::at(&inner[3..], 0)?),
        b'C' | b'W' | b'S' | b'P' | b'#' => at_margin(inner),
        b'F' if inner.starts_with(b"File \"") => indented(inner, 1),
        b'f' if inner.starts_with(b"from ") => indented(inner, 1),
        b'.' => indented(inner, 1),
        _ => return None,
    };
    matches!(found, Mark::Frame(_) | Mark::Call(_) | Mark::Link(_)).then_some(found)
}

fn at_margin(text: &[u8]) -> Mark {
    use Language::{DotNet, Go, Jvm, Node, Php, Python, Rust};
    let starts = |prefix: &[u8]| text.starts_with(prefix);
    match text[0] {
        b'T' if starts(b"Traceback (most recent call last)") => Mark::Start(Python),
        b'T' if starts(b"The above exception was the direct cause") => Mark::Link(Python),
        b'D' if starts(b"During handling of the above exception") => Mark::Link(Python),
        b'F' if starts(b"File \"") => indented(text, 1),
        b'F' if starts(b"Fatal error: Uncaught ") => Mark::Start(Php),
        b'P' if starts(b"PHP Fatal error:  Uncaught ") => Mark::Start(Php),
        b'P' if starts(b"PHP Stack trace:") => Mark::Frame(Php),
        b'P' if frame::numbered(text, b"PHP   ", b". ").is_some() => Mark::Frame(Php),
        b'S' if starts(b"Stack trace:") => Mark::Frame(Php),
        b'S' if starts(b"Stack backtrace:") => Mark::Frame(Rust),
        b's' if starts(b"stack backtrace:") => Mark::Frame(Rust),
        b'S' if starts(b"Suppressed: ") => Mark::Link(Jvm),
        b'n' if starts(b"note: ") && memmem::find(text, b"backtrace").is_some() => {
            Mark::Frame(Rust)
        }
        b'n' if starts(b"note: ") && memmem::find(text, b"BACKTRACE").is_some() => {
            Mark::Frame(Rust)
        }
        b't' if starts(b"thread '") && memmem::find(text, b" panicked at ").is_some() => {
            Mark::Start(Rust)
        }
        b'L' if text == b"Location:" => Mark::Frame(Rust),
        b'C' if text == b"Caused by:" => Mark::Link(Rust),
        b'C' if starts(b"Caused by: ") => Mark::Link(Jvm),
        b'W' if starts(b"Wrapped by: ") => Mark::Link(Jvm),
        b'E' if starts(b"Exception in thread \"") => Mark::Start(Jvm),
        b'U' if starts(b"Unhandled exception. ") || starts(b"Unhandled Exception: ") => {
            Mark::Start(DotNet)
        }
        b'U' if starts(b"Uncaught ") => {
            let thrown = &text[b"Uncaught ".len()..];
            let thrown = thrown.strip_prefix(b"(in promise) ").unwrap_or(thrown);
            if is_typed(thrown) { Mark::Start(Node) } else { Mark::Plain }
        }
        b'N' if starts(b"Next ") && names_next(&text[5..]) => Mark::Link(Php),
        b'N' if starts(b"Node.js v") => Mark::End(Node),
        b'p' if starts(b"panic: ") => Mark::Start(Go),
        b'f' if starts(b"fatal error: ") => Mark::Start(Go),
        b'g' if starts(b"goroutine ") && text.ends_with(b":") => Mark::Frame(Go),
        b'r' if starts(b"runtime stack:") => Mark::Frame(Go),
        b'c' if starts(b"created by ") => Mark::Frame(Go),
        b'e' if frame::numbered(text, b"exit status ", b"").is_some_and(<[u8]>::is_empty) => {
            Mark::End(Go)
        }
        b'[' if starts(b"[signal ") => Mark::Frame(Go),
        b'[' if text == b"[native code]" => Mark::Frame(Node),
        b'[' if starts(b"[stacktrace]") => Mark::Frame(Php),
        b'[' if starts(b"[previous exception]") => Mark::Link(Php),
        b'#' if frame::numbered(text, b"#", b" ").is_some() => Mark::Frame(Php),
        b'"' if text == b"\"}" => Mark::End(Php),
        b'.' if starts(b"...additional frames elided") => Mark::Frame(Go),
        b'.' if starts(b"... ") => indented(text, 1),
        b'-' if starts(b"--- End of ") => Mark::Frame(DotNet),
        // Where a logger marks the call that logged.
        b'>' if starts(b"> File \"") => indented(&text[2..], 1),
        b'a' if starts(b"at ") => match frame::at(&text[3..], 0) {
            Some(language) => Mark::Frame(language),
            None => Mark::Plain,
        },
        b'}' | b']' | b')' => match text.iter().all(|b| b"}]);, ".contains(b)) {
            true => Mark::Closer,
            false => Mark::Plain,
        },
        b'@' if frame::is_browser_call(text) => Mark::Frame(Node),
        _ => by_shape(text).unwrap_or(Mark::Plain),
    }
}

fn is_typed(text: &[u8]) -> bool {
    name::names_exception(text)
}

/// Returns whether `text` is `Type: message in file`, of any type.
fn names_next(text: &[u8]) -> bool {
    let length = name::length(text);
    length > 0 && text[length..].starts_with(b": ") && memmem::find(text, b" in ").is_some()
}

/// A line at the margin that begins with a name or a path.
fn by_shape(text: &[u8]) -> Option<Mark> {
    let length = name::length(text);
    let next = text.get(length).copied();
    match next {
        // A word and a blank: prose, unless a type and a bracket follow.
        Some(b' ') if !matches!(text.get(length + 1), Some(b'[' | b'(')) => None,
        None | Some(b' ') => is_typed(text).then_some(Mark::Typed),
        Some(b':') if matches!(text.get(length + 1), None | Some(b' ')) => {
            is_typed(text).then_some(Mark::Typed)
        }
        Some(b'(') | Some(b'[') if frame::is_go_call(text) => Some(Mark::Frame(Language::Go)),
        Some(b'@') => frame::is_browser_call(text).then_some(Mark::Frame(Language::Node)),
        _ => positioned(text),
    }
}

/// Returns whether `text` goes on `:in ` somewhere behind a colon and a digit: a cheap look that turns
/// away prose, whose first blank comes before.
fn begins_with_place(text: &[u8]) -> bool {
    let colons = memchr::memchr_iter(b':', text);
    let is_line = |at: &usize| text.get(at + 1).is_some_and(u8::is_ascii_digit);
    let Some(first) = colons.take(PLACE_COLONS_MAX).find(is_line) else { return false };
    memmem::find(&text[first..], b":in ").is_some()
}

/// A line at the margin that begins with the position of a source line.
fn positioned(text: &[u8]) -> Option<Mark> {
    let last = *text.last()?;
    if last.is_ascii_digit() {
        if frame::is_node_origin(text) {
            return Some(Mark::Start(Language::Node));
        }
        return frame::is_browser_call(text).then_some(Mark::Frame(Language::Node));
    }
    if last == b')' && frame::is_go_call(text) {
        return Some(Mark::Frame(Language::Go));
    }
    if !begins_with_place(text) {
        return None;
    }
    Some(match frame::ruby(text)? {
        Ruby::Call => Mark::Frame(Language::Ruby),
        Ruby::Raised => Mark::Start(Language::Ruby),
    })
}

fn indented(text: &[u8], indent: usize) -> Mark {
    use Language::{DotNet, Go, Jvm, Php, Python, Ruby as RubyLang, Rust};
    let starts = |prefix: &[u8]| text.starts_with(prefix);
    match text[0] {
        b'a' if starts(b"at ") => match frame::at(&text[3..], indent) {
            Some(language) => Mark::Frame(language),
            None => Mark::Indented,
        },
        b'C' if starts(b"Caused by: ") => Mark::Link(Jvm),
        b'S' if starts(b"Suppressed: ") => Mark::Link(Jvm),
        b'W' if starts(b"Wrapped by: ") => Mark::Link(Jvm),
        b'.' if frame::numbered(text, b"... ", b" ").is_some() => Mark::Frame(Jvm),
        b'F' if starts(b"File \"") && memmem::find(text, b", line ").is_some() => {
            Mark::Call(Python)
        }
        b'+' if memmem::find(text, b"Traceback (most recent call last)").is_some() => {
            Mark::Start(Python)
        }
        b'|' => Mark::Frame(Python),
        b'+' if starts(b"+--") || starts(b"+-+") => Mark::Frame(Python),
        b'f' if starts(b"from ") && frame::ruby(&text[5..]).is_some() => Mark::Frame(RubyLang),
        b'-' if starts(b"--- End of ") => Mark::Frame(DotNet),
        b'-' if starts(b"---> ") => Mark::Link(DotNet),
        b'#' if frame::numbered(text, b"#", b" ").is_some() => Mark::Frame(Php),
        b't' if starts(b"thrown in ") => Mark::End(Php),
        b'0'..=b'9' if frame::numbered(text, b"", b": ").is_some() => {
            match memmem::find(text, b": from ").is_some() {
                true => Mark::Frame(RubyLang),
                false => Mark::Frame(Rust),
            }
        }
        b'/' | b'A'..=b'Z' if frame::after_position(text, &[b".go", b".s"]).is_some() => {
            Mark::Frame(Go)
        }
        b'a'..=b'z' | b'/' if begins_with_place(text) => match frame::ruby(text) {
            Some(_) => Mark::Frame(RubyLang),
            None => Mark::Indented,
        },
        _ => Mark::Indented,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_a_place_is_looked_for_behind_the_first_colons() {
        let line = |colons: usize| format!("{}x.rb:12:in `f'", "a:".repeat(colons));
        assert!(begins_with_place(line(PLACE_COLONS_MAX - 1).as_bytes()));
        assert!(!begins_with_place(line(PLACE_COLONS_MAX).as_bytes()));
    }
}
