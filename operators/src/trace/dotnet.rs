//! Traces of .NET: inner exceptions, whose frames are printed before those of what wraps them,
//! async state machines, closures, and the words of other languages than English.

use super::head::{Head, find_head, head_at_start, head_within};
use super::lines::{before_number, indent, is_digits, split_outside_angles, without_brackets};
use super::model::{Cause, Frame, Language, NAME_BYTES_MAX, Origin, Trace, cut, push_deeper};
use super::origin::{FrameRules, origin_of_name};

/// What the run time says for `at`, in the languages it speaks.
const AT_WORDS: [&str; 16] = [
    "at", "bei", "à", "en", "in", "em", "w", "в", "na", "場所", "在", "於", "위치:", "vid", "ved",
    "bij",
];
const INNER_MARK: &str = "---> ";

/// Returns whether `line` is a frame.
pub(super) fn is_frame(line: &str) -> bool {
    printed(line).is_some()
}

/// Returns the trace in `lines`.
pub(super) fn read(lines: &[&str], rules: &FrameRules) -> Option<Trace> {
    let first = lines.iter().position(|line| is_frame(line))?;
    let mut causes = heads(&lines[..first]);
    // Frames of the root come first; each mark leads one exception outwards.
    let mut at = causes.len() - 1;
    for line in &lines[first..] {
        if line.trim_start().starts_with(INNER_MARK) {
            // The members of an AggregateException, printed again.
            break;
        }
        if let Some(name) = printed(line) {
            causes[at].push(frame(name, rules));
        } else if ends_inner(line) {
            at = at.saturating_sub(1);
        }
    }
    Trace::of_outer_first(Language::DotNet, causes)
}

/// Returns the exceptions named before the frames, the outermost first.
fn heads(lines: &[&str]) -> Vec<Cause> {
    let mut causes = Vec::new();
    let named = lines.iter().position(|line| line.contains(INNER_MARK)).unwrap_or(lines.len());
    let outer = find_head(&lines[..lines.len().min(named + 1)], true).map(|head| Head {
        message: head.message.split(INNER_MARK).next().unwrap_or("").trim(),
        ..head
    });
    causes.push(Cause::of(outer.unwrap_or(Head {
        kind: "",
        message: lines.first().copied().unwrap_or(""),
        code: None,
    })));
    for line in &lines[named..] {
        for text in line.split(INNER_MARK).skip(1) {
            let head = head_at_start(text).or_else(|| head_within(text));
            push_deeper(&mut causes, Cause::of(head.unwrap_or_default()));
        }
    }
    causes
}

/// Returns whether the frames of an inner exception end here. The mark after a `await` is not
/// indented and ends nothing.
fn ends_inner(line: &str) -> bool {
    let text = line.trim();
    let is_mark = text.starts_with("--- ") && text.ends_with("---");
    is_mark
        && (text.contains("inner exception") || indent(line) >= 2)
        && !text.contains("previous location")
}

/// Returns the function of a frame with its arguments taken off.
fn printed(line: &str) -> Option<&str> {
    let text = line.trim();
    let (word, rest) = text.split_once(' ')?;
    if !AT_WORDS.contains(&word) || word != "at" && indent(line) < 2 {
        return None;
    }
    let open = rest.find('(')?;
    let close = open + rest[open..].find(')')?;
    // Mono writes a space in front of the arguments.
    let name = rest[..open].trim_end();
    let is_name = name.contains('.') && !name.contains([' ', '/', '\\', '"', ':', '='])
        || name.starts_with("lambda_method");
    let is_mono = name.len() < open;
    let after = &rest[close + 1..];
    (is_name && ends_frame(after) && (!is_mono || after.contains("[0x")))
        .then(|| cut(name, NAME_BYTES_MAX))
}

/// Returns whether `rest` is what may follow the arguments: nothing, or ` in File.cs:line 12`.
fn ends_frame(rest: &str) -> bool {
    let rest = rest.trim().trim_end_matches("<---").trim_end_matches('.').trim_end();
    if rest.is_empty() || rest.starts_with('[') && rest.contains("0x") {
        return true;
    }
    let last = rest.rsplit([' ', ':']).next().unwrap_or("");
    let number = last.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    is_digits(number) && rest.contains(':') || before_number(rest).is_some()
}

fn frame(name: &str, rules: &FrameRules) -> Frame {
    let function = simple_name(name);
    let is_made = name.starts_with("lambda_method") || name.contains("DynamicClass.");
    let known =
        if is_made { Origin::Generated } else { origin_of_name(Language::DotNet, &function) };
    Frame { origin: rules.judge(&function, "", known), function }
}

/// Returns `Namespace.Type.Method` of what the compiler makes of async methods, iterators,
/// closures and local functions.
fn simple_name(name: &str) -> String {
    let name = without_brackets(name, '[', ']').replace('+', ".");
    let mut parts: Vec<&str> = Vec::new();
    let mut in_machine = false;
    for part in split_outside_angles(&name, '.') {
        if part.contains('<') {
            in_machine = true;
            parts.extend(Some(source_name(part)).filter(|name| !name.is_empty()));
        } else if !(part.is_empty() || in_machine && part == "MoveNext") {
            parts.push(part.split('`').next().unwrap_or(part));
        }
    }
    parts.join(".")
}

/// Returns the name within the innermost angles: `M` of `<M>d__5` and of `<<M>b__0>d`.
fn source_name(part: &str) -> &str {
    let start = part.rfind('<').map_or(0, |at| at + 1);
    let rest = &part[start..];
    let name = rest.split('>').next().unwrap_or(rest);
    let name = name.rsplit('.').next().unwrap_or(name);
    name.strip_suffix('$').unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_has_one_name() {
        for line in [
            "   at Shop.Payment.Charge(Order order) in /src/Payment.cs:line 12",
            "   at Shop.Payment.Charge()",
            "   bei Shop.Payment.Charge(Order order) in C:\\src\\Payment.cs:Zeile 12.",
            "   à Shop.Payment.Charge(Order order) dans C:\\src\\Payment.cs:ligne 12",
            "   在 Shop.Payment.Charge(Order order) 位置 C:\\src\\Payment.cs:行号 12",
            "   at Shop.Payment.<Charge>d__5.MoveNext() in /src/Payment.cs:line 12",
            "   at Shop.Payment.<>c__DisplayClass3_0.<Charge>b__0(Order o)",
            "   at Shop.Payment.<>c.<Charge>b__3_0()",
            "   at Shop.Payment.<>c__DisplayClass3_0.<<Charge>b__0>d.MoveNext()",
            "   at Shop.Payment.<Charge>g__Local|5_0(Int32 n)",
            "   at Shop.Payment`1.Charge[T](T order)",
            "  at Shop.Payment.Charge (Shop.Order order) [0x0001a] in /src/Payment.cs:12",
        ] {
            assert_eq!(simple_name(printed(line).unwrap()), "Shop.Payment.Charge", "{line}");
        }
    }

    #[test]
    fn frames_of_other_languages_are_not_taken() {
        for line in [
            "\tat com.shop.Cart.total(Cart.java:42) and more",
            "    at Cart.total (/srv/cart.js:1:2)",
            "at noon (or later)",
            "in the end (finally)",
        ] {
            assert!(!is_frame(line), "{line}");
        }
    }
}
