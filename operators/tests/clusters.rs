//! The incremental clusters against the reference.
//!
//! `oracle_`: on seeded random graphs whose nodes, links and constraints come and go, the dataflow holds
//! after every step what the reference computes from scratch for the graph of that step (I6), whatever
//! the order of changes within a step (I1) and the number of workers (I2). `SEISMOLOG_CASES` raises the
//! number of cases.
#![allow(
    clippy::disallowed_methods,
    reason = "tests take their number of cases from the environment"
)]

use engine::dataflow::{Collection, Config, DataflowTime, InputSession, Scope, execute};
use engine::model::Similarity;
use operators::cluster::rule::Node;
use operators::cluster::{Changing, Graph, clusters};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

/// Few nodes, so that links and constraints meet.
const NODES: usize = 26;
const STEPS: usize = 12;
const THRESHOLD: Similarity = Similarity::from_millionths(550_000);

struct Seeded(u64);

impl Seeded {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) as usize % bound
    }

    fn node(&mut self) -> Node {
        Node(self.below(NODES) as u128)
    }

    fn pair(&mut self) -> (Node, Node) {
        let (left, right) = (self.node(), self.node());
        if left == right { self.pair() } else { (left.min(right), left.max(right)) }
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        (1..items.len()).for_each(|index| items.swap(index, self.below(index + 1)));
    }
}

/// Something of a graph that comes or goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Node(Node),
    Link(Node, Node, Similarity),
    Together(Node, Node),
    Apart(Node, Node),
    Alone(Node),
}

fn parts(graph: &Graph) -> BTreeSet<Part> {
    let nodes = graph.nodes.iter().map(|node| Part::Node(*node));
    let links = graph.links.iter().map(|((low, high), it)| Part::Link(*low, *high, *it));
    let together = graph.together.iter().map(|(low, high)| Part::Together(*low, *high));
    let apart = graph.apart.iter().map(|(low, high)| Part::Apart(*low, *high));
    let alone = graph.alone.iter().map(|node| Part::Alone(*node));
    nodes.chain(links).chain(together).chain(apart).chain(alone).collect()
}

fn toggle<T: Ord + Copy>(set: &mut BTreeSet<T>, item: T) {
    if !set.remove(&item) {
        set.insert(item);
    }
}

/// Returns the graph of every step of a case.
fn graphs(case: u64) -> Vec<Graph> {
    let mut seed = Seeded(case);
    let mut graph = Graph::default();
    // Few different similarities, so that many averages are equal.
    let coarse = 1 + seed.below(3) * 20_000;
    let step = |_| {
        for _ in 0..1 + seed.below(60) {
            match seed.below(40) {
                0..12 => toggle(&mut graph.nodes, seed.node()),
                12..36 => {
                    let pair = seed.pair();
                    let similarity = 450_000 + seed.below(550_000) / coarse * coarse;
                    if graph.links.remove(&pair).is_none() {
                        let similarity = Similarity::from_millionths(similarity as i32);
                        graph.links.insert(pair, similarity);
                    }
                }
                36 => toggle(&mut graph.together, seed.pair()),
                37..39 => toggle(&mut graph.apart, seed.pair()),
                _ => toggle(&mut graph.alone, seed.node()),
            }
        }
        graph.clone()
    };
    (0..STEPS).map(step).collect()
}

/// What holds after a step: the first node and the size of every node's cluster.
type Found = BTreeMap<(Node, Node, u32), isize>;

fn reference(graph: &Graph) -> Found {
    let clusters = graph.clusters(THRESHOLD);
    clusters.iter().map(|(node, cluster)| ((*node, cluster.first, cluster.size), 1)).collect()
}

/// The inputs of the dataflow.
struct Inputs {
    nodes: InputSession<u64, Node, isize>,
    links: InputSession<u64, (Node, Node, Similarity), isize>,
    together: InputSession<u64, (Node, Node), isize>,
    apart: InputSession<u64, (Node, Node), isize>,
    alone: InputSession<u64, Node, isize>,
}

impl Inputs {
    fn new() -> Inputs {
        Inputs {
            nodes: InputSession::new(),
            links: InputSession::new(),
            together: InputSession::new(),
            apart: InputSession::new(),
            alone: InputSession::new(),
        }
    }

    fn changing<'s>(&mut self, scope: Scope<'s, DataflowTime>) -> Changing<'s> {
        Changing {
            nodes: self.nodes.to_collection(scope),
            links: self.links.to_collection(scope),
            together: self.together.to_collection(scope),
            apart: self.apart.to_collection(scope),
            alone: self.alone.to_collection(scope),
        }
    }

    fn update(&mut self, part: Part, change: isize) {
        match part {
            Part::Node(node) => self.nodes.update(node, change),
            Part::Link(low, high, it) => self.links.update((low, high, it), change),
            Part::Together(low, high) => self.together.update((low, high), change),
            Part::Apart(low, high) => self.apart.update((low, high), change),
            Part::Alone(node) => self.alone.update(node, change),
        }
    }

    fn advance(&mut self, to: u64) {
        self.nodes.advance_to(to);
        self.nodes.flush();
        self.links.advance_to(to);
        self.links.flush();
        self.together.advance_to(to);
        self.together.flush();
        self.apart.advance_to(to);
        self.apart.flush();
        self.alone.advance_to(to);
        self.alone.flush();
    }
}

/// Returns what the dataflow holds after each step.
fn incremental(graphs: &[Graph], workers: usize, case: u64) -> Vec<Found> {
    let mut seed = Seeded(case ^ 0x9e37_79b9);
    let mut steps: Vec<Vec<(Part, isize, usize)>> = Vec::new();
    let mut before = BTreeSet::new();
    for graph in graphs {
        let after = parts(graph);
        let gone = before.difference(&after).map(|part| (*part, -1));
        let come = after.difference(&before).map(|part| (*part, 1));
        let mut step: Vec<_> =
            gone.chain(come).map(|(part, n)| (part, n, seed.below(workers))).collect();
        seed.shuffle(&mut step);
        steps.push(step);
        before = after;
    }
    let changes = Arc::new(Mutex::new(Vec::new()));
    let (given, seen) = (Arc::new(steps), Arc::clone(&changes));
    let config = if workers == 1 { Config::thread() } else { Config::process(workers) };
    let guards = execute(config, move |worker| {
        let mut inputs = Inputs::new();
        let seen = Arc::clone(&seen);
        worker.dataflow(|scope| {
            let found: Collection<'_, _> = clusters(inputs.changing(scope), THRESHOLD);
            found.inspect(move |((node, cluster), step, change)| {
                let row = (*node, cluster.first, cluster.size);
                seen.lock().unwrap().push((row, *step, *change));
            });
        });
        for (number, step) in given.iter().enumerate() {
            for (part, change, owner) in step {
                if *owner == worker.index() {
                    inputs.update(*part, *change);
                }
            }
            inputs.advance(number as u64 + 1);
        }
    });
    for guard in guards.unwrap().join() {
        guard.unwrap();
    }
    let changes = std::mem::take(&mut *changes.lock().unwrap());
    let at = |step: u64| {
        let mut found = Found::new();
        for (row, when, change) in &changes {
            if *when <= step {
                *found.entry(*row).or_default() += change;
            }
        }
        found.retain(|_, n| *n != 0);
        found
    };
    (0..graphs.len() as u64).map(at).collect()
}

#[test]
fn oracle_clusters_of_a_changing_graph_are_those_from_scratch() {
    let cases = std::env::var("SEISMOLOG_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(40);
    let mut joined = 0;
    for case in 0..cases {
        let graphs = graphs(case);
        let expected: Vec<Found> = graphs.iter().map(reference).collect();
        joined += expected.iter().flat_map(|found| found.keys()).filter(|row| row.2 > 2).count();
        let workers = 1 + (case % 4) as usize;
        let found = incremental(&graphs, workers, case);
        for (step, (found, expected)) in found.iter().zip(&expected).enumerate() {
            assert_eq!(found, expected, "case {case}, step {step}, {workers} workers");
        }
    }
    assert!(joined > 10 * cases as usize, "the graphs are too sparse to test anything: {joined}");
}
