//! The index: parts of issues by their words, by their vectors and by their issue.

use super::vectors::Vectors;
use super::words::{Document, Words};
use crate::meaning::RERANKED;
use engine::model::{Embedding, IssueId, Part, PatternId, Similarity, TextId};
use foldhash::{HashMap, HashMapExt};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Issues that one answer has at most.
pub const LIMIT_MAX: usize = 200;
/// A text that is less similar to a question says nothing about it. Measured on the labelled texts, asked
/// with the names of their causes: two thirds of the texts that were meant are above, 3 % of the others.
pub const SIMILARITY_MIN: Similarity = Similarity::from_millionths(300_000);
/// Candidates of one issue: an issue of many patterns hides no other.
pub const TEXTS_PER_ISSUE_MAX: usize = 4;
/// Candidates for each issue that is asked for; for ten of them [`RERANKED`].
const CANDIDATES_PER_HIT: usize = RERANKED / 10;

/// Parts of issues and the vectors of their texts, ready to be asked.
#[derive(Debug, Default)]
pub struct Index {
    /// Whole parts are the keys: while a part changes, the old and the new one may both be there.
    numbers: BTreeMap<Part, Document>,
    parts: HashMap<Document, Part>,
    free: Vec<Document>,
    pub(super) words: Words,
    pub(super) vectors: Vectors,
}

/// A part that is near something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The part.
    pub part: Part,
    /// How near its text is.
    pub similarity: Similarity,
}

impl Index {
    /// Adds a part, or takes it out. What is there already, or not there, changes nothing.
    pub fn apply_part(&mut self, part: &Part, present: bool) {
        if present == self.numbers.contains_key(part) {
            return;
        }
        if present {
            let next = self.parts.len() as Document;
            let document = self.free.pop().unwrap_or(next);
            self.words.insert(document, &part.text);
            if let Some(text) = part.embedded {
                self.vectors.take(text, document);
            }
            self.numbers.insert(part.clone(), document);
            self.parts.insert(document, part.clone());
        } else if let Some(document) = self.numbers.remove(part) {
            self.words.remove(document, &part.text);
            if let Some(text) = part.embedded {
                self.vectors.drop_use(text, document);
            }
            self.parts.remove(&document);
            self.free.push(document);
        }
    }

    /// Adds the vector of a text, in place of the one that it had.
    pub fn add_vector(&mut self, text: TextId, embedding: Embedding) {
        self.vectors.insert(text, embedding);
    }

    /// Returns how many parts there are.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Returns whether some part has a vector.
    pub fn has_vectors(&self) -> bool {
        !self.vectors.is_empty()
    }

    /// Returns the texts that an answer of `limit` issues by meaning is chosen from, the most similar
    /// first: those at least as similar as [`SIMILARITY_MIN`], at most [`TEXTS_PER_ISSUE_MAX`] of one issue.
    pub fn candidates(&self, query: &Embedding, limit: usize) -> Vec<(TextId, Similarity)> {
        let count = RERANKED.max(limit.min(LIMIT_MAX) * CANDIDATES_PER_HIT);
        let mut per_issue: HashMap<IssueId, usize> = HashMap::new();
        let mut candidates = Vec::new();
        for (text, similarity) in self.vectors.above(query, SIMILARITY_MIN) {
            if candidates.len() == count {
                break;
            }
            let mut is_new = false;
            for part in self.parts_of_text(text) {
                let known = per_issue.entry(part.issue).or_default();
                is_new |= *known < TEXTS_PER_ISSUE_MAX;
                *known += 1;
            }
            if is_new {
                candidates.push((text, similarity));
            }
        }
        candidates
    }

    /// Returns the parts whose texts are nearest to `query`, the nearest first, at most `limit`. A part of
    /// the same text as another counts as one of its own.
    pub fn neighbours(&self, query: &Embedding, floor: Similarity, limit: usize) -> Vec<Neighbour> {
        let mut near = Vec::new();
        for (text, similarity) in self.vectors.above(query, floor) {
            if near.len() >= limit {
                break;
            }
            let parts = self.parts_of_text(text).into_iter();
            near.extend(parts.map(|part| Neighbour { part: part.clone(), similarity }));
        }
        near.truncate(limit);
        near
    }

    /// Returns the embedding of a text that some part uses.
    pub fn embedding_of(&self, text: TextId) -> Option<Embedding> {
        self.vectors.get(text)
    }

    /// Returns the parts of an issue, in the order of their patterns.
    pub fn parts_of(&self, issue: IssueId) -> impl Iterator<Item = &Part> {
        let first = Part { issue, pattern: PatternId(0), text: Arc::default(), embedded: None };
        let from = self.numbers.range(first..).map(|(part, _)| part);
        from.take_while(move |part| part.issue == issue)
    }

    /// Returns the part of a document.
    pub(super) fn part(&self, document: Document) -> Option<&Part> {
        self.parts.get(&document)
    }

    /// Returns the documents that use a text, in the order of their parts.
    pub(super) fn documents_of_text(&self, text: TextId) -> Vec<(&Part, Document)> {
        let users = self.vectors.users(text);
        let mut users: Vec<(&Part, Document)> =
            users.filter_map(|document| Some((self.part(document)?, document))).collect();
        users.sort_unstable();
        users
    }

    fn parts_of_text(&self, text: TextId) -> Vec<&Part> {
        self.documents_of_text(text).into_iter().map(|(part, _)| part).collect()
    }
}
