//! Rules of the user: texts that identity keeps, masks, or takes as a fingerprint, by pattern.
//!
//! ```text
//! message ──► does any pattern match? ──no──► as if there were no rules
//!                      │yes
//!                      ├► fingerprint: this text, instead of everything else
//!                      └► keep, mask:  pieces of the message, laid over what the scanner finds
//! ```
//! *Promises:* a pure function of the text and of the rules, so that an event has one identity in
//! every order, worker and batch (I1, I2, I3). Where two rules want the same text, the one that
//! stands first in the file has it. Without rules nothing is looked at.
//! *State and limits:* [`RULES_MAX`], [`PATTERN_BYTES_MAX`], [`COMPILED_BYTES_MAX`] for all of them,
//! [`MATCHES_MAX`] pieces of one text, [`KEPT_BYTES_MAX`]: patterns match in linear time, and only so
//! often.
//! *Not here:* how pieces are laid over a message (`mask::overlay`), what rules do to events that
//! have more than a message (`fingerprint::parts`).

mod asked;
mod options;
#[cfg(test)]
mod tests;

pub use asked::FINGERPRINT_BYTES_MAX;
pub use options::{MASK_NAME_BYTES_MAX, RuleOptions};

use crate::mask::{Decision, Ruled, SCAN_BYTES_MAX, render_with};
use crate::skeleton::skeleton_with;
use asked::AskedFingerprint;
use engine::component::OptionsError;
use regex::bytes::{Regex, RegexSet};

/// How many rules there may be.
pub const RULES_MAX: usize = 64;
/// The longest pattern of a rule, in bytes.
pub const PATTERN_BYTES_MAX: usize = 4 * 1024;
/// How much one pattern may compile to, and all of them together, in bytes.
pub const COMPILED_BYTES_MAX: usize = 4 * 1024 * 1024;
/// How many pieces of one text rules can have, and how often one pattern is tried on it.
pub const MATCHES_MAX: usize = 32;

/// How much of one match is kept, in bytes; the rest is read as ever.
pub const KEPT_BYTES_MAX: usize = 256;

/// What a rule does with the text that it matches.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    /// It is constant words, whatever it looks like.
    Keep,
    /// It is a variable, displayed as this placeholder.
    Mask(String),
    /// The event is identified by this text.
    Fingerprint(AskedFingerprint),
}

/// A rule, ready to be tried.
#[derive(Clone, Debug)]
struct Rule {
    regex: Regex,
    action: Action,
}

/// The rules of a user, in the order of the file.
#[derive(Clone, Debug, Default)]
pub struct UserRules {
    rules: Vec<Rule>,
    /// The patterns of all rules, to be tried at once.
    any: RegexSet,
}

/// A piece of a text that a rule decides about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Where it begins.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) stop: usize,
    /// The position of the rule.
    pub(crate) rule: usize,
}

/// A text that a rule takes as the event's fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// What matched.
    pub(crate) piece: Piece,
    /// Which of the texts it is in.
    pub(crate) text: usize,
    /// The fingerprint.
    pub(crate) fingerprint: Vec<u8>,
}

impl UserRules {
    /// Returns the rules that `options` describe; errors are about the option `rules`.
    pub fn new(options: &[RuleOptions]) -> Result<UserRules, Vec<OptionsError>> {
        options::compile(options)
    }

    /// Returns whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Returns whether any rule matches `text`. Allocates nothing.
    #[inline]
    pub(crate) fn touch(&self, text: &[u8]) -> bool {
        !self.is_empty() && self.any.is_match(looked_at(text))
    }

    /// Returns the pieces of `text` that are kept or masked, in order and without overlaps.
    pub(crate) fn pieces(&self, text: &[u8]) -> Vec<Piece> {
        let text = looked_at(text);
        let mut pieces: Vec<Piece> = Vec::new();
        if !self.touch(text) {
            return pieces;
        }
        for rule in self.any.matches(text) {
            let Rule { regex, action } = &self.rules[rule];
            if matches!(action, Action::Fingerprint(_)) {
                continue;
            }
            for found in regex.find_iter(text).take(MATCHES_MAX) {
                let stop = match action {
                    Action::Keep => kept_end(text, found.start(), found.end()),
                    Action::Mask(_) | Action::Fingerprint(_) => found.end(),
                };
                let piece = Piece { start: found.start(), stop, rule };
                let at = pieces.partition_point(|other| other.stop <= piece.start);
                let is_free = pieces.get(at).is_none_or(|other| piece.stop <= other.start);
                if is_free && !found.is_empty() && pieces.len() < MATCHES_MAX {
                    pieces.insert(at, piece);
                }
            }
        }
        pieces
    }

    /// Returns what the scanner is to be told about `pieces`.
    pub(crate) fn ruled(&self, pieces: &[Piece]) -> Vec<Ruled<'_>> {
        let ruled = |piece: &Piece| {
            let decision = match &self.rules[piece.rule].action {
                Action::Mask(placeholder) => Decision::Mask(placeholder),
                Action::Keep | Action::Fingerprint(_) => Decision::Keep,
            };
            Ruled { start: piece.start, stop: piece.stop, decision }
        };
        pieces.iter().map(ruled).collect()
    }

    /// Returns the fingerprint that the first rule asks for that matches one of `texts`.
    pub(crate) fn fingerprint(&self, texts: &[&[u8]]) -> Option<Asked> {
        let wants = |one: &Rule| matches!(one.action, Action::Fingerprint(_));
        if !self.rules.iter().any(wants) || !texts.iter().any(|text| self.touch(text)) {
            return None;
        }
        self.rules.iter().enumerate().find_map(|(rule, Rule { regex, action })| {
            let Action::Fingerprint(asked) = action else { return None };
            texts.iter().enumerate().find_map(|(text, bytes)| {
                let captures = regex.captures(looked_at(bytes))?;
                let whole = captures.get(0)?;
                let piece = Piece { start: whole.start(), stop: whole.end(), rule };
                let fingerprint = asked.of(&captures);
                (!fingerprint.is_empty()).then_some(Asked { piece, text, fingerprint })
            })
        })
    }

    /// Returns the skeleton of `message`.
    pub(crate) fn skeleton(&self, message: &[u8]) -> Vec<u8> {
        skeleton_with(message, &self.ruled(&self.pieces(message)))
    }

    /// Returns `message` with placeholders for its variables.
    pub(crate) fn render(&self, message: &[u8]) -> String {
        render_with(message, &self.ruled(&self.pieces(message)))
    }

    /// Returns the pieces of `text` that are kept, decoded.
    pub(crate) fn kept(&self, text: &[u8]) -> Vec<String> {
        let is_kept = |piece: &&Piece| self.rules[piece.rule].action == Action::Keep;
        let pieces = self.pieces(text);
        let kept = pieces.iter().filter(is_kept);
        kept.map(|one| String::from_utf8_lossy(&text[one.start..one.stop]).into_owned()).collect()
    }

    /// Returns the pattern of a rule, and its option: `keep`, `mask` or `fingerprint`.
    pub(crate) fn describe(&self, rule: usize) -> (&str, &'static str) {
        let Rule { regex, action } = &self.rules[rule];
        let option = match action {
            Action::Keep => "keep",
            Action::Mask(_) => "mask",
            Action::Fingerprint(_) => "fingerprint",
        };
        (regex.as_str(), option)
    }

    /// Returns what is displayed instead of what a rule masks.
    pub(crate) fn placeholder(&self, rule: usize) -> Option<&str> {
        match &self.rules[rule].action {
            Action::Mask(placeholder) => Some(placeholder),
            Action::Keep | Action::Fingerprint(_) => None,
        }
    }
}

/// Returns the part of a text that rules look at.
fn looked_at(text: &[u8]) -> &[u8] {
    &text[..text.len().min(SCAN_BYTES_MAX)]
}

/// Returns the end of what is kept of a match: at its limit, at a character.
fn kept_end(text: &[u8], start: usize, stop: usize) -> usize {
    if stop - start <= KEPT_BYTES_MAX {
        return stop;
    }
    let goes_on = |at: &usize| text[*at] & 0xc0 == 0x80;
    let limit = start + KEPT_BYTES_MAX;
    // A character has at most four bytes; what is longer is no character.
    (limit - 3..=limit).rev().find(|at| !goes_on(at)).unwrap_or(limit)
}
