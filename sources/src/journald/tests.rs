//! Tests of the `journald` source, with programs that stand for `journalctl`.

use super::*;
use crate::push::testing::build as built;
use engine::model::EventTime;
use engine::testing::FakeIntake;
use serde_json::json;

const RECORDED: &[u8] = include_bytes!("export/recorded.export");

/// A program that honours `--after-cursor` as `journalctl` does, over a recorded journal.
fn program(folder: &tempfile::TempDir) -> Vec<String> {
    let ends: Vec<usize> = RECORDED
        .windows(2)
        .enumerate()
        .filter_map(|(at, pair)| (pair == b"\n\n").then_some(at + 2))
        .collect();
    let mut start = 0;
    for (n, end) in ends.iter().enumerate() {
        std::fs::write(folder.path().join(n.to_string()), &RECORDED[start..*end]).unwrap();
        start = *end;
    }
    let script = "cd \"$0\"; echo \"$@\" >> arguments; from=0\n\
                  for a in \"$@\"; do case $a in --after-cursor=*) from=${a##*i=};; esac; done\n\
                  i=0; while [ -e $i ]; do [ $i -ge $from ] && cat $i; i=$((i+1)); done\n\
                  echo 'the recording ends' >&2; exit 3";
    let folder = folder.path().display().to_string();
    ["/bin/sh", "-c", script, &folder].map(str::to_owned).to_vec()
}

fn source(command: Vec<String>) -> JournaldSource {
    JournaldSource(JournaldOptions { command, start: Start::Beginning, max_line_bytes: 1 << 20 })
}

#[test]
fn conforms_every_entry_is_read_once_whatever_was_committed() {
    let folder = tempfile::tempdir().unwrap();
    let source = source(program(&folder));
    let mut first = FakeIntake::at(EventTime(0));
    let error = source.run(&mut first).unwrap_err();
    assert!(error.retry);
    assert_eq!(error.what, "\"/bin/sh\" ended (exit status: 3): the recording ends");
    assert_eq!(first.lines().len(), 3);
    for committed in 0..=first.deliveries().len() {
        let mut second = first.crash(committed);
        source.run(&mut second).unwrap_err();
        assert_eq!([first.lines_before(committed), second.lines()].concat(), first.lines());
    }
}

#[test]
fn conforms_offsets_it_never_sent_influence_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut intake = FakeIntake::at(EventTime(0));
    let strange = [("stranger", "{\"cursor\":\"s=aa;i=3\"}"), ("journal", "no place")];
    for (partition, offset) in strange {
        let (partition, end) = (PartitionId(partition.into()), Some(Offset(offset.into())));
        let delivery = Delivery {
            partition,
            bytes: Vec::new(),
            end,
            received: None,
            lines_cut: 0,
            lost_bytes: 0,
            lag_bytes: 0,
        };
        intake.send(delivery).unwrap();
    }
    let mut intake = intake.crash(2);
    source(program(&folder)).run(&mut intake).unwrap_err();
    assert_eq!(intake.lines().len(), 3);
}

#[test]
fn the_program_is_told_where_to_begin() {
    let told = |start, place: Option<&str>| {
        let options =
            JournaldOptions { command: command_default(), start, max_line_bytes: 1 << 20 };
        let place = place.map(|cursor| Place { cursor: cursor.into() });
        JournaldSource(options).arguments(place.as_ref())[2..].join(" ")
    };
    assert_eq!(told(Start::End, None), "--no-pager --lines=0");
    assert_eq!(told(Start::Beginning, None), "--no-pager --no-tail");
    assert_eq!(told(Start::End, Some("s=a;i=1")), "--no-pager --after-cursor=s=a;i=1 --no-tail");
}

#[test]
fn conforms_a_stop_is_noticed_while_the_program_says_nothing() {
    let silent = ["/bin/sh", "-c", "exec sleep 1000"].map(str::to_owned).to_vec();
    let mut intake = FakeIntake::at(EventTime(0)).stop_after_waits(3);
    assert!(source(silent).run(&mut intake).is_err());
}

#[test]
fn limit_a_program_that_says_more_than_is_taken_waits_and_a_long_complaint_is_cut() {
    let script = "i=0; while [ $i -lt 20000 ]; do \
                  printf 'MESSAGE=entry %s\\n__CURSOR=i=%s\\n\\n' $i $i; i=$((i+1)); done; \
                  head -c 100000 /dev/zero | tr '\\0' x >&2";
    let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    let mut intake = FakeIntake::at(EventTime(0));
    let error = source(command).run(&mut intake).unwrap_err();
    assert_eq!(intake.lines().len(), 20_000);
    assert!(error.what.len() < COMPLAINT_BYTES_MAX + 100);
    assert!(intake.deliveries().iter().all(|d| d.bytes.len() < 2 * Delivery::BYTES_AIM));
}

#[test]
fn a_program_that_cannot_be_started_is_tried_again() {
    let mut intake = FakeIntake::at(EventTime(0));
    let missing = source(vec!["/no/such/program".into()]);
    assert!(missing.check().is_err() && source(vec!["/bin/true".into()]).check().is_ok());
    let error = missing.run(&mut intake).unwrap_err();
    assert!(error.retry && error.what.starts_with("cannot start \"/no/such/program\""), "{error}");
}

#[test]
fn options_are_checked() {
    assert_eq!(built(&COMPONENT, json!({})), Ok(()));
    let wrong = json!({"command": [], "max_line_bytes": 1});
    assert_eq!(built(&COMPONENT, wrong), Err(vec!["max_line_bytes".into(), "command".into()]));
}
