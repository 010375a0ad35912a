//! Plain following: new lines, half-written lines, restarts, a single pass.

use super::super::follower::Progress;
use super::stage::Stage;

#[test]
fn lines_are_delivered_once_as_they_are_written() {
    let mut stage = Stage::new("*.log");
    stage.write("app.log", "one\ntwo\n");
    stage.poll();
    stage.poll();
    stage.write("app.log", "three\n");
    stage.poll();
    assert_eq!(stage.intake.lines(), ["one", "two", "three"]);
}

#[test]
fn a_half_written_line_waits_for_its_end() {
    let mut stage = Stage::new("*.log");
    stage.write("app.log", "one\ntw");
    stage.poll_for_long();
    assert_eq!(stage.intake.lines(), ["one"]);
    stage.write("app.log", "o\n");
    stage.poll();
    assert_eq!(stage.intake.lines(), ["one", "two"]);
}

#[test]
fn a_restart_goes_on_behind_what_was_committed() {
    let mut stage = Stage::new("*.log");
    stage.write("app.log", "one\n");
    stage.poll();
    stage.write("app.log", "two\n");
    stage.poll();
    stage.crash(1);
    stage.write("app.log", "three\n");
    stage.poll();
    assert_eq!(stage.intake.lines(), ["two", "three"]);
}

#[test]
fn a_single_pass_reads_all_to_the_end_and_finishes() {
    let mut stage = Stage::new("*.log").option("once", true);
    stage.write("a.log", "one\ntwo");
    stage.write("b.log", "three\n");
    assert_eq!(stage.poll(), Progress::Finished);
    let mut lines = stage.intake.lines();
    lines.sort();
    assert_eq!(lines, ["one", "three", "two"]);
    assert!(stage.intake.deliveries().iter().all(|d| d.received.is_some()));
}

#[test]
fn a_single_pass_over_nothing_is_an_error() {
    let mut stage = Stage::new("*.log").option("once", true);
    let error = stage.try_poll().unwrap_err();
    assert!(error.what.starts_with("cannot read any file of"), "{}", error.what);
}

#[test]
fn reading_can_begin_at_the_end_of_what_is_there_at_the_first_start() {
    let mut stage = Stage::new("*.log").option("start_at", "end");
    stage.write("old.log", "old\n");
    stage.poll();
    stage.write("old.log", "new\n");
    stage.write("young.log", "young\n");
    stage.poll();
    assert_eq!(stage.intake.lines(), ["new", "young"]);
    stage.restart();
    stage.write("later.log", "later\n");
    stage.poll();
    assert_eq!(stage.intake.lines(), ["later"]);
}

#[test]
fn an_offset_that_cannot_be_understood_is_refused_by_name() {
    use engine::component::{Delivery, Intake};
    use engine::model::{Offset, PartitionId};
    let mut stage = Stage::new("*.log");
    let delivery = Delivery {
        partition: PartitionId("elsewhere".into()),
        bytes: Vec::new(),
        end: Some(Offset("nonsense".into())),
        received: None,
        lines_cut: 0,
        lost_bytes: 0,
        lag_bytes: 0,
    };
    stage.intake.send(delivery).unwrap();
    stage.restart();
    let error = stage.try_poll().unwrap_err();
    assert_eq!(error.what, "cannot understand the stored offset of elsewhere");
    assert!(!error.retry);
}

#[test]
fn the_registered_source_runs_until_it_is_stopped_and_finishes_a_single_pass() {
    use engine::component::{Build, Options};
    use engine::model::EventTime;
    use engine::testing::FakeIntake;
    let stage = Stage::new("*.log");
    stage.write("app.log", "one\ntwo");
    let Build::Source(build) = super::super::COMPONENT.build else { panic!("it is a source") };
    for once in [false, true] {
        let value = serde_json::json!({ "include": ["*.log"], "once": once });
        let base = stage.folder.path().to_owned();
        let source = build(&Options { id: "app".into(), value, base }).unwrap();
        let mut intake = FakeIntake::at(EventTime::from_secs(1)).stop_after_waits(3);
        assert_eq!(source.run(&mut intake).is_ok(), once);
        assert_eq!(intake.lines().len(), if once { 2 } else { 1 });
    }
}
