//! Headers of a fixed build: a level letter joined to a date, seconds since the start in a bracket,
//! and a time with a serial number in brackets.

use super::token::{FIELD_BYTES_MAX, Kind, blanks, field_at};
use super::{LEADS_MAX, Walk};
use crate::parse::found::Layout;
use crate::parse::severity;
use crate::parse::timestamp::{self, Style};

/// Stands between the position and the tags in some logs.
const DOTS: &[u8] = "\u{22ee}".as_bytes();
/// Digits of the fraction of an uptime.
const FRACTION_DIGITS: usize = 6;

impl Walk<'_> {
    /// `I0102 15:04:05.678901   12345 file.go:12] message`, with or without a year.
    pub(super) fn klog(&mut self) -> bool {
        self.read_klog().is_some()
    }

    fn read_klog(&mut self) -> Option<()> {
        let text = self.text;
        let severity = severity::of_letter(*text.first()?)?;
        let digits = text[1..].iter().take(9).take_while(|b| b.is_ascii_digit()).count();
        let written = match digits {
            4 => timestamp::month_day_clock(text, 1)?,
            6 | 8 => timestamp::at(text, 1)?,
            _ => return None,
        };
        let (at, _) = blanks(text, written.end);
        let thread = field_at(text, at).filter(|field| field.kind == Kind::Number)?;
        let window = &text[thread.next..text.len().min(thread.next + FIELD_BYTES_MAX)];
        let length = memchr::memchr(b' ', window).unwrap_or(window.len());
        let close = memchr::memchr(b']', &window[..length]);
        let end = close.or_else(|| Some(length).filter(|_| is_position(&window[..length])))?;
        self.found.layout = Layout::Klog;
        self.found.severity = Some(severity);
        self.found.time = Some(written.written);
        self.found.thread = self.place.span(thread.start, thread.end);
        self.found.logger = self.place.span(thread.next, thread.next + end);
        self.at = thread.next + end + usize::from(close.is_some());
        if close.is_none() {
            self.tags();
        }
        Some(())
    }

    /// `[n1,client=10.1.2.3] 17  message`: tags and a counter behind the position.
    fn tags(&mut self) {
        self.at = blanks(self.text, self.at).0;
        if self.text[self.at..].starts_with(DOTS) {
            self.at = blanks(self.text, self.at + DOTS.len()).0;
        }
        for kind in [Kind::Bracket, Kind::Number] {
            let field = field_at(self.text, self.at).filter(|field| field.kind == kind);
            if let Some(field) = field.filter(|field| field.closer == 0 && field.gap > 0) {
                self.at = field.next;
            }
        }
    }

    /// `[   12.345678] message`: seconds since the start, which are no time of day.
    pub(super) fn uptime(&mut self) -> bool {
        let Some(rest) = self.text.strip_prefix(b"[") else { return false };
        let window = &rest[..rest.len().min(24)];
        let Some(close) = memchr::memchr(b']', window) else { return false };
        let number = window[..close].trim_ascii_start();
        let dot = number.len().saturating_sub(FRACTION_DIGITS + 1);
        let shaped = dot > 0
            && number[dot] == b'.'
            && number[..dot].iter().chain(&number[dot + 1..]).all(u8::is_ascii_digit);
        if !shaped || rest.get(close + 1) != Some(&b' ') {
            return false;
        }
        self.found.layout = Layout::Timestamp;
        self.at = close + 2;
        true
    }

    /// `type=LOGIN msg=audit(1704164645.123:17): message`: the first value says what happened.
    pub(super) fn serial(&mut self) -> bool {
        let (mut at, mut start) = (0, 0);
        for _ in 0..LEADS_MAX {
            let Some(field) = field_at(self.text, at).filter(|f| f.kind == Kind::Word) else {
                return false;
            };
            let word = &self.text[field.start..field.end];
            let Some(equals) = memchr::memchr(b'=', word) else { return false };
            if let Some(open) = memchr::memchr(b'(', word)
                && field.closer == b':'
                && word.ends_with(b")")
                && let Some(stamp) = timestamp::at(self.text, field.start + open + 1)
                && stamp.style == Style::Epoch
                && self.text.get(stamp.end) == Some(&b':')
            {
                self.found.layout = Layout::Timestamp;
                self.found.time = Some(stamp.written);
                self.at = start;
                return start > 0;
            }
            start = if start == 0 { field.start + equals + 1 } else { start };
            at = field.next;
        }
        false
    }
}

/// Returns whether a word is a file and a line: `a/b.go:12`.
fn is_position(word: &[u8]) -> bool {
    let digits = word.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    digits > 0 && digits < word.len() && word[..word.len() - digits].ends_with(b":")
}
