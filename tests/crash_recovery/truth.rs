//! What was written, kept in memory, and the comparison with what the engine stored.

use jiff::Timestamp;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Severity and message of each template, with `#` where a number stands. The words are plain, so
/// that a stored row can be traced back by its sample.
const MESSAGES: &[(&str, &str)] = &[
    ("ERROR", "payment declined by gateway for order # after # ms"),
    ("ERROR", "connection to ledger refused, attempt # of #"),
    ("ERROR", "cannot parse invoice #: unexpected end of document"),
    ("WARN", "queue of mailer grows: # messages waiting for # s"),
    ("WARN", "certificate of partner expires in # days"),
    ("WARN", "slow query on table customers took # ms, # rows"),
    ("INFO", "user # signed in from office network"),
    ("INFO", "cache warmed with # entries in # ms"),
    ("INFO", "nightly export of region # finished"),
    ("DEBUG", "heartbeat # acknowledged by peer"),
    ("INFO", "service starting: module # is ready"),
];

/// The template of the lines with which every file begins.
pub const BANNER: usize = MESSAGES.len() - 1;

/// Number of records per template and minute of event time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Truth {
    counts: BTreeMap<(usize, Timestamp), u64>,
}

impl Truth {
    /// Counts one record of `template` at `time`.
    pub fn add(&mut self, template: usize, time: Timestamp) {
        *self.counts.entry((template, minute_of(time))).or_default() += 1;
    }

    /// Returns the number of records.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// Reads an export (JSON lines) back. Fails on rows that no template of ours can have made,
    /// and on a template that was given two fingerprints.
    pub fn from_export(export: &str) -> Truth {
        let mut counts = BTreeMap::new();
        let mut fingerprints = BTreeMap::new();
        let mut owners = BTreeSet::new();
        for line in export.lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            let template = template_of(&row);
            let fingerprint = row["fingerprint"].as_str().unwrap().to_owned();
            let known = fingerprints.entry(template).or_insert_with(|| fingerprint.clone());
            assert_eq!(*known, fingerprint, "two fingerprints for {:?}", MESSAGES[template].1);
            owners.insert((fingerprint, template));
            assert_eq!(row["bucket_seconds"], 60, "{row}");
            let start: Timestamp = row["bucket_start"].as_str().unwrap().parse().unwrap();
            let count = row["count"].as_u64().unwrap();
            let earlier = counts.insert((template, start), count);
            assert_eq!(earlier, None, "two rows for one fingerprint and minute: {row}");
        }
        assert_eq!(
            owners.len(),
            fingerprints.len(),
            "two templates share a fingerprint: {owners:?}"
        );
        Truth { counts }
    }

    /// Returns one sentence per template and minute in which `stored` differs.
    pub fn differences(&self, stored: &Truth) -> Vec<String> {
        let keys: BTreeSet<_> = self.counts.keys().chain(stored.counts.keys()).collect();
        keys.into_iter()
            .filter(|key| self.counts.get(key) != stored.counts.get(key))
            .map(|key| {
                let [written, found] = [self, stored].map(|t| t.counts.get(key).unwrap_or(&0));
                format!("{} {:?}: written {written}, stored {found}", key.1, MESSAGES[key.0].1)
            })
            .collect()
    }

    /// Fails, naming templates and minutes, unless `stored` is the same.
    pub fn assert_equals(&self, stored: &Truth, context: &str) {
        let wrong = self.differences(stored);
        let shown = wrong.iter().take(20).cloned().collect::<Vec<_>>().join("\n");
        assert!(wrong.is_empty(), "{} counts are wrong ({context})\n{shown}", wrong.len());
    }
}

/// Returns the line of `template` at `time`, without line end; `noise` fills its numbers.
pub fn line(template: usize, time: Timestamp, mut noise: u64) -> String {
    let (severity, message) = MESSAGES[template];
    let mut text = String::new();
    for (at, part) in message.split('#').enumerate() {
        if at > 0 {
            text.push_str(&(noise % 100_000).to_string());
            noise /= 7;
        }
        text.push_str(part);
    }
    format!("{time:.3} {severity} [worker-{}] shop: {text}", noise % 8)
}

fn minute_of(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second().div_euclid(60) * 60).unwrap()
}

/// Returns which template made a stored row: severity and every part of its message agree.
fn template_of(row: &Value) -> usize {
    let sample = row["sample"].as_str().unwrap_or_else(|| panic!("a row without sample: {row}"));
    let severity = row["severity"].as_str().unwrap_or("").to_uppercase();
    let made_by = |(level, message): &(&str, &str)| {
        *level == severity && message.split('#').all(|part| sample.contains(part))
    };
    MESSAGES.iter().position(made_by).unwrap_or_else(|| panic!("nobody wrote this: {row}"))
}
