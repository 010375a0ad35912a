//! The incremental patterns against the reference.
//!
//! `oracle_`: on seeded random sets of skeletons that grow and shrink, the dataflow holds after every
//! step what the reference computes from scratch for the set of that step (I6), whatever the number
//! of workers (I2). `SEISMOLOG_CASES` raises the number of cases.
#![allow(
    clippy::disallowed_methods,
    reason = "tests take their number of cases from the environment"
)]

use engine::dataflow::{Config, InputSession, execute};
use operators::pattern::{Patterns, patterns};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// What skeletons are made of: few words and names, so that holes meet.
const ITEMS: [&str; 14] = [
    "<*>", "<*>", "set", "clock", "to", "ann", "bob", "eve", "joe", "kim", "lea", "getOne",
    "getTwo", "getTen",
];

struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) as usize % bound
    }

    fn skeleton(&mut self) -> String {
        let mut items = vec!["begin"];
        for _ in 0..1 + self.below(5) {
            let item = ITEMS[self.below(ITEMS.len())];
            if !(item == "<*>" && items.last() == Some(&"<*>")) {
                items.push(item);
            }
        }
        items.join(" ")
    }
}

/// A step: skeletons that come and go.
type Step = Vec<(String, bool)>;

/// What holds after each step: the skeleton of every skeleton's pattern.
type Found = BTreeMap<(String, String), isize>;

fn steps(case: u64) -> Vec<Step> {
    let mut seed = Seeded(case);
    let mut present: BTreeSet<String> = BTreeSet::new();
    let mut steps = Vec::new();
    for _ in 0..6 {
        let mut step = Step::new();
        for _ in 0..1 + seed.below(120) {
            let skeleton = seed.skeleton();
            if present.insert(skeleton.clone()) {
                step.push((skeleton, true));
            }
        }
        let gone: Vec<String> = present.iter().filter(|_| seed.below(4) == 0).cloned().collect();
        // What comes and goes in one step leaves no trace.
        for skeleton in gone {
            present.remove(&skeleton);
            step.push((skeleton, false));
        }
        steps.push(step);
    }
    steps
}

/// Returns what the reference finds after each step, and how many skeletons it merged in all.
fn reference(steps: &[Step]) -> (Vec<Found>, usize) {
    let (mut present, mut found, mut merged) = (BTreeSet::new(), Vec::new(), 0);
    for step in steps {
        for (skeleton, comes) in step {
            if *comes {
                present.insert(skeleton.clone());
            } else {
                present.remove(skeleton);
            }
        }
        let of_set = Patterns::of(present.iter().map(String::as_str));
        let row = |(skeleton, pattern): (&str, &engine::model::Pattern)| {
            ((skeleton.to_owned(), pattern.skeleton.to_string()), 1)
        };
        merged +=
            of_set.iter().filter(|(skeleton, pattern)| *skeleton != &*pattern.skeleton).count();
        found.push(of_set.iter().map(row).collect());
    }
    (found, merged)
}

/// Returns what the dataflow holds after each step.
fn incremental(steps: Vec<Step>, workers: usize) -> Vec<Found> {
    let changes = Arc::new(Mutex::new(Vec::new()));
    let (given, seen) = (Arc::new(steps.clone()), Arc::clone(&changes));
    let config = if workers == 1 { Config::thread() } else { Config::process(workers) };
    let guards = execute(config, move |worker| {
        let mut input: InputSession<u64, Arc<str>, isize> = InputSession::new();
        let seen = Arc::clone(&seen);
        worker.dataflow(|scope| {
            patterns(input.to_collection(scope)).inspect(move |((from, to), step, change)| {
                seen.lock().unwrap().push((from.to_string(), to.to_string(), *step, *change));
            });
        });
        let (index, peers) = (worker.index(), worker.peers());
        for (number, step) in given.iter().enumerate() {
            for (skeleton, comes) in step {
                // Any worker may see a skeleton first; the same one takes it back.
                if skeleton.len() % peers == index {
                    input.update(Arc::from(skeleton.as_str()), if *comes { 1 } else { -1 });
                }
            }
            input.advance_to(number as u64 + 1);
            input.flush();
        }
    });
    for guard in guards.unwrap().join() {
        guard.unwrap();
    }
    let changes = changes.lock().unwrap();
    let after = |step: usize| {
        let mut held: Found = BTreeMap::new();
        for (from, to, at, change) in changes.iter().filter(|change| change.2 <= step as u64) {
            let _ = at;
            *held.entry((from.clone(), to.clone())).or_insert(0) += change;
        }
        held.retain(|_, count| *count != 0);
        held
    };
    (0..steps.len()).map(after).collect()
}

fn cases(default: u64) -> u64 {
    std::env::var("SEISMOLOG_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

#[test]
fn oracle_incremental_patterns_equal_those_from_scratch() {
    let mut merged = 0;
    for case in 0..cases(24) {
        let steps = steps(case);
        let (expected, some) = reference(&steps);
        merged += some;
        let workers = 1 + case as usize % 4;
        let found = incremental(steps, workers);
        assert_eq!(found, expected, "case {case} with {workers} workers");
    }
    assert!(merged > 100, "only {merged} skeletons were merged: the oracle would test nothing");
}
