//! The stage in the dataflow that gives texts their embeddings.
//!
//! *Frontier:* holds the first epoch that its input can still change, so that an answer has an epoch to
//! belong to, and nothing longer: no epoch waits for a vector.
//! *Pace:* answers go into the dataflow a few at a time, the next ones when the epoch of the last ones has
//! been worked through: what follows from them (who is near whom, which issue) never keeps counts
//! waiting for longer than a few answers take, however many wait.
//! *State and limits:* on worker 0 one row per text that is wanted or known; [`TAKEN_MAX`] answers at once.

use super::desk::{Asker, Desk};
use crate::dataflow::{
    AsCollection, Capability, Collection, DataflowTime, Exchange, OperatorBuilder, Output, Scope,
    Stream,
};
use crate::model::{Embedding, Fact, TextId, VectorRow};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Answers that go into the dataflow at once: at first and at least, and at most.
const TAKEN_MIN: usize = 4;
/// See [`TAKEN_MIN`].
const TAKEN_MAX: usize = 512;
/// The epochs that may open while answers are worked through: fewer, and there may be more answers next
/// time; more, and there must be fewer.
const EPOCHS_FAST: u64 = 1;
/// See [`EPOCHS_FAST`].
const EPOCHS_SLOW: u64 = 2;

/// A text with its embedding, when, and how often more.
type Update = ((Arc<str>, Embedding), DataflowTime, isize);

/// What worker 0 remembers.
struct Texts {
    desk: Desk,
    asker: Asker,
    /// Every text that is wanted, and how often.
    wanted: BTreeMap<Arc<str>, isize>,
    /// The wanted texts that wait for an answer.
    waiting: HashMap<TextId, Arc<str>>,
    known: HashMap<TextId, Embedding>,
}

impl Texts {
    /// Takes one difference into account and returns what follows from it.
    fn change(&mut self, text: Arc<str>, time: DataflowTime, change: isize) -> Option<Update> {
        let n = self.wanted.entry(Arc::clone(&text)).or_default();
        let before = *n > 0;
        *n += change;
        let after = *n > 0;
        if *n == 0 {
            self.wanted.remove(&text);
        }
        if before == after {
            return None;
        }
        let id = TextId::of_text(&text);
        if let Some(embedding) = self.known.get(&id) {
            return Some(((text, embedding.clone()), time, if after { 1 } else { -1 }));
        }
        if after {
            self.desk.ask(self.asker, id, &text);
            self.waiting.insert(id, text);
        } else {
            self.waiting.remove(&id);
        }
        None
    }

    /// Takes an answer into account and returns what follows from it.
    fn answer(&mut self, row: &VectorRow, time: DataflowTime) -> Option<Update> {
        let embedding = row.embedding()?;
        self.known.insert(row.text, embedding.clone());
        let text = self.waiting.remove(&row.text)?;
        Some(((text, embedding), time, 1))
    }
}

/// How many answers may go into the dataflow (pure).
#[derive(Clone, Copy, Debug)]
struct Pace {
    /// The epoch of the last ones.
    last: Option<DataflowTime>,
    at_most: usize,
}

impl Pace {
    const START: Pace = Pace { last: None, at_most: TAKEN_MIN };

    /// Returns how many may go in now, at the epoch `open`; every epoch below `settled` has been worked
    /// through.
    fn allows(&mut self, open: DataflowTime, settled: DataflowTime) -> usize {
        match self.last {
            Some(last) if settled <= last => 0,
            Some(last) => {
                let opened = open.saturating_sub(last);
                if opened <= EPOCHS_FAST {
                    self.at_most = (self.at_most * 2).min(TAKEN_MAX);
                } else if opened >= EPOCHS_SLOW {
                    self.at_most = (self.at_most / 2).max(TAKEN_MIN);
                }
                self.last = None;
                self.at_most
            }
            None => self.at_most,
        }
    }
}

/// Returns every text with its embedding, once there is one, and what is to be stored. `known`: what was
/// recovered, for worker 0.
pub(crate) fn vectors<'s>(
    scope: Scope<'s, DataflowTime>,
    texts: Collection<'s, Arc<str>>,
    known: HashMap<TextId, Embedding>,
    (desk, name): (Desk, &str),
) -> (Collection<'s, (Arc<str>, Embedding)>, Stream<'s, Fact>) {
    let mut builder = OperatorBuilder::new("vectors".to_owned(), scope);
    let mut input = builder.new_input(texts.inner, Exchange::new(|_| 0));
    let (updates, update_stream) = builder.new_output::<Vec<Update>>();
    let (facts, fact_stream) = builder.new_output::<Vec<Fact>>();
    let address = builder.operator_info().address;
    let activator = scope.worker().sync_activator_for(address.to_vec());
    let asker = desk.join(name, (scope.index() == 0).then_some(activator));
    builder.build(move |mut capabilities| {
        let mut updates = Output::<Update>::from(updates);
        let mut facts = Output::<Fact>::from(facts);
        // Both outputs' capabilities, at the first epoch that the input can still change.
        let facts_open = capabilities.pop();
        let mut open: Option<[Capability<DataflowTime>; 2]> =
            capabilities.pop().zip(facts_open).map(|(updates, facts)| [updates, facts]);
        let (wanted, waiting) = (BTreeMap::new(), HashMap::new());
        let mut pace = Pace::START;
        let mut texts = Texts { desk, asker, wanted, waiting, known };
        move |frontiers| {
            let mut updates = updates.activate();
            input.for_each(|capability, changes| {
                let follows = changes.drain(..);
                let follows = follows.filter_map(|(text, time, n)| texts.change(text, time, n));
                let follows: Vec<Update> = follows.collect();
                updates.session(&capability).give_iterator(follows.into_iter());
            });
            match (frontiers[0].frontier().first(), &mut open) {
                (Some(first), Some(open)) => open.iter_mut().for_each(|one| one.downgrade(first)),
                _ => open = None,
            }
            let Some([for_updates, for_facts]) = &open else { return };
            let time = *for_updates.time();
            let at_most = pace.allows(time, texts.desk.settled());
            let answers = texts.desk.answers(texts.asker, at_most);
            if !answers.is_empty() {
                pace.last = Some(time);
            }
            let follows: Vec<Update> =
                answers.iter().filter_map(|row| texts.answer(row, time)).collect();
            updates.session(for_updates).give_iterator(follows.into_iter());
            let answers = answers.into_iter().map(|row| Fact::Vector(Box::new(row)));
            facts.activate().session(for_facts).give_iterator(answers);
        }
    });
    (update_stream.as_collection(), fact_stream)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_wait_until_the_last_ones_are_worked_through() {
        let mut pace = Pace::START;
        assert_eq!(pace.allows(7, 0), TAKEN_MIN);
        pace.last = Some(7);
        assert_eq!(pace.allows(8, 7), 0);
        assert_eq!(pace.allows(8, 8), 2 * TAKEN_MIN, "that was fast");
    }

    #[test]
    fn limit_the_pace_follows_what_the_dataflow_can_do_within_bounds() {
        let mut pace = Pace::START;
        let after = |pace: &mut Pace, opened: u64| {
            pace.last = Some(10);
            pace.allows(10 + opened, 10 + opened)
        };
        let fastest = (0..20).map(|_| after(&mut pace, 1)).last();
        assert_eq!(fastest, Some(TAKEN_MAX));
        let slowest = (0..20).map(|_| after(&mut pace, EPOCHS_SLOW)).last();
        assert_eq!(slowest, Some(TAKEN_MIN));
    }
}
