//! Dictionary: a fixed set of short words, in which a look-up is a multiplication and a comparison.
//!
//! A multiplier is searched, by the compiler, with which no two of the words share a slot.

/// Lower-cases eight letters at once; a byte past the end of a word becomes a space.
const LOWER: u64 = 0x2020_2020_2020_2020;

/// Returns a word of at most eight letters, in lower case, as one number.
pub(super) const fn key(word: &[u8]) -> u64 {
    let mut key = 0;
    let mut at = word.len();
    while at > 0 {
        at -= 1;
        key = (key << 8) | word[at] as u64;
    }
    key | LOWER
}

/// A set of words in at most `SLOTS` slots, which must be a power of two.
pub(super) struct Dictionary<const SLOTS: usize> {
    factor: u64,
    slots: [u64; SLOTS],
}

impl<const SLOTS: usize> Dictionary<SLOTS> {
    /// Returns the dictionary of `keys`.
    pub(super) const fn of(keys: &[u64]) -> Self {
        let mut factor: u64 = 0x9e37_79b9_7f4a_7c15;
        loop {
            if let Some(slots) = Self::placed(keys, factor) {
                return Self { factor, slots };
            }
            // The next odd number of a sequence that visits all of them.
            factor = factor.wrapping_mul(0xd134_2543_de82_ef95).wrapping_add(2);
        }
    }

    /// Returns the slots, unless `factor` puts two keys into one.
    const fn placed(keys: &[u64], factor: u64) -> Option<[u64; SLOTS]> {
        let mut slots = [0; SLOTS];
        let mut at = 0;
        while at < keys.len() {
            let slot = Self::slot(keys[at], factor);
            if slots[slot] != 0 {
                return None;
            }
            slots[slot] = keys[at];
            at += 1;
        }
        Some(slots)
    }

    #[inline]
    const fn slot(key: u64, factor: u64) -> usize {
        (key.wrapping_mul(factor) >> (64 - SLOTS.trailing_zeros())) as usize
    }

    /// Returns whether the letters in `eight`, zeroes past their end, are one of the words in any
    /// case. Of a longer word only the first eight letters are known here.
    #[inline]
    pub(super) fn holds(&self, eight: u64) -> bool {
        let key = eight | LOWER;
        self.slots[Self::slot(key, self.factor)] == key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_holds_its_words_in_any_case_and_no_others() {
        static COLOURS: Dictionary<8> = Dictionary::of(&[key(b"red"), key(b"green"), key(b"blue")]);
        let load = |word: &[u8]| {
            let mut eight = [0; 8];
            eight[..word.len()].copy_from_slice(word);
            u64::from_le_bytes(eight)
        };
        assert!([&b"red"[..], b"Green", b"BLUE"].iter().all(|word| COLOURS.holds(load(word))));
        assert!(
            ![&b"re"[..], b"reds", b"", b"yellow"].iter().any(|word| COLOURS.holds(load(word)))
        );
    }
}
