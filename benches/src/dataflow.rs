//! The engine up to the commit, in this process: everything runs as in the binary, but the lines
//! stand in memory and the store throws away what it is given and only counts it. For questions about
//! the dataflow alone, such as how it scales with workers.

use crate::memory_source::MemorySource;
use anyhow::{Context, Result, ensure};
use engine::component::{
    Commit, History, Incarnation, NodeIdentity, ReadStore, Recovered, Registry, Store, StoreError,
};
use engine::graph::{Graph, GraphInput};
use engine::model::{Bucket, Epoch, Fingerprint};
use engine::runtime::{Engine, Pace, RunOptions, StopStage, Unobserved};
use operators::skeleton::HotHash;
use sinks::store::MemoryStore;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The components of the measured graph.
const REGISTRY: Registry = Registry(&[
    sources::file::COMPONENT,
    operators::parse::COMPONENT,
    operators::fingerprint::COMPONENT,
    operators::pattern::COMPONENT,
    operators::window::COMPONENT,
    operators::issue::COMPONENT,
    operators::spike::COMPONENT,
    operators::alert::COMPONENT,
    sinks::store::MEMORY,
]);

/// Pause between two looks at the count.
const POLL: Duration = Duration::from_millis(2);
/// A run that takes longer has failed.
const TIMEOUT: Duration = Duration::from_secs(300);

/// What each thread of the calibration hashes, and how often: about a second.
const CALIBRATION_LINE: &[u8] =
    b"payment 1780235 declined because the upstream refused the connection, attempt 1 took 50 ms";
const CALIBRATION_LINES: u64 = 5_000_000;

/// Keeps nothing of a commit but how many events it counted.
struct Discard {
    /// Answers the questions that an engine asks of an empty store.
    empty: MemoryStore,
    epoch: Option<Epoch>,
    incarnation: Option<Incarnation>,
    counted: Arc<AtomicU64>,
}

impl Store for Discard {
    fn load(&mut self) -> Result<Recovered, StoreError> {
        self.empty.load()
    }

    fn counts(&mut self, history: History) -> Result<Vec<(Fingerprint, Bucket, i64)>, StoreError> {
        self.empty.counts(history)
    }

    fn claim(
        &mut self,
        incarnation: Incarnation,
        identity: &[NodeIdentity],
    ) -> Result<(), StoreError> {
        self.incarnation = Some(incarnation);
        self.empty.claim(incarnation, identity)
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        let counted: i64 = commit.contents.counts.iter().map(|(_, _, n)| n).sum();
        self.epoch = Some(commit.epoch);
        self.counted.fetch_add(counted.unsigned_abs(), Ordering::Relaxed);
        Ok(())
    }

    fn committed(&mut self) -> Result<(Option<Epoch>, Option<Incarnation>), StoreError> {
        Ok((self.epoch, self.incarnation))
    }

    fn reader(&self) -> Arc<dyn ReadStore> {
        self.empty.reader()
    }
}

/// Returns how long `workers` workers take for the `lines` lines of `files`, which are read before,
/// from the start of the engine until all of them are counted in completed epochs.
pub fn wall_until_complete(files: &[PathBuf], lines: u64, workers: u64) -> Result<Duration> {
    let mut graph = graph(files, workers)?;
    for source in &mut graph.sources {
        source.source = Box::new(MemorySource::read(files)?);
    }
    let counted = Arc::new(AtomicU64::new(0));
    graph.store.store = Box::new(Discard {
        empty: MemoryStore::default(),
        epoch: None,
        incarnation: None,
        counted: Arc::clone(&counted),
    });
    let options = RunOptions::new(Pace::Every(graph.engine.epoch), Arc::new(Unobserved));
    let started = Instant::now();
    let engine = Engine::start(graph, options)?;
    while counted.load(Ordering::Relaxed) < lines {
        ensure!(started.elapsed() < TIMEOUT, "not all lines were counted within {TIMEOUT:?}");
        std::thread::sleep(POLL);
    }
    let wall = started.elapsed();
    engine.stop_handle().stop(StopStage::Abandoned);
    engine.join()?;
    ensure!(counted.load(Ordering::Relaxed) == lines, "more was counted than was written");
    Ok(wall)
}

fn graph(files: &[PathBuf], workers: u64) -> Result<Graph> {
    let mut include = Vec::new();
    for file in files {
        include.push(std::path::absolute(file)?.display().to_string());
    }
    let text = serde_json::json!({
        "engine": { "workers": workers },
        "sources": { "app": { "type": "file", "include": include } },
        "sinks": { "store": { "type": "memory" } },
    });
    let base = std::env::current_dir().context("cannot find the current folder")?;
    let input = GraphInput { name: "benches".to_owned(), text: text.to_string(), base };
    Graph::read(&[input], REGISTRY)
        .map_err(|mistakes| anyhow::anyhow!("the measured graph has mistakes: {mistakes:?}"))
}

/// Returns how much faster this machine is with `threads` threads than with one, when they share
/// nothing: what no program can exceed here. Two "cores" may be two halves of one.
pub fn machine_speedup(threads: u64) -> f64 {
    let alone = hashing(1);
    let together = hashing(threads);
    alone.as_secs_f64() * threads as f64 / together.as_secs_f64()
}

/// Returns how long `threads` threads take to hash a line as often each.
fn hashing(threads: u64) -> Duration {
    let started = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            scope.spawn(move || {
                let hash = HotHash::seeded(thread);
                for _ in 0..CALIBRATION_LINES {
                    std::hint::black_box(hash.of(std::hint::black_box(CALIBRATION_LINE)));
                }
            });
        }
    });
    started.elapsed()
}
