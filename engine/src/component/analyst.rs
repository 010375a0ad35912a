//! Analyst: what the server may ask the operators' pure functions, without knowing them. The root
//! package wires it.

use super::KeptSamples;
use crate::model::EventTime;
use serde::Serialize;
use serde_json::Value;

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
