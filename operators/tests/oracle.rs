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

use engine::component::{
    Contents, KnownFingerprint, Operator, Recovered, SourceDefaults, SourceTable,
};
use engine::model::{
    Alert, AlertKey, Bucket, BucketSize, Chunk, Epoch, EventTime, Fingerprint, FirstSeen, Issue,
    IssueId, Member, Offset, PartitionId, Severity, SeverityClass, SourceIndex, Template,
};
use engine::runtime::{Fold, Shape};
use engine::testing::harness::{Script, run};
use operators::alert::{Alerting, RUN_SECS_MAX};
use operators::expiry::Series;
use operators::fingerprint::FingerprintOperator;
use operators::parse::ParseOperator;
use operators::pattern::{PatternOperator, Patterns, text_of};
use operators::spike::{BASELINE_SECS, Finding, KEEP_SECS, SpikeConfig, SpikeDetector};
use operators::{issue::Grouping, window::Window};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Start of the made-up events: 2026-03-01T00:00:00Z.
const START: i64 = 1_772_323_200;
/// How late an event may arrive.
const LATENESS_SECS: i64 = 600;

/// What may be written, with its severity word.
const MESSAGES: [(&str, Severity); 8] = [
    ("ERROR cannot lock the record of {w} in {} ms", Severity::Error),
    ("WARN shelf {w} is nearly empty", Severity::Warn),
    ("ERROR connection to db-primary refused after {} ms", Severity::Error),
    ("ERROR cannot parse invoice {} of customer", Severity::Error),
    ("WARN queue depth {} above limit", Severity::Warn),
    ("INFO request served in {} ms", Severity::Info),
    ("FATAL out of memory at {} bytes", Severity::Fatal),
    ("plain words without a level {}", Severity::Unknown),
];

/// Words that vary in some messages; whether often enough to be a variable differs per case.
const WORDS: [&str; 12] = [
    "alder", "birch", "cedar", "elder", "fir", "hazel", "larch", "maple", "oak", "pine", "rowan",
    "yew",
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
    fn text(&self) -> String {
        let word = WORDS[self.value as usize % WORDS.len()];
        MESSAGES[self.message].0.replace("{}", &self.value.to_string()).replace("{w}", word)
    }

    fn line(&self) -> String {
        format!("{} {}\n", EventTime::from_secs(self.secs), self.text())
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
        let (begin, message) =
            (seed.below(days as u64 * 86_400) as i64, seed.below(MESSAGES.len() as u64) as usize);
        for _ in 0..20 + seed.below(40) {
            let secs = START + begin + seed.below(900) as i64;
            write(seed, message, secs);
        }
    }
    events.sort_by_key(|event| event.arrives);
    events
}

/// What must be known of a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    first: FirstSeen,
    last: EventTime,
    severity: Severity,
    text: String,
    template: Template,
    class: SeverityClass,
    skeleton: String,
}

/// Later than any event.
const NEVER: FirstSeen = FirstSeen { time: EventTime(i64::MAX), hash: u64::MAX };

/// What must be stored in the end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stored {
    counts: BTreeMap<(Fingerprint, Bucket), i64>,
    issues: BTreeSet<Issue>,
    members: BTreeSet<Member>,
    alerts: BTreeMap<AlertKey, Alert>,
    seen: BTreeMap<Fingerprint, Seen>,
}

/// The sequential model: every event once, in any order, plain maps.
fn model(events: &[Written]) -> Stored {
    let mut stored = Stored::default();
    let mut series: BTreeMap<Fingerprint, BTreeMap<Bucket, i64>> = BTreeMap::new();
    for event in events {
        let (_, severity) = MESSAGES[event.message];
        let (text, class) = (event.text(), severity.class());
        let level =
            if severity == Severity::Unknown { "" } else { text.split(' ').next().unwrap() };
        let message = text[level.len()..].trim_start();
        let explained = operators::fingerprint::explain(message.as_bytes(), b"shop", class);
        let fingerprint = explained.fingerprint;
        let time = EventTime::from_secs(event.secs);
        *stored.counts.entry((fingerprint, BucketSize::MINUTE.of(time))).or_insert(0) += 1;
        let buckets = series.entry(fingerprint).or_default();
        *buckets.entry(BucketSize::FIVE_MINUTES.of(time)).or_insert(0) += 1;
        let hash = xxhash_rust::xxh3::xxh3_64(event.line().trim_end().as_bytes());
        let seen = stored.seen.entry(fingerprint).or_insert_with(|| Seen {
            first: NEVER,
            last: time,
            severity,
            text: String::new(),
            template: explained.template,
            class,
            skeleton: explained.skeleton.join(" "),
        });
        seen.last = seen.last.max(time);
        let first = FirstSeen { time, hash };
        if first < seen.first {
            (seen.first, seen.text) = (first, explained.text);
        }
    }
    group(&mut stored, &series);
    stored
}

/// Groups what was seen into issues, from scratch, and judges each.
fn group(stored: &mut Stored, series: &BTreeMap<Fingerprint, BTreeMap<Bucket, i64>>) {
    let patterns = Patterns::of(stored.seen.values().map(|seen| seen.skeleton.as_str()));
    let mut groups: BTreeMap<_, Vec<(EventTime, Template, FirstSeen, Fingerprint)>> =
        BTreeMap::new();
    for (fingerprint, seen) in &stored.seen {
        let group = (seen.class, patterns.pattern_of(&seen.skeleton));
        let member = (seen.first.time, seen.template, seen.first, *fingerprint);
        groups.entry(group).or_default().push(member);
    }
    for ((class, pattern), members) in groups {
        let (_, template, _, first) = *members.iter().min().unwrap();
        let id = IssueId::new(class, template);
        let text = text_of(&pattern.skeleton, [stored.seen[&first].text.as_bytes()]).into();
        let skeleton = pattern.skeleton.clone();
        stored.issues.insert(Issue { id, class, template, text, skeleton });
        let mut counts: BTreeMap<Bucket, i64> = BTreeMap::new();
        let mut leads: BTreeMap<Bucket, (i64, Fingerprint)> = BTreeMap::new();
        let severities = members.iter().map(|(_, _, _, member)| stored.seen[member].severity);
        let severity = severities.max().unwrap();
        for (_, _, _, fingerprint) in members {
            stored.members.insert(Member { fingerprint, issue: id });
            for (bucket, n) in &series[&fingerprint] {
                *counts.entry(*bucket).or_insert(0) += n;
                let lead = leads.entry(*bucket).or_insert((*n, fingerprint));
                if (*n, lead.1) > (lead.0, fingerprint) {
                    *lead = (*n, fingerprint);
                }
            }
        }
        if severity.reaches(Severity::Warn) {
            stored.alerts.extend(alerts(id, &counts, &leads));
        }
    }
}

/// Judges a whole series at once and joins spiking buckets no more than 15 minutes apart.
fn alerts(
    issue: IssueId,
    counts: &BTreeMap<Bucket, i64>,
    leads: &BTreeMap<Bucket, (i64, Fingerprint)>,
) -> Vec<(AlertKey, Alert)> {
    let start = Series::Start(*counts.keys().next().unwrap());
    let counts = counts.iter().map(|(bucket, n)| (Series::Count(*bucket), *n));
    let series: Vec<_> = std::iter::once((start, 1)).chain(counts).collect();
    let detector = SpikeDetector::new(SpikeConfig::default()).unwrap();
    let mut alerts: Vec<Alert> = Vec::new();
    for finding in detector.judge(&series) {
        let Finding::Spike(verdict) = finding else { continue };
        match alerts.last_mut() {
            Some(alert) if verdict.bucket.0 - alert.last.0 <= 900 => {
                alert.last = verdict.bucket;
                alert.observed += verdict.observed;
                if verdict.surprise_milli > alert.peak.surprise_milli {
                    alert.peak = verdict;
                }
            }
            _ => alerts.push(Alert {
                key: AlertKey::new(leads[&verdict.bucket].1, verdict.bucket),
                issue,
                start: verdict.bucket,
                last: verdict.bucket,
                bucket_secs: 300,
                peak: verdict,
                observed: verdict.observed,
                details: engine::model::AlertDetails::default(),
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
    let fingerprints = FingerprintOperator::default();
    let operators = vec![
        operator("events", &["app"], Box::<ParseOperator>::default()),
        operator("prints", &["events"], Box::new(fingerprints)),
        operator("counts", &["prints"], Box::new(Window::new(BucketSize::MINUTE))),
        operator("patterns", &["prints"], Box::new(PatternOperator)),
        operator("issues", &["patterns"], Box::new(Grouping)),
        operator("spikes", &["counts", "issues"], Box::new(detector)),
        operator("alerts", &["spikes"], Box::<Alerting>::default()),
    ];
    let stored = vec!["counts".into(), "issues".into(), "alerts".into()];
    Shape::new(SourceTable::new([source]), operators, stored)
}

/// Returns, for every issue, the bucket below which its alerts are history: which fingerprints were
/// one issue when they were judged depends on what had arrived by then.
fn horizons(expected: &Stored) -> BTreeMap<IssueId, i64> {
    let mut members: BTreeMap<IssueId, Vec<i64>> = BTreeMap::new();
    for member in &expected.members {
        let last = expected.seen[&member.fingerprint].last.secs();
        members.entry(member.issue).or_default().push(last);
    }
    let horizon = |last: Vec<i64>| match last.as_slice() {
        [_] => i64::MIN,
        _ => last.into_iter().max().unwrap() - KEEP_SECS + BASELINE_SECS + RUN_SECS_MAX,
    };
    members.into_iter().map(|(issue, last)| (issue, horizon(last))).collect()
}

/// Returns whether the set of events alone decides about an alert.
fn is_determined(alert: &Alert, horizons: &BTreeMap<IssueId, i64>) -> bool {
    horizons.get(&alert.issue).is_some_and(|horizon| alert.start.0 >= *horizon)
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
            let seen = self.seen.entry(sighting.fingerprint).or_insert_with(|| Seen {
                first: NEVER,
                last: sighting.last,
                severity: sighting.severity,
                text: String::new(),
                template: sighting.template,
                class: sighting.class,
                skeleton: sighting.skeleton.as_ref().to_owned(),
            });
            if sighting.first <= seen.first {
                seen.first = sighting.first;
                seen.text = sighting.text.as_ref().to_owned();
            }
            seen.last = seen.last.max(sighting.last);
            seen.severity = seen.severity.max(sighting.severity);
        }
        for (issue, present) in contents.issues {
            // A row is replaced, whatever it showed before.
            self.issues.retain(|known| known.id != issue.id);
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
        self.alerts.extend(contents.alerts.into_iter().map(|alert| (alert.key, alert)));
    }

    fn recovered(&self, epoch: Epoch) -> Recovered {
        let spikes = SpikeDetector::new(SpikeConfig::default()).unwrap();
        let history = spikes.history("spikes", &Recovered::default()).unwrap();
        let coarse = |bucket| history.size.coarsen(bucket);
        let mut counts: BTreeMap<(Fingerprint, Bucket), i64> = BTreeMap::new();
        for ((fingerprint, bucket), n) in &self.counts {
            *counts.entry((*fingerprint, coarse(*bucket))).or_insert(0) += n;
        }
        let known = |(fingerprint, seen): (&Fingerprint, &Seen)| KnownFingerprint {
            fingerprint: *fingerprint,
            template: seen.template,
            class: seen.class,
            service: "shop".into(),
            skeleton: seen.skeleton.as_str().into(),
            severity: seen.severity,
            first: seen.first,
            text: seen.text.as_str().into(),
            source: "app".to_owned(),
        };
        Recovered {
            epoch: Some(epoch),
            fingerprints: self.seen.iter().map(known).collect(),
            counts: counts.into_iter().map(|((f, b), n)| (f, b, n)).collect(),
            issues: self.issues.iter().cloned().collect(),
            members: self.members.iter().copied().collect(),
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
    let mut expected = model(&events);
    let mut input = chunks(&events, workers, &mut seed);
    let (mut stored, mut recovered) = (Stored::default(), Recovered::default());
    for life in 0..lives {
        let per_epoch = 1 + seed.below(5);
        let survive = if life + 1 == lives { usize::MAX } else { seed.below(6) as usize };
        let (rest, last) = live(&mut stored, input, recovered, per_epoch, survive);
        recovered = stored.recovered(last);
        input = rest;
    }
    let horizons = horizons(&expected);
    stored.alerts.retain(|_, alert| is_determined(alert, &horizons));
    expected.alerts.retain(|_, alert| is_determined(alert, &horizons));
    let what = format!("case {case} with {workers} workers over {lives} lives");
    assert_eq!(stored.alerts, expected.alerts, "{what}");
    assert_eq!(stored.seen, expected.seen, "{what}");
    assert!(stored == expected, "{what}: counts, issues or members differ");
}

#[test]
fn oracle_any_order_within_lateness_gives_the_models_results() {
    (0..cases(600)).for_each(|case| check(case, 1, 1));
}

#[test]
fn oracle_two_to_four_workers_give_the_models_results() {
    (0..cases(90)).for_each(|case| check(case, 2 + case as usize % 3, 1));
}

#[test]
fn oracle_a_crash_at_any_epoch_leaves_the_models_results() {
    (0..cases(200)).for_each(|case| check(case, 1, 2 + case % 3));
}

#[test]
fn oracle_an_alert_keeps_its_key_when_its_issue_becomes_part_of_another() {
    let shelf = |word: u64, secs: i64| {
        let secs = START + secs;
        Written { message: 1, secs, value: word, arrives: secs }
    };
    // One shelf is seen first; another one bursts. Only then are there enough words to merge them.
    let mut bursting = vec![shelf(8, 0)];
    bursting.extend((1..30).map(|n| shelf(9, n * 300)));
    bursting.extend((0..40).map(|n| shelf(9, 9_000 + n)));
    let merging: Vec<Written> = (0..4).map(|word| shelf(word, 9_700)).collect();
    let chunks = [&bursting, &merging].map(|events| {
        let dealt = chunks(events, 1, &mut Seeded(1)).remove(0);
        let bytes = dealt.iter().flat_map(|chunk| chunk.bytes.to_vec()).collect();
        Chunk { bytes: Arc::new(bytes), ..dealt[dealt.len() - 1].clone() }
    });
    let script = Script {
        chunks: vec![chunks.to_vec()],
        chunks_per_epoch: 1,
        recovered: Recovered::default(),
    };
    let (mut stored, mut moments) = (Stored::default(), Vec::new());
    for (_, facts) in run(shape(), script) {
        let mut fold = Fold::default();
        facts.into_iter().for_each(|fact| fold.add(fact));
        stored.apply(fold.finish());
        moments.push(stored.alerts.clone());
    }
    let all: Vec<Written> = bursting.iter().chain(&merging).cloned().collect();
    let (before, after) = (model(&bursting).alerts, model(&all).alerts);
    assert!(moments.contains(&before) && moments.last() == Some(&after));
    assert_eq!((before.len(), after.len()), (1, 1));
    assert!(before.keys().eq(after.keys()), "the alert got a new key");
    assert_ne!(before.values().next().map(|a| a.issue), after.values().next().map(|a| a.issue));
}

#[test]
fn the_made_up_events_raise_alerts() {
    let raised =
        (0..40).filter(|&case| !model(&events(&mut Seeded(case))).alerts.is_empty()).count();
    assert!(raised >= 5, "only {raised} of 40 cases have an alert: the oracle would test nothing");
    assert_eq!(Severity::Unknown.class(), SeverityClass::Rest);
}

#[test]
fn the_made_up_events_merge_templates_in_some_cases_only() {
    let merges = |case: &u64| {
        let stored = model(&events(&mut Seeded(*case)));
        stored.issues.len() < stored.seen.len()
    };
    let merged = (0..40).filter(merges).count();
    assert!((5..40).contains(&merged), "{merged} of 40 cases merge templates");
}
