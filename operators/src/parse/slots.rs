//! The fields of a structured record that we look for, by role, before they are entered: where each
//! stands, and which of several counts. One for JSON and logfmt.

use super::escape::{first_line, unescape};
use super::fields::{self, ROLES, Role, Value};
use super::found::{Found, Layout, Place, set_first};
use engine::model::Span;
use memchr::memchr;

/// What came of reading a text as a structured record.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reading {
    /// It is none.
    Other,
    /// It is one.
    Record,
    /// It is one, around a text that is to be read on its own.
    Around(Wrapped),
}

/// Where a wrapped text stands.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wrapped {
    /// `[start, end)` of the line.
    Line(usize, usize),
    /// `[start, end)` of the scratch bytes.
    Scratch(usize, usize),
}

/// Where a field's value stands in the text.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slot {
    start: u32,
    end: u32,
    rank: u8,
    escaped: bool,
}

impl Slot {
    /// Returns the slot of the value `[start, end)`; lines are far shorter than 4 GiB.
    pub(super) fn new(rank: u8, start: usize, end: usize, escaped: bool) -> Slot {
        Slot { start: start as u32, end: end as u32, rank, escaped }
    }

    fn text<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        &text[self.start as usize..self.end as usize]
    }

    fn span(&self, text: &[u8], place: Place, scratch: &mut Vec<u8>) -> Span {
        match self.escaped {
            true => unescape(self.text(text), scratch),
            false => place.trimmed(text, self.start as usize, self.end as usize),
        }
    }
}

/// One slot per role.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Slots {
    slots: [Slot; ROLES],
    /// A bit per slot that is held.
    held: u32,
}

impl Slots {
    /// Holds `slot` unless one of the same or a better rank is held: the first of the best counts.
    pub(super) fn offer(&mut self, role: Role, slot: Slot) {
        let bit = 1 << role as usize;
        let held = &mut self.slots[role as usize];
        if self.held & bit == 0 || slot.rank < held.rank {
            *held = slot;
            self.held |= bit;
        }
    }

    /// Returns the slot of a role, if a value that is not empty is held.
    pub(super) fn get(&self, role: Role) -> Option<Slot> {
        let slot = self.slots[role as usize];
        (self.held & 1 << role as usize != 0 && slot.start < slot.end).then_some(slot)
    }

    /// Enters all fields but the message.
    pub(super) fn enter(
        &self,
        text: &[u8],
        place: Place,
        scratch: &mut Vec<u8>,
        found: &mut Found,
    ) {
        let messages = 1 << Role::Message as usize | 1 << Role::Envelope as usize;
        let mut held = self.held & !messages;
        while held != 0 {
            let index = held.trailing_zeros() as usize;
            held &= held - 1;
            let slot = &self.slots[index];
            let span = slot.span(text, place, scratch);
            fields::enter(found, Role::ALL[index], Value { text: slot.text(text), span });
        }
    }

    /// Enters the message: the field of that name, else what a container runtime wrapped, else what
    /// went wrong, else the whole text.
    pub(super) fn enter_message(
        &self,
        text: &[u8],
        place: Place,
        scratch: &mut Vec<u8>,
        found: &mut Found,
    ) -> Reading {
        if let Some(message) = self.get(Role::Message) {
            // A message that is an object itself is read like a wrapped line.
            if message.text(text)[0] == b'{' {
                return Reading::Around(wrapped(&message, text, scratch));
            }
            lines(&message, text, place, scratch, found);
        } else if let Some(envelope) = self.get(Role::Envelope) {
            found.layout = Layout::Container;
            return Reading::Around(wrapped(&envelope, text, scratch));
        } else if !found.details.exception_message.is_empty() {
            found.message = found.details.exception_message;
        } else if let Some(trace) = self.get(Role::Exception).or(self.get(Role::Stack)) {
            lines(&trace, text, place, scratch, found);
        } else {
            found.message = place.trimmed(text, 0, text.len());
        }
        Reading::Record
    }
}

/// Enters the first line of a field as the message, and what follows it as the trace, if the record
/// names no other.
fn lines(slot: &Slot, text: &[u8], place: Place, scratch: &mut Vec<u8>, found: &mut Found) {
    if !slot.escaped {
        found.message = place.trimmed(text, slot.start as usize, slot.end as usize);
        return;
    }
    let begin = scratch.len();
    unescape(slot.text(text), scratch);
    let place = Place { scratch: true, base: begin };
    let text = &scratch[begin..];
    let (first, rest) = first_line(text);
    found.message = place.trimmed(text, first.start, first.end);
    set_first(&mut found.details.stack, place.span(rest.start, rest.end));
}

/// A wrapped line usually has one escape, the `\n` at its end; then it need not be copied.
fn wrapped(slot: &Slot, text: &[u8], scratch: &mut Vec<u8>) -> Wrapped {
    let raw = slot.text(text);
    let inner = raw.strip_suffix(b"\\n").unwrap_or(raw);
    if memchr(b'\\', inner).is_none() {
        let start = slot.start as usize;
        return Wrapped::Line(start, start + inner.len());
    }
    let begin = scratch.len();
    unescape(raw, scratch);
    Wrapped::Scratch(begin, scratch.len())
}
