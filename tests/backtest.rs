//! The verb `backtest`: counts in, alarms out.

use crate::binary::run_to_end;
use std::fmt::Write;
use std::path::Path;
use tempfile::TempDir;

const BUCKETS: i64 = 600;

/// A folder with the counts of two series: one steady with a burst in bucket 500, one rare.
fn site() -> TempDir {
    let folder = TempDir::new().unwrap();
    let mut counts = String::from("series_id,bucket,count\n");
    for bucket in 0..BUCKETS {
        let events = if bucket == 500 { 80 } else { 6 + bucket % 3 };
        writeln!(counts, "app/steady,{bucket},{events}").unwrap();
        if bucket % 150 == 20 {
            writeln!(counts, "app/rare,{bucket},1").unwrap();
        }
    }
    let meta = r#"{"bucket_seconds": 300, "n_buckets": 600, "start_weekday": 0}"#;
    std::fs::write(folder.path().join("counts.csv"), counts).unwrap();
    std::fs::write(folder.path().join("meta.json"), meta).unwrap();
    folder
}

fn backtest(folder: &Path, more: &[&str]) -> (Option<i32>, String) {
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let [counts, meta, out] = ["counts.csv", "meta.json", "out.csv"].map(path);
    let mut arguments =
        vec!["backtest", "--counts", &counts, "--meta", &meta, "--detections", &out];
    arguments.extend(more);
    let output = run_to_end(&arguments);
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
#[allow(clippy::disallowed_methods, reason = "files that the test had written")]
fn backtest_finds_the_burst_and_scores_every_bucket() {
    let folder = site();
    let scores = folder.path().join("scores.csv");
    let (code, said) = backtest(folder.path(), &["--scores", scores.to_str().unwrap()]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("2 series, 600 buckets, 604 counts"), "{said}");
    let found = std::fs::read_to_string(folder.path().join("out.csv")).unwrap();
    let alarms: Vec<&str> = found.lines().skip(1).collect();
    // That they are there at all was the first news.
    let bucket = |alarm: &&&str| alarm.split(',').nth(1).unwrap().parse::<i64>().unwrap();
    let late: Vec<_> = alarms.iter().filter(|alarm| bucket(alarm) > 50).collect();
    assert!(matches!(late[..], [one] if one.starts_with("app/steady,500,")), "{found}");

    let scores = std::fs::read_to_string(scores).unwrap();
    let rows: Vec<Vec<&str>> = scores.lines().skip(1).map(|row| row.split(',').collect()).collect();
    assert_eq!(rows.len(), 2 * BUCKETS as usize);
    let score = |series: &str, bucket: &str| -> f64 {
        rows.iter().find(|row| row[0] == series && row[1] == bucket).unwrap()[2].parse().unwrap()
    };
    assert!(rows.iter().all(|row| (0.0..=1.0).contains(&row[2].parse::<f64>().unwrap())));
    assert!(score("app/steady", "500") > 0.5 && score("app/steady", "499") < 0.1);
    assert_eq!(score("app/rare", "3"), 0.0, "before it is known");
}

#[test]
fn backtest_says_what_is_wrong_with_its_input() {
    let folder = site();
    let counts = folder.path().join("counts.csv");
    std::fs::write(&counts, "series_id,bucket,count\na,5,1\na,4,1\n").unwrap();
    let (code, said) = backtest(folder.path(), &[]);
    assert_eq!(code, Some(1));
    assert!(said.contains("not in order"), "{said}");
    let (code, said) = backtest(folder.path(), &["--max-false-alerts-per-day", "0"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("0.01"), "{said}");
    assert_eq!(run_to_end(&["backtest", "--counts", "x.csv"]).status.code(), Some(2));
}
