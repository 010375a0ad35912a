//! `oracle_`: random arrivals, faults and restarts against the set of documents.
//!
//! A document becomes visible with a time that is newer than all others, or less than the overlap
//! behind the newest one. Whatever happens meanwhile, after some quiet polls the committed lines are
//! the documents, each once.

use super::fake::{FakeCluster, Fault};
use super::stage::{NOW, NOW_MS, add, both_products, counted, source};
use crate::poll::Scripted;
use engine::component::Source;
use engine::testing::FakeIntake;
use proptest::prelude::*;
use serde_json::json;

const OVERLAP_MS: i64 = 60_000;

#[derive(Clone, Debug)]
enum Op {
    /// Documents as new as the clock allows.
    New(u8),
    /// A document so far behind the newest one.
    Late(u16),
    /// Documents of one instant.
    Burst(u8),
    Fault(Fault),
    Poll,
    /// Polls that find nothing for a minute.
    Quiet,
    /// Ends this life with this share of its deliveries committed, in percent.
    Crash(u8),
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let fault = prop_oneof![
        Just(Fault::Status(429)),
        Just(Fault::Status(502)),
        Just(Fault::Cut),
        Just(Fault::CutAnswer),
        Just(Fault::Expire),
        Just(Fault::LostShard),
    ];
    let op = prop_oneof![
        5 => (1..6u8).prop_map(Op::New),
        4 => (0..u16::MAX).prop_map(Op::Late),
        1 => (2..30u8).prop_map(Op::Burst),
        2 => fault.prop_map(Op::Fault),
        6 => Just(Op::Poll),
        1 => Just(Op::Quiet),
        2 => (0..=100u8).prop_map(Op::Crash),
    ];
    prop::collection::vec(op, 1..40)
}

/// The documents, and how to make more.
struct World<'c> {
    cluster: &'c FakeCluster,
    count: usize,
    newest: i64,
}

impl World<'_> {
    fn add(&mut self, time: i64) {
        add(self.cluster, &self.count.to_string(), time);
        self.count += 1;
        self.newest = self.newest.max(time);
    }

    /// Does what needs no poll; returns false for what does.
    fn act(&mut self, op: &Op, now_ms: i64) -> bool {
        match op {
            Op::New(count) => (0..i64::from(*count)).for_each(|n| self.add(now_ms - n * 777)),
            Op::Late(share) => {
                let behind = OVERLAP_MS * i64::from(*share) / i64::from(u16::MAX);
                self.add(self.newest - behind.min(OVERLAP_MS - 1));
            }
            Op::Burst(count) => (0..*count).for_each(|_| self.add(self.newest)),
            Op::Fault(fault) => self.cluster.state().faults.push_back(Some(*fault)),
            Op::Poll | Op::Quiet | Op::Crash(_) => return false,
        }
        true
    }
}

/// Runs the operations up to the end of one life; returns the life and the share to commit.
fn live(
    source: &impl Source,
    world: &mut World<'_>,
    ops: &mut std::vec::IntoIter<Op>,
    intake: FakeIntake,
) -> (FakeIntake, u8) {
    let mut quiet = 0;
    let mut share = None;
    let mut script = |now: engine::model::EventTime| {
        if quiet > 0 {
            quiet -= 1;
            return false;
        }
        for op in ops.by_ref() {
            if world.act(&op, now.0 / 1_000_000) {
                continue;
            }
            match op {
                Op::Quiet => quiet = 6,
                Op::Crash(committed) => {
                    share = Some(committed);
                    return true;
                }
                _ => {}
            }
            return false;
        }
        true
    };
    let mut intake = Scripted { inner: intake, script: &mut script };
    source.run(&mut intake).unwrap_err();
    (intake.inner, share.unwrap_or(100))
}

fn check(cluster: &FakeCluster, ops: Vec<Op>, page: u32, requests: u32, snapshots: bool) {
    cluster.state().refuse_snapshots = !snapshots;
    let options = json!({"page": page, "poll_budget": {"requests": requests}});
    let source = source(cluster, options);
    let mut world = World { cluster, count: 0, newest: NOW_MS };
    let mut ops = ops.into_iter();
    let mut committed = Vec::new();
    let mut intake = FakeIntake::at(NOW);
    let mut lives = 0;
    while ops.len() > 0 {
        lives += 1;
        assert!(lives < 1_000, "the source fails again and again");
        let (life, share) = live(&source, &mut world, &mut ops, intake);
        let count = life.deliveries().len() * usize::from(share) / 100;
        committed.extend(life.lines_before(count));
        intake = life.crash(count);
    }
    cluster.state().faults.clear();
    let mut last = intake.stop_after_waits(60);
    source.run(&mut last).unwrap_err();
    committed.extend(last.lines());
    let counts = counted(&committed);
    let twice: Vec<_> = counts.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "delivered more than once: {twice:?}");
    let lost: Vec<usize> =
        (0..world.count).filter(|n| !counts.contains_key(&n.to_string())).collect();
    assert!(lost.is_empty(), "never delivered: {lost:?}");
}

fn cases() -> u32 {
    std::env::var("SEISMOLOG_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn oracle_every_document_is_delivered_exactly_once(
        ops in ops(), page in 1..9u32, requests in 8..30u32, snapshots in any::<bool>(),
    ) {
        for cluster in both_products() {
            check(&cluster, ops.clone(), page, requests, snapshots);
        }
    }
}
