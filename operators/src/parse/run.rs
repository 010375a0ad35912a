//! Reads the lines of a chunk: each begins a record or continues an open one.
//!
//! A line with a header begins a record; nearly all are told by the first byte of their message. A
//! line without one is offered to the newest record of its stream and then to the traces of the
//! stream that are not finished; [`crate::assemble`] knows what goes on and what does not.

use super::draft::Draft;
use super::format::Format;
use super::found::{Found, Layout, Place};
use super::line::{self, Scratch};
use super::named;
use super::open::{Continuation, Open, Pending, Slot, Text};
use super::partition::Partition;
use super::settle::state_behind;
use super::severity;
use super::zone::Zone;
use crate::assemble::{Assemble, BLANKS_MAX, GAP_SECS_MAX, Line, Mark, State, mark, mark_headed};
use engine::model::{Chunk, EventTime, RejectReason, Severity, Span};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// A chunk being read.
pub(super) struct Run<'c> {
    pub format: Format,
    pub assemble: &'c Assemble,
    pub chunk: &'c Chunk,
    pub zone: &'c mut Zone,
    pub partition: &'c mut Partition,
    pub draft: &'c mut Draft,
    pub check_utf8: bool,
}

/// A line that is not blank, and what it says by itself.
struct Read<'c> {
    text: &'c [u8],
    start: usize,
    found: Option<Found>,
    /// Where its own scratch bytes begin.
    scratch_start: usize,
    is_invalid_utf8: bool,
}

/// Where a line stands among the lines around it.
#[derive(Clone, Copy)]
struct Standing {
    /// Which of the interleaved streams.
    stream: u64,
    /// What it looks like; `None` if it is no line of a trace for sure.
    mark: Option<Mark>,
    /// The text that decides, if it is not the line as it stands in the chunk.
    visible: Option<Span>,
    /// What stands before the text.
    front: Front,
}

/// What stands before the text of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Front {
    Nothing,
    Header,
    /// The envelope of a container runtime or a syslog daemon: every line has one.
    Envelope,
}

impl Run<'_> {
    /// Reads the line `[start, end)` of the chunk.
    pub(super) fn line(&mut self, start: usize, end: usize) {
        self.draft.lines_read += 1;
        let whole = &self.chunk.bytes[start..end];
        let text = whole.strip_suffix(b"\r").unwrap_or(whole);
        if is_blank(text) {
            self.blank();
            return;
        }
        let is_invalid_utf8 = self.check_utf8 && std::str::from_utf8(text).is_err();
        let scratch_start = self.draft.scratch.bytes.len();
        let place = Place { scratch: false, base: start };
        let found = line::read(self.format, text, place, &mut self.draft.scratch);
        let read = Read { text, start, found, scratch_start, is_invalid_utf8 };
        match self.assemble {
            Assemble::Off => {
                self.record(&read);
            }
            Assemble::Auto => self.assembled(&read),
            Assemble::StartPattern(pattern) => {
                let standing = self.standing(&read);
                let text = self.visible(&read, &standing);
                let newest = self.newest(standing.stream).filter(|_| !pattern.is_match(text));
                self.partition.lines += 1;
                match newest {
                    Some(index) => self.join(&read, &standing, index),
                    None => self.begin(&read, &standing),
                }
            }
        }
    }

    fn blank(&mut self) {
        self.draft.lines_blank += 1;
        self.partition.blanks = (self.partition.blanks + 1).min(BLANKS_MAX + 1);
    }

    fn assembled(&mut self, read: &Read<'_>) {
        let standing = self.standing(read);
        if standing.front == Front::Envelope && is_blank(self.visible(read, &standing)) {
            self.draft.scratch.bytes.truncate(read.scratch_start);
            self.blank();
            return;
        }
        self.partition.lines += 1;
        let goes_on = match standing.mark {
            Some(Mark::Plain) if !self.takes_plain(standing.stream) => None,
            Some(mark) => self.continued(read, &standing, mark),
            None => None,
        };
        if let Some((index, state)) = goes_on {
            self.partition.open[index].state = state;
            self.join(read, &standing, index);
        } else if standing.front == Front::Header
            && let Some((index, visible)) = self.completed(read, &standing)
        {
            self.settle_state(index);
            self.join(read, &Standing { visible, ..standing }, index);
        } else {
            self.begin(read, &standing);
        }
    }

    /// Returns the record that a line with a header of its own completes all the same, and its text: the
    /// rest of a line that a container runtime cut, or the message behind a line of names.
    fn completed(&self, read: &Read<'_>, standing: &Standing) -> Option<(usize, Option<Span>)> {
        let found = read.found.as_ref()?;
        let in_envelope = !found.body.is_empty();
        let names_level = named::is_level(found) && standing.mark.is_none();
        if !(in_envelope || names_level) {
            return None;
        }
        let newest = self.newest(standing.stream)?;
        let open = &self.partition.open[newest];
        let visible = Some(found.body).filter(|_| in_envelope);
        if open.is_partial {
            return Some((newest, visible));
        }
        let follows = open.touched + 1 == self.partition.lines && self.partition.blanks == 0;
        let names = follows && open.has_one_line() && named::is_level(found) && self.is_names(open);
        names.then_some((newest, visible))
    }

    /// Returns whether a record has one line, and that only names.
    fn is_names(&self, open: &Open) -> bool {
        match (open.slot, open.copy()) {
            (Some(slot), _) => {
                let message = self.draft.events[slot.event as usize].message;
                named::is_only_names(message.bytes(&self.chunk.bytes, &self.draft.scratch.bytes))
            }
            (None, Some(text)) => {
                let (line, mut scratch) = (text.first_line(), Scratch::default());
                let place = Place { scratch: false, base: 0 };
                let found = line::read(self.format, line, place, &mut scratch);
                found.is_some_and(|f| named::is_only_names(f.message.bytes(line, &scratch.bytes)))
            }
            _ => false,
        }
    }

    /// Returns whether an ordinary line may go on from the newest record of `stream`.
    fn takes_plain(&self, stream: u64) -> bool {
        let Some(newest) = self.newest(stream) else { return false };
        let open = &self.partition.open[newest];
        open.is_partial
            || match open.pending {
                Pending::Nothing => !open.state.is_text(),
                Pending::Headed => true,
                Pending::Enveloped => false,
            }
    }

    /// Says where a line stands, from the line alone.
    fn standing(&self, read: &Read<'_>) -> Standing {
        let scratch = &self.draft.scratch.bytes;
        let Some(found) = &read.found else {
            return Standing { mark: Some(mark(read.text)), ..Standing::new(Front::Nothing) };
        };
        let is_stripped = scratch.len() > read.scratch_start;
        let clean = is_stripped.then(|| Span::scratch(read.scratch_start, scratch.len()));
        match found.layout {
            Layout::Container | Layout::Syslog3164 | Layout::Syslog5424 | Layout::SyslogFile => {
                let body = body(found, read);
                let mark = Some(mark(body.bytes(&self.chunk.bytes, scratch)));
                let standing = Standing { mark, ..Standing::new(Front::Envelope) };
                Standing {
                    stream: stream(found, read.text, self.chunk, scratch),
                    visible: Some(body),
                    ..standing
                }
            }
            Layout::Plain => {
                let text = clean.map_or(read.text, |span| span.bytes(&[], scratch));
                let standing = Standing::new(Front::Nothing);
                Standing { mark: Some(mark(text)), visible: clean, ..standing }
            }
            // "Error: …" can be a level and can be the name of an exception.
            Layout::Level => {
                let in_envelope = !found.body.is_empty();
                let visible = if in_envelope { Some(found.body) } else { clean };
                let text = visible.map_or(read.text, |span| span.bytes(&self.chunk.bytes, scratch));
                match mark(text) {
                    Mark::Plain | Mark::Indented | Mark::Closer => self.headed(found, read.text),
                    mark if in_envelope => {
                        let stream = stream(found, read.text, self.chunk, scratch);
                        Standing { stream, mark: Some(mark), visible, front: Front::Envelope }
                    }
                    mark => {
                        let standing = Standing::new(Front::Nothing);
                        Standing { mark: Some(mark), visible, ..standing }
                    }
                }
            }
            _ => self.headed(found, read.text),
        }
    }

    fn headed(&self, found: &Found, text: &[u8]) -> Standing {
        let scratch = &self.draft.scratch.bytes;
        let message = found.message.bytes(&self.chunk.bytes, scratch);
        let standing = Standing::new(Front::Header);
        let in_envelope = !found.body.is_empty();
        let stream = if in_envelope { stream(found, text, self.chunk, scratch) } else { 0 };
        Standing { stream, mark: mark_headed(message), visible: Some(found.message), ..standing }
    }

    fn visible<'t>(&'t self, read: &Read<'t>, standing: &Standing) -> &'t [u8] {
        match standing.visible {
            Some(span) if standing.front != Front::Header => {
                span.bytes(&self.chunk.bytes, &self.draft.scratch.bytes)
            }
            _ => read.text,
        }
    }

    /// Returns the record that a line continues, and its state then.
    fn continued(
        &mut self,
        read: &Read<'_>,
        standing: &Standing,
        mark: Mark,
    ) -> Option<(usize, State)> {
        let newest = self.newest(standing.stream)?;
        self.settle_state(newest);
        let is_headed = standing.front == Front::Header;
        // An envelope's time and a header's may be of different clocks and zones.
        let time = read.found.and_then(|found| found.time).filter(|_| is_headed);
        let time = time.map(|written| self.zone.resolve(written, self.chunk.received));
        let text = match standing.visible {
            Some(span) => span.bytes(&self.chunk.bytes, &self.draft.scratch.bytes),
            None => read.text,
        };
        let partition = &*self.partition;
        let thread = if is_headed { self.thread(read) } else { 0 };
        let fits = |open: &Open| {
            open.stream == standing.stream
                && time.is_none_or(|time| time.secs() - open.time.secs() <= GAP_SECS_MAX)
                && (!is_headed || open.state.expects_frames() && open.thread == thread)
        };
        let step_as = |index: usize, mark: Mark| {
            let open = &partition.open[index];
            let follows = open.touched + 1 == partition.lines;
            let blanks = if follows { partition.blanks } else { 0 };
            let (newest, headers) = (index == newest, partition.has_headers);
            let line = Line { text, mark, blanks, newest, headers };
            let state = open.state.step(&line).filter(|_| fits(open))?;
            Some((index, state))
        };
        if partition.open[newest].is_partial {
            return Some((newest, partition.open[newest].state)).filter(|_| !is_headed);
        }
        let step = |index: usize| step_as(index, mark);
        // Lines that only traces have go to a trace rather than to an ordinary record before them.
        let of_trace =
            matches!(mark, Mark::Frame(_) | Mark::Call(_) | Mark::Link(_) | Mark::End(_));
        let newest_first = !of_trace || partition.open[newest].state.expects_frames();
        let older = || {
            let open = &partition.open;
            let is_older = |index: &usize| *index != newest && open[*index].state.is_trace();
            let steps = (0..open.len()).filter(is_older).filter_map(step);
            steps.max_by_key(|(index, _)| open[*index].touched)
        };
        let goes_on = match newest_first {
            true => step(newest).or_else(older),
            false => older().or_else(|| step(newest)),
        };
        // A line that is indented goes on somewhere even if nobody expected one like it.
        let is_indented = of_trace && text.first().is_some_and(|b| matches!(b, b' ' | b'\t'));
        goes_on.or_else(|| step_as(newest, Mark::Indented).filter(|_| is_indented))
    }

    /// Returns the record of `stream` that was begun or continued last.
    fn newest(&self, stream: u64) -> Option<usize> {
        let open = self.partition.open.iter().enumerate().filter(|(_, open)| open.stream == stream);
        open.max_by_key(|(_, open)| open.touched).map(|(index, _)| index)
    }

    fn thread(&self, read: &Read<'_>) -> u64 {
        let thread = read.found.map_or(Span::NONE, |found| found.thread);
        match thread.is_empty() {
            true => 0,
            false => xxh3_64(thread.bytes(&self.chunk.bytes, &self.draft.scratch.bytes)),
        }
    }

    /// Takes the message of a record into account, now that something depends on it.
    fn settle_state(&mut self, index: usize) {
        self.partition.settle_state(index, self.draft, &self.chunk.bytes);
    }

    /// Appends a line to a record.
    fn join(&mut self, read: &Read<'_>, standing: &Standing, index: usize) {
        let chunk = &self.chunk.bytes;
        let open = &mut self.partition.open[index];
        let follows = open.touched + 1 == self.partition.lines;
        let scratch = &self.draft.scratch.bytes;
        let line = Continuation {
            raw: read.text,
            visible: standing.visible.map(|span| span.bytes(chunk, scratch)),
            start: read.start,
            blanks: if follows { self.partition.blanks } else { 0 },
        };
        let (is_second, was_cut) = (open.has_one_line(), open.is_partial);
        let is_cut = open.append(&line, chunk);
        let second = (is_second && !was_cut && line.blanks == 0)
            .then(|| line.visible.unwrap_or(line.raw).to_vec());
        self.draft.scratch.bytes.truncate(read.scratch_start);
        self.draft.lines_cut += u64::from(is_cut);
        open.touched = self.partition.lines;
        open.interposed = 0;
        open.is_partial = read.found.is_some_and(|found| found.partial);
        if let (Some(line), Some(slot)) = (second, open.slot) {
            self.draft.take_second_line(slot, chunk, &line);
        }
        if read.is_invalid_utf8 && !open.is_invalid_utf8 {
            open.is_invalid_utf8 = true;
            self.draft.invalid_utf8 += 1;
        }
        if let (Text::Chunk(start, first_end, end), Some(slot)) = (&open.text, &mut open.slot)
            && end > first_end
        {
            let (record, trace) = (Span::chunk(*start, *end), Span::chunk(first_end + 1, *end));
            self.draft.set_text(slot, record, trace);
        }
        self.partition.blanks = 0;
        if is_second && was_cut {
            self.read_again(index);
        }
    }

    /// Reads the first line of a record again, of which there is more now.
    fn read_again(&mut self, index: usize) {
        let open = &mut self.partition.open[index];
        let Text::Copy(text) = &open.text else { return };
        let scratch = &mut self.draft.scratch;
        let base = scratch.bytes.len();
        scratch.bytes.extend_from_slice(text.first_line());
        let place = Place { scratch: true, base };
        let Some(found) = line::read(self.format, text.first_line(), place, scratch) else {
            return;
        };
        let pending = match found.layout {
            Layout::Container => Pending::Enveloped,
            _ => Pending::Headed,
        };
        let severity = found.severity.unwrap_or(Severity::Unknown);
        let message = found.message.bytes(&[], &scratch.bytes);
        open.state = state_behind(pending, message, severity);
        open.thread = match found.thread.is_empty() {
            true => 0,
            false => xxh3_64(found.thread.bytes(&[], &scratch.bytes)),
        };
        open.pending = Pending::Nothing;
        open.is_quiet = severity < Severity::Error;
        if let Some(slot) = &mut open.slot {
            let record = Span::scratch(base, base + text.first_bytes);
            self.draft.describe(slot, &found, record, open.time);
        }
    }

    /// Makes a record of a line, and remembers it as one that may be continued.
    fn begin(&mut self, read: &Read<'_>, standing: &Standing) {
        let has_time = read.found.is_some_and(|found| found.time.is_some());
        let (slot, time) = self.record(read);
        let (state, pending) = match (standing.front, standing.mark) {
            (Front::Header, _) => (State::TEXT, Pending::Headed),
            (Front::Envelope, Some(Mark::Plain)) => (State::TEXT, Pending::Enveloped),
            (_, Some(mark)) => (State::bare(self.visible(read, standing), mark), Pending::Nothing),
            (_, None) => (State::TEXT, Pending::Nothing),
        };
        self.partition.has_headers |= standing.front == Front::Header;
        let end = read.start + read.text.len();
        let open = Open {
            stream: standing.stream,
            // Both are found from the event when something depends on them.
            thread: 0,
            is_quiet: false,
            touched: self.partition.lines,
            state,
            // A rejected record has no message to ask.
            pending: if slot.is_some() { pending } else { Pending::Nothing },
            time,
            interposed: 0,
            lines: 1,
            is_invalid_utf8: read.is_invalid_utf8,
            is_full: false,
            is_partial: read.found.is_some_and(|found| found.partial),
            text: match slot {
                Some(_) => Text::Chunk(read.start, end, end),
                None => Text::Gone,
            },
            slot,
            emitted: None,
            due: None,
        };
        let own_time = has_time.then_some(time);
        self.partition.admit(open, own_time, self.format, self.draft, &self.chunk.bytes);
        self.partition.blanks = 0;
    }

    /// Makes an event of a line, or rejects it. Returns the event, and the time of the record.
    fn record(&mut self, read: &Read<'_>) -> (Option<Slot>, EventTime) {
        self.draft.invalid_utf8 += u64::from(read.is_invalid_utf8);
        let received = self.chunk.received;
        let latest = self.partition.latest.unwrap_or(received);
        let Some(found) = &read.found else {
            return (self.reject(read, RejectReason::FormatMismatch), latest);
        };
        let time = match found.time {
            Some(written) => {
                let time = self.zone.resolve(written, received);
                if !time.is_plausible(received) {
                    return (self.reject(read, RejectReason::AbsurdTime), latest);
                }
                self.partition.latest = Some(time);
                time
            }
            None => latest,
        };
        let record = Span::chunk(read.start, read.start + read.text.len());
        self.draft.emitted += 1;
        (Some(self.draft.push(found, record, time, 1)), time)
    }

    fn reject(&mut self, read: &Read<'_>, reason: RejectReason) -> Option<Slot> {
        self.draft.scratch.bytes.truncate(read.scratch_start);
        self.draft.rejected.add(self.chunk.source, reason, read.text);
        None
    }
}

impl Standing {
    fn new(front: Front) -> Standing {
        Standing { stream: 0, mark: None, visible: None, front }
    }
}

/// Returns the line as its program wrote it, indentation included.
fn body(found: &Found, read: &Read<'_>) -> Span {
    if !found.body.is_empty() || found.rest == 0 {
        return if found.body.is_empty() { found.message } else { found.body };
    }
    // One blank ends the header of a syslog daemon; what follows is the program's.
    let front = &read.text[..found.rest.min(read.text.len())];
    let blanks = front.len() - front.trim_ascii_end().len();
    let start = front.len() - blanks.saturating_sub(1);
    Span::chunk(read.start + start, read.start + read.text.len())
}

/// Returns which of the interleaved streams a line in an envelope belongs to.
fn stream(found: &Found, text: &[u8], chunk: &Chunk, scratch: &[u8]) -> u64 {
    let with = |seed: u64, bytes: &[u8]| xxh3_64_with_seed(bytes, seed);
    let mut hash = with(0, found.stream.bytes(&chunk.bytes, scratch));
    // Without a host, the process is that of the line's own header, which not every line has.
    if !found.host.is_empty() || found.stream.is_empty() {
        hash = with(hash, found.host.bytes(&chunk.bytes, scratch));
        hash = with(hash, found.process.bytes(&chunk.bytes, scratch));
    }
    if matches!(found.layout, Layout::Syslog3164 | Layout::SyslogFile) {
        // The tag of a syslog line also has the number of the process.
        let front = text[..found.rest.min(text.len())].trim_ascii_end();
        let tag = memchr::memrchr(b' ', front).map_or(front, |blank| &front[blank..]);
        hash = with(hash, tag);
    }
    hash.max(1)
}

/// Returns whether a message in an envelope begins with a severity that announces trouble.
pub(super) fn announces(message: &[u8]) -> bool {
    let word = message.trim_ascii_start();
    let word = word.strip_prefix(b"[").unwrap_or(word);
    let length = word.iter().take(16).take_while(|b| b.is_ascii_alphabetic()).count();
    severity::of_word(&word[..length]).is_some_and(|severity| severity >= Severity::Warn)
}

fn is_blank(text: &[u8]) -> bool {
    text.first().is_none_or(|first| *first <= b' ')
        && text.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r' | 0x0B | 0x0C))
}
