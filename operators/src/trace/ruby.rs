//! Traces of Ruby: as the interpreter prints them (the innermost line also names the exception),
//! as Rails and others log them (the exception first), with causes, in either order.

use super::head::{Head, head_at_start, head_within, names_failure};
use super::lines::{before_number, indent, is_digits};
use super::model::{Cause, Frame, Language, NAME_BYTES_MAX, Origin, Trace, cut, push_deeper};
use super::origin::{FrameRules, origin_of_path};
use super::path::path_key;

/// A frame as printed.
struct Printed<'t> {
    file: &'t str,
    line: &'t str,
    label: &'t str,
    /// What follows: the exception, in the innermost line.
    rest: &'t str,
    /// Whether `from` stood in front.
    is_outer: bool,
    /// Whether a number stood in front: the innermost is printed last.
    is_numbered: bool,
}

/// Returns whether `line` is a frame.
pub(super) fn is_frame(line: &str) -> bool {
    printed(line).is_some()
}

/// Returns the trace in `lines`.
pub(super) fn read(lines: &[&str], rules: &FrameRules) -> Option<Trace> {
    let first = lines.iter().position(|line| is_frame(line))?;
    let is_reversed = lines.iter().any(|line| printed(line).is_some_and(|one| one.is_numbered));
    if is_reversed {
        return read_reversed(lines, rules);
    }
    let mut causes: Vec<Cause> =
        lines[..first].iter().find_map(|line| named(line)).into_iter().collect();
    if causes.is_empty() {
        // The exception's own words follow the first frame, perhaps over several lines.
        let end = lines[first + 1..].iter().position(|line| is_frame(line));
        let end = end.map_or(lines.len(), |at| first + 1 + at);
        causes.push(at_frame(&lines[first..end]).unwrap_or_else(|| {
            let message = lines[..first].iter().find(|line| !line.trim().is_empty());
            Cause::new("", message.copied().unwrap_or(""))
        }));
    }
    for (at, line) in lines.iter().enumerate().skip(first) {
        let has_frames = causes.last().is_some_and(|cause| !cause.frames.is_empty());
        match printed(line) {
            Some(one) => {
                let begins_cause = has_frames && !one.is_outer && one.rest.starts_with(": ");
                if begins_cause && let Some(cause) = at_frame(&lines[at..]) {
                    push_deeper(&mut causes, cause);
                }
                let next = lines.get(at + 1).and_then(|next| printed(next));
                if let Some(cause) = causes.last_mut() {
                    cause.push(frame(&one, is_native(&one, next.as_ref()), rules));
                }
            }
            None if has_frames && lines.get(at + 1).is_some_and(|next| is_frame(next)) => {
                named(line).into_iter().for_each(|cause| push_deeper(&mut causes, cause));
            }
            None => {}
        }
    }
    Trace::of_outer_first(Language::Ruby, causes)
}

/// Returns the trace whose innermost frame is the last line.
fn read_reversed(lines: &[&str], rules: &FrameRules) -> Option<Trace> {
    let last = lines.iter().rposition(|line| is_frame(line))?;
    let mut cause = at_frame(&lines[last..]).unwrap_or_default();
    for line in lines {
        if let Some(one) = printed(line) {
            cause.push_inner(frame(&one, false, rules));
        }
    }
    cause.turn();
    Trace::of_root_first(Language::Ruby, vec![cause])
}

/// Returns the exception that the first of `lines`, a frame, tells of: `…': message (Type)`. The
/// type may stand at the end of a later line.
fn at_frame(lines: &[&str]) -> Option<Cause> {
    const MESSAGE_LINES_MAX: usize = 8;
    let one = printed(lines.first()?)?;
    let message = one.rest.strip_prefix(": ")?;
    let own = typed(message);
    let kind = own.map(|(_, kind)| kind).or_else(|| {
        let later = lines.iter().skip(1).take(MESSAGE_LINES_MAX);
        later.take_while(|line| !is_frame(line)).find_map(|line| typed(line)).map(|(_, kind)| kind)
    });
    Some(match (own, kind) {
        (Some((message, kind)), _) => Cause::new(kind, message),
        (None, Some(kind)) => Cause::new(kind, message),
        (None, None) => match head_at_start(message).filter(|head| names_failure(head.kind)) {
            Some(head) => Cause::of(head),
            None => Cause::new("", message),
        },
    })
}

/// Returns message and type of `message (Type)`.
fn typed(text: &str) -> Option<(&str, &str)> {
    let (message, kind) = text.trim_end().strip_suffix(')')?.rsplit_once('(')?;
    is_constant(kind).then(|| (message.trim(), kind))
}

/// Returns whether `text` is the name of a class: `Payment::Error`.
fn is_constant(text: &str) -> bool {
    text.starts_with(|letter: char| letter.is_uppercase())
        && text.len() <= NAME_BYTES_MAX
        && text.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '_' | ':'))
}

/// Returns `line` without the tags (`[request id]`) that some loggers put in front of every line.
fn untagged(line: &str) -> &str {
    let mut rest = line;
    while let Some((tag, after)) = rest.strip_prefix('[').and_then(|tag| tag.split_once("] ")) {
        if tag.contains([' ', '/', '[']) {
            break;
        }
        rest = after;
    }
    rest
}

/// Returns the exception that a line names which is no frame: `Type (message):`, `Type: message`.
fn named(line: &str) -> Option<Cause> {
    let text = untagged(line).trim();
    if let Some((kind, rest)) = text.split_once(" (")
        && is_constant(kind)
        && (names_failure(kind) || kind.contains("::"))
    {
        let message = rest.strip_suffix("):").or(rest.strip_suffix(')')).unwrap_or(rest);
        return Some(Cause::new(kind, message));
    }
    // An exception as `inspect` prints it.
    if let Some((_, object)) = text.split_once("#<")
        && let Some((kind, message)) = object.split_once(": ")
        && is_constant(kind)
    {
        return Some(Cause::new(kind, message.strip_suffix('>').unwrap_or(message)));
    }
    let certain = |head: &Head<'_>| names_failure(head.kind) || head.kind.contains("::");
    let head = head_at_start(text).filter(certain).or_else(|| head_within(text))?;
    Some(Cause::of(head))
}

fn printed(line: &str) -> Option<Printed<'_>> {
    let line = untagged(line);
    let text = line.trim();
    let (text, is_numbered) = match text.split_once(": from ") {
        Some((number, rest)) if is_digits(number) => (rest, true),
        _ => (text, false),
    };
    let (text, is_from) = match text.strip_prefix("from ") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let is_outer = is_numbered || is_from || indent(line) > 0;
    let Some(at) = text.find(":in `").or_else(|| text.find(":in '")) else {
        // Code outside of any method.
        let file = before_number(text)?;
        let is_source = [".rb", ".ru", ".rake"].iter().any(|ending| file.ends_with(ending));
        let line = &text[file.len() + 1..];
        let (label, rest) = ("", "");
        return (is_source && !file.contains(' ')).then_some(Printed {
            file,
            line,
            label,
            rest,
            is_outer,
            is_numbered,
        });
    };
    let file = before_number(&text[..at])?;
    let line = &text[file.len() + 1..at];
    let label = &text[at + ":in `".len()..];
    let end = label.find(['\'', '`'])?;
    let rest = &label[end + 1..];
    Some(Printed { file, line, label: &label[..end], rest, is_outer, is_numbered })
}

/// Returns whether a method is one of the interpreter's own, such as `each`: these are said to be
/// where they are called.
fn is_native(one: &Printed<'_>, outer: Option<&Printed<'_>>) -> bool {
    let same_place = |outer: &Printed<'_>| one.file == outer.file && one.line == outer.line;
    outer.is_some_and(same_place) && !one.label.contains(" in ") && !one.label.starts_with('<')
}

fn frame(one: &Printed<'_>, is_native: bool, rules: &FrameRules) -> Frame {
    let file = cut(one.file, NAME_BYTES_MAX);
    let function = simple_label(cut(one.label, NAME_BYTES_MAX));
    let known = if is_native { Origin::Standard } else { origin_of_path(file) };
    let origin = rules.judge(&function, file, known);
    Frame { function: format!("{}:{function}", path_key(file)), origin }
}

/// Returns the method of a label: without `block in` and the like, without its class (printed since
/// 3.4), without the numbers of compiled templates.
fn simple_label(label: &str) -> String {
    let label = match label.rsplit_once(" in ") {
        Some((_, inner)) => inner,
        None => label,
    };
    if label.starts_with('<') {
        return label.to_owned();
    }
    let method = label.rsplit(['#', '.']).next().unwrap_or(label);
    let is_template = |at: &usize| {
        method[at + 2..].starts_with(|letter: char| letter.is_ascii_digit() || letter == '_')
    };
    let end = method.find("__").filter(is_template).unwrap_or(method.len());
    method[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_has_one_name_in_every_version() {
        for line in [
            "app/models/order.rb:12:in `charge'",
            "\tfrom /srv/shop/releases/20240101/app/models/order.rb:7:in `block (2 levels) in charge'",
            "/app/app/models/order.rb:7:in 'Order#charge'",
            "from app/models/order.rb:7:in 'block in Order.charge'",
            "    1: from app/models/order.rb:7:in `rescue in charge'",
        ] {
            let frame = frame(&printed(line).unwrap(), false, &FrameRules::default());
            assert_eq!(frame.function, "models/order:charge", "{line}");
        }
        assert_eq!(
            simple_label("_app_views_orders_show_html_erb___123_456"),
            "_app_views_orders_show_html_erb"
        );
        assert_eq!(simple_label("<top (required)>"), "<top (required)>");
    }

    #[test]
    fn types_are_found_where_the_interpreter_and_rails_print_them() {
        let line = "a.rb:1:in `f': pool closed (Payment::PoolError)";
        assert_eq!(at_frame(&[line]).unwrap().kind, "Payment::PoolError");
        assert_eq!(at_frame(&["a.rb:1:in `f': two", "lines (KeyError)"]).unwrap().kind, "KeyError");
        assert_eq!(
            named("NoMethodError (undefined method `x' for nil):").unwrap().kind,
            "NoMethodError"
        );
        assert_eq!(named("PG::ConnectionBad: refused").unwrap().kind, "PG::ConnectionBad");
        assert_eq!(named("Completed 500 in 12ms"), None);
    }
}
