//! Traces of Rust: panics with and without a backtrace, and errors that are reported with their
//! causes (`Caused by:`) and, at times, a backtrace.

use super::codes::errno_of_words;
use super::lines::{before_number, before_position, indent, is_digits, is_hex};
use super::model::{Cause, Frame, Language, NAME_BYTES_MAX, Origin, Trace, cut, push_deeper};
use super::origin::{FrameRules, origin_of_name, origin_of_path};
use super::path::path_key;
use super::rust_name::simple_name;

/// How panics of the language and its library begin; these are its types of failures.
const FAILURES: [&str; 20] = [
    "called `Option::unwrap()` on a `None` value",
    "called `Result::unwrap()` on an `Err` value",
    "called `Result::unwrap_err()` on an `Ok` value",
    "called `Result::expect_err()` on an `Ok` value",
    "index out of bounds",
    "range start index",
    "range end index",
    "slice index starts at",
    "byte index",
    "attempt to ",
    "assertion",
    "explicit panic",
    "not implemented",
    "not yet implemented",
    "internal error: entered unreachable code",
    "already borrowed",
    "already mutably borrowed",
    "RefCell already",
    "capacity overflow",
    "misaligned pointer dereference",
];

/// Returns whether `line` names a function of a backtrace.
pub(super) fn is_frame(line: &str) -> bool {
    printed(line).is_some_and(|name| name.contains("::") && !name.contains(": "))
}

/// Returns whether `line` announces a panic.
pub(super) fn is_header(line: &str) -> bool {
    line.contains("' panicked at ")
        || line.contains(") panicked at ")
        || line.starts_with("panicked at ")
}

/// Returns whether `line` begins a backtrace.
fn begins_frames(line: &str) -> bool {
    let line = line.trim();
    line.eq_ignore_ascii_case("stack backtrace:") || line.contains("━ BACKTRACE ━")
}

/// Returns the trace in `lines`.
pub(super) fn read(lines: &[&str], rules: &FrameRules) -> Option<Trace> {
    let header = lines.iter().position(|line| is_header(line));
    let marked = lines.iter().position(|line| begins_frames(line)).map(|at| at + 1);
    let start = marked.or_else(|| lines.iter().position(|line| is_frame(line)));
    let before = &lines[..start.unwrap_or(lines.len())];
    let (mut causes, place) = match header.filter(|at| *at < before.len()) {
        Some(at) => panicked(&before[at..]),
        None => (reported(before)?, None),
    };
    let root = causes.last_mut()?;
    for (at, line) in lines.iter().enumerate().skip(start.unwrap_or(lines.len())) {
        if let Some(name) = printed(line) {
            let file = lines.get(at + 1).and_then(|next| file_of(next)).unwrap_or("");
            root.push(frame(name, file, rules));
        }
    }
    if root.frames.is_empty() {
        root.frames.extend(place.map(|file| at_place(file, rules)));
    }
    Trace::of_outer_first(Language::Rust, causes)
}

/// Returns the panic that `lines` begin with, and the file it happened in.
fn panicked<'t>(lines: &[&'t str]) -> (Vec<Cause>, Option<&'t str>) {
    let after = lines[0].split_once("panicked at ").map_or("", |(_, after)| after).trim();
    if let Some(rest) = after.strip_prefix('\'') {
        // Until 1.72: `panicked at 'message', file:line:column`.
        let (message, place) = rest.rsplit_once("', ").unwrap_or((rest.trim_end_matches('\''), ""));
        return (vec![panic_of(message)], before_position(place));
    }
    let message = lines.get(1).map_or("", |line| line.trim());
    let is_note = message.starts_with("note: ") || begins_frames(message);
    let cause = panic_of(if is_note { "" } else { message });
    (vec![cause], before_position(after.trim_end_matches(':')))
}

fn panic_of(message: &str) -> Cause {
    let mut kind = "panic".to_owned();
    if let Some(known) = FAILURES.iter().find(|known| message.starts_with(**known)) {
        // What follows a colon is a value, or the programmer's words.
        let whole = message.split([':', '`', '(']).next().unwrap_or(message);
        let words = if matches!(*known, "attempt to " | "range end index" | "byte index") {
            whole.split(|letter: char| letter.is_ascii_digit()).next().unwrap_or(whole)
        } else {
            known
        };
        kind.push_str(": ");
        kind.push_str(words.trim());
    }
    let value = message.split_once(": ").map_or("", |(_, value)| value);
    if let Some(name) = error_name(value) {
        kind.push_str(": ");
        kind.push_str(name);
    }
    let mut cause = Cause::new(&kind, message);
    // The printed form of an error in the library names its kind.
    let named = value.split_once("kind: ").map(|(_, rest)| rest);
    let named = named.map(|rest| rest.split([',', ' ', '}', '(']).next().unwrap_or(rest));
    cause.codes.extend(named.filter(|name| !name.is_empty()).map(|name| cut(name, 64).to_owned()));
    cause.codes.extend(errno_of_words(message).map(str::to_owned));
    cause
}

/// Returns the type with which the printed form of an error begins: `Os { code: 2, … }`.
fn error_name(value: &str) -> Option<&str> {
    let end = value
        .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .unwrap_or(value.len());
    let (name, rest) = value.split_at(end);
    let is_type = name.starts_with(|letter: char| letter.is_ascii_uppercase())
        && name.len() <= NAME_BYTES_MAX
        && (rest.is_empty() || rest.starts_with(" {") || rest.starts_with('('));
    is_type.then_some(name)
}

/// Returns the chain of an error that is reported with its causes, the root last.
fn reported(lines: &[&str]) -> Option<Vec<Cause>> {
    let listed = lines.iter().position(|line| line.trim() == "Caused by:");
    let has_frames = lines.last().is_some_and(|line| begins_frames(line));
    let first = lines.iter().find(|line| !line.trim().is_empty())?.trim();
    if listed.is_none() && !has_frames {
        // Frames alone, as a logger's field.
        return Some(vec![Cause::new("", first)]);
    }
    let message = first.split_once("Error: ").map_or(first, |(_, message)| message);
    let mut causes = vec![Cause::new("error", message)];
    for line in lines.iter().skip(listed.map_or(lines.len(), |at| at + 1)) {
        let text = line.trim();
        if text.is_empty() || indent(line) == 0 || begins_frames(line) {
            if causes.len() > 1 { break } else { continue }
        }
        let text = match text.split_once(": ") {
            Some((number, rest)) if is_digits(number) => rest,
            _ => text,
        };
        let mut cause = Cause::new("error", text);
        cause.codes.extend(errno_of_words(text).map(str::to_owned));
        push_deeper(&mut causes, cause);
    }
    Some(causes)
}

/// Returns the name in a line such as `   4: shop::cart::total`.
fn printed(line: &str) -> Option<&str> {
    let (number, name) = line.trim().split_once(": ")?;
    if !is_digits(number) || number.len() > 6 {
        return None;
    }
    let name = name.trim();
    let name = match name.split_once(" - ") {
        Some((address, name)) if address.starts_with("0x") => name,
        _ => name,
    };
    let is_address = name.strip_prefix("0x").is_some_and(|digits| is_hex(digits, 4));
    (!name.is_empty() && !is_address).then(|| cut(name, NAME_BYTES_MAX))
}

/// Returns the file of a line such as `             at ./src/cart.rs:42:9`.
fn file_of(line: &str) -> Option<&str> {
    let place = line.trim().strip_prefix("at ")?;
    before_position(place).or_else(|| before_number(place))
}

fn frame(name: &str, file: &str, rules: &FrameRules) -> Frame {
    let function = simple_name(name);
    let of_name = origin_of_name(Language::Rust, &function);
    let of_path = origin_of_path(file);
    let is_qualified = function.contains("::");
    let known = if function.is_empty() {
        Origin::Generated
    } else if of_name == Origin::Standard || file.is_empty() && !is_qualified {
        // Symbols outside of any crate belong to the system.
        Origin::Standard
    } else if of_path == Origin::App {
        of_name
    } else {
        of_path
    };
    let origin = rules.judge(&function, file, known);
    // Sparse debug information leaves the path of the module out.
    if is_qualified || file.is_empty() {
        return Frame { function, origin };
    }
    Frame { function: format!("{}:{function}", path_key(file)), origin }
}

/// Returns the place of a panic as a frame, where there is no backtrace.
fn at_place(file: &str, rules: &FrameRules) -> Frame {
    let origin = rules.judge("", file, origin_of_path(file));
    Frame { function: path_key(file), origin }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_languages_own_panics_are_kinds() {
        let kind = |message: &str| panic_of(message).kind;
        assert_eq!(
            kind(
                "called `Result::unwrap()` on an `Err` value: ParseIntError { kind: InvalidDigit }"
            ),
            "panic: called `Result::unwrap()` on an `Err` value: ParseIntError"
        );
        assert_eq!(
            kind("index out of bounds: the len is 3 but the index is 5"),
            "panic: index out of bounds"
        );
        assert_eq!(
            kind("attempt to subtract with overflow"),
            "panic: attempt to subtract with overflow"
        );
        assert_eq!(kind("order 12 has no lines"), "panic");
        let os = "cannot open: Os { code: 2, kind: NotFound, message: \"No such file\" }";
        assert_eq!(
            (kind(os).as_str(), panic_of(os).codes),
            ("panic: Os", vec!["NotFound".to_owned()])
        );
    }
}
