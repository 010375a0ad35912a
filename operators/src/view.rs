//! Views: results of a changing set of rows, kept up by a plain state machine on the worker that owns the
//! rows.
//!
//! *Picture:* rows ──exchange by owner──► per epoch, complete: rows that go, rows that come ──► what changed.
//! *Promises:* a view sees whole epochs and each row's net change, so what it tells need only be a function
//! of the set it holds (I1, I2, I6); the oracles hold the whole chain against the same from scratch.
//! *Frontier:* holds each epoch until its input is complete.
//! *State and limits:* the view's own.
//! *Why not a chain of joins:* every join and every reduction of a type of its own is compiled on its own;
//! for a few rows per pattern that costs more to build than it ever saves (decision 010).

use engine::component::Stage;
use engine::dataflow::{AsCollection, Collection, DataflowTime, Exchange, GenericOperator, Map};
use engine::model::{Fact, StateRow};
use serde::{Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What can be a row or a result.
pub(crate) trait Tuple: Ord + Clone + Serialize + DeserializeOwned + Send + 'static {}

impl<T: Ord + Clone + Serialize + DeserializeOwned + Send + 'static> Tuple for T {}

/// A state machine over a changing set of rows.
pub(crate) trait View: 'static {
    /// What it is about.
    type Row: Tuple;
    /// What follows from the rows.
    type Told: Tuple;

    /// Takes into account that a row comes (`n > 0`) or goes. Within an epoch rows that go come first.
    fn change(&mut self, row: Self::Row, n: isize);

    /// Returns what follows now and did not before (`1`), and what followed and no longer does (`-1`).
    fn tell(&mut self) -> Vec<(Self::Told, isize)>;
}

/// Keeps up a view; rows of one `owner` are looked after by one worker.
pub(crate) fn view<'s, V: View>(
    name: &str,
    rows: Collection<'s, V::Row>,
    owner: impl Fn(&V::Row) -> u64 + 'static,
    mut view: V,
) -> Collection<'s, V::Told> {
    type Update<R> = (R, DataflowTime, isize);
    let by_owner = Exchange::new(move |(row, _, _): &Update<V::Row>| owner(row));
    let told = rows.inner.unary_frontier(by_owner, name, move |_capability, _info| {
        let mut waiting: BTreeMap<DataflowTime, _> = BTreeMap::new();
        move |(input, frontier), output| {
            input.for_each(|time, updates: &mut Vec<Update<V::Row>>| {
                for (row, epoch, n) in updates.drain(..) {
                    let empty = || (time.delayed(&epoch, 0), BTreeMap::<V::Row, isize>::new());
                    let (_, rows) = waiting.entry(epoch).or_insert_with(empty);
                    *rows.entry(row).or_default() += n;
                }
            });
            while let Some((&epoch, _)) = waiting.first_key_value()
                && !frontier.less_equal(&epoch)
            {
                let Some((capability, rows)) = waiting.remove(&epoch) else { return };
                let (going, coming): (Vec<_>, Vec<_>) =
                    rows.into_iter().filter(|(_, n)| *n != 0).partition(|(_, n)| *n < 0);
                going.into_iter().chain(coming).for_each(|(row, n)| view.change(row, n));
                let told = view.tell().into_iter().map(|(told, n)| (told, epoch, n));
                output.session(&capability).give_iterator(told);
            }
        }
    });
    told.as_collection()
}

/// Stores what a view says of its own state: under a key of the node each, or nothing, which forgets it.
pub(crate) fn commit_state<'s>(
    stage: &mut Stage<'_, 's>,
    rows: Collection<'s, (Arc<str>, Option<Vec<u8>>)>,
) {
    let node: Arc<str> = stage.id.into();
    stage.commit(rows.inner.map(move |((key, value), _, _)| {
        let node = Arc::clone(&node);
        Fact::State(StateRow { node, key, value: value.map(Arc::from) })
    }));
}

/// Everything on one worker: after `pattern` there is little of it.
pub(crate) fn one_owner<R>(_row: &R) -> u64 {
    0
}

/// Returns what turns `before` into `now`; both are ordered and without repeats.
pub(crate) fn differences<T: Ord + Clone>(before: &[T], now: &[T]) -> Vec<(T, isize)> {
    let gone = before.iter().filter(|row| now.binary_search(row).is_err());
    let new = now.iter().filter(|row| before.binary_search(row).is_err());
    gone.map(|row| (row.clone(), -1)).chain(new.map(|row| (row.clone(), 1))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_what_went_and_what_came() {
        assert_eq!(differences(&[1, 2, 4], &[2, 3]), [(1, -1), (4, -1), (3, 1)]);
        assert_eq!(differences(&[1], &[1]), []);
    }
}
