//! The machines behind `spike` and `alert` together, without a dataflow: crashes at every epoch, decisions of people,
//! late events.

use super::book::{Book, Row, Told};
use super::{AlertConfig, incident};
use crate::spike::{Heard, Judge, Said, SpikeConfig, SpikeDetector};
use crate::view::View;
use engine::component::Recovered;
use engine::model::{
    Alert, AlertKey, AlertKind, AlertState, Bucket, Command, Control, Deploy, EventTime,
    Fingerprint, IssueId, News, Notice, NoticeId, Placed, Severity, Signal, Silence, StateKey,
    Transition,
};
use std::collections::BTreeMap;
use std::sync::Arc;

/// 2026-03-02T00:00:00Z, a Monday.
const START: i64 = 1_772_409_600;
const BUCKET: i64 = 300;

fn at(secs: i64) -> EventTime {
    EventTime::from_secs(START + secs)
}

fn placed(of: u128, service: &str) -> Row2 {
    let (fingerprint, issue) = (Fingerprint(of), IssueId(of % 100));
    let (service, severity) = (service.into(), Severity::Error);
    Heard::Placed(Box::new(Placed { fingerprint, issue, service, severity }))
}

type Row2 = Heard;

/// Both machines and what they stored.
struct World {
    config: AlertConfig,
    judge: Judge,
    book: Book,
    placed: Vec<Heard>,
    counts: BTreeMap<(Bucket, Fingerprint), i64>,
    state: BTreeMap<StateKey, Arc<[u8]>>,
    alerts: BTreeMap<AlertKey, Alert>,
    notices: BTreeMap<NoticeId, Notice>,
}

impl World {
    fn new(config: AlertConfig) -> World {
        let placed =
            vec![placed(1, "shop"), placed(2, "shop"), placed(3, "till"), placed(101, "till")];
        let mut world = World {
            book: Book::new(config.clone()),
            config,
            judge: detector().judge("spikes", &Recovered::default()),
            placed,
            counts: BTreeMap::new(),
            state: BTreeMap::new(),
            alerts: BTreeMap::new(),
            notices: BTreeMap::new(),
        };
        world.begin();
        world
    }

    /// What recovery tells at epoch 0.
    fn begin(&mut self) {
        self.placed.iter().for_each(|row| self.judge.change(row.clone(), 1));
        let open = self.judge.now().map_or(i64::MIN, |tick| tick * BUCKET);
        for (&(bucket, of), &n) in self.counts.range((Bucket(open), Fingerprint(0))..) {
            self.judge.change(Heard::Count(bucket, of), n as isize);
        }
        self.judge.change(Heard::Recovered, 1);
        assert_eq!(self.judge.tell(), [], "recovery is no news");
    }

    /// Forgets everything that is not stored.
    fn crash(&mut self) {
        let recovered = Recovered { state: self.state.clone(), ..Recovered::default() };
        self.judge = detector().judge("spikes", &recovered);
        self.book = Book::recovered(self.config.clone(), "alerts", &recovered);
        self.begin();
    }

    /// One epoch.
    fn epoch(&mut self, counts: &[(i64, u128, i64)], controls: &[Control]) {
        for &(secs, of, n) in counts {
            let bucket = Bucket(START + secs.div_euclid(60) * 60);
            *self.counts.entry((bucket, Fingerprint(of))).or_default() += n;
            self.judge.change(Heard::Count(bucket, Fingerprint(of)), n as isize);
        }
        for control in controls {
            self.judge.change(Heard::Control(control.clone()), 1);
        }
        for (said, _) in self.judge.tell() {
            match said {
                Said::Signal(signal) => {
                    eprintln!(
                        "{} f{} {:?} {:?} ev {} obs {} exp {} s {} {}",
                        (signal.bucket.0 - START) / 300,
                        signal.fingerprint.0,
                        signal.news,
                        signal.kind,
                        signal.events,
                        signal.verdict.observed,
                        signal.verdict.expected_milli,
                        signal.verdict.surprise_milli,
                        signal.explanation.test
                    );
                    self.book.change(Row::Signal(signal), 1)
                }
                Said::State(key, value) => self.store("spikes", key, value),
            }
        }
        for control in controls {
            self.book.change(Row::Control(control.clone()), 1);
        }
        for (told, _) in self.book.tell() {
            match told {
                Told::Alert(alert) => _ = self.alerts.insert(alert.key, *alert),
                Told::Notice(notice) => {
                    let before = self.notices.insert(notice.id, *notice);
                    assert_eq!(before, None, "a notice was told twice");
                }
                Told::State(key, value) => self.store("alerts", key, value),
            }
        }
    }

    fn store(&mut self, node: &str, key: Arc<str>, value: Option<Vec<u8>>) {
        match value {
            Some(value) => self.state.insert((node.into(), key), value.into()),
            None => self.state.remove(&(node.into(), key)),
        };
    }

    fn beat(&mut self, counts: &[(i64, u128, i64)], secs: i64) {
        self.epoch(counts, &[Control::Beat { now: at(secs), is_behind: false }]);
    }

    fn transitions(&self) -> Vec<(u32, Transition)> {
        let mut told: Vec<_> = self.notices.values().collect();
        told.sort_by_key(|notice| (notice.at, notice.incident, notice.number));
        told.into_iter().map(|notice| (notice.number, notice.transition)).collect()
    }
}

fn detector() -> SpikeDetector {
    let config = SpikeConfig { first_seen: 2, ..SpikeConfig::default() };
    SpikeDetector::new(config).expect("the options are right")
}

/// Lets series 1 have an event now and then for a day and a half, a beat a bucket.
fn quiet_days(world: &mut World) -> i64 {
    let buckets = 450;
    for bucket in 0..buckets {
        let secs = bucket * BUCKET;
        let counts = [(secs + 20, 1, 2), (secs + 30, 3, 1)];
        world.beat(&counts, secs + BUCKET);
    }
    assert_eq!(world.transitions(), [], "nothing has happened: {:#?}", world.alerts);
    buckets * BUCKET
}

#[test]
fn a_burst_is_told_at_the_next_beat_and_its_end_once() {
    let mut world = World::new(AlertConfig::default());
    let now = quiet_days(&mut world);
    world.beat(&[(now + 5, 1, 40)], now + 10);
    assert_eq!(world.transitions(), [(1, Transition::Fired)], "before its bucket closes");
    let alert = world.alerts.values().next().expect("there is one").clone();
    assert_eq!((alert.observed, alert.details.state), (40, AlertState::Firing));
    assert_eq!(alert.details.kind, AlertKind::Spike);
    assert!(!alert.details.explanation.baseline.is_empty());
    for bucket in 1..=6 {
        world.beat(&[(now + bucket * BUCKET - 20, 1, 2)], now + bucket * BUCKET);
    }
    assert_eq!(world.transitions(), [(1, Transition::Fired), (2, Transition::Resolved)]);
    let ended = &world.alerts[&alert.key];
    assert_eq!(ended.details.state, AlertState::Resolved);
    assert!(ended.observed >= 42, "{ended:?}");
}
