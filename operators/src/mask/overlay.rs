//! Overlay: pieces of a message about which rules of the user decide, laid over what the scanner
//! finds. The scanner reads the message as ever, so that a rule changes its piece and nothing else.
//!
//! ```text
//! scanner:  word  variable──────────── word
//! pieces:              kept───
//! handed on word  var. kept   variable word
//! ```
//! *Promises:* every piece is handed on once, in order of position; nothing else of its text is. What
//! is left of a word or value beside a piece stays a word or a value.

use super::classes::Word;
use super::kind::MaskKind;
use super::scan::{Sink, scan};

/// What is to be done with a piece of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision<'r> {
    /// It is constant words.
    Keep,
    /// It is a variable with this placeholder.
    Mask(&'r str),
}

/// A piece of a message about which a rule decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ruled<'r> {
    /// Where it begins.
    pub(crate) start: usize,
    /// Where it ends, behind `start`.
    pub(crate) stop: usize,
    /// What it is.
    pub(crate) decision: Decision<'r>,
}

/// Scans `message` into `sink`; `ruled` are pieces of it, in order and without overlaps.
#[inline]
pub(crate) fn scan_with<S: Sink>(message: &[u8], ruled: &[Ruled<'_>], sink: &mut S) {
    if ruled.is_empty() {
        return scan(message, sink);
    }
    let mut overlay = Overlay { sink, ruled, covered: 0 };
    scan(message, &mut overlay);
    // Pieces behind the last item, or past the scanner's limit of items.
    while !overlay.ruled.is_empty() {
        overlay.piece(message);
    }
}

struct Overlay<'o, 'r, S> {
    sink: &'o mut S,
    /// The pieces that have not been handed on.
    ruled: &'o [Ruled<'r>],
    /// Where the last piece that was handed on ends.
    covered: usize,
}

/// What the scanner found.
#[derive(Clone, Copy)]
enum Item {
    Word,
    Variable(Option<MaskKind>),
}

impl<S: Sink> Overlay<'_, '_, S> {
    /// Hands on `start..stop` without what pieces cover, and the pieces that begin before its end.
    fn item(&mut self, text: &[u8], start: usize, stop: usize, item: Item) {
        while self.next_begins_before(start) && self.ruled[0].stop <= start {
            self.piece(text);
        }
        if start >= self.covered && !self.next_begins_before(stop) {
            return self.part(text, start, stop, item);
        }
        let mut from = start.max(self.covered);
        while self.next_begins_before(stop) {
            self.left_over(text, from, self.ruled[0].start, item);
            self.piece(text);
            from = from.max(self.covered);
        }
        self.left_over(text, from, stop, item);
    }

    /// Hands on what a piece left of an item, unless it is nothing but marks.
    fn left_over(&mut self, text: &[u8], start: usize, stop: usize, item: Item) {
        let says = |byte: &u8| byte.is_ascii_alphanumeric() || !byte.is_ascii();
        if start < stop && text[start..stop].iter().any(says) {
            let item = match item {
                // A part of a value need not be of the kind of the whole.
                Item::Variable(Some(MaskKind::Quoted)) => item,
                Item::Variable(_) => Item::Variable(None),
                Item::Word => Item::Word,
            };
            self.part(text, start, stop, item);
        }
    }

    fn part(&mut self, text: &[u8], start: usize, stop: usize, item: Item) {
        match item {
            Item::Word => self.sink.word(text, Word::at(text, start, stop)),
            Item::Variable(known) => self.sink.variable(text, start, stop, known),
        }
    }

    fn next_begins_before(&self, end: usize) -> bool {
        self.ruled.first().is_some_and(|piece| piece.start < end)
    }

    /// Hands on the next piece.
    fn piece(&mut self, text: &[u8]) {
        let Some((&Ruled { start, stop, decision }, rest)) = self.ruled.split_first() else {
            return;
        };
        (self.ruled, self.covered) = (rest, stop);
        match decision {
            Decision::Mask(placeholder) => self.sink.named(text, start, stop, placeholder),
            Decision::Keep => {
                let is_word = |byte: &u8| !byte.is_ascii_whitespace() && !byte.is_ascii_control();
                let mut at = start;
                while at < stop {
                    let word = text[at..stop].iter().take_while(|byte| is_word(byte)).count();
                    if word > 0 {
                        self.sink.kept(text, at, at + word);
                    }
                    at += word + 1;
                }
            }
        }
    }
}

impl<S: Sink> Sink for Overlay<'_, '_, S> {
    fn word(&mut self, text: &[u8], word: Word) {
        self.item(text, word.start, word.stop, Item::Word);
    }

    fn variable(&mut self, text: &[u8], start: usize, stop: usize, known: Option<MaskKind>) {
        self.item(text, start, stop, Item::Variable(known));
    }

    fn ignored(&mut self, start: usize, stop: usize) {
        let is_free = self.ruled.first().is_none_or(|piece| stop <= piece.start);
        if start >= self.covered && is_free {
            self.sink.ignored(start, stop);
        }
    }
}
