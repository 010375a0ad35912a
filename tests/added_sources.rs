//! Sources that are added, paused, resumed and removed while the real binary runs: nothing is counted
//! twice or forgotten, over a kill and a removal, and the other sources go on (I3, I7).

use crate::binary::{Address, Engine, await_some, run_to_end};
use serde_json::Value;
use std::fs::File;
use std::io::Write;
use tempfile::TempDir;

/// A folder with a graph that reads `app.log` and lets added sources read `added/`.
struct Site {
    home: TempDir,
    written: usize,
}

impl Site {
    fn new() -> Site {
        let home = TempDir::new().unwrap();
        std::fs::create_dir(home.path().join("added")).unwrap();
        let text = "sources: { app: { type: file, include: [\"./app.log\"] } }\n\
             sinks: { store: { type: sqlite, path: ./store.db } }\n\
             server: { listen: \"127.0.0.1:0\", source_roots: [\"./added\"] }\n\
             model: { enabled: false }\n";
        std::fs::write(home.path().join("graph.yaml"), text).unwrap();
        Site { home, written: 0 }
    }

    fn start(&self) -> (Engine, Address) {
        let mut engine = Engine::start(&self.home.path().join("graph.yaml"));
        let address = engine.ready();
        (engine, address)
    }

    /// Appends lines to a file; returns how many were written since the beginning.
    fn write(&mut self, file: &str, lines: usize) -> u64 {
        let path = self.home.path().join(file);
        let mut log = File::options().create(true).append(true).open(path).unwrap();
        for _ in 0..lines {
            self.written += 1;
            let n = self.written;
            writeln!(log, "2026-03-01T10:{:02}:00Z ERROR order {n} failed", n % 60).unwrap();
        }
        self.written as u64
    }

    fn added(&self) -> String {
        format!("include={}/*.log", self.home.path().join("added").display())
    }
}

/// Runs `sources` against the engine; returns what it printed, or what it complained of.
fn sources(address: &Address, arguments: &[&str]) -> Result<String, String> {
    let mut all = vec!["sources"];
    all.extend(arguments);
    all.extend(["--address", address.host()]);
    let output = run_to_end(&all);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// Returns the state of a source, `None` if it is not there.
fn state(address: &Address, id: &str) -> Option<String> {
    let list: Value = serde_json::from_str(&address.get("/api/v1/sources")?).ok()?;
    let row = list["sources"].as_array()?.iter().find(|row| row["id"] == id)?.clone();
    Some(row["state"].as_str()?.to_owned())
}

#[test]
fn an_added_source_survives_a_kill_a_pause_and_its_own_removal_without_a_count_too_many() {
    let mut site = Site::new();
    site.write("app.log", 5);
    let total = site.write("added/web.log", 7);
    let (engine, address) = site.start();
    let include = site.added();
    let found = sources(&address, &["test", "web", "type=file", &include]).unwrap();
    assert!(found.starts_with("1 file matches"), "{found}");
    sources(&address, &["add", "web", "type=file", &include, "service=shop"]).unwrap();
    address.await_counted(total, &engine).assert_balanced();

    engine.kill();
    let (engine, address) = site.start();
    assert_eq!(state(&address, "web").as_deref(), Some("running"), "it is kept over a restart");
    let total = site.write("added/web.log", 3);
    address.await_counted(total, &engine);

    sources(&address, &["pause", "web"]).unwrap();
    assert_eq!(state(&address, "web").as_deref(), Some("paused"));
    engine.kill();
    let (engine, address) = site.start();
    assert_eq!(state(&address, "web").as_deref(), Some("paused"), "so is the pause");
    site.write("added/web.log", 4);
    let total = site.write("app.log", 2);
    let audit = address.await_counted(total - 4, &engine);
    assert_eq!(
        audit.number("counted"),
        total - 4,
        "the other source goes on, the paused one waits"
    );

    sources(&address, &["remove", "web"]).unwrap();
    assert_eq!(state(&address, "web"), None);
    sources(&address, &["add", "web", "type=file", &include, "service=shop"]).unwrap();
    let audit = address.await_counted(total, &engine);
    assert_eq!(audit.number("counted"), total, "what came back went on where it was");
    sources(&address, &["remove", "web"]).unwrap();
    engine.kill();

    let (engine, address) = site.start();
    assert_eq!(state(&address, "web"), None, "the removal is kept");
    sources(&address, &["add", "web", "type=file", &include, "service=shop"]).unwrap();
    let total = site.write("added/web.log", 6);
    let audit = address.await_counted(total, &engine);
    assert_eq!(audit.number("counted"), total);
    audit.assert_balanced();
    assert_eq!(engine.terminate().0.code(), Some(0));
}

#[test]
fn a_source_of_the_graph_file_is_paused_and_not_removed() {
    let mut site = Site::new();
    site.write("app.log", 3);
    let (engine, address) = site.start();
    address.await_counted(3, &engine);
    let refused = sources(&address, &["remove", "app"]).unwrap_err();
    assert!(refused.contains("is in the graph file"), "{refused}");
    sources(&address, &["pause", "app"]).unwrap();
    await_some("the pause", || state(&address, "app").filter(|state| state == "paused"));
    let total = site.write("app.log", 2);
    sources(&address, &["resume", "app"]).unwrap();
    assert_eq!(address.await_counted(total, &engine).number("counted"), total);
    sources(&address, &["pause", "app"]).unwrap();
    assert_eq!(
        engine.terminate().0.code(),
        Some(0),
        "a pause does not keep the engine from ending"
    );
}

#[test]
fn what_an_added_source_may_not_be_is_refused_with_the_reason() {
    let mut site = Site::new();
    site.write("app.log", 1);
    std::os::unix::fs::symlink("/etc/passwd", site.home.path().join("added/link.log")).unwrap();
    let (engine, address) = site.start();
    let refused = |arguments: &[&str]| sources(&address, arguments).unwrap_err();
    let outside = refused(&["add", "x", "type=file", "include=/etc/passwd"]);
    assert!(outside.contains("server.source_roots"), "{outside}");
    let twice = refused(&["add", "app", "type=file", &site.added()]);
    assert!(twice.contains("`app`"), "{twice}");
    let wrong = refused(&["add", "x", "type=fil"]);
    assert!(wrong.contains("Did you mean `file`?"), "{wrong}");
    let link = refused(&["test", "x", "type=file", &site.added()]);
    assert!(link.contains("outside the folders"), "{link}");
    assert!(refused(&["pause", "nobody"]).contains("no source `nobody`"));
    let list = sources(&address, &["list"]).unwrap();
    assert!(list.starts_with("app") && list.contains("running"), "{list}");
    assert_eq!(address.await_counted(1, &engine).number("counted"), 1);
}

#[test]
fn nothing_that_was_added_is_lost_when_the_graph_file_forbids_it_later() {
    let mut site = Site::new();
    let total = site.write("added/web.log", 2);
    let (engine, address) = site.start();
    sources(&address, &["add", "web", "type=file", &site.added()]).unwrap();
    address.await_counted(total, &engine);
    engine.kill();
    let path = site.home.path().join("graph.yaml");
    let allowed = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, allowed.replace("\"./added\"", "")).unwrap();
    let (engine, address) = site.start();
    assert_eq!(state(&address, "web"), None);
    assert!(engine.log().contains("cannot start"), "{}", engine.log());
    engine.kill();
    std::fs::write(&path, allowed).unwrap();
    let total = site.write("added/web.log", 2);
    let (engine, address) = site.start();
    assert_eq!(address.await_counted(total, &engine).number("counted"), total);
}
