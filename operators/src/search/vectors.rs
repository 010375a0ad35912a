//! The vectors of texts that parts use, in flat arrays; those that no part uses wait aside, since a vector
//! may come before its part or after it.
//!
//! *State and limits:* one embedding for each text. Classes of kernels are kept apart, for only embeddings
//! of one class are compared.

use super::words::Document;
use crate::meaning::Flat;
use engine::model::{Embedding, KernelClass, Similarity, TextId};
use foldhash::HashMap;
use std::collections::{BTreeMap, BTreeSet};

/// Texts, who uses them, and their embeddings.
#[derive(Debug, Default)]
pub(super) struct Vectors {
    users: BTreeSet<(TextId, Document)>,
    flats: BTreeMap<KernelClass, Flat<TextId>>,
    /// Under which class the used texts are.
    classes: HashMap<TextId, KernelClass>,
    waiting: HashMap<TextId, Embedding>,
}

impl Vectors {
    /// Adds an embedding, in place of what the text had before.
    pub(super) fn insert(&mut self, text: TextId, embedding: Embedding) {
        match self.is_used(text) {
            true => self.place(text, &embedding),
            false => drop(self.waiting.insert(text, embedding)),
        }
    }

    /// Notes that a document uses a text.
    pub(super) fn take(&mut self, text: TextId, document: Document) {
        self.users.insert((text, document));
        if let Some(embedding) = self.waiting.remove(&text) {
            self.place(text, &embedding);
        }
    }

    /// Notes that a document no longer uses a text.
    pub(super) fn drop_use(&mut self, text: TextId, document: Document) {
        self.users.remove(&(text, document));
        if !self.is_used(text)
            && let Some(embedding) = self.unplace(text)
        {
            self.waiting.insert(text, embedding);
        }
    }

    /// Returns the documents that use a text.
    pub(super) fn users(&self, text: TextId) -> impl Iterator<Item = Document> {
        self.users.range((text, 0)..=(text, Document::MAX)).map(|(_, document)| *document)
    }

    /// Returns the embedding of a text that a document uses.
    pub(super) fn get(&self, text: TextId) -> Option<Embedding> {
        self.flats.get(self.classes.get(&text)?)?.get(text)
    }

    /// Returns whether no text that a document uses has an embedding.
    pub(super) fn is_empty(&self) -> bool {
        self.flats.is_empty()
    }

    /// Returns the texts that are at least as similar to `query` as `floor`, the most similar first.
    pub(super) fn above(&self, query: &Embedding, floor: Similarity) -> Vec<(TextId, Similarity)> {
        let flat = self.flats.get(&query.kernel());
        let mut above = flat.map(|flat| flat.above(query, floor)).unwrap_or_default();
        above.sort_unstable_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(&right.0)));
        above
    }

    /// Returns how many embeddings are compared, and how many wait aside.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.flats.values().map(Flat::len).sum(), self.waiting.len())
    }

    fn is_used(&self, text: TextId) -> bool {
        self.users(text).next().is_some()
    }

    fn place(&mut self, text: TextId, embedding: &Embedding) {
        self.unplace(text);
        let class = embedding.kernel();
        self.flats.entry(class).or_insert_with(|| Flat::new(class)).insert(text, embedding);
        self.classes.insert(text, class);
    }

    fn unplace(&mut self, text: TextId) -> Option<Embedding> {
        let class = self.classes.remove(&text)?;
        let flat = self.flats.get_mut(&class)?;
        let embedding = flat.get(text);
        flat.remove(text);
        if flat.is_empty() {
            self.flats.remove(&class);
        }
        embedding
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::model::EMBEDDING_DIMENSIONS;

    fn embedding(number: i8, class: u16) -> Embedding {
        Embedding::from_numbers([number; EMBEDDING_DIMENSIONS], KernelClass::from_code(class))
    }

    #[test]
    fn a_vector_may_come_before_its_part_and_waits_again_when_the_last_one_goes() {
        let (text, mut vectors) = (TextId(7), Vectors::default());
        vectors.insert(text, embedding(3, 1));
        assert_eq!((vectors.get(text), vectors.counts()), (None, (0, 1)));
        vectors.take(text, 1);
        vectors.take(text, 2);
        assert_eq!((vectors.get(text), vectors.counts()), (Some(embedding(3, 1)), (1, 0)));
        vectors.drop_use(text, 1);
        assert_eq!(vectors.counts(), (1, 0));
        vectors.drop_use(text, 2);
        assert_eq!(vectors.counts(), (0, 1));
    }

    #[test]
    fn a_vector_of_another_class_takes_the_place_of_the_old_one() {
        let (text, mut vectors) = (TextId(7), Vectors::default());
        vectors.take(text, 1);
        vectors.insert(text, embedding(3, 1));
        vectors.insert(text, embedding(4, 2));
        assert_eq!((vectors.get(text), vectors.counts()), (Some(embedding(4, 2)), (1, 0)));
        let lowest = Similarity::from_millionths(-1_000_000);
        assert!(vectors.above(&embedding(3, 1), lowest).is_empty());
        assert_eq!(vectors.above(&embedding(3, 2), lowest).len(), 1);
    }
}
