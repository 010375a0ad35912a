//! `host process[pid]: message`, the tail that syslog daemons write behind their time.

use super::Walk;
use super::token::{Kind, blanks, closing, field_at, is_header_like};
use crate::parse::found::{Layout, set_first};
use crate::parse::timestamp::Style;
use memchr::memchr_iter;

/// How far behind the host the process may end.
const PROCESS_BYTES_MAX: usize = 128;

/// A process as it was named.
struct Process {
    name: (usize, usize),
    /// Whether its number stands behind it.
    numbered: bool,
    /// Where the message begins.
    end: usize,
}

impl Walk<'_> {
    /// Takes host and process off. Times of another `style` than syslog's begin other layouts too:
    /// behind them the process must be numbered or, in RFC 3339, the host must not be prose.
    pub(super) fn syslog_file(&mut self, style: Option<Style>) -> bool {
        let strict = style.is_some();
        let (at, _) = blanks(self.text, self.at);
        let Some(host) = field_at(self.text, at) else { return false };
        let word = &self.text[host.start..host.end];
        if host.kind != Kind::Word || host.closer != 0 || host.gap == 0 {
            return !strict && self.process_without_host(at);
        }
        let tail = self.process_at(host.next);
        match tail {
            Some(Process { name: process, numbered, end }) => {
                let named = style == Some(Style::Iso) && is_header_like(word);
                if strict && !(numbered || named) {
                    return false;
                }
                self.take_process(process, end);
            }
            None if strict => return false,
            None => self.at = host.next,
        }
        set_first(&mut self.found.host, self.place.span(host.start, host.end));
        self.found.layout = Layout::SyslogFile;
        true
    }

    /// `Jan  2 03:04:05 process[pid]: message`: some daemons leave the host out.
    fn process_without_host(&mut self, at: usize) -> bool {
        let Some(Process { name, end, .. }) = self.process_at(at) else { return false };
        self.take_process(name, end);
        self.found.layout = Layout::SyslogFile;
        true
    }

    fn take_process(&mut self, process: (usize, usize), end: usize) {
        self.found.process = self.place.trimmed(self.text, process.0, process.1);
        self.at = end;
    }

    /// Returns the process named at `at`.
    fn process_at(&self, at: usize) -> Option<Process> {
        let text = self.text;
        let window = &text[at..text.len().min(at + PROCESS_BYTES_MAX)];
        if !window.first()?.is_ascii_graphic() {
            return None;
        }
        // A colon counts before a blank and at the end of the line.
        let ends = |colon: &usize| text.get(at + colon + 1).is_none_or(|b| *b == b' ');
        let colon = memchr_iter(b':', window).find(ends);
        if let Some(open) = window.iter().position(|b| *b == b'[')
            && colon.is_none_or(|colon| open < colon)
            && let Some(close) = closing(text, at + open, b'[')
            && close > at + open + 1
            && text[at + open + 1..close].iter().all(|b| b.is_ascii_digit())
            && let Some(end) = self.process_end(close + 1)
            && window[..open].iter().filter(|b| **b == b' ').count() <= 3
        {
            return Some(Process { name: (at, at + open), numbered: true, end });
        }
        let colon = colon?;
        let name = &window[..colon];
        let spaces = name.iter().filter(|b| **b == b' ').count();
        // "loggerd 2.3: restart." names a version.
        let versioned = spaces == 1
            && name
                .split(|b| *b == b' ')
                .nth(1)
                .is_some_and(|v| v[..].first().is_some_and(u8::is_ascii_digit));
        let named = name
            .first()
            .is_some_and(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'(' | b'-'));
        let end = at + colon + 1;
        (named && (spaces == 0 || versioned)).then_some(Process {
            name: (at, at + colon),
            numbered: false,
            end,
        })
    }

    /// Behind `process[pid]`: an optional `(…)`, and the colon.
    fn process_end(&self, at: usize) -> Option<usize> {
        let text = self.text;
        let mut at = at;
        if text.get(at..at + 2) == Some(b" (") {
            at = self.bracket_end(at + 1)? + 1;
        }
        (text.get(at) == Some(&b':')).then_some(at + 1)
    }
}
