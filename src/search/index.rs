//! The index of all issues' parts, shared by who feeds it and who asks it.
//!
//! *State and limits:* as `operators::search::Index`. A question holds it for milliseconds; a commit waits
//! that long.

use engine::component::{Contents, ReadStore, Recovered, StoreError};
use engine::model::TextId;
use operators::search::Index;
use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

/// Vectors that are read from a store at once.
const VECTORS_READ_MAX: usize = 1024;

/// An index behind a lock.
#[derive(Debug, Default)]
pub struct SharedIndex(RwLock<Index>);

impl SharedIndex {
    /// Returns the index of what a store holds now.
    pub fn of_store(store: &dyn ReadStore) -> Result<SharedIndex, StoreError> {
        let mut index = Index::default();
        let parts = store.parts()?;
        parts.iter().for_each(|part| index.apply_part(part, true));
        let texts: BTreeSet<TextId> = parts.iter().filter_map(|part| part.embedded).collect();
        let texts: Vec<TextId> = texts.into_iter().collect();
        for texts in texts.chunks(VECTORS_READ_MAX) {
            for row in store.vectors_of(texts)? {
                if let Some(embedding) = row.embedding() {
                    index.add_vector(row.text, embedding);
                }
            }
        }
        Ok(SharedIndex(RwLock::new(index)))
    }

    /// Takes up what the store held when the engine started.
    pub fn recovered(&self, recovered: &Recovered) {
        let mut index = self.0.write().unwrap_or_else(PoisonError::into_inner);
        recovered.parts.iter().for_each(|part| index.apply_part(part, true));
        for (text, embedding) in &recovered.vectors {
            index.add_vector(*text, embedding.clone());
        }
    }

    /// Takes up what was just committed.
    pub fn committed(&self, contents: &Contents) {
        if contents.parts.is_empty() && contents.vectors.is_empty() {
            return;
        }
        let vectors = contents.vectors.iter();
        let vectors: Vec<_> =
            vectors.filter_map(|row| Some((row.text, row.embedding()?))).collect();
        let mut index = self.0.write().unwrap_or_else(PoisonError::into_inner);
        for (part, present) in &contents.parts {
            index.apply_part(part, *present);
        }
        for (text, embedding) in vectors {
            index.add_vector(text, embedding);
        }
    }

    /// Returns the index, to be asked and given back at once.
    pub fn read(&self) -> RwLockReadGuard<'_, Index> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::model::{EMBEDDING_DIMENSIONS, IssueId, KernelClass, Part, PatternId};
    use engine::model::{Vector, VectorRow};

    fn part(pattern: u128, text: &str) -> Part {
        let embedded = Some(TextId::of_text(text));
        Part { issue: IssueId(pattern), pattern: PatternId(pattern), text: text.into(), embedded }
    }

    fn row(text: &str) -> VectorRow {
        let numbers = std::array::from_fn::<f32, EMBEDDING_DIMENSIONS, _>(|n| n as f32);
        let vector = Vector(Box::new(numbers));
        VectorRow::new(TextId::of_text(text), KernelClass::MINILM_L6_F32, &vector)
    }

    #[test]
    fn what_was_recovered_and_what_is_committed_is_found() {
        let (index, old, new) =
            (SharedIndex::default(), part(1, "disk full"), part(2, "disk lost"));
        let embedding = row("disk full").embedding().unwrap();
        index.recovered(&Recovered {
            parts: vec![old.clone()],
            vectors: vec![(TextId::of_text("disk full"), embedding.clone())],
            ..Recovered::default()
        });
        assert_eq!(index.read().neighbours(&embedding, Default::default(), 9).len(), 1);
        index.committed(&Contents {
            parts: vec![(old, false), (new, true)],
            vectors: vec![row("disk lost")],
            ..Contents::default()
        });
        let found = index.read().found("disk", None, 9);
        assert_eq!(found.iter().map(|hit| hit.issue).collect::<Vec<_>>(), [IssueId(2)]);
        assert_eq!(index.read().neighbours(&embedding, Default::default(), 9).len(), 1);
    }

    #[test]
    fn a_damaged_vector_is_left_out() {
        let index = SharedIndex::default();
        let damaged = VectorRow { bytes: vec![0; 3].into(), ..row("disk full") };
        let parts = vec![(part(1, "disk full"), true)];
        index.committed(&Contents { parts, vectors: vec![damaged], ..Contents::default() });
        assert_eq!(index.read().len(), 1);
        assert_eq!(index.read().embedding_of(TextId::of_text("disk full")), None);
    }
}
