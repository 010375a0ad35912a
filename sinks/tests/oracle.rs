//! `oracle_`: the memory store is the readable reference; the others must give the same answers.

use crate::postgres_server;
use engine::component::{Incarnation, IssueDetail, Store};
use engine::model::Standing;
use engine::testing::answers::answers;
use engine::testing::generate::{Commits, issue_of};
use engine::testing::postgres::Version;
use sinks::store::{MemoryStore, SqliteStore};

const OWNER: Incarnation = Incarnation(u64::MAX);

#[test]
fn oracle_sqlite_answers_every_question_as_memory_does() {
    let folder = tempfile::tempdir().unwrap();
    let mut made = 0;
    answers_as_memory_does(25, &mut || {
        made += 1;
        Box::new(SqliteStore::new(folder.path().join(format!("store-{made}.db"))))
    });
}

#[test]
fn oracle_postgres_16_answers_every_question_as_memory_does() {
    postgres_answers_as_memory_does(Version::V16);
}

#[test]
fn oracle_postgres_18_answers_every_question_as_memory_does() {
    postgres_answers_as_memory_does(Version::V18);
}

fn postgres_answers_as_memory_does(version: Version) {
    let fresh = || postgres_server::open(&postgres_server::fresh_options(version));
    answers_as_memory_does(10, &mut || Box::new(fresh()));
}

fn answers_as_memory_does(cases: u64, fresh: &mut dyn FnMut() -> Box<dyn Store>) {
    let wanted = std::env::var("SEISMOLOG_CASES").ok().and_then(|cases| cases.parse().ok());
    let (mut seen, mut merged) = (0, 0);
    for seed in 0..wanted.unwrap_or(cases) {
        let mut memory = MemoryStore::default();
        let mut store = fresh();
        store.load().unwrap();
        memory.claim(OWNER, &[]).unwrap();
        store.claim(OWNER, &[]).unwrap();
        let mut commits = Commits::new(seed, 1 + seed % 40);
        for _ in 0..6 {
            let commit = commits.next(OWNER);
            memory.commit(&commit).unwrap();
            store.commit(&commit).unwrap();
            assert_eq!(memory.committed().unwrap(), store.committed().unwrap());
        }
        let answers = (answers(&mut *store), answers(&mut memory));
        assert_eq!(answers.0, answers.1, "seed {seed}");
        let shown = |detail: &IssueDetail| {
            let stands = detail.issue.standing != Standing::default();
            let alerts = !detail.alerts.is_empty() && stands;
            !detail.samples.is_empty() && alerts && detail.issue.tags.len() > 1
        };
        let of_three = memory.reader().activity(issue_of(3).id, usize::MAX, 0).unwrap();
        merged += of_three.iter().filter(|entry| entry.issue != issue_of(3).id).count();
        seen += answers.1.details.iter().flatten().filter(|detail| shown(detail)).count();
    }
    assert!(seen > 0, "no seed led to an issue with samples, alerts, tags and a standing");
    assert!(merged > 0, "no seed led to activity of an issue that was merged");
}
