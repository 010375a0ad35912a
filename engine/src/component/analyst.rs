//! Analyst: what the server may ask the operators' pure functions, and the model, without knowing them.
//! The root package wires it.

use super::{KeptSamples, StoreError};
use crate::model::{EventTime, IssueId, PatternId, Similarity};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;

/// A record to explain, and what is known of where it came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AskedRecord<'a> {
    /// The record, a line or several.
    pub text: &'a str,
    /// The id of the source that read it: its options apply.
    pub source: Option<&'a str>,
    /// About when it was received; left out, now.
    pub received: Option<EventTime>,
}

/// Explains what would become of a record, and what varies among records of one issue.
pub trait Analyst: Send + Sync {
    /// Returns what is found in a record, and why it has the identity it has: the object that
    /// `seismolog explain -o jsonl` prints. Bounded by the length of the record.
    fn explain(&self, record: &AskedRecord<'_>) -> Value;
    /// Returns what stood in the variable places of samples. Bounded, however many there are.
    fn variables(&self, kept: &KeptSamples) -> Variables;
    /// Returns the issues that a question is about, the best `limit` of them first: by words, and by
    /// meaning where there is a model.
    fn search(&self, query: &str, limit: usize) -> Result<Found, StoreError>;
    /// Returns what is known of an issue by meaning; `None` if there is no such issue. At most
    /// [`IssueMeaning::PARTS_MAX`] parts and `limit` similar issues.
    fn meaning(&self, issue: IssueId, limit: usize) -> Result<Option<IssueMeaning>, StoreError>;
}

/// What a search found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The best issues first.
    pub hits: Vec<Hit>,
    /// Why meaning was not looked at, as a sentence; `None` if it was.
    pub without_meaning: Option<String>,
}

/// An issue that a search found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The issue.
    pub issue: IssueId,
    /// The text of its part that fits best.
    pub text: Arc<str>,
    /// How well it fits, words and meaning together; comparable within one search only.
    pub score: f64,
    /// The words of the question that stand in the text, as they were asked.
    pub words: Vec<String>,
    /// How near the text is in meaning, if that was looked at.
    pub similarity: Option<Similarity>,
}

/// What is known of an issue by meaning.
#[derive(Clone, Debug, PartialEq)]
pub struct IssueMeaning {
    /// The issue, by the id it has now.
    pub issue: IssueId,
    /// Patterns whose average similarity reaches this are one issue.
    pub same_issue: Similarity,
    /// Issues whose average similarity reaches this are possibly related.
    pub related: Similarity,
    /// How many parts the issue has.
    pub parts_in_all: usize,
    /// Its parts, in the order of their patterns.
    pub parts: Vec<PartMeaning>,
    /// Issues that are possibly related, the most similar first.
    pub similar: Vec<SimilarIssue>,
}

impl IssueMeaning {
    /// The most parts that are listed.
    pub const PARTS_MAX: usize = 200;
}

/// One part of an issue.
#[derive(Clone, Debug, PartialEq)]
pub struct PartMeaning {
    /// Its pattern.
    pub pattern: PatternId,
    /// What is displayed for it.
    pub text: Arc<str>,
    /// Whether its meaning is known, is waited for, or is not asked for (nothing to embed).
    pub state: PartState,
    /// Its average similarity to the other parts of the issue that have a vector.
    pub similarity: Option<Similarity>,
}

/// What is known of the meaning of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PartState {
    /// It has a vector.
    Embedded,
    /// It waits for its vector.
    Pending,
    /// It has no words, or is below the severity that is embedded.
    NotEmbedded,
}

/// An issue that is possibly related to another.
#[derive(Clone, Debug, PartialEq)]
pub struct SimilarIssue {
    /// The issue.
    pub issue: IssueId,
    /// The text of its part that is nearest.
    pub text: Arc<str>,
    /// The average similarity of their parts.
    pub similarity: Similarity,
}

/// What varies among samples of one pattern.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Variables {
    /// In how many samples the places were looked for.
    pub samples: usize,
    /// The places, in order.
    pub variables: Vec<Variable>,
}

/// One variable place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Variable {
    /// Its number among the variable places, from 0.
    pub position: usize,
    /// Which placeholder of the displayed template stands for it, from 0; none if none does.
    pub placeholder: Option<usize>,
    /// The key written before it, else its type.
    pub name: String,
    /// What its values are, such as `ip`; `*` if they are not all of one kind.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// How many different values were seen.
    pub distinct: usize,
    /// The values seen most, most first.
    pub top: Vec<TopValue>,
    /// In how many samples it had a value.
    pub samples: u64,
}

/// A value and how often it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TopValue {
    /// The value, cut at a length limit.
    pub value: String,
    /// In how many samples.
    pub count: u64,
}
