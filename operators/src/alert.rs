//! Alerts: runs of spiking buckets of one issue, each told once, under a key that survives restarts and
//! merges of issues.
//!
//! An alert is named after the fingerprint that led its first bucket, not after its issue: when the
//! issue becomes part of another one, the alert goes on there under the same key. Where two open alerts
//! meet in one issue, one of them stays and the other is taken back. *Picture:* judgements ──reduce per issue──► runs ──freeze──► alerts. *Promises:* I1, I2, I3, I6
//! above the horizon: an alert is a function of the issue's judgements. What lies below it has been
//! said and stands: `freeze` keeps its expiry from being told as a retraction. *Frontier:* `freeze`
//! holds each epoch until its input is complete. *State and limits:* that of the judgements.

use engine::component::{
    Build, ComponentType, HumanDuration, NodeIdentity, Operator, Options, OptionsError, Port,
    Ports, Stage, StreamKind,
};
use engine::dataflow::{AsCollection, Collection, DataflowTime, GenericOperator, Pipeline};
use engine::model::{Alert, AlertKey, Bucket, Fingerprint, IssueId, Judgement, Verdict};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The component type `alert`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "alert",
    summary: "Makes one alert of each run of spiking buckets of an issue.",
    inputs: &[(StreamKind::Spikes, true)],
    output: Some(StreamKind::Alerts),
    schema: || schemars::schema_for!(AlertConfig),
    build: Build::Operator(build),
};

/// Options of `alert`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AlertConfig {
    /// Spiking buckets that are no further apart than this are one alert.
    pub quiet: HumanDuration,
}

impl AlertConfig {
    /// The longest quiet stretch within an alert: a run must end well before its beginning expires.
    pub const QUIET_MAX: HumanDuration = HumanDuration::from_secs(4 * 3600);
}

impl Default for AlertConfig {
    fn default() -> Self {
        Self { quiet: HumanDuration::from_secs(900) }
    }
}

/// How far above the judgements' horizon alerts begin: a run cannot outlast it, because its own
/// buckets raise the baseline above the minimum ratio of 3 within 8 hours.
pub const RUN_SECS_MAX: i64 = 12 * 3600;

/// The configured operator.
#[derive(Clone, Copy, Debug, Default)]
pub struct Alerting {
    config: AlertConfig,
}

fn build(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    let config: AlertConfig = options.parse()?;
    if config.quiet > AlertConfig::QUIET_MAX {
        return Err(vec![OptionsError::at("quiet", "must be at most 4h")]);
    }
    Ok(Box::new(Alerting { config }))
}

/// An alert, or the horizon below which nothing is taken back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Horizon(Bucket),
    Alert(Box<Alert>),
}

impl Alerting {
    /// Returns an operator with these options.
    pub fn new(config: AlertConfig) -> Self {
        Self { config }
    }

    /// Joins spikes (ordered by bucket) into runs that begin above the horizon.
    fn runs(&self, issue: IssueId, judgements: &[Judgement]) -> Vec<Told> {
        let mut told = Vec::new();
        let (mut horizon, mut bucket_secs) = (None, 0);
        let mut open: Option<Alert> = None;
        for judgement in judgements {
            match *judgement {
                Judgement::Horizon(bucket, size) => {
                    bucket_secs = size.secs() as u32;
                    let above = Bucket(bucket.0.saturating_add(RUN_SECS_MAX));
                    horizon = Some(above);
                    told.push(Told::Horizon(above));
                }
                Judgement::Spike(verdict, lead) => match &mut open {
                    Some(alert) if self.continues(alert, &verdict) => extend(alert, verdict),
                    _ => {
                        told.extend(open.take().map(|alert| Told::Alert(Box::new(alert))));
                        open = Some(begin(issue, verdict, lead, bucket_secs));
                    }
                },
            }
        }
        told.extend(open.map(|alert| Told::Alert(Box::new(alert))));
        told.retain(|told| match told {
            Told::Horizon(_) => true,
            Told::Alert(alert) => horizon.is_some_and(|horizon| alert.start >= horizon),
        });
        told
    }

    fn continues(&self, alert: &Alert, verdict: &Verdict) -> bool {
        verdict.bucket.0 - alert.last.0 <= self.config.quiet.as_secs() as i64
    }
}

fn begin(issue: IssueId, verdict: Verdict, lead: Fingerprint, bucket_secs: u32) -> Alert {
    Alert {
        key: AlertKey::new(lead, verdict.bucket),
        issue,
        start: verdict.bucket,
        last: verdict.bucket,
        bucket_secs,
        peak: verdict,
        observed: verdict.observed,
        details: engine::model::AlertDetails::default(),
    }
}

fn extend(alert: &mut Alert, verdict: Verdict) {
    alert.last = verdict.bucket;
    alert.observed += verdict.observed;
    if verdict.surprise_milli > alert.peak.surprise_milli {
        alert.peak = verdict;
    }
}

impl Operator for Alerting {
    fn stage<'s>(&self, _stage: &mut Stage<'_, 's>, mut inputs: Ports<'s>) -> Port<'s> {
        let alerting = *self;
        let told = inputs.spikes().reduce(move |issue, judgements, told| {
            // `Horizon` sorts before `Spike`, and spikes by bucket.
            let judgements: Vec<_> = judgements.iter().map(|(judgement, _)| **judgement).collect();
            told.extend(alerting.runs(*issue, &judgements).into_iter().map(|told| (told, 1)));
        });
        Port::Alerts(freeze(told))
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity {
            component: COMPONENT.name.to_owned(),
            version: 1,
            ..NodeIdentity::default()
        })
    }
}

/// Drops the retraction of alerts that sank below their issue's horizon in the same epoch.
fn freeze<'s>(told: Collection<'s, (IssueId, Told)>) -> Collection<'s, Alert> {
    told.inner
        .unary_frontier(Pipeline, "freeze", |_capability, _info| {
            let mut waiting: BTreeMap<DataflowTime, _> = BTreeMap::new();
            move |(input, frontier), output| {
                input.for_each(|time, updates: &mut Vec<_>| {
                    for (row, epoch, change) in updates.drain(..) {
                        let (_, rows) = waiting
                            .entry(epoch)
                            .or_insert_with(|| (time.delayed(&epoch, 0), Vec::new()));
                        rows.push((row, change));
                    }
                });
                while let Some((&epoch, _)) = waiting.first_key_value()
                    && !frontier.less_equal(&epoch)
                {
                    if let Some((capability, rows)) = waiting.remove(&epoch) {
                        let updates = standing(rows).into_iter();
                        output
                            .session(&capability)
                            .give_iterator(updates.map(|(alert, change)| (alert, epoch, change)));
                    }
                }
            }
        })
        .as_collection()
}

/// Returns the changes of one epoch that are news.
fn standing(rows: Vec<((IssueId, Told), isize)>) -> Vec<(Alert, isize)> {
    let horizons: BTreeMap<IssueId, Bucket> = rows
        .iter()
        .filter_map(|((issue, told), change)| match told {
            Told::Horizon(bucket) if *change > 0 => Some((*issue, *bucket)),
            _ => None,
        })
        .collect();
    rows.into_iter()
        .filter_map(|((issue, told), change)| match told {
            Told::Horizon(_) => None,
            Told::Alert(alert) => {
                let sank = change < 0 && horizons.get(&issue).is_some_and(|h| alert.start < *h);
                (!sank).then_some((*alert, change))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::model::BucketSize;

    #[test]
    fn limit_a_quiet_stretch_is_at_most_so_long() {
        let built = |quiet: u64| {
            let value = serde_json::json!({ "quiet": format!("{quiet}s") });
            build(&Options { id: "alerts".to_owned(), value, base: "/".into() })
        };
        assert!(built(AlertConfig::QUIET_MAX.as_secs()).is_ok());
        assert!(built(AlertConfig::QUIET_MAX.as_secs() + 1).is_err());
    }

    fn spike(bucket: i64, surprise_milli: i64) -> Judgement {
        let bucket = Bucket(bucket);
        let verdict = Verdict { bucket, observed: 20, expected_milli: 1000, surprise_milli };
        Judgement::Spike(verdict, Fingerprint(7))
    }

    fn alerts(judgements: &[Judgement]) -> Vec<Alert> {
        let told = Alerting::default().runs(IssueId(1), judgements).into_iter();
        told.filter_map(|told| match told {
            Told::Alert(alert) => Some(*alert),
            Told::Horizon(_) => None,
        })
        .collect()
    }

    const OLD: Judgement = Judgement::Horizon(Bucket(-100_000), BucketSize::FIVE_MINUTES);

    #[test]
    fn neighbouring_spikes_are_one_alert_that_tells_its_peak() {
        let found = alerts(&[OLD, spike(0, 9_000), spike(300, 12_000), spike(1200, 8_000)]);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].start, found[0].last), (Bucket(0), Bucket(1200)));
        assert_eq!((found[0].observed, found[0].peak.surprise_milli), (60, 12_000));
    }

    #[test]
    fn spikes_far_apart_are_two_alerts_with_different_keys() {
        let found = alerts(&[OLD, spike(0, 9_000), spike(1500, 9_000)]);
        assert_eq!(found.len(), 2);
        assert_ne!(found[0].key, found[1].key);
    }

    #[test]
    fn the_key_is_that_of_the_leading_fingerprint_whatever_the_issue() {
        let told = |issue| Alerting::default().runs(issue, &[OLD, spike(0, 9_000)]);
        let keys = [IssueId(1), IssueId(2)].map(|issue| match told(issue).remove(1) {
            Told::Alert(alert) => (alert.issue == issue).then_some(alert.key),
            Told::Horizon(_) => None,
        });
        assert_eq!(keys, [Some(AlertKey::new(Fingerprint(7), Bucket(0))); 2]);
    }

    #[test]
    fn an_alert_that_sinks_below_the_horizon_is_not_taken_back() {
        let alert = alerts(&[OLD, spike(0, 9_000)]).remove(0);
        let horizon = |bucket, change| ((IssueId(1), Told::Horizon(Bucket(bucket))), change);
        let gone = ((IssueId(1), Told::Alert(Box::new(alert.clone()))), -1);
        let sinking = vec![horizon(-300, -1), horizon(300, 1), gone.clone()];
        assert_eq!(standing(sinking), []);
        let corrected = vec![horizon(-600, -1), horizon(-300, 1), gone];
        assert_eq!(standing(corrected), [(alert, -1)]);
    }
}
