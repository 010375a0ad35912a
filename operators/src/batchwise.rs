//! Batchwise: the place in the dataflow of operators that look at one batch of events at a time, and
//! may change it, leave events out, or send them different ways.
//!
//! *Frontier:* stateless: what a batch yields leaves at the batch's epoch.

use engine::component::{Port, Ports, Stage};
use engine::dataflow::{OperatorBuilder, Output, Pipeline};
use engine::model::{Account, Counter, EventBatch, Fact};
use std::collections::BTreeMap;

/// What becomes of a batch of events.
pub(crate) struct Parted {
    /// What leaves by the main output, then what leaves by each named one.
    pub(crate) ways: Vec<EventBatch>,
    /// The number of records left out, less those that took an earlier one back.
    pub(crate) left_out: i64,
}

/// Returns the events that `change` leaves in each batch. What it returns, the number of records left
/// out less those that took an earlier one back, is counted under `counter`.
pub(crate) fn batchwise<'s>(
    stage: &mut Stage<'_, 's>,
    inputs: Ports<'s>,
    component: &str,
    counter: Counter,
    mut change: impl FnMut(&mut EventBatch) -> i64 + 'static,
) -> Port<'s> {
    parting(stage, inputs, component, counter, &[], move |mut batch| {
        let left_out = change(&mut batch);
        Parted { ways: vec![batch], left_out }
    })
}

/// Parts each batch among the main output, which is returned, and outputs of these names.
pub(crate) fn parting<'s>(
    stage: &mut Stage<'_, 's>,
    mut inputs: Ports<'s>,
    component: &str,
    counter: Counter,
    names: &[String],
    mut part: impl FnMut(EventBatch) -> Parted + 'static,
) -> Port<'s> {
    let mut builder = OperatorBuilder::new(format!("{component} {}", stage.id), stage.scope);
    let mut input = builder.new_input(inputs.events(), Pipeline);
    let (main_out, main) = builder.new_output::<Vec<EventBatch>>();
    let mut outs = vec![Output::from(main_out)];
    for name in names {
        let (out, stream) = builder.new_output::<Vec<EventBatch>>();
        outs.push(Output::from(out));
        stage.output(name, Port::Events(stream));
    }
    let (facts_out, facts) = builder.new_output::<Vec<Fact>>();
    let mut facts_out = Output::from(facts_out);
    builder.build(move |_| {
        move |_frontiers| {
            let mut outs: Vec<_> = outs.iter_mut().map(Output::activate).collect();
            let mut facts_out = facts_out.activate();
            input.for_each_time(|time, batches| {
                let mut left_out = BTreeMap::new();
                let mut kept = vec![Vec::new(); outs.len()];
                for batch in batches.flat_map(|batches| batches.drain(..)) {
                    let source = batch.source;
                    let parted = part(batch);
                    *left_out.entry(source).or_insert(0) += parted.left_out;
                    for (way, batch) in kept.iter_mut().zip(parted.ways) {
                        if !batch.events.is_empty() {
                            way.push(batch);
                        }
                    }
                }
                for (out, kept) in outs.iter_mut().zip(kept) {
                    out.session(&time).give_iterator(kept.into_iter());
                }
                let left_out = left_out.into_iter().filter(|(_, n)| *n != 0);
                let facts = left_out.map(|(source, n)| {
                    Fact::Account(Account { source, counter: counter.clone(), n })
                });
                facts_out.session(&time).give_iterator(facts);
            });
        }
    });
    stage.commit(facts);
    Port::Events(main)
}
