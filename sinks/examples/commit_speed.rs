//! Measures commits and questions of the stores: `cargo run --release -p sinks --example commit_speed
//! [-- FOLDER]`. Catch-up commits of 400k rows, live commits of a few thousand, then an issue list over
//! 20,000 fingerprints and a day. Each time is what this thread's processor did, and the time by the clock:
//! Postgres, which does not wait for its disk here, works in processes of its own.
#![allow(clippy::disallowed_methods, reason = "a measuring tool reads the clock and its own input")]

use engine::component::{
    Commit, Contents, History, Incarnation, IssueOrder, IssueQuery, Options, Store, StoreError,
};
use engine::model::{
    Bucket, BucketSize, Epoch, EventTime, FirstSeen, Member, Severity, SeverityClass, Sighting,
    SourceIndex, Template,
};
use engine::testing::generate::{Seeded, fingerprint_of, issue_of};
use engine::testing::postgres::{Server, Version};
use sinks::store::{MemoryStore, PostgresStore, SqliteStore};
use std::fmt;
use std::time::{Duration, Instant};

const OWNER: Incarnation = Incarnation(1);
const START: i64 = 1_700_006_400;

/// A run of commits: fingerprints, minutes they spread over, commits, and rows per commit.
struct Load {
    name: &'static str,
    fingerprints: u64,
    minutes: u64,
    commits: u64,
}

fn main() -> Result<(), StoreError> {
    let folder = std::env::args().nth(1).map_or_else(std::env::temp_dir, Into::into);
    let path = folder.join(format!("commit-speed-{}.db", std::process::id()));
    let catch_up = Load { name: "catch-up", fingerprints: 6_000, minutes: 84, commits: 8 };
    let many = Load { name: "wide", fingerprints: 20_000, minutes: 1_440, commits: 12 };
    run(&mut MemoryStore::default(), &catch_up)?;
    for load in [&catch_up, &many] {
        let mut store = SqliteStore::new(&path);
        run(&mut store, load)?;
        drop(store);
        for suffix in ["", "-wal", "-shm", ".lock"] {
            let _ = std::fs::remove_file(format!("{}{suffix}", path.display()));
        }
    }
    for version in Version::ALL {
        println!("{version:?}");
        let server = Server::start(version, &["shared_buffers=256MB"]);
        for load in [&catch_up, &many] {
            run(&mut postgres(&server), load)?;
        }
    }
    Ok(())
}

/// Returns a store in an empty database.
#[allow(clippy::expect_used, reason = "a measuring tool fails loudly")]
fn postgres(server: &Server) -> PostgresStore {
    let value = serde_json::json!({ "url": server.address().database() });
    let options = Options { id: "store".into(), value, base: "/".into() };
    PostgresStore::new(&options).expect("these are options of the store")
}

fn run(store: &mut dyn Store, load: &Load) -> Result<(), StoreError> {
    store.load()?;
    store.claim(OWNER, &[])?;
    let mut predecessor = None;
    let mut commit = |store: &mut dyn Store, contents| {
        let epoch = Epoch(predecessor.map_or(1, |Epoch(epoch)| epoch + 1));
        let source_ids = ["app".to_owned()].into();
        let commit = Commit { incarnation: OWNER, predecessor, epoch, source_ids, contents };
        let begin = Begin::now();
        store.commit(&commit)?;
        predecessor = Some(epoch);
        Ok::<Took, StoreError>(begin.elapsed())
    };
    let first = commit(store, sightings(load))?;
    println!("{}: {} first sightings in {first}", load.name, load.fingerprints);
    let (mut rows, mut spent) = (0, Took::default());
    for number in 0..load.commits {
        let counts = counts(load, number);
        rows += counts.len();
        let took = commit(store, Contents { counts, ..Contents::default() })?;
        spent = Took { here: spent.here + took.here, clock: spent.clock + took.clock };
    }
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / rows as f64;
    let (here, clock) = (micros(spent.here), micros(spent.clock));
    println!("{}: {rows} rows in {spent}, {here:.2} and {clock:.2} µs per row", load.name);
    let live: Vec<_> = counts(load, load.commits - 1).into_iter().step_by(40).take(3_000).collect();
    for rows in [1, 100, live.len()] {
        let contents = Contents { counts: live[..rows].to_vec(), ..Contents::default() };
        let spent = commit(store, contents)?;
        println!("{}: live commit of {rows} rows in {spent}", load.name);
    }
    questions(store, load)
}

/// Processor time of this thread, so that a busy machine does not matter (fsync waits are left out), and
/// the time by the clock.
#[derive(Clone, Copy, Default)]
struct Took {
    here: Duration,
    clock: Duration,
}

impl fmt::Display for Took {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1?} here, {:.1?} by the clock", self.here, self.clock)
    }
}

/// When a measured call began.
struct Begin {
    here: Duration,
    clock: Instant,
}

impl Begin {
    fn now() -> Begin {
        let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
        let nanos = text.split(' ').next().and_then(|nanos| nanos.parse().ok());
        Begin { here: Duration::from_nanos(nanos.unwrap_or(0)), clock: Instant::now() }
    }

    fn elapsed(&self) -> Took {
        Took { here: Begin::now().here - self.here, clock: self.clock.elapsed() }
    }
}

/// Every fingerprint once, each an issue of its own.
fn sightings(load: &Load) -> Contents {
    let mut contents = Contents::default();
    for number in 0..load.fingerprints {
        let fingerprint = fingerprint_of(number);
        let first = FirstSeen { time: EventTime::from_secs(START), hash: number };
        contents.sightings.push(Sighting {
            fingerprint,
            template: Template(number.into()),
            class: SeverityClass::Error,
            service: "api".into(),
            skeleton: "could not reach <*>".into(),
            first,
            text: format!("could not reach <host> for request <num> of kind {number}: timed out")
                .into(),
            last: first.time,
            severity: Severity::Error,
            source: SourceIndex(0),
            samples: Vec::new(),
        });
        contents.issues.push((issue_of(number), true));
        let issue = issue_of(number).id;
        contents.members.push((Member { fingerprint, issue }, true));
    }
    contents.sightings.sort_unstable_by_key(|sighting| sighting.fingerprint);
    contents
}

/// One commit of a run over time: each covers its share of the minutes, for most fingerprints.
fn counts(load: &Load, number: u64) -> Vec<(engine::model::Fingerprint, Bucket, i64)> {
    let mut seeded = Seeded::new(number);
    let minutes = load.minutes * number / load.commits..load.minutes * (number + 1) / load.commits;
    // Few rows per fingerprint and minute where the day is long: 50 of its minutes on average.
    let skip = (load.minutes / 50).max(1);
    let mut counts = Vec::new();
    for fingerprint in (0..load.fingerprints).map(fingerprint_of) {
        for minute in minutes.clone().filter(|_| seeded.one_in(skip)).collect::<Vec<_>>() {
            let bucket = Bucket(START + 60 * minute.cast_signed());
            counts.push((fingerprint, bucket, 1 + seeded.below(9).cast_signed()));
        }
    }
    counts.sort_unstable();
    counts
}

fn questions(store: &mut dyn Store, load: &Load) -> Result<(), StoreError> {
    let reader = store.reader();
    let to = EventTime::from_secs(START + 86_400);
    let query = IssueQuery {
        from: EventTime::from_secs(START),
        to,
        points: 48,
        min_severity: Severity::Warn,
        words: Vec::new(),
        service: None,
        tag: None,
        ids: None,
        only_new: false,
        triage: None,
        assignee: None,
        only_spiking: false,
        order: IssueOrder::Relevance,
        limit: 50,
        skip: 0,
        now: to,
    };
    for words in [vec![], vec!["kind 77".to_owned()]] {
        let query = IssueQuery { words, ..query.clone() };
        reader.issues(&query)?;
        let begin = Begin::now();
        let page = reader.issues(&query)?;
        println!("{}: {} issues listed in {}", load.name, page.matching, begin.elapsed());
    }
    let ids = Some((0..20).map(|number| issue_of(3 * number).id).collect());
    let hits = IssueQuery { ids, points: 0, ..IssueQuery::everything(to) };
    let begin = Begin::now();
    let found = reader.issues(&hits)?.matching;
    println!("{}: {found} issues of a search, all time, in {}", load.name, begin.elapsed());
    let begin = Begin::now();
    let found = reader.issue(issue_of(3).id, &query)?.is_some();
    println!("{}: one issue (found: {found}) in {}", load.name, begin.elapsed());
    let begin = Begin::now();
    let mut rows = 0;
    reader.export_counts(&mut |_| {
        rows += 1;
        true
    })?;
    println!("{}: {rows} rows exported in {}", load.name, begin.elapsed());
    let begin = Begin::now();
    let history = History { size: BucketSize::FIVE_MINUTES, since: Bucket(i64::MIN) };
    store.load()?;
    let counts = store.counts(history)?.len();
    println!("{}: {counts} counts loaded in {}\n", load.name, begin.elapsed());
    Ok(())
}
