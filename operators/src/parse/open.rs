//! Records that later lines may continue: what is remembered of them, and their text.
//!
//! ```text
//!              begun            continued            end of chunk
//! chunk ─► event in the batch ─► same event, longer ─► emitted, copied here ─► taken back, longer
//!                                                 └─► held (a trace goes on) ─► emitted when due
//! ```

use crate::assemble::{RECORD_BYTES_MAX, RECORD_LINES_MAX, State};
use engine::model::EventTime;

/// A record that later lines may continue.
#[derive(Clone, Debug)]
pub(super) struct Open {
    /// Which of the interleaved streams of its partition it belongs to; 0 if there is one.
    pub stream: u64,
    /// Which thread wrote it; 0 if its header does not say.
    pub thread: u64,
    /// When it was begun or continued last, as a number of lines of its partition.
    pub touched: u64,
    /// What may follow.
    pub state: State,
    /// Whether `state` still has to be found from the message: most records are never continued.
    pub pending: Pending,
    /// Whether its header says that nothing is wrong: alone, it waits for no trace.
    pub is_quiet: bool,
    /// Its time.
    pub time: EventTime,
    /// How many records its stream began since.
    pub interposed: u8,
    /// Its lines.
    pub lines: u32,
    /// Whether it was counted as having bytes that are not UTF-8.
    pub is_invalid_utf8: bool,
    /// Whether it has reached a limit: further lines are counted as cut.
    pub is_full: bool,
    /// Whether a container runtime cut its last line.
    pub is_partial: bool,
    /// Its text.
    pub text: Text,
    /// Its event in the batch that is being made.
    pub slot: Option<Slot>,
    /// How much of it has been emitted.
    pub emitted: Option<Version>,
    /// The epoch in which what is not emitted is due.
    pub due: Option<u64>,
}

/// What `state` does not take into account yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pending {
    /// Nothing.
    Nothing,
    /// The message behind a header.
    Headed,
    /// The message in an envelope that says little about it.
    Enveloped,
}

/// Where an event and its extras stand in the batch that is being made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// Position among the events.
    pub event: u32,
    /// Position among the extras, if it has any.
    pub extra: Option<u32>,
}

/// The text of an open record.
#[derive(Clone, Debug)]
pub(super) enum Text {
    /// One piece of the chunk: where it begins, where its first line ends, where it ends.
    Chunk(usize, usize, usize),
    /// A copy.
    Copy(Box<CopiedText>),
    /// Not kept: the record is rejected, or can grow no more.
    Gone,
}

/// A record's lines on their own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct CopiedText {
    /// The lines as they were read, joined by `\n`; the parts of a cut first line are joined.
    pub raw: Vec<u8>,
    /// The length of the first.
    pub first_bytes: usize,
    /// The lines behind the first without their envelopes, if they have any.
    pub trace: Option<Vec<u8>>,
}

/// The length of a record when it was emitted. Records only grow, so it tells the whole text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    /// Bytes of `raw`.
    pub raw: usize,
    /// Bytes of `trace`.
    pub trace: usize,
}

/// A line that continues a record.
pub(super) struct Continuation<'t> {
    /// The line as it was read.
    pub raw: &'t [u8],
    /// The line without its envelope, if it has one.
    pub visible: Option<&'t [u8]>,
    /// Where it begins in the chunk.
    pub start: usize,
    /// Blank lines before it that belong to the record.
    pub blanks: u8,
}

impl Text {
    fn bytes(&self) -> usize {
        match self {
            Text::Chunk(start, _, end) => end - start,
            Text::Copy(text) => text.raw.len(),
            Text::Gone => 0,
        }
    }

    /// Returns the text as a copy.
    fn copied(&mut self, chunk: &[u8]) -> Option<&mut CopiedText> {
        if let Text::Chunk(start, first_end, end) = *self {
            let (raw, first_bytes) = (chunk[start..end].to_vec(), first_end - start);
            *self = Text::Copy(Box::new(CopiedText { raw, first_bytes, trace: None }));
        }
        match self {
            Text::Copy(text) => Some(text),
            _ => None,
        }
    }
}

impl CopiedText {
    /// Returns its length.
    pub(super) fn version(&self) -> Version {
        let trace = self.trace.as_ref().map_or(self.behind_first().len(), Vec::len);
        Version { raw: self.raw.len(), trace }
    }

    /// Returns its first line.
    pub(super) fn first_line(&self) -> &[u8] {
        &self.raw[..self.first_bytes]
    }

    /// Returns as much of the first line as there is in `version`: a line that was cut grows.
    pub(super) fn first_line_in(&self, version: Version) -> &[u8] {
        &self.raw[..self.first_bytes.min(version.raw)]
    }

    /// Returns what stands behind the first line in `version`.
    pub(super) fn trace(&self, version: Version) -> &[u8] {
        &self.trace.as_deref().unwrap_or_else(|| self.behind_first())[..version.trace]
    }

    fn behind_first(&self) -> &[u8] {
        self.raw.get(self.first_bytes + 1..).unwrap_or_default()
    }

    fn append(&mut self, line: &Continuation<'_>, is_partial: bool) {
        if is_partial && self.raw.len() == self.first_bytes {
            // The rest of the first line, which a container runtime cut.
            self.raw.extend_from_slice(line.visible.unwrap_or(line.raw));
            self.first_bytes = self.raw.len();
            return;
        }
        if line.visible.is_some() && self.trace.is_none() {
            self.trace = Some(self.behind_first().to_vec());
        }
        let ends = 1 + usize::from(line.blanks);
        self.raw.resize(self.raw.len() + ends, b'\n');
        self.raw.extend_from_slice(line.raw);
        if let Some(trace) = &mut self.trace {
            // The blank lines behind the first line belong to the trace; the line end does not.
            let ends = ends - usize::from(trace.is_empty());
            let ends = if is_partial && !trace.is_empty() { 0 } else { ends };
            trace.resize(trace.len() + ends, b'\n');
            trace.extend_from_slice(line.visible.unwrap_or(line.raw));
        }
    }
}

impl Open {
    /// Appends a line; returns whether it was too much.
    pub(super) fn append(&mut self, line: &Continuation<'_>, chunk: &[u8]) -> bool {
        self.lines += 1;
        let added = 1 + usize::from(line.blanks) + line.raw.len();
        self.is_full |=
            self.lines > RECORD_LINES_MAX || self.text.bytes() + added > RECORD_BYTES_MAX;
        if self.is_full {
            return true;
        }
        if let Text::Chunk(_, _, end) = &mut self.text
            && line.visible.is_none()
            && line.start == *end + 1 + usize::from(line.blanks)
        {
            *end = line.start + line.raw.len();
        } else if let Some(copy) = self.text.copied(chunk) {
            copy.append(line, self.is_partial);
        }
        false
    }

    /// Keeps a copy of the text beyond the chunk, if a later line may still continue it.
    pub(super) fn keep(&mut self, chunk: &[u8]) {
        if self.is_full || self.text.bytes() >= RECORD_BYTES_MAX {
            self.is_full = true;
            self.text = Text::Gone;
        }
        self.text.copied(chunk);
    }

    /// Returns whether nothing stands behind its first line.
    pub(super) fn has_one_line(&self) -> bool {
        match &self.text {
            Text::Chunk(_, first_end, end) => first_end == end,
            Text::Copy(text) => text.raw.len() == text.first_bytes,
            Text::Gone => false,
        }
    }

    /// Returns whether it has text that was not emitted.
    pub(super) fn is_behind(&self) -> bool {
        self.slot.is_some() || self.emitted != self.copy().map(CopiedText::version)
    }

    /// Notes that all of it is emitted, unless it is held back.
    pub(super) fn mark_emitted(&mut self) {
        if self.due.is_none() {
            self.emitted = self.copy().map(CopiedText::version);
        }
    }

    /// Returns the copied text.
    pub(super) fn copy(&self) -> Option<&CopiedText> {
        match &self.text {
            Text::Copy(text) => Some(text),
            _ => None,
        }
    }

    /// Returns the bytes that remembering it takes.
    pub(super) fn bytes(&self) -> usize {
        size_of::<Open>()
            + self.copy().map_or(0, |copy| {
                copy.raw.len() + copy.trace.as_ref().map_or(0, Vec::len) + size_of::<CopiedText>()
            })
    }
}
