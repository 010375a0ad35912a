//! The whole engine on a real SQLite file, killed at every named step of its commit path.
//!
//! `crash_`: at each [`CommitStep`] of each commit the store stops as a dead process would; the engine
//! ends; a new engine starts on the same file and finishes. What is stored then equals what the input
//! says, key by key, and the audit balances (I3, I5). All steps are enumerated, none is random.

use engine::component::{
    Delivery, Intake, Operator, ReadStore, Source, SourceDefaults, SourceError, StoreError,
};
use engine::graph::{EngineOptions, Graph, ModelOptions, OperatorNode, SourceNode, StoreNode};
use engine::model::{BucketSize, EventTime, Offset, PartitionId};
use engine::runtime::{Engine, EngineError, Pace, RunOptions, Unobserved};
use operators::fingerprint::FingerprintOperator;
use operators::parse::ParseOperator;
use operators::spike::{SpikeConfig, SpikeDetector};
use operators::{alert, fingerprint, issue, parse, pattern, spike, window};
use sinks::store::sqlite::{CommitStep, CrashPoints, SqliteStore};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Chunks of input, each a few lines; two make an epoch.
const CHUNKS: usize = 8;
/// 2026-03-01T00:00:00Z.
const START: i64 = 1_772_323_200;

/// Text of chunk `n`: lines whose template and minute are known.
fn chunk(n: usize) -> String {
    (0..5)
        .map(|line| {
            let time = EventTime::from_secs(START + (n * 40 + line * 17) as i64);
            let service = ["alpha", "beta", "gamma"][(n + line) % 3];
            format!("{time} ERROR {service} refused connection {}\n", n * 10 + line)
        })
        .collect()
}

/// What must be stored in the end: events per first word and minute.
fn truth() -> BTreeMap<(String, i64), i64> {
    let mut counts = BTreeMap::new();
    for line in (0..CHUNKS).map(chunk).collect::<String>().lines() {
        let mut words = line.split(' ');
        let time: jiff::Timestamp = words.next().unwrap().parse().unwrap();
        let minute = time.as_second() - time.as_second().rem_euclid(60);
        *counts.entry((words.nth(1).unwrap().to_owned(), minute)).or_insert(0) += 1;
    }
    counts
}

/// Hands over the chunks behind its offset, and ends.
struct Scripted;

impl Source for Scripted {
    fn run(&self, intake: &mut dyn Intake) -> Result<(), SourceError> {
        let partition = PartitionId("script".into());
        let done = intake.resume().first().map_or(0, |(_, offset)| offset.0.parse().unwrap());
        for n in done..CHUNKS {
            intake.send(Delivery {
                partition: partition.clone(),
                bytes: chunk(n).into_bytes(),
                end: Some(Offset((n + 1).to_string())),
                received: Some(EventTime::from_secs(START + 3600)),
                lines_cut: 0,
                lost_bytes: 0,
                lag_bytes: 0,
            })?;
        }
        Ok(())
    }
}

/// Dies at one step of one commit.
struct DieAt {
    step: CommitStep,
    commit: usize,
    seen: AtomicUsize,
}

impl CrashPoints for DieAt {
    fn reach(&self, step: CommitStep) -> Result<(), StoreError> {
        if step == self.step && self.seen.fetch_add(1, Ordering::Relaxed) == self.commit {
            return Err(StoreError::Crashed(step.as_str()));
        }
        Ok(())
    }
}

fn graph(store: SqliteStore) -> Graph {
    let node = |id: &str, component, inputs: &[&str], operator: Box<dyn Operator>| OperatorNode {
        options: serde_json::Value::Null,
        id: id.to_owned(),
        component,
        inputs: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: component.output.unwrap(),
        operator,
    };
    let prints = FingerprintOperator::default();
    let spikes = SpikeDetector::new(SpikeConfig::default()).unwrap();
    Graph {
        sources: vec![SourceNode {
            component: &sources::stdin::COMPONENT,
            defaults: SourceDefaults {
                id: "script".to_owned(),
                service: "".into(),
                timezone: "UTC".to_owned(),
            },
            source: Box::new(Scripted),
        }],
        operators: vec![
            node("events", &parse::COMPONENT, &["script"], Box::<ParseOperator>::default()),
            node("prints", &fingerprint::COMPONENT, &["events"], Box::new(prints)),
            node(
                "counts",
                &window::COMPONENT,
                &["prints"],
                Box::new(window::Window::new(BucketSize::MINUTE)),
            ),
            node("patterns", &pattern::COMPONENT, &["prints"], Box::new(pattern::PatternOperator)),
            node("issues", &issue::COMPONENT, &["patterns"], Box::new(issue::Grouping)),
            node("spikes", &spike::COMPONENT, &["counts", "issues"], Box::new(spikes)),
            node("alerts", &alert::COMPONENT, &["spikes"], Box::<alert::Alerting>::default()),
        ],
        store: StoreNode {
            id: "store".to_owned(),
            component: &sinks::store::SQLITE,
            inputs: ["counts", "issues", "alerts"].map(str::to_owned).to_vec(),
            store: Box::new(store),
        },
        notifiers: Vec::new(),
        server: None,
        engine: EngineOptions { workers: 1, epoch: Duration::from_millis(100) },
        model: ModelOptions { enabled: false, path: None, fetch: false },
    }
}

fn live(store: SqliteStore) -> Result<Arc<dyn ReadStore>, EngineError> {
    let options = RunOptions::new(Pace::Chunks(2), Arc::new(Unobserved));
    let engine = Engine::start(graph(store), options)?;
    let reader = engine.reader();
    engine.join().map(|()| reader)
}

fn stored(reader: &dyn ReadStore) -> BTreeMap<(String, i64), i64> {
    let mut counts = BTreeMap::new();
    reader
        .export_counts(&mut |row| {
            let service = row.template.split(' ').next().unwrap().to_owned();
            *counts.entry((service, row.bucket_start.secs())).or_insert(0) += row.count;
            true
        })
        .unwrap();
    counts
}

fn dies_and_recovers(path: &Path, step: CommitStep, commit: usize) {
    let die = DieAt { step, commit, seen: AtomicUsize::new(0) };
    let first = live(SqliteStore::new(path).with_crash_points(die));
    let reader = match first {
        Err(EngineError::Store(StoreError::Crashed(at))) => {
            assert_eq!(at, step.as_str());
            live(SqliteStore::new(path)).unwrap()
        }
        // Group commit may need fewer commits than that.
        Ok(reader) => reader,
        Err(other) => panic!("{other} at {} of commit {commit}", step.as_str()),
    };
    let what = format!("after a crash at {} of commit {commit}", step.as_str());
    assert_eq!(stored(reader.as_ref()), truth(), "{what}");
    let audit = reader.audit().unwrap();
    assert!(engine::invariants::is_conserved(&audit), "{what}: {audit:?}");
    assert_eq!(audit.read, (CHUNKS * 5) as u64, "{what}");
}

#[test]
fn crash_at_every_step_of_the_commit_path_is_recovered_from_exactly() {
    for step in CommitStep::ALL {
        for commit in 0..2 {
            let folder = tempfile::tempdir().unwrap();
            dies_and_recovers(&folder.path().join("steps.db"), *step, commit);
        }
    }
}

#[test]
fn crash_again_and_again_still_ends_in_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("steps.db");
    for step in CommitStep::ALL {
        let die = DieAt { step: *step, commit: 0, seen: AtomicUsize::new(0) };
        if let Err(error) = live(SqliteStore::new(&path).with_crash_points(die)) {
            assert!(matches!(error, EngineError::Store(StoreError::Crashed(_))), "{error}");
        }
    }
    assert_eq!(stored(live(SqliteStore::new(&path)).unwrap().as_ref()), truth());
}
