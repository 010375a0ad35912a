//! Batchwise: the place in the dataflow of operators that look at one batch of events at a time, and
//! may change it or leave events out.
//!
//! *Frontier:* stateless: what a batch yields leaves at the batch's epoch.

use engine::component::{Port, Ports, Stage};
use engine::dataflow::{OperatorBuilder, Output, Pipeline};
use engine::model::{Account, Counter, EventBatch, Fact};
use std::collections::BTreeMap;

/// Returns the events that `change` leaves in each batch. What it returns, the number of records left
/// out less those that took an earlier one back, is counted under `counter`.
pub(crate) fn batchwise<'s>(
    stage: &mut Stage<'_, 's>,
    mut inputs: Ports<'s>,
    component: &str,
    counter: Counter,
    mut change: impl FnMut(&mut EventBatch) -> i64 + 'static,
) -> Port<'s> {
    let mut builder = OperatorBuilder::new(format!("{component} {}", stage.id), stage.scope);
    let mut input = builder.new_input(inputs.events(), Pipeline);
    let (events_out, events) = builder.new_output::<Vec<EventBatch>>();
    let (facts_out, facts) = builder.new_output::<Vec<Fact>>();
    let mut events_out = Output::from(events_out);
    let mut facts_out = Output::from(facts_out);
    builder.build(move |_| {
        move |_frontiers| {
            let mut events_out = events_out.activate();
            let mut facts_out = facts_out.activate();
            input.for_each_time(|time, batches| {
                let mut left_out = BTreeMap::new();
                let mut kept = Vec::new();
                for mut batch in batches.flat_map(|batches| batches.drain(..)) {
                    *left_out.entry(batch.source).or_insert(0) += change(&mut batch);
                    if !batch.events.is_empty() {
                        kept.push(batch);
                    }
                }
                events_out.session(&time).give_iterator(kept.into_iter());
                let left_out = left_out.into_iter().filter(|(_, n)| *n != 0);
                let facts = left_out.map(|(source, n)| {
                    Fact::Account(Account { source, counter: counter.clone(), n })
                });
                facts_out.session(&time).give_iterator(facts);
            });
        }
    });
    stage.commit(facts);
    Port::Events(events)
}
