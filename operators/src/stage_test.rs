//! Runs a chain of stages on chunks, one epoch per chunk, for the tests of this crate.

use engine::component::{Operator, Port, Ports, Recovered, SourceDefaults, SourceTable, Stage};
use engine::dataflow::{Concatenate, Config, Inspect, Stream, execute, source};
use engine::model::{Chunk, EventTime, Fact, Offset, PartitionId, SourceIndex};
use std::sync::{Arc, Mutex};

/// What a run yielded.
#[derive(Debug, Default)]
pub(crate) struct Ran {
    /// The messages of the events that came out.
    pub messages: Vec<String>,
    /// Every record that came out, with its epoch and change.
    pub records: Vec<(u64, String, i8)>,
    /// The facts, with their epochs.
    pub facts: Vec<(u64, Fact)>,
}

/// Returns a chunk of source 0, whose service is `shop`.
pub(crate) fn chunk(lines: impl AsRef<[u8]>) -> Chunk {
    Chunk {
        source: SourceIndex(0),
        partition: PartitionId(Arc::from("p")),
        bytes: Arc::new(lines.as_ref().to_vec()),
        end: Some(Offset::default()),
        received: EventTime::from_secs(1_715_947_200),
        lines_cut: 0,
        lost_bytes: 0,
        lag_bytes: 0,
    }
}

/// Runs `operators`, each reading the one before it, on one worker.
pub(crate) fn run(operators: Vec<Box<dyn Operator>>, chunks: Vec<Chunk>) -> Ran {
    run_from(Recovered::default(), operators, chunks)
}

/// The same from a checkpoint on.
pub(crate) fn run_from(
    recovered: Recovered,
    operators: Vec<Box<dyn Operator>>,
    chunks: Vec<Chunk>,
) -> Ran {
    let first = recovered.epoch.map_or(0, |epoch| epoch.next().0);
    let recovered = Arc::new(recovered);
    let ran = Arc::new(Mutex::new(Ran::default()));
    let given = (Arc::new(operators), Arc::new(chunks), Arc::clone(&ran), recovered);
    let guards = execute(Config::thread(), move |worker| {
        let (operators, chunks, ran, recovered) = given.clone();
        worker.dataflow::<u64, _, _>(|scope| {
            let mut remaining = chunks.iter().cloned().enumerate().collect::<Vec<_>>();
            remaining.reverse();
            let lines: Stream<'_, Chunk> = source(scope, "chunks", |capability, _| {
                let mut capability = Some(capability);
                move |output| {
                    while let (Some(held), Some((epoch, chunk))) =
                        (capability.as_mut(), remaining.pop())
                    {
                        held.downgrade(&(first + epoch as u64));
                        output.session(held).give(chunk);
                    }
                    capability = None;
                }
            });
            let defaults = SourceTable::new([SourceDefaults {
                id: "app".to_owned(),
                service: Arc::from("shop"),
                timezone: "UTC".to_owned(),
            }]);
            let mut facts = Vec::new();
            let mut port = Port::Lines(lines);
            for operator in operators.iter() {
                let mut stage = Stage::new("loud", scope, &defaults, &recovered, &mut facts);
                port = operator.stage(&mut stage, Ports::new(scope, vec![port]));
            }
            let facts_of = Arc::clone(&ran);
            scope.concatenate(facts).inspect_time(move |epoch, fact| {
                facts_of.lock().unwrap().facts.push((*epoch, fact.clone()));
            });
            let Port::Events(events) = port else { panic!("the last stage yields no events") };
            events.inspect_time(move |epoch, batch| {
                let text = |span| String::from_utf8_lossy(batch.text(span)).into_owned();
                let records = batch.events.iter().map(|e| (*epoch, text(e.record), e.change));
                ran.lock().unwrap().records.extend(records);
                let texts = batch.events.iter().map(|event| batch.text(event.message));
                let texts = texts.map(|text| String::from_utf8_lossy(text).into_owned());
                ran.lock().unwrap().messages.extend(texts);
            });
        });
    });
    drop(guards.unwrap());
    std::mem::take(&mut ran.lock().unwrap())
}
