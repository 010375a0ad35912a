//! Tests of the ledger, with an intake that commits at once or never.

use super::super::budget::Budget;
use super::*;
use engine::model::EventTime;
use engine::testing::FakeIntake;
use std::time::Duration;

const START: EventTime = EventTime::from_secs(1_700_000_000);

fn job(lines: &[&str], key: Option<&str>) -> (Job, oneshot::Receiver<Outcome>) {
    let mut records = Records::new(1024, 1 << 20, Budget::new(1 << 20).share());
    lines.iter().for_each(|line| records.push(line.as_bytes()).unwrap());
    let key = key.map(|key| Key::new(key, lines.concat().as_bytes()));
    let (answer, outcome) = oneshot::channel();
    (Job { records, key, answer }, outcome)
}

fn taken(ledger: &mut Ledger, intake: &mut FakeIntake, job: (Job, Waits)) -> Option<Outcome> {
    let (job, mut waits) = job;
    ledger.take(job, intake).unwrap();
    ledger.settle(intake).unwrap();
    waits.try_recv().ok()
}

type Waits = oneshot::Receiver<Outcome>;

#[test]
fn a_key_with_another_body_is_refused() {
    let mut intake = FakeIntake::at(START);
    let mut ledger = Ledger::resume(&mut intake, RECEIPTS_MAX).unwrap();
    let durable = Some(Outcome::Durable);
    assert_eq!(taken(&mut ledger, &mut intake, job(&["a"], Some("k"))), durable);
    let other = taken(&mut ledger, &mut intake, job(&["b"], Some("k")));
    assert_eq!(other, Some(Outcome::OtherBody));
    assert_eq!(taken(&mut ledger, &mut intake, job(&["a"], Some("k"))), durable);
    assert_eq!(intake.lines(), ["a"]);
}

#[test]
fn limit_receipts_are_kept_for_a_day() {
    let mut intake = FakeIntake::at(START);
    let mut ledger = Ledger::resume(&mut intake, RECEIPTS_MAX).unwrap();
    taken(&mut ledger, &mut intake, job(&["a"], Some("k")));
    intake.advance(Duration::from_secs(RECEIPT_SECS as u64));
    ledger.forget(&mut intake).unwrap();
    taken(&mut ledger, &mut intake, job(&["a"], Some("k")));
    assert_eq!(intake.lines(), ["a"], "a day is not over");
    intake.advance(Duration::from_secs(1));
    ledger.forget(&mut intake).unwrap();
    assert_eq!(intake.resume(), [], "the partition is let go");
    taken(&mut ledger, &mut intake, job(&["a"], Some("k")));
    assert_eq!(intake.lines(), ["a", "a"]);
}

#[test]
fn limit_of_too_many_receipts_the_oldest_is_let_go() {
    let mut intake = FakeIntake::at(START);
    let mut ledger = Ledger::resume(&mut intake, 3).unwrap();
    for key in ["1", "2", "3", "4", "5"] {
        intake.advance(Duration::from_secs(1));
        taken(&mut ledger, &mut intake, job(&[key], Some(key)));
        ledger.forget(&mut intake).unwrap();
    }
    assert_eq!((ledger.receipts.len(), ledger.by_age.len()), (3, 3));
    let mut next = intake.crash(intake.deliveries().len());
    let mut ledger = Ledger::resume(&mut next, 3).unwrap();
    for key in ["5", "4", "3"] {
        taken(&mut ledger, &mut next, job(&[key], Some(key)));
    }
    assert_eq!(next.lines(), [""; 0], "the newest are known after a restart");
    taken(&mut ledger, &mut next, job(&["1"], Some("1")));
    assert_eq!(next.lines(), ["1"]);
}

#[test]
fn limit_of_too_many_requests_without_a_commit_the_last_is_told() {
    struct NeverCommits(FakeIntake);
    impl Intake for NeverCommits {
        fn resume(&self) -> Vec<(PartitionId, Offset)> {
            self.0.resume()
        }
        fn send(&mut self, delivery: Delivery) -> Result<(), Stopped> {
            self.0.send(delivery)
        }
        fn committed(&self, _: &PartitionId) -> Option<Offset> {
            None
        }
        fn stopped(&self) -> bool {
            false
        }
        fn wait(&mut self, at_most: Duration) -> Result<(), Stopped> {
            self.0.wait(at_most)
        }
        fn now(&self) -> EventTime {
            self.0.now()
        }
        fn report(&mut self, _: engine::component::SourceHealth) {}
    }
    let mut intake = NeverCommits(FakeIntake::at(START));
    let mut ledger = Ledger::resume(&mut intake, RECEIPTS_MAX).unwrap();
    let mut waiting = Vec::new();
    for _ in 0..TICKETS_MAX {
        let (job, waits) = job(&["a"], None);
        ledger.take(job, &mut intake).unwrap();
        waiting.push(waits);
    }
    assert!(ledger.settle(&mut intake).unwrap());
    let (job, mut waits) = job(&["one too many"], None);
    ledger.take(job, &mut intake).unwrap();
    assert_eq!(waits.try_recv(), Ok(Outcome::Busy));
    assert!(!intake.0.lines().contains(&"one too many".to_owned()));
    assert!(waiting.iter_mut().all(|waits| waits.try_recv().is_err()), "nobody was answered");
}

#[test]
fn lines_that_may_be_joined_have_a_partition_that_is_let_go() {
    let mut intake = FakeIntake::at(START);
    let mut ledger = Ledger::resume(&mut intake, RECEIPTS_MAX).unwrap();
    for text in ["first", "\tat second"] {
        let (mut job, waits) = job(&[text], None);
        job.records.relation = Relation::Joined;
        assert_eq!(taken(&mut ledger, &mut intake, (job, waits)), Some(Outcome::Durable));
    }
    assert_eq!(intake.lines(), ["first", "\tat second"]);
    assert_ne!(intake.deliveries()[0].partition, intake.deliveries()[2].partition);
    assert_eq!(intake.resume(), []);
    // Nobody knew in an earlier life that it was durable: it is let go in the next.
    let mut next = intake.crash(1);
    Ledger::resume(&mut next, RECEIPTS_MAX).unwrap();
    assert_eq!((next.resume(), next.lines()), (vec![], vec![]));
}
