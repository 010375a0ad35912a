//! The real binary on a real Postgres: started while the server is away, surviving its crashes, moved to it
//! from SQLite, and refusing a second instance.

use crate::binary::{Address, Engine, await_some, run_to_end};
use engine::testing::postgres::{Server, Version};
use serde_json::Value;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A folder with a log and a graph file.
struct Site {
    home: TempDir,
    written: u64,
}

impl Site {
    fn new() -> Site {
        Site { home: TempDir::new().unwrap(), written: 0 }
    }

    /// Writes a graph file that stores in `store`.
    fn graph(&self, name: &str, store: &str) -> PathBuf {
        let path = self.home.path().join(name);
        let text = format!(
            "sources: {{ app: {{ type: file, include: [\"./app.log\"] }} }}\n\
             sinks: {{ store: {store} }}\n\
             server: {{ listen: \"127.0.0.1:0\" }}\nmodel: {{ enabled: false }}\n"
        );
        std::fs::write(&path, text).unwrap();
        path
    }

    /// Appends lines; returns how many were written since the beginning.
    fn write(&mut self, lines: u64) -> u64 {
        let path = self.home.path().join("app.log");
        let mut log = File::options().create(true).append(true).open(path).unwrap();
        for _ in 0..lines {
            self.written += 1;
            let n = self.written;
            writeln!(log, "2026-03-01T10:{:02}:00Z ERROR order {n} failed", n % 60).unwrap();
        }
        self.written
    }
}

fn start(graph: &Path) -> (Engine, Address) {
    let mut engine = Engine::start(graph);
    let address = engine.ready();
    (engine, address)
}

/// Waits until `/readyz` says `ready`, or says not.
fn await_ready(address: &Address, ready: bool) -> Value {
    await_some("the engine's word", || {
        let health: Value = serde_json::from_str(&address.ask("/readyz")?.2).ok()?;
        (health["ready"] == ready).then_some(health)
    })
}

fn assert_exact(address: &Address, written: u64, engine: &Engine) {
    let audit = address.await_counted(written, engine);
    audit.assert_balanced();
    assert_eq!(audit.number("counted"), written);
    let export = address.get("/api/v1/export/counts").unwrap();
    let counts = export.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    assert_eq!(counts.map(|row| row["count"].as_u64().unwrap()).sum::<u64>(), written);
}

#[test]
fn an_engine_starts_while_its_store_is_away_and_goes_on_through_a_crash_of_it() {
    let mut server = Server::start(Version::V18, &[]);
    let url = server.address().database();
    let mut site = Site::new();
    let graph = site.graph("graph.yaml", &format!("{{ type: postgres, url: {url:?} }}"));
    site.write(50);
    server.crash();
    let (engine, address) = start(&graph);
    assert_eq!(address.get("/livez").as_deref(), Some("ok"));
    let health = await_ready(&address, false);
    let reasons = health["reasons"].to_string();
    assert!(
        reasons.contains("the store cannot be used") && reasons.contains("refused"),
        "{reasons}"
    );

    server.start_again();
    await_ready(&address, true);
    assert_exact(&address, 50, &engine);
    let issues = address.get("/api/v1/issues?limit=5").unwrap();

    server.crash();
    let written = site.write(200);
    await_ready(&address, false);
    let (status, head, body) = address.ask("/api/v1/issues?limit=5").unwrap();
    assert_eq!((status, head.contains("warning: 110")), (200, true), "{head}");
    assert_eq!(body, issues, "the last good answer is still there");
    server.start_again();
    await_ready(&address, true);
    assert_exact(&address, written, &engine);
    let said = engine.log().matches("cannot reach the store").count();
    assert!((1..=12).contains(&said), "the trouble is told, and not with every try: {said}");
    assert_eq!(engine.terminate().0.code(), Some(0));
}

#[test]
fn an_engine_that_waits_for_its_store_ends_when_it_is_told_to() {
    let site = Site::new();
    let url = "postgres://nobody@127.0.0.1:1/none";
    let graph = site.graph("graph.yaml", &format!("{{ type: postgres, url: {url:?} }}"));
    let (engine, address) = start(&graph);
    await_ready(&address, false);
    assert_eq!(engine.terminate().0.code(), Some(0));
}

#[test]
fn a_second_engine_on_one_schema_is_refused_by_name() {
    let mut site = Site::new();
    let written = site.write(10);
    let url = Server::shared(Version::V18).database();
    let graph = site.graph("graph.yaml", &format!("{{ type: postgres, url: {url:?} }}"));
    let (engine, address) = start(&graph);
    assert_exact(&address, written, &engine);
    let second = run_to_end(&["run", "-c", graph.to_str().unwrap()]);
    assert_eq!(second.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(complaint.contains("seismolog"), "{complaint}");
    assert_exact(&address, written, &engine);
}

#[test]
fn one_command_moves_a_sqlite_store_to_postgres_and_the_engine_goes_on_there() {
    let mut site = Site::new();
    let written = site.write(120);
    let sqlite = site.graph("sqlite.yaml", "{ type: sqlite, path: ./seismolog.db }");
    let (engine, address) = start(&sqlite);
    assert_exact(&address, written, &engine);
    let backup = site.home.path().join("backup.db");
    let backup = backup.to_str().unwrap();
    let made = run_to_end(&["backup", backup, "-c", sqlite.to_str().unwrap(), "-o", "json"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let report: Value = serde_json::from_slice(&made.stdout).unwrap();
    assert_eq!(report["counted"], written);
    assert_eq!(engine.terminate().0.code(), Some(0));

    let url = Server::shared(Version::V16).database();
    let postgres = site.graph("postgres.yaml", &format!("{{ type: postgres, url: {url:?} }}"));
    let graph = postgres.to_str().unwrap();
    let store = site.home.path().join("seismolog.db");
    let moved = run_to_end(&["restore", store.to_str().unwrap(), "-c", graph]);
    assert!(moved.status.success(), "{}", String::from_utf8_lossy(&moved.stderr));
    let again = run_to_end(&["restore", backup, "-c", graph]);
    assert!(String::from_utf8_lossy(&again.stderr).contains("--replace"));
    let written = site.write(30);
    let (engine, address) = start(&postgres);
    assert_exact(&address, written, &engine);
}
