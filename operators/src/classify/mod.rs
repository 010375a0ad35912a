//! classify: what kind of failure a text is about, and why that is said.
//!
//! Rules first: words that mean a tag. Then the sentences nearest in meaning, of the 15 built-in tags and
//! of those that users define, each tag by its nearest sentence.
//!
//! *Promises:* a pure function of the text, its embedding and the sentences (I1, I2); every tag has a
//! reason. *State and limits:* at most [`TAGS_MAX`] tags a text, [`OWN_TAGS_MAX`] tags of users,
//! [`SENTENCES_MAX`] sentences a tag.
//! *Frontier:* never holds an epoch. *Not here:* who embeds the sentences: [`Sentence::text`] says what is
//! to be embedded.

mod operator;
mod rules;
mod sentences;

pub use operator::{COMPONENT, ClassifyOperator};

use crate::meaning::{TEXT_BYTES_MAX, all_words, text};
use engine::component::OptionsError;
use engine::model::{Embedding, Severity, Similarity, Tag, TagReason};
use rules::rules_of;
use schemars::JsonSchema;
use sentences::SENTENCES;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Tags that a text gets.
pub const TAGS_MAX: usize = 3;
/// Tags that users can define.
pub const OWN_TAGS_MAX: usize = 64;
/// Sentences that users can give for one tag.
pub const SENTENCES_MAX: usize = 32;
/// A sentence that is less similar says nothing about a text.
pub const NEAR: Similarity = Similarity::from_millionths(400_000);
/// A sentence must be so similar to add a tag to one that is known already: below, second tags of ordinary
/// messages were more often wrong than right.
pub const ALSO_NEAR: Similarity = Similarity::from_millionths(500_000);

/// The options of `classify`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClassifyOptions {
    /// Only issues of this severity or a higher one; unknown counts as `warn`.
    pub min_severity: Severity,
    /// Tags of your own, or more sentences for the built-in ones: a name and a few sentences that say
    /// what such a failure says.
    pub tags: BTreeMap<String, Vec<String>>,
}

impl Default for ClassifyOptions {
    fn default() -> ClassifyOptions {
        ClassifyOptions { min_severity: Severity::Warn, tags: BTreeMap::new() }
    }
}

/// One sentence that stands for a tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sentence {
    /// The tag.
    pub tag: Arc<str>,
    /// The sentence as it was written.
    pub words: Arc<str>,
}

impl ClassifyOptions {
    /// Returns what is wrong with the options.
    pub fn mistakes(&self) -> Vec<OptionsError> {
        let mut mistakes = Vec::new();
        if self.tags.len() > OWN_TAGS_MAX {
            let why = format!("more than {OWN_TAGS_MAX} tags");
            mistakes.push(OptionsError::at("tags", why));
        }
        for (name, sentences) in &self.tags {
            let mistake = |why: String| OptionsError {
                path: vec!["tags".to_owned(), name.clone()],
                ..OptionsError::at("", why)
            };
            let is_plain =
                |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            if name.is_empty() || name.len() > 40 || !name.bytes().all(is_plain) {
                let why = "a tag's name is 1 to 40 of a-z, 0-9 and -".to_owned();
                mistakes.push(mistake(why));
            }
            if sentences.is_empty() || sentences.len() > SENTENCES_MAX {
                let why =
                    format!("a tag has 1 to {SENTENCES_MAX} sentences, here {}", sentences.len());
                mistakes.push(mistake(why));
            }
            for sentence in sentences {
                if text(sentence).is_none() || sentence.len() > TEXT_BYTES_MAX {
                    mistakes.push(mistake(format!("not a sentence of words: {sentence:?}")));
                }
            }
        }
        mistakes
    }

    /// Returns every sentence: those of the built-in tags, then those of users.
    pub fn sentences(&self) -> Vec<Sentence> {
        let built_in = SENTENCES.iter().flat_map(|(tag, sentences)| {
            sentences
                .iter()
                .map(|words| Sentence { tag: Arc::from(*tag), words: Arc::from(*words) })
        });
        let own = self.tags.iter().flat_map(|(tag, sentences)| {
            let sentence = |words: &String| Sentence {
                tag: Arc::from(tag.as_str()),
                words: Arc::from(words.as_str()),
            };
            sentences.iter().map(sentence)
        });
        built_in.chain(own).collect()
    }
}

impl Sentence {
    /// Returns what is to be embedded for it.
    pub fn text(&self) -> String {
        text(&self.words).unwrap_or_default()
    }
}

/// Says what kind of failure texts are about.
#[derive(Clone, Debug, Default)]
pub struct Classifier {
    sentences: Vec<Known>,
}

/// A sentence and its embedding.
pub type Known = (Sentence, Embedding);

impl Classifier {
    /// Returns one that knows sentences by their embeddings; without any it knows the rules only.
    pub fn new(sentences: Vec<Known>) -> Classifier {
        Classifier { sentences }
    }

    /// Returns the tags of a text, the surest first, those that rules give before all others.
    pub fn tags(&self, pattern: &str, embedding: Option<&Embedding>) -> Vec<Tag> {
        let words = all_words(pattern);
        let by_rule = rules_of(&words).into_iter().map(|(rule, found)| Tag {
            name: Arc::from(rule.tag),
            score: Similarity::from_millionths(i32::from(rule.certainty) * 10_000),
            reason: TagReason::Words(Arc::from(found)),
        });
        let near = embedding.map(|embedding| self.near(embedding)).unwrap_or_default();
        let mut tags: Vec<Tag> = Vec::new();
        for tag in by_rule.chain(near) {
            let by_words = matches!(tag.reason, TagReason::Words(_));
            let is_sure = by_words || tags.is_empty() || tag.score >= ALSO_NEAR;
            let is_new = tags.iter().all(|known| known.name != tag.name);
            if is_sure && is_new && tags.len() < TAGS_MAX {
                tags.push(tag);
            }
        }
        tags
    }

    /// Returns a tag for each sentence that is near enough, the nearest first.
    fn near(&self, embedding: &Embedding) -> Vec<Tag> {
        let tags = self.sentences.iter().filter_map(|(sentence, at)| {
            let score = embedding.similarity(at).filter(|similarity| *similarity >= NEAR)?;
            let reason = TagReason::Near(Arc::clone(&sentence.words));
            Some(Tag { name: Arc::clone(&sentence.tag), score, reason })
        });
        let mut tags: Vec<Tag> = tags.collect();
        tags.sort_by(|left, right| right.score.cmp(&left.score).then_with(|| left.cmp(right)));
        tags
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::model::{EMBEDDING_DIMENSIONS, KernelClass};

    fn embedding(first: i8) -> Embedding {
        let mut numbers = [0; EMBEDDING_DIMENSIONS];
        (numbers[0], numbers[1]) = (first, 30);
        Embedding::from_numbers(numbers, KernelClass::MINILM_L6_F32)
    }

    fn sentence(tag: &str, words: &str) -> Sentence {
        Sentence { tag: Arc::from(tag), words: Arc::from(words) }
    }

    fn names(tags: &[Tag]) -> Vec<&str> {
        tags.iter().map(|tag| &*tag.name).collect()
    }

    #[test]
    fn rules_come_before_sentences_and_each_tag_has_its_reason() {
        let sentences = vec![
            (sentence("payment", "a card was declined"), embedding(10)),
            (sentence("payment", "the bank said no"), embedding(20)),
            (sentence("network", "a wire is loose"), embedding(20)),
            (sentence("far", "nothing of the kind"), embedding(-128)),
        ];
        let tags = Classifier::new(sentences).tags("card: ECONNREFUSED", Some(&embedding(20)));
        assert_eq!(names(&tags), ["network", "payment"]);
        assert_eq!(tags[0].reason.to_string(), "it says \"connection refused\"");
        assert_eq!(tags[1].reason.to_string(), "it is near \"the bank said no\"");
        assert_eq!(tags[1].score, Similarity::ONE);
    }

    #[test]
    fn general_words_are_known_without_any_vector() {
        let first = |text: &str| {
            Classifier::default()
                .tags(text, None)
                .first()
                .map_or(String::new(), |t| t.name.to_string())
        };
        for (text, tag) in [
            ("the process was killed: out of memory", "memory"),
            ("cannot write snapshot: ENOSPC", "disk"),
            ("lookup of db.local failed: no such host", "dns"),
            ("peer presented an untrusted certificate", "tls"),
            ("IllegalAccess: user may not do this, access denied", "auth"),
            ("gave up after <num> attempts, did not respond", "timeout"),
            ("duplicate key value violates unique constraint", "database"),
            ("two sessions wait for each other: deadlock", "concurrency"),
            ("consumer group lost its assignment", "queue"),
            ("field total is missing in the body", "validation"),
            ("client throttled for <num> seconds", "rate-limit"),
            ("index out of bounds: the length is <num>", "null-pointer"),
            ("option retries is not set in the configuration", "configuration"),
            ("bad gateway", "dependency"),
            ("EHOSTUNREACH <ip>", "network"),
            ("hello world", ""),
        ] {
            assert_eq!(first(text), tag, "{text:?}");
        }
    }

    #[test]
    fn limit_a_text_has_a_bounded_number_of_tags() {
        let all = "tls dns out of memory disk full rate limited deadlock null pointer timeout";
        assert_eq!(Classifier::default().tags(all, None).len(), TAGS_MAX);
    }

    #[test]
    fn options_add_sentences_and_mistakes_are_named() {
        let options: ClassifyOptions = serde_json::from_str(
            r#"{"tags": {"payment": ["the card was declined"], "tls": ["the pin does not match"]}}"#,
        )
        .unwrap();
        assert!(options.mistakes().is_empty());
        let built_in = ClassifyOptions::default().sentences();
        assert_eq!(options.sentences().len(), built_in.len() + 2);
        assert!(built_in.iter().all(|sentence| !sentence.text().is_empty()));
        let wrong: ClassifyOptions =
            serde_json::from_str(r#"{"tags": {"No Good": ["<*> 17"], "empty": []}}"#).unwrap();
        let places: Vec<String> =
            wrong.mistakes().into_iter().map(|mistake| mistake.path.join(".")).collect();
        assert_eq!(places, ["tags.No Good", "tags.No Good", "tags.empty"]);
    }

    #[test]
    fn limit_tags_and_sentences_of_users_are_bounded() {
        let sentences = vec!["a sentence".to_owned(); SENTENCES_MAX + 1];
        let tags = (0..=OWN_TAGS_MAX).map(|n| (format!("t{n}"), sentences.clone())).collect();
        assert_eq!(
            ClassifyOptions { tags, ..ClassifyOptions::default() }.mistakes().len(),
            OWN_TAGS_MAX + 2
        );
    }
}
