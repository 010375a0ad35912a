//! `hostile_`: bytes and files that a reader must survive. `limit_`: every bound is reached.

use super::stage::Stage;
use engine::component::{Delivery, SourceHealth};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

fn degraded(stage: &Stage) -> Option<&str> {
    match stage.intake.health().last() {
        Some(SourceHealth::Degraded(sentence)) => Some(sentence),
        _ => None,
    }
}

#[test]
fn hostile_bytes_pass_as_they_are() {
    let bytes = b"\xEF\xBB\xBFbom\r\n\0nul\0\n\xff\xfe broken\n\rlone\r\n\x1b[31mred\n";
    let mut stage = Stage::new("*.log");
    stage.write("app.log", bytes);
    stage.poll();
    let delivered: Vec<u8> =
        stage.intake.deliveries().iter().flat_map(|d| d.bytes.clone()).collect();
    assert_eq!(delivered, bytes);
}

#[test]
fn hostile_utf_16_is_named_and_read_on() {
    let mut stage = Stage::new("*.log");
    let text: Vec<u8> = "\u{FEFF}one\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    stage.write("app.log", text);
    stage.write("good.log", "good\n");
    stage.poll();
    assert!(degraded(&stage).unwrap().contains("looks like UTF-16"));
    assert!(stage.intake.lines().contains(&"good".to_owned()));
}

#[test]
fn hostile_things_that_are_no_files_are_named_once_and_disturb_nothing() {
    let mut stage = Stage::new("*");
    fs::create_dir(stage.path("folder")).unwrap();
    symlink(stage.path("loop"), stage.path("loop")).unwrap();
    symlink("/dev/zero", stage.path("device")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(stage.path("socket")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(stage.path("pipe")).status();
    assert!(pipe.unwrap().success());
    stage.write("app.log", "one\n");
    stage.poll();
    stage.poll_for_long();
    assert_eq!(stage.intake.lines(), ["one"]);
    assert_eq!(stage.intake.health().len(), 1);
    let sentence = degraded(&stage).unwrap();
    assert!(sentence.contains("device: it is a device, not a file"), "{sentence}");
    assert!(sentence.contains("folder: it is a folder, not a file"), "{sentence}");
    assert!(sentence.ends_with("and 2 more"), "{sentence}");
    for name in ["folder", "loop", "device", "socket", "pipe"] {
        let path = stage.path(name);
        fs::remove_dir(&path).or_else(|_| fs::remove_file(&path)).unwrap();
    }
    stage.poll();
    assert_eq!(stage.intake.health().last(), Some(&SourceHealth::Ok));
}

#[test]
fn hostile_an_unreadable_file_is_named_and_read_once_it_can_be() {
    let mut stage = Stage::new("*.log");
    stage.write("app.log", "one\n");
    stage.write("good.log", "good\n");
    let allow = |stage: &Stage, mode| {
        fs::set_permissions(stage.path("app.log"), fs::Permissions::from_mode(mode)).unwrap();
    };
    allow(&stage, 0o000);
    stage.poll();
    if fs::File::open(stage.path("app.log")).is_err() {
        assert_eq!(stage.intake.lines(), ["good"]);
        assert!(degraded(&stage).unwrap().ends_with("app.log: permission denied"));
    }
    allow(&stage, 0o644);
    stage.poll_for_long();
    let mut lines = stage.intake.lines();
    lines.sort();
    assert_eq!(lines, ["good", "one"]);
    assert_eq!(stage.intake.health().last(), Some(&SourceHealth::Ok));
}

#[test]
fn hostile_a_file_replaced_by_a_folder_is_read_to_its_end_and_named() {
    let mut stage = Stage::new("*.log");
    stage.write("app.log", "one\n");
    stage.poll();
    stage.write("app.log", "two\n");
    stage.remove("app.log");
    fs::create_dir(stage.path("app.log")).unwrap();
    stage.poll_for_long();
    assert_eq!(stage.intake.lines(), ["one", "two"]);
    assert!(degraded(&stage).unwrap().contains("app.log: it is a folder"));
}

#[test]
fn hostile_no_matching_file_is_named_until_there_is_one() {
    let mut stage = Stage::new("*.log");
    stage.poll();
    assert!(degraded(&stage).unwrap().starts_with("no file matches"));
    stage.write("app.log", "one\n");
    stage.poll();
    assert_eq!(stage.intake.health().last(), Some(&SourceHealth::Ok));
}

#[test]
fn limit_a_hundred_megabyte_line_is_cut_and_the_next_one_is_whole() {
    let mut stage = Stage::new("*.log");
    stage.write("app.log", "before\n");
    for _ in 0..100 {
        stage.write("app.log", vec![b'x'; 1_000_000]);
    }
    stage.poll();
    assert_eq!(stage.intake.lines(), ["before"]);
    stage.write("app.log", "end\nafter\n");
    stage.poll();
    let lines = stage.intake.lines();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1].len(), 1024 * 1024);
    assert_eq!(lines[2], "after");
    assert_eq!(stage.intake.lines_cut(), 1);
    stage.restart();
    stage.write("app.log", "later\n");
    stage.poll();
    assert_eq!(stage.intake.lines(), ["later"]);
}

#[test]
fn limit_a_hole_of_a_gigabyte_is_one_cut_line() {
    let mut stage = Stage::new("*.log");
    stage.write("app.log", "before\n");
    let file = fs::OpenOptions::new().write(true).open(stage.path("app.log")).unwrap();
    file.set_len(1 << 30).unwrap();
    stage.write("app.log", "\nafter\n");
    stage.poll();
    let lines = stage.intake.lines();
    assert_eq!((lines.len(), lines[1].len()), (3, 1024 * 1024));
    assert_eq!(stage.intake.lines_cut(), 1);
    assert!(stage.intake.deliveries().iter().all(|d| d.bytes.len() <= 2 * 1024 * 1024));
}

#[test]
fn limit_lines_around_the_limit_and_the_buffer_are_whole() {
    let sizes = [63, 64, 65, 1000, Delivery::BYTES_AIM - 1, Delivery::BYTES_AIM, 300_000, 700_000];
    for limit in [64, 1000, 300_000] {
        let mut stage = Stage::new("*.log").option("max_line_bytes", limit);
        for (number, size) in sizes.iter().enumerate() {
            stage.write("app.log", vec![b'a' + number as u8; *size]);
            stage.write("app.log", "\n");
            stage.poll();
        }
        stage.write("app.log", "end\n");
        stage.poll();
        let lines: Vec<usize> = stage.intake.lines().iter().map(String::len).collect();
        let expected: Vec<usize> = sizes.iter().map(|size| *size.min(&limit)).chain([3]).collect();
        assert_eq!(lines, expected, "limit {limit}");
        let cut = sizes.iter().filter(|size| **size > limit).count();
        assert_eq!(stage.intake.lines_cut(), cut as u64, "limit {limit}");
    }
}

#[test]
fn limit_more_files_than_may_be_open_are_all_followed() {
    let mut stage = Stage::new("*.log");
    stage.limits.open_files_max = 4;
    for number in 0..300 {
        stage.write(&format!("{number:03}.log"), format!("first {number}\n"));
    }
    stage.poll();
    for number in (0..300).rev() {
        stage.write(&format!("{number:03}.log"), format!("second {number}\n"));
    }
    stage.poll();
    stage.poll();
    stage.restart();
    for number in 0..300 {
        stage.write(&format!("{number:03}.log"), format!("third {number}\n"));
    }
    stage.poll();
    let lines = stage.intake.lines();
    assert_eq!(lines.len(), 300, "{lines:?}");
    assert!(lines.iter().all(|line| line.starts_with("third")));
}

#[test]
fn limit_files_over_the_bound_are_named_and_the_others_followed() {
    let mut stage = Stage::new("*.log");
    stage.limits.files_max = 3;
    for number in 0..5 {
        stage.write(&format!("{number}.log"), format!("{number}\n"));
    }
    stage.poll();
    assert_eq!(stage.intake.lines(), ["0", "1", "2"]);
    assert!(degraded(&stage).unwrap().starts_with("more than 3 files match"));
}

#[test]
fn limit_a_busy_file_does_not_starve_a_quiet_one() {
    let mut stage = Stage::new("*.log");
    let line = format!("{}\n", "x".repeat(99));
    stage.write("a-busy.log", line.repeat(300_000));
    stage.write("b-quiet.log", "quiet\n");
    stage.poll();
    let quiet = stage.intake.deliveries().iter().position(|d| d.bytes == b"quiet\n").unwrap();
    assert!(quiet < stage.intake.deliveries().len() - 60, "the quiet file came at {quiet}");
}

#[test]
fn independent_files_with_the_same_content_are_all_counted() {
    let mut stage = Stage::new("*.log");
    stage.write("a.log", "starting\n");
    stage.poll();
    stage.write("b.log", "starting\n");
    stage.poll();
    assert_eq!(stage.intake.lines(), ["starting", "starting"]);
}

#[test]
fn a_file_with_two_names_is_read_once() {
    let mut stage = Stage::new("*.log");
    stage.write("app.log", "one\n");
    fs::hard_link(stage.path("app.log"), stage.path("link.log")).unwrap();
    symlink(stage.path("app.log"), stage.path("soft.log")).unwrap();
    stage.poll();
    assert_eq!(stage.intake.lines(), ["one"]);
}

#[test]
fn excluded_files_are_left_out_by_name_and_by_path() {
    let stage = Stage::new("**/*.log");
    let deep = stage.path("deep").join("*").to_string_lossy().into_owned();
    let mut stage = stage.option("exclude", serde_json::json!(["debug*", deep]));
    fs::create_dir(stage.path("deep")).unwrap();
    for name in ["app.log", "debug.log", "deep/other.log"] {
        stage.write(name, format!("{name}\n"));
    }
    stage.poll();
    assert_eq!(stage.intake.lines(), ["app.log"]);
}
