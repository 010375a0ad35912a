//! `crash_`: a real SQLite store dies at each named step. Two kinds of death: the connection drops
//! (as when the disk fails), and the files are copied at that very moment (as a killed process
//! leaves them). Either way the store shows the whole epoch or nothing of it (I3, I5). A Postgres store
//! dies as its process would: the session ends between two answers.

use crate::postgres_server;
use engine::component::{Commit, Incarnation, Store, StoreError};
use engine::testing::answers::{Answers, answers};
use engine::testing::crash_store::{CrashPlan, CrashStore};
use engine::testing::generate::Commits;
use engine::testing::postgres::Version;
use sinks::store::{CommitStep, CrashPoints};
use sinks::store::{MemoryStore, SqliteStore};
use std::path::{Path, PathBuf};

const OWNER: Incarnation = Incarnation(1);

/// Dies at one step of the commit of one epoch, keeping a copy of the files as they are then.
struct DieAt {
    step: CommitStep,
    from: PathBuf,
    copy: PathBuf,
    armed: std::cell::Cell<usize>,
}

impl CrashPoints for DieAt {
    fn reach(&self, step: CommitStep) -> Result<(), StoreError> {
        if step != self.step {
            return Ok(());
        }
        self.armed.set(self.armed.get() - 1);
        if self.armed.get() > 0 {
            return Ok(());
        }
        for suffix in ["", "-wal"] {
            let name = format!("store.db{suffix}");
            if self.from.join(&name).exists() {
                std::fs::copy(self.from.join(&name), self.copy.join(&name)).unwrap();
            }
        }
        Err(StoreError::Crashed(step.as_str()))
    }
}

fn commits(seed: u64) -> Vec<Commit> {
    let mut commits = Commits::new(seed, 12);
    (0..4).map(|_| commits.next(OWNER)).collect()
}

/// Returns what a store answers after it committed all of `commits`.
fn expected(commits: &[Commit]) -> Answers {
    let mut store = MemoryStore::default();
    store.claim(OWNER, &[]).unwrap();
    commits.iter().for_each(|commit| store.commit(commit).unwrap());
    answers(&mut store)
}

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::new(folder.join("store.db"))
}

#[test]
fn crash_at_every_step_shows_the_whole_epoch_or_nothing() {
    let cases = std::env::var("SEISMOLOG_CASES").ok().and_then(|cases| cases.parse().ok());
    for seed in 0..cases.unwrap_or(2) {
        let commits = commits(seed);
        let (nothing, whole) = (expected(&commits[..3]), expected(&commits));
        for &step in CommitStep::ALL {
            let expected = if step == CommitStep::AfterCommit { &whole } else { &nothing };
            die_and_recover(&commits, step, expected, &whole);
        }
    }
}

#[test]
fn crash_store_keeps_what_was_durable_and_never_answers_again() {
    for durable in [false, true] {
        let commits = commits(7);
        let disk = MemoryStore::default();
        let plan = CrashPlan { at_commit: 2, durable };
        let mut store = CrashStore::new(disk.reopen(), plan);
        store.claim(OWNER, &[]).unwrap();
        store.commit(&commits[0]).unwrap();
        assert!(matches!(store.commit(&commits[1]), Err(StoreError::Crashed(_))));
        assert!(store.crashed());
        assert!(matches!(store.committed(), Err(StoreError::Crashed(_))));
        let survived = &commits[usize::from(durable)];
        assert_eq!(disk.reopen().committed().unwrap(), (Some(survived.epoch), Some(OWNER)));
    }
}

fn die_and_recover(commits: &[Commit], step: CommitStep, expected: &Answers, whole: &Answers) {
    let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (from, to) = (folder.path().to_owned(), copy.path().to_owned());
    let armed = std::cell::Cell::new(commits.len());
    let mut store =
        open(&from).with_crash_points(DieAt { step, from: from.clone(), copy: to, armed });
    store.load().unwrap();
    store.claim(OWNER, &[]).unwrap();
    let (last, before) = commits.split_last().unwrap();
    before.iter().for_each(|commit| store.commit(commit).unwrap());
    let error = store.commit(last).unwrap_err();
    assert!(matches!(error, StoreError::Crashed(name) if name == step.as_str()));

    // The same process asks what happened, without starting again.
    let durable = step == CommitStep::AfterCommit;
    let stored = if durable { last.epoch } else { before.last().unwrap().epoch };
    assert_eq!(store.committed().unwrap(), (Some(stored), Some(OWNER)), "{step:?}");
    drop(store);

    for survivor in [folder.path(), copy.path()] {
        let mut store = open(survivor);
        assert_eq!(&answers(&mut store), expected, "{step:?} in {survivor:?}");
        if !durable {
            store.commit(last).unwrap();
        }
        assert_eq!(&answers(&mut store), whole, "{step:?} in {survivor:?}");
    }
}

/// Dies at one step of the commit of one epoch.
struct EndAt {
    step: CommitStep,
    armed: std::cell::Cell<usize>,
}

impl CrashPoints for EndAt {
    fn reach(&self, step: CommitStep) -> Result<(), StoreError> {
        if step == self.step {
            self.armed.set(self.armed.get() - 1);
            if self.armed.get() == 0 {
                return Err(StoreError::Crashed(step.as_str()));
            }
        }
        Ok(())
    }
}

#[test]
fn crash_at_every_step_in_postgres_shows_the_whole_epoch_or_nothing() {
    let commits = commits(3);
    let (last, before) = commits.split_last().unwrap();
    let (nothing, whole) = (expected(before), expected(&commits));
    for (at, &step) in CommitStep::ALL.iter().enumerate() {
        let options = postgres_server::fresh_options(Version::ALL[at % 2]);
        let armed = std::cell::Cell::new(commits.len());
        let mut store = postgres_server::open(&options).with_crash_points(EndAt { step, armed });
        store.load().unwrap();
        store.claim(OWNER, &[]).unwrap();
        before.iter().for_each(|commit| store.commit(commit).unwrap());
        let error = store.commit(last).unwrap_err();
        assert!(matches!(error, StoreError::Crashed(name) if name == step.as_str()));

        // The same process asks what happened, then another one does.
        let durable = step == CommitStep::AfterCommit;
        let stored = if durable { last.epoch } else { before.last().unwrap().epoch };
        assert_eq!(store.committed().unwrap(), (Some(stored), Some(OWNER)), "{step:?}");
        drop(store);
        let mut store = postgres_server::open(&options);
        assert_eq!(&answers(&mut store), if durable { &whole } else { &nothing }, "{step:?}");
        if !durable {
            store.commit(last).unwrap();
        }
        assert_eq!(answers(&mut store), whole, "{step:?}");
    }
}
