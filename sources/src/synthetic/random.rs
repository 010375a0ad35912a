//! Numbers that look random and are a function of their seed alone.

/// A stream of numbers (splitmix64).
#[derive(Clone, Copy, Debug)]
pub struct Random(u64);

impl Random {
    /// Returns the stream of a seed in several parts.
    pub fn new(seed: &[u64]) -> Self {
        let mut random = Self(0);
        for part in seed {
            random.0 ^= part.wrapping_mul(0xD6E8_FEB8_6659_FD93);
            random.0 = random.next();
        }
        random
    }

    /// Returns the next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Returns the next number, below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(end)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers_and_another_does_not() {
        assert_eq!(Random::new(&[1, 2]).next(), Random::new(&[1, 2]).next());
        assert_ne!(Random::new(&[1, 2]).next(), Random::new(&[2, 1]).next());
        let mut random = Random::new(&[7]);
        assert!((0..1000).all(|_| random.below(10) < 10));
    }
}
