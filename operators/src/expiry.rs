//! Bounds what stages behind `window` keep of each fingerprint: expired buckets are retracted.
//!
//! *Picture:* counts ──per fingerprint──► [`Series`]: counts since the cut, the cut, the start.
//! *Promises:* I8. A count is passed on in its epoch and expires in the next one, so every bucket is
//! seen together with all history before it, however much arrives in one epoch. What is retained in
//! the end is a function of the *set* of events: the newest bucket of a fingerprint does not depend on
//! order. The retraction never reaches the store, which reads the counts before this stage.
//! *Frontier:* holds each epoch until its input is complete. *State and limits:* `keep_secs` of
//! buckets per fingerprint, and two markers.

use engine::dataflow::{AsCollection, Collection, DataflowTime, Exchange, GenericOperator};
use engine::model::{Bucket, Epoch, Fingerprint};
use foldhash::{HashMap, HashMapExt};
use std::collections::BTreeMap;

/// What is known of a fingerprint's counts over time.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
pub enum Series {
    /// Its first bucket ever.
    Start(Bucket),
    /// Counts before this bucket have left memory.
    Cut(Bucket),
    /// A bucket; the count is the difference.
    Count(Bucket),
}

/// One fingerprint's state.
#[derive(Debug, Default)]
struct Kept {
    start: Option<Bucket>,
    cut: Option<Bucket>,
    buckets: BTreeMap<Bucket, isize>,
}

impl Kept {
    /// Adds `n` to a bucket and emits what that changes.
    fn add(&mut self, bucket: Bucket, n: isize, mut emit: impl FnMut(Series, isize)) {
        self.started(bucket, &mut emit);
        if self.cut.is_some_and(|cut| bucket < cut) {
            return;
        }
        *self.buckets.entry(bucket).or_insert(0) += n;
        emit(Series::Count(bucket), n);
    }

    /// Moves the start back to `bucket` if that is earlier.
    fn started(&mut self, bucket: Bucket, emit: &mut impl FnMut(Series, isize)) {
        if self.start.is_some_and(|start| start <= bucket) {
            return;
        }
        if let Some(start) = self.start.replace(bucket) {
            emit(Series::Start(start), -1);
        }
        emit(Series::Start(bucket), 1);
    }

    /// Retracts what is older than `keep_secs` before the newest bucket.
    fn expire(&mut self, keep_secs: i64, mut emit: impl FnMut(Series, isize)) {
        let Some((&newest, _)) = self.buckets.last_key_value() else { return };
        let cut = Bucket(newest.0 - keep_secs);
        if self.start.is_none_or(|start| start >= cut) || self.cut.is_some_and(|c| c >= cut) {
            return;
        }
        if let Some(before) = self.cut.replace(cut) {
            emit(Series::Cut(before), -1);
        }
        emit(Series::Cut(cut), 1);
        let kept = self.buckets.split_off(&cut);
        for (bucket, n) in std::mem::replace(&mut self.buckets, kept) {
            emit(Series::Count(bucket), -n);
        }
    }
}

/// Returns the series of every fingerprint, bounded to `keep_secs` before its newest bucket.
///
/// `starts` are first buckets known from before a restart.
pub fn expiring<'s>(
    counts: Collection<'s, (Fingerprint, Bucket)>,
    starts: Collection<'s, (Fingerprint, Bucket)>,
    keep_secs: i64,
) -> Collection<'s, (Fingerprint, Series)> {
    let counts = counts.map(|(fingerprint, bucket)| (fingerprint, Series::Count(bucket)));
    let starts = starts.map(|(fingerprint, bucket)| (fingerprint, Series::Start(bucket)));
    let by_fingerprint =
        Exchange::new(|((f, _), _, _): &((Fingerprint, Series), DataflowTime, isize)| f.0 as u64);
    counts
        .concat(starts)
        .inner
        .unary_frontier(by_fingerprint, "expiry", move |_capability, _info| {
            let mut waiting: BTreeMap<DataflowTime, _> = BTreeMap::new();
            let mut kept: HashMap<Fingerprint, Kept> = HashMap::new();
            move |(input, frontier), output| {
                input.for_each(|time, updates: &mut Vec<_>| {
                    for (row, epoch, n) in updates.drain(..) {
                        let (_, rows) = waiting.entry(epoch).or_insert_with(|| {
                            (time.delayed(&epoch, 0), Vec::<((Fingerprint, Series), isize)>::new())
                        });
                        rows.push((row, n));
                    }
                });
                while let Some((&epoch, _)) = waiting.first_key_value()
                    && !frontier.less_equal(&epoch)
                {
                    let Some((capability, mut rows)) = waiting.remove(&epoch) else { return };
                    // What recovery loaded has been judged before: it expires at once.
                    let recovering = epoch == Epoch::RECOVERED.0;
                    let later = if recovering { epoch } else { epoch + 1 };
                    let mut session = output.session(&capability);
                    rows.sort_unstable();
                    for group in rows.chunk_by(|a, b| a.0.0 == b.0.0) {
                        let fingerprint = group[0].0.0;
                        let state = kept.entry(fingerprint).or_default();
                        for ((_, row), n) in group {
                            let emit = |row, n| session.give(((fingerprint, row), epoch, n));
                            state.take(*row, *n, emit);
                        }
                        state.expire(keep_secs, |row, n| {
                            session.give(((fingerprint, row), later, n))
                        });
                    }
                }
            }
        })
        .as_collection()
}

impl Kept {
    fn take(&mut self, row: Series, n: isize, mut emit: impl FnMut(Series, isize)) {
        match row {
            Series::Count(bucket) => self.add(bucket, n, emit),
            Series::Start(bucket) => self.started(bucket, &mut emit),
            Series::Cut(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns what is retained after `arrivals`, one epoch each, and checks that the emitted
    /// changes add up to it.
    fn retain(arrivals: &[(i64, isize)], keep_secs: i64) -> Vec<(Series, isize)> {
        let mut kept = Kept::default();
        let mut emitted: BTreeMap<Series, isize> = BTreeMap::new();
        for &(bucket, n) in arrivals {
            let mut emit = |row, change| *emitted.entry(row).or_insert(0) += change;
            kept.add(Bucket(bucket), n, &mut emit);
            kept.expire(keep_secs, &mut emit);
        }
        emitted.retain(|_, n| *n != 0);
        let counts = kept.buckets.iter().map(|(bucket, n)| (Series::Count(*bucket), *n));
        let markers = kept.start.map(Series::Start).into_iter().chain(kept.cut.map(Series::Cut));
        let state: BTreeMap<_, _> = markers.map(|row| (row, 1)).chain(counts).collect();
        assert_eq!(emitted, state);
        state.into_iter().collect()
    }

    #[test]
    fn what_is_retained_does_not_depend_on_the_order_of_arrival() {
        let forward = retain(&[(0, 1), (60, 2), (120, 3), (600, 4)], 480);
        let backward = retain(&[(600, 4), (120, 3), (60, 2), (0, 1)], 480);
        assert_eq!(
            forward,
            [
                (Series::Start(Bucket(0)), 1),
                (Series::Cut(Bucket(120)), 1),
                (Series::Count(Bucket(120)), 3),
                (Series::Count(Bucket(600)), 4)
            ]
        );
        assert_eq!(forward.first(), backward.first());
        assert_eq!(forward.last(), backward.last());
    }

    #[test]
    fn limit_a_series_never_keeps_more_than_its_history() {
        let arrivals: Vec<_> = (0..10_000).map(|n| (n * 60, 1)).collect();
        assert_eq!(retain(&arrivals, 600).len(), 11 + 2);
    }
}
