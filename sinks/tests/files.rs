//! The SQLite file: who owns it, what is refused, and what a person is told.
#![allow(clippy::disallowed_methods, reason = "tests read the small files they wrote")]

use engine::component::{
    Build, Commit, Contents, Incarnation, Options, OutboxQuery, Store, StoreError,
};
use engine::model::{Epoch, RejectReason, Rejected, SourceIndex};
use engine::testing::answers::all_history;
use engine::testing::generate::{Commits, Seeded};
use sinks::store::{MEMORY, SQLITE, SqliteStore};
use std::path::Path;

fn load_error(path: &Path) -> StoreError {
    SqliteStore::new(path).load().unwrap_err()
}

#[test]
fn a_second_owner_is_refused_until_the_first_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut first = SqliteStore::new(&path);
    first.load().unwrap();
    assert!(matches!(load_error(&path), StoreError::InUse(what) if what.contains("store.db")));
    drop(first);
    SqliteStore::new(&path).load().unwrap();
}

#[test]
fn a_file_that_is_no_database_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "not a database, but long enough to be looked at".repeat(40)).unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = load_error(&path);
    assert!(matches!(&error, StoreError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("notes.txt"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn a_damaged_file_is_named_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut store = SqliteStore::new(&path);
    store.load().unwrap();
    drop(store);
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..].fill(0xFF);
    std::fs::write(&path, bytes).unwrap();
    let error = load_error(&path);
    assert!(matches!(&error, StoreError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("backup"), "{error}");
}

#[test]
fn a_newer_schema_is_refused_politely() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    SqliteStore::new(&path).load().unwrap();
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 1_000).unwrap();
    drop(connection);
    let error = load_error(&path).to_string();
    assert!(error.contains("newer version") && error.contains("schema 1000"), "{error}");
}

#[test]
fn a_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.execute("CREATE TABLE theirs (a)", []).unwrap();
    drop(connection);
    assert!(load_error(&path).to_string().contains("another program"));
}

#[test]
fn a_missing_folder_may_appear_later() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("later").join("store.db");
    let mut store = SqliteStore::new(&path);
    assert!(matches!(store.load().unwrap_err(), StoreError::Unavailable { .. }));
    assert!(store.reader().audit().is_err());
    std::fs::create_dir(folder.path().join("later")).unwrap();
    store.load().unwrap();
    assert!(store.reader().audit().unwrap().balanced);
}

#[test]
fn a_store_is_built_from_options_without_touching_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let options = |value| Options { id: "store".into(), value, base: folder.path().to_owned() };
    let (Build::Store(sqlite), Build::Store(memory)) = (SQLITE.build, MEMORY.build) else {
        panic!("both are stores");
    };
    let mut store = sqlite(&options(serde_json::json!({ "path": "here.db" }))).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    store.load().unwrap();
    assert!(folder.path().join("here.db").exists());
    assert!(sqlite(&options(serde_json::json!({ "paht": "x" }))).is_err());
    let errors = sqlite(&options(serde_json::json!({ "path": "" }))).err().unwrap();
    assert_eq!(errors[0].path, ["path"]);
    assert!(memory(&options(serde_json::json!({}))).is_ok());
    assert!(memory(&options(serde_json::json!({ "path": "x" }))).is_err());
}

#[test]
fn limit_the_log_is_folded_back_while_commits_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut store = SqliteStore::new(&path);
    let owner = Incarnation(1);
    store.load().unwrap();
    store.claim(owner, &[]).unwrap();
    let mut commits = Commits::new(1, 5_000);
    let mut largest = 0;
    for _ in 0..600 {
        store.commit(&commits.next(owner)).unwrap();
        let wal = std::fs::metadata(folder.path().join("store.db-wal")).unwrap().len();
        largest = largest.max(wal);
    }
    assert!(largest < 24 << 20, "the log grew to {largest} bytes");
}

#[test]
fn limit_the_smallest_rejected_examples_stay_per_source_and_reason() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut store = SqliteStore::new(&path);
    store.load().unwrap();
    store.claim(Incarnation(1), &[]).unwrap();
    let example = |hash: u64| Rejected {
        source: SourceIndex(0),
        reason: RejectReason::AbsurdTime,
        hash,
        record: hash.to_string(),
    };
    let mut predecessor = None;
    for (number, hashes) in (1..).zip([50..90, 0..60]) {
        let rejected = hashes.map(|n| example(n << 57)).collect();
        let contents = Contents { rejected, ..Contents::default() };
        let epoch = Epoch(number);
        let source_ids = ["app".to_owned()].into();
        let incarnation = Incarnation(1);
        store.commit(&Commit { incarnation, predecessor, epoch, source_ids, contents }).unwrap();
        predecessor = Some(epoch);
    }
    let connection = rusqlite::Connection::open(&path).unwrap();
    let mut select = connection.prepare("SELECT record FROM rejected ORDER BY hash").unwrap();
    let kept = select.query_map([], |row| row.get::<_, String>(0)).unwrap().map(Result::unwrap);
    assert!(kept.eq((0..Rejected::PER_REASON_MAX as u64).map(|n| (n << 57).to_string())));
}

#[test]
fn limit_more_questions_at_once_than_connections_are_all_answered() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = SqliteStore::new(folder.path().join("store.db"));
    store.load().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..40 {
            let reader = store.reader();
            scope.spawn(move || (0..20).for_each(|_| assert!(reader.audit().unwrap().balanced)));
        }
    });
}

/// Returns what exactness is about: every count, the audit, where sources go on, and what is told.
fn exactly(path: &Path) -> Result<String, StoreError> {
    let mut store = SqliteStore::new(path);
    let recovered = store.load()?;
    let counts = store.counts(all_history(60))?;
    let audit = store.reader().audit().map_err(|error| StoreError::Damaged {
        what: format!("{error:?}: seismolog restore"),
        cause: None,
    })?;
    let outbox = store.reader().outbox(&OutboxQuery::default())?;
    Ok(format!("{counts:?} {:?} {:?} {audit:?} {outbox:?}", recovered.offsets, recovered.state))
}

#[test]
fn a_bit_that_flips_in_the_file_changes_nothing_that_is_counted_or_is_named() {
    let cases = std::env::var("SEISMOLOG_CASES").ok().and_then(|cases| cases.parse().ok());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut store = SqliteStore::new(&path);
    store.load().unwrap();
    let mut commits = Commits::new(7, 30);
    store.claim(Incarnation(1), &[]).unwrap();
    for _ in 0..40 {
        store.commit(&commits.next(Incarnation(1))).unwrap();
    }
    drop(store);
    let truth = exactly(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    let damaged = folder.path().join("damaged.db");
    let mut chance = Seeded::new(11);
    let (mut refused, cases) = (0, cases.unwrap_or(400));
    for case in 0..cases {
        let mut bytes = whole.clone();
        let (at, bit) = (chance.below(whole.len() as u64) as usize, chance.below(8));
        bytes[at] ^= 1 << bit;
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(folder.path().join(format!("damaged.db{suffix}")));
        }
        std::fs::write(&damaged, bytes).unwrap();
        match exactly(&damaged) {
            Ok(found) => assert_eq!(found, truth, "case {case}: bit {bit} of byte {at}"),
            Err(error) => {
                refused += 1;
                let said = error.to_string();
                println!("case {case}: {said}");
                let helps = ["restore", "backup", "another path", "newer version", "identity"];
                assert!(helps.iter().any(|help| said.contains(help)), "case {case}: {said}");
            }
        }
    }
    assert!(refused > cases / 50, "only {refused} of {cases} flips were noticed");
}

#[test]
fn a_stale_copy_is_an_earlier_commit_and_a_cut_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    let mut store = SqliteStore::new(&path);
    store.load().unwrap();
    store.claim(Incarnation(1), &[]).unwrap();
    let mut commits = Commits::new(8, 30);
    (0..10).for_each(|_| store.commit(&commits.next(Incarnation(1))).unwrap());
    drop(store);
    let stale = std::fs::read(&path).unwrap();
    let truth = exactly(&path).unwrap();
    let mut store = SqliteStore::new(&path);
    store.load().unwrap();
    store.claim(Incarnation(1), &[]).unwrap();
    store.commit(&commits.next(Incarnation(1))).unwrap();
    drop(store);
    assert_ne!(exactly(&path).unwrap(), truth);
    std::fs::write(&path, &stale).unwrap();
    assert_eq!(exactly(&path).unwrap(), truth, "sources read again from where it was");
    std::fs::write(&path, &stale[..stale.len() / 2]).unwrap();
    let error = load_error(&path);
    assert!(matches!(&error, StoreError::Damaged { .. }), "{error:?}");
    assert!(error.to_string().contains("backup"), "{error}");
}
