//! Spikes: fingerprints, issues and services of which more comes than chance explains, or that fall silent.
//!
//! ```text
//! counts ───► [Arrivals] until their bucket closes ──┐
//! placed ───► which series there are ────────────────┼──► [Detector] ──► signals, each told once
//! controls ─► beats close buckets, test the open one ┘         └─────► rows of the series it touched
//! ```
//! *Promises:* a signal is a function of the events and of the buckets in which they arrived (I2, I3, I6), whatever the
//! workers, the epochs and the restarts: nothing but closed buckets is stored, and what arrives later than its bucket
//! closes is written down ([`state`]), so that a replay of the store says the same.
//! *Frontier:* holds each epoch until its input is complete. *State and limits:* about 1.4 KB a fingerprint of the
//! least severity or above, and counts of buckets that have not closed, at most [`arrivals::WAITING_MAX`].

mod arrivals;
pub mod detector;
mod judge;
mod signals;
mod state;

pub use judge::{Judge, Row as Heard, Told as Said};

use crate::view::{commit_state, one_owner, view};
use crate::window::bucket_size;
use engine::component::{
    Build, ComponentType, History, HumanDuration, NodeIdentity, Operator, Options, OptionsError,
    Port, Ports, Recovered, Stage, StreamKind,
};
use engine::model::{Bucket, BucketSize, Fingerprint, Placed, Severity};
use judge::{Row, Told};
use schemars::JsonSchema;
use serde::Deserialize;

/// The component type `spike`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "spike",
    summary: "Finds what comes in larger numbers than chance explains, is new, is back, or falls silent.",
    inputs: &[(StreamKind::Counts, true), (StreamKind::Issues, true)],
    output: Some(StreamKind::Spikes),
    schema: || schemars::schema_for!(SpikeConfig),
    build: Build::Operator(build),
};

/// False alarms a day that can be asked for: below, hardly anything is told; above, nobody listens.
pub const FALSE_ALERTS_PER_DAY: std::ops::RangeInclusive<f64> = 0.01..=1_000.0;

/// Options of `spike`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SpikeConfig {
    /// Length of a judged bucket; must divide a day.
    pub bucket: HumanDuration,
    /// How many false alarms a day are accepted, over everything that is watched; 0.01 to 1000.
    pub max_false_alerts_per_day: f64,
    /// A spike has at least this many events more than expected.
    pub min_events: u32,
    /// A spike has at least this many times the expected events; at least 1.2.
    pub min_ratio: f64,
    /// Only issues whose highest severity reaches this are judged (unknown counts as warn).
    pub min_severity: Severity,
    /// Tells of something never seen before once it has come so often; 0 tells of it only when it comes in numbers.
    pub first_seen: u32,
    /// Tells of what comes back after 14 silent days or more.
    pub regression: bool,
    /// Tells of what always came and no longer does.
    pub gone_quiet: bool,
}

impl Default for SpikeConfig {
    fn default() -> Self {
        Self {
            bucket: HumanDuration::from_secs(300),
            max_false_alerts_per_day: 10.0,
            min_events: 4,
            min_ratio: 2.0,
            min_severity: Severity::Warn,
            first_seen: 0,
            regression: true,
            gone_quiet: true,
        }
    }
}

impl SpikeConfig {
    /// The least ratio: below, a window is not looked at.
    pub const RATIO_MIN: f64 = 1.2;

    fn settings(&self, size: BucketSize) -> detector::Settings {
        let (min_events, min_ratio) = (f64::from(self.min_events), self.min_ratio);
        detector::Settings {
            bucket_secs: size.secs(),
            false_alarms_per_day: self.max_false_alerts_per_day,
            facts: detector::Facts { min_events, min_ratio },
            ..detector::Settings::default()
        }
    }
}

/// The configured operator.
#[derive(Clone, Debug)]
pub struct SpikeDetector {
    size: BucketSize,
    config: SpikeConfig,
}

/// When counts arrived, as far as a node has stored it: all that a replay cannot tell from the counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Arrived {
    /// The first bucket that was ever open.
    pub began: Bucket,
    /// The bucket that is open.
    pub open: Bucket,
    /// What came later than its bucket was closed, in order of arrival.
    pub late: Vec<LateCount>,
    /// Where fingerprints stood before they went elsewhere, and the bucket that was open when they did; ascending.
    pub moved: Vec<(Bucket, Placed)>,
}

/// Events that came after their bucket was closed; fewer, if negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LateCount {
    /// The bucket that was open when they came.
    pub arrived: Bucket,
    /// Their own.
    pub bucket: Bucket,
    /// Whose they are.
    pub fingerprint: Fingerprint,
    /// How many.
    pub events: i64,
}

fn build(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    let config: SpikeConfig = options.parse()?;
    SpikeDetector::new(config).map(|detector| Box::new(detector) as Box<dyn Operator>)
}

impl SpikeDetector {
    /// Returns a detector, or what is wrong with its options.
    pub fn new(config: SpikeConfig) -> Result<Self, Vec<OptionsError>> {
        let mut mistakes = Vec::new();
        let size = bucket_size("bucket", config.bucket).unwrap_or_else(|mistake| {
            mistakes.push(mistake);
            BucketSize::FIVE_MINUTES
        });
        if !(config.min_ratio >= SpikeConfig::RATIO_MIN && config.min_ratio.is_finite()) {
            mistakes.push(OptionsError::at("min_ratio", "must be a number from 1.2 upwards"));
        }
        if !FALSE_ALERTS_PER_DAY.contains(&config.max_false_alerts_per_day) {
            let message = "must lie between 0.01 and 1000";
            mistakes.push(OptionsError::at("max_false_alerts_per_day", message));
        }
        if mistakes.is_empty() { Ok(Self { size, config }) } else { Err(mistakes) }
    }

    /// Returns the length of a judged bucket.
    pub fn size(&self) -> BucketSize {
        self.size
    }

    /// Returns when counts arrived at a node with buckets of this length; nothing if `recovered` holds no node of
    /// that id, or one that has not begun to judge, or judges buckets of another length.
    pub fn arrived(&self, id: &str, recovered: &Recovered) -> Option<Arrived> {
        let own = self.identity()?;
        let stored = recovered.identity.iter().find(|node| node.node == id)?;
        if (stored.version, &stored.options) != (own.version, &own.options) {
            return None;
        }
        let stored = state::Stored::of(id, recovered);
        let (open, began) = stored.clock.ticks?;
        let bucket = |tick: i64| Bucket(tick * self.size.secs());
        let late = stored.late.into_iter().flat_map(|((arrived, _), rows)| {
            rows.into_iter().map(move |(of, fingerprint, events)| {
                let (arrived, bucket) = (bucket(arrived), bucket(of));
                LateCount { arrived, bucket, fingerprint, events }
            })
        });
        let moved = stored.moves.into_iter().flat_map(|((open, _), moved)| {
            moved.into_values().map(move |before| (bucket(open), before))
        });
        let (late, moved) = (late.collect(), moved.collect());
        Some(Arrived { began: bucket(began), open: bucket(open), late, moved })
    }

    /// Returns the state machine behind the operator, as it was when `recovered` was stored.
    pub fn judge(&self, id: &str, recovered: &Recovered) -> Judge {
        Judge::recovered(self.size, self.config.clone(), state::Stored::of(id, recovered))
    }
}

impl Operator for SpikeDetector {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, mut inputs: Ports<'s>) -> Port<'s> {
        // What was counted before is told at once, and ends with a row that says so.
        let recovered = stage.at_start(|_| vec![(Row::Recovered, 1)]);
        let rows = inputs
            .counts()
            .map(|(fingerprint, bucket)| Row::Count(bucket, fingerprint))
            .concat(inputs.placed().map(|placed| Row::Placed(Box::new(placed))))
            .concat(stage.controls().map(Row::Control))
            .concat(recovered);
        let judge = self.judge(stage.id, stage.recovered);
        let told = view("spike", rows, one_owner, judge);
        let state = told.clone().flat_map(|told| match told {
            Told::State(key, value) => Some((key, value)),
            Told::Signal(_) => None,
        });
        commit_state(stage, state);
        Port::Spikes(told.flat_map(|told| match told {
            Told::Signal(signal) => Some(*signal),
            Told::State(..) => None,
        }))
    }

    fn history(&self, id: &str, recovered: &Recovered) -> Option<History> {
        let since = state::Stored::of(id, recovered).clock;
        Some(History { size: self.size, since: since.bucket(self.size) })
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity {
            component: COMPONENT.name.to_owned(),
            version: state::VERSION,
            options: [("bucket".to_owned(), format!("{}s", self.size.secs()))].into(),
            ..NodeIdentity::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_make_no_sense_are_named() {
        let config = SpikeConfig {
            bucket: HumanDuration::from_secs(7),
            min_ratio: 0.5,
            max_false_alerts_per_day: -1.0,
            ..Default::default()
        };
        let mistakes = SpikeDetector::new(config).expect_err("three options are wrong");
        let paths: Vec<_> = mistakes.iter().map(|m| m.path[0].as_str()).collect();
        assert_eq!(paths, ["bucket", "min_ratio", "max_false_alerts_per_day"]);
    }
}
