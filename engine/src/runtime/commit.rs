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

use super::bell::Bell;
use super::fold::Fold;
use super::observer::Observer;
use super::receipts::Receipts;
use super::shutdown::{StopSignal, StopStage};
use super::supervise::store_backoff;
use crate::component::{Commit, Incarnation, SourceTable, Store, StoreError};
use crate::invariants::continues;
use crate::model::{Epoch, Fact, OutboxState};
use crossbeam_channel::Receiver;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Completed epochs that may wait for the store thread.
pub const EPOCHS_MAX: usize = 64;
/// Facts that are folded into one transaction, at most (plus one epoch).
pub const FACTS_MAX: usize = 400_000;

/// How often the store forgets what is too old.
const PRUNE_EVERY: Duration = Duration::from_secs(3600);

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
    /// The sources, by index.
    pub sources: SourceTable,
    /// Shared with the workers.
    pub backlog: Arc<Backlog>,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// Whether the engine stops.
    pub stop: StopSignal,
    /// Where sources learn what is durable.
    pub receipts: Receipts,
    /// Called after every commit, to wake workers that wait for room.
    pub wake: Box<dyn Fn() + Send>,
    /// Rung after a commit that has queued notices.
    pub bell: Bell,
}

#[cfg(feature = "testing")]
impl Committer {
    /// Returns a committer that nobody stops and no source listens to, to try a store with.
    pub fn beside_a_test(
        store: Box<dyn Store>,
        incarnation: Incarnation,
        sources: SourceTable,
        observer: Arc<dyn Observer>,
        wake: Box<dyn Fn() + Send>,
    ) -> Committer {
        Committer {
            store,
            incarnation,
            last: None,
            sources,
            backlog: Arc::default(),
            observer,
            stop: StopSignal::default(),
            receipts: Receipts::default(),
            wake,
            bell: Bell::default(),
        }
    }
}

impl Committer {
    /// Commits until the workers are gone, the store refuses for good, or the stop is abandoned.
    pub fn run(mut self, completed: &Receiver<CompletedEpoch>) -> Result<(), StoreError> {
        let mut pruned_at = Instant::now();
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
                source_ids: self.sources.ids(),
                contents: fold.finish(),
            };
            let durable = self.perform(&commit)?;
            self.backlog.facts.fetch_sub(facts, Ordering::Relaxed);
            if !durable {
                return Ok(());
            }
            self.receipts.note(&commit.contents.progress);
            self.last = Some(epoch);
            self.backlog.committed.store(epoch.0, Ordering::Release);
            (self.wake)();
            if commit.contents.outbox.iter().any(|row| row.state == OutboxState::Queued) {
                self.bell.ring();
            }
            if pruned_at.elapsed() >= PRUNE_EVERY && !self.has_more_to_prune() {
                pruned_at = Instant::now();
            }
        }
        Ok(())
    }

    /// Forgets a piece of what is too old, between two commits; returns whether there is more.
    fn has_more_to_prune(&mut self) -> bool {
        self.store.prune().unwrap_or_else(|error| {
            tracing::warn!("cannot forget what is too old, next time: {}", error.sentence());
            false
        })
    }

    /// Commits one transaction, however often it takes. Returns `false` if the engine was told to
    /// give up first.
    fn perform(&mut self, commit: &Commit) -> Result<bool, StoreError> {
        debug_assert!(continues(commit, self.last), "I5: epochs commit in order");
        let started = Instant::now();
        let mut failures = 0;
        loop {
            let trouble = match self.store.commit(commit) {
                Ok(()) => break,
                Err(error @ StoreError::Unavailable { .. }) => error.sentence(),
                Err(lasting) => return Err(lasting),
            };
            self.observer.store(Some(&trouble));
            // Nothing is tried again before it is known what the first try did.
            match self.settle(commit, started, &mut failures)? {
                Some(Verdict::Done) => break,
                Some(Verdict::Retry) => {}
                Some(Verdict::Stop(reason)) => return Err(StoreError::Fenced(reason)),
                None => return Ok(false),
            }
        }
        if failures > 0 {
            self.observer.store(None);
        }
        self.observer.committed(commit, started.elapsed());
        Ok(true)
    }

    /// Asks what is really stored until the store answers; `None` if the engine is told to give up.
    fn settle(
        &mut self,
        commit: &Commit,
        started: Instant,
        failures: &mut u32,
    ) -> Result<Option<Verdict>, StoreError> {
        loop {
            let jitter = (started.elapsed().subsec_nanos() >> 8) as u8;
            if self.stop.wait(StopStage::Abandoned, store_backoff(*failures, jitter)) {
                return Ok(None);
            }
            *failures += 1;
            match self.store.committed() {
                Ok((epoch, owner)) => return Ok(Some(decide(commit, epoch, owner))),
                Err(error @ StoreError::Unavailable { .. }) => {
                    self.observer.store(Some(&error.sentence()));
                }
                Err(lasting) => return Err(lasting),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::{Contents, History, NodeIdentity, Recovered};
    use crate::model::{Bucket, Fingerprint, OutboxRow};

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

    /// Its first commit is durable but the answer is lost, and so are the first answers to questions.
    struct LosesAnswers {
        stored: (Option<Epoch>, Option<Incarnation>),
        silent: u32,
        commits: u32,
    }

    fn lost() -> StoreError {
        StoreError::Unavailable { what: "the answer is lost".into(), cause: None }
    }

    impl Store for LosesAnswers {
        fn load(&mut self) -> Result<Recovered, StoreError> {
            Ok(Recovered::default())
        }
        fn counts(&mut self, _: History) -> Result<Vec<(Fingerprint, Bucket, i64)>, StoreError> {
            Ok(Vec::new())
        }
        fn claim(&mut self, _: Incarnation, _: &[NodeIdentity]) -> Result<(), StoreError> {
            Ok(())
        }
        fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
            self.commits += 1;
            if self.stored.0 != commit.predecessor {
                return Err(StoreError::Fenced("committed twice".into()));
            }
            self.stored.0 = Some(commit.epoch);
            Err(lost())
        }
        fn committed(&mut self) -> Result<(Option<Epoch>, Option<Incarnation>), StoreError> {
            if self.silent > 0 {
                self.silent -= 1;
                return Err(lost());
            }
            Ok(self.stored)
        }
        fn reader(&self) -> Arc<dyn crate::component::ReadStore> {
            panic!("nobody reads here")
        }
    }

    fn committer(store: LosesAnswers) -> Committer {
        Committer {
            store: Box::new(store),
            incarnation: Incarnation(7),
            last: Some(Epoch(4)),
            sources: SourceTable::default(),
            backlog: Arc::default(),
            observer: Arc::new(crate::runtime::Unobserved),
            stop: StopSignal::default(),
            receipts: Receipts::default(),
            wake: Box::new(|| {}),
            bell: Bell::default(),
        }
    }

    #[test]
    fn the_bell_rings_for_queued_notices_and_for_no_marks() {
        let at = crate::model::EventTime::default();
        for (state, rung) in [(OutboxState::Queued, 1), (OutboxState::Delivered { at }, 0)] {
            let stored = (Some(Epoch(4)), Some(Incarnation(7)));
            let committer = committer(LosesAnswers { stored, silent: 0, commits: 0 });
            let bell = committer.bell.clone();
            let (sender, completed) = crossbeam_channel::bounded(1);
            let row = OutboxRow { notifier: "pager".into(), notice: Arc::default(), state };
            let facts = vec![Fact::Outbox(Box::new(row))];
            sender.send(CompletedEpoch { epoch: Epoch(5), facts }).expect("there is room");
            drop(sender);
            committer.run(&completed).expect("the store is ours");
            assert_eq!(bell.rung(), rung);
        }
    }

    #[test]
    fn a_lost_answer_is_never_tried_again_before_it_is_settled() {
        let store =
            LosesAnswers { stored: (Some(Epoch(4)), Some(Incarnation(7))), silent: 1, commits: 0 };
        let mut committer = committer(store);
        assert!(committer.perform(&commit()).expect("the store is ours"));
    }
}
