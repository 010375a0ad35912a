//! sample: keeps a share of the events; the others are counted as sampled, with the operator's id.
//!
//! Whether an event is kept is a function of the first line of its record and its severity alone, so
//! it is the same on every worker and after every restart (I1, I2, I3), and a version that is taken
//! back is decided like the one it replaces. Records whose first lines are equal in every byte, their
//! times included, are kept or left out together.

use crate::batchwise::batchwise;
use engine::component::{
    Build, ComponentType, NodeIdentity, Operator, Options, OptionsError, Port, Ports, Stage,
    StreamKind,
};
use engine::model::{Counter, EventBatch, EventRef, Severity};
use memchr::memchr;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// The entry of the registry.
pub const COMPONENT: ComponentType = ComponentType {
    name: "sample",
    summary: "Keeps a share of the events, the same on every run, and counts the others.",
    inputs: &[(StreamKind::Events, true)],
    output: Some(StreamKind::Events),
    schema: || schemars::schema_for!(SampleOptions),
    build: Build::Operator(build),
};

/// The options of `sample`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SampleOptions {
    /// The share of events to keep, from 0 to 1.
    pub rate: f64,
    /// Other shares, by severity.
    pub rates: BTreeMap<SampledSeverity, f64>,
    /// Which events are kept whatever the rates say.
    pub keep: KeepOptions,
}

impl Default for SampleOptions {
    fn default() -> Self {
        Self { rate: 1.0, rates: BTreeMap::new(), keep: KeepOptions::default() }
    }
}

/// Which events `sample` always keeps.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeepOptions {
    /// Keep all events of at least this severity; an unknown severity counts as `warn`.
    pub min_severity: Option<SampledSeverity>,
}

/// A severity, as a rate or a threshold names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SampledSeverity {
    /// Finest detail.
    Trace,
    /// Detail for developers.
    Debug,
    /// Normal operation.
    Info,
    /// No severity was recognised; as a threshold, every event.
    Unknown,
    /// Something may be wrong.
    Warn,
    /// Something failed.
    Error,
    /// The process cannot go on.
    Fatal,
}

impl From<SampledSeverity> for Severity {
    fn from(severity: SampledSeverity) -> Severity {
        match severity {
            SampledSeverity::Trace => Severity::Trace,
            SampledSeverity::Debug => Severity::Debug,
            SampledSeverity::Info => Severity::Info,
            SampledSeverity::Unknown => Severity::Unknown,
            SampledSeverity::Warn => Severity::Warn,
            SampledSeverity::Error => Severity::Error,
            SampledSeverity::Fatal => Severity::Fatal,
        }
    }
}

/// The shares, ready to be tried.
#[derive(Clone, Debug)]
pub struct Shares {
    /// By severity: a record is kept if its hash is not above; `None` keeps all.
    limits: [Option<u64>; Severity::ALL.len()],
}

impl Shares {
    /// Returns the shares that `options` describe.
    pub fn new(options: &SampleOptions) -> Shares {
        let mut limits = [limit(options.rate); Severity::ALL.len()];
        for (severity, rate) in &options.rates {
            limits[Severity::from(*severity) as usize] = limit(*rate);
        }
        for severity in Severity::ALL {
            let minimum = options.keep.min_severity;
            if minimum.is_some_and(|minimum| severity.reaches(minimum.into())) {
                limits[severity as usize] = None;
            }
        }
        Shares { limits }
    }

    /// Returns whether an event of `batch` is kept.
    pub fn keep(&self, batch: &EventBatch, event: &EventRef) -> bool {
        let Some(limit) = self.limits[event.severity as usize] else { return true };
        let record = batch.text(event.record);
        let first = &record[..memchr(b'\n', record).unwrap_or(record.len())];
        xxh3_64(first) < limit
    }

    /// Leaves out the events of `batch` that are not kept and returns how many those were, less
    /// those that took an earlier one back.
    pub fn apply(&self, batch: &mut EventBatch) -> i64 {
        let mut events = std::mem::take(&mut batch.events);
        let mut left_out = 0;
        events.retain(|event| {
            let kept = self.keep(batch, event);
            left_out += if kept { 0 } else { i64::from(event.change) };
            kept
        });
        batch.events = events;
        left_out
    }
}

/// Returns the hash below which a record is kept; `None` if all are.
fn limit(rate: f64) -> Option<u64> {
    // The cast saturates; a rate just below 1 keeps all but the largest hashes.
    (rate < 1.0).then_some((rate * u64::MAX as f64) as u64)
}

/// A configured `sample`.
#[derive(Clone, Debug)]
pub struct SampleOperator {
    shares: Shares,
}

impl SampleOperator {
    /// Returns the operator with these options.
    pub fn new(options: &SampleOptions) -> Self {
        Self { shares: Shares::new(options) }
    }
}

fn build(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    let options: SampleOptions = options.parse()?;
    let fits = |rate: &f64| (0.0..=1.0).contains(rate);
    let mut errors = Vec::new();
    if !fits(&options.rate) {
        errors.push(OptionsError::at("rate", format!("cannot keep a share of {}", options.rate)));
    }
    if let Some((severity, rate)) = options.rates.iter().find(|(_, rate)| !fits(rate)) {
        let message = format!("cannot keep a share of {rate} of the severity {severity:?}");
        errors.push(OptionsError::at("rates", message));
    }
    let errors: Vec<OptionsError> = errors
        .into_iter()
        .map(|error| error.hint("A share is a number from 0 to 1; 0.1 keeps one event in ten."))
        .collect();
    if errors.is_empty() { Ok(Box::new(SampleOperator::new(&options))) } else { Err(errors) }
}

impl Operator for SampleOperator {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, inputs: Ports<'s>) -> Port<'s> {
        let shares = self.shares.clone();
        let counter = Counter::Sampled(stage.id.to_owned());
        batchwise(stage, inputs, COMPONENT.name, counter, move |batch| shares.apply(batch))
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity {
            node: String::new(),
            component: COMPONENT.name.to_owned(),
            version: 1,
            options: BTreeMap::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::ParseOperator;
    use crate::stage_test::{Ran, chunk, run};
    use engine::model::{Account, Fact, SourceIndex, Span};
    use serde_json::json;
    use std::sync::Arc;

    fn build_sample(options: serde_json::Value) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
        build(&Options { id: "loud".to_owned(), value: options, base: "/".into() })
    }

    fn sampled(options: serde_json::Value, lines: &str) -> Ran {
        let parse = Box::new(ParseOperator::default());
        run(vec![parse, build_sample(options).unwrap()], vec![chunk(lines)])
    }

    fn lines() -> String {
        let level = ["DEBUG", "INFO", "ERROR"];
        (0..3000).map(|n| format!("{}: item {n} added\n", level[n % 3])).collect()
    }

    #[test]
    fn about_the_share_that_was_asked_for_is_kept_and_the_rest_is_counted() {
        let ran = sampled(json!({"rate": 0.1}), &lines());
        let kept = ran.messages.len() as i64;
        assert!((250..350).contains(&kept), "{kept}");
        let counter = Counter::Sampled("loud".to_owned());
        let account = Account { source: SourceIndex(0), counter, n: 3000 - kept };
        assert!(ran.facts.contains(&(0, Fact::Account(account))));
    }

    #[test]
    fn severities_have_rates_of_their_own_and_grave_ones_are_kept() {
        let options = json!({"rate": 0, "rates": {"debug": 0.5}, "keep": {"min_severity": "warn"}});
        let ran = sampled(options, &format!("{}no severity\n", lines()));
        let kept = ran.messages.len();
        assert!((1400..1600).contains(&kept), "{kept}");
        assert!(ran.messages.contains(&"no severity".to_owned()));
        assert_eq!(sampled(json!({}), &lines()).messages.len(), 3000);
        assert_eq!(sampled(json!({"rate": 0}), &lines()).messages.len(), 0);
    }

    #[test]
    fn a_version_that_is_taken_back_is_decided_like_the_one_it_replaces() {
        let shares = Shares::new(&SampleOptions { rate: 0.5, ..SampleOptions::default() });
        for n in 0..100 {
            let text = format!("ERROR: item {n} is lost\n\tat Cart.add\n");
            let first = text.find('\n').unwrap_or_default();
            let event = |end: usize, change: i8| EventRef {
                record: Span::chunk(0, end),
                change,
                ..EventRef::default()
            };
            let mut batch = EventBatch {
                source: SourceIndex(0),
                service: Arc::from("shop"),
                bytes: Arc::new(text.clone().into_bytes()),
                scratch: Arc::default(),
                events: vec![event(first, 1), event(first, -1), event(text.len() - 1, 1)],
                extras: Vec::new(),
            };
            let left_out = shares.apply(&mut batch);
            assert_eq!(batch.events.len() as i64, 3 - 3 * left_out);
        }
    }

    #[test]
    fn shares_that_are_none_are_refused() {
        let errors = build_sample(json!({"rate": 1.5, "rates": {"info": -1}})).err().unwrap();
        let paths: Vec<_> = errors.into_iter().map(|error| error.path).collect();
        assert_eq!(paths, [["rate"], ["rates"]]);
    }
}
