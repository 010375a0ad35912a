//! The ledger, without a dataflow: decisions that follow fingerprints, what comes back, crashes at every epoch.

use super::ledger::{Ledger, Row, Told};
use crate::view::View;
use engine::component::Recovered;
use engine::model::{
    Activity, Bucket, Command, Control, Decision, Deed, EventTime, Fingerprint, Happened, IssueId,
    Standing, StateKey, TriageState,
};
use std::collections::BTreeMap;
use std::sync::Arc;

const START: i64 = 1_772_409_600;

fn at(secs: i64) -> EventTime {
    EventTime::from_secs(START + secs)
}

/// A ledger and what it stored.
#[derive(Default)]
struct World {
    ledger: Ledger,
    places: BTreeMap<Fingerprint, IssueId>,
    state: BTreeMap<StateKey, Arc<[u8]>>,
    standings: BTreeMap<IssueId, Standing>,
    activity: Vec<Activity>,
}

impl World {
    /// Fingerprints 1 and 2 are issue 10, fingerprint 3 is issue 30.
    fn new() -> World {
        let mut world = World::default();
        world.epoch(&[place(1, 10), place(2, 10), place(3, 30), Row::Recovered]);
        world
    }

    fn epoch(&mut self, rows: &[Row]) {
        let mut rows = rows.to_vec();
        rows.sort();
        for row in rows {
            if let Row::Placed(fingerprint, issue) = row {
                self.places.insert(fingerprint, issue);
            }
            self.ledger.change(row, 1);
        }
        for (told, _) in self.ledger.tell() {
            match told {
                Told::Standing(issue, Some(standing)) => {
                    self.standings.insert(issue, standing);
                }
                Told::Standing(issue, None) => _ = self.standings.remove(&issue),
                Told::Activity(entry) => self.activity.push(*entry),
                Told::State(key, value) => {
                    let place = ("triage".into(), key);
                    match value {
                        Some(value) => _ = self.state.insert(place, value.into()),
                        None => _ = self.state.remove(&place),
                    }
                }
            }
        }
    }

    /// Forgets everything that is not stored.
    fn crash(&mut self) {
        let recovered = Recovered { state: self.state.clone(), ..Recovered::default() };
        self.ledger = Ledger::recovered("triage", &recovered);
        let places = self.places.iter().map(|(of, issue)| Row::Placed(*of, *issue));
        let before = (self.standings.clone(), self.activity.len());
        let mut rows: Vec<Row> = places.collect();
        // What was counted is told again, and is no news.
        rows.extend([count(1, 0), count(1, 7200), Row::Recovered]);
        self.epoch(&rows);
        assert_eq!((self.standings.clone(), self.activity.len()), before, "recovery is no news");
    }

    fn decide(&mut self, secs: i64, issue: u128, deed: Deed) {
        let decision =
            Decision { issue: IssueId(issue), deed, by: "ann".into(), comment: "seen".into() };
        self.command(secs, Command::Issue(decision));
    }

    fn command(&mut self, secs: i64, command: Command) {
        self.epoch(&[Row::Control(Control::Command { at: at(secs), command })]);
    }

    fn beat(&mut self, secs: i64) {
        self.epoch(&[Row::Control(Control::Beat { now: at(secs), is_behind: false })]);
    }

    fn state(&self, issue: u128) -> TriageState {
        self.standings.get(&IssueId(issue)).map(|it| it.state).unwrap_or_default()
    }
}

fn place(fingerprint: u128, issue: u128) -> Row {
    Row::Placed(Fingerprint(fingerprint), IssueId(issue))
}

fn count(fingerprint: u128, secs: i64) -> Row {
    Row::Count(Bucket(START + secs), Fingerprint(fingerprint))
}

#[test]
fn what_is_resolved_stays_so_until_an_event_of_a_later_minute() {
    let mut world = World::new();
    world.decide(90, 10, Deed::Resolve);
    assert_eq!(world.state(10), TriageState::Resolved);
    // Events of the minute in which it was resolved, and late ones.
    world.epoch(&[count(1, 60), count(2, 0)]);
    assert_eq!(world.state(10), TriageState::Resolved);
    world.epoch(&[count(2, 120)]);
    let standing = &world.standings[&IssueId(10)];
    assert_eq!((standing.state, standing.changed_at), (TriageState::Regressed, at(120)));
    assert_eq!(&*standing.by, "", "nobody did that");
    assert_eq!(world.activity.last().unwrap().happened, Happened::Regressed);
    assert_eq!(world.activity.len(), 2);
}

#[test]
fn a_new_fingerprint_opens_a_resolved_issue() {
    let mut world = World::new();
    world.decide(0, 10, Deed::Resolve);
    world.epoch(&[place(4, 10), count(4, 60)]);
    assert_eq!(world.state(10), TriageState::Regressed);
}

#[test]
fn a_decision_follows_its_fingerprints_through_merge_and_split() {
    let mut world = World::new();
    world.decide(0, 10, Deed::Resolve);
    // Merged into 30, of which nothing was decided.
    world.epoch(&[place(1, 30), place(2, 30)]);
    assert_eq!(world.state(30), TriageState::Open);
    assert!(!world.standings.contains_key(&IssueId(10)), "it is gone");
    // And split again.
    world.epoch(&[place(1, 10), place(2, 10)]);
    assert_eq!(world.state(10), TriageState::Resolved);
    assert_eq!(world.state(30), TriageState::Open);
    // Of two that are resolved, the whole is.
    world.decide(60, 30, Deed::Resolve);
    world.epoch(&[place(3, 10)]);
    assert_eq!(world.standings[&IssueId(10)].changed_at, at(60), "as of the later one");
}

#[test]
fn what_is_ignored_wakes_up_when_its_time_has_come() {
    let mut world = World::new();
    world.decide(0, 10, Deed::Ignore { until: Some(at(600)) });
    world.decide(0, 30, Deed::Ignore { until: None });
    world.epoch(&[count(1, 120), count(3, 120)]);
    world.beat(599);
    assert_eq!((world.state(10), world.state(30)), (TriageState::Ignored, TriageState::Ignored));
    world.beat(100_000);
    assert_eq!((world.state(10), world.state(30)), (TriageState::Open, TriageState::Ignored));
    assert_eq!(world.standings[&IssueId(10)].changed_at, at(600));
    assert_eq!(world.activity.iter().filter(|it| it.happened == Happened::Woke).count(), 1);
}

#[test]
fn somebody_looks_after_an_issue_until_nobody_does() {
    let mut world = World::new();
    world.decide(0, 10, Deed::Assign { to: Some("bob".into()) });
    let standing = world.standings[&IssueId(10)].clone();
    assert_eq!((standing.state, standing.assignee.as_deref()), (TriageState::Open, Some("bob")));
    world.decide(5, 10, Deed::Resolve);
    assert_eq!(world.standings[&IssueId(10)].assignee.as_deref(), Some("bob"));
    world.decide(9, 10, Deed::Reopen);
    world.decide(10, 10, Deed::Assign { to: None });
    assert_eq!(world.standings[&IssueId(10)].assignee, None);
    world.decide(11, 10, Deed::Comment);
    assert_eq!(world.activity.len(), 5);
    assert_eq!(&*world.activity[4].comment, "seen");
}

#[test]
fn a_decision_about_an_issue_that_is_gone_changes_nothing() {
    let mut world = World::new();
    world.decide(0, 99, Deed::Resolve);
    assert_eq!((world.standings.len(), world.activity.len(), world.state.len()), (0, 0, 0));
}

#[test]
fn a_crash_at_any_epoch_changes_nothing() {
    let story = |crash: Option<usize>| {
        let mut world = World::new();
        type Step = fn(&mut World);
        let steps: [Step; 11] = [
            |world| world.decide(0, 10, Deed::Resolve),
            |world| world.decide(1, 30, Deed::Ignore { until: Some(at(300)) }),
            |world| world.epoch(&[count(1, 0), count(3, 60)]),
            |world| world.decide(70, 10, Deed::Assign { to: Some("bob".into()) }),
            |world| world.epoch(&[place(3, 10)]),
            |world| world.beat(200),
            |world| world.decide(210, 10, Deed::Comment),
            |world| world.beat(400),
            |world| world.epoch(&[place(3, 30), place(5, 10), count(5, 480)]),
            |world| world.decide(500, 10, Deed::Reopen),
            |world| world.epoch(&[place(1, 30), place(2, 30)]),
        ];
        for (at, step) in steps.iter().enumerate() {
            step(&mut world);
            if crash == Some(at) {
                world.crash();
            }
        }
        (world.standings, world.activity, world.state)
    };
    let expected = story(None);
    assert!(expected.1.len() >= 6, "{:#?}", expected.1);
    for crash in 0..11 {
        assert_eq!(story(Some(crash)), expected, "a crash after step {crash}");
    }
}
