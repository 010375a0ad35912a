//! Documents ranked by words: BM25 over an inverted index that is kept up as documents come and go.
//!
//! *Definition* (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009): a
//! document scores, for each token of the question, `idf × n (k1 + 1) / (n + k1 (1 - b + b × length / mean))`,
//! with n how often it has the token and `idf = ln(1 + (N - df + 0.5) / (df + 0.5))`. A token that is the
//! beginning of words scores as the best of them does, halved for other words than itself.
//! *Promise:* scores are a function of the set of documents (sums run over the question, not over the index).
//! *State and limits:* a posting for each different token of a document; a beginning stands for at most
//! [`PREFIX_TERMS_MAX`] words, the first ones by alphabet.

use super::question::{Question, Token};
use super::tokens::each_token;
use crate::meaning::TEXT_BYTES_MAX;
use foldhash::{HashMap, HashMapExt};
use std::collections::BTreeMap;
use std::ops::Bound;

/// How many words a beginning of a word may stand for.
pub const PREFIX_TERMS_MAX: usize = 64;
/// How soon more of the same token says no more.
const K1: f64 = 1.2;
/// How much a document's length matters.
const B: f64 = 0.75;
/// What a word scores of which only the beginning was asked.
const PREFIX_WEIGHT: f64 = 0.5;

/// The number of a document.
pub(super) type Document = u32;

/// How well a document fits a question.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Fit {
    pub(super) score: f64,
    /// Which tokens of the question it has, a bit for each.
    pub(super) tokens: u32,
}

/// The inverted index.
#[derive(Clone, Debug, Default)]
pub(super) struct Words {
    terms: BTreeMap<Box<str>, BTreeMap<Document, u32>>,
    /// How many tokens each document has.
    lengths: HashMap<Document, u32>,
    tokens_in_all: u64,
}

impl Words {
    /// Adds a document, whose number must be free.
    pub(super) fn insert(&mut self, document: Document, text: &str) {
        let counts = counts(text);
        let length = counts.values().sum::<u32>();
        for (token, n) in counts {
            match self.terms.get_mut(&*token) {
                Some(postings) => drop(postings.insert(document, n)),
                None => drop(self.terms.insert(token.into(), BTreeMap::from([(document, n)]))),
            }
        }
        self.lengths.insert(document, length);
        self.tokens_in_all += u64::from(length);
    }

    /// Takes a document out that was added with the same text.
    pub(super) fn remove(&mut self, document: Document, text: &str) {
        let Some(length) = self.lengths.remove(&document) else { return };
        self.tokens_in_all -= u64::from(length);
        for token in counts(text).into_keys() {
            let Some(postings) = self.terms.get_mut(&*token) else { continue };
            postings.remove(&document);
            if postings.is_empty() {
                self.terms.remove(&*token);
            }
        }
    }

    /// Returns every document that has a token of the question.
    pub(super) fn fits(&self, question: &Question) -> HashMap<Document, Fit> {
        let mut fits: HashMap<Document, Fit> = HashMap::new();
        for (place, token) in question.tokens.iter().enumerate() {
            for (document, score) in self.scores(token) {
                let fit = fits.entry(document).or_default();
                fit.score += score;
                fit.tokens |= 1 << place;
            }
        }
        fits
    }

    /// Returns what each document scores for one token.
    fn scores(&self, token: &Token) -> HashMap<Document, f64> {
        let mut best: HashMap<Document, f64> = HashMap::new();
        let mut take = |postings: &BTreeMap<Document, u32>, weight: f64| {
            for (document, score) in self.scores_of(postings) {
                let known = best.entry(document).or_default();
                *known = known.max(score * weight);
            }
        };
        if let Some(postings) = self.terms.get(&*token.text) {
            take(postings, 1.0);
        }
        if token.is_prefix {
            let longer = (Bound::Excluded(&*token.text), Bound::Unbounded);
            let longer = self.terms.range::<str, _>(longer);
            let begun = longer.take_while(|(term, _)| term.starts_with(&token.text));
            begun.take(PREFIX_TERMS_MAX).for_each(|(_, postings)| take(postings, PREFIX_WEIGHT));
        }
        best
    }

    fn scores_of(
        &self,
        postings: &BTreeMap<Document, u32>,
    ) -> impl Iterator<Item = (Document, f64)> {
        let (documents, having) = (self.lengths.len() as f64, postings.len() as f64);
        let idf = (1.0 + (documents - having + 0.5) / (having + 0.5)).ln();
        let mean = self.tokens_in_all as f64 / documents.max(1.0);
        postings.iter().map(move |(document, n)| {
            let length = self.lengths.get(document).copied().unwrap_or_default();
            let (n, relative) = (f64::from(*n), f64::from(length) / mean.max(1.0));
            (*document, idf * n * (K1 + 1.0) / (n + K1 * (1.0 - B + B * relative)))
        })
    }
}

/// Returns the tokens of a text, and how often it has each.
fn counts(text: &str) -> HashMap<String, u32> {
    let mut counts: HashMap<String, u32> = HashMap::new();
    each_token(&text[..text.floor_char_boundary(TEXT_BYTES_MAX)], true, |token| {
        match counts.get_mut(token) {
            Some(n) => *n += 1,
            None => drop(counts.insert(token.to_owned(), 1)),
        }
    });
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXTS: [&str; 4] = [
        "connection pool is closed",
        "connection refused by <ip>",
        "connection pool pool pool",
        "disk quota exceeded for PoolWorker after a while and some more words",
    ];

    fn words(texts: &[&str]) -> Words {
        let mut words = Words::default();
        (0..).zip(texts).for_each(|(document, text)| words.insert(document, text));
        words
    }

    fn ranked(words: &Words, question: &str) -> Vec<Document> {
        let mut fits: Vec<_> = words.fits(&Question::new(question)).into_iter().collect();
        fits.sort_by(|left, right| right.1.score.total_cmp(&left.1.score));
        fits.into_iter().map(|(document, _)| document).collect()
    }

    #[test]
    fn rare_words_often_said_in_short_texts_count_most() {
        let words = words(&TEXTS);
        assert_eq!(ranked(&words, "connection pool "), [2, 0, 1, 3]);
        assert_eq!(ranked(&words, "quota"), [3]);
        assert!(ranked(&words, "ip nothing ").is_empty());
    }

    #[test]
    fn the_last_word_finds_what_begins_with_it_after_what_it_is() {
        let words = words(&["a pool", "a poolside"]);
        assert_eq!(ranked(&words, "pool"), [0, 1]);
        assert_eq!(ranked(&words, "pools"), [1]);
        assert_eq!(ranked(&words, "pool "), [0]);
    }

    #[test]
    fn a_document_that_is_taken_out_leaves_nothing() {
        let mut all = words(&TEXTS);
        (0..).zip(TEXTS).for_each(|(document, text)| all.remove(document, text));
        all.remove(9, "never there");
        assert!(all.terms.is_empty() && all.lengths.is_empty() && all.tokens_in_all == 0);
    }

    #[test]
    fn limit_a_beginning_stands_for_a_bounded_number_of_words() {
        let texts: Vec<String> = (0..PREFIX_TERMS_MAX + 9).map(|n| format!("abc{n:03}")).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        assert_eq!(ranked(&words(&texts), "abc").len(), PREFIX_TERMS_MAX);
    }

    #[test]
    fn limit_what_is_beyond_the_bytes_looked_at_is_not_found() {
        let long = format!("{}needle", "x ".repeat(TEXT_BYTES_MAX / 2));
        assert!(ranked(&words(&[&long]), "needle").is_empty());
    }
}
