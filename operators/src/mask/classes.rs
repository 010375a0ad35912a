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
    if let Some(eight) = text.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()) {
        return u64::from_le_bytes(eight);
    }
    let mut eight = [0; 8];
    let rest = text.get(at..).unwrap_or_default();
    eight[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(eight)
}

/// Returns the mask of the first `len` (at most eight) of eight loaded bytes.
#[inline]
pub(crate) fn first_bytes(len: usize) -> u64 {
    // Two shifts, since shifting by all 64 bits is not defined.
    u64::MAX.wrapping_shr(32 - 4 * len as u32) >> (32 - 4 * len as u32)
}

/// Returns the end of the run of ASCII letters that begins at `at`.
#[inline]
pub(super) fn letters_end(text: &[u8], mut at: usize) -> usize {
    loop {
        let run = leading_letters(load(text, at));
        at += run;
        if run < 8 {
            return at;
        }
    }
}

/// Returns how many of the eight bytes, from the lowest on, are ASCII letters.
#[inline]
fn leading_letters(word: u64) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x80 * ONES;
    let lowered = (word | (0x20 * ONES)) & !HIGHS;
    // Each byte is below 0x80 here, so that no sum carries into its neighbour.
    let from_a = lowered + (0x80 - b'a' as u64) * ONES;
    let past_z = lowered + (0x80 - (b'z' as u64 + 1)) * ONES;
    let letters = from_a & !past_z & !word & HIGHS;
    ((letters ^ HIGHS).trailing_zeros() / 8) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letter_run_agrees_with_the_table_for_every_byte_at_every_place() {
        for byte in 0..=255u8 {
            for place in 0..8 {
                let mut text = [b'k'; 8];
                text[place] = byte;
                let expected = if byte.is_ascii_alphabetic() { 8 } else { place };
                assert_eq!(leading_letters(u64::from_le_bytes(text)), expected, "byte {byte}");
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
        assert_eq!(letters_end(b"abcdefgh", 0), 8);
        assert_eq!(letters_end(b"abcdefghijk lm", 2), 11);
        assert_eq!(letters_end(b"", 0), 0);
        assert_eq!(load(b"ab", 1), u64::from(b'b'));
    }
}
