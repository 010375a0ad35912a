//! `oracle_`: the memory store is the readable reference; SQLite must give the same answers.

use engine::component::{Incarnation, Store};
use engine::testing::answers::answers;
use engine::testing::generate::Commits;
use sinks::store::{MemoryStore, SqliteStore};

const OWNER: Incarnation = Incarnation(u64::MAX);

#[test]
fn oracle_sqlite_answers_every_question_as_memory_does() {
    let cases = std::env::var("SEISMOLOG_CASES").ok().and_then(|cases| cases.parse().ok());
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
        assert_eq!(answers(&mut sqlite), answers(&mut memory), "seed {seed}");
    }
}
