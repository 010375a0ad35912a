//! Traces of Node and browsers, in the form of V8 (`at f (file:1:2)`) and in that of Gecko and
//! WebKit (`f@file:1:2`).

use super::head::{Head, find_head, head_at_start, head_within};
use super::lines::{before_number, before_position, is_digits};
use super::model::{Cause, Frame, Language, NAME_BYTES_MAX, Origin, Trace, cut, push_deeper};
use super::origin::{FrameRules, origin_of_path};
use super::path::{is_bundle, path_key};

/// Returns whether `line` is a frame.
pub(super) fn is_frame(line: &str) -> bool {
    printed(line).is_some()
}

/// Returns the trace in `lines`.
pub(super) fn read(lines: &[&str], rules: &FrameRules) -> Option<Trace> {
    let first = lines.iter().position(|line| is_frame(line))?;
    let head = find_head(&lines[..first], false).unwrap_or(Head {
        kind: "",
        message: lines.first().copied().unwrap_or(""),
        code: None,
    });
    let mut causes = vec![Cause::of(head)];
    let mut is_listed = false;
    for line in &lines[first..] {
        let text = line.trim();
        if let Some(rest) = cause_of(text) {
            let head = head_at_start(rest).or_else(|| head_within(rest));
            push_deeper(&mut causes, Cause::of(head.unwrap_or_default()));
            is_listed = false;
        } else if text.starts_with("[errors]:") {
            // The members of an AggregateError, which stand for themselves.
            is_listed = true;
        } else if is_listed {
            continue;
        } else if let Some(cause) = causes.last_mut() {
            match printed(line) {
                Some((name, place)) => cause.push(frame(name, place, rules)),
                None => cause.codes.extend(property_code(text)),
            }
        }
    }
    for cause in &mut causes {
        cause.codes.dedup();
    }
    Trace::of_outer_first(Language::JavaScript, causes)
}

fn cause_of(text: &str) -> Option<&str> {
    ["[cause]: ", "Caused by: ", "caused by: ", "cause: "]
        .iter()
        .find_map(|word| text.strip_prefix(word))
}

/// Returns the code in a property that is printed after the frames.
fn property_code(text: &str) -> Option<String> {
    let (name, value) = text.split_once(": ")?;
    let value = value.trim_matches(|letter: char| matches!(letter, ',' | '\'' | '"' | ' ' | '}'));
    let is_status = matches!(name, "status" | "statusCode") && value.len() == 3 && is_digits(value);
    let is_code = name == "code"
        && !value.is_empty()
        && value.len() <= 48
        && value.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if is_status { Some(format!("HTTP {value}")) } else { is_code.then(|| value.to_owned()) }
}

/// Returns function and place of a frame.
fn printed(line: &str) -> Option<(&str, &str)> {
    let text = line.trim();
    let text = text.strip_suffix(" {").unwrap_or(text);
    v8(text).or_else(|| gecko(text))
}

fn v8(text: &str) -> Option<(&str, &str)> {
    let rest = text.strip_prefix("at ")?;
    let rest = rest.strip_prefix("async ").unwrap_or(rest);
    if let Some(inner) = rest.strip_suffix(')')
        && let Some((name, place)) = inner.split_once(" (")
    {
        let place = place.strip_prefix("address at ").unwrap_or(place);
        let name_fits = !name.is_empty() && !name.contains('"');
        return (name_fits && is_place(place)).then_some((name, place));
    }
    let file = before_number(rest).and_then(before_number).unwrap_or("");
    let is_file = file.contains(['/', '\\']) || file.starts_with("node:") || is_script(file);
    let is_anonymous = rest.ends_with(" <anonymous>") || rest == "<anonymous>";
    ((is_file && !file.contains([' ', '('])) || is_anonymous).then_some(("", rest))
}

/// Returns whether `place` is where V8 says that a function is.
fn is_place(place: &str) -> bool {
    if matches!(place, "<anonymous>" | "native" | "unknown location" | "native code")
        || place.strip_prefix("index ").is_some_and(is_digits)
        || place.starts_with("eval at ")
    {
        return true;
    }
    let Some(before) = before_number(place) else { return false };
    before_number(before).is_some() || is_script(before)
}

fn is_script(file: &str) -> bool {
    let file = file.split('?').next().unwrap_or(file);
    let endings = [".js", ".mjs", ".cjs", ".ts", ".jsx", ".tsx", ".vue", ".svelte", ".bundle"];
    endings.iter().any(|ending| file.ends_with(ending))
}

fn gecko(text: &str) -> Option<(&str, &str)> {
    let (name, place) = text.split_once('@')?;
    let words = ["", "global code", "eval code", "module code"];
    if name.contains([' ', '"', '=', ',']) && !words.contains(&name) {
        return None;
    }
    let is_native = place == "[native code]";
    let file = before_position(place);
    let is_file = file.is_some_and(|file| {
        !file.contains(' ') && (file.contains("://") || is_script(file) || file == "debugger")
    });
    (is_native || is_file).then_some((name, place))
}

fn frame(name: &str, place: &str, rules: &FrameRules) -> Frame {
    let (name, place) = (cut(name, NAME_BYTES_MAX), cut(place, 4 * NAME_BYTES_MAX));
    let place = place.strip_prefix("eval at ").map_or(place, |_| "<anonymous>");
    let file = before_position(place).unwrap_or(place);
    let path = file.strip_prefix("file://").unwrap_or(file);
    let function = simple_name(name, is_bundle(file));
    let known = if is_helper(name) {
        Origin::Generated
    } else if is_core_file(path) {
        Origin::Standard
    } else {
        origin_of_path(path)
    };
    let origin = rules.judge(&function, path, known);
    let key = match origin {
        Origin::App | Origin::Library => path_key(path),
        _ => String::new(),
    };
    Frame { function: if key.is_empty() { function } else { format!("{key}:{function}") }, origin }
}

/// Returns whether `file` is one of Node's own, as it printed them before `node:`.
fn is_core_file(file: &str) -> bool {
    const NAMES: [&str; 22] = [
        "assert.js",
        "buffer.js",
        "child_process.js",
        "cluster.js",
        "dgram.js",
        "dns.js",
        "domain.js",
        "events.js",
        "fs.js",
        "http.js",
        "https.js",
        "module.js",
        "net.js",
        "process.js",
        "stream.js",
        "timers.js",
        "tls.js",
        "tty.js",
        "util.js",
        "vm.js",
        "zlib.js",
        "bootstrap_node.js",
    ];
    NAMES.contains(&file) || file.starts_with('_') && !file.contains('/') && file.ends_with(".js")
}

/// Returns whether a compiler has put the function in to run code for an older engine.
fn is_helper(name: &str) -> bool {
    const NAMES: [&str; 14] = [
        "Generator.next",
        "Generator._invoke",
        "Generator.throw",
        "__awaiter",
        "__generator",
        "fulfilled",
        "rejected",
        "step",
        "asyncGeneratorStep",
        "_next",
        "_throw",
        "tryCatch",
        "new Promise",
        "invoke",
    ];
    NAMES.contains(&name)
}

/// Returns the function's name without the object that holds it by accident of a bundler, without
/// alias, and without the numbers of closures. `is_short`: a bundler may have shortened it.
fn simple_name(name: &str, is_short: bool) -> String {
    const HOLDERS: [&str; 13] = [
        "Object",
        "Module",
        "Function",
        "exports",
        "module",
        "global",
        "globalThis",
        "window",
        "Window",
        "Proxy",
        "Timeout",
        "Immediate",
        "self",
    ];
    let name = name.strip_prefix("async ").unwrap_or(name);
    let name = name.rsplit(['*']).next().unwrap_or(name);
    let name = name.strip_prefix("new ").unwrap_or(name);
    let name = name.split(" [as ").next().unwrap_or(name);
    let name = name.split("/").next().unwrap_or(name).trim_end_matches('<');
    let mut parts: Vec<&str> = name.split('.').filter(|part| *part != "prototype").collect();
    while parts.len() > 1 && HOLDERS.contains(&parts[0]) {
        parts.remove(0);
    }
    let is_anonymous = |part: &str| {
        matches!(part, "" | "<anonymous>" | "anonymous" | "{anonymous}" | "(anonymous)")
            || is_short && part.len() <= 2
    };
    let parts = parts.into_iter().map(|part| match part.strip_suffix('$') {
        // Generators that a compiler has rewritten: `_callee2$`.
        Some(callee) => callee.trim_end_matches(|letter: char| letter.is_ascii_digit()),
        None if is_anonymous(part) => "<anonymous>",
        None => part,
    });
    let mut parts: Vec<&str> = parts.collect();
    parts.dedup();
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn function(line: &str) -> String {
        let (name, place) = printed(line).unwrap();
        frame(name, place, &FrameRules::default()).function
    }

    #[test]
    fn a_function_has_one_name_in_every_engine() {
        for line in [
            "    at charge (/srv/shop/dist/payment.js:12:34)",
            "    at Object.charge (/app/src/payment.ts:7:1)",
            "    at async charge (file:///srv/shop/payment.mjs:1:2)",
            "    at exports.charge [as handler] (payment.js:12:34)",
            "charge@https://cdn.shop.test/static/js/payment.3f2a1b.js:1:2345",
            "charge/<@https://cdn.shop.test/payment.js:1:2345",
            "async*charge@https://cdn.shop.test/payment.js?v=2:1:2345",
            "    at charge (webpack:///./src/payment.js?1a2b:12:3)",
        ] {
            assert_eq!(function(line), "payment:charge", "{line}");
        }
        assert_eq!(function("    at /srv/shop/payment.js:1:2"), "payment:<anonymous>");
        assert_eq!(function("    at t (https://x.test/main.3f2a1b.js:1:2)"), "main:<anonymous>");
    }

    #[test]
    fn lines_that_only_look_like_frames_are_not() {
        for line in [
            "at 12:30:45",
            "mail me@example.com:25",
            "    at noon",
            "look at me: 1:2:3",
            "at Foo.Bar()",
        ] {
            assert!(!is_frame(line), "{line}");
        }
    }
}
