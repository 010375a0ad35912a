//! The verb `backtest` on graph files: what made-up logs would have raised, whatever the order of files and the number
//! of workers (I1, I2); two graphs compared; and the history of an engine that ran, which must say what was live.

use crate::binary::run_to_end;
use crate::lived_day;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// 2026-03-02T00:00:00Z, a Monday.
const START: i64 = 1_772_409_600;
/// Where the burst begins and how many minutes it lasts: the second day, 10:00.
const BURST: i64 = 34 * 60;
const BURST_MINUTES: i64 = 20;
/// Where `till` falls silent for three hours: the second day, 15:00.
const SILENCE: i64 = 39 * 60;
const SILENCE_MINUTES: i64 = 180;

/// Writes two days of two services, a file each: steady errors, one burst, one silence.
fn logs(folder: &TempDir) -> Vec<PathBuf> {
    let (mut shop, mut till) = (String::new(), String::new());
    for minute in 0..2 * 1440 {
        let at = |second: i64| {
            let instant = jiff::Timestamp::from_second(START + minute * 60 + second).unwrap();
            format!("{instant}")
        };
        shop.push_str(&format!("{} ERROR shop: order {minute} was declined\n", at(7)));
        if (BURST..BURST + BURST_MINUTES).contains(&minute) {
            for second in 0..40 {
                let line = format!("{} ERROR shop: order {second} was declined\n", at(10 + second));
                shop.push_str(&line);
            }
        }
        if !(SILENCE..SILENCE + SILENCE_MINUTES).contains(&minute) {
            for second in [3, 23, 43] {
                till.push_str(&format!("{} WARN till: drawer {second} is open\n", at(second)));
            }
        }
    }
    [("shop.log", shop), ("till.log", till)]
        .map(|(name, text)| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path
        })
        .to_vec()
}

/// Writes a graph file with these options of `spike`.
fn graph(folder: &Path, name: &str, workers: usize, spike: &str) -> String {
    let path = folder.join(name);
    let text = format!(
        "sources:\n  app: {{ type: file, include: [\"./none.log\"] }}\n\
         operators:\n\
         \x20 events: {{ type: parse, inputs: [app] }}\n\
         \x20 prints: {{ type: fingerprint, inputs: [events] }}\n\
         \x20 counts: {{ type: window, inputs: [prints] }}\n\
         \x20 patterns: {{ type: pattern, inputs: [prints] }}\n\
         \x20 issues: {{ type: issue, inputs: [patterns] }}\n\
         \x20 spikes: {{ type: spike, inputs: [counts, issues]{spike} }}\n\
         \x20 alerts: {{ type: alert, inputs: [spikes] }}\n\
         sinks: {{ store: {{ type: sqlite, path: ./store.db, inputs: [counts, issues, alerts] }} }}\n\
         engine: {{ workers: {workers} }}\n"
    );
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Runs `backtest` and returns its exit code, what it printed and what it said.
fn backtest(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = run_to_end(&[&["backtest"], arguments].concat());
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn names(files: &[PathBuf]) -> Vec<&str> {
    files.iter().map(|path| path.to_str().unwrap()).collect()
}

/// Returns the alerts and the totals of a report.
fn parsed(report: &str) -> (Vec<Value>, Value) {
    let mut rows: Vec<Value> = serde_json::from_str(report).unwrap();
    let totals = rows.pop().unwrap()["totals"].clone();
    (rows, totals)
}

#[test]
fn one_burst_and_one_silence_are_those_two_alerts() {
    let folder = TempDir::new().unwrap();
    let (files, graph) = (logs(&folder), graph(folder.path(), "graph.yaml", 1, ""));
    let inputs = names(&files);
    let (code, report, said) = backtest(&[&["-c", &graph, "-o", "json"], &inputs[..]].concat());
    assert_eq!(code, Some(0), "{said}");
    let (alerts, totals) = parsed(&report);
    let found: Vec<_> = alerts
        .iter()
        .map(|alert| (alert["kind"].as_str().unwrap(), alert["start"].as_str().unwrap()))
        .collect();
    let [(kind, start), (quiet, silent)] = found[..] else { panic!("{report}") };
    assert_eq!((kind, start), ("spike", "2026-03-03T10:00:00Z"), "{report}");
    assert_eq!(quiet, "gone_quiet", "{report}");
    assert!(silent.starts_with("2026-03-03T15:"), "{report}");
    assert!(alerts[0]["title"].as_str().unwrap().contains("was declined"), "{report}");
    assert_eq!(alerts[0]["state"], "resolved", "{report}");
    assert_eq!((&totals["alerts"], &totals["days"]["2026-03-03"]), (&2.into(), &2.into()));
    assert!(totals["notices"].as_u64().unwrap() >= 4, "{totals}");
    let last = said.lines().last().unwrap();
    assert!(last.contains(" lines in ") && last.ends_with(" lines/s"), "{said}");
    assert!(!said.contains(['\r', '\u{1b}']), "bars are for terminals: {said:?}");

    // What is learned from does not depend on what is reported.
    let limited = ["-c", &graph, "-o", "json", "--from", "2026-03-03T12:00:00Z"];
    let (_, report, said) = backtest(&[&limited, &inputs[..]].concat());
    assert_eq!(parsed(&report).0, alerts[1..], "{said}");

    let (code, table, _) = backtest(&[&["-c", &graph], &inputs[..]].concat());
    assert_eq!(code, Some(0));
    assert!(table.contains("2026-03-03 10:00  spike") && table.contains("2 alerts"), "{table}");
}

#[test]
fn neither_the_order_of_files_nor_workers_change_a_report() {
    let folder = TempDir::new().unwrap();
    let files = logs(&folder);
    let mut first = None;
    for workers in 1..=4 {
        let graph = graph(folder.path(), &format!("{workers}.yaml"), workers, "");
        let mut inputs = names(&files);
        inputs.rotate_left(workers % 2);
        let (_, report, said) = backtest(&[&["-c", &graph, "-o", "json"], &inputs[..]].concat());
        let expected = first.get_or_insert_with(|| report.clone());
        assert_eq!(*expected, report, "{workers} workers: {said}");
    }
}

#[test]
fn a_higher_ratio_removes_the_burst_and_diff_exits_1() {
    let folder = TempDir::new().unwrap();
    let (files, ours) = (logs(&folder), graph(folder.path(), "ours.yaml", 1, ""));
    let theirs = graph(folder.path(), "theirs.yaml", 1, ", min_ratio: 200");
    let inputs = names(&files);
    let diff = |other: &str, form: &str| {
        backtest(&[&["-c", &ours, "--diff", other, "-o", form], &inputs[..]].concat())
    };
    let (code, report, said) = diff(&theirs, "json");
    assert_eq!(code, Some(1), "{said}");
    assert_eq!(said.matches(" lines/s").count(), 1, "counted once: {said}");
    let (different, totals) = parsed(&report);
    let [removed] = &different[..] else { panic!("{report}") };
    assert_eq!((&removed["change"], &removed["kind"]), (&"removed".into(), &"spike".into()));
    assert_eq!((&totals["removed"], &totals["same"]), (&1.into(), &1.into()), "{report}");
    let (code, table, _) = diff(&theirs, "table");
    assert_eq!(code, Some(1));
    assert!(table.contains("- 2026-03-03 10:00"), "{table}");
    let (code, _, said) = diff(&ours, "table");
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn the_page_holds_every_alert_and_refers_to_nothing_outside() {
    let folder = TempDir::new().unwrap();
    let (files, graph) = (logs(&folder), graph(folder.path(), "graph.yaml", 1, ""));
    let inputs = names(&files);
    let (_, report, _) = backtest(&[&["-c", &graph, "-o", "json"], &inputs[..]].concat());
    let page = folder.path().join("page.html");
    let to = ["-c", &graph, "-o", "html", "--out", page.to_str().unwrap()];
    let (code, printed, said) = backtest(&[&to, &inputs[..]].concat());
    assert_eq!((code, printed.as_str()), (Some(0), ""), "{said}");
    let page = std::fs::read_to_string(page).unwrap();
    for reference in ["http:", "https:", "src=", "@import", "url("] {
        assert!(!page.contains(reference), "{reference}");
    }
    for alert in parsed(&report).0 {
        let key = alert["key"].as_str().unwrap();
        assert!(page.contains(&format!("id=\"{key}\"")), "{key}");
    }
    assert!(page.contains("class=\"timeline\"") && page.contains("prefers-color-scheme"));
}

#[test]
fn what_cannot_be_replayed_is_refused() {
    let folder = TempDir::new().unwrap();
    let bare = folder.path().join("bare.yaml");
    let text = "sources: { app: { type: file, include: [\"a.log\"] } }\n\
                operators:\n  events: { type: parse, inputs: [app] }\n\
                \x20 prints: { type: fingerprint, inputs: [events] }\n\
                \x20 counts: { type: window, inputs: [prints] }\n\
                \x20 patterns: { type: pattern, inputs: [prints] }\n\
                \x20 issues: { type: issue, inputs: [patterns] }\n\
                sinks: { store: { type: memory, inputs: [counts, issues] } }\n";
    std::fs::write(&bare, text).unwrap();
    let (code, _, said) = backtest(&["-c", bare.to_str().unwrap(), "x.log"]);
    assert_eq!(code, Some(78), "{said}");
    assert!(said.contains("no `spike`"), "{said}");

    let (code, _, said) = backtest(&["--counts", "a.csv", "-c", bare.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("cannot be used with"), "{said}");

    let graph = graph(folder.path(), "graph.yaml", 1, "");
    let (code, _, said) = backtest(&["-c", &graph, "missing.log"]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("missing.log"), "{said}");
}

#[test]
fn the_history_of_an_engine_says_what_was_live() {
    let folder = TempDir::new().unwrap();
    let graph = graph(folder.path(), "graph.yaml", 1, "");
    let live = lived_day::live(Path::new(&graph));
    let (code, report, said) = backtest(&["-c", &graph, "-o", "json"]);
    assert_eq!(code, Some(0), "{said}");
    let rows: Vec<&str> = report.lines().filter(|line| line.starts_with("{\"key\"")).collect();
    let rows: Vec<&str> = rows.iter().map(|row| row.trim_end_matches(',')).collect();
    assert_eq!(rows, live, "{said}");
    let kinds: Vec<Value> =
        parsed(&report).0.into_iter().map(|alert| alert["kind"].clone()).collect();
    assert!(kinds.contains(&"spike".into()) && kinds.contains(&"gone_quiet".into()), "{report}");
}
