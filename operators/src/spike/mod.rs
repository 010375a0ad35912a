//! Spikes: buckets of an issue that hold more than chance explains. First version: one test per
//! bucket against the day before it.
//!
//! *Picture:* counts ──coarsen──► expiry ──join members──► per issue ──reduce──► findings
//! spiking buckets ──join members, counts──► the fingerprint that leads each ──────┴──► judgements.
//! *Promises:* I1, I2, I3, I6: a judgement is a function of the issue's counts of the day before it.
//! Late events within [`JUDGED_SECS`] of the issue's newest bucket correct it; older ones stand.
//! *Frontier:* never holds an epoch. *State and limits:* per fingerprint the buckets of
//! [`KEEP_SECS`], twice (by fingerprint and by issue).

pub mod detector;
mod score;

use crate::expiry::{Series, expiring};
use crate::window::bucket_size;
use engine::component::{
    Build, ComponentType, Graded, History, HumanDuration, NodeIdentity, Operator, Options,
    OptionsError, Port, Ports, Recovered, Stage, StreamKind,
};
use engine::dataflow::Collection;
use engine::model::{Bucket, BucketSize, Fingerprint, IssueId, Judgement, Severity, Verdict};
use schemars::JsonSchema;
use score::{Baseline, surprise};
use serde::{Deserialize, Serialize};

/// The component type `spike`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "spike",
    summary: "Finds buckets in which an issue has more events than its last day explains.",
    inputs: &[(StreamKind::Counts, true), (StreamKind::Issues, true)],
    output: Some(StreamKind::Spikes),
    schema: || schemars::schema_for!(SpikeConfig),
    build: Build::Operator(build),
};

/// Options of `spike`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SpikeConfig {
    /// Length of a judged bucket; must divide a day.
    pub bucket: HumanDuration,
    /// A spike has at least this many events more than expected.
    pub min_events: u32,
    /// A spike has at least this many times the expected events; at least 3.
    pub min_ratio: f64,
    /// A spike is less likely by chance than one in ten to this power.
    pub min_surprise: f64,
    /// Only issues whose highest severity reaches this are judged (unknown counts as warn).
    pub min_severity: Severity,
}

impl Default for SpikeConfig {
    fn default() -> Self {
        Self {
            bucket: HumanDuration::from_secs(300),
            min_events: 10,
            min_ratio: 3.0,
            min_surprise: 7.0,
            min_severity: Severity::Warn,
        }
    }
}

/// How long before a bucket its baseline begins.
pub const BASELINE_SECS: i64 = 24 * 3600;
/// How far back from an issue's newest bucket judgements follow late counts.
pub const JUDGED_SECS: i64 = 24 * 3600;
/// False alarms a day that can be asked for: below, hardly anything is told; above, nobody listens.
pub const FALSE_ALERTS_PER_DAY: std::ops::RangeInclusive<f64> = 0.01..=1_000.0;
/// What must be kept to judge all of those.
pub const KEEP_SECS: i64 = BASELINE_SECS + JUDGED_SECS;
/// An issue is judged once its own history is this long; before that it is simply new.
const HISTORY_MIN_SECS: i64 = 3600;

/// What a series says by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Finding {
    /// Buckets from here on are judged.
    Horizon(Bucket),
    /// A bucket that spikes.
    Spike(Verdict),
}

/// The configured operator.
#[derive(Clone, Debug)]
pub struct SpikeDetector {
    size: BucketSize,
    config: SpikeConfig,
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
        // A smaller ratio would let a run outlast the history behind it.
        if !(config.min_ratio >= 3.0 && config.min_ratio.is_finite()) {
            mistakes.push(OptionsError::at("min_ratio", "must be a number from 3 upwards"));
        }
        if !(0.0..=score::SURPRISE_MAX).contains(&config.min_surprise) {
            mistakes.push(OptionsError::at("min_surprise", "must lie between 0 and 300"));
        }
        if mistakes.is_empty() { Ok(Self { size, config }) } else { Err(mistakes) }
    }

    /// Judges a series, ordered; counts of one bucket are already added up.
    pub fn judge(&self, series: &[(Series, i64)]) -> Vec<Finding> {
        let (mut start, mut cut, mut counts) = (Bucket(i64::MAX), None, Vec::new());
        for &(row, n) in series.iter().filter(|(_, n)| *n > 0) {
            match row {
                Series::Start(bucket) => start = start.min(bucket),
                Series::Cut(bucket) => cut = cut.max(Some(bucket)),
                Series::Count(bucket) => counts.push((bucket, n)),
            }
        }
        // Several fingerprints are cut at different buckets; the counts are complete from the last on.
        let horizon = cut.map_or(Bucket(i64::MIN), |cut| Bucket(cut.0 + BASELINE_SECS));
        let spikes = self.spikes(start, horizon, &counts).into_iter().map(Finding::Spike);
        std::iter::once(Finding::Horizon(horizon)).chain(spikes).collect()
    }

    /// Returns the spiking buckets above the horizon.
    fn spikes(&self, start: Bucket, horizon: Bucket, counts: &[(Bucket, i64)]) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        let (mut sum, mut sum_of_squares, mut oldest) = (0, 0, 0);
        for &(bucket, observed) in counts {
            while counts[oldest].0.0 < bucket.0 - BASELINE_SECS {
                let gone = counts[oldest].1;
                sum -= gone;
                sum_of_squares -= i128::from(gone) * i128::from(gone);
                oldest += 1;
            }
            let known_secs = (bucket.0 - start.0).min(BASELINE_SECS);
            if bucket > horizon && known_secs >= HISTORY_MIN_SECS {
                let buckets = known_secs / self.size.secs();
                let baseline = Baseline::of(sum, sum_of_squares, buckets);
                verdicts.extend(self.verdict(bucket, observed, baseline));
            }
            sum += observed;
            sum_of_squares += i128::from(observed) * i128::from(observed);
        }
        verdicts
    }

    fn verdict(&self, bucket: Bucket, observed: i64, baseline: Baseline) -> Option<Verdict> {
        let x = observed as f64;
        let effect = x - baseline.mean >= f64::from(self.config.min_events)
            && x >= self.config.min_ratio * baseline.mean;
        if !effect {
            return None;
        }
        let surprise = surprise(observed, baseline);
        (surprise >= self.config.min_surprise).then(|| Verdict {
            bucket,
            observed,
            expected_milli: (baseline.mean * 1000.0).round() as i64,
            surprise_milli: (surprise * 1000.0).round() as i64,
        })
    }
}

impl Operator for SpikeDetector {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, mut inputs: Ports<'s>) -> Port<'s> {
        let size = self.size;
        let counts =
            inputs.counts().map(move |(fingerprint, bucket)| (fingerprint, size.coarsen(bucket)));
        let starts = stage.at_start(|recovered| {
            let known = recovered.fingerprints.iter();
            known.map(|known| ((known.fingerprint, size.of(known.first.time)), 1)).collect()
        });
        let Graded { members, severities } = inputs.graded_issues();
        let minimum = self.config.min_severity;
        let judged = severities
            .filter(move |(_, severity)| severity.reaches(minimum))
            .map(|(issue, _)| issue);
        let by_issue = members.map(|member| (member.issue, member.fingerprint)).arrange_by_key();
        let members = by_issue
            .clone()
            .join_core(judged.arrange_by_self(), |&issue, &member, _| Some((member, issue)));
        let by_fingerprint = expiring(counts, starts, KEEP_SECS).arrange_by_key();
        let detector = self.clone();
        let findings = members
            .arrange_by_key()
            .join_core(by_fingerprint.clone(), |_fingerprint, &issue, &row| Some((issue, row)))
            .reduce(move |_issue, rows, findings| {
                let series: Vec<_> = rows.iter().map(|(row, n)| (**row, *n as i64)).collect();
                findings.extend(detector.judge(&series).into_iter().map(|finding| (finding, 1)));
            });
        let spikes = findings.clone().flat_map(|(issue, finding)| match finding {
            Finding::Spike(verdict) => Some(((issue, verdict.bucket), verdict)),
            Finding::Horizon(_) => None,
        });
        let horizons = findings.flat_map(move |(issue, finding)| match finding {
            Finding::Horizon(bucket) => Some((issue, Judgement::Horizon(bucket, size))),
            Finding::Spike(_) => None,
        });
        // Rare: only spiking buckets come here, and only their issues' members are looked up.
        let counted = spikes
            .clone()
            .map(|(place, _verdict)| place)
            .join_core(by_issue, |&issue, &bucket, &member| Some((member, (issue, bucket))))
            .join_core(by_fingerprint, |&member, &(issue, bucket), &row| {
                (row == Series::Count(bucket)).then_some(((issue, bucket), member))
            });
        let judged = spikes.join_map(leads(counted), |&(issue, _bucket), &verdict, &lead| {
            (issue, Judgement::Spike(verdict, lead))
        });
        Port::Spikes(horizons.concat(judged))
    }

    fn history(&self, _id: &str, _recovered: &Recovered) -> Option<History> {
        Some(History { size: self.size, since: Bucket(i64::MIN) })
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity {
            component: COMPONENT.name.to_owned(),
            version: 1,
            options: [("bucket".to_owned(), format!("{}s", self.size.secs()))].into(),
            ..NodeIdentity::default()
        })
    }
}

/// Returns the fingerprint with the most events in each bucket of an issue; the events are the
/// difference, and of equals the smallest leads.
fn leads<'s>(
    counted: Collection<'s, ((IssueId, Bucket), Fingerprint)>,
) -> Collection<'s, ((IssueId, Bucket), Fingerprint)> {
    counted.reduce(|_place, members, lead| {
        // Members come in ascending order, and the first of equals stays.
        let most =
            members.iter().copied().reduce(|most, one| if one.1 > most.1 { one } else { most });
        lead.extend(most.map(|(member, _)| (*member, 1)));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detector() -> SpikeDetector {
        SpikeDetector::new(SpikeConfig::default()).expect("the defaults are right")
    }

    const START: i64 = 1_700_000_100;

    fn series(counts: impl IntoIterator<Item = i64>) -> Vec<(Series, i64)> {
        let buckets = (0..).map(|n| Series::Count(Bucket(START + n * 300)));
        std::iter::once((Series::Start(Bucket(START)), 1)).chain(buckets.zip(counts)).collect()
    }

    fn spikes(series: &[(Series, i64)]) -> Vec<Verdict> {
        let findings = detector().judge(series).into_iter();
        findings
            .filter_map(|finding| match finding {
                Finding::Spike(verdict) => Some(verdict),
                Finding::Horizon(_) => None,
            })
            .collect()
    }

    #[test]
    fn a_tenfold_burst_on_a_steady_series_is_a_spike() {
        let counts = series(std::iter::repeat_n(4, 100).chain([40]));
        let found = spikes(&counts);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].observed, 40);
        assert!((3500..4500).contains(&found[0].expected_milli));
    }

    #[test]
    fn steady_and_batchy_series_are_quiet() {
        assert_eq!(spikes(&series(std::iter::repeat_n(50, 400))), []);
        let batchy = (0..400).map(|n| if n % 12 == 0 { 60 } else { 0 });
        assert_eq!(spikes(&series(batchy)), []);
    }

    #[test]
    fn an_issue_younger_than_an_hour_is_new_and_not_a_spike() {
        assert_eq!(spikes(&series([1, 500])), []);
    }

    #[test]
    fn nothing_is_judged_that_lacks_a_day_of_history_behind_the_cut() {
        let mut cut =
            series(std::iter::repeat_n(4, 20).chain([400]).chain(std::iter::repeat_n(4, 500)));
        assert_eq!(spikes(&cut).len(), 1);
        cut.insert(1, (Series::Cut(Bucket(START)), 1));
        assert_eq!(spikes(&cut), [], "the burst lies less than a day above the cut");
    }

    #[test]
    fn sliding_sums_equal_sums_taken_afresh() {
        let counts: Vec<i64> =
            (0..900).map(|n| (n * n) % 7 + i64::from(n % 450 == 400) * 200).collect();
        let all = series(counts.clone());
        let afresh: Vec<_> = (0..counts.len())
            .filter_map(|n| {
                let first = n.saturating_sub(288);
                let before = &counts[first..n];
                let squares = before.iter().map(|c| i128::from(c * c)).sum();
                let baseline = Baseline::of(before.iter().sum(), squares, n.min(288) as i64);
                let bucket = Bucket(START + n as i64 * 300);
                if n < 12 { None } else { detector().verdict(bucket, counts[n], baseline) }
            })
            .collect();
        assert!(!afresh.is_empty());
        assert_eq!(spikes(&all), afresh);
    }

    #[test]
    fn options_that_make_no_sense_are_named() {
        let config = SpikeConfig {
            bucket: HumanDuration::from_secs(7),
            min_ratio: 0.5,
            min_surprise: -1.0,
            ..Default::default()
        };
        let mistakes = SpikeDetector::new(config).expect_err("three options are wrong");
        let paths: Vec<_> = mistakes.iter().map(|m| m.path[0].as_str()).collect();
        assert_eq!(paths, ["bucket", "min_ratio", "min_surprise"]);
    }
}
