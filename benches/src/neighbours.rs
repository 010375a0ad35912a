//! Neighbours and clusters: what a search costs among many embeddings, how often it finds what single
//! precision finds, and what one more pattern costs in a graph of many.
//!
//! Embeddings are made up: around each of many centres a few that are near it. Wall times of a search are
//! quoted as the scan is one thread's work; what is added is quoted in CPU time, in epochs of one pattern.
//!
//! *Note:* it runs in this process, since the binary has no way to run one stage alone.

use crate::measure::{Measurement, Site};
use crate::process::own_cpu_seconds;
use crate::scenario::Scenario;
use anyhow::{Context, Result};
use engine::dataflow::{Config, InputSession, Probe, execute};
use engine::model::{EMBEDDING_DIMENSIONS, Embedding, KernelClass, Similarity, Vector};
use operators::cluster::rule::Node;
use operators::cluster::{Changing, clusters};
use operators::meaning::{Flat, RERANKED, nearest_by_vector};
use serde_json::json;
use std::hint::black_box;
use std::time::{Duration, Instant};

const CLASS: KernelClass = KernelClass::MINILM_L6_F32;
/// Embeddings around one centre.
const AROUND: usize = 20;
/// What a search returns.
const WANTED: usize = 10;
/// Queries whose recall is measured.
const COMPARED: usize = 50;
/// Links of a node of the graph.
const LINKS: usize = 10;
/// Patterns that are added to the graph.
const ADDED: usize = 300;
/// What the operator merges by default.
const THRESHOLD: Similarity = Similarity::from_millionths(550_000);

/// Measures the scenario.
pub fn run(_site: &Site, scenario: &Scenario) -> Result<Measurement> {
    let runs = scenario.number("runs")? as usize;
    let rows = scenario.number("rows")? as usize;
    let (times, recall) = searches(rows, runs)?;
    let (times_large, _) = searches(scenario.number("rows_large")? as usize, runs / 4)?;
    let nodes = scenario.number("nodes")? as usize;
    let seconds = adding(nodes)?;
    let raw = json!({
        "rows": rows, "runs": runs, "nodes": nodes, "links_per_node": LINKS, "added": ADDED,
        "scan_ms": times.iter().map(|time| ms(*time)).collect::<Vec<_>>(),
        "scan_large_ms": times_large.iter().map(|time| ms(*time)).collect::<Vec<_>>(),
        "add_cpu_s": seconds,
    });
    let at = |times: &[Duration], share: usize| ms(times[(times.len() - 1) * share / 100]);
    let figures = vec![
        ("scan_p50_ms", at(&times, 50)),
        ("scan_p99_ms", at(&times, 99)),
        ("scan_large_p50_ms", at(&times_large, 50)),
        ("recall_at_10", recall),
        ("add_ms", seconds * 1e3 / ADDED as f64),
    ];
    Ok((raw, figures))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Numbers that look random and are the same in every run.
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        self.0 >> 33
    }

    fn below(&mut self, bound: usize) -> usize {
        self.next() as usize % bound
    }

    /// Returns a number between -1 and 1.
    fn ratio(&mut self) -> f32 {
        self.next() as f32 / (1u64 << 30) as f32 - 1.0
    }

    /// Returns a vector around `centre`, or around nothing.
    fn vector(&mut self, centre: Option<&Vector>) -> Vector {
        let mut numbers = [0.0; EMBEDDING_DIMENSIONS];
        for (dimension, number) in numbers.iter_mut().enumerate() {
            let around = centre.map_or(0.0, |centre| centre.0[dimension]);
            *number = around + self.ratio() * if centre.is_some() { 0.06 } else { 1.0 };
        }
        let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
        Vector(Box::new(numbers.map(|number| number / length)))
    }
}

fn embedding(vector: &Vector) -> Result<Embedding> {
    Embedding::of(vector, CLASS).context("a made-up vector has no direction")
}

/// Returns how long searches among `rows` embeddings took, in ascending order, and their recall.
fn searches(rows: usize, runs: usize) -> Result<(Vec<Duration>, f64)> {
    let mut seed = Seeded(7);
    let centres: Vec<Vector> = (0..rows / AROUND).map(|_| seed.vector(None)).collect();
    let mut vectors = Vec::with_capacity(rows);
    let mut flat = Flat::new(CLASS);
    for name in 0..rows {
        let vector = seed.vector(centres.get(name % centres.len()));
        flat.insert(name as u32, &embedding(&vector)?);
        vectors.push(vector);
    }
    let (mut times, mut found, mut wanted) = (Vec::new(), 0, 0);
    for run in 0..runs.max(1) {
        let query = seed.vector(Some(&centres[seed.0 as usize % centres.len()]));
        let whole = embedding(&query)?;
        let started = Instant::now();
        let near = flat.nearest(&whole, RERANKED);
        let candidates = near.iter().map(|(name, _)| (*name, &vectors[*name as usize]));
        let near = black_box(nearest_by_vector(&query, candidates, WANTED));
        times.push(started.elapsed());
        if run < COMPARED {
            let all = (0u32..).zip(&vectors);
            let exact = nearest_by_vector(&query, all, WANTED);
            let is_found = |(name, _): &&(u32, f32)| near.iter().any(|(other, _)| other == name);
            found += exact.iter().filter(is_found).count();
            wanted += exact.len();
        }
    }
    times.sort();
    Ok((times, found as f64 / f64::from(u32::try_from(wanted)?)))
}

/// Returns the CPU seconds of adding patterns, one an epoch, to a graph of `nodes`.
fn adding(nodes: usize) -> Result<f64> {
    let guards = execute(Config::thread(), move |worker| {
        let mut graph = (InputSession::new(), InputSession::new());
        let (mut together, mut apart) = (InputSession::new(), InputSession::new());
        let mut alone: InputSession<u64, Node, isize> = InputSession::new();
        let probe = worker.dataflow(|scope| {
            let changing = Changing {
                nodes: graph.0.to_collection(scope),
                links: graph.1.to_collection(scope),
                together: together.to_collection(scope),
                apart: apart.to_collection(scope),
                alone: alone.to_collection(scope),
            };
            clusters(changing, THRESHOLD).inner.probe().0
        });
        let mut seed = Seeded(3);
        let mut epoch = 0;
        let mut before = 0.0;
        for node in 0..nodes + ADDED {
            graph.0.insert(Node(node as u128));
            for other in others(&mut seed, node) {
                // As templates of one cause have: some near enough to be merged, most not.
                let similarity = Similarity::from_millionths(450_000 + seed.below(250_000) as i32);
                graph.1.insert((Node(other as u128), Node(node as u128), similarity));
            }
            if node + 1 >= nodes {
                epoch += 1;
                graph.0.advance_to(epoch);
                graph.1.advance_to(epoch);
                together.advance_to(epoch);
                apart.advance_to(epoch);
                alone.advance_to(epoch);
                graph.0.flush();
                graph.1.flush();
                together.flush();
                apart.flush();
                alone.flush();
                worker.step_while(|| probe.less_than(&epoch));
            }
            if node + 1 == nodes {
                before = own_cpu_seconds().unwrap_or(0.0);
            }
        }
        own_cpu_seconds().unwrap_or(0.0) - before
    });
    let guards = guards.map_err(anyhow::Error::msg)?;
    let seconds = guards.join().into_iter().next().context("no worker started")?;
    seconds.map_err(anyhow::Error::msg)
}

/// Returns the nodes that a node is linked to: mostly neighbours in time, as new templates are.
fn others(seed: &mut Seeded, node: usize) -> Vec<usize> {
    let other = |_| match seed.below(4) {
        0 => seed.below(node.max(1)),
        _ => node.saturating_sub(1 + seed.below(AROUND)),
    };
    let mut others: Vec<usize> = (0..LINKS / 2).map(other).filter(|it| *it < node).collect();
    others.sort_unstable();
    others.dedup();
    others
}
