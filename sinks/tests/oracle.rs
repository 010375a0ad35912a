//! `oracle_`: the memory store is the readable reference; SQLite must give the same answers.

use engine::component::{Incarnation, IssueDetail, Store};
use engine::testing::answers::answers;
use engine::testing::generate::Commits;
use sinks::store::{MemoryStore, SqliteStore};

const OWNER: Incarnation = Incarnation(u64::MAX);

#[test]
fn oracle_sqlite_answers_every_question_as_memory_does() {
    let cases = std::env::var("SEISMOLOG_CASES").ok().and_then(|cases| cases.parse().ok());
    let mut seen = 0;
    for seed in 0..cases.unwrap_or(25) {
        let folder = tempfile::tempdir().unwrap();
        let mut memory = MemoryStore::default();
        let mut sqlite = SqliteStore::new(folder.path().join("store.db"));
        sqlite.load(None).unwrap();
        memory.claim(OWNER, &[]).unwrap();
        sqlite.claim(OWNER, &[]).unwrap();
        let mut commits = Commits::new(seed, 1 + seed % 40);
        for _ in 0..6 {
            let commit = commits.next(OWNER);
            memory.commit(&commit).unwrap();
            sqlite.commit(&commit).unwrap();
            assert_eq!(memory.committed().unwrap(), sqlite.committed().unwrap());
        }
        let answers = (answers(&mut sqlite), answers(&mut memory));
        assert_eq!(answers.0, answers.1, "seed {seed}");
        let shown = |detail: &IssueDetail| {
            !detail.samples.is_empty() && !detail.alerts.is_empty() && detail.issue.tags.len() > 1
        };
        seen += answers.1.details.iter().flatten().filter(|detail| shown(detail)).count();
    }
    assert!(seen > 0, "no seed led to an issue with samples, alerts and tags");
}
