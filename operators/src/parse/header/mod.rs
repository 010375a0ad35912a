//! Finds the header of a plain line: the leading run of time, severity, host, process, thread and
//! logger that programs write before the message. Knows shapes, never programs.
//!
//! ```text
//! lead fields?  time  fields before the level?  level  fields after it?  message
//! lead fields?  time  host process[pid]:                                  message
//! lead fields?  time  field | field | field |                             message
//!                                               level  fields after it?  message
//! ```
//! *Limits:* [`LEADS_MAX`] fields before the time, [`BEFORE_LEVEL_MAX`] before the level and
//! [`AFTER_LEVEL_MAX`] after it; no field is longer than [`token::FIELD_BYTES_MAX`]. So the cost of a
//! line does not grow with its length.
//!
//! *Not here:* `<PRI>` lines ([`super::syslog`]), colour codes ([`super::line`] takes them off).

mod after_level;
mod fields;
mod klog;
mod lead;
mod syslog_file;
mod token;

use super::found::{Found, Layout, Place, set_first};
use super::severity;
use super::timestamp::{self, Stamp, Style};
use engine::model::Severity;
use token::{Kind, blanks, field_at};

/// How many fields may stand before the time.
const LEADS_MAX: usize = 4;
/// How many fields may stand between the time and the level.
const BEFORE_LEVEL_MAX: usize = 5;
/// How many fields may stand between the level and the message.
const AFTER_LEVEL_MAX: usize = 7;

/// How interpreters begin the first line of a trace, behind its level.
const UNCAUGHT: &[u8] = b"Uncaught ";

/// A line whose header is being taken off from the left.
struct Walk<'t> {
    text: &'t [u8],
    place: Place,
    /// Where the rest of the line begins.
    at: usize,
    found: &'t mut Found,
}

/// Enters what the header of `text` says; returns whether there is one.
pub(super) fn find(text: &[u8], place: Place, found: &mut Found) -> bool {
    // Continuation lines are indented; headers are not.
    if text.first().is_none_or(|first| *first <= b' ') {
        return false;
    }
    let mut walk = Walk { text, place, at: 0, found };
    let headed = walk.klog()
        || walk.timed_at_start()
        || walk.uptime()
        || walk.leveled()
        || walk.lead()
        || walk.serial();
    walk.finish(headed)
}

/// The same for a text that begins with a digit, and with the time `stamp`, if there is one.
pub(super) fn find_behind(
    stamp: Option<Stamp>,
    text: &[u8],
    place: Place,
    found: &mut Found,
) -> bool {
    let mut walk = Walk { text, place, at: 0, found };
    let timed = stamp.and_then(|stamp| walk.stamped(stamp, false));
    let headed = match timed {
        Some((stamp, inside)) => {
            walk.timed(stamp, inside);
            true
        }
        None => walk.lead(),
    };
    walk.finish(headed)
}

/// Enters the envelope of a container runtime's line, `time stdout F line`, whose time is `stamp`;
/// returns where the inner line begins.
pub(super) fn container_line(
    stamp: &Stamp,
    text: &[u8],
    place: Place,
    found: &mut Found,
) -> Option<usize> {
    let tail = text.get(stamp.end..).filter(|_| stamp.style == Style::Iso)?;
    let rest = tail.strip_prefix(b" stdout ").or_else(|| tail.strip_prefix(b" stderr "))?;
    let partial = match rest.first()? {
        b'F' => false,
        b'P' => true,
        _ => return None,
    };
    let start = match rest.get(1) {
        None => text.len(),
        Some(b' ') => text.len() - rest.len() + 2,
        _ => return None,
    };
    *found = Found {
        layout: Layout::Container,
        time: Some(stamp.written),
        stream: place.span(stamp.end + 1, stamp.end + 7),
        partial,
        body: place.span(start, text.len()),
        ..Found::default()
    };
    Some(start)
}

impl Walk<'_> {
    /// Enters the message, or takes back what was entered if there is no header.
    fn finish(self, headed: bool) -> bool {
        if headed {
            self.found.message = self.place.trimmed(self.text, self.at, self.text.len());
            self.found.rest = blanks(self.text, self.at).0;
        } else {
            *self.found = Found::default();
        }
        headed
    }

    /// A time at the very start, bracketed or not, and what follows it.
    fn timed_at_start(&mut self) -> bool {
        let Some((stamp, inside)) = self.time_at(0) else { return false };
        self.timed(stamp, inside);
        true
    }

    fn timed(&mut self, stamp: Stamp, inside: bool) {
        self.found.time = Some(stamp.written);
        self.found.layout = Layout::Timestamp;
        self.after_time(stamp, inside);
    }

    /// Recognises the time at `at` and moves behind it; the second value says whether its bracket
    /// is still open.
    fn time_at(&mut self, at: usize) -> Option<(Stamp, bool)> {
        let bracketed = matches!(self.text.get(at), Some(b'[' | b'('));
        let start = at + usize::from(bracketed);
        let stamp = timestamp::at(self.text, start)?;
        self.stamped(stamp, bracketed)
    }

    /// Moves behind a time, unless the sign behind it says that it is none.
    fn stamped(&mut self, stamp: Stamp, bracketed: bool) -> Option<(Stamp, bool)> {
        let next = self.text.get(stamp.end).copied().unwrap_or(b' ');
        if !matches!(next, b' ' | b'\t' | b']' | b')' | b'|' | b',' | b':' | b';') {
            return None;
        }
        let closed = bracketed && matches!(next, b']' | b')');
        if bracketed && !closed && !matches!(next, b' ' | b':') {
            return None;
        }
        self.at = stamp.end + usize::from(closed);
        Some((stamp, bracketed && !closed))
    }

    /// A level at the very start: `[INFO] …`, `ERROR: …`, `WARN …`, `info: …`. Capitalised words
    /// (`Error: …`) open exceptions and prose, so they do not count.
    fn leveled(&mut self) -> bool {
        let Some(field) = field_at(self.text, 0) else { return false };
        let word = self.text[field.start..field.end].trim_ascii();
        let severity = match field.kind {
            Kind::Bracket => match fields::bracket_severity(word) {
                Some(severity) => Some(severity),
                None => return self.threaded(&field),
            },
            Kind::Word if word.iter().all(u8::is_ascii_uppercase) => {
                severity::of_word(word).filter(|_| !severity::is_ambiguous(word))
            }
            Kind::Word if field.closer == b':' && word.iter().all(u8::is_ascii_lowercase) => {
                severity::of_word(word)
            }
            Kind::Word if field.closer == 0 && self.named_level(&field) => return true,
            Kind::Word => return self.leveled_and_joined(field.start, field.end),
            Kind::Number => {
                // Milliseconds since the start of the program.
                let next = field_at(self.text, field.next).filter(|f| f.kind == Kind::Bracket);
                return next.is_some_and(|bracket| self.threaded(&bracket));
            }
            _ => None,
        };
        let Some(severity) = severity else { return false };
        self.found.layout = Layout::Level;
        self.level_found(severity, field);
        true
    }

    /// `[thread] LEVEL logger - message`.
    fn threaded(&mut self, bracket: &token::Field) -> bool {
        let Some(field) = field_at(self.text, bracket.next).filter(|_| bracket.gap > 0) else {
            return false;
        };
        let word = &self.text[field.start..field.end];
        let capitals = field.kind == Kind::Word && word.iter().all(u8::is_ascii_uppercase);
        let level = severity::of_word(word).filter(|_| capitals && !severity::is_ambiguous(word));
        let Some(severity) = level else { return false };
        self.found.layout = Layout::Level;
        self.found.thread = self.place.trimmed(self.text, bracket.start, bracket.end);
        self.level_found(severity, field);
        true
    }

    /// `NAME Warning:  message`, `NAME Fatal error:  message`, as interpreters write it; and, behind a
    /// tab, a time: `Information<tab>1/2/2024 3:04:05 AM<tab>…`.
    fn named_level(&mut self, first: &token::Field) -> bool {
        let word = &self.text[first.start..first.end];
        if self.text.get(first.end) == Some(&b'\t')
            && let Some(severity) = severity::of_word(word)
            && let Some((stamp, false)) = self.time_at(first.next)
        {
            self.found.severity = Some(severity);
            self.timed(stamp, false);
            return true;
        }
        let capitals = word.len() <= 8 && word.iter().all(u8::is_ascii_uppercase);
        if !capitals {
            return false;
        }
        let Some(field) = field_at(self.text, first.next) else { return false };
        let level = self.level_of_two_words(&field);
        let caught = |last: &token::Field| !self.text[last.next..].starts_with(UNCAUGHT);
        let Some((severity, last)) = level.filter(|(_, last)| caught(last)) else { return false };
        self.found.layout = Layout::Level;
        self.found.process = self.place.span(first.start, first.end);
        self.found.severity = Some(severity);
        self.at = last.next;
        true
    }

    /// Returns the level at `field`, of one or more words, if a colon and two blanks end it.
    fn level_of_two_words(&self, field: &token::Field) -> Option<(Severity, token::Field)> {
        let mut field = *field;
        let mut worst = None;
        for _ in 0..3 {
            let word = &self.text[field.start..field.end];
            worst = worst.max(severity::of_word(word));
            if field.closer == b':' {
                return worst.filter(|_| field.gap >= 2).map(|severity| (severity, field));
            }
            let named = field.kind == Kind::Word && word.iter().all(u8::is_ascii_alphabetic);
            if !named || word.len() > 16 {
                return None;
            }
            field = field_at(self.text, field.next)?;
        }
        None
    }

    /// `WARNING:root:message`, `INFO[0012] message`, `D/Tag( 123): message`.
    fn leveled_and_joined(&mut self, start: usize, end: usize) -> bool {
        let text = self.text;
        let word = &text[start..end];
        let capitals = word.iter().take_while(|b| b.is_ascii_uppercase()).count();
        let severity = match (capitals, word.get(capitals)) {
            (1, Some(b'/')) => {
                severity::of_letter(word[0]).filter(|_| self.slashed_tag(start + 2).is_some())
            }
            (2.., Some(b':')) => severity::of_word(&word[..capitals]),
            (2.., Some(b'[')) => severity::of_word(&word[..capitals])
                .filter(|_| token::closing(text, capitals, b'[').is_some()),
            _ => None,
        };
        let Some(severity) = severity else { return false };
        self.found.layout = Layout::Level;
        self.found.severity = Some(severity);
        match word[capitals] {
            b':' => self.logger_joined(capitals + 1),
            b'[' => self.at = token::closing(text, capitals, b'[').map_or(capitals, |end| end + 1),
            _ => {}
        }
        true
    }

    /// `logger:message` at `at`, where the message may begin at once.
    fn logger_joined(&mut self, at: usize) {
        let rest = &self.text[at..];
        let name = rest.iter().position(|b| matches!(b, b':' | b' ')).unwrap_or(0);
        self.at = at;
        if rest.get(name) == Some(&b':') {
            self.found.logger = self.place.span(at, at + name);
            self.at += name + 1;
        }
    }

    /// `Tag( 123): ` at `at`, behind a level letter and a slash.
    fn slashed_tag(&mut self, at: usize) -> Option<()> {
        let window = &self.text[at..self.text.len().min(at + token::FIELD_BYTES_MAX)];
        let open = memchr::memchr(b'(', window)?;
        let close = at + open + memchr::memmem::find(&window[open..], b"):")?;
        self.found.logger = self.place.trimmed(self.text, at, at + open);
        self.found.process = self.place.trimmed(self.text, at + open + 1, close);
        self.at = close + 2;
        Some(())
    }

    /// Takes the level `field` off, and what follows it; a time may, if none was found yet.
    fn level_found(&mut self, severity: Severity, field: token::Field) {
        self.found.severity = Some(severity);
        self.at = field.next;
        if self.found.time.is_none() && !self.time_behind_level(field.next) {
            self.time_behind_thread();
        }
        self.after_level(field.closer == b':');
    }

    /// Takes off a time at `at`; returns whether there is one.
    fn time_behind_level(&mut self, at: usize) -> bool {
        let stamp = self.time_at(at).filter(|(stamp, _)| stamp.style != Style::ClockOnly);
        let Some((stamp, inside)) = stamp else { return false };
        self.found.layout = Layout::Timestamp;
        self.found.time = Some(stamp.written);
        if inside {
            self.close_bracket();
        }
        self.at = blanks(self.text, self.at).0;
        true
    }

    /// `LEVEL [thread] 2024-01-02 03:04:05 message`.
    fn time_behind_thread(&mut self) {
        let at = self.at;
        let Some(bracket) = field_at(self.text, at).filter(|f| f.kind == Kind::Bracket) else {
            return;
        };
        if !self.time_behind_level(bracket.next) {
            self.at = at;
            return;
        }
        let thread = self.place.trimmed(self.text, bracket.start, bracket.end);
        set_first(&mut self.found.thread, thread);
    }
}
