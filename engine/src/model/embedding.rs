//! Embeddings: what a text means, as numbers; and the whole numbers by which texts are compared.
//!
//! An encoder returns a [`Vector`] of floats. Decisions never look at it: they look at its
//! [`Embedding`], because products of whole numbers are equal on every processor, in every order.
//! *Promise (I1, I2):* an embedding is a
//! function of the vector alone; a similarity is a function of two embeddings alone, and symmetric.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// Numbers of a vector.
pub const EMBEDDING_DIMENSIONS: usize = 384;

/// Which computation made a vector. Vectors of different classes are never compared: a changed class is
/// an explicit new embedding of everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KernelClass(u16);

impl KernelClass {
    /// all-MiniLM-L6-v2 in single precision, one chain of sums: the same bits on every processor.
    pub const MINILM_L6_F32: KernelClass = KernelClass(1);

    /// Returns the class with this number, known or not.
    pub const fn from_code(code: u16) -> KernelClass {
        KernelClass(code)
    }

    /// Returns the number under which it is stored.
    pub const fn code(self) -> u16 {
        self.0
    }
}

impl fmt::Display for KernelClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            KernelClass::MINILM_L6_F32 => f.write_str("minilm-l6-f32"),
            KernelClass(code) => write!(f, "kernel-{code}"),
        }
    }
}

/// A vector of length 1 as an encoder returns it. Only ranks and displays use it, never decisions.
#[derive(Clone, Debug, PartialEq)]
pub struct Vector(pub Box<[f32; EMBEDDING_DIMENSIONS]>);

impl Vector {
    /// Returns the cosine of the angle between two vectors of length 1.
    pub fn cosine(&self, other: &Vector) -> f32 {
        // Sixteen sums instead of one, so that the loop can be vectorised.
        let mut sums = [0.0f32; 16];
        let pairs = self.0.as_chunks::<16>().0.iter().zip(other.0.as_chunks::<16>().0);
        for (a, b) in pairs {
            for lane in 0..16 {
                sums[lane] += a[lane] * b[lane];
            }
        }
        sums.iter().sum()
    }
}

/// The canonical embedding of a text: 384 numbers of eight bits, and who computed the vector.
///
/// *Definition.* With `m` the largest absolute value of the vector's numbers, each number `x` becomes
/// `round(x × (127 / m))`, halves away from zero, all in single precision. Each step is exactly rounded
/// by every processor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Embedding {
    kernel: KernelClass,
    numbers: Arc<[i8; EMBEDDING_DIMENSIONS]>,
}

/// How alike two embeddings are: the cosine of their angle in millionths, -1,000,000 to 1,000,000.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Similarity(i32);

impl Similarity {
    /// The same direction.
    pub const ONE: Similarity = Similarity(1_000_000);

    /// Returns the similarity with this many millionths; beyond ±1 it is ±1.
    pub const fn from_millionths(millionths: i32) -> Similarity {
        match millionths {
            ..=-1_000_000 => Similarity(-1_000_000),
            1_000_000.. => Similarity::ONE,
            within => Similarity(within),
        }
    }

    /// Returns the similarity nearest to `ratio`; for thresholds in a graph file.
    pub fn from_ratio(ratio: f64) -> Similarity {
        Similarity::from_millionths((ratio * 1e6).round() as i32)
    }

    /// Returns the millionths.
    pub const fn millionths(self) -> i32 {
        self.0
    }

    /// Returns it as a number between -1 and 1; for display.
    pub fn ratio(self) -> f64 {
        f64::from(self.0) / 1e6
    }
}

impl fmt::Display for Similarity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.ratio())
    }
}

impl Embedding {
    /// Returns the embedding of a vector, or nothing if it has no direction: all zeros, or a number
    /// that is not finite.
    pub fn of(vector: &Vector, kernel: KernelClass) -> Option<Embedding> {
        let largest = vector.0.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
        let scale = 127.0 / largest;
        let usable = scale.is_finite() && vector.0.iter().all(|x| x.is_finite());
        usable.then(|| Embedding::from_numbers(vector.0.map(|x| (x * scale).round() as i8), kernel))
    }

    /// Returns the embedding with these numbers, as it was stored.
    pub fn from_numbers(numbers: [i8; EMBEDDING_DIMENSIONS], kernel: KernelClass) -> Embedding {
        Embedding { kernel, numbers: Arc::new(numbers) }
    }

    /// Returns its numbers.
    pub fn numbers(&self) -> &[i8; EMBEDDING_DIMENSIONS] {
        &self.numbers
    }

    /// Returns the class of the vector it was made of.
    pub fn kernel(&self) -> KernelClass {
        self.kernel
    }

    /// Returns the sum of the products of its numbers and those of `other`; at most 384 × 128².
    pub fn dot(&self, other: &Embedding) -> i32 {
        dot(&self.numbers, &other.numbers)
    }

    /// Returns how alike two embeddings of the same class are; of different classes nothing is known.
    ///
    /// *Definition.* `dot × 1,000,000 / isqrt(dot(self, self) × dot(other, other))`, cut towards zero;
    /// 0 if either is all zeros.
    pub fn similarity(&self, other: &Embedding) -> Option<Similarity> {
        if self.kernel != other.kernel {
            return None;
        }
        let squares = i64::from(self.dot(self)) * i64::from(other.dot(other));
        let lengths = squares.isqrt();
        if lengths == 0 {
            return Some(Similarity::default());
        }
        let millionths = i64::from(self.dot(other)) * 1_000_000 / lengths;
        Some(Similarity::from_millionths(millionths.clamp(-1_000_000, 1_000_000) as i32))
    }
}

/// Returns the sum of the products; written so that the compiler widens and vectorises it.
fn dot(a: &[i8; EMBEDDING_DIMENSIONS], b: &[i8; EMBEDDING_DIMENSIONS]) -> i32 {
    a.iter().zip(b).map(|(&a, &b)| i32::from(a) * i32::from(b)).sum()
}

/// As (class, bytes): what travels between workers and processes.
impl Serialize for Embedding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self.numbers.iter().map(|&number| number as u8).collect();
        (self.kernel, bytes).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Embedding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Embedding, D::Error> {
        let (kernel, bytes) = <(KernelClass, Vec<u8>)>::deserialize(deserializer)?;
        let found = bytes.len();
        let bytes: [u8; EMBEDDING_DIMENSIONS] = bytes
            .try_into()
            .map_err(|_| D::Error::custom(format!("an embedding of {found} numbers, not 384")))?;
        Ok(Embedding::from_numbers(bytes.map(|byte| byte as i8), kernel))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CLASS: KernelClass = KernelClass::MINILM_L6_F32;

    fn vector(of: impl Fn(usize) -> f32) -> Vector {
        let mut numbers: [f32; EMBEDDING_DIMENSIONS] = std::array::from_fn(of);
        let length = numbers.iter().map(|x| x * x).sum::<f32>().sqrt();
        numbers.iter_mut().for_each(|x| *x /= length);
        Vector(Box::new(numbers))
    }

    #[test]
    fn the_largest_number_becomes_127_and_halves_go_away_from_zero() {
        let mut numbers = [0.0; EMBEDDING_DIMENSIONS];
        numbers[..5].copy_from_slice(&[127.0, -126.5, 0.5, -0.4, 2.5]);
        let embedding = Embedding::of(&Vector(Box::new(numbers)), CLASS).unwrap();
        assert_eq!(embedding.numbers()[..5], [127, -127, 1, 0, 3]);
    }

    #[test]
    fn a_vector_without_a_direction_has_no_embedding() {
        let with = |x: f32| {
            let mut numbers = [0.0; EMBEDDING_DIMENSIONS];
            numbers[7] = x;
            Embedding::of(&Vector(Box::new(numbers)), CLASS)
        };
        assert!(with(0.0).is_none() && with(f32::NAN).is_none() && with(f32::INFINITY).is_none());
        assert!(with(-1.0).is_some());
    }

    #[test]
    fn similarity_is_close_to_the_cosine_of_the_vectors() {
        for shift in 0..40 {
            let a = vector(|n| (n as f32 * 0.37).sin());
            let b = vector(|n| (n as f32 * 0.37 + shift as f32 * 0.1).sin() + 0.1);
            let (x, y) = (Embedding::of(&a, CLASS).unwrap(), Embedding::of(&b, CLASS).unwrap());
            let similarity = x.similarity(&y).unwrap();
            assert_eq!(Some(similarity), y.similarity(&x));
            let difference = (similarity.ratio() - f64::from(a.cosine(&b))).abs();
            assert!(difference < 2e-3, "{similarity} is off by {difference}");
        }
    }

    #[test]
    fn different_classes_are_not_compared() {
        let a = Embedding::from_numbers([1; EMBEDDING_DIMENSIONS], CLASS);
        let b = Embedding::from_numbers([1; EMBEDDING_DIMENSIONS], KernelClass::from_code(9));
        assert_eq!(a.similarity(&b), None);
        assert_eq!(a.similarity(&a), Some(Similarity::ONE));
    }

    #[test]
    fn limit_the_extreme_numbers_neither_overflow_nor_leave_the_scale() {
        let low = Embedding::from_numbers([-128; EMBEDDING_DIMENSIONS], CLASS);
        let high = Embedding::from_numbers([127; EMBEDDING_DIMENSIONS], CLASS);
        assert_eq!(low.dot(&low), 384 * 128 * 128);
        assert_eq!(low.similarity(&high), Some(Similarity::from_millionths(-1_000_000)));
        let zero = Embedding::from_numbers([0; EMBEDDING_DIMENSIONS], CLASS);
        assert_eq!(zero.similarity(&high), Some(Similarity::default()));
        assert_eq!(Similarity::from_ratio(7.0), Similarity::ONE);
    }

    #[test]
    fn an_embedding_survives_being_written_and_read() {
        let embedding = Embedding::from_numbers(std::array::from_fn(|n| n as i8), CLASS);
        let text = serde_json::to_string(&embedding).unwrap();
        assert_eq!(serde_json::from_str::<Embedding>(&text).unwrap(), embedding);
        assert!(serde_json::from_str::<Embedding>("[1,[2,3]]").is_err());
    }

    proptest! {
        #[test]
        fn any_two_embeddings_have_a_symmetric_similarity_within_the_scale(
            a in prop::collection::vec(any::<i8>(), EMBEDDING_DIMENSIONS),
            b in prop::collection::vec(any::<i8>(), EMBEDDING_DIMENSIONS),
        ) {
            let a = Embedding::from_numbers(a.try_into().unwrap(), CLASS);
            let b = Embedding::from_numbers(b.try_into().unwrap(), CLASS);
            let similarity = a.similarity(&b).unwrap();
            prop_assert_eq!(b.similarity(&a), Some(similarity));
            prop_assert!(similarity.millionths().abs() <= 1_000_000);
            prop_assert!(a.similarity(&a).unwrap() >= Similarity::from_millionths(999_999));
        }
    }
}
