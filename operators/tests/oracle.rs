//! The whole chain of stages against a sequential model, on seeded random events.
//!
//! `oracle_`: what the dataflow wants stored equals what the model computes from scratch, whatever
//! the order of arrival (within the lateness bound), the cut into chunks, epochs and partitions, and
//! the number of workers (I1, I2, I6); and whatever epoch the process died at (I3). The model asks the
//! stages' pure functions about single events and adds up in plain maps.
//!
//! `SEISMOLOG_CASES` raises the number of cases. A failing case prints its seed.
#![allow(
    clippy::disallowed_methods,
    reason = "tests take their number of cases from the environment"
)]

use engine::component::{Contents, KnownFingerprint, Operator, Recovered, SourceDefaults};
use engine::model::{
    Alert, AlertKey, Bucket, BucketSize, Chunk, Epoch, EventTime, Fingerprint, Issue, IssueId,
    Member, Offset, PartitionId, Severity, SeverityClass, SourceIndex,
};
use engine::runtime::{Fold, Shape};
use engine::testing::harness::{Script, run};
use operators::expiry::Series;
use operators::fingerprint::{FingerprintOperator, FingerprintOptions};
use operators::parse::ParseOperator;
use operators::spike::{SpikeConfig, SpikeDetector};
use operators::{alert::Alerting, issue::Grouping, window::Window};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Start of the made-up events: 2026-03-01T00:00:00Z.
const START: i64 = 1_772_323_200;
/// How late an event may arrive.
const LATENESS_SECS: i64 = 600;

/// What may be written, with its severity word.
const MESSAGES: [(&str, Severity); 6] = [
    ("ERROR connection to db-primary refused after {} ms", Severity::Error),
    ("ERROR cannot parse invoice {} of customer", Severity::Error),
    ("WARN queue depth {} above limit", Severity::Warn),
    ("INFO request served in {} ms", Severity::Info),
    ("FATAL out of memory at {} bytes", Severity::Fatal),
    ("plain words without a level {}", Severity::Unknown),
];

/// A small deterministic generator (splitmix64, Steele et al. 2014).
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound.max(1)
    }
}

/// One event to be written, and when it arrives.
#[derive(Clone, Debug)]
struct Written {
    message: usize,
    secs: i64,
    value: u64,
    arrives: i64,
}

impl Written {
    fn line(&self) -> String {
        let text = MESSAGES[self.message].0.replace("{}", &self.value.to_string());
        format!("{} {text}\n", EventTime::from_secs(self.secs))
    }
}

/// Writes background noise over some days, and bursts.
fn events(seed: &mut Seeded) -> Vec<Written> {
    let days = 1 + seed.below(4) as i64;
    let mut events = Vec::new();
    let mut write = |seed: &mut Seeded, message, secs: i64| {
        let arrives = secs + seed.below(LATENESS_SECS as u64) as i64;
        events.push(Written { message, secs, value: seed.below(1000), arrives });
    };
    for _ in 0..40 + seed.below(120) {
        let secs = START + seed.below(days as u64 * 86_400) as i64;
        let message = seed.below(MESSAGES.len() as u64) as usize;
        write(seed, message, secs);
    }
    for _ in 0..seed.below(4) {
        let (begin, message) = (seed.below(days as u64 * 86_400) as i64, seed.below(6) as usize);
        for _ in 0..20 + seed.below(40) {
            let secs = START + begin + seed.below(900) as i64;
            write(seed, message, secs);
        }
    }
    events.sort_by_key(|event| event.arrives);
    events
}

/// What must be stored in the end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stored {
    counts: BTreeMap<(Fingerprint, Bucket), i64>,
    issues: BTreeSet<Issue>,
    members: BTreeSet<Member>,
    alerts: BTreeMap<AlertKey, Alert>,
    seen: BTreeMap<Fingerprint, (EventTime, EventTime, Severity, String)>,
}

/// The sequential model: every event once, in any order, plain maps.
fn model(events: &[Written]) -> Stored {
    let mut stored = Stored::default();
    let mut by_issue: BTreeMap<IssueId, (Severity, BTreeMap<Bucket, i64>)> = BTreeMap::new();
    let mut first: BTreeMap<Fingerprint, (EventTime, u64)> = BTreeMap::new();
    for event in events {
        let (words, severity) = MESSAGES[event.message];
        let text = words.replace("{}", &event.value.to_string());
        let level =
            if severity == Severity::Unknown { "" } else { text.split(' ').next().unwrap() };
        let message = text[level.len()..].trim_start();
        let explained =
            operators::fingerprint::explain(message.as_bytes(), b"shop", severity.class());
        let (fingerprint, class) = (explained.fingerprint, severity.class());
        let time = EventTime::from_secs(event.secs);
        *stored.counts.entry((fingerprint, BucketSize::MINUTE.of(time))).or_insert(0) += 1;
        let id = IssueId::new(class, explained.template);
        stored.issues.insert(Issue { id, class, template: explained.template });
        stored.members.insert(Member { fingerprint, issue: id });
        let line = event.line();
        let hash = xxhash_rust::xxh3::xxh3_64(line.trim_end().as_bytes());
        let seen = stored.seen.entry(fingerprint).or_insert((time, time, severity, String::new()));
        (seen.0, seen.1) = (seen.0.min(time), seen.1.max(time));
        let known = first.entry(fingerprint).or_insert((EventTime(i64::MAX), 0));
        if (time, hash) < *known {
            *known = (time, hash);
            seen.3 = explained.text;
        }
        let series = by_issue.entry(id).or_insert_with(|| (severity, BTreeMap::new()));
        series.0 = series.0.max(severity);
        *series.1.entry(BucketSize::FIVE_MINUTES.of(time)).or_insert(0) += 1;
    }
    for (issue, (severity, counts)) in by_issue {
        if severity.reaches(Severity::Warn) {
            stored.alerts.extend(alerts(issue, &counts));
        }
    }
    stored
}

/// Judges a whole series at once and joins spiking buckets no more than 15 minutes apart.
fn alerts(issue: IssueId, counts: &BTreeMap<Bucket, i64>) -> Vec<(AlertKey, Alert)> {
    let start = Series::Start(*counts.keys().next().unwrap());
    let counts = counts.iter().map(|(bucket, n)| (Series::Count(*bucket), *n));
    let series: Vec<_> = std::iter::once((start, 1)).chain(counts).collect();
    let detector = SpikeDetector::new(SpikeConfig::default()).unwrap();
    let mut alerts: Vec<Alert> = Vec::new();
    for judgement in detector.judge(&series) {
        let engine::model::Judgement::Spike(verdict) = judgement else { continue };
        match alerts.last_mut() {
            Some(alert) if verdict.bucket.0 - alert.last.0 <= 900 => {
                alert.last = verdict.bucket;
                alert.observed += verdict.observed;
                if verdict.surprise_milli > alert.peak.surprise_milli {
                    alert.peak = verdict;
                }
            }
            _ => alerts.push(Alert {
                key: AlertKey::new(issue, verdict.bucket),
                issue,
                start: verdict.bucket,
                last: verdict.bucket,
                bucket_secs: 300,
                peak: verdict,
                observed: verdict.observed,
            }),
        }
    }
    alerts.into_iter().map(|alert| (alert.key, alert)).collect()
}

fn shape() -> Shape {
    let source = SourceDefaults {
        id: "app".to_owned(),
        service: Arc::from("shop"),
        timezone: "UTC".to_owned(),
    };
    let operator = |id: &str, inputs: &[&str], operator: Box<dyn Operator>| {
        (id.to_owned(), inputs.iter().map(|&i| i.to_owned()).collect(), operator)
    };
    let detector = SpikeDetector::new(SpikeConfig::default()).unwrap();
    let fingerprints = FingerprintOperator::new(FingerprintOptions::default());
    Shape {
        sources: vec![source],
        operators: vec![
            operator("events", &["app"], Box::new(ParseOperator::default())),
            operator("prints", &["events"], Box::new(fingerprints)),
            operator("counts", &["prints"], Box::new(Window::new(BucketSize::MINUTE))),
            operator("issues", &["prints"], Box::new(Grouping)),
            operator("spikes", &["counts", "issues"], Box::new(detector)),
            operator("alerts", &["spikes"], Box::<Alerting>::default()),
        ],
        stored: vec!["counts".into(), "issues".into(), "alerts".into()],
    }
}

/// Cuts events, in order of arrival, into rounds of a few lines, and deals each round out to all
/// workers: what arrives in one epoch is of one stretch of time, as it is live.
fn chunks(events: &[Written], workers: usize, seed: &mut Seeded) -> Vec<Vec<Chunk>> {
    let mut dealt = vec![Vec::new(); workers];
    let mut rest = events;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rest.len().min(1 + seed.below(12) as usize));
        rest = later;
        let received = now.iter().map(|event| event.arrives).max().unwrap();
        let mut texts = vec![String::new(); workers];
        for event in now {
            texts[seed.below(workers as u64) as usize].push_str(&event.line());
        }
        for (worker, text) in texts.into_iter().enumerate() {
            dealt[worker].push(Chunk {
                source: SourceIndex(0),
                partition: PartitionId(format!("p{worker}").into()),
                bytes: Arc::new(text.into_bytes()),
                end: Some(Offset(rest.len().to_string())),
                received: EventTime::from_secs(received),
                lines_cut: 0,
                lost_bytes: 0,
                lag_bytes: 0,
            });
        }
    }
    dealt
}

/// A store of plain maps: applies contents and gives back what recovery needs.
impl Stored {
    fn apply(&mut self, contents: Contents) {
        for (fingerprint, bucket, n) in contents.counts {
            *self.counts.entry((fingerprint, bucket)).or_insert(0) += n;
        }
        for sighting in contents.sightings {
            let (first, last, severity) = (sighting.first.time, sighting.last, sighting.severity);
            let seen = self.seen.entry(sighting.fingerprint).or_insert((
                EventTime(i64::MAX),
                last,
                severity,
                String::new(),
            ));
            if first <= seen.0 {
                (seen.0, seen.3) = (first, sighting.text.as_ref().to_owned());
            }
            (seen.1, seen.2) = (seen.1.max(last), seen.2.max(severity));
        }
        for (issue, present) in contents.issues {
            if present {
                self.issues.insert(issue)
            } else {
                self.issues.remove(&issue)
            };
        }
        for (member, present) in contents.members {
            if present {
                self.members.insert(member)
            } else {
                self.members.remove(&member)
            };
        }
        for (key, alert) in contents.alerts {
            match alert {
                Some(alert) => self.alerts.insert(key, alert),
                None => self.alerts.remove(&key),
            };
        }
    }

    fn recovered(&self, epoch: Epoch) -> Recovered {
        let history = SpikeDetector::new(SpikeConfig::default()).unwrap().history().unwrap();
        let coarse = |bucket| history.size.coarsen(bucket);
        let mut newest: BTreeMap<Fingerprint, Bucket> = BTreeMap::new();
        for (fingerprint, bucket) in self.counts.keys() {
            newest.insert(*fingerprint, coarse(*bucket));
        }
        let mut counts: BTreeMap<(Fingerprint, Bucket), i64> = BTreeMap::new();
        for ((fingerprint, bucket), n) in &self.counts {
            if coarse(*bucket).0 >= newest[fingerprint].0 - history.keep_secs {
                *counts.entry((*fingerprint, coarse(*bucket))).or_insert(0) += n;
            }
        }
        let of = |member: &Member| self.issues.iter().find(|i| i.id == member.issue).unwrap();
        let known = |member: &Member| KnownFingerprint {
            fingerprint: member.fingerprint,
            template: of(member).template,
            class: of(member).class,
            service: "".into(),
            skeleton: "".into(),
            severity: self.seen[&member.fingerprint].2,
            first_seen: self.seen[&member.fingerprint].0,
            source: "app".to_owned(),
        };
        Recovered {
            epoch: Some(epoch),
            fingerprints: self.members.iter().map(known).collect(),
            counts: counts.into_iter().map(|((f, b), n)| (f, b, n)).collect(),
            issues: self.issues.iter().cloned().collect(),
            members: self.members.iter().copied().collect(),
            alerts: self.alerts.values().cloned().collect(),
            ..Recovered::default()
        }
    }
}

/// Runs `input` and applies every epoch up to a seeded crash; returns the chunks that were not
/// committed and the last epoch, as a restart would find them.
fn live(
    stored: &mut Stored,
    input: Vec<Vec<Chunk>>,
    recovered: Recovered,
    per_epoch: u64,
    survive: usize,
) -> (Vec<Vec<Chunk>>, Epoch) {
    let before = recovered.epoch.unwrap_or(Epoch::RECOVERED);
    let script = Script { chunks: input.clone(), chunks_per_epoch: per_epoch, recovered };
    let epochs = run(shape(), script);
    let last = epochs.iter().take(survive).map(|(epoch, _)| *epoch).next_back().unwrap_or(before);
    for (_, facts) in epochs.into_iter().take(survive) {
        let mut fold = Fold::default();
        facts.into_iter().for_each(|fact| fold.add(fact));
        stored.apply(fold.finish());
    }
    // Epoch e of a worker holds its chunks [(e - first) * per_epoch, …): what is committed is known.
    let committed = ((last.0 - before.0) * per_epoch) as usize;
    let rest = input.into_iter().map(|chunks| chunks.into_iter().skip(committed).collect());
    (rest.collect(), last)
}

fn cases(default: u64) -> u64 {
    std::env::var("SEISMOLOG_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

fn check(case: u64, workers: usize, lives: u64) {
    let mut seed = Seeded(case.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ workers as u64);
    let events = events(&mut seed);
    let expected = model(&events);
    let mut input = chunks(&events, workers, &mut seed);
    let (mut stored, mut recovered) = (Stored::default(), Recovered::default());
    for life in 0..lives {
        let per_epoch = 1 + seed.below(5);
        let survive = if life + 1 == lives { usize::MAX } else { seed.below(6) as usize };
        let (rest, last) = live(&mut stored, input, recovered, per_epoch, survive);
        recovered = stored.recovered(last);
        input = rest;
    }
    let what = format!("case {case} with {workers} workers over {lives} lives");
    assert_eq!(stored.alerts, expected.alerts, "{what}");
    assert_eq!(stored.seen, expected.seen, "{what}");
    assert!(stored == expected, "{what}: counts, issues or members differ");
}

#[test]
fn oracle_any_order_within_lateness_gives_the_models_results() {
    (0..cases(1500)).for_each(|case| check(case, 1, 1));
}

#[test]
fn oracle_two_to_four_workers_give_the_models_results() {
    (0..cases(90)).for_each(|case| check(case, 2 + case as usize % 3, 1));
}

#[test]
fn oracle_a_crash_at_any_epoch_leaves_the_models_results() {
    (0..cases(500)).for_each(|case| check(case, 1, 2 + case % 3));
}

#[test]
fn the_made_up_events_raise_alerts() {
    let raised =
        (0..40).filter(|&case| !model(&events(&mut Seeded(case))).alerts.is_empty()).count();
    assert!(raised >= 5, "only {raised} of 40 cases have an alert: the oracle would test nothing");
    assert_eq!(Severity::Unknown.class(), SeverityClass::Rest);
}
