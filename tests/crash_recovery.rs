//! `crash_`: the real binary, killed and restarted while its files grow and rotate. Afterwards what
//! it stored must equal what was written, per template and minute (I3, I5): every byte that could
//! be read is counted exactly once, and nothing is reported lost.
//!
//! *Limits:* `SEISMOLOG_KILLS` kills (default 5; the release bar is 50), `SEISMOLOG_SEED` picks the
//! run. Every other kill waits for progress first, so that a restart that makes none is noticed;
//! the rest fall anywhere, start-up included. Epoch length and worker count change with every life.

mod truth;
mod writer;

use crate::binary::{Address, Audit, Engine, await_some, run_to_end};
use engine::testing::postgres::{Server, Version};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tempfile::TempDir;
use truth::Truth;
use writer::{Chance, Shared, Writer};

const EPOCHS: [&str; 3] = ["20ms", "100ms", "1s"];

fn number_from_environment(name: &str, default: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} must be a number: {text:?}")),
        Err(_) => default,
    }
}

/// A folder with the logs, the store and the graph file.
struct Site {
    folder: TempDir,
    /// The store, as the graph file says it.
    store: String,
}

impl Site {
    fn new() -> Site {
        Site::with_store("{ type: sqlite, path: ./seismolog.db }".to_owned())
    }

    fn with_store(store: String) -> Site {
        let site = Site { folder: TempDir::new().unwrap(), store };
        std::fs::create_dir(site.logs()).unwrap();
        site.configure("100ms", 1);
        site
    }

    fn logs(&self) -> PathBuf {
        self.folder.path().join("logs")
    }

    fn graph(&self) -> PathBuf {
        self.folder.path().join("graph.yaml")
    }

    fn configure(&self, epoch: &str, workers: u64) {
        let text = format!(
            "sources:\n  app: {{ type: file, include: [\"logs/*.log*\"] }}\n\
             sinks:\n  store: {}\n\
             server: {{ listen: \"127.0.0.1:0\" }}\n\
             engine: {{ workers: {workers}, epoch: {epoch} }}\n",
            self.store
        );
        std::fs::write(self.graph(), text).unwrap();
    }

    /// Starts an engine, waits until it is ready and tells the writer where it is.
    fn start(&self, shared: &Shared) -> (Engine, Address) {
        let mut engine = Engine::start(&self.graph());
        let address = engine.ready();
        *shared.address.lock().unwrap() = Some(address.clone());
        (engine, address)
    }

    /// Returns what is stored, as the command line exports it.
    fn exported(&self) -> Truth {
        let graph = self.graph();
        let output = run_to_end(&["export", "counts", "-c", path_text(&graph), "-o", "jsonl"]);
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "export failed: {complaints}");
        Truth::from_export(&String::from_utf8(output.stdout).unwrap())
    }
}

fn path_text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Runs an engine for one life and kills it. Returns the last epoch that it showed.
fn live_and_die(site: &Site, shared: &Shared, chance: &mut Chance, life: u64, epoch: u64) -> u64 {
    let workers = 1 + chance.below(2);
    site.configure(EPOCHS[chance.below(3) as usize], workers);
    let delay = Duration::from_millis(chance.below(600));
    if life % 2 == 1 {
        let engine = Engine::start(&site.graph());
        std::thread::sleep(delay);
        engine.kill();
        return epoch;
    }
    let (engine, address) = site.start(shared);
    let what = format!("epoch to grow beyond {epoch} in life {life}\n{}", engine.log());
    let mut last = await_some(&what, || {
        let seen = address.audit()?.number("epoch");
        (seen > epoch).then_some(seen)
    });
    std::thread::sleep(delay);
    if let Some(audit) = address.audit() {
        audit.assert_balanced();
        last = audit.number("epoch");
    }
    *shared.address.lock().unwrap() = None;
    engine.kill();
    last
}

fn assert_whole(audit: &Audit, written: u64, context: &str) {
    audit.assert_balanced();
    assert_eq!(audit.number("counted"), written, "counted ({context}): {audit:?}");
    assert_eq!(audit.number("lines_read"), written, "lines read ({context}): {audit:?}");
    assert_eq!(audit.lost_bytes(), 0, "nothing was unreadable ({context}): {audit:?}");
}

#[test]
fn crash_kills_at_any_moment_leave_every_count_exact() {
    kills_leave_every_count_exact(Site::new());
}

#[test]
fn crash_kills_at_any_moment_leave_every_count_in_postgres_exact() {
    let url = Server::shared(Version::V18).database();
    kills_leave_every_count_exact(Site::with_store(format!("{{ type: postgres, url: {url:?} }}")));
}

fn kills_leave_every_count_exact(site: Site) {
    let kills = number_from_environment("SEISMOLOG_KILLS", 5);
    let seed = number_from_environment("SEISMOLOG_SEED", 20_260_301);
    let context = format!("SEISMOLOG_SEED={seed} SEISMOLOG_KILLS={kills}");
    println!("{context}");
    let shared = Arc::new(Shared::default());
    let writer = Writer::new(&site.logs(), seed, Arc::clone(&shared));
    let writer = std::thread::spawn(move || writer.run());
    let mut chance = Chance(seed ^ 0xdead);
    let mut epoch = 0;
    for life in 0..kills {
        epoch = live_and_die(&site, &shared, &mut chance, life, epoch);
    }
    site.configure("100ms", 2);
    let (engine, address) = site.start(&shared);
    shared.finish.store(true, Ordering::SeqCst);
    let written = writer.join().unwrap_or_else(|_| panic!("the writer gave up\n{}", engine.log()));
    let audit = address.await_counted(written.total(), &engine);
    // The counts first: if something is wrong, they say what.
    let shown = Truth::from_export(&address.get("/api/v1/export/counts").unwrap());
    written.assert_equals(&shown, &context);
    assert_whole(&audit, written.total(), &context);
    assert!(audit.number("epoch") > epoch, "no progress after the last kill: {audit:?}");
    let (status, _) = engine.terminate();
    assert!(status.success(), "{status}");
    written.assert_equals(&site.exported(), &context);
}

#[test]
fn crash_sigterm_under_load_ends_in_time_and_loses_nothing() {
    let seed = number_from_environment("SEISMOLOG_SEED", 20_260_301);
    let site = Site::new();
    let shared = Arc::new(Shared::default());
    let writer = Writer::new(&site.logs(), seed, Arc::clone(&shared));
    let writer = std::thread::spawn(move || writer.run());
    for workers in [1, 2] {
        site.configure("100ms", workers);
        let (engine, address) = site.start(&shared);
        await_some("records to be counted", || {
            address.audit().filter(|audit| audit.number("counted") > 0)
        });
        *shared.address.lock().unwrap() = None;
        let (status, took) = engine.terminate();
        assert_eq!(status.code(), Some(0));
        assert!(took < Duration::from_secs(5), "SIGTERM took {took:?}");
    }
    let (engine, address) = site.start(&shared);
    shared.finish.store(true, Ordering::SeqCst);
    let written = writer.join().unwrap_or_else(|_| panic!("the writer gave up\n{}", engine.log()));
    let context = format!("SEISMOLOG_SEED={seed}");
    let audit = address.await_counted(written.total(), &engine);
    engine.kill();
    written.assert_equals(&site.exported(), &context);
    assert_whole(&audit, written.total(), &context);
}

#[test]
fn the_truth_notices_a_count_that_is_off_by_one() {
    let time = "2026-03-01T10:05:23Z".parse().unwrap();
    let mut written = Truth::default();
    written.add(0, time);
    let sample = truth::line(0, time, 1234);
    let export = |count: u64| {
        let row = serde_json::json!({
            "issue": "i_1", "fingerprint": "f1_1", "severity": "error", "template": "",
            "sample": sample, "bucket_start": "2026-03-01T10:05:00Z", "bucket_seconds": 60,
            "count": count,
        });
        Truth::from_export(&format!("{row}\n"))
    };
    assert_eq!(written, export(1));
    assert_eq!(written.differences(&export(2)).len(), 1);
}
