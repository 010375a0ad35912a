//! The fields between time and level, and what may stand behind a time without level.

use super::token::{Field, Kind, blanks, field_at, is_header_like, is_logger_like};
use super::{BEFORE_LEVEL_MAX, UNCAUGHT, Walk};
use crate::parse::found::set_first;
use crate::parse::severity;
use crate::parse::timestamp::{Stamp, Style};
use engine::model::Severity;
use memchr::memchr;

/// How far behind the time the ` - ` may stand that ends the name of a program.
const PROGRAM_BYTES_MAX: usize = 48;

/// Returns the severity that a bracket names: `[error]`, `[E]`, `[core:error]`, `[lvl=2]` not.
pub(super) fn bracket_severity(inner: &[u8]) -> Option<Severity> {
    let inner = inner.trim_ascii();
    match inner {
        [letter] => severity::of_letter(*letter),
        _ => severity::of_word(inner).or_else(|| {
            let colon = memchr(b':', inner)?;
            let module = &inner[..colon];
            let is_name = module.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_');
            severity::of_word(&inner[colon + 1..]).filter(|_| is_name)
        }),
    }
}

impl Walk<'_> {
    /// Takes off what follows the time.
    pub(super) fn after_time(&mut self, stamp: Stamp, inside: bool) {
        if self.text.get(self.at) == Some(&b'|') {
            self.columns();
            return;
        }
        if matches!(self.text.get(self.at), Some(b',' | b':' | b';')) {
            self.at += 1;
            if !inside && self.joined_level() {
                return;
            }
        }
        self.at = blanks(self.text, self.at).0;
        // The commonest case by far: the level stands right behind the time.
        if !inside
            && stamp.style != Style::Syslog
            && self.found.severity.is_none()
            && let Some(field) = field_at(self.text, self.at)
            && let Some(severity) = self.level_of(&field, 0, &[])
        {
            self.level_found(severity, field);
            return;
        }
        match stamp.style {
            Style::Syslog if !inside && self.syslog_file(None) => return,
            style @ (Style::Iso | Style::Dated | Style::Epoch)
                if !inside
                    && self.found.severity.is_none()
                    && self.is_host_ahead()
                    && self.syslog_file(Some(style)) =>
            {
                return;
            }
            _ => {}
        }
        if inside {
            self.inside_bracket();
        } else if self.found.severity.is_some() {
            self.after_level(false);
        } else if !self.level_ahead() {
            self.without_level();
        }
    }

    /// `…05,678:ERROR:logger:message`: colons on both sides of the level.
    fn joined_level(&mut self) -> bool {
        let rest = &self.text[self.at..];
        let capitals = rest.iter().take(12).take_while(|b| b.is_ascii_uppercase()).count();
        if rest.get(capitals) != Some(&b':') {
            return false;
        }
        let Some(severity) = severity::of_word(&rest[..capitals]) else { return false };
        self.found.severity = Some(severity);
        self.logger_joined(self.at + capitals + 1);
        true
    }

    /// Whether the next field can be a host: a word, and no level, nor in front of one.
    fn is_host_ahead(&self) -> bool {
        let Some(field) = field_at(self.text, self.at) else { return false };
        let word = &self.text[field.start..field.end];
        field.kind == Kind::Word && field.closer == 0 && severity::of_word(word).is_none() && {
            let next = self.text.get(field.next).copied().unwrap_or(b' ');
            next.is_ascii_alphanumeric() && !self.level_within(field.next)
        }
    }

    /// Whether the field at `at` is a level.
    fn level_within(&self, at: usize) -> bool {
        field_at(self.text, at)
            .is_some_and(|field| severity::of_word(&self.text[field.start..field.end]).is_some())
    }

    /// `[2024-01-01T00:00:00Z INFO crate::module] message`, `[2024-… #123]  INFO -- : message`,
    /// `[2024-…: INFO/MainProcess] message`.
    fn inside_bracket(&mut self) {
        if let Some(field) = field_at(self.text, self.at)
            && let Some(severity) = severity::of_word(level_part(self.text, &field))
        {
            self.found.severity = Some(severity);
            let window = &self.text[self.at..self.text.len().min(self.at + 160)];
            if let Some(close) = memchr(b']', window) {
                let end = self.at + close;
                self.found.logger = self.place.trimmed(self.text, field.next.min(end), end);
                self.at = end + 1;
            }
            return;
        }
        let start = self.at;
        self.close_bracket();
        if self.at > start && !self.text[start..self.at].contains(&b'/') {
            let number = usize::from(self.text[start] == b'#');
            self.found.process = self.place.trimmed(self.text, start + number, self.at - 1);
        }
        self.at = blanks(self.text, self.at).0;
        if self.found.severity.is_some() && self.level_within(self.at) {
            self.found.severity = None;
        }
        if self.found.severity.is_some() {
            self.after_level(false);
        } else if !self.level_ahead() {
            self.without_level();
        }
    }

    /// Looks for a level behind a few header fields; if it is there, takes all of them off.
    fn level_ahead(&mut self) -> bool {
        let mut before: [Option<Field>; BEFORE_LEVEL_MAX] = [None; BEFORE_LEVEL_MAX];
        let mut at = self.at;
        let mut words = 0;
        for count in 0..=BEFORE_LEVEL_MAX {
            let Some(field) = field_at(self.text, at) else { return false };
            if let Some(severity) = self.level_of(&field, words, &before[..count]) {
                self.take_before(&before[..count]);
                self.level_found(severity, field);
                return true;
            }
            if field.kind == Kind::Word
                && field.closer == 0
                && self.text[field.start].is_ascii_uppercase()
                && let Some((severity, last)) = self.level_of_two_words(&field)
            {
                self.found.severity = Some(severity);
                // What nobody caught is the first line of a trace, which is known by this name.
                if !self.text[last.next..].starts_with(UNCAUGHT) {
                    self.take_before(&before[..count]);
                    self.at = last.next;
                }
                return true;
            }
            if let Some(tag) = self.slashed_level(&field) {
                self.take_before(&before[..count]);
                self.found.severity = Some(tag);
                return true;
            }
            let Some(slot) = before.get_mut(count) else { return false };
            let word = &self.text[field.start..field.end];
            let separated = self.text.get(field.next..field.next + 2) == Some(b"- ")
                || self.text.get(field.next) == Some(&b'|');
            let fits = match field.kind {
                Kind::Number | Kind::Bracket | Kind::Separator => true,
                Kind::Word => {
                    let pair = memchr(b'=', word).is_some_and(|equals| equals > 0);
                    let position = word.starts_with(b"{") && word.ends_with(b"}");
                    is_header_like(word) || separated || pair || position || is_logger_like(word)
                }
            };
            if !fits || field.next >= self.text.len() {
                return false;
            }
            words += usize::from(field.kind == Kind::Word);
            *slot = Some(field);
            at = field.next;
        }
        false
    }

    /// `D/Tag( 123): message` in the position of the level.
    fn slashed_level(&mut self, field: &Field) -> Option<Severity> {
        if field.kind != Kind::Word || self.text.get(field.start + 1) != Some(&b'/') {
            return None;
        }
        let severity = severity::of_letter(self.text[field.start])?;
        self.slashed_tag(field.start + 2).map(|()| severity)
    }

    /// Returns the severity of a field in the position of a level, with `words` words before it.
    fn level_of(&self, field: &Field, words: usize, before: &[Option<Field>]) -> Option<Severity> {
        let word = &self.text[field.start..field.end];
        match field.kind {
            Kind::Bracket if self.text[field.start - 1] == b'[' => bracket_severity(word),
            Kind::Word if word.len() == 1 => {
                let numbered = before.iter().flatten().any(|f| f.kind == Kind::Number);
                let bracketed = before.iter().flatten().any(|f| f.kind == Kind::Bracket);
                let placed = numbered || bracketed || before.is_empty() && self.part_ahead(field);
                severity::of_letter(word[0]).filter(|_| placed)
            }
            Kind::Word => {
                let capitals = word.iter().all(u8::is_ascii_uppercase);
                let closed = field.closer == b':';
                // Behind words, a small "error" is more likely part of the message.
                let placed = capitals || words == 0 || closed || separator_before(before);
                let named = severity::of_word(word).filter(|_| placed);
                let certain = capitals || closed || !severity::is_ambiguous(word);
                named.filter(|_| certain).or_else(|| self.level_joined(field)).or_else(|| {
                    (capitals && closed && field.gap >= 2).then(|| part(word)).flatten()
                })
            }
            _ => None,
        }
    }

    /// Whether a part of the program and a thread follow: `I NETWORK  [conn12]`.
    fn part_ahead(&self, field: &Field) -> bool {
        let Some(part) = field_at(self.text, field.next).filter(|_| field.gap > 0) else {
            return false;
        };
        let word = &self.text[part.start..part.end];
        let named = part.kind == Kind::Separator || word.iter().all(u8::is_ascii_uppercase);
        named && field_at(self.text, part.next).is_some_and(|f| f.kind == Kind::Bracket)
    }

    /// `INFO[0012]`, `production.ERROR:`.
    fn level_joined(&self, field: &Field) -> Option<Severity> {
        let word = &self.text[field.start..field.end];
        if field.closer == b':'
            && let Some(dot) = memchr::memrchr2(b'.', b':', word)
        {
            let level = &word[dot + 1..];
            let capitals = level.iter().all(u8::is_ascii_uppercase);
            return severity::of_word(level).filter(|_| capitals);
        }
        let capitals = word.iter().take_while(|b| b.is_ascii_uppercase()).count();
        let joined = capitals >= 3 && matches!(word.get(capitals), Some(b'['));
        joined.then(|| severity::of_word(&word[..capitals])).flatten()
    }

    /// Assigns the fields between time and level: numbers are process and thread, brackets are
    /// threads, the first word is a host, the last a logger.
    fn take_before(&mut self, before: &[Option<Field>]) {
        for field in before.iter().flatten() {
            let span = self.place.trimmed(self.text, field.start, field.end);
            let found = &mut self.found;
            match field.kind {
                Kind::Number if found.process.is_empty() => found.process = span,
                Kind::Number | Kind::Bracket => set_first(&mut found.thread, span),
                Kind::Word if separator_before(before) => found.logger = span,
                // "user=bob" says nothing that we keep; "#" is a mark.
                Kind::Word if self.text[field.start..field.end].contains(&b'=') => {}
                Kind::Word if field.end - field.start == 1 => {}
                Kind::Word if self.text[field.start] == b'{' => {
                    let (start, end) = (field.start + 1, field.end - 1);
                    set_first(&mut found.logger, self.place.span(start, end.max(start)));
                }
                Kind::Word => set_first(&mut found.host, span),
                Kind::Separator => {}
            }
        }
    }

    /// Behind a time without level: the name of a program, a source position, one bracket.
    fn without_level(&mut self) {
        let window = &self.text[self.at..self.text.len().min(self.at + PROGRAM_BYTES_MAX)];
        if matches!(window, [b'-' | b'*' | b'#', b' ', ..]) {
            self.at += 2;
            return;
        }
        if window.starts_with(b"| ") {
            self.at += 1;
            self.columns();
            return;
        }
        if let Some(dash) = memchr::memmem::find(window, b" - ")
            && is_program(&window[..dash])
        {
            self.found.process = self.place.trimmed(self.text, self.at, self.at + dash);
            self.at += dash + 3;
            return;
        }
        let Some(field) = field_at(self.text, self.at) else { return };
        let span = self.place.trimmed(self.text, field.start, field.end);
        let word = &self.text[field.start..field.end];
        let more = field.next < self.text.len();
        match field.kind {
            Kind::Bracket if more && field.gap > 0 && self.text[self.at] == b'[' => {
                set_first(&mut self.found.thread, span);
                self.at = field.next;
            }
            Kind::Word if more && field.closer == b':' && is_process(word) => {
                self.found.process = span;
                self.at = field.next;
            }
            Kind::Word if more && field.closer == b':' && is_logger_like(word) => {
                self.found.logger = span;
                self.at = field.next;
            }
            _ => {}
        }
    }
}

/// Returns the severity of what a server writes about the record before: `STATEMENT:  …`.
fn part(word: &[u8]) -> Option<Severity> {
    let parts: [&[u8]; 5] = [b"STATEMENT", b"DETAIL", b"CONTEXT", b"QUERY", b"LOCATION"];
    parts.contains(&word).then_some(Severity::Info)
}

/// Returns whether a separator stands directly before the field that follows `before`.
fn separator_before(before: &[Option<Field>]) -> bool {
    before.last().is_some_and(|last| last.is_some_and(|last| last.kind == Kind::Separator))
}

/// Returns the part of a word before `]` or `/`.
fn level_part<'t>(text: &'t [u8], field: &Field) -> &'t [u8] {
    let word = &text[field.start..field.end];
    let end = word.iter().position(|b| matches!(b, b']' | b'/')).unwrap_or(word.len());
    &word[..end]
}

/// Returns whether a word is a process and its number or name: `app[web.1]`.
fn is_process(word: &[u8]) -> bool {
    let Some(open) = memchr(b'[', word) else { return false };
    open > 0 && word.ends_with(b"]") && word[..open].iter().all(|b| b.is_ascii_alphanumeric())
}

/// Returns whether `name` can be a program: one dotted or joined word, and at most one short mark.
fn is_program(name: &[u8]) -> bool {
    let mut words = name.split(|b| *b == b' ').filter(|word| !word.is_empty());
    let (Some(first), mark, None) = (words.next(), words.next(), words.next()) else {
        return false;
    };
    let named = first.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    let marked = mark.is_none_or(|mark| mark.len() <= 8 && mark[0].is_ascii_punctuation());
    named && marked
}
