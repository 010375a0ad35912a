//! Spikes and alerts through the whole chain: the same events and arrival buckets give the same alerts and the same
//! notices, whatever the workers and wherever the process died (I2, I3, I6).
//!
//! `SEISMOLOG_CASES` raises the number of cases. A failing case prints its seed.
#![allow(
    clippy::disallowed_methods,
    reason = "tests take their number of cases from the environment"
)]

use engine::component::{KnownFingerprint, Operator, Recovered, SourceDefaults, SourceTable};
use engine::model::{
    Alert, AlertKey, AlertKind, AlertState, Bucket, BucketSize, Chunk, Command, Control, Deploy,
    Epoch, EventTime, Fingerprint, Notice, NoticeId, Offset, PartitionId, Sighting, Silence,
    SourceIndex, StateKey, Transition,
};
use engine::runtime::{Fold, Shape};
use engine::testing::harness::{Script, run};
use operators::alert::{AlertConfig, Alerting};
use operators::fingerprint::FingerprintOperator;
use operators::parse::ParseOperator;
use operators::pattern::PatternOperator;
use operators::spike::{SpikeConfig, SpikeDetector};
use operators::{issue::Grouping, window::Window};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Start of the made-up events: 2026-03-02T00:00:00Z, a Monday.
const START: i64 = 1_772_409_600;
/// Seconds between two beats.
const ROUND_SECS: i64 = 100;
/// Rounds of a case: half a day.
const ROUNDS: i64 = 3 * 144;
const SERVICES: [&str; 2] = ["shop", "till"];
const MESSAGES: [&str; 5] = [
    "ERROR cannot lock the record of alder",
    "WARN queue depth above limit",
    "ERROR connection to database refused",
    "FATAL out of memory",
    "INFO request served",
];

/// A small deterministic generator (splitmix64, Steele et al. 2014).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound.max(1)
    }
}

/// An event: when it happened, what it says, and who says it.
type Written = (i64, usize, usize);

/// What arrives in each round, and what is decided after it.
#[derive(Clone)]
struct Story {
    rounds: Vec<Vec<Written>>,
    commands: Vec<(usize, Command)>,
}

fn story(seed: &mut Seeded) -> Story {
    let mut rounds = vec![Vec::new(); ROUNDS as usize];
    for service in 0..SERVICES.len() {
        let silent = (seed.below(4) == 0).then(|| 200 + seed.below(100) as i64);
        for message in 0..MESSAGES.len() {
            let per_hundred = [2, 20, 100, 400][seed.below(4) as usize];
            let begins = if seed.below(4) == 0 { 150 + seed.below(200) as i64 } else { 0 };
            let burst = 120 + seed.below(300) as i64;
            let (length, size) = (3 + seed.below(15) as i64, 4 + seed.below(20));
            for round in begins..ROUNDS {
                let bursts = (burst..burst + length).contains(&round) && message < 4;
                let events = (seed.below(100) + per_hundred) / 100 + if bursts { size } else { 0 };
                let quiet = silent.is_some_and(|from| (from..from + 40).contains(&round));
                for _ in 0..if quiet { 0 } else { events } {
                    let secs = START + round * ROUND_SECS + seed.below(ROUND_SECS as u64) as i64;
                    let late = if seed.below(30) == 0 { seed.below(40) as i64 } else { 0 };
                    let arrives = (round + late).min(ROUNDS - 1);
                    rounds[arrives as usize].push((secs, message, service));
                }
            }
        }
    }
    Story { rounds, commands: Vec::new() }
}

/// What must come out.
#[derive(Clone, Debug, Default, PartialEq)]
struct Outcome {
    alerts: BTreeMap<AlertKey, Alert>,
    notices: BTreeMap<NoticeId, Notice>,
}

/// A store of plain maps.
#[derive(Clone, Default)]
struct Stored {
    outcome: Outcome,
    counts: BTreeMap<(Fingerprint, Bucket), i64>,
    seen: BTreeMap<Fingerprint, Sighting>,
    state: BTreeMap<StateKey, Arc<[u8]>>,
}

impl Stored {
    fn recovered(&self, epoch: Epoch) -> Recovered {
        let known = |seen: &Sighting| KnownFingerprint {
            fingerprint: seen.fingerprint,
            template: seen.template,
            class: seen.class,
            service: Arc::clone(&seen.service),
            skeleton: Arc::clone(&seen.skeleton),
            severity: seen.severity,
            first: seen.first,
            text: Arc::clone(&seen.text),
            source: "app".to_owned(),
        };
        let mut recovered = Recovered {
            epoch: Some(epoch),
            fingerprints: self.seen.values().map(known).collect(),
            state: self.state.clone(),
            ..Recovered::default()
        };
        let history = detector().history("spikes", &recovered).expect("spikes needs history");
        let since = |((of, bucket), n): (&(Fingerprint, Bucket), &i64)| {
            (*bucket >= history.since).then_some((*of, *bucket, *n))
        };
        recovered.counts = self.counts.iter().filter_map(since).collect();
        recovered
    }
}

fn detector() -> SpikeDetector {
    let config = SpikeConfig { first_seen: 3, ..SpikeConfig::default() };
    SpikeDetector::new(config).expect("the options are right")
}

fn shape() -> Shape {
    let source = |service: &&str| SourceDefaults {
        id: (*service).to_owned(),
        service: Arc::from(*service),
        timezone: "UTC".to_owned(),
    };
    let operator = |id: &str, inputs: &[&str], operator: Box<dyn Operator>| {
        (id.to_owned(), inputs.iter().map(|&i| i.to_owned()).collect(), operator)
    };
    let alerting = Alerting::new(AlertConfig::default()).expect("the defaults are right");
    let operators = vec![
        operator("events", &SERVICES, Box::<ParseOperator>::default()),
        operator("prints", &["events"], Box::<FingerprintOperator>::default()),
        operator("counts", &["prints"], Box::new(Window::new(BucketSize::MINUTE))),
        operator("patterns", &["prints"], Box::new(PatternOperator)),
        operator("issues", &["patterns"], Box::new(Grouping)),
        operator("spikes", &["counts", "issues"], Box::new(detector())),
        operator("alerts", &["spikes"], Box::new(alerting)),
    ];
    let stored = vec!["counts".into(), "issues".into(), "alerts".into()];
    let notifiers = vec![("page".to_owned(), vec!["alerts".to_owned()])];
    Shape::new(SourceTable::new(SERVICES.iter().map(source)), operators, stored)
        .with_notifiers(notifiers)
}

/// Deals each round out to all workers: one chunk of each service, in any order.
fn chunks(story: &Story, workers: usize, seed: &mut Seeded) -> Vec<Vec<Chunk>> {
    let mut dealt = vec![Vec::new(); workers];
    for (round, events) in story.rounds.iter().enumerate() {
        let mut texts = vec![[String::new(), String::new()]; workers];
        let mut left: Vec<&Written> = events.iter().collect();
        while !left.is_empty() {
            let (secs, message, service) =
                *left.swap_remove(seed.below(left.len() as u64) as usize);
            let line = format!("{} {}\n", EventTime::from_secs(secs), MESSAGES[message]);
            texts[seed.below(workers as u64) as usize][service].push_str(&line);
        }
        for (worker, texts) in texts.into_iter().enumerate() {
            for (service, text) in texts.into_iter().enumerate() {
                dealt[worker].push(Chunk {
                    source: SourceIndex(service as u16),
                    partition: PartitionId(format!("{worker}/{service}").into()),
                    bytes: Arc::new(text.into_bytes()),
                    end: Some(Offset(round.to_string())),
                    received: EventTime::from_secs(START + (round as i64 + 1) * ROUND_SECS),
                    lines_cut: 0,
                    lost_bytes: 0,
                    lag_bytes: 0,
                });
            }
        }
    }
    dealt
}

/// Returns what operators hear after each round from `first` on, by chunks of the first worker.
fn controls(story: &Story, first: usize) -> Vec<(u64, Control)> {
    let mut controls = Vec::new();
    for round in first..story.rounds.len() {
        let chunks = 2 * (round - first + 1) as u64;
        let at = EventTime::from_secs(START + (round as i64 + 1) * ROUND_SECS);
        let commands = story.commands.iter().filter(|(of, _)| *of == round);
        let heard = commands.map(|(_, command)| Control::Command { at, command: command.clone() });
        controls.extend(heard.map(|control| (chunks, control)));
        controls.push((chunks, Control::Beat { now: at, is_behind: round < 9 }));
    }
    controls
}

/// Runs a story in several lives, an epoch a round, each but the last life ended by a crash.
fn outcome(story: &Story, workers: usize, lives: u64, seed: &mut Seeded) -> Outcome {
    let mut input = chunks(story, workers, seed);
    let (mut stored, mut recovered) = (Stored::default(), Recovered::default());
    let mut done = 0;
    for life in 0..lives {
        let left = story.rounds.len() - done;
        let survive = match life + 1 == lives {
            true => left as u64 + 1,
            false => seed.below(left as u64),
        };
        let before = recovered.epoch.unwrap_or(Epoch::RECOVERED);
        let controls = controls(story, done);
        let script = Script { chunks: input.clone(), chunks_per_epoch: 2, controls, recovered };
        let mut last = before;
        for (epoch, facts) in run(shape(), script) {
            if epoch.0 > before.0 + survive {
                break;
            }
            last = epoch;
            stored.apply(facts);
        }
        let committed = (last.0 - before.0) as usize;
        done += committed;
        let rest = input.into_iter().map(|chunks| chunks.into_iter().skip(2 * committed).collect());
        input = rest.collect();
        recovered = stored.recovered(last);
    }
    stored.outcome
}

impl Stored {
    fn apply(&mut self, facts: Vec<engine::model::Fact>) {
        let mut fold = Fold::default();
        facts.into_iter().for_each(|fact| fold.add(fact));
        let contents = fold.finish();
        for (fingerprint, bucket, n) in contents.counts {
            *self.counts.entry((fingerprint, bucket)).or_insert(0) += n;
        }
        for sighting in contents.sightings {
            match self.seen.get_mut(&sighting.fingerprint) {
                Some(seen) => seen.merge(sighting),
                None => _ = self.seen.insert(sighting.fingerprint, sighting),
            }
        }
        for row in contents.state {
            match row.value {
                Some(value) => self.state.insert((row.node, row.key), value),
                None => self.state.remove(&(row.node, row.key)),
            };
        }
        self.outcome.alerts.extend(contents.alerts.into_iter().map(|alert| (alert.key, alert)));
        for row in contents.outbox {
            let notice = Notice::clone(&row.notice);
            let before = self.outcome.notices.insert(notice.id, notice);
            assert_eq!(before, None, "a notice was told twice");
        }
    }
}

/// Adds decisions about alerts that there will be.
fn decide(story: &mut Story, seen: &Outcome, seed: &mut Seeded) {
    let any = |seed: &mut Seeded| seed.below(ROUNDS as u64) as usize;
    let at = |round: usize| EventTime::from_secs(START + round as i64 * ROUND_SECS);
    let (by, comment): (Arc<str>, Arc<str>) = ("ann".into(), "looking".into());
    for alert in seen.alerts.values() {
        let round = ((alert.start.0 - START) / ROUND_SECS) as usize + seed.below(12) as usize;
        let (alert, by, comment) = (alert.key, by.clone(), comment.clone());
        let command = match seed.below(5) {
            0 => Command::Acknowledge { alert, by, comment },
            1 => Command::Snooze { alert, until: at(round + 20), by, comment },
            2 => Command::Resolve { alert, by, comment },
            _ => continue,
        };
        story.commands.push((round.min(story.rounds.len() - 1), command));
    }
    let (round, version) = (any(seed), "v2".into());
    let deploy = Deploy { service: SERVICES[0].into(), version, at: at(round) };
    story.commands.push((round, Command::Deploy(deploy)));
    let round = any(seed);
    let silence = Silence {
        id: "s_1".into(),
        service: Some(SERVICES[1].into()),
        from: at(round),
        until: at(round + 60),
        ..Silence::default()
    };
    story.commands.push((round, Command::Silence(silence)));
    story.commands.push((round + 30, Command::Unsilence { id: "s_1".into() }));
    story.commands.retain(|(round, _)| *round < ROUNDS as usize);
}

fn cases(default: u64) -> u64 {
    std::env::var("SEISMOLOG_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

fn decided(case: u64) -> (Story, Seeded, Outcome) {
    let mut seed = Seeded(case.wrapping_mul(0x2545_f491_4f6c_dd1d));
    let mut story = story(&mut seed);
    let plain = outcome(&story, 1, 1, &mut seed);
    decide(&mut story, &plain, &mut seed);
    let expected = outcome(&story, 1, 1, &mut seed);
    (story, seed, expected)
}

#[test]
fn oracle_alerts_do_not_depend_on_order_workers_or_crashes() {
    for case in 0..cases(12) {
        let (story, mut seed, expected) = decided(case);
        for (workers, lives) in [(1, 3), (2, 1), (3, 2), (4, 1)] {
            let found = outcome(&story, workers, lives, &mut seed);
            let what = format!("case {case}, {workers} workers, {lives} lives");
            assert_eq!(found.alerts, expected.alerts, "{what}");
            assert_eq!(found.notices, expected.notices, "{what}");
        }
    }
}

#[test]
fn the_made_up_events_raise_alerts_of_every_kind_and_notices_of_most() {
    let (mut kinds, mut transitions) = (BTreeMap::new(), BTreeMap::new());
    for case in 0..12 {
        let (_, _, outcome) = decided(case);
        for alert in outcome.alerts.values() {
            *kinds.entry(alert.details.kind).or_insert(0) += 1;
            assert!(alert.details.fired_at != EventTime::default(), "{alert:?}");
        }
        for notice in outcome.notices.values() {
            *transitions.entry(notice.transition).or_insert(0) += 1;
        }
    }
    let count = |kind| kinds.get(&kind).copied().unwrap_or(0);
    assert!(count(AlertKind::Spike) >= 10 && count(AlertKind::NewBurst) >= 5, "{kinds:?}");
    assert!(count(AlertKind::GoneQuiet) >= 2 && count(AlertKind::Step) >= 1, "{kinds:?}");
    for transition in [Transition::Fired, Transition::Resolved, Transition::Acknowledged] {
        assert!(transitions.contains_key(&transition), "{transitions:?}");
    }
    assert_eq!(AlertState::default(), AlertState::Firing);
}
