//! Headers whose time is not the first field: record numbers, labels, host names, file names or an
//! address stand before it.

use super::token::{Field, Kind, blanks, closing, field_at, is_header_like};
use super::{LEADS_MAX, Walk};
use crate::parse::found::{Layout, set_first};
use crate::parse::severity;
use crate::parse::timestamp::{self, Day, Stamp, Style, Written};
use engine::model::Severity;

impl Walk<'_> {
    /// Finds a time behind at most [`LEADS_MAX`] lead fields, and takes the header off.
    pub(super) fn lead(&mut self) -> bool {
        let mut leads: [Option<Field>; LEADS_MAX] = [None; LEADS_MAX];
        let mut severity = None;
        let mut at = 0;
        for count in 0..=LEADS_MAX {
            if count > 0
                && let Some((stamp, inside)) = self.time_at(at)
            {
                if !self.may_lead(&leads[..count], &stamp) {
                    return false;
                }
                self.found.severity = severity;
                self.lead_found(&leads[..count], stamp, inside);
                return true;
            }
            let Some(slot) = leads.get_mut(count) else { return false };
            let Some(field) = field_at(self.text, at) else { return false };
            if field.gap == 0 {
                return false;
            }
            *slot = Some(field);
            severity = severity.or_else(|| self.lead_severity(&field));
            at = field.next;
            let free = count > 0 && self.is_record_number(leads[0]);
            if !(free || self.is_lead(&field, count)) {
                return false;
            }
        }
        false
    }

    fn is_lead(&self, field: &Field, count: usize) -> bool {
        let word = &self.text[field.start..field.end];
        match field.kind {
            Kind::Number | Kind::Separator | Kind::Bracket => true,
            // The user of an access log may be any word; what follows it must be its time.
            Kind::Word if count == 2 && self.text.get(field.next) == Some(&b'[') => true,
            Kind::Word => {
                word.len() <= 96 && is_header_like(word) || self.lead_severity(field).is_some()
            }
        }
    }

    fn is_record_number(&self, first: Option<Field>) -> bool {
        first.is_some_and(|field| field.kind == Kind::Number && field.closer == 0)
    }

    /// A level before the time: `INFO 2024-…`, `I, [2024-…`.
    fn lead_severity(&self, field: &Field) -> Option<Severity> {
        let word = &self.text[field.start..field.end];
        match (field.kind, word.len(), field.closer) {
            (Kind::Word, 1, b',') => severity::of_letter(word[0]),
            (Kind::Word, _, _) if word.iter().all(u8::is_ascii_uppercase) => {
                severity::of_word(word)
            }
            (Kind::Bracket, _, _) => super::fields::bracket_severity(word),
            _ => None,
        }
    }

    /// Only a complete date and time may stand behind other fields; a bare number only behind a
    /// record number or a label.
    fn may_lead(&self, leads: &[Option<Field>], stamp: &Stamp) -> bool {
        let dated = match stamp.written {
            Written::Civil(civil) => matches!(civil.day, Day::Full(_)),
            Written::Instant(_) => {
                self.is_record_number(leads[0])
                    || leads.len() == 1
                        && leads[0].is_some_and(|lead| {
                            lead.kind == Kind::Separator || {
                                let label = &self.text[lead.start..lead.end];
                                label.iter().all(|b| b.is_ascii_uppercase() || *b == b'_')
                            }
                        })
            }
        };
        dated && (stamp.style != Style::Epoch || self.text.get(stamp.end) == Some(&b' '))
    }

    fn lead_found(&mut self, leads: &[Option<Field>], stamp: Stamp, inside: bool) {
        self.found.time = Some(stamp.written);
        self.found.layout = Layout::Timestamp;
        if stamp.style == Style::Access {
            // Behind `address - user [time] `: the request is the message.
            self.found.layout = Layout::Access;
            if inside {
                self.close_bracket();
            }
            self.found.severity = self.status_severity();
            return;
        }
        if stamp.style == Style::Epoch {
            match leads {
                [_] => self.archive(),
                _ => self.columns_after_epoch(leads),
            }
            return;
        }
        self.after_time(stamp, inside);
    }

    /// What the status behind a quoted request says: a server error is one, all else went well.
    fn status_severity(&self) -> Option<Severity> {
        let request = self.text.get(blanks(self.text, self.at).0..)?.strip_prefix(b"\"")?;
        let quote = memchr::memchr(b'"', request)?;
        match request.get(quote + 1..quote + 5)? {
            [b' ', b'5', b'0'..=b'9', b'0'..=b'9'] => Some(Severity::Error),
            [b' ', b'1'..=b'4', b'0'..=b'9', b'0'..=b'9'] => Some(Severity::Info),
            _ => None,
        }
    }

    /// `- 1704164645 2024.01.02 host time2 …`: an archive's label, time, date and host, and then the
    /// line as it was written, with its own time.
    fn archive(&mut self) {
        let (date, _) = blanks(self.text, self.at);
        let Some(end) = timestamp::date_only(self.text, date) else {
            self.at = date;
            return;
        };
        let (at, _) = blanks(self.text, end);
        self.at = at;
        let Some(host) = field_at(self.text, at).filter(|f| f.kind == Kind::Word) else { return };
        let instant = self.found.time;
        let Some((stamp, inside)) = self.time_at(host.next) else { return };
        self.found.host = self.place.span(host.start, host.end);
        self.after_time(stamp, inside);
        // The instant knows its zone; the written time does not.
        self.found.time = instant;
    }

    /// Columns around an epoch number: a number behind it is a column too.
    fn columns_after_epoch(&mut self, leads: &[Option<Field>]) {
        if let Some(Some(host)) = leads.get(1).filter(|_| leads.len() > 2) {
            set_first(&mut self.found.host, self.place.span(host.start, host.end));
        }
        let (at, _) = blanks(self.text, self.at);
        self.at = at;
        if let Some(field) = field_at(self.text, at)
            && field.kind == Kind::Number
            && field.closer == 0
        {
            self.at = field.next;
        }
    }

    /// Moves behind the bracket in which the time stands.
    pub(super) fn close_bracket(&mut self) {
        let window = &self.text[self.at..self.text.len().min(self.at + 64)];
        if let Some(close) = window.iter().position(|b| matches!(b, b']' | b')')) {
            self.at += close + 1;
        }
    }

    /// Returns where the bracket opened at `at` closes.
    pub(super) fn bracket_end(&self, at: usize) -> Option<usize> {
        closing(self.text, at, *self.text.get(at)?)
    }
}
