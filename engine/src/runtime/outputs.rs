//! Holds what an epoch produced until the frontier passes it (I4), then hands it to the committer.
//!
//! *Picture:* facts of all workers ──exchange to worker 0──► per epoch ──frontier──► bounded queue.
//! *Frontier:* never holds an epoch back; it has no output. A full queue leaves completed epochs here
//! and asks to be scheduled again: a worker never blocks. *State and limits:* what has not been
//! committed yet; bounded because the source operator stops draining when
//! [`Backlog::facts`](super::commit::Backlog) passes its limit.

use super::commit::{Backlog, CompletedEpoch};
use super::recovery::corrections;
use super::shutdown::StopStage;
use super::worker::Around;
use crate::component::Recovered;
use crate::dataflow::{DataflowTime, Exchange, MutableAntichain, OperatorBuilder, Scope, Stream};
use crate::invariants::may_commit;
use crate::model::{Epoch, Fact};
use crossbeam_channel::{Sender, TrySendError};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How soon to try again when the committer's queue is full.
const QUEUE_RETRY: Duration = Duration::from_millis(5);

/// A fact with the epoch it belongs to.
pub type TimedFact = (DataflowTime, Fact);

/// What worker 0 holds back.
struct Pending {
    facts: BTreeMap<DataflowTime, Vec<Fact>>,
    completed: std::collections::VecDeque<CompletedEpoch>,
    recovered: Arc<Recovered>,
    backlog: Arc<Backlog>,
}

impl Pending {
    fn add(&mut self, epoch: DataflowTime, facts: &mut Vec<Fact>) {
        self.backlog.facts.fetch_add(facts.len(), Ordering::Relaxed);
        self.facts.entry(epoch).or_default().append(facts);
    }

    fn add_one(&mut self, epoch: DataflowTime, fact: Fact) {
        self.backlog.facts.fetch_add(1, Ordering::Relaxed);
        self.facts.entry(epoch).or_default().push(fact);
    }

    /// Moves every epoch below `lowest`, the first that input can still change, to `completed`.
    fn complete(&mut self, lowest: Option<DataflowTime>) {
        while let Some((&epoch, _)) = self.facts.first_key_value()
            && lowest.is_none_or(|lowest| epoch < lowest)
        {
            let Some(facts) = self.facts.remove(&epoch) else { return };
            if epoch == Epoch::RECOVERED.0 {
                self.complete_recovery(facts);
            } else if !facts.is_empty() {
                debug_assert!(may_commit(Epoch(epoch), lowest.map(Epoch)), "I4");
                self.completed.push_back(CompletedEpoch { epoch: Epoch(epoch), facts });
            }
        }
    }

    /// Epoch 0 is never committed: what it derives differently joins the first epoch that is.
    fn complete_recovery(&mut self, facts: Vec<Fact>) {
        self.backlog.facts.fetch_sub(facts.len(), Ordering::Relaxed);
        let recovered = std::mem::take(&mut self.recovered);
        let mut corrections = corrections(&recovered, facts);
        if !corrections.is_empty() {
            let first = recovered.epoch.unwrap_or(Epoch::RECOVERED).next();
            let mut later = self.facts.remove(&first.0).unwrap_or_default();
            self.backlog.facts.fetch_add(corrections.len(), Ordering::Relaxed);
            corrections.append(&mut later);
            self.facts.insert(first.0, corrections);
        }
    }
}

/// Builds the operator. `queue` is given on worker 0, which gets every fact.
pub fn outputs<'s>(
    scope: Scope<'s, DataflowTime>,
    facts: Stream<'s, Fact>,
    timed: Stream<'s, TimedFact>,
    queue: Option<Sender<CompletedEpoch>>,
    recovered: &Arc<Recovered>,
    around: &Around,
) {
    let Around { backlog, stop, desk } = around;
    let mut builder = OperatorBuilder::new("outputs".to_owned(), scope);
    let mut facts = builder.new_input(facts, Exchange::new(|_: &Fact| 0));
    let mut timed = builder.new_input(timed, Exchange::new(|_: &TimedFact| 0));
    let activator = scope.activator_for(builder.operator_info().address);
    let mut pending = Pending {
        facts: BTreeMap::new(),
        completed: std::collections::VecDeque::new(),
        // Only the worker that commits compares with it.
        recovered: queue.as_ref().map_or_else(Arc::default, |_| Arc::clone(recovered)),
        backlog: Arc::clone(backlog),
    };
    // Corrections are owed even if nothing is derived at epoch 0.
    pending.facts.insert(Epoch::RECOVERED.0, Vec::new());
    let (stop, desk, mut queue) = (stop.clone(), desk.clone(), queue);
    let mut retry_at: Option<Instant> = None;
    builder.build_reschedule(move |_capabilities| {
        move |frontiers: &[MutableAntichain<DataflowTime>]| {
            facts.for_each(|time, data| pending.add(*time.time(), data));
            timed.for_each(|_, data| {
                data.drain(..).for_each(|(epoch, fact)| pending.add_one(epoch, fact));
            });
            let Some(sender) = &queue else { return false };
            let lowest = frontiers.iter().filter_map(|f| f.frontier().first().copied()).min();
            pending.complete(lowest);
            desk.settle(lowest.unwrap_or(DataflowTime::MAX));
            while let Some(completed) = pending.completed.pop_front() {
                match sender.try_send(completed) {
                    Ok(()) => {}
                    Err(TrySendError::Full(unsent)) => {
                        pending.completed.push_front(unsent);
                        if stop.stage() == StopStage::Abandoned {
                            queue = None;
                            return false;
                        }
                        // One timer at a time: every other activation would start one more.
                        if retry_at.is_none_or(|at| at <= Instant::now()) {
                            retry_at = Some(Instant::now() + QUEUE_RETRY);
                            activator.activate_after(QUEUE_RETRY);
                        }
                        return true;
                    }
                    // The committer has stopped for good; so does this worker.
                    Err(TrySendError::Disconnected(_)) => {
                        queue = None;
                        return false;
                    }
                }
            }
            false
        }
    });
}
