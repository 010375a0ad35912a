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
use super::reader::{Read, Reader, reader};
use super::{commit::Backlog, commit::CompletedEpoch, shutdown::StopSignal};
use crate::component::{Operator, Port, Ports, Recovered, SourceTable, Stage};
use crate::dataflow::{Collection, Concatenate, DataflowTime, Map, Scope, Stream};
use crate::model::{Chunk, Control, Fact, OutboxRow, OutboxState, Tagged};
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
    /// Notifiers, and the nodes each reads.
    pub notifiers: Vec<(String, Vec<String>)>,
}

impl Shape {
    /// Returns the shape of a graph over these sources.
    pub fn new(
        sources: SourceTable,
        operators: Vec<(String, Vec<String>, Box<dyn Operator>)>,
        stored: Vec<String>,
    ) -> Shape {
        let (streams, notifiers) = (sources.ids(), Vec::new());
        Shape { streams, sources, operators, stored, notifiers }
    }

    /// Lets notifiers read alerts.
    pub fn with_notifiers(self, notifiers: Vec<(String, Vec<String>)>) -> Shape {
        Shape { notifiers, ..self }
    }

    /// Returns how many sources have a stream of their own.
    pub fn streams(&self) -> usize {
        self.streams.len()
    }
}

/// What enters the dataflow.
struct Inputs<'s> {
    chunks: Vec<Stream<'s, Chunk>>,
    controls: Collection<'s, Control>,
}

/// Builds everything between the chunks of the sources and the facts for the committer.
fn stages<'s>(
    scope: Scope<'s, DataflowTime>,
    shape: &Shape,
    inputs: Inputs<'s>,
    recovered: &Arc<Recovered>,
    desk: &Desk,
) -> (Vec<Stream<'s, Fact>>, Vec<Stream<'s, TimedFact>>) {
    let Inputs { chunks, controls } = inputs;
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
        let mut stage = stage.with_desk(desk.clone()).with_controls(controls.clone());
        let port = operator.stage(&mut stage, Ports::new(scope, inputs));
        let named = stage.into_outputs().into_iter();
        ports.extend(named.map(|(name, port)| (format!("{id}.{name}"), port)));
        ports.insert(id.clone(), port);
    }
    let stored = shape.stored.iter().filter_map(|id| ports.get(id.as_str()).cloned());
    let mut timed: Vec<_> = stored.flat_map(timed_facts).collect();
    for (notifier, inputs) in &shape.notifiers {
        let read = inputs.iter().filter_map(|input| ports.get(input.as_str()).cloned());
        timed.extend(read.filter_map(|port| queued(port, notifier)));
    }
    (facts, timed)
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
        Port::Alerts { alerts, .. } => {
            vec![differences(alerts, |alert, _| Fact::Alert(Box::new(alert)))]
        }
        Port::Standings { standings, activity } => vec![
            differences(standings, |(issue, standing), _| {
                Fact::Standing(issue, standing.map(Box::new))
            }),
            differences(activity, |entry, _| Fact::Activity(Box::new(entry))),
        ],
        // The graph's plan lets nothing else be stored.
        Port::Lines(_)
        | Port::Events(_)
        | Port::Prints { .. }
        | Port::Patterns(_)
        | Port::Vectors { .. }
        | Port::Spikes(_) => Vec::new(),
    }
}

/// Returns what waits in the outbox for a notifier that reads a port.
fn queued<'s>(port: Port<'s>, notifier: &str) -> Option<Stream<'s, TimedFact>> {
    let Port::Alerts { notices, .. } = port else { return None };
    let notifier: Arc<str> = notifier.into();
    Some(differences(notices, move |notice, _| {
        let (notifier, notice) = (Arc::clone(&notifier), Arc::new(notice));
        Fact::Outbox(Box::new(OutboxRow { notifier, notice, state: OutboxState::Queued }))
    }))
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
    let Read { chunks, facts: reading, controls } = reader(scope, input);
    let inputs = Inputs { chunks, controls };
    let (mut facts, timed) = stages(scope, shape, inputs, recovered, &around.desk);
    facts.push(reading);
    let facts = scope.concatenate(facts);
    let timed = scope.concatenate(timed);
    outputs(scope, facts, timed, committer, recovered, around);
}
