//! One answer of two rankings: by words and by meaning, fused by reciprocal rank.
//!
//! *Definition* (Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual
//! Rank Learning Methods", SIGIR 2009): an issue scores the sum of `1 / (60 + rank)` over the rankings that
//! have it. An issue's rank is that of its best part, counted in issues; of equal scores the smaller id
//! comes first.

use super::index::{Index, LIMIT_MAX};
use super::question::Question;
use super::words::{Document, Fit};
use engine::component::Hit;
use engine::model::{Embedding, IssueId, Part, Similarity, TextId};
use foldhash::HashMap;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// By how much the first ranks are levelled.
pub const RANK_CONSTANT: f64 = 60.0;
/// Issues of one ranking that are looked at.
const RANKED_MAX: usize = 1000;

/// What is near a question in meaning.
#[derive(Clone, Copy, Debug)]
pub struct Near<'a> {
    /// The question's embedding.
    pub question: &'a Embedding,
    /// The texts of [`Index::candidates`], the nearest first.
    pub ranked: &'a [TextId],
}

/// An issue while rankings are fused.
#[derive(Clone, Copy, Debug)]
struct Fused {
    score: f64,
    /// Its best rank, and the document that has it.
    best: (usize, Document),
}

impl Index {
    /// Returns the issues that a question is about, the best first, at most `limit` and [`LIMIT_MAX`].
    pub fn found(&self, question: &str, near: Option<Near<'_>>, limit: usize) -> Vec<Hit> {
        let question = Question::new(question);
        let fits = self.words.fits(&question);
        let by_words = self.ranked_by_words(&fits);
        let by_meaning = near.map(|near| self.ranked_by_meaning(near.ranked)).unwrap_or_default();
        let mut fused: BTreeMap<IssueId, Fused> = BTreeMap::new();
        for ranking in [by_words, by_meaning] {
            for (rank, (issue, document)) in (1..).zip(ranking) {
                let one =
                    fused.entry(issue).or_insert(Fused { score: 0.0, best: (rank, document) });
                one.score += 1.0 / (RANK_CONSTANT + rank as f64);
                if rank < one.best.0 {
                    one.best = (rank, document);
                }
            }
        }
        let mut fused: Vec<(IssueId, Fused)> = fused.into_iter().collect();
        fused.sort_by(|left, right| right.1.score.total_cmp(&left.1.score));
        let best = fused.into_iter().take(limit.min(LIMIT_MAX));
        let hits = best.filter_map(|(issue, Fused { score, best: (_, document) })| {
            let part = self.part(document)?;
            let fit = fits.get(&document).copied().unwrap_or_default();
            Some(Hit {
                issue,
                text: part.text.clone(),
                score,
                words: question.words_in(fit.tokens),
                similarity: near.and_then(|near| self.similarity(part, near.question)),
            })
        });
        hits.collect()
    }

    /// Returns how similar a part's text is to an embedding, if that is known.
    fn similarity(&self, part: &Part, to: &Embedding) -> Option<Similarity> {
        self.vectors.get(part.embedded?)?.similarity(to)
    }

    /// Returns issues by the scores of their best parts.
    fn ranked_by_words(&self, fits: &HashMap<Document, Fit>) -> Vec<(IssueId, Document)> {
        let mut fits: Vec<(f64, &Part, Document)> = fits
            .iter()
            .filter_map(|(document, fit)| Some((fit.score, self.part(*document)?, *document)))
            .collect();
        let order = |left: &(f64, &Part, Document), right: &(f64, &Part, Document)| -> Ordering {
            right.0.total_cmp(&left.0).then_with(|| left.1.cmp(right.1))
        };
        fits.sort_unstable_by(order);
        first_of_each(fits.into_iter().map(|(_, part, document)| (part.issue, document)))
    }

    /// Returns issues by their nearest texts.
    fn ranked_by_meaning(&self, ranked: &[TextId]) -> Vec<(IssueId, Document)> {
        let documents = ranked.iter().flat_map(|text| self.documents_of_text(*text));
        first_of_each(documents.map(|(part, document)| (part.issue, document)))
    }
}

fn first_of_each(parts: impl Iterator<Item = (IssueId, Document)>) -> Vec<(IssueId, Document)> {
    let mut known = BTreeSet::new();
    parts.filter(|(issue, _)| known.insert(*issue)).take(RANKED_MAX).collect()
}
