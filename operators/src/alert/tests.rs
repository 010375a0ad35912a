//! The machines behind `spike` and `alert` together, without a dataflow: crashes at every epoch, decisions of people,
//! late events.

use super::AlertConfig;
use super::book::{Book, Row, Told};
use crate::replay::Determined;
use crate::spike::{Heard, Judge, Said, SpikeConfig, SpikeDetector};
use crate::view::View;
use engine::component::{HumanDuration, Recovered};
use engine::model::{
    Alert, AlertKey, AlertKind, AlertLevel, AlertState, Bucket, Command, Control, Decision, Deed,
    Deploy, EventTime, Fingerprint, IssueId, Notice, NoticeId, Placed, Severity, Silence, StateKey,
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

fn placed(of: u128, service: &str) -> Heard {
    let (fingerprint, issue) = (Fingerprint(of), IssueId(of % 100));
    let (service, severity) = (service.into(), Severity::Error);
    Heard::Placed(Box::new(Placed { fingerprint, issue, service, severity }))
}

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
                Said::Signal(signal) => self.book.change(Row::Signal(signal), 1),
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

/// Lets series 1, 2 and 3 have events for a day and a half, a beat a bucket; returns when that ends.
fn quiet_days(world: &mut World) -> i64 {
    let buckets = 450;
    for bucket in 0..buckets {
        usual(world, bucket * BUCKET, &[]);
    }
    assert_eq!(world.transitions(), [], "nothing has happened: {:#?}", world.alerts);
    buckets * BUCKET
}

/// A bucket as usual, with more events, and a beat at its end.
fn usual(world: &mut World, secs: i64, more: &[(i64, u128, i64)]) {
    let mut counts = vec![(secs + 20, 1, 2), (secs + 30, 2, 1 + secs / BUCKET % 3)];
    // A service that is never silent.
    counts.push((secs + 40, 3, 30));
    counts.extend(more);
    world.beat(&counts, secs + BUCKET);
}

fn buckets(world: &mut World, from: i64, count: i64) -> i64 {
    (0..count).for_each(|n| usual(world, from + n * BUCKET, &[]));
    from + count * BUCKET
}

fn world() -> (World, i64) {
    let mut world = World::new(AlertConfig::default());
    let now = quiet_days(&mut world);
    (world, now)
}

fn decide(world: &mut World, secs: i64, command: Command) {
    world.epoch(&[], &[Control::Command { at: at(secs), command }]);
}

fn only(world: &World) -> Alert {
    assert_eq!(world.alerts.len(), 1, "{:#?}", world.alerts);
    world.alerts.values().next().cloned().expect("there is one")
}

use Transition::{Acknowledged, Fired, Reminder, Reopened, Resolved, Retracted, Snoozed};

#[test]
fn a_burst_is_told_at_the_next_beat_and_its_end_once() {
    let (mut world, now) = world();
    world.beat(&[(now + 5, 1, 40)], now + 10);
    assert_eq!(world.transitions(), [(1, Fired)], "before its bucket closes");
    let alert = only(&world);
    assert_eq!((alert.observed, alert.details.state), (40, AlertState::Firing));
    assert_eq!((alert.details.kind, alert.start), (AlertKind::Spike, Bucket(START + now)));
    assert!(!alert.details.explanation.baseline.is_empty());
    buckets(&mut world, now, 6);
    assert_eq!(world.transitions(), [(1, Fired), (2, Resolved)]);
    let ended = only(&world);
    assert_eq!((ended.key, ended.details.state), (alert.key, AlertState::Resolved));
    assert!(ended.observed >= 42, "{ended:?}");
}

#[test]
fn what_the_open_bucket_said_and_its_close_does_not_is_taken_back() {
    let (mut world, now) = world();
    world.beat(&[(now + 5, 1, 40)], now + 10);
    // All of it was the beginning of one record that goes on.
    world.beat(&[(now + 5, 1, -39)], now + 20);
    usual(&mut world, now, &[]);
    assert_eq!(world.transitions(), [(1, Fired), (2, Retracted)]);
    assert_eq!(only(&world).details.state, AlertState::Retracted);
}

#[test]
fn what_begins_together_in_one_service_is_one_incident_and_told_once() {
    let (mut world, now) = world();
    world.beat(&[(now + 5, 1, 60), (now + 6, 2, 60), (now + 7, 101, 60)], now + 10);
    let mut told: Vec<(usize, Transition)> =
        world.notices.values().map(|notice| (notice.alerts.len(), notice.transition)).collect();
    told.sort_unstable();
    // 101 is of the same issue as 1 and joins its alert, although of another service.
    assert_eq!(told, [(2, Fired)], "{:#?}", world.alerts);
    assert_eq!(world.alerts.len(), 2);
}

#[test]
fn people_are_reminded_on_a_widening_schedule_until_somebody_looks_after_it() {
    let (mut world, now) = world();
    for bucket in 0..32 {
        usual(&mut world, now + bucket * BUCKET, &[(now + bucket * BUCKET + 5, 1, 60)]);
    }
    assert_eq!(world.transitions(), [(1, Fired), (2, Reminder), (3, Reminder)]);
    let (alert, by, comment) = (only(&world).key, "ann".into(), "on it".into());
    decide(&mut world, now + 32 * BUCKET, Command::Acknowledge { alert, by, comment });
    assert_eq!(world.transitions()[3..], [(4, Acknowledged)]);
    assert_eq!(only(&world).details.by.as_deref(), Some("ann"));
    let end = buckets(&mut world, now + 32 * BUCKET, 12);
    assert_eq!(world.transitions()[4..], [(5, Resolved)]);
    buckets(&mut world, end, 80);
    assert!(!world.state.keys().any(|(_, key)| key.starts_with("i/")), "it is forgotten");
}

#[test]
fn a_snoozed_incident_wakes_up_if_it_goes_on() {
    let (mut world, now) = world();
    usual(&mut world, now, &[(now + 5, 1, 60)]);
    let (alert, by, comment) = (only(&world).key, "ann".into(), "".into());
    let until = at(now + 5 * BUCKET);
    decide(&mut world, now + BUCKET, Command::Snooze { alert, until, by, comment });
    for bucket in 1..8 {
        usual(&mut world, now + bucket * BUCKET, &[(now + bucket * BUCKET + 5, 1, 60)]);
    }
    assert_eq!(world.transitions(), [(1, Fired), (2, Snoozed), (3, Reminder)]);
    assert_eq!(only(&world).details.state, AlertState::Firing);
}

#[test]
fn what_a_person_ended_is_not_told_again_while_it_lasts() {
    let (mut world, now) = world();
    usual(&mut world, now, &[(now + 5, 1, 60)]);
    let (alert, by, comment) = (only(&world).key, "ann".into(), "known".into());
    decide(&mut world, now + BUCKET, Command::Resolve { alert, by, comment });
    for bucket in 1..5 {
        usual(&mut world, now + bucket * BUCKET, &[(now + bucket * BUCKET + 5, 1, 60)]);
    }
    assert_eq!(world.transitions(), [(1, Fired), (2, Resolved)]);
}

#[test]
fn what_is_silenced_is_recorded_and_told_when_the_silence_ends() {
    let (mut world, now) = world();
    let silence = Silence {
        id: "s_1".into(),
        service: Some("shop".into()),
        from: at(now),
        until: at(now + 3 * BUCKET),
        ..Silence::default()
    };
    decide(&mut world, now, Command::Silence(silence));
    usual(&mut world, now, &[(now + 5, 1, 60)]);
    assert_eq!(world.transitions(), []);
    assert_eq!(only(&world).details.silence.as_deref(), Some("s_1"));
    for bucket in 1..5 {
        usual(&mut world, now + bucket * BUCKET, &[(now + bucket * BUCKET + 5, 1, 60)]);
    }
    assert_eq!(world.transitions(), [(1, Fired)]);
    assert_eq!(only(&world).details.silence, None);
}

#[test]
fn nobody_hears_of_an_issue_that_is_ignored_until_it_is_opened_again() {
    let (mut world, now) = world();
    let decide_about = |world: &mut World, secs, deed| {
        let (by, comment) = ("ann".into(), "known".into());
        decide(world, secs, Command::Issue(Decision { issue: IssueId(1), deed, by, comment }));
    };
    decide_about(&mut world, now, Deed::Ignore { until: None });
    usual(&mut world, now, &[(now + 5, 1, 60)]);
    assert_eq!(world.transitions(), []);
    assert!(only(&world).details.silence.is_some());
    decide_about(&mut world, now + BUCKET, Deed::Reopen);
    usual(&mut world, now + BUCKET, &[(now + BUCKET + 5, 1, 60)]);
    assert_eq!(world.transitions(), [(1, Fired)]);
}

#[test]
fn what_comes_back_within_an_hour_is_the_same_alert() {
    let (mut world, now) = world();
    usual(&mut world, now, &[(now + 5, 1, 60)]);
    let calm = buckets(&mut world, now + BUCKET, 6);
    usual(&mut world, calm, &[(calm + 5, 1, 60)]);
    assert_eq!(world.transitions(), [(1, Fired), (2, Resolved), (3, Reopened)]);
    assert_eq!(only(&world).details.state, AlertState::Firing);
}

#[test]
fn what_comes_and_goes_is_told_less_and_less() {
    let (mut world, mut now) = world();
    for _ in 0..12 {
        usual(&mut world, now, &[(now + 5, 1, 80)]);
        now = buckets(&mut world, now + BUCKET, 7);
    }
    let reopened = world.transitions().iter().filter(|(_, what)| *what == Reopened).count();
    assert!(reopened <= 3, "{:?}", world.transitions());
}

#[test]
fn a_step_after_a_deploy_names_the_deploy() {
    let (mut world, now) = world();
    let deploy = Deploy { service: "shop".into(), version: "v42".into(), at: at(now) };
    decide(&mut world, now, Command::Deploy(deploy.clone()));
    for bucket in 0..4 {
        usual(&mut world, now + bucket * BUCKET, &[(now + bucket * BUCKET + 5, 1, 12)]);
    }
    let alert = only(&world);
    assert_eq!((alert.details.kind, alert.details.deploy), (AlertKind::Step, Some(deploy)));
}

#[test]
fn a_service_that_falls_silent_is_one_alert_until_it_is_back() {
    let (mut world, now) = world();
    for bucket in 0..5 {
        // Everything but the service of series 3.
        let secs = now + bucket * BUCKET;
        world.beat(&[(secs + 20, 1, 2), (secs + 30, 2, 2)], secs + BUCKET);
    }
    let alert = only(&world);
    assert_eq!(alert.details.kind, AlertKind::GoneQuiet);
    assert_eq!(&*alert.details.service, "till");
    buckets(&mut world, now + 5 * BUCKET, 2);
    assert_eq!(world.transitions(), [(1, Fired), (2, Resolved)], "{:#?}", world.alerts);
}

#[test]
fn what_is_back_after_two_weeks_is_a_regression() {
    let (mut world, now) = world();
    let now = buckets(&mut world, now, 15 * 288);
    usual(&mut world, now, &[(now + 5, 101, 1)]);
    let now = buckets(&mut world, now + BUCKET, 15 * 288);
    world.alerts.clear();
    usual(&mut world, now, &[(now + 5, 101, 1)]);
    assert_eq!(only(&world).details.kind, AlertKind::Regression);
}

#[test]
fn what_is_news_of_one_moment_is_over_an_hour_later() {
    let (mut world, now) = world();
    let now = buckets(&mut world, now, 15 * 288);
    usual(&mut world, now, &[(now + 5, 101, 1)]);
    let back = buckets(&mut world, now + BUCKET, 15 * 288);
    world.alerts.clear();
    usual(&mut world, back, &[(back + 5, 101, 1)]);
    buckets(&mut world, back + BUCKET, 10);
    assert_eq!(only(&world).details.state, AlertState::Firing);
    buckets(&mut world, back + 11 * BUCKET, 1);
    let details = only(&world).details;
    assert_eq!((details.kind, details.state), (AlertKind::Regression, AlertState::Resolved));
}

#[test]
fn what_a_person_ended_in_its_first_bucket_is_not_told_again_at_the_end_of_it() {
    let (mut world, now) = world();
    world.beat(&[(now + 5, 1, 60)], now + 10);
    let (alert, by, comment) = (only(&world).key, "ann".into(), "known".into());
    decide(&mut world, now + 20, Command::Resolve { alert, by, comment });
    for bucket in 0..5 {
        usual(&mut world, now + bucket * BUCKET, &[(now + bucket * BUCKET + 5, 1, 60)]);
    }
    assert_eq!(world.transitions(), [(1, Fired), (2, Resolved)]);
    assert_eq!(only(&world).details.by.as_deref(), Some("ann"));
}

#[test]
fn what_signals_change_has_changed_at_the_next_instant() {
    let (mut world, now) = world();
    usual(&mut world, now, &[(now + 5, 1, 60)]);
    let calm = buckets(&mut world, now + BUCKET, 6);
    world.beat(&[(calm + 5, 1, 60)], calm + 10);
    assert_eq!(world.transitions()[2..], [(3, Reopened)]);
    assert_eq!(only(&world).details.changed_at, at(calm + 10));
}

#[test]
fn late_events_amend_what_was_told() {
    let (mut world, now) = world();
    usual(&mut world, now, &[(now + 5, 1, 60)]);
    // Longer than any window, so that they do not fire again.
    let end = buckets(&mut world, now + BUCKET, 14);
    assert_eq!(world.transitions(), [(1, Fired), (2, Resolved)]);
    let told = only(&world).observed;
    usual(&mut world, end, &[(now + 6, 1, 40)]);
    assert_eq!(world.transitions()[2..], [(3, Transition::Amended)]);
    let alert = only(&world);
    assert_eq!((alert.observed, alert.details.told_observed), (told + 40, Some(told)));
}

#[test]
fn what_was_written_before_the_engine_began_is_judged_and_not_told() {
    let mut world = World::new(AlertConfig::default());
    for bucket in 0..400 {
        let secs = bucket * BUCKET;
        let burst = if bucket == 300 { 80 } else { 0 };
        let behind = Control::Beat { now: at(500 * BUCKET), is_behind: true };
        world.epoch(&[(secs + 1, 1, 2 + burst), (secs + 2, 3, 30)], &[behind]);
    }
    assert!(world.alerts.is_empty());
    world.beat(&[], 400 * BUCKET);
    assert_eq!(only(&world).start, Bucket(START + 300 * BUCKET));
    assert_eq!(world.transitions(), []);
}

#[test]
fn what_fell_silent_a_day_before_the_engine_began_is_recorded_and_not_told() {
    let mut world = World::new(AlertConfig::default());
    for bucket in 0..800 {
        let secs = bucket * BUCKET;
        let ended = if bucket < 500 { 4 } else { 0 };
        let behind = Control::Beat { now: at(900 * BUCKET), is_behind: true };
        world.epoch(&[(secs + 1, 1, ended), (secs + 2, 3, 30)], &[behind]);
    }
    world.beat(&[], 800 * BUCKET);
    let alert = only(&world);
    assert_eq!(
        (alert.details.kind, alert.details.state),
        (AlertKind::GoneQuiet, AlertState::Resolved)
    );
    assert_eq!(world.transitions(), []);
}

#[test]
fn a_silence_is_the_new_normal_after_a_day() {
    let (mut world, now) = world();
    for bucket in 0..400 {
        let secs = now + bucket * BUCKET;
        world.beat(&[(secs + 30, 2, 1 + bucket % 3), (secs + 40, 3, 30)], secs + BUCKET);
    }
    let alert = only(&world);
    assert_eq!(
        (alert.details.kind, alert.details.state),
        (AlertKind::GoneQuiet, AlertState::Resolved)
    );
    let lasted = alert.details.changed_at.secs() - alert.start.0;
    assert_eq!(lasted, 86_400, "{alert:?}");
    let told = world.transitions();
    assert_eq!((told.first(), told.last().map(|it| it.1)), (Some(&(1, Fired)), Some(Resolved)));
}

/// Members of issue 50 in a service of their own, each with an event every twelve buckets.
const CROWD: u128 = 24;

fn member(n: u128) -> u128 {
    50 + 100 * n
}

/// A bucket in which `events` come of each member whose turn it is, or of all.
fn crowd(world: &mut World, secs: i64, all: bool, more: &[(i64, u128, i64)]) {
    let is_due = |n: &u128| all || (secs / BUCKET + *n as i64) % 12 == 0;
    let mut counts: Vec<_> =
        (0..CROWD).filter(is_due).map(|n| (secs + n as i64, member(n), 1)).collect();
    counts.extend(more);
    usual(world, secs, &counts);
}

fn crowded() -> (World, i64) {
    let mut world = World::new(AlertConfig::default());
    for n in 0..CROWD {
        let row = placed(member(n), "pool");
        world.judge.change(row.clone(), 1);
        world.placed.push(row);
    }
    (0..450).for_each(|bucket| crowd(&mut world, bucket * BUCKET, false, &[]));
    assert_eq!(world.transitions(), [], "nothing has happened: {:#?}", world.alerts);
    (world, 450 * BUCKET)
}

#[test]
fn members_of_an_issue_that_convince_together_are_one_alert_with_the_one_that_does_alone() {
    let (mut world, now) = crowded();
    crowd(&mut world, now, true, &[]);
    let alert = only(&world);
    assert_eq!((alert.details.level, alert.issue), (AlertLevel::Issue, IssueId(50)));
    assert_eq!((alert.observed, &*alert.details.service), (24, "pool"));
    let why = &alert.details.explanation;
    assert_eq!(&*why.test, "events in one bucket, 24 messages together");
    assert_eq!(why.baseline.last().map(|point| point.observed), Some(24));
    crowd(&mut world, now + BUCKET, true, &[(now + BUCKET + 1, member(3), 90)]);
    assert_eq!(only(&world).details.state, AlertState::Firing, "a member goes on with it");
    assert_eq!(only(&world).observed, 24 + 91);
    (2..9).for_each(|n| crowd(&mut world, now + n * BUCKET, false, &[]));
    assert_eq!(world.transitions(), [(1, Fired), (2, Resolved)]);
}

#[test]
fn a_whole_outlives_a_crash_and_a_move_of_its_members() {
    for crash in 0..cases(4) as i64 {
        let (mut world, now) = crowded();
        for n in 0..4 {
            crowd(&mut world, now + n * BUCKET, true, &[]);
            if n == crash {
                world.crash();
            }
        }
        let alert = only(&world);
        assert_eq!(alert.details.state, AlertState::Firing, "{alert:?}");
        // Somebody says that they are part of another issue.
        for n in 0..CROWD {
            let Heard::Placed(mut row) = placed(member(n), "pool") else { continue };
            row.issue = IssueId(60);
            world.judge.change(Heard::Placed(row), 1);
        }
        (4..12).for_each(|n| crowd(&mut world, now + n * BUCKET, false, &[]));
        assert!(world.alerts.values().all(|alert| !alert.details.state.is_open()));
        let moved = world.state.keys().filter(|(_, key)| key.starts_with("m/")).count();
        assert_eq!(moved, 1, "where they stood is known");
    }
}

#[test]
fn a_burst_that_ends_a_silence_is_an_alert_of_its_own() {
    let (mut world, now) = world();
    let silent = |world: &mut World, bucket: i64| {
        let secs = now + bucket * BUCKET;
        world.beat(&[(secs + 30, 2, 1 + bucket % 3), (secs + 40, 3, 30)], secs + BUCKET);
    };
    (0..40).for_each(|bucket| silent(&mut world, bucket));
    assert_eq!(only(&world).details.kind, AlertKind::GoneQuiet);
    let back = now + 40 * BUCKET;
    usual(&mut world, back, &[(back + 5, 1, 80)]);
    let kinds: Vec<_> =
        world.alerts.values().map(|alert| (alert.details.kind, alert.details.state)).collect();
    assert!(kinds.contains(&(AlertKind::GoneQuiet, AlertState::Resolved)), "{kinds:?}");
    assert!(kinds.contains(&(AlertKind::Spike, AlertState::Firing)), "{kinds:?}");
}

#[test]
fn a_service_that_is_back_with_something_new_is_no_longer_silent() {
    let (mut world, now) = world();
    for bucket in 0..5 {
        let secs = now + bucket * BUCKET;
        world.beat(&[(secs + 20, 1, 2), (secs + 30, 2, 2)], secs + BUCKET);
    }
    assert_eq!(only(&world).details.kind, AlertKind::GoneQuiet);
    // Of all series of the service it has the lowest number now.
    world.judge.change(placed(0, "till"), 1);
    usual(&mut world, now + 5 * BUCKET, &[(now + 5 * BUCKET + 3, 0, 1)]);
    buckets(&mut world, now + 6 * BUCKET, 2);
    assert_eq!(only(&world).details.state, AlertState::Resolved);
}

#[test]
fn days_that_are_caught_up_with_leave_the_alerts_that_beats_would_have_left() {
    let bursts = [300, 304, 320, 390, 391, 392, 500, 640];
    let counts = |bucket: i64| {
        let secs = bucket * BUCKET;
        let burst = if bursts.contains(&bucket) { 80 } else { 0 };
        let quiet = if bucket > 560 { 0 } else { 4 };
        [(secs + 1, 1, 2 + burst), (secs + 2, 2, quiet), (secs + 3, 3, 30)]
    };
    let config = AlertConfig { keep_firing: HumanDuration::from_secs(900), ..Default::default() };
    let (mut awake, mut late) = (World::new(config.clone()), World::new(config));
    for bucket in 0..700 {
        awake.beat(&counts(bucket), (bucket + 1) * BUCKET);
        let behind = Control::Beat { now: at(700 * BUCKET), is_behind: true };
        late.epoch(&counts(bucket), &[behind]);
    }
    late.beat(&[], 700 * BUCKET);
    let determined = |world: &World| -> Vec<_> {
        world.alerts.values().map(|alert| Determined::of(alert, "".into())).collect()
    };
    assert!(awake.alerts.len() >= 4, "{:#?}", awake.alerts);
    assert_eq!(determined(&late), determined(&awake));
    let changed = |world: &World| -> Vec<_> {
        world.alerts.values().map(|alert| alert.details.changed_at).collect()
    };
    assert_eq!(changed(&late), changed(&awake), "at the same instants");
    assert!(late.notices.len() < awake.notices.len(), "what was over is not told");
}

#[test]
fn a_crash_at_any_epoch_changes_nothing() {
    let story = |crash: Option<usize>| {
        let (mut world, now) = world();
        let mut epoch = 0;
        for step in 0..60 {
            let secs = now + step * 100;
            let burst = if (12..30).contains(&step) { 15 } else { 0 };
            let late = if step % 7 == 0 { 3 } else { 0 };
            if step == 10 {
                let deploy = Deploy { service: "shop".into(), version: "v2".into(), at: at(secs) };
                decide(&mut world, secs, Command::Deploy(deploy));
                crash_at(&mut world, &mut epoch, crash);
            }
            let counts = [(secs, 1, 1 + burst), (secs - 900, 2, late), (secs, 3, 10)];
            world.epoch(&counts, &[]);
            crash_at(&mut world, &mut epoch, crash);
            world.beat(&[], secs + 100);
            crash_at(&mut world, &mut epoch, crash);
            if let (20, Some(alert)) = (step, world.alerts.keys().next().copied()) {
                let (by, comment) = ("ann".into(), "".into());
                decide(&mut world, secs, Command::Acknowledge { alert, by, comment });
                crash_at(&mut world, &mut epoch, crash);
            }
        }
        (world.alerts, world.notices, world.state)
    };
    let expected = story(None);
    assert!(expected.1.len() >= 3, "{:#?}", expected.1);
    for crash in 0..cases(122) {
        assert!(story(Some(crash)) == expected, "a crash after epoch {crash}");
    }
}

fn crash_at(world: &mut World, epoch: &mut usize, crash: Option<usize>) {
    if crash == Some(*epoch) {
        world.crash();
    }
    *epoch += 1;
}

#[allow(
    clippy::disallowed_methods,
    reason = "tests take their number of cases from the environment"
)]
fn cases(default: usize) -> usize {
    std::env::var("SEISMOLOG_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}
