//! A day of a live engine on a SQLite store, with a clock moved by hand: used by `backtest_graph`.
//!
//! Lines arrive in the bucket in which they were written, in two pieces with beats of the clock around them, so that
//! bursts are told early; some arrive late. The clock moves on when what has arrived is stored and, from there on,
//! when the bucket is closed.

use engine::clock::ManualClock;
use engine::component::{AlertQuery, Commit, Delivery, Intake, Registry, Source, SourceError};
use engine::graph::{Graph, SourceNode};
use engine::model::{Alert, Bucket, EventTime, Offset, PartitionId};
use engine::runtime::{Engine, Observer, Pace, RunOptions};
use operators::replay::Determined;
use operators::{alert, fingerprint, issue, parse, pattern, spike, window};
use sinks::store::SQLITE;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// 2026-03-02T00:00:00Z.
const START: i64 = 1_772_409_600;
/// Buckets of five minutes: a day and a quarter.
const BUCKETS: i64 = 360;
const BUCKET_SECS: i64 = 300;
/// The burst, and how long it is late for.
const BURST: std::ops::Range<i64> = 300..304;
/// When `till` is silent.
const SILENCE: std::ops::Range<i64> = 310..345;

const REGISTRY: Registry = Registry(&[
    sources::file::COMPONENT,
    parse::COMPONENT,
    fingerprint::COMPONENT,
    window::COMPONENT,
    pattern::COMPONENT,
    issue::COMPONENT,
    spike::COMPONENT,
    alert::COMPONENT,
    SQLITE,
]);

/// Runs a graph file's engine over the day; returns its alerts as lines of JSON, by their beginning.
pub fn live(graph: &Path) -> Vec<String> {
    let mut graph = Graph::load(&[graph], REGISTRY).unwrap();
    let clock = Arc::new(ManualClock::at(EventTime::from_secs(START)));
    let seen = Arc::new(Seen::default());
    let day = Day { clock: Arc::clone(&clock), seen: Arc::clone(&seen) };
    let node = graph.sources.pop().unwrap();
    graph.sources.push(SourceNode { source: Box::new(day), ..node });
    let options = RunOptions {
        clock,
        beat: Duration::from_millis(2),
        ..RunOptions::new(Pace::Every(Duration::from_millis(5)), seen)
    };
    let engine = Engine::start(graph, options).unwrap();
    let reader = engine.reader();
    engine.join().unwrap();
    let rows = reader.alerts(&AlertQuery::default(), EventTime::from_secs(START)).unwrap();
    let mut alerts: Vec<(Alert, String)> =
        rows.into_iter().map(|row| (row.alert, row.template)).collect();
    alerts.sort_by_key(|(alert, _)| (alert.start, alert.key));
    let line = |(alert, title): &(Alert, String)| {
        serde_json::to_string(&Determined::of(alert, title.as_str().into())).unwrap()
    };
    alerts.iter().map(line).collect()
}

/// What was committed.
#[derive(Default)]
struct Seen {
    counted: Mutex<i64>,
    closed: AtomicU64,
    changed: Condvar,
}

impl Seen {
    /// Waits until something is so.
    fn wait(&self, what: &str, is_so: impl Fn(i64, u64) -> bool) {
        let counted = self.counted.lock().unwrap();
        let patience = Duration::from_secs(60);
        let waits = |counted: &mut i64| !is_so(*counted, self.closed.load(Ordering::SeqCst));
        let (_counted, timeout) =
            self.changed.wait_timeout_while(counted, patience, waits).unwrap();
        assert!(!timeout.timed_out(), "waited in vain: {what}");
    }
}

impl Observer for Seen {
    fn committed(&self, commit: &Commit, _took: Duration) {
        let mut counted = self.counted.lock().unwrap();
        *counted += commit.contents.counts.iter().map(|(_, _, n)| n).sum::<i64>();
        let closes = commit.contents.state.iter().any(|row| &*row.key == "clock");
        self.closed.fetch_add(u64::from(closes), Ordering::SeqCst);
        self.changed.notify_all();
    }
}

/// Writes the day and moves the clock.
struct Day {
    clock: Arc<ManualClock>,
    seen: Arc<Seen>,
}

impl Source for Day {
    fn run(&self, intake: &mut dyn Intake) -> Result<(), SourceError> {
        intake.catching_up(false);
        let (mut sent, mut pieces) = (0, 0);
        for tick in 0..BUCKETS {
            let bucket = Bucket(START + tick * BUCKET_SECS);
            for half in 0..2 {
                self.clock.set(EventTime::from_secs(bucket.0 + half * 150));
                let lines = lines(tick, half);
                sent += lines.len() as i64;
                pieces += 1;
                intake.send(Delivery {
                    partition: PartitionId("day".into()),
                    bytes: lines.concat().into_bytes(),
                    end: Some(Offset(pieces.to_string())),
                    received: None,
                    lines_cut: 0,
                    lost_bytes: 0,
                    lag_bytes: 0,
                })?;
                self.seen.wait("the lines are stored", |counted, _| counted == sent);
            }
            let closed = self.seen.closed.load(Ordering::SeqCst);
            self.clock.set(EventTime::from_secs(bucket.0 + BUCKET_SECS));
            self.seen.wait("the bucket is closed", |_, now| now > closed);
        }
        Ok(())
    }
}

/// Returns the lines that arrive in one half of a bucket.
fn lines(tick: i64, half: i64) -> Vec<String> {
    let line = |of: i64, second: i64, text: &str| {
        let at = jiff::Timestamp::from_second(START + of * BUCKET_SECS + half * 150 + second);
        format!("{} {text}\n", at.unwrap())
    };
    let mut lines = Vec::new();
    for n in 0..4 + (tick * 7 + half) % 3 {
        lines.push(line(tick, n * 20, &format!("ERROR shop: order {n} was declined")));
    }
    if BURST.contains(&tick) {
        let more = |n: i64| line(tick, n, &format!("ERROR shop: order {n} was declined"));
        lines.extend((0..60).map(more));
    }
    // Some of the burst arrives when it is over, and a few lines an hour late.
    if tick == BURST.end + 1 {
        let late = |n: i64| line(BURST.start, n, &format!("ERROR shop: order {n} was declined"));
        lines.extend((0..30).map(late));
    }
    if tick % 50 == 20 {
        lines.push(line(tick - 12, 5, "ERROR shop: order 9 was declined"));
    }
    if !SILENCE.contains(&tick) {
        let drawer = |n: i64| line(tick, n * 15, &format!("WARN till: drawer {n} is open"));
        lines.extend((0..8).map(drawer));
    }
    lines
}
