//! What the real binary tells of stored issues, of what they mean, and of records that it would not count.
//!
//! There is no model in these tests: vectors are put into the store as an engine with a model would.

use crate::binary::run_to_end;
use engine::component::{Commit, Contents, Incarnation, Recovered, Store};
use engine::model::{EMBEDDING_DIMENSIONS, Epoch, KernelClass, Vector, VectorRow};
use serde_json::{Value, json};
use sinks::store::SqliteStore;
use std::path::PathBuf;
use std::process::Output;
use std::sync::Arc;
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

/// Stores three errors and a warning, each with the vector at these degrees, and returns the graph file.
/// The graph names a folder for the model in which there is none.
fn stored_with_vectors(folder: &TempDir) -> String {
    let (model, store) = (folder.path().join("model"), folder.path().join("a.db"));
    std::fs::create_dir(&model).unwrap();
    let lines = [
        ("ERROR disk is full", 0.0f32),
        ("ERROR no space left on device", 20.0),
        ("ERROR snapshot was not written", 62.0),
        ("WARN payment declined", 170.0),
    ];
    let log: String = lines.map(|(text, _)| format!("2026-03-01 10:00:00 {text}\n")).concat();
    let log = write(folder, "app.log", &log);
    let graph = format!(
        "sources:\n  app: {{ type: file, include: [{log:?}], once: true }}\n\
         sinks:\n  store: {{ type: sqlite, path: ./a.db }}\n\
         model: {{ path: {model:?} }}\n"
    );
    let graph = write(folder, "graph.yaml", &graph).to_str().unwrap().to_owned();
    text(&run_to_end(&["run", "-c", &graph]));
    let mut store = SqliteStore::new(store);
    let Recovered { epoch, parts, .. } = store.load().unwrap();
    let row = |part: engine::model::Part| {
        let known = lines.iter().find(|(line, _)| line.ends_with(&*part.text));
        let angle = known.unwrap_or_else(|| panic!("{part:?}")).1.to_radians();
        let mut numbers = [0.0; EMBEDDING_DIMENSIONS];
        (numbers[0], numbers[1]) = (angle.cos(), angle.sin());
        let vector = Vector(Box::new(numbers));
        VectorRow::new(part.embedded.unwrap(), KernelClass::MINILM_L6_F32, &vector)
    };
    let mut vectors: Vec<VectorRow> = parts.into_iter().map(row).collect();
    vectors.sort();
    let incarnation = Incarnation(7);
    store.claim(incarnation, &[]).unwrap();
    let contents = Contents { vectors, ..Contents::default() };
    let next = Epoch(epoch.unwrap().0 + 1);
    let (predecessor, source_ids) = (epoch, Arc::from(["app".to_owned()]));
    let commit = Commit { incarnation, predecessor, epoch: next, source_ids, contents };
    store.commit(&commit).unwrap();
    graph
}

/// Returns the id of the issue that is found first.
fn found(graph: &str, query: &str) -> String {
    let found = objects(&run_to_end(&["search", query, "-c", graph, "-o", "jsonl"]));
    found[0]["issue"]["id"].as_str().unwrap().to_owned()
}

#[test]
fn issues_are_found_by_words_and_the_missing_model_is_said() {
    let folder = TempDir::new().unwrap();
    let graph = stored_with_vectors(&folder);
    let answer = run_to_end(&["search", "space", "devi", "-c", &graph, "-o", "json"]);
    let told = objects(&answer).remove(0);
    assert_eq!(told["query"], "space devi");
    let why = told["without_meaning"].as_str().unwrap();
    assert!(why.starts_with("there is no model") && why.contains("Hint:"), "{why}");
    let results = told["results"].as_array().unwrap();
    assert_eq!(results.len(), 1, "{told}");
    assert_eq!(results[0]["words"], json!(["space", "devi"]));
    assert_eq!(results[0]["text"], "no space left on device");
    assert_eq!(
        (&results[0]["issue"]["count"], &results[0]["similarity"]),
        (&json!(1), &json!(null))
    );
    let shown = run_to_end(&["search", "declined", "-c", &graph]);
    let errors = String::from_utf8_lossy(&shown.stderr).into_owned();
    assert!(errors.contains("searched by words alone: there is no model"), "{errors}");
    let shown = text(&shown);
    assert!(shown.starts_with("#####     -  warn "), "{shown}");
    assert!(shown.contains("\n    payment declined\n    it says: declined\n"), "{shown}");
    let nothing = text(&run_to_end(&["search", "zebra", "-c", &graph]));
    assert_eq!(nothing, "nothing found\n");
    assert_eq!(run_to_end(&["search", " ", "-c", &graph]).status.code(), Some(2));
    assert_eq!(run_to_end(&["search", "-c", &graph]).status.code(), Some(2));
    std::fs::remove_file(folder.path().join("a.db")).unwrap();
    let gone = run_to_end(&["search", "disk", "-c", &graph]);
    assert_eq!(gone.status.code(), Some(1));
    let errors = String::from_utf8_lossy(&gone.stderr).into_owned();
    assert!(errors.contains("a.db"), "{errors}");
}

#[test]
fn an_issue_is_explained_with_its_neighbours_and_what_is_embedded() {
    let folder = TempDir::new().unwrap();
    let graph = stored_with_vectors(&folder);
    let (disk, space) = (found(&graph, "disk"), found(&graph, "space"));
    let told = objects(&run_to_end(&["explain", &disk, "-c", &graph, "-o", "jsonl"])).remove(0);
    let meaning = &told["meaning"];
    assert_eq!((&meaning["text"], &meaning["issue"]), (&json!("disk is full"), &json!(disk)));
    assert_eq!((&meaning["same_issue"], &meaning["related"]), (&json!(0.55), &json!(0.375)));
    let neighbours = meaning["neighbours"].as_array().unwrap();
    let near: Vec<_> = neighbours.iter().map(|one| &one["template"]).collect();
    assert_eq!(near, ["no space left on device", "snapshot was not written"], "{meaning}");
    let nearest = &neighbours[0];
    assert_eq!((&nearest["issue"], &nearest["same_issue"]), (&json!(space), &json!(false)));
    let sum = nearest["similarity"].as_f64().unwrap() + nearest["distance"].as_f64().unwrap();
    assert!((sum - 1.0).abs() < 1e-9, "{nearest}");
    assert_eq!(meaning["similar"].as_array().unwrap().len(), 2, "{meaning}");
    assert_eq!(
        (&meaning["parts_in_all"], &meaning["parts"][0]["state"]),
        (&json!(1), &json!("embedded"))
    );
    let shown = text(&run_to_end(&["explain", &disk, "-c", &graph]));
    assert!(shown.contains("embedded     disk is full\n"), "{shown}");
    assert!(shown.contains(&format!("near 0.940   other      {space}  no space left")), "{shown}");
    assert!(shown.contains("thresholds   0.550 one issue, 0.375 possibly related"), "{shown}");
}

#[test]
fn a_line_is_told_which_issue_it_would_join() {
    let folder = TempDir::new().unwrap();
    let graph = stored_with_vectors(&folder);
    let explain = |line: &str| {
        let told = run_to_end(&["explain", line, "-c", &graph, "-o", "jsonl"]);
        objects(&told).remove(0)["meaning"].clone()
    };
    let decision = |meaning: &Value| meaning["decision"].as_str().unwrap().to_owned();
    let disk = found(&graph, "disk");
    let known = explain("2026-03-01 11:00:00 ERROR disk is full");
    assert_eq!(decision(&known), format!("it is counted in issue {disk}"));
    // A number is no part of what is embedded, and makes another template.
    let new = explain("2026-03-01 11:00:00 ERROR disk is full 17");
    let (decision, issue) = (decision(&new), new["issue"].as_str().unwrap());
    assert!(decision.starts_with(&format!("it would join issue {issue}")), "{new}");
    assert!(new["neighbours"][0]["same_issue"] == true, "{new}");
    assert_eq!(new["tags"][0]["tag"], "disk", "{new}");
    let other = explain("2026-03-01 11:00:00 ERROR nobody knows this");
    assert!(other["without"].as_str().unwrap().starts_with("there is no model"), "{other}");
    assert_eq!(other["text"], "nobody knows this");
    let low = explain("2026-03-01 11:00:00 INFO nobody knows this");
    assert!(low["without"].as_str().unwrap().contains("embeds from warn on"), "{low}");
    let alone = objects(&run_to_end(&["explain", "ERROR disk is full", "-o", "jsonl"])).remove(0);
    assert!(alone["meaning"]["without"].as_str().unwrap().contains("-c"), "{alone}");
    assert_eq!(alone["meaning"]["tags"][0]["reason"], "it says \"disk is full\"");
}
