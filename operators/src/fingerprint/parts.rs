//! Parts of an event that identity looks at, for the few events that have more than a message: a
//! trace, an exception's type, a fingerprint of their own, or a message of several lines.
//!
//! ```text
//! rule of the user asks for a fingerprint ──► that one
//! fingerprint of its own ──► as is
//! exception or trace ──────► ladder (`trace`)
//! several lines ───────────► words of the first line, if it has enough; else of all
//! ```

use super::options::IdentityRules;
use crate::rules::Asked;
use crate::skeleton::{HotHash, MARKER};
use crate::trace;
use engine::model::{EventBatch, EventRef, Extra};

/// What the skeleton of a fingerprint of one's own begins with. No word holds `<`.
pub(super) const EXPLICIT_MARKER: &[u8] = b"<fingerprint>\n";
/// How much of a fingerprint of one's own counts, in bytes.
pub(super) const EXPLICIT_BYTES_MAX: usize = 1024;
/// With so many constant words a first line says what the whole record is about.
const FIRST_LINE_WORDS_MIN: usize = 2;

/// See the module. Any part may be empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventParts<'e> {
    /// The message: the first line, without its header.
    pub message: &'e [u8],
    /// The other lines, or the stack field of a structured record.
    pub trace: &'e [u8],
    /// The exception's type, where a structured record names it.
    pub exception_type: &'e [u8],
    /// The exception's message, likewise.
    pub exception_message: &'e [u8],
    /// The fingerprint that the record itself asks for.
    pub fingerprint: &'e [u8],
}

impl<'e> EventParts<'e> {
    /// Returns the parts of an event, `None` if its message is all it has.
    #[inline]
    pub fn of(batch: &'e EventBatch, event: &EventRef) -> Option<EventParts<'e>> {
        let message = batch.text(event.message);
        match batch.extra_of(event) {
            Some(extra) => Some(EventParts {
                message,
                trace: batch.text(extra.trace),
                exception_type: typed(batch, event, extra),
                exception_message: batch.text(extra.exception_message),
                fingerprint: batch.text(extra.fingerprint),
            }),
            // Lines of a chunk hold no line ends; texts of structured records may.
            None if event.message.is_scratch() && memchr::memchr(b'\n', message).is_some() => {
                Some(EventParts { message, ..EventParts::default() })
            }
            None => None,
        }
    }

    /// Returns the parts of an event, whatever it has.
    pub(super) fn of_any(batch: &'e EventBatch, event: &EventRef) -> EventParts<'e> {
        let message = batch.text(event.message);
        let parts = EventParts::of(batch, event);
        parts.unwrap_or(EventParts { message, ..EventParts::default() })
    }

    /// Returns the hash of the parts, after what went into `context`.
    pub(super) fn hot(&self, context: HotHash) -> u128 {
        context
            .with(self.message)
            .with(self.trace)
            .with(self.exception_type)
            .with(self.exception_message)
            .with(self.fingerprint)
            .finish()
    }

    /// Returns the skeleton and the text that is displayed.
    pub(super) fn identity(&self, rules: &IdentityRules) -> (Vec<u8>, String) {
        let texts = &rules.texts;
        if let Some(Asked { fingerprint, .. }) = self.asked(rules) {
            return ([EXPLICIT_MARKER, &fingerprint].concat(), texts.render(self.first_line()));
        }
        if !self.fingerprint.is_empty() {
            let own = &self.fingerprint[..self.fingerprint.len().min(EXPLICIT_BYTES_MAX)];
            return ([EXPLICIT_MARKER, own].concat(), texts.render(self.first_line()));
        }
        if self.is_plain() {
            return (texts.skeleton(self.message), texts.render(self.message));
        }
        if let Some(found) = self.exception(rules) {
            return (found.skeleton, found.text);
        }
        let first = texts.skeleton(self.first_line());
        let words = first.split(|&byte| byte == b' ').filter(|word| *word != MARKER.as_bytes());
        if self.is_one_line() || words.count() >= FIRST_LINE_WORDS_MIN {
            return (first, texts.render(self.first_line()));
        }
        let whole = [self.message, self.trace].join(&b'\n');
        (texts.skeleton(&whole), texts.render(&whole))
    }

    /// Returns the fingerprint that a rule of the user asks for: the first rule in the file that
    /// matches the message, the exception's message or the lines of the trace.
    pub(super) fn asked(&self, rules: &IdentityRules) -> Option<Asked> {
        rules.texts.fingerprint(&[self.message, self.exception_message, self.trace])
    }

    /// Returns the identity of the exception, if there is one to be seen.
    fn exception(&self, rules: &IdentityRules) -> Option<trace::Identity> {
        let (kind, text) = (self.exception_type, self.exception_message);
        trace::identity(self.message, self.trace, kind, text, &rules.frames, &rules.texts)
    }

    /// Returns why the exception has its identity, unless a fingerprint was asked for.
    pub(super) fn explain_trace(&self, rules: &IdentityRules) -> Option<trace::ExplainedTrace> {
        if !self.fingerprint.is_empty() || self.is_plain() || self.asked(rules).is_some() {
            return None;
        }
        let (kind, text) = (self.exception_type, self.exception_message);
        trace::explain(self.message, self.trace, kind, text, &rules.frames, &rules.texts)
    }

    /// Returns whether the message is all there is, and one line.
    fn is_plain(&self) -> bool {
        self.is_one_line() && self.exception_type.is_empty()
    }

    pub(super) fn first_line(&self) -> &'e [u8] {
        let end = memchr::memchr(b'\n', self.message).unwrap_or(self.message.len());
        &self.message[..end]
    }

    fn is_one_line(&self) -> bool {
        self.trace.is_empty() && self.first_line().len() == self.message.len()
    }
}

/// Returns the exception's type: where the record does not name it, the word in front of the
/// message, which a header may have taken for a logger.
fn typed<'e>(batch: &'e EventBatch, event: &EventRef, extra: &Extra) -> &'e [u8] {
    let logger = batch.text(event.logger);
    let is_unnamed = extra.exception_type.is_empty() && !extra.trace.is_empty();
    if is_unnamed && trace::names_exception(logger) {
        return logger;
    }
    batch.text(extra.exception_type)
}
