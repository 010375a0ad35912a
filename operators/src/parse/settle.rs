//! How records are admitted, emitted, held back and let go.
//!
//! *Promises.* Which records are open depends on the lines alone, never on chunks; when a record is
//! emitted depends on chunks and epochs, but the sum of what is emitted does not: a version that a
//! later line makes longer is taken back.
//! *State and limits:* beyond [`OPEN_RECORDS_MAX`] and [`ORDINARY_RECORDS_MAX`] the record that was
//! touched first is let go, ordinary ones before traces.

use super::draft::Draft;
use super::format::Format;
use super::open::{Open, Pending, Slot, Text};
use super::partition::Partition;
use super::run::announces;
use crate::assemble::{
    GAP_SECS_MAX, INTERPOSED_MAX, OPEN_RECORDS_MAX, ORDINARY_RECORDS_MAX, State, mark,
};
use engine::model::{EventTime, Severity};
use xxhash_rust::xxh3::xxh3_64;

/// How many epochs a trace whose end has not been seen is held back, in case more of it comes.
pub const HOLD_EPOCHS: u64 = 5;

impl Partition {
    /// Takes the message of a record into account.
    pub(super) fn settle_state(&mut self, index: usize, draft: &Draft, chunk: &[u8]) {
        let open = &mut self.open[index];
        let (Some(slot), true) = (open.slot, open.pending != Pending::Nothing) else { return };
        let event = &draft.events[slot.event as usize];
        let message = event.message.bytes(chunk, &draft.scratch.bytes);
        open.state = state_behind(open.pending, message, event.severity);
        open.pending = Pending::Nothing;
        open.is_quiet = is_quiet(slot, draft);
        open.thread = thread(slot, draft, chunk);
    }

    /// Admits a record that has just begun, and lets go of those that it ends.
    pub(super) fn admit(
        &mut self,
        mut record: Open,
        own_time: Option<EventTime>,
        format: Format,
        draft: &mut Draft,
        chunk: &[u8],
    ) {
        // The ordinary case: one stream, one open record, nothing to do for it.
        if let [only] = self.open.as_mut_slice()
            && only.stream == record.stream
            && matches!(only.text, Text::Chunk(..))
            && is_ordinary(only, draft)
        {
            *only = record;
            return;
        }
        record.thread = record.slot.map_or(0, |slot| thread(slot, draft, chunk));
        let mut index = 0;
        while index < self.open.len() {
            let is_ended = self.open[index].stream == record.stream
                && self.is_ended_by(index, &record, own_time, draft, chunk);
            if is_ended {
                self.let_go(index, format, draft);
            } else {
                index += 1;
            }
        }
        self.make_room(format, draft, chunk);
        self.open.push(record);
    }

    /// Lets go of the records that were touched first, where there are too many.
    fn make_room(&mut self, format: Format, draft: &mut Draft, chunk: &[u8]) {
        let (mut ordinary, mut first, mut first_ordinary) = (0, None, None);
        for index in 0..self.open.len() {
            if !is_ordinary(&self.open[index], draft) {
                self.settle_state(index, draft, chunk);
            }
            let open = &self.open[index];
            let touched = (open.touched, index);
            first = Some(first.map_or(touched, |first| touched.min(first)));
            if is_ordinary(open, draft) {
                ordinary += 1;
                first_ordinary = Some(first_ordinary.map_or(touched, |first| touched.min(first)));
            }
        }
        let full = self.open.len() >= OPEN_RECORDS_MAX;
        if (ordinary >= ORDINARY_RECORDS_MAX || full)
            && let Some((_, index)) = first_ordinary.or(first)
        {
            self.let_go(index, format, draft);
        }
    }

    fn is_ended_by(
        &mut self,
        index: usize,
        record: &Open,
        own_time: Option<EventTime>,
        draft: &Draft,
        chunk: &[u8],
    ) -> bool {
        if is_ordinary(&self.open[index], draft) {
            return true;
        }
        self.settle_state(index, draft, chunk);
        let open = &mut self.open[index];
        open.interposed = open.interposed.saturating_add(1);
        let is_late = own_time.is_some_and(|time| time.secs() - open.time.secs() > GAP_SECS_MAX);
        let same_thread = open.thread != 0 && open.thread == record.thread;
        !open.state.is_trace() || open.interposed > INTERPOSED_MAX || is_late || same_thread
    }

    /// Lets go of a record: nothing can continue it any more.
    fn let_go(&mut self, index: usize, format: Format, draft: &mut Draft) {
        let mut open = self.open.swap_remove(index);
        emit(&mut open, format, draft);
    }

    /// Ends the chunk: emits what is open, or holds it back until `due`, and copies what later
    /// chunks may continue. `due`: the epoch until which traces may be held back, if they may.
    pub(super) fn end_chunk(
        &mut self,
        due: Option<u64>,
        format: Format,
        draft: &mut Draft,
        chunk: &[u8],
    ) {
        for index in 0..self.open.len() {
            self.settle_state(index, draft, chunk);
            let is_newest = self.is_newest(index);
            let open = &mut self.open[index];
            if let Some(due) = due
                && is_newest
                && open.state.is_trace()
                && !open.is_full
                && open.is_behind()
            {
                if let Some(slot) = open.slot.take() {
                    draft.hold(slot);
                }
                open.due = Some(open.due.unwrap_or(due));
            } else {
                emit(open, format, draft);
            }
            open.keep(chunk);
            open.mark_emitted();
        }
    }

    /// Lets go of every record.
    pub(super) fn let_all_go(&mut self, format: Format, draft: &mut Draft) {
        for mut open in std::mem::take(&mut self.open) {
            emit(&mut open, format, draft);
        }
    }

    /// Returns the bytes that remembering the open records takes.
    pub(super) fn bytes(&self) -> usize {
        self.open.iter().map(Open::bytes).sum()
    }

    fn is_newest(&self, index: usize) -> bool {
        let this = &self.open[index];
        !self.open.iter().any(|open| open.stream == this.stream && open.touched > this.touched)
    }

    /// Emits what is due in `epoch`.
    pub(super) fn release(&mut self, epoch: u64, format: Format, draft: &mut Draft) {
        for open in &mut self.open {
            if open.due.is_some_and(|due| due <= epoch) {
                emit(open, format, draft);
                open.mark_emitted();
            }
        }
    }

    /// Returns the first epoch in which something is due.
    pub(super) fn due(&self) -> Option<u64> {
        self.open.iter().filter_map(|open| open.due).min()
    }

    /// Returns the last epoch in which something is due.
    pub(super) fn last_due(&self) -> Option<u64> {
        self.open.iter().filter_map(|open| open.due).max()
    }

    /// Takes everything that is open as emitted: after a restart, worker 0 has done it.
    pub(super) fn all_released(mut self) -> Partition {
        for open in &mut self.open {
            open.due = None;
            open.mark_emitted();
        }
        self
    }
}

/// Returns the state behind a first line with this message and severity.
pub(super) fn state_behind(pending: Pending, message: &[u8], severity: Severity) -> State {
    let (unknown, bad) = (severity == Severity::Unknown, severity >= Severity::Warn);
    match pending {
        Pending::Headed => State::headed(message, unknown || bad),
        _ if bad || announces(message) => State::headed(message, true),
        _ => State::bare(message, mark(message)),
    }
}

/// Returns whether the severity of an event is one that ordinary records have. Nobody looks into
/// their messages for the beginning of a trace.
fn is_quiet(slot: Slot, draft: &Draft) -> bool {
    draft.events[slot.event as usize].severity < Severity::Error
}

/// Returns whether a record is no trace for sure. Whether its message was looked at makes no
/// difference.
fn is_ordinary(open: &Open, draft: &Draft) -> bool {
    match (open.pending, open.slot) {
        (Pending::Nothing, _) | (_, None) => {
            !open.state.is_trace() || open.is_quiet && open.lines == 1
        }
        (_, Some(slot)) => is_quiet(slot, draft),
    }
}

/// Returns which thread an event names; 0 if none.
fn thread(slot: Slot, draft: &Draft, chunk: &[u8]) -> u64 {
    let thread = draft.events[slot.event as usize].thread;
    if thread.is_empty() { 0 } else { xxh3_64(thread.bytes(chunk, &draft.scratch.bytes)) }
}

/// Emits a record as it is now, and takes back what was emitted of it before. Does nothing if that
/// was the same.
fn emit(open: &mut Open, format: Format, draft: &mut Draft) {
    open.due = None;
    if let Some(mut slot) = open.slot.take() {
        if let Some(text) = open.copy() {
            draft.set_copied(&mut slot, text);
        }
        return;
    }
    let Some(text) = open.copy() else { return };
    let now = text.version();
    match open.emitted {
        Some(before) if before == now => return,
        Some(before) => draft.push_version(format, text, before, open.time, -1),
        None => draft.emitted += 1,
    }
    draft.push_version(format, text, now, open.time, 1);
    open.emitted = Some(now);
}
