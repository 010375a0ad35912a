//! Skeleton: the constant words of a message in order, each run of variables as one marker. It is
//! all that identity knows of a message: punctuation, values and everything past the scanner's
//! limits are left out.
//!
//! ```text
//! message ──scan──► HotHash (128 bits, per process, every line)
//!             └───► skeleton bytes ──blake3──► Template (for ever, once per new hot hash)
//! ```
//! *Promises:* a pure function of the message's bytes and of
//! [`FINGERPRINT_VERSION`](engine::model::FINGERPRINT_VERSION): the same in every order, worker,
//! restart (I1, I2, I3). Equal skeletons have equal hot hashes of one seed.
//! *State and limits:* at most [`ITEMS_MAX`](crate::mask::ITEMS_MAX) items of
//! [`WORD_BYTES_MAX`](crate::mask::WORD_BYTES_MAX) bytes.
//! *Note:* punctuation is deliberately no part of a skeleton, not even as a feature.

use crate::mask::{MaskKind, Ruled, Sink, Word, load, scan, scan_with};
use engine::model::Template;

/// Stands for a run of variables. No word contains `<`.
pub const MARKER: &str = "<*>";

/// What a word begins with that a rule of the user keeps, so that it never varies. No other word
/// contains `=`.
pub const KEPT_MARK: char = '=';

/// Returns the skeleton of `message`: words and markers, separated by single spaces.
pub fn skeleton(message: &[u8]) -> Vec<u8> {
    skeleton_with(message, &[])
}

/// Returns the skeleton of `message`, of which rules of the user decide about pieces.
pub(crate) fn skeleton_with(message: &[u8], ruled: &[Ruled<'_>]) -> Vec<u8> {
    let mut text = SkeletonText::default();
    scan_with(message, ruled, &mut text);
    if text.bytes.is_empty() {
        // An empty message is one without constants, like one that is nothing but a number.
        text.bytes.extend_from_slice(MARKER.as_bytes());
    }
    text.bytes
}

/// Returns the template of `message`.
pub fn template(message: &[u8]) -> Template {
    Template::of_skeleton(&skeleton(message))
}

/// Writes a skeleton.
#[derive(Default)]
struct SkeletonText {
    bytes: Vec<u8>,
    in_variables: bool,
}

impl SkeletonText {
    fn push(&mut self, item: &[u8]) {
        if !self.bytes.is_empty() {
            self.bytes.push(b' ');
        }
        self.bytes.extend_from_slice(item);
    }
}

impl Sink for SkeletonText {
    fn word(&mut self, text: &[u8], word: Word) {
        self.in_variables = false;
        self.push(&text[word.start..word.stop]);
    }

    fn variable(&mut self, _: &[u8], _: usize, _: usize, _: Option<MaskKind>) {
        if !std::mem::replace(&mut self.in_variables, true) {
            self.push(MARKER.as_bytes());
        }
    }

    fn kept(&mut self, text: &[u8], start: usize, stop: usize) {
        self.in_variables = false;
        let word = String::from_utf8_lossy(&text[start..stop]);
        self.push(format!("{KEPT_MARK}{word}").as_bytes());
    }
}

/// Hashes skeletons while they are scanned: two lanes of multiply and fold. Only for looking up
/// what this process has seen; nothing of it is ever stored.
#[derive(Clone, Copy, Debug)]
pub struct HotHash {
    left: u64,
    right: u64,
    in_variables: bool,
    is_empty: bool,
}

const LEFT: u64 = 0x9e37_79b9_7f4a_7c15;
const RIGHT: u64 = 0xd6e8_feb8_6659_fd93;
/// No word has these bytes: neither occurs in UTF-8. The second one goes on with a long word.
const MARKER_CODE: u64 = 0xff << 56;
const GOES_ON_CODE: u64 = 0xfe << 56;
/// Begins a word that is kept.
const KEPT_CODE: u64 = 0xfd << 56;

impl HotHash {
    /// Returns a hash that starts from `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self {
            left: seed ^ RIGHT,
            right: seed.rotate_left(32) ^ LEFT,
            in_variables: false,
            is_empty: true,
        }
    }

    /// Returns this hash, gone on with `context` (what besides the message belongs to the key).
    pub fn with(mut self, context: &[u8]) -> Self {
        for eight in context.chunks(8) {
            self.mix(load(eight, 0), 0);
        }
        self.mix(context.len() as u64, 0);
        self
    }

    /// Returns the hash of what went in.
    pub fn finish(self) -> u128 {
        u128::from(self.left) << 64 | u128::from(self.right)
    }

    /// Returns the hash of the skeleton of `message`, after what went in before.
    #[inline]
    pub fn of(mut self, message: &[u8]) -> u128 {
        scan(message, &mut self);
        self.of_scanned()
    }

    /// Returns the same of a message of which rules of the user decide about pieces.
    pub(crate) fn of_ruled(mut self, message: &[u8], ruled: &[Ruled<'_>]) -> u128 {
        scan_with(message, ruled, &mut self);
        self.of_scanned()
    }

    #[inline]
    fn of_scanned(mut self) -> u128 {
        if self.is_empty {
            self.mix(0, MARKER_CODE);
        }
        self.finish()
    }

    #[inline]
    fn mix(&mut self, head: u64, tail: u64) {
        self.left = fold(self.left ^ head, LEFT ^ tail);
        self.right = fold(self.right ^ head, RIGHT ^ tail);
    }
}

/// Returns both halves of the product, folded into one.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product >> 64) as u64 ^ product as u64
}

impl Sink for HotHash {
    #[inline(always)]
    fn word(&mut self, text: &[u8], word: Word) {
        self.mix(word.head, word.tail);
        let mut start = word.start + Word::LOADED;
        while start < word.stop {
            self.mix(Word::at(text, start, word.stop).head, GOES_ON_CODE);
            start += 8;
        }
        self.in_variables = false;
        self.is_empty = false;
    }

    #[inline]
    fn variable(&mut self, _: &[u8], _: usize, _: usize, _: Option<MaskKind>) {
        if !std::mem::replace(&mut self.in_variables, true) {
            self.mix(0, MARKER_CODE);
            self.is_empty = false;
        }
    }

    fn kept(&mut self, text: &[u8], start: usize, stop: usize) {
        self.mix(0, KEPT_CODE);
        *self = self.with(&text[start..stop]);
        self.in_variables = false;
        self.is_empty = false;
    }
}
