//! From what the detector found to what is told: numbers in whole units, sentences, curves.

use super::detector::{Detector, Evidence, Remembered, SeriesId, Stands, Test, Whole};
use engine::model::{
    AlertKind, AlertLevel, BaselinePoint, Bucket, BucketSize, Explanation, News, Placed, Signal,
    Verdict,
};
use std::sync::Arc;

/// Ticks after its first event during which what fires is a new burst.
const NEWBORN_TICKS: u32 = 36;

/// What is told besides spikes.
#[derive(Clone, Copy, Debug)]
pub struct Kinds {
    /// Events from which on something new is told; 0 for never.
    pub first_seen: u32,
    /// Ticks of silence that make the next event a regression.
    pub regression_after: Option<i64>,
}

/// Returns what kind of news it is that a series fires.
pub fn kind_of(detector: &Detector, id: SeriesId) -> AlertKind {
    let Stands { age, is_after_deploy, is_newborn, .. } = detector.standing(id);
    if is_after_deploy {
        AlertKind::Step
    } else if is_newborn && age <= NEWBORN_TICKS {
        AlertKind::NewBurst
    } else {
        AlertKind::Spike
    }
}

/// Returns what kind of news the events of the last closed bucket are by themselves. `before` is the tick of the
/// event before them; none if there was none.
pub fn news_of(
    kinds: Kinds,
    detector: &Detector,
    id: SeriesId,
    before: Option<i64>,
) -> Option<AlertKind> {
    let tick = detector.now() - 1;
    if let (Some(after), Some(before)) = (kinds.regression_after, before)
        && tick - before >= after
    {
        return Some(AlertKind::Regression);
    }
    let remembered: Vec<Remembered> = detector.curve(id).collect();
    let now = remembered.last().map_or(0, |bucket| u64::from(bucket.events));
    let all: u64 = remembered.iter().map(|bucket| u64::from(bucket.events)).sum();
    let asked = u64::from(kinds.first_seen);
    let is_young = (detector.standing(id).age as usize) < remembered.len();
    (asked > 0 && is_young && (all - now..all).contains(&(asked - 1)))
        .then_some(AlertKind::FirstSeen)
}

/// Returns evidence of a silence.
pub fn silence(expected: f64, nats: f64) -> Evidence {
    Evidence { nats, expected, observed: 0.0, ..Evidence::none() }
}

/// Returns a signal about the bucket of a series that was closed last.
pub fn of(
    size: BucketSize,
    placed: &Placed,
    detector: &Detector,
    (id, evidence): (SeriesId, Option<&Evidence>),
    (news, kind): (News, AlertKind),
) -> Signal {
    let tick = detector.now() - 1;
    let bucket = detector.bucket(id, tick);
    let none = Evidence::none();
    let curve = detector.curve(id).collect();
    let found = Found { evidence: evidence.unwrap_or(&none), tick, bucket, curve };
    found.signal(size, placed, detector, (news, kind, AlertLevel::Fingerprint))
}

/// Returns a signal about the open bucket, from a detector in which it has been filled.
pub fn early(
    size: BucketSize,
    placed: &Placed,
    detector: &Detector,
    id: SeriesId,
    evidence: &Evidence,
) -> Signal {
    let tick = detector.now();
    let bucket = detector.bucket(id, tick);
    let curve = detector.curve(id).chain(bucket).collect();
    let found = Found { evidence, tick, bucket, curve };
    let kind = kind_of(detector, id);
    found.signal(size, placed, detector, (News::Early, kind, AlertLevel::Fingerprint))
}

/// Returns a signal about the members of an issue, or the series of a service, together; `lead` is one of them.
pub fn of_whole(
    size: BucketSize,
    lead: &Placed,
    detector: &Detector,
    (whole, evidence): (Whole, Option<&Evidence>),
    news: News,
) -> Signal {
    let curve = detector.whole_curve(whole);
    let (tick, bucket) = (detector.now() - 1, curve.last().copied());
    let none = Evidence::none();
    let found = Found { evidence: evidence.unwrap_or(&none), tick, bucket, curve };
    let parts = detector.parts(whole);
    let is_new = |id: &SeriesId| kind_of(detector, *id) == AlertKind::NewBurst;
    let kind = match !parts.is_empty() && parts.iter().all(is_new) {
        true => AlertKind::NewBurst,
        false => AlertKind::Spike,
    };
    let level = match whole {
        Whole::Issue(_) => AlertLevel::Issue,
        Whole::Group(_) => AlertLevel::Service,
    };
    let mut signal = found.signal(size, lead, detector, (news, kind, level));
    if matches!(news, News::Fired) {
        let together = format!("{}, {} messages together", signal.explanation.test, parts.len());
        signal.explanation.test = together.into();
    }
    signal
}

/// Returns a signal about a whole service that falls silent, or comes back; led by one of its fingerprints.
pub fn service(
    size: BucketSize,
    lead: &Placed,
    detector: &Detector,
    bucket: Remembered,
    news: News,
) -> Signal {
    // As improbable as no event is where so many are expected.
    let evidence = silence(bucket.expected, bucket.expected);
    let found =
        Found { evidence: &evidence, tick: bucket.tick, bucket: Some(bucket), curve: Vec::new() };
    found.signal(size, lead, detector, (news, AlertKind::GoneQuiet, AlertLevel::Service))
}

/// Returns a signal about events of a bucket that was judged before.
pub fn revised(
    size: BucketSize,
    placed: &Placed,
    detector: &Detector,
    tick: i64,
    events: i64,
) -> Signal {
    let none = Evidence::none();
    let found = Found { evidence: &none, tick, bucket: None, curve: Vec::new() };
    let news = (News::Revised, AlertKind::Spike, AlertLevel::Fingerprint);
    Signal { events, ..found.signal(size, placed, detector, news) }
}

/// What a signal is made of.
struct Found<'a> {
    evidence: &'a Evidence,
    tick: i64,
    bucket: Option<Remembered>,
    curve: Vec<Remembered>,
}

impl Found<'_> {
    fn signal(
        self,
        size: BucketSize,
        placed: &Placed,
        detector: &Detector,
        (news, kind, level): (News, AlertKind, AlertLevel),
    ) -> Signal {
        let Found { evidence, tick, bucket, curve } = self;
        let bucket_of = |tick: i64| Bucket(tick * size.secs());
        let fires = matches!(news, News::Fired | News::Early);
        let explanation = if fires {
            explanation(detector, evidence, kind, curve, bucket_of)
        } else {
            Explanation::default()
        };
        Signal {
            bucket: bucket_of(tick),
            fingerprint: placed.fingerprint,
            level,
            news,
            kind,
            issue: placed.issue,
            service: Arc::clone(&placed.service),
            events: bucket.map_or(0, |bucket| i64::from(bucket.events)),
            verdict: Verdict {
                bucket: bucket_of(tick),
                observed: evidence.observed.round() as i64,
                expected_milli: milli(evidence.expected),
                surprise_milli: milli(evidence.nats / std::f64::consts::LN_10),
            },
            explanation,
            bucket_secs: size.secs() as u32,
        }
    }
}

fn explanation(
    detector: &Detector,
    evidence: &Evidence,
    kind: AlertKind,
    curve: Vec<Remembered>,
    bucket_of: impl Fn(i64) -> Bucket,
) -> Explanation {
    let skipped = curve.len().saturating_sub(Explanation::BASELINE_MAX);
    let point = |bucket: &Remembered| BaselinePoint {
        bucket: bucket_of(bucket.tick),
        observed: i64::from(bucket.events),
        expected_milli: milli(bucket.expected),
    };
    Explanation {
        test: test(evidence, kind).into(),
        window: u32::try_from(evidence.window).unwrap_or(1),
        budget_milli: milli(detector.settings().false_alarms_per_day),
        alive: detector.alive(),
        baseline: curve[skipped..].iter().map(point).collect(),
    }
}

/// Returns a test in words.
fn test(evidence: &Evidence, kind: AlertKind) -> String {
    let buckets = match evidence.window {
        1 => "one bucket".to_owned(),
        n => format!("{n} buckets"),
    };
    match (kind, evidence.test) {
        (AlertKind::GoneQuiet, _) => "no event where some were expected".to_owned(),
        (AlertKind::Regression, _) => "an event after 14 silent days or more".to_owned(),
        (AlertKind::FirstSeen, _) => "never seen before".to_owned(),
        (_, Test::Window) => format!("events in {buckets}"),
        (_, Test::Occurrences) => format!("how many of {buckets} had an event"),
        (_, Test::Exceedances) => format!("how many of {buckets} had more than twice the usual"),
    }
}

fn milli(value: f64) -> i64 {
    (value * 1000.0).round() as i64
}
