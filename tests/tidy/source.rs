//! Checks of single source files: headers, lengths, names, leftovers.

use super::Finding;

const RUST_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
const SVELTE_LINES_MAX: usize = 250;

/// Words that say nothing as the last part of a type's name (STYLE §3).
const EMPTY_LAST_WORDS: &[&str] = &["Data", "Info", "Base"];
/// Words that say nothing anywhere in a type's name.
const EMPTY_WORDS: &[&str] = &["Manager", "Util", "Utils", "Common"];
/// File names that invite everything that has no place.
const EMPTY_FILE_NAMES: &[&str] = &["util", "utils", "common", "misc", "helpers"];

/// Every Rust file says in its first line what it is.
pub fn opens_with_a_header(path: &str, text: &str) -> Vec<Finding> {
    let header = text.lines().next().and_then(|line| line.strip_prefix("//! "));
    if !path.ends_with(".rs") || header.is_some_and(|words| words.split(' ').count() >= 3) {
        return Vec::new();
    }
    vec![Finding::new(path, 1, "the file must open with a `//!` header that says what it does")]
}

/// Files stay short enough to be read in one sitting.
pub fn file_is_short_enough(path: &str, text: &str) -> Vec<Finding> {
    let lines_max = match path.rsplit('.').next() {
        Some("rs") => RUST_LINES_MAX,
        Some("svelte") => SVELTE_LINES_MAX,
        _ => return Vec::new(),
    };
    let lines = text.lines().count();
    if lines <= lines_max {
        return Vec::new();
    }
    vec![Finding::new(path, lines, format!("{lines} lines; at most {lines_max} are allowed"))]
}

/// Functions stay short. Relies on rustfmt: a body ends at the first `}` indented like its `fn`.
pub fn functions_are_short_enough(path: &str, text: &str) -> Vec<Finding> {
    if !path.ends_with(".rs") {
        return Vec::new();
    }
    let lines: Vec<&str> = text.lines().collect();
    let mut findings = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        if !opens_a_function(line) {
            continue;
        }
        let indent = line.len() - line.trim_start().len();
        let closing = format!("{}}}", " ".repeat(indent));
        let signature_end =
            lines[start..].iter().position(|l| l.ends_with('{') || l.ends_with(';'));
        let has_body = signature_end.is_some_and(|end| lines[start + end].ends_with('{'));
        let Some(length) = lines[start..].iter().position(|l| **l == closing) else { continue };
        if has_body && length + 1 > FUNCTION_LINES_MAX {
            let what = format!("function of {} lines; at most {FUNCTION_LINES_MAX}", length + 1);
            findings.push(Finding::new(path, start + 1, what));
        }
    }
    findings
}

fn opens_a_function(line: &str) -> bool {
    const QUALIFIERS: &[&str] = &["pub", "pub(crate)", "pub(super)", "const", "async", "unsafe"];
    let mut words = line.split_whitespace().skip_while(|word| QUALIFIERS.contains(word));
    words.next() == Some("fn")
}

/// Type names carry meaning: no `…Manager`, no `…Data`.
pub fn type_names_say_something(path: &str, text: &str) -> Vec<Finding> {
    if !path.ends_with(".rs") {
        return Vec::new();
    }
    let named = text.lines().enumerate().filter_map(|(at, line)| Some((at + 1, type_name(line)?)));
    named
        .filter(|(_, name)| says_nothing(name))
        .map(|(at, name)| Finding::new(path, at, format!("{name} does not say what it is")))
        .collect()
}

/// Returns the name of the type that `line` declares.
fn type_name(line: &str) -> Option<&str> {
    const KEYWORDS: &[&str] = &["struct", "enum", "trait", "type", "union"];
    let mut words = line.split_whitespace().skip_while(|word| word.starts_with("pub"));
    if !KEYWORDS.contains(&words.next()?) {
        return None;
    }
    words.next()?.split(|c: char| !c.is_alphanumeric()).next()
}

fn says_nothing(name: &str) -> bool {
    let words = camel_words(name);
    let last = words.last().copied().unwrap_or("");
    EMPTY_LAST_WORDS.contains(&last) || words.iter().any(|word| EMPTY_WORDS.contains(word))
}

/// Returns the words of a `CamelCase` name.
fn camel_words(name: &str) -> Vec<&str> {
    let mut starts: Vec<usize> =
        name.char_indices().filter(|(_, c)| c.is_uppercase()).map(|(at, _)| at).collect();
    starts.push(name.len());
    starts.windows(2).map(|pair| &name[pair[0]..pair[1]]).collect()
}

/// No drawer for everything that has no place.
pub fn file_names_say_something(path: &str, _text: &str) -> Vec<Finding> {
    let stem = path.rsplit('/').next().and_then(|name| name.split('.').next()).unwrap_or("");
    let ours = path.ends_with(".rs") || path.ends_with(".ts") || path.ends_with(".svelte");
    if ours && EMPTY_FILE_NAMES.contains(&stem) {
        return vec![Finding::new(path, 0, format!("a file named {stem:?} collects everything"))];
    }
    Vec::new()
}

/// Work is finished or not started: no placeholders, no notes to a later self, no skipped tests.
pub fn nothing_is_left_for_later(path: &str, text: &str) -> Vec<Finding> {
    // Written in halves, so that this file does not find itself.
    const LEFTOVERS: &[&str] = &[
        concat!("to", "do!("),
        concat!("unimple", "mented!("),
        concat!("db", "g!("),
        concat!("#[ig", "nore"),
        concat!("FIX", "ME"),
        concat!("TO", "DO:"),
        concat!("// TO", "DO"),
    ];
    let ours = [".rs", ".ts", ".svelte"].iter().any(|ending| path.ends_with(ending));
    let lines = text.lines().enumerate().filter(|_| ours);
    lines
        .flat_map(|(at, line)| {
            let left = LEFTOVERS.iter().filter(move |mark| line.contains(**mark));
            left.map(move |mark| Finding::new(path, at + 1, format!("{mark:?} is left for later")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_empty_header_is_found() {
        assert_eq!(opens_with_a_header("a.rs", "use std::fmt;\n").len(), 1);
        assert_eq!(opens_with_a_header("a.rs", "//! x\n").len(), 1);
        assert!(opens_with_a_header("a.rs", "//! Reads one file.\n").is_empty());
        assert!(opens_with_a_header("a.md", "text").is_empty());
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(file_is_short_enough("a.rs", &"\n".repeat(RUST_LINES_MAX + 1)).len(), 1);
        assert!(file_is_short_enough("a.rs", &"\n".repeat(RUST_LINES_MAX)).is_empty());
        assert_eq!(file_is_short_enough("a.svelte", &"\n".repeat(SVELTE_LINES_MAX + 1)).len(), 1);
    }

    #[test]
    fn a_long_function_is_found_and_its_neighbours_are_not() {
        let long = "    let x = 1;\n".repeat(FUNCTION_LINES_MAX);
        let text = format!("fn short() {{\n}}\n\npub(crate) async fn long() {{\n{long}}}\n");
        let findings = functions_are_short_enough("a.rs", &text);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].line, 4);
    }

    #[test]
    fn a_declaration_without_a_body_has_no_length() {
        let filler = "// a line\n".repeat(FUNCTION_LINES_MAX);
        let text = format!("trait A {{\n    fn a();\n{filler}    fn b() {{\n    }}\n}}\n");
        assert!(functions_are_short_enough("a.rs", &text).is_empty());
    }

    #[test]
    fn empty_type_names_are_found() {
        for name in ["SourceManager", "Info", "UserInfo", "LineData", "BaseUtil", "CommonParts"] {
            let text = format!("pub(crate) struct {name}<T> {{\n");
            assert_eq!(type_names_say_something("a.rs", &text).len(), 1, "{name}");
        }
        for name in ["Database", "DataflowTime", "Baseline", "Information", "Event"] {
            let text = format!("pub enum {name} {{\n");
            assert!(type_names_say_something("a.rs", &text).is_empty(), "{name}");
        }
    }

    #[test]
    fn a_drawer_for_everything_is_found() {
        assert_eq!(file_names_say_something("engine/src/utils.rs", "").len(), 1);
        assert!(file_names_say_something("engine/src/clock.rs", "").is_empty());
    }

    #[test]
    fn leftovers_are_found() {
        for line in [concat!("to", "do!()"), concat!("#[ig", "nore]"), concat!("// FIX", "ME")] {
            assert_eq!(nothing_is_left_for_later("a.rs", line).len(), 1, "{line}");
        }
        assert!(nothing_is_left_for_later("a.md", concat!("FIX", "ME")).is_empty());
    }
}
