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
    Bucket, BucketSize, Chunk, Epoch, EventTime, Fingerprint, FirstSeen, Issue, IssueId, Member,
    Offset, PartitionId, Severity, SeverityClass, SourceIndex, Template,
};
use engine::runtime::{Fold, Shape};
use engine::testing::harness::{Script, run};
use operators::fingerprint::FingerprintOperator;
use operators::parse::ParseOperator;
use operators::pattern::{PatternOperator, Patterns, text_of};
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
    seen: BTreeMap<Fingerprint, Seen>,
}

/// The sequential model: every event once, in any order, plain maps.
fn model(events: &[Written]) -> Stored {
    let mut stored = Stored::default();
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
    group(&mut stored);
    stored
}

/// Groups what was seen into issues, from scratch.
fn group(stored: &mut Stored) {
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
        for (_, _, _, fingerprint) in members {
            stored.members.insert(Member { fingerprint, issue: id });
        }
    }
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
    let fingerprints = FingerprintOperator::default();
    let operators = vec![
        operator("events", &["app"], Box::<ParseOperator>::default()),
        operator("prints", &["events"], Box::new(fingerprints)),
        operator("counts", &["prints"], Box::new(Window::new(BucketSize::MINUTE))),
        operator("patterns", &["prints"], Box::new(PatternOperator)),
        operator("issues", &["patterns"], Box::new(Grouping)),
    ];
    let stored = vec!["counts".into(), "issues".into()];
    Shape::new(SourceTable::new([source]), operators, stored)
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
    }

    fn recovered(&self, epoch: Epoch) -> Recovered {
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
            counts: self.counts.iter().map(|(&(f, b), &n)| (f, b, n)).collect(),
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
    let script = Script {
        chunks: input.clone(),
        chunks_per_epoch: per_epoch,
        controls: Vec::new(),
        recovered,
    };
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
fn the_made_up_events_merge_templates_in_some_cases_only() {
    let merges = |case: &u64| {
        let stored = model(&events(&mut Seeded(*case)));
        stored.issues.len() < stored.seen.len()
    };
    let merged = (0..40).filter(merges).count();
    assert!((5..40).contains(&merged), "{merged} of 40 cases merge templates");
}
