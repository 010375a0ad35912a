//! What each byte of a message is to the scanner, as one table, and how to find the end of a run of
//! letters eight bytes at a time.

/// A letter of ASCII.
pub(super) const LETTER: u16 = 1;
/// A digit.
pub(super) const DIGIT: u16 = 1 << 1;
/// `.`
pub(super) const DOT: u16 = 1 << 2;
/// `:`
pub(super) const COLON: u16 = 1 << 3;
/// `/`
pub(super) const SLASH: u16 = 1 << 4;
/// `\`
pub(super) const BACKSLASH: u16 = 1 << 5;
/// `@`
pub(super) const AT: u16 = 1 << 6;
/// Other punctuation that may stand inside a value: `- _ + % # $ & * ~ ^`.
pub(super) const SOFT: u16 = 1 << 7;
/// White space and control characters.
pub(super) const SPACE: u16 = 1 << 8;
/// A byte of a character outside ASCII.
pub(super) const FOREIGN: u16 = 1 << 9;
/// A quotation mark.
pub(super) const QUOTE: u16 = 1 << 10;
/// An opening bracket, `<` included.
pub(super) const OPEN: u16 = 1 << 11;
/// A closing bracket, `>` included.
pub(super) const CLOSE: u16 = 1 << 12;
/// `=`
pub(super) const EQUALS: u16 = 1 << 13;
/// The escape character, which begins a colour code.
pub(super) const ESCAPE: u16 = 1 << 14;
/// Punctuation that always ends a value: `, ; ! ? |`.
pub(super) const HARD: u16 = 1 << 15;

/// Everything that may stand inside one piece.
pub(super) const PIECE: u16 = LETTER | DIGIT | DOT | COLON | SLASH | BACKSLASH | AT | SOFT;
/// Everything that a piece does not begin with unless more follows, and never ends with.
pub(super) const TRIMMED: u16 = DOT | COLON | SOFT | AT;

/// Returns the class of one byte.
const fn classify(byte: u8) -> u16 {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' => LETTER,
        b'0'..=b'9' => DIGIT,
        b'.' => DOT,
        b':' => COLON,
        b'/' => SLASH,
        b'\\' => BACKSLASH,
        b'@' => AT,
        b'-' | b'_' | b'+' | b'%' | b'#' | b'$' | b'&' | b'*' | b'~' | b'^' => SOFT,
        0x1b => ESCAPE,
        0..=b' ' | 0x7f => SPACE,
        0x80..=0xff => FOREIGN,
        b'"' | b'\'' | b'`' => QUOTE,
        b'(' | b'[' | b'{' | b'<' => OPEN,
        b')' | b']' | b'}' | b'>' => CLOSE,
        b'=' => EQUALS,
        b',' | b';' | b'!' | b'?' | b'|' => HARD,
    }
}

const TABLE: [u16; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = classify(byte as u8);
        byte += 1;
    }
    table
};

/// Returns the class of `byte`: exactly one of the bits above.
#[inline]
pub(super) fn class_of(byte: u8) -> u16 {
    TABLE[byte as usize]
}

/// Returns the class of the byte at `at`, or that of white space past the end.
#[inline]
pub(super) fn class_at(text: &[u8], at: usize) -> u16 {
    text.get(at).map_or(SPACE, |&byte| class_of(byte))
}

/// Returns all classes that occur in `text`.
pub(super) fn classes_in(text: &[u8]) -> u16 {
    text.iter().fold(0, |seen, &byte| seen | class_of(byte))
}

/// Returns the eight bytes from `at` on, the first one lowest; zeroes past the end.
#[inline]
pub(crate) fn load(text: &[u8], at: usize) -> u64 {
    match text.get(at..).and_then(<[u8]>::first_chunk) {
        Some(eight) => u64::from_le_bytes(*eight),
        None => load_end(text, at),
    }
}

/// Returns the fewer than eight bytes from `at` on: what is left of the text's last eight.
#[inline]
fn load_end(text: &[u8], at: usize) -> u64 {
    let rest = text.get(at..).unwrap_or_default();
    if rest.is_empty() {
        return 0;
    }
    if let Some(last) = text.last_chunk() {
        return u64::from_le_bytes(*last) >> (64 - 8 * rest.len());
    }
    let mut eight = [0; 8];
    eight[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(eight)
}

/// Returns the mask of the first `len` (at most eight) of eight loaded bytes.
#[inline]
fn first_bytes(len: usize) -> u64 {
    // Two shifts, since shifting by all 64 bits is not defined.
    u64::MAX.wrapping_shr(32 - 4 * len as u32) >> (32 - 4 * len as u32)
}

/// A constant word and, so that it is loaded once only, its beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    /// Where it begins in its text.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) stop: usize,
    /// Its first eight bytes and the eight after them, zeroes past its end.
    pub(crate) head: u64,
    pub(crate) tail: u64,
}

impl Word {
    /// How many bytes of a word are loaded.
    pub(crate) const LOADED: usize = 16;

    /// Returns the word `text[start..stop]`.
    #[inline]
    pub(crate) fn at(text: &[u8], start: usize, stop: usize) -> Word {
        let len = stop - start;
        let head = load(text, start) & first_bytes(len.min(8));
        let tail = load(text, start + 8) & first_bytes(len.saturating_sub(8).min(8));
        Word { start, stop, head, tail }
    }

    /// Returns the run of ASCII letters that begins at `start`. Words of up to [`Self::LOADED`]
    /// letters take no branch: their lengths cannot be foreseen.
    #[inline(always)]
    pub(super) fn of_letters(text: &[u8], start: usize) -> Word {
        let (head, tail) = (load(text, start), load(text, start + 8));
        let ends = u128::from(others(tail)) << 64 | u128::from(others(head));
        // All bits below the one of the first byte that is no letter; all bits if there is none.
        let kept = ((ends & ends.wrapping_neg()) >> 7).wrapping_sub(1);
        let mut stop = start + (ends.trailing_zeros() / 8) as usize;
        if ends == 0 {
            stop = letters_end(text, stop);
        }
        Word { start, stop, head: head & kept as u64, tail: tail & (kept >> 64) as u64 }
    }

    /// Returns the number of its bytes.
    #[inline]
    pub(super) fn len(self) -> usize {
        self.stop - self.start
    }
}

/// Returns the end of the run of ASCII letters that begins at `at`.
fn letters_end(text: &[u8], mut at: usize) -> usize {
    loop {
        let run = (others(load(text, at)).trailing_zeros() / 8) as usize;
        at += run;
        if run < 8 {
            return at;
        }
    }
}

/// Returns the end of the run of digits that begins at `at`, or of its first eight.
#[inline]
pub(super) fn digits_end(text: &[u8], at: usize) -> usize {
    let word = load(text, at);
    let low = word & !HIGHS;
    // Each byte is below 0x80 here, so that no sum carries into its neighbour.
    let from_0 = low + (0x80 - b'0' as u64) * ONES;
    let past_9 = low + (0x80 - (b'9' as u64 + 1)) * ONES;
    let digits = from_0 & !past_9 & !word & HIGHS;
    at + ((digits ^ HIGHS).trailing_zeros() / 8) as usize
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x80 * ONES;

/// Returns the highest bit of each of the eight bytes that is no ASCII letter.
#[inline]
fn others(word: u64) -> u64 {
    let lowered = (word | (0x20 * ONES)) & !HIGHS;
    let from_a = lowered + (0x80 - b'a' as u64) * ONES;
    let past_z = lowered + (0x80 - (b'z' as u64 + 1)) * ONES;
    (from_a & !past_z & !word & HIGHS) ^ HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_agree_with_the_table_for_every_byte_at_every_place() {
        for byte in 0..=255u8 {
            for place in 0..20 {
                let mut text = [b'k'; 20];
                text[place] = byte;
                let stop = if byte.is_ascii_alphabetic() { 20 } else { place };
                let (found, same) = (Word::of_letters(&text, 0), Word::at(&text, 0, stop));
                assert_eq!((found.stop, found.head, found.tail), (stop, same.head, same.tail));
                let mut text = [b'7'; 8];
                text[place % 8] = byte;
                let stop = if byte.is_ascii_digit() { 8 } else { place % 8 };
                assert_eq!(digits_end(&text, 0), stop, "byte {byte}");
            }
        }
    }

    #[test]
    fn masks_hold_as_many_bytes_as_asked_for() {
        assert_eq!(first_bytes(0), 0);
        assert_eq!(first_bytes(1), 0xff);
        assert_eq!(first_bytes(7), u64::MAX >> 8);
        assert_eq!(first_bytes(8), u64::MAX);
    }

    #[test]
    fn runs_end_at_the_end_of_the_text() {
        assert_eq!(Word::of_letters(b"abcdefgh", 0).stop, 8);
        assert_eq!(Word::of_letters(b"abcdefghijk lm", 2).stop, 11);
        assert_eq!(Word::of_letters(b"", 0).stop, 0);
        assert_eq!(digits_end(b"a12", 1), 3);
    }

    #[test]
    fn loading_stops_at_the_end_of_long_and_short_texts() {
        assert_eq!(load(b"ab", 1), u64::from(b'b'));
        assert_eq!(load(b"0123456789", 8), u64::from_le_bytes(*b"89\0\0\0\0\0\0"));
        assert_eq!((load(b"0123456789", 10), load(b"01", 7)), (0, 0));
    }
}
