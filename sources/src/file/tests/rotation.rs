//! `rotation_`: every way in which a log file is rotated, while running and while down, each with
//! and without an identical banner at the head of every file.
#![allow(clippy::disallowed_methods, reason = "tests read the small files they wrote")]

use super::stage::Stage;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

const BANNER: &str = "=== a banner longer than an anchor, the same in every file ===\n";

/// Writes the beginning of a new file.
fn begin(stage: &Stage, name: &str, banner: bool, lines: &str) {
    let banner = if banner { BANNER.repeat(28) } else { String::new() };
    stage.write(name, format!("{banner}{lines}"));
}

/// How often each line was delivered in this life and the committed part of the last one.
fn counted(lines: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for line in lines {
        *counts.entry(line.as_str()).or_insert(0) += 1;
    }
    counts
}

/// Runs `rotate` between two stretches of writing and expects every line once and each banner.
fn exact(pattern: &str, lives: usize, rotate: impl Fn(&mut Stage, bool)) {
    for banner in [false, true] {
        for down in [false, true] {
            let mut stage = Stage::new(pattern);
            begin(&stage, "app.log", banner, "one\ntwo\n");
            stage.poll();
            let mut lines = stage.intake.lines();
            if down {
                stage.restart();
                rotate(&mut stage, banner);
                stage.poll();
                stage.poll_for_long();
                lines.extend(stage.intake.lines());
            } else {
                rotate(&mut stage, banner);
                stage.poll();
                stage.poll_for_long();
                lines = stage.intake.lines();
            }
            lines.retain(|line| !line.is_empty());
            let mut counts = counted(&lines);
            let banners = counts.remove(BANNER.trim_end()).unwrap_or(0);
            assert_eq!(banners, if banner { 28 * lives } else { 0 }, "down: {down}");
            assert!(counts.values().all(|&n| n == 1), "{counts:?} banner {banner} down {down}");
            let expected = ["five", "four", "one", "three", "two"];
            assert_eq!(counts.into_keys().collect::<Vec<_>>(), expected, "{banner} {down}");
            assert_eq!(stage.intake.lost_bytes(), 0, "banner {banner}, down {down}");
        }
    }
}

#[test]
fn rotation_by_renaming_is_exact() {
    exact("app.log*", 2, |stage, banner| {
        stage.write("app.log", "three\n");
        stage.rename("app.log", "app.log.1");
        begin(stage, "app.log", banner, "four\nfive\n");
    });
}

#[test]
fn rotation_by_renaming_out_of_the_pattern_is_exact() {
    exact("*.log", 2, |stage, banner| {
        stage.write("app.log", "three\n");
        stage.rename("app.log", "app.log.1");
        begin(stage, "app.log", banner, "four\nfive\n");
    });
}

#[test]
fn rotation_by_renaming_with_late_writes_to_the_old_file_is_exact() {
    exact("*.log", 2, |stage, banner| {
        stage.rename("app.log", "app.log.1");
        begin(stage, "app.log", banner, "four\n");
        stage.poll();
        stage.poll_for_long();
        stage.write("app.log.1", "three\n");
        stage.write("app.log", "five\n");
    });
}

#[test]
fn rotation_by_copying_and_truncating_is_exact() {
    for pattern in ["app.log*", "*.log"] {
        exact(pattern, 2, |stage, banner| {
            stage.write("app.log", "three\n");
            stage.copy("app.log", "app.log.1");
            stage.truncate("app.log");
            begin(stage, "app.log", banner, "four\nfive\n");
        });
    }
}

#[test]
fn rotation_by_copying_is_exact_when_the_copy_is_seen_before_the_truncation() {
    exact("app.log*", 2, |stage, banner| {
        stage.write("app.log", "three\n");
        stage.copy("app.log", "app.log.1");
        stage.poll();
        stage.truncate("app.log");
        stage.poll();
        begin(stage, "app.log", banner, "four\nfive\n");
    });
}

#[test]
fn rotation_by_copying_is_exact_when_half_of_the_copy_is_seen() {
    exact("app.log*", 2, |stage, banner| {
        stage.write("app.log", "three\n");
        let content = fs::read(stage.path("app.log")).unwrap();
        let (first, second) = content.split_at(content.len() / 2);
        stage.write("app.log.1", first);
        stage.poll();
        stage.write("app.log.1", second);
        stage.poll();
        stage.truncate("app.log");
        begin(stage, "app.log", banner, "four\nfive\n");
    });
}

#[test]
fn rotation_by_truncating_is_exact_for_what_was_read() {
    exact("*.log", 2, |stage, banner| {
        stage.write("app.log", "three\n");
        stage.poll();
        stage.truncate("app.log");
        begin(stage, "app.log", banner, "four\nfive\n");
    });
}

#[test]
fn rotation_by_truncating_is_noticed_when_the_file_has_outgrown_its_old_length() {
    exact("*.log", 2, |stage, banner| {
        stage.write("app.log", "three\n");
        stage.poll();
        stage.truncate("app.log");
        begin(stage, "app.log", banner, "four\n");
        stage.write("app.log", "\n".repeat(5000));
        stage.write("app.log", "five\n");
    });
}

#[test]
fn rotation_by_deleting_and_creating_is_exact_for_what_was_read_or_is_open() {
    exact("*.log", 2, |stage, banner| {
        stage.poll();
        stage.write("app.log", "three\n");
        stage.remove("app.log");
        begin(stage, "app.log", banner, "four\nfive\n");
    });
}

#[test]
fn rotation_by_switching_a_symbolic_link_is_exact() {
    for banner in [false, true] {
        for down in [false, true] {
            let mut stage = Stage::new("current");
            fs::create_dir(stage.path("data")).unwrap();
            begin(&stage, "data/a", banner, "one\n");
            symlink(stage.path("data/a"), stage.path("current")).unwrap();
            stage.poll();
            let mut lines = stage.intake.lines();
            if down {
                stage.restart();
            } else {
                lines.clear();
            }
            stage.write("data/a", "two\n");
            begin(&stage, "data/b", banner, "three\n");
            symlink(stage.path("data/b"), stage.path("next")).unwrap();
            stage.rename("next", "current");
            stage.poll();
            stage.write("data/a", "late");
            stage.poll_for_long();
            lines.extend(stage.intake.lines());
            lines.retain(|line| *line != BANNER.trim_end());
            lines.sort();
            assert_eq!(lines, ["late", "one", "three", "two"], "{banner} {down}");
        }
    }
}

#[test]
fn rotation_three_times_while_down_is_exact() {
    for pattern in ["app.log*", "*.log"] {
        for banner in [false, true] {
            let mut stage = Stage::new(pattern);
            begin(&stage, "app.log", banner, "one\n");
            stage.poll();
            stage.restart();
            stage.write("app.log", "two\n");
            stage.rename("app.log", "app.log.3");
            begin(&stage, "app.log.2", banner, "three\n");
            begin(&stage, "app.log.1", banner, "four\n");
            begin(&stage, "app.log", banner, "five\n");
            stage.poll();
            stage.poll_for_long();
            let mut lines = stage.intake.lines();
            lines.retain(|line| *line != BANNER.trim_end());
            lines.sort();
            // What never matched the pattern was never promised.
            let all = ["five", "four", "three", "two"];
            let expected = if pattern == "app.log*" { &all[..] } else { &["five", "two"] };
            assert_eq!(lines, expected, "{pattern} {banner}");
        }
    }
}

#[test]
fn rotation_copies_chained_while_down_are_told_apart() {
    for banner in [false, true] {
        let mut stage = Stage::new("app.log*");
        begin(&stage, "app.log", banner, "one\n");
        stage.poll();
        stage.restart();
        stage.write("app.log", "two\n");
        for lines in ["three\n", "four\n"] {
            if stage.path("app.log.1").exists() {
                stage.rename("app.log.1", "app.log.2");
            }
            stage.copy("app.log", "app.log.1");
            stage.truncate("app.log");
            begin(&stage, "app.log", banner, lines);
        }
        stage.poll();
        stage.poll_for_long();
        let mut lines = stage.intake.lines();
        lines.retain(|line| *line != BANNER.trim_end());
        lines.sort();
        assert_eq!(lines, ["four", "three", "two"]);
    }
}

#[test]
fn rotation_leaves_out_compressed_files_by_name_and_by_content() {
    let mut stage = Stage::new("app.log*");
    stage.write("app.log", "one\n");
    stage.poll();
    stage.rename("app.log", "app.log.1");
    stage.write("app.log", "two\n");
    stage.poll();
    stage.write("app.log.1.gz", "looks like text\n");
    stage.write("app.log.2", [&[0x1F, 0x8B, 8, 0][..], b"packed\n"].concat());
    stage.write("app.log.3", [&[0x28, 0xB5, 0x2F, 0xFD][..], b"packed\n"].concat());
    stage.remove("app.log.1");
    stage.poll_for_long();
    assert_eq!(stage.intake.lines(), ["one", "two"]);
    assert_eq!(stage.intake.lost_bytes(), 0);
    let gone = stage.intake.deliveries().iter().filter(|delivery| delivery.end.is_none());
    assert_eq!(gone.count(), 1, "the compressed file's partition is forgotten");
}

#[test]
fn rotation_delivers_the_unfinished_last_line_of_a_rotated_file_after_a_while() {
    let mut stage = Stage::new("app.log*");
    stage.write("app.log", "one\nunfinished");
    stage.poll();
    stage.rename("app.log", "app.log.1");
    stage.write("app.log", "two\nalso unfinished");
    stage.poll();
    stage.poll();
    assert_eq!(stage.intake.lines(), ["one", "two"]);
    stage.poll_for_long();
    assert_eq!(stage.intake.lines(), ["one", "two", "unfinished"]);
}

#[test]
fn rotation_loses_what_was_known_and_says_how_much() {
    let mut stage = Stage::new("*.log");
    stage.write("app.log", "one\nunfinished");
    stage.poll();
    stage.truncate("app.log");
    stage.poll();
    assert_eq!(stage.intake.lost_bytes(), "unfinished".len() as u64);
    stage.write("app.log", "two\nagain");
    stage.poll();
    stage.restart();
    stage.remove("app.log");
    stage.poll_for_long();
    assert_eq!(stage.intake.lost_bytes(), "again".len() as u64);
    assert_eq!(stage.intake.deliveries().last().unwrap().end, None);
}

#[test]
fn rotation_counts_nothing_twice_when_a_line_is_written_between_copy_and_truncation() {
    let mut stage = Stage::new("app.log*");
    stage.write("app.log", "one\n");
    stage.poll();
    stage.write("app.log", "two\n");
    stage.copy("app.log", "app.log.1");
    stage.write("app.log", "three\n");
    stage.poll();
    stage.truncate("app.log");
    stage.poll_for_long();
    stage.restart();
    stage.poll_for_long();
    assert_eq!(stage.intake.deliveries().iter().map(|d| d.bytes.len()).sum::<usize>(), 0);
}

#[test]
fn rotation_cannot_tell_a_file_of_which_only_the_banner_was_read_from_the_next_one() {
    // Known: truncated in place and outgrown between two looks, with the same bytes up to the
    // position. Nothing in the file system tells the two apart, so the banner counts once.
    let mut stage = Stage::new("*.log");
    begin(&stage, "app.log", true, "");
    stage.poll();
    stage.truncate("app.log");
    begin(&stage, "app.log", true, "one\n");
    stage.poll();
    let lines = stage.intake.lines();
    assert_eq!(lines.len(), 29);
    assert_eq!(lines.last().unwrap(), "one");
}

#[test]
fn a_folder_deleted_on_the_same_disk_ends_its_streams() {
    let mut stage = Stage::new("logs/app.log");
    fs::create_dir(stage.path("logs")).unwrap();
    stage.write("logs/app.log", "one\n");
    stage.poll();
    stage.restart();
    fs::rename(stage.path("logs"), stage.path("elsewhere")).unwrap();
    stage.poll_for_long();
    let ends: Vec<bool> = stage.intake.deliveries().iter().map(|d| d.end.is_none()).collect();
    assert_eq!(ends, [true]);
}
