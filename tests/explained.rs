//! What the real binary tells of stored issues and of records that it would not count.

use crate::binary::run_to_end;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Output;
use tempfile::TempDir;

fn write(folder: &TempDir, name: &str, content: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn text(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn objects(output: &Output) -> Vec<Value> {
    text(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Returns lines of one issue: three pools, one of them in most lines, a number that never repeats.
fn pool_lines() -> String {
    let line = |n: usize| {
        let host = ["10.0.0.7", "10.0.0.7", "10.0.0.8"][n % 3];
        format!("2026-03-01 10:00:{n:02} ERROR cannot reach {host}: waited={n}9\n")
    };
    (1..10).map(line).collect()
}

#[test]
fn an_issue_and_its_fingerprint_are_explained_with_what_varies_in_their_samples() {
    let folder = TempDir::new().unwrap();
    let log = write(&folder, "app.log", &pool_lines());
    let graph = format!(
        "sources:\n  app: {{ type: file, include: [{log:?}], once: true, timezone: Europe/Berlin }}\n\
         sinks:\n  store: {{ type: sqlite, path: ./a.db }}\n"
    );
    let graph = write(&folder, "graph.yaml", &graph);
    let graph = graph.to_str().unwrap();
    text(&run_to_end(&["run", "-c", graph]));
    let issue = objects(&run_to_end(&["scan", "-o", "jsonl", log.to_str().unwrap()])).remove(0);
    let ids = [&issue["issue"], &issue["fingerprints"][0]];
    for id in ids.map(|id| id.as_str().unwrap()) {
        let told = objects(&run_to_end(&["explain", id, "-c", graph, "-o", "jsonl"])).remove(0);
        assert_eq!(told["time"], "2026-03-01T09:00:09Z", "the zone is the source's: {told}");
        assert_eq!((&told["issue"], &told["samples"]), (&issue["issue"], &json!(9)), "{told}");
        let variables = told["variables"].as_array().unwrap();
        let distinct: Vec<_> = variables.iter().map(|place| &place["distinct"]).collect();
        assert_eq!(distinct, [&json!(2), &json!(9)], "{told}");
        let top = json!([{ "value": "10.0.0.7", "count": 6 }, { "value": "10.0.0.8", "count": 3 }]);
        assert_eq!((&variables[0]["top"], &variables[0]["type"]), (&top, &json!("ip")));
        assert_eq!(variables[1]["name"], "waited");
        let shown = text(&run_to_end(&["explain", id, "-c", graph]));
        assert!(shown.contains("varies       in 9 of 9 kept samples"), "{shown}");
        assert!(shown.contains("<ip>: \"10.0.0.7\" ×6, \"10.0.0.8\" ×3"), "{shown}");
    }
    let unknown = format!("f1_{}", "0".repeat(32));
    assert_eq!(run_to_end(&["explain", &unknown, "-c", graph]).status.code(), Some(1));
    assert_eq!(run_to_end(&["explain", "f1_short", "-c", graph]).status.code(), Some(2));
}

#[test]
fn a_line_is_explained_with_its_own_values() {
    let line = "2026-03-01 10:00:00 ERROR cannot reach 10.0.0.7: waited=39";
    let told = objects(&run_to_end(&["explain", line, "-o", "jsonl"])).remove(0);
    let place =
        |n: usize| (told["variables"][n]["name"].clone(), told["variables"][n]["top"].clone());
    assert_eq!(place(0), (json!("ip"), json!([{ "value": "10.0.0.7", "count": 1 }])));
    assert_eq!(place(1), (json!("waited"), json!([{ "value": "39", "count": 1 }])));
    let shown = text(&run_to_end(&["explain", line]));
    assert!(shown.contains("variable 0   <ip>       \"10.0.0.7\""), "{shown}");
}

#[test]
fn a_rejected_record_is_named_with_its_reason_and_told_by_its_message() {
    let folder = TempDir::new().unwrap();
    let lines = "2200-01-01T00:00:00Z ERROR order 7 declined\n\
                 2026-03-01T10:00:00Z ERROR order 8 declined\n";
    let path = write(&folder, "app.log", lines);
    let path = path.to_str().unwrap();
    let events = objects(&run_to_end(&["explain", "--each", path, "-o", "jsonl"]));
    assert_eq!(events[0]["rejected"], "absurd_time");
    assert!(events[1].get("rejected").is_none());
    for key in ["fingerprint", "template_id", "template", "severity"] {
        assert_eq!(events[0][key], events[1][key], "{key}");
    }
    let shown = text(&run_to_end(&["explain", "--each", path, "-o", "text"]));
    assert!(shown.starts_with("1  line 1: rejected, absurd_time: \"order 7"), "{shown}");
    assert!(shown.contains("\n2  line 2, error, 2026-03-01T10:00:00Z\n"), "{shown}");
    let scanned = text(&run_to_end(&["scan", path]));
    assert!(scanned.contains("rejected 1: absurd_time\n    such as 2200-01-01"), "{scanned}");
}
