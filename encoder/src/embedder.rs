//! The encoder as the engine knows it: texts in, vectors out.

use crate::encoder::Encoder;
use crate::plan::plan;
use engine::component::{EmbedError, Embedder};
use engine::model::{KernelClass, Vector};

impl Embedder for Encoder {
    fn kernel(&self) -> KernelClass {
        KernelClass::MINILM_L6_F32
    }

    fn vectors(&self, texts: &[&str]) -> Result<Vec<Vector>, EmbedError> {
        let tokens: Vec<Vec<u32>> = texts.iter().map(|text| self.tokenize(text)).collect();
        let slices: Vec<&[u32]> = tokens.iter().map(Vec::as_slice).collect();
        let vectors = self
            .embed(&slices)
            .map_err(|error| EmbedError::Encoder { texts: texts.len(), source: Box::new(error) })?;
        Ok(vectors.into_iter().map(|numbers| Vector(Box::new(numbers))).collect())
    }

    fn chunks(&self, texts: &[&str]) -> Vec<Vec<usize>> {
        let counts: Vec<usize> = texts.iter().map(|text| self.tokenize(text).len()).collect();
        plan(&counts)
    }
}
