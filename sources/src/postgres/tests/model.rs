//! `oracle_`: random transactions of three sessions, restarts at random offsets, against the table.
//!
//! Whatever order keys are drawn, written and committed in, after some quiet polls the committed lines
//! are the rows, each once.

use super::stage::{NOW, Peer, TABLE, column, source};
use crate::poll::Scripted;
use engine::component::Source;
use engine::testing::FakeIntake;
use engine::testing::postgres::{Server, Version};
use proptest::prelude::*;
use serde_json::json;

#[derive(Clone, Debug)]
enum Op {
    Begin(usize),
    Insert(usize, u8),
    Commit(usize),
    Rollback(usize),
    Update(usize),
    Poll,
    /// Polls that find nothing for longer than the overlap.
    Quiet,
    /// Ends this life with this share of its deliveries committed, in percent.
    Crash(u8),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        3 => (0..3usize).prop_map(Op::Begin),
        8 => (0..3usize, 1..4u8).prop_map(|(session, rows)| Op::Insert(session, rows)),
        4 => (0..3usize).prop_map(Op::Commit),
        1 => (0..3usize).prop_map(Op::Rollback),
        1 => (0..3usize).prop_map(Op::Update),
        6 => Just(Op::Poll),
        2 => Just(Op::Quiet),
        1 => (0..=100u8).prop_map(Op::Crash),
    ];
    prop::collection::vec(op, 1..80)
}

/// Three sessions, some of them in a transaction.
struct World {
    sessions: [(Peer, bool); 3],
}

impl World {
    /// Does what needs no poll; returns false for what does.
    fn act(&mut self, op: &Op) -> bool {
        match op {
            Op::Begin(session) => self.turn(*session, true, "BEGIN"),
            Op::Commit(session) => self.turn(*session, false, "COMMIT"),
            Op::Rollback(session) => self.turn(*session, false, "ROLLBACK"),
            Op::Insert(session, rows) => self.sessions[*session].0.run(&format!(
                "INSERT INTO logs (message) SELECT 'row' FROM generate_series(1, {rows})"
            )),
            // Rows that another session holds are left alone: nobody would ever let go of them.
            Op::Update(session) => self.sessions[*session].0.run(
                "UPDATE logs SET message = message || '.' WHERE id IN \
                 (SELECT id FROM logs ORDER BY id DESC LIMIT 3 FOR UPDATE SKIP LOCKED)",
            ),
            Op::Poll | Op::Quiet | Op::Crash(_) => return false,
        }
        true
    }

    fn turn(&mut self, session: usize, open: bool, sql: &str) {
        let (peer, is_open) = &mut self.sessions[session];
        if *is_open != open {
            peer.run(sql);
            *is_open = open;
        }
    }
}

/// Runs the operations up to the end of one life; returns the life and the share to commit.
fn live(
    source: &impl Source,
    world: &mut World,
    ops: &mut std::vec::IntoIter<Op>,
    intake: FakeIntake,
) -> (FakeIntake, u8) {
    let (mut quiet, mut share) = (0, None);
    let mut script = |_| {
        if quiet > 0 {
            quiet -= 1;
            return false;
        }
        for op in ops.by_ref() {
            match op {
                Op::Quiet => quiet = 3,
                Op::Crash(committed) => {
                    share = Some(committed);
                    return true;
                }
                Op::Poll => {}
                op => {
                    world.act(&op);
                    continue;
                }
            }
            return false;
        }
        true
    };
    let mut intake = Scripted { inner: intake, script: &mut script };
    let error = source.run(&mut intake).unwrap_err();
    assert_eq!(error.what, "stopped");
    (intake.inner, share.unwrap_or(100))
}

fn check(ops: Vec<Op>, key: serde_json::Value, page: u32, requests: u32) {
    let url = Server::shared(Version::V18).database();
    let sessions = [(); 3].map(|()| (Peer::connect(&url), false));
    sessions[0].0.run(TABLE);
    sessions[0].0.run("ALTER TABLE logs ADD at timestamptz DEFAULT clock_timestamp()");
    let source = source(
        &url,
        json!({
            "key": key, "page": page, "poll_budget": {"requests": requests}, "overlap": "10s",
        }),
    );
    let mut world = World { sessions };
    let mut ops = ops.into_iter();
    let mut committed = Vec::new();
    let mut intake = FakeIntake::at(NOW);
    while ops.len() > 0 {
        let (life, share) = live(&source, &mut world, &mut ops, intake);
        let count = life.deliveries().len() * usize::from(share) / 100;
        committed.extend(life.lines_before(count));
        intake = life.crash(count);
    }
    for session in 0..3 {
        world.act(&Op::Commit(session));
    }
    let mut last = intake.stop_after_waits(60);
    assert_eq!(source.run(&mut last).unwrap_err().what, "stopped");
    committed.extend(last.lines());
    let expected = world.sessions[0].0.number("SELECT count(*) FROM logs");
    let ids = column(&committed, "id");
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "delivered more than once: {ids:?}");
    assert_eq!(ids.len() as i64, expected, "{ids:?}");
}

fn cases() -> u32 {
    std::env::var("SEISMOLOG_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(16)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn oracle_every_row_is_delivered_exactly_once(
        ops in ops(), numbers in any::<bool>(), page in 1..9u32, requests in 8..30u32,
    ) {
        let key = if numbers { json!("id") } else { json!(["at", "id"]) };
        check(ops, key, page, requests);
    }
}
