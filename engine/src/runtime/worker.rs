//! Builds the timely dataflow on each worker and steps it.
//!
//! ```text
//! reader ─► source streams ─► operators of the graph ─► streams wired to the store ─┐
//!    └── offsets ───────────────────┴── facts of stages ──────────────────────────► outputs (worker 0)
//! ```
//! Every worker builds the same dataflow in the same order. What the graph wires to the store is
//! turned into facts here, so no operator knows whether it is stored.

use super::embedding::Desk;
use super::outputs::{TimedFact, outputs};
use super::reader::{Reader, reader};
use super::{commit::Backlog, commit::CompletedEpoch, shutdown::StopSignal};
use crate::component::{Operator, Port, Ports, Recovered, SourceTable, Stage};
use crate::dataflow::{
    AsCollection, Collection, Concatenate, DataflowTime, Filter, Map, Scope, Stream,
};
use crate::model::{Fact, Tagged};
use crossbeam_channel::Sender;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The shape of a graph: what is connected to what.
pub struct Shape {
    /// Sources: those that are there when the dataflow is built have a stream each.
    pub sources: SourceTable,
    /// The ids of those.
    streams: Arc<[String]>,
    /// Operators with their inputs (`id`, or `id.output`), each after those it reads.
    pub operators: Vec<(String, Vec<String>, Box<dyn Operator>)>,
    /// Ids of the nodes the store reads.
    pub stored: Vec<String>,
}

impl Shape {
    /// Returns the shape of a graph over these sources.
    pub fn new(
        sources: SourceTable,
        operators: Vec<(String, Vec<String>, Box<dyn Operator>)>,
        stored: Vec<String>,
    ) -> Shape {
        Shape { streams: sources.ids(), sources, operators, stored }
    }

    /// Returns how many sources have a stream of their own.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }
}

/// Builds everything between the chunks of the sources and the facts for the committer.
fn stages<'s>(
    scope: Scope<'s, DataflowTime>,
    shape: &Shape,
    chunks: Vec<Stream<'s, crate::model::Chunk>>,
    recovered: &Arc<Recovered>,
    desk: &Desk,
) -> (Vec<Stream<'s, Fact>>, Vec<Stream<'s, TimedFact>>) {
    let mut chunks = chunks.into_iter();
    let mut ports: BTreeMap<String, Port<'s>> = BTreeMap::new();
    ports.extend(shape.streams.iter().cloned().zip(chunks.by_ref().map(Port::Lines)));
    let added = chunks.next();
    let mut facts = Vec::new();
    for (id, inputs, operator) in &shape.operators {
        let reads_all = shape.streams.iter().all(|source| inputs.contains(source));
        let read = inputs.iter().filter_map(|input| ports.get(input.as_str()).cloned());
        // Whatever reads every source also reads those that are added.
        let added = added.iter().filter(|_| reads_all).cloned().map(Port::Lines);
        let inputs = read.chain(added).collect();
        let stage = Stage::new(id, scope, &shape.sources, recovered, &mut facts);
        let mut stage = stage.with_desk(desk.clone());
        let port = operator.stage(&mut stage, Ports::new(scope, inputs));
        let named = stage.into_outputs().into_iter();
        ports.extend(named.map(|(name, port)| (format!("{id}.{name}"), port)));
        ports.insert(id.clone(), port);
    }
    let stored = shape.stored.iter().filter_map(|id| ports.get(id.as_str()).cloned());
    (facts, stored.flat_map(timed_facts).collect())
}

/// Returns what a stream wired to the store wants stored.
fn timed_facts(port: Port<'_>) -> Vec<Stream<'_, TimedFact>> {
    match port {
        Port::Counts(counts) => vec![differences(counts, |(fingerprint, bucket), n| Fact::Count {
            fingerprint,
            bucket,
            n,
        })],
        Port::Issues { issues, members, parts, .. } => vec![
            differences(issues, Fact::Issue),
            differences(members, Fact::Member),
            differences(parts, |part, n| Fact::Part(Box::new(part), n)),
        ],
        Port::Tags(tags) => {
            vec![differences(tags, |(issue, tag), n| Fact::Tag(Box::new(Tagged { issue, tag }), n))]
        }
        Port::Alerts(alerts) => {
            let stands = alerts.inner.filter(|(_, _, change)| *change > 0).as_collection();
            vec![differences(stands, |alert, _| Fact::Alert(Box::new(alert)))]
        }
        // The graph's plan lets nothing else be stored.
        Port::Lines(_)
        | Port::Events(_)
        | Port::Prints { .. }
        | Port::Patterns(_)
        | Port::Vectors { .. }
        | Port::Spikes(_) => Vec::new(),
    }
}

fn differences<'s, D: Clone + 'static>(
    collection: Collection<'s, D>,
    fact: impl Fn(D, i64) -> Fact + 'static,
) -> Stream<'s, TimedFact> {
    collection.inner.map(move |(data, epoch, change)| (epoch, fact(data, change as i64)))
}

/// What all workers of a process share with the threads around them.
#[derive(Clone, Default)]
pub struct Around {
    /// How much waits for the store.
    pub backlog: Arc<Backlog>,
    /// Whether the engine stops.
    pub stop: StopSignal,
    /// Where embeddings are asked for.
    pub desk: Desk,
}

/// Builds the whole dataflow of one worker.
pub fn build<'s>(
    scope: Scope<'s, DataflowTime>,
    shape: &Shape,
    input: Reader,
    recovered: &Arc<Recovered>,
    committer: Option<Sender<CompletedEpoch>>,
    around: &Around,
) {
    let (chunks, reading) = reader(scope, input);
    let (mut facts, timed) = stages(scope, shape, chunks, recovered, &around.desk);
    facts.push(reading);
    let facts = scope.concatenate(facts);
    let timed = scope.concatenate(timed);
    outputs(scope, facts, timed, committer, recovered, around);
}
