//! Vectors as they are stored: of which text, made by which computation.

use super::fingerprint::id_type;
use super::{EMBEDDING_DIMENSIONS, Embedding, KernelClass, ParseIdError, Vector};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

id_type!(
    /// The id of a text that is embedded: `H(text)`, written `t_` + 32 hex.
    TextId,
    "t_"
);

impl TextId {
    /// Returns the id of `text`.
    pub fn of_text(text: &str) -> TextId {
        TextId::of(&[text.as_bytes()])
    }
}

/// The vector of one text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct VectorRow {
    /// The text.
    pub text: TextId,
    /// Which computation made it.
    pub kernel: KernelClass,
    /// Its numbers, four bytes each, lowest byte first.
    pub bytes: Arc<[u8]>,
}

impl VectorRow {
    /// Bytes of a vector.
    pub const BYTES: usize = EMBEDDING_DIMENSIONS * 4;

    /// Returns the row of a vector.
    pub fn new(text: TextId, kernel: KernelClass, vector: &Vector) -> VectorRow {
        let bytes = vector.0.iter().flat_map(|number| number.to_le_bytes()).collect();
        VectorRow { text, kernel, bytes }
    }

    /// Returns the vector, or nothing if the row is damaged.
    pub fn vector(&self) -> Option<Vector> {
        let (numbers, rest) = self.bytes.as_chunks::<4>();
        let numbers: Box<[f32]> = numbers.iter().map(|four| f32::from_le_bytes(*four)).collect();
        if !rest.is_empty() {
            return None;
        }
        numbers.try_into().ok().map(Vector)
    }

    /// Returns the canonical embedding of the vector, or nothing if the row is damaged.
    pub fn embedding(&self) -> Option<Embedding> {
        Embedding::of(&self.vector()?, self.kernel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_gives_back_the_vector_bit_by_bit() {
        let vector = Vector(Box::new(std::array::from_fn(|n| (n as f32 * 0.7).sin())));
        let row = VectorRow::new(TextId::of_text("a"), KernelClass::MINILM_L6_F32, &vector);
        assert_eq!(row.bytes.len(), VectorRow::BYTES);
        assert_eq!(row.vector(), Some(vector.clone()));
        assert_eq!(row.embedding(), Embedding::of(&vector, row.kernel));
    }

    #[test]
    fn a_row_of_another_length_has_no_vector() {
        let row = |bytes: usize| VectorRow {
            text: TextId::of_text("a"),
            kernel: KernelClass::MINILM_L6_F32,
            bytes: vec![1; bytes].into(),
        };
        assert!(row(VectorRow::BYTES).vector().is_some());
        assert!(row(VectorRow::BYTES - 4).vector().is_none());
        assert!(row(VectorRow::BYTES + 1).vector().is_none());
    }
}
