//! Issues by meaning, with the real model in the real binary: embedded once, grouped, found again; and what
//! happens while there is no model. The model is the one that `cargo xtask test` fetches.

use crate::binary::{Address, Engine, await_some, run_to_end};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Two ways to say one thing, and others.
const PATTERNS: [&str; 6] = [
    "could not connect to the database: connection refused after {} ms",
    "database connection refused, attempt {}",
    "no space left on the disk, {} bytes missing",
    "the card of order {} was declined by the bank",
    "certificate of peer {} has expired",
    "user {} is not allowed to read the report",
];

fn lines(message: &str, count: usize) -> String {
    let line = |n: usize| {
        let message = message.replace("{}", &n.to_string());
        format!("2026-03-01T10:{:02}:{:02}Z ERROR {message}\n", n / 60 % 60, n % 60)
    };
    (0..count).map(line).collect()
}

fn append(folder: &TempDir, text: &str) {
    use std::io::Write;
    let path = folder.path().join("app.log");
    let mut file = std::fs::File::options().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

/// Writes a graph file for `app.log`, with a `model` section.
fn graph(folder: &TempDir, model: &str) -> PathBuf {
    let path = folder.path().join("graph.yaml");
    let text = format!(
        "sources: {{ app: {{ type: file, include: [\"./app.log\"] }} }}\n\
         sinks: {{ store: {{ type: sqlite, path: ./store.db }} }}\n\
         server: {{ listen: \"127.0.0.1:0\" }}\nmodel: {model}\n"
    );
    std::fs::write(&path, text).unwrap();
    path
}

fn json(address: &Address, path: &str) -> Value {
    await_some(path, || serde_json::from_str(&address.get(path)?).ok())
}

fn metric(address: &Address, name: &str) -> Option<u64> {
    let text = address.get("/metrics")?;
    let line = text.lines().find(|line| line.starts_with(&format!("seismolog_{name} ")))?;
    line.rsplit(' ').next()?.parse().ok()
}

const EMBEDDED: &str = "embeddings_computed_total{operator=\"vectors\"}";

/// Waits until so many patterns were embedded and none waits.
fn await_embedded(address: &Address, patterns: u64) {
    await_some(&format!("{patterns} embedded patterns"), || {
        let found = (metric(address, EMBEDDED)?, metric(address, "embeddings_pending")?);
        (found == (patterns, 0)).then_some(())
    });
}

fn issues(address: &Address) -> Vec<Value> {
    let list = json(address, "/api/v1/issues?from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z");
    list["issues"].as_array().unwrap().clone()
}

/// Returns the folder of the model that the tests use.
fn model_folder() -> PathBuf {
    let status = run_to_end(&["model", "status", "-o", "json"]);
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    assert_eq!(status["state"], "ready", "run `cargo xtask setup`: {status}");
    status["folder"].as_str().unwrap().into()
}

#[test]
fn each_pattern_is_embedded_once_whatever_its_events_and_restarts() {
    let folder = TempDir::new().unwrap();
    let graph = graph(&folder, "{ fetch: false }");
    PATTERNS.iter().for_each(|pattern| append(&folder, &lines(pattern, 50)));
    let mut engine = Engine::start(&graph);
    let address = engine.ready();
    address.await_counted(300, &engine);
    await_embedded(&address, PATTERNS.len() as u64);

    // One cause, one issue, although no pattern is a prefix of another.
    let merged = await_some("two patterns in one issue", || {
        let issues = issues(&address);
        (issues.len() == PATTERNS.len() - 1).then_some(())?;
        issues.into_iter().find(|issue| issue["count"] == 100)
    });
    let id = merged["id"].as_str().unwrap().to_owned();
    let meaning = json(&address, &format!("/api/v1/issues/{id}/meaning"));
    assert_eq!(meaning["parts"].as_array().unwrap().len(), 2, "{meaning}");
    assert!(meaning["parts"][0]["similarity"].as_f64().unwrap() >= 0.55, "{meaning}");

    // Tags with reasons; and a question that shares no word with the answer.
    let disk = await_some("the tag of the disk's issue", || {
        issues(&address).into_iter().find(|issue| issue["tags"][0]["tag"] == "disk")
    });
    assert_eq!(disk["tags"][0]["reason"], "it says \"no space left\"");
    let found = json(&address, "/api/v1/search?q=storage+volume+is+full");
    assert_eq!(found["without_meaning"], Value::Null, "{found}");
    assert_eq!(found["results"][0]["issue"]["id"], disk["id"], "{found}");

    assert!(engine.terminate().0.success());
    append(&folder, &lines(PATTERNS[0], 10));
    append(&folder, &lines("queue {} holds messages that nobody reads", 10));
    let mut engine = Engine::start(&graph);
    let address = engine.ready();
    address.await_counted(320, &engine);
    await_embedded(&address, 1);
    assert_eq!(issues(&address).len(), PATTERNS.len());
}

#[test]
fn without_a_model_everything_else_goes_on_and_what_waits_is_caught_up_with() {
    let folder = TempDir::new().unwrap();
    let model = folder.path().join("model");
    std::fs::create_dir(&model).unwrap();
    let graph = graph(&folder, "{ path: ./model }");
    PATTERNS.iter().for_each(|pattern| append(&folder, &lines(pattern, 20)));
    let mut engine = Engine::start(&graph);
    let address = engine.ready();
    address.await_counted(120, &engine).assert_balanced();
    let degraded = await_some("that the model is missing", || {
        let health = json(&address, "/readyz");
        assert_eq!(health["ready"], true, "{health}");
        let sentence = health["degraded"][0].as_str()?.to_owned();
        sentence.contains("is missing").then_some(sentence)
    });
    assert!(degraded.contains("counts and alerts go on"), "{degraded}");
    assert_eq!(issues(&address).len(), PATTERNS.len(), "each pattern is an issue of its own");
    let found = json(&address, "/api/v1/search?q=disk");
    assert!(found["without_meaning"].is_string(), "{found}");
    assert_eq!(found["results"].as_array().unwrap().len(), 1, "words are found all the same");

    // A truncated file is refused, and the real ones are taken up without a restart.
    for name in ["tokenizer.json", "model.safetensors"] {
        let whole = std::fs::read(model_folder().join(name)).unwrap();
        std::fs::write(model.join(name), &whole[..whole.len() / 2]).unwrap();
    }
    await_some("that the model is damaged", || {
        let health = json(&address, "/readyz");
        health["degraded"][0].as_str()?.contains("cannot use the model in").then_some(())
    });
    for name in ["tokenizer.json", "model.safetensors"] {
        copy(&model_folder().join(name), &model.join(name));
    }
    await_embedded(&address, PATTERNS.len() as u64);
    await_some("one issue less", || (issues(&address).len() == PATTERNS.len() - 1).then_some(()));
    let health = json(&address, "/readyz");
    assert_eq!(health["degraded"].as_array().unwrap().len(), 0, "{health}");
}

/// Puts a file in its place at once.
fn copy(from: &Path, to: &Path) {
    let beside = to.with_extension("new");
    std::fs::copy(from, &beside).unwrap();
    std::fs::rename(beside, to).unwrap();
}

#[test]
fn counts_are_stored_while_patterns_wait_for_their_meaning() {
    const BURST: usize = 2_000;
    let folder = TempDir::new().unwrap();
    let graph = graph(&folder, "{ fetch: false }");
    let mut engine = Engine::start(&graph);
    let address = engine.ready();
    let word = |mut n: usize| {
        let mut word = String::new();
        for _ in 0..4 {
            word.push_str(["ba", "ko", "ri", "tel", "mun", "sa", "lo"][n % 7]);
            n /= 7;
        }
        word
    };
    // Words in an order of their own, so that no place of a pattern is seen to vary.
    let text = |n: usize| {
        let (a, b, c) = (word(n * 31), word(n * 17 + 5), word(n * 7 + 3));
        lines(&format!("{a} {b} of {c} lost {b}{a}"), 1)
    };
    append(&folder, &(0..BURST).map(text).collect::<String>());
    let counted = || json(&address, "/api/v1/audit")["counted"].as_u64();
    await_some("the burst is counted", || (counted()? == BURST as u64).then_some(()));
    let pending = metric(&address, "embeddings_pending").unwrap();
    assert!(pending > 0, "nothing was left to wait for");
    append(&folder, &lines("one more failure", 1));
    await_some("one more is counted", || (counted()? == BURST as u64 + 1).then_some(()));
    assert!(metric(&address, "embeddings_pending").unwrap() > 0, "it waited for the burst");
}
