//! What turns texts into vectors, seen from the engine: it knows no model, no file and no kernel.

use crate::model::{Embedding, KernelClass, Vector};
use thiserror::Error;

/// Turns texts into vectors.
///
/// # Contract
/// - A text's vector is a function of the text and of [`Embedder::kernel`] alone: the same bits alone or
///   beside any other texts, in any order, on any thread (I1, I2).
/// - It takes as long as it needs and starts no threads: whoever calls it owns the threads and never
///   calls it from a worker of the dataflow.
/// - It may be called from several threads at once.
pub trait Embedder: Send + Sync {
    /// Returns the class of every vector that it makes.
    fn kernel(&self) -> KernelClass;

    /// Returns the vector of each text, in the order of the texts. Texts of like length in one call are
    /// faster; [`Embedder::chunks`] says which belong together.
    fn vectors(&self, texts: &[&str]) -> Result<Vec<Vector>, EmbedError>;

    /// Returns the indexes of `texts`, in groups that are worth a call each; every index comes once.
    fn chunks(&self, texts: &[&str]) -> Vec<Vec<usize>>;

    /// Returns the canonical embedding of each text, in the order of the texts.
    fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
        let vectors = self.vectors(texts)?;
        let embedding = |(index, vector)| {
            Embedding::of(vector, self.kernel()).ok_or(EmbedError::NoDirection { index })
        };
        vectors.iter().enumerate().map(embedding).collect()
    }
}

/// Why texts have no vectors.
#[derive(Debug, Error)]
pub enum EmbedError {
    /// A vector is all zeros, or holds a number that is not finite.
    #[error("text {index} has a vector without a direction: the model's weights are damaged")]
    NoDirection {
        /// Index among the texts.
        index: usize,
    },
    /// The encoder refused.
    #[error("cannot embed {texts} texts")]
    Encoder {
        /// How many there were.
        texts: usize,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EMBEDDING_DIMENSIONS;

    /// Gives the length of a text in every number.
    struct Lengths;

    impl Embedder for Lengths {
        fn kernel(&self) -> KernelClass {
            KernelClass::from_code(7)
        }

        fn vectors(&self, texts: &[&str]) -> Result<Vec<Vector>, EmbedError> {
            let vector = |text: &&str| Vector(Box::new([text.len() as f32; EMBEDDING_DIMENSIONS]));
            Ok(texts.iter().map(vector).collect())
        }

        fn chunks(&self, texts: &[&str]) -> Vec<Vec<usize>> {
            vec![(0..texts.len()).collect()]
        }
    }

    #[test]
    fn embeddings_are_those_of_the_vectors_and_carry_the_class() {
        let embeddings = Lengths.embed(&["abc", "x"]).unwrap();
        assert_eq!(embeddings.len(), 2);
        assert!(embeddings.iter().all(|e| e.kernel().code() == 7 && e.numbers()[0] == 127));
    }

    #[test]
    fn a_vector_without_a_direction_is_an_error_that_names_the_text() {
        let error = Lengths.embed(&["abc", ""]).unwrap_err();
        assert!(error.to_string().starts_with("text 1 has a vector without a direction"));
    }
}
