//! The desk: where the dataflow leaves texts and finds vectors, and the pool's threads the other way
//! round. Nobody waits at it but the pool.
//!
//! *State and limits:* one entry per text that is asked for and not answered; a text that several ask for
//! is worked on once.

use crate::dataflow::SyncActivator;
use crate::model::{TextId, VectorRow};
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Who asks, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asker(usize);

/// See the module. Cheap to clone: all clones are one desk.
#[derive(Clone, Default)]
pub struct Desk(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    asked: Condvar,
    /// Every epoch below it has been worked through.
    settled: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<(TextId, Arc<str>)>,
    /// Who wants each text that is not answered.
    asked: BTreeMap<TextId, Vec<usize>>,
    askers: Vec<Inbox>,
}

struct Inbox {
    /// Whose, as people call it.
    name: Arc<str>,
    /// Texts that were embedded because it asked first.
    computed: u64,
    answers: VecDeque<VectorRow>,
    activator: Option<SyncActivator>,
}

impl Desk {
    /// Returns how many texts were embedded by this process, by the name of whoever asked first.
    pub fn computed(&self) -> BTreeMap<Arc<str>, u64> {
        let mut computed = BTreeMap::new();
        for inbox in &self.state().askers {
            *computed.entry(Arc::clone(&inbox.name)).or_default() += inbox.computed;
        }
        computed
    }

    /// Returns how many texts wait for a vector.
    pub fn pending(&self) -> usize {
        self.state().asked.len()
    }

    /// Adds somebody who asks, by its name; `activator` is woken when there is an answer.
    pub(super) fn join(&self, name: &str, activator: Option<SyncActivator>) -> Asker {
        let askers = &mut self.state().askers;
        let name = Arc::from(name);
        askers.push(Inbox { name, computed: 0, answers: VecDeque::new(), activator });
        Asker(askers.len() - 1)
    }

    /// Asks for the vector of a text.
    pub(super) fn ask(&self, asker: Asker, id: TextId, text: &Arc<str>) {
        let mut state = self.state();
        let waits_already = state.asked.contains_key(&id);
        state.asked.entry(id).or_default().push(asker.0);
        if !waits_already {
            state.waiting.push_back((id, Arc::clone(text)));
            drop(state);
            self.0.asked.notify_one();
        }
    }

    /// Takes what was answered, at most so many.
    pub(super) fn answers(&self, asker: Asker, at_most: usize) -> Vec<VectorRow> {
        let mut state = self.state();
        let Some(inbox) = state.askers.get_mut(asker.0) else { return Vec::new() };
        let n = inbox.answers.len().min(at_most);
        inbox.answers.drain(..n).collect()
    }

    /// Returns the first epoch that has not been worked through.
    pub(super) fn settled(&self) -> u64 {
        self.0.settled.load(Ordering::Relaxed)
    }

    /// Notes that every epoch below `epoch` has been worked through, and wakes those who wait for that.
    pub(crate) fn settle(&self, epoch: u64) {
        if self.0.settled.swap(epoch, Ordering::Relaxed) < epoch {
            wake(&self.state());
        }
    }

    /// Takes up to `at_most` texts that nobody works on; waits for some, not longer than `patience`.
    pub(super) fn take(&self, at_most: usize, patience: Duration) -> Vec<(TextId, Arc<str>)> {
        let state = self.state();
        let waited = self.0.asked.wait_timeout_while(state, patience, |s| s.waiting.is_empty());
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        let n = state.waiting.len().min(at_most);
        state.waiting.drain(..n).collect()
    }

    /// Lays texts back that could not be embedded now.
    pub(super) fn lay_back(&self, texts: Vec<(TextId, Arc<str>)>) {
        let mut state = self.state();
        for text in texts.into_iter().rev() {
            state.waiting.push_front(text);
        }
    }

    /// Gives up on a text: it has no vector.
    pub(super) fn give_up(&self, id: TextId) {
        self.state().asked.remove(&id);
    }

    /// Answers whoever asked.
    pub(super) fn answer(&self, rows: Vec<VectorRow>) {
        let mut state = self.state();
        for row in rows {
            let askers = state.asked.remove(&row.text).unwrap_or_default();
            for (rank, asker) in askers.into_iter().enumerate() {
                if let Some(inbox) = state.askers.get_mut(asker) {
                    inbox.computed += u64::from(rank == 0);
                    inbox.answers.push_back(row.clone());
                }
            }
        }
        wake(&state);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Wakes whoever has answers to take.
fn wake(state: &State) {
    for inbox in state.askers.iter().filter(|inbox| !inbox.answers.is_empty()) {
        // A worker that has ended cannot be woken, and need not be.
        let _ = inbox.activator.as_ref().map(SyncActivator::activate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{KernelClass, Vector};

    fn text(text: &str) -> (TextId, Arc<str>) {
        (TextId::of_text(text), Arc::from(text))
    }

    fn row(id: TextId) -> VectorRow {
        VectorRow::new(id, KernelClass::MINILM_L6_F32, &Vector(Box::new([0.5; 384])))
    }

    #[test]
    fn a_text_that_two_ask_for_is_worked_on_once_and_answered_to_both() {
        let desk = Desk::default();
        let (one, two) = (desk.join("one", None), desk.join("two", None));
        let (id, disk_full) = text("disk full");
        desk.ask(one, id, &disk_full);
        desk.ask(two, id, &disk_full);
        let taken = desk.take(10, Duration::ZERO);
        assert_eq!(taken, [(id, disk_full)]);
        assert_eq!(desk.pending(), 1, "it is not answered yet");
        desk.answer(vec![row(id)]);
        assert_eq!((desk.answers(one, 9), desk.answers(two, 0)), (vec![row(id)], vec![]));
        assert_eq!(desk.answers(two, 9), [row(id)], "what was not taken is kept");
        assert_eq!(desk.pending(), 0);
        assert_eq!(desk.computed(), BTreeMap::from([("one".into(), 1), ("two".into(), 0)]));
        assert_eq!(desk.answers(one, 9), []);
    }

    #[test]
    fn what_is_laid_back_is_taken_first_and_what_is_given_up_is_not_waited_for() {
        let desk = Desk::default();
        let one = desk.join("one", None);
        for word in ["a", "b", "c"] {
            let (id, word) = text(word);
            desk.ask(one, id, &word);
        }
        let first = desk.take(2, Duration::ZERO);
        desk.lay_back(first.clone());
        assert_eq!(desk.take(2, Duration::ZERO), first);
        desk.give_up(first[0].0);
        assert_eq!(desk.pending(), 2);
    }

    #[test]
    fn nobody_waits_longer_than_asked_where_nothing_is_asked() {
        assert_eq!(Desk::default().take(5, Duration::from_millis(1)), []);
    }
}
