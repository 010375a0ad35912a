//! The fields between level and message: threads, loggers, separators; and columns between `|`.

use super::fields::bracket_severity;
use super::token::{
    FIELD_BYTES_MAX, Field, Kind, blanks, field_at, is_code, is_header_like, is_logger_like,
    is_qualified, is_tag, is_trace,
};
use super::{AFTER_LEVEL_MAX, Walk};
use crate::parse::found::{Layout, set_first};
use crate::parse::severity;
use memchr::memchr;

/// How many dashes some loggers write between the process and the thread.
const DASHES: usize = 3;
/// The shortest number behind that of a process that can only be a thread's.
const LONG_THREAD_DIGITS: usize = 12;

impl Walk<'_> {
    /// Takes off threads, loggers and separators behind the level. `closed`: a colon ended the level.
    pub(super) fn after_level(&mut self, closed: bool) {
        if self.text.get(self.at) == Some(&b'|') {
            self.columns();
            return;
        }
        let mut dashes = 0;
        for _ in 0..AFTER_LEVEL_MAX {
            let Some(field) = field_at(self.text, self.at) else { return };
            let keep_on = match field.kind {
                Kind::Bracket => {
                    let keep_on = self.bracket_after_level(&field, dashes);
                    dashes += usize::from(dashes >= DASHES);
                    keep_on
                }
                Kind::Separator => {
                    self.at = field.next;
                    let sign = &self.text[field.start..field.end];
                    if sign == b"|" {
                        self.columns();
                        return;
                    }
                    dashes = sign.len();
                    sign == b"---" || sign == b"--"
                }
                Kind::Number => self.number_after_level(&field),
                Kind::Word => self.word_after_level(&field, closed, dashes == 2),
            };
            if !keep_on {
                return;
            }
        }
    }

    /// Behind [`DASHES`], counted by `dashes`, the name of the application may stand before the thread,
    /// and the ids of a trace behind it.
    fn bracket_after_level(&mut self, field: &Field, dashes: usize) -> bool {
        let inner = self.text[field.start..field.end].trim_ascii();
        let square = self.text[field.start - 1] == b'[';
        // "[client 10.1.2.3]" and "[instance: 7]" say what the message is about.
        let about = inner.starts_with(b"client ") || inner.windows(2).any(|pair| pair == b": ");
        let numbered = !inner.is_empty() && inner.iter().all(u8::is_ascii_digit);
        if !square && numbered && self.text.get(field.next..field.next + 2) == Some(b": ") {
            // "(12) : message" is a process.
            self.found.process = self.place.span(field.start, field.end);
            self.at = field.next + 2;
            return false;
        }
        if !square || about || field.next >= self.text.len() {
            return false;
        }
        let span = self.place.trimmed(self.text, field.start, field.end);
        if dashes >= DASHES {
            if dashes > DASHES && !is_trace(inner) {
                set_first(&mut self.found.service, self.found.thread);
            }
            if dashes == DASHES || !is_trace(inner) {
                self.found.thread = span;
            }
            self.at = field.next;
            return true;
        }
        if inner.contains(&b'.') && is_logger_like(inner) {
            set_first(&mut self.found.logger, span);
        } else {
            set_first(&mut self.found.thread, span);
        }
        self.at = field.next;
        // "[thread]: message" and "[thread] - message" end here.
        field.closer != b':'
    }

    /// `12345 --- [thread] logger : message`, `123#456: message`.
    fn number_after_level(&mut self, field: &Field) -> bool {
        let next = self.text.get(field.next).copied();
        let before_bracket =
            next == Some(b'[') && field.closer == 0 && self.found.logger.is_empty();
        let before_dashes = self.text.get(field.next..field.next + 4) == Some(b"--- ");
        if !(before_bracket || before_dashes) {
            return false;
        }
        set_first(&mut self.found.process, self.place.span(field.start, field.end));
        self.at = field.next;
        true
    }

    fn word_after_level(&mut self, field: &Field, closed: bool, tagged: bool) -> bool {
        let word = &self.text[field.start..field.end];
        let logger = self.place.span(field.start, field.end);
        if word.first().is_some_and(u8::is_ascii_digit) {
            return self.numbers_joined(field);
        }
        if !self.found.logger.is_empty() {
            return self.position_after_logger(field);
        }
        if tagged && field.closer == b':' && is_tag(word) {
            self.found.logger = logger;
            self.at = field.next;
            return false;
        }
        if self.category(field) || self.module_and_numbers(field) {
            return false;
        }
        if self.spans(field) {
            return true;
        }
        let rest = &self.text[field.next..];
        let threaded = !self.found.thread.is_empty();
        let named = is_logger_like(word) && !is_code(word);
        let (fits, next, keep_on) = if field.closer == b':' && field.gap > 0 {
            // Behind process and thread numbers any tag is one; else it must be qualified.
            let tag = threaded && !closed && !is_code(word);
            (tag || named && is_qualified(word), field.next, false)
        } else if rest.starts_with(b": ") && (named || threaded) {
            (true, field.next + 2, false)
        } else if rest.starts_with(b"- ") {
            (!closed, field.next + 2, false)
        } else if rest.starts_with(b"|") {
            (true, field.next + 1, false)
        } else if rest.starts_with(b"[") {
            let column = field.gap >= 2 && is_header_like(word);
            (column || named && word.contains(&b'.'), field.next, true)
        } else if let Some(next) = self.behind_position(field).filter(|_| named) {
            (true, next, false)
        } else {
            // In a column of its own, or a qualified method behind its thread.
            let tabbed = self.text[..field.next].ends_with(b"\t");
            let column = tabbed || field.gap >= 2 && (named || is_header_like(word));
            let dots = word.iter().filter(|b| **b == b'.').count();
            (column || threaded && named && dots >= 2, field.next, column)
        };
        if fits && field.closer != b',' {
            self.found.logger = logger;
            self.at = next;
            return keep_on;
        }
        !threaded && self.thread_and_logger(field)
    }

    /// `main com.example.Cart - message`, `main shop::cart: message`: a thread before its logger.
    fn thread_and_logger(&mut self, field: &Field) -> bool {
        let word = &self.text[field.start..field.end];
        let simple = word.iter().all(|b| b.is_ascii_alphanumeric() || b"-_#()".contains(b));
        if !simple || field.closer != 0 || field.gap == 0 {
            return false;
        }
        let Some(next) = field_at(self.text, field.next).filter(|f| f.kind == Kind::Word) else {
            return false;
        };
        let name = &self.text[next.start..next.end];
        let name = &name[..name.iter().position(|b| *b == b'(').unwrap_or(name.len())];
        let joined = name.iter().filter(|b| **b == b'.').count() >= 2
            || name.windows(2).any(|pair| pair == b"::");
        let dashed = self.text.get(next.next..next.next + 2) == Some(b"- ");
        if !(joined && is_logger_like(name) && (dashed || next.closer == b':')) {
            return false;
        }
        self.found.thread = self.place.span(field.start, field.end);
        self.found.logger = self.place.span(next.start, next.end);
        self.at = next.next + if dashed { 2 } else { 0 };
        false
    }

    /// `views 71 140735246815104 message`: a module, a process and the long number of a thread.
    fn module_and_numbers(&mut self, field: &Field) -> bool {
        let number = |at: usize| {
            let field = field_at(self.text, at).filter(|field| field.kind == Kind::Number);
            field.filter(|field| field.closer == 0 && field.next < self.text.len())
        };
        let Some(process) = number(field.next).filter(|_| field.closer == 0) else { return false };
        let Some(thread) = number(process.next) else { return false };
        if thread.end - thread.start < LONG_THREAD_DIGITS {
            return false;
        }
        self.found.logger = self.place.span(field.start, field.end);
        set_first(&mut self.found.process, self.place.span(process.start, process.end));
        set_first(&mut self.found.thread, self.place.span(thread.start, thread.end));
        self.at = thread.next;
        true
    }

    /// Returns where the message begins in `logger (file.py:12) - message`.
    fn behind_position(&self, field: &Field) -> Option<usize> {
        let bracket = field_at(self.text, field.next).filter(|f| f.kind == Kind::Bracket)?;
        let inner = &self.text[bracket.start..bracket.end];
        let digits = inner.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let position = digits > 0 && inner[..inner.len() - digits].ends_with(b":");
        let dashed = self.text.get(bracket.next..bracket.next + 2) == Some(b"- ");
        (position && dashed && field.closer == 0).then_some(bracket.next + 2)
    }

    /// `Shop.Cart[17]`, a category and the number of its event; alone it stays the message too.
    fn category(&mut self, field: &Field) -> bool {
        let word = &self.text[field.start..field.end];
        let Some(name) = word.strip_suffix(b"]") else { return false };
        let digits = name.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let Some(name) = name[..name.len() - digits].strip_suffix(b"[") else { return false };
        if digits == 0 || !is_logger_like(name) || !is_qualified(name) || field.closer != 0 {
            return false;
        }
        self.found.logger = self.place.span(field.start, field.start + name.len());
        if field.next < self.text.len() {
            self.at = field.next;
        }
        true
    }

    /// `request{method=GET uri=/cart}: `, the spans that a message was written in.
    fn spans(&mut self, field: &Field) -> bool {
        let word = &self.text[field.start..field.end];
        let name = word.iter().take_while(|b| b.is_ascii_alphanumeric() || **b == b'_').count();
        if name == 0 || word.get(name) != Some(&b'{') {
            return false;
        }
        let window = &self.text[self.at..self.text.len().min(self.at + FIELD_BYTES_MAX)];
        let Some(end) = memchr::memmem::find(window, b"}: ") else { return false };
        self.at += end + 3;
        true
    }

    /// `file.go:12`, in a column of its own behind the logger.
    fn position_after_logger(&mut self, field: &Field) -> bool {
        let word = &self.text[field.start..field.end];
        let digits = word.iter().rev().take_while(|b| b.is_ascii_digit()).count();
        let position = digits > 0 && word[..word.len() - digits].ends_with(b":");
        if position && field.gap >= 2 && is_logger_like(word) {
            self.at = field.next;
        }
        false
    }

    /// `123#456: `, process and thread of a server's worker.
    fn numbers_joined(&mut self, field: &Field) -> bool {
        let word = &self.text[field.start..field.end];
        let shaped = word.iter().all(|b| b.is_ascii_digit() || *b == b'#') && word.contains(&b'#');
        if shaped && field.closer == b':' {
            self.found.process = self.place.span(field.start, field.end);
            self.at = field.next;
        }
        false
    }

    /// Fields between `|`: names, numbers and a level belong to the header, the rest is the message.
    pub(super) fn columns(&mut self) {
        self.found.layout = Layout::Columns;
        if self.text.get(self.at) == Some(&b'|') {
            self.at += 1;
        }
        for _ in 0..AFTER_LEVEL_MAX {
            let window = &self.text[self.at..self.text.len().min(self.at + 128)];
            let Some(bar) = memchr(b'|', window) else { break };
            let column = window[..bar].trim_ascii();
            if column.contains(&b' ') {
                break;
            }
            let span = self.place.trimmed(self.text, self.at, self.at + bar);
            let found = &mut self.found;
            if let (None, Some(severity)) = (found.severity, bracket_severity(column)) {
                found.severity = Some(severity);
            } else if column.first().is_some_and(u8::is_ascii_digit) {
                // A number before any name is a value.
                let numbered = column.iter().all(u8::is_ascii_digit);
                if !numbered || found.logger.is_empty() {
                    break;
                }
                set_first(&mut found.process, span);
            } else if !found.logger.is_empty() && found.thread.is_empty() && is_logger_like(column)
            {
                found.thread = found.logger;
                found.logger = span;
            } else {
                set_first(&mut found.logger, span);
            }
            self.at += bar + 1;
        }
        self.at = blanks(self.text, self.at).0;
        let Some(field) = field_at(self.text, self.at) else { return };
        let word = &self.text[field.start..field.end];
        if self.found.severity.is_none() && severity::of_word(word).is_some() && field.closer == 0 {
            self.found.severity = severity::of_word(word);
            self.at = field.next;
            self.after_level(false);
        } else if self.text.get(field.next..field.next + 2) == Some(b"- ") && is_logger_like(word) {
            set_first(&mut self.found.logger, self.place.span(field.start, field.end));
            self.at = field.next + 2;
        }
    }
}
