//! Decides (pure), then performs the one-transaction commit.
//!
//! ```text
//! outputs ──[ ≤ EPOCHS_MAX epochs ]──► store thread: fold all that wait ─► Store::commit ─► wake workers
//!                                             on an error: ask Store::committed, then decide
//! ```
//! *Promises:* I4 (only completed epochs arrive here), I5 (one transaction). An unanswered commit is
//! normal: the epoch is read back and decides. *State and limits:* [`EPOCHS_MAX`] waiting epochs,
//! [`FACTS_MAX`] facts folded into one transaction; when the store is slow the queue fills, workers
//! keep their epochs, the source operator stops draining, readers block.

use super::fold::Fold;
use super::observer::Observer;
use super::shutdown::{StopSignal, StopStage};
use super::supervise::backoff;
use crate::component::{Commit, Incarnation, Store, StoreError};
use crate::model::{Epoch, Fact};
use crossbeam_channel::Receiver;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// Completed epochs that may wait for the store thread.
pub const EPOCHS_MAX: usize = 64;
/// Facts that are folded into one transaction, at most (plus one epoch).
pub const FACTS_MAX: usize = 400_000;

/// A completed epoch on its way to the store.
#[derive(Debug)]
pub struct CompletedEpoch {
    /// Which.
    pub epoch: Epoch,
    /// What it wants stored, in order.
    pub facts: Vec<Fact>,
}

/// What the store thread and the workers both look at.
#[derive(Debug, Default)]
pub struct Backlog {
    /// Facts taken from workers and not yet committed.
    pub facts: AtomicUsize,
    /// The last committed epoch.
    pub committed: AtomicU64,
}

/// What to do after a commit that returned an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is durable; only the answer was lost.
    Done,
    /// It is not durable; try the same transaction again.
    Retry,
    /// Somebody else owns the store, or it holds what nobody wrote: stop without another commit.
    Stop(String),
}

/// Decides from what is really stored.
pub fn decide(
    commit: &Commit,
    stored: Option<Epoch>,
    stored_incarnation: Option<Incarnation>,
) -> Verdict {
    if stored_incarnation != Some(commit.incarnation) {
        return Verdict::Stop("another process has taken the store over".into());
    }
    if stored == Some(commit.epoch) {
        Verdict::Done
    } else if stored == commit.predecessor {
        Verdict::Retry
    } else {
        Verdict::Stop(format!(
            "the store is at epoch {}, neither before nor after epoch {}",
            stored.map_or("none".to_owned(), |epoch| epoch.to_string()),
            commit.epoch
        ))
    }
}

/// The store thread's state.
pub struct Committer {
    /// Where to commit.
    pub store: Box<dyn Store>,
    /// Who we are.
    pub incarnation: Incarnation,
    /// The last durable epoch.
    pub last: Option<Epoch>,
    /// Ids of the graph's sources.
    pub source_ids: Arc<[String]>,
    /// Shared with the workers.
    pub backlog: Arc<Backlog>,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// Whether the engine stops.
    pub stop: StopSignal,
    /// Called after every commit, to wake workers that wait for room.
    pub wake: Box<dyn Fn() + Send>,
}

impl Committer {
    /// Commits until the workers are gone, the store refuses for good, or the stop is abandoned.
    pub fn run(mut self, completed: &Receiver<CompletedEpoch>) -> Result<(), StoreError> {
        while let Ok(first) = completed.recv() {
            let mut facts = first.facts.len();
            let mut epoch = first.epoch;
            let mut fold = Fold::with_capacity(facts);
            first.facts.into_iter().for_each(|fact| fold.add(fact));
            while facts < FACTS_MAX
                && let Ok(next) = completed.try_recv()
            {
                debug_assert!(next.epoch > epoch, "I4: epochs complete in order");
                facts += next.facts.len();
                epoch = next.epoch;
                next.facts.into_iter().for_each(|fact| fold.add(fact));
            }
            let commit = Commit {
                incarnation: self.incarnation,
                predecessor: self.last,
                epoch,
                source_ids: Arc::clone(&self.source_ids),
                contents: fold.finish(),
            };
            let durable = self.perform(&commit)?;
            self.backlog.facts.fetch_sub(facts, Ordering::Relaxed);
            if !durable {
                return Ok(());
            }
            self.last = Some(epoch);
            self.backlog.committed.store(epoch.0, Ordering::Release);
            (self.wake)();
        }
        Ok(())
    }

    /// Commits one transaction, however often it takes. Returns `false` if the engine was told to
    /// give up first.
    fn perform(&mut self, commit: &Commit) -> Result<bool, StoreError> {
        let mut failures = 0;
        loop {
            let started = Instant::now();
            let error = match self.store.commit(commit) {
                Ok(()) => {
                    if failures > 0 {
                        self.observer.store(None);
                    }
                    self.observer.committed(commit, started.elapsed());
                    return Ok(true);
                }
                Err(error) => error,
            };
            let trouble = match error {
                StoreError::Unavailable { .. } => error.to_string(),
                lasting => return Err(lasting),
            };
            self.observer.store(Some(&trouble));
            match self.store.committed() {
                Ok((epoch, incarnation)) => match decide(commit, epoch, incarnation) {
                    Verdict::Done => {
                        self.observer.store(None);
                        self.observer.committed(commit, started.elapsed());
                        return Ok(true);
                    }
                    Verdict::Retry => {}
                    Verdict::Stop(reason) => return Err(StoreError::Fenced(reason)),
                },
                Err(StoreError::Unavailable { .. }) => {}
                Err(lasting) => return Err(lasting),
            }
            let jitter = (started.elapsed().subsec_nanos() >> 8) as u8;
            if self.stop.wait(StopStage::Abandoned, backoff(failures, jitter)) {
                return Ok(false);
            }
            failures += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::Contents;

    fn commit() -> Commit {
        Commit {
            incarnation: Incarnation(7),
            predecessor: Some(Epoch(4)),
            epoch: Epoch(5),
            source_ids: Arc::new([]),
            contents: Contents::default(),
        }
    }

    #[test]
    fn a_lost_answer_is_settled_by_the_stored_epoch() {
        let me = Some(Incarnation(7));
        assert_eq!(decide(&commit(), Some(Epoch(5)), me), Verdict::Done);
        assert_eq!(decide(&commit(), Some(Epoch(4)), me), Verdict::Retry);
    }

    #[test]
    fn a_zombie_stops_as_soon_as_its_successor_owns_the_store() {
        let successor = Some(Incarnation(8));
        assert!(matches!(decide(&commit(), Some(Epoch(4)), successor), Verdict::Stop(_)));
        assert!(matches!(
            decide(&commit(), Some(Epoch(9)), Some(Incarnation(7))),
            Verdict::Stop(_)
        ));
    }
}
