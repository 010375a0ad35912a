//! Traces of Python: chained exceptions (the root is printed first), caret lines, and what stands
//! in exception groups (`python_group`).

use super::head::Head;
use super::lines::indent;
use super::model::{CAUSES_MAX, Cause, Frame, Language, NAME_BYTES_MAX, Origin, Trace, cut};
use super::origin::{FrameRules, origin_of_path};
use super::path::path_key;
use super::python_group;

const HEADER: &str = "Traceback (most recent call last):";

/// One `Traceback …`: what it is of, and how far it is indented by groups.
#[derive(Clone, Debug, Default)]
pub(super) struct Section {
    pub(super) cause: Cause,
    /// Where the margin of the group is, 0 outside of groups.
    pub(super) depth: usize,
    /// Whether it is of a group itself.
    pub(super) is_group: bool,
    /// Whether a new exception of a group begins here.
    pub(super) begins_member: bool,
}

/// Returns whether `line` is a frame.
pub(super) fn is_frame(line: &str) -> bool {
    printed(unmargined(line).1).is_some()
}

/// Returns whether `line` begins a trace.
pub(super) fn is_header(line: &str) -> bool {
    line.ends_with(HEADER)
}

/// Returns the trace in `lines`.
pub(super) fn read(lines: &[&str], rules: &FrameRules) -> Option<Trace> {
    let mut sections = Vec::new();
    let mut reader = Reader { rules, open: None, base: 0, is_flat: false, begins_member: false };
    for line in lines {
        if let Some(done) = reader.line(line) {
            keep(&mut sections, done);
        }
    }
    if let Some(done) = reader.close() {
        keep(&mut sections, done);
    }
    sections.retain(|one| !one.cause.frames.is_empty() || !one.cause.kind.is_empty());
    let causes = python_group::causes(sections);
    Trace::of_root_first(Language::Python, causes)
}

/// Adds a section; of very many the first ones and the last one are kept.
fn keep(sections: &mut Vec<Section>, section: Section) {
    if sections.len() >= 4 * CAUSES_MAX {
        sections.pop();
    }
    sections.push(section);
}

struct Reader<'r> {
    rules: &'r FrameRules,
    open: Option<Section>,
    /// How far the open section's header is indented within its margin.
    base: usize,
    /// Whether frames are not indented: something took the white space off.
    is_flat: bool,
    begins_member: bool,
}

impl Reader<'_> {
    /// Takes a line; returns the section that it ends.
    fn line(&mut self, line: &str) -> Option<Section> {
        let (depth, text) = unmargined(line);
        if is_header(text) {
            let begins_member = std::mem::take(&mut self.begins_member);
            let is_group = text.contains("Exception Group Traceback");
            let section = Section { depth, is_group, begins_member, ..Section::default() };
            self.base = indent(text);
            self.is_flat = false;
            return self.open.replace(section).map(finished);
        }
        if text.starts_with("+-") || text.starts_with("---") && depth > 0 {
            self.begins_member = true;
            return None;
        }
        if let Some((file, function)) = printed(text) {
            self.is_flat |= indent(text) <= self.base;
            let section = self.open.get_or_insert_with(Section::default);
            section.cause.push_inner(frame(file, function, self.rules));
            return None;
        }
        self.kind_line(text);
        None
    }

    /// Takes the line that names the exception: the first one that is not indented, or, where
    /// nothing is, the last one that looks like it.
    fn kind_line(&mut self, text: &str) {
        let Some(section) = &mut self.open else { return };
        let is_named = !section.cause.kind.is_empty();
        let may_be = !text.trim().is_empty() && indent(text) <= self.base;
        if !may_be || is_named && !self.is_flat {
            return;
        }
        let Some(head) = head_of(text.trim()) else { return };
        if is_named && !super::head::names_failure(head.kind) {
            return;
        }
        let frames = std::mem::take(&mut section.cause.frames);
        section.cause = Cause { frames, ..Cause::of(head) };
    }

    fn close(&mut self) -> Option<Section> {
        self.open.take().map(finished)
    }
}

fn finished(mut section: Section) -> Section {
    section.cause.turn();
    section
}

/// Returns where the margin of an exception group is, and the text without it.
fn unmargined(line: &str) -> (usize, &str) {
    let at = indent(line);
    let rest = &line[at..];
    if at == 0 {
        return (0, line);
    }
    if let Some(text) = rest.strip_prefix("| ").or(rest.strip_prefix('|')) {
        return (at, text);
    }
    match rest.strip_prefix("+ ") {
        Some(text) => (at, text),
        None if rest.starts_with("+-") => (at, rest),
        None => (0, line),
    }
}

/// Returns file and function of a frame; the function is empty in a syntax error.
fn printed(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix('>').unwrap_or(line).trim_start().strip_prefix("File \"")?;
    let (file, rest) = rest.split_once("\", line ")?;
    let after = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
    if after.len() == rest.len() {
        return None;
    }
    match after.strip_prefix(", in ") {
        Some(function) => Some((file, function.trim_end())),
        None => after.trim().is_empty().then_some((file, "")),
    }
}

fn frame(file: &str, function: &str, rules: &FrameRules) -> Frame {
    let (file, function) = (cut(file, NAME_BYTES_MAX), cut(function, NAME_BYTES_MAX));
    // Which of these have a frame of their own depends on Python's version.
    let is_made = matches!(function, "<listcomp>" | "<dictcomp>" | "<setcomp>" | "<genexpr>");
    let known = if is_made { Origin::Generated } else { origin_of_path(file) };
    let origin = rules.judge(&dotted(file), file, known);
    let function = function.rsplit('.').next().unwrap_or(function);
    let module =
        if file.starts_with("<ipython-input") { "<ipython>".to_owned() } else { path_key(file) };
    Frame { function: format!("{module}:{function}"), origin }
}

/// Returns a relative path as the name of a module.
fn dotted(file: &str) -> String {
    file.strip_suffix(".py").unwrap_or(file).replace(['/', '\\'], ".")
}

/// Returns the exception in a line that begins with its type.
fn head_of(text: &str) -> Option<Head<'_>> {
    let end = text.find(|letter: char| !is_name_letter(letter)).unwrap_or(text.len());
    let (kind, rest) = text.split_at(end);
    let message = match rest.strip_prefix(':') {
        Some(message) => message.trim(),
        None if rest.is_empty() => "",
        None => return None,
    };
    let begins = kind.starts_with(|letter: char| letter.is_alphabetic() || letter == '_');
    let kind = kind.strip_prefix("__main__.").unwrap_or(kind);
    let kind = kind.rsplit("<locals>.").next().unwrap_or(kind);
    let is_keyword =
        matches!(kind, "raise" | "return" | "pass" | "else" | "try" | "finally" | "break");
    (begins && !is_keyword).then_some(Head { kind, message, code: None })
}

fn is_name_letter(letter: char) -> bool {
    letter.is_alphanumeric() || matches!(letter, '_' | '.' | '<' | '>')
}
