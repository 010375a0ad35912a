//! Counts whose bucket has not been closed yet, and what of them came late.
//!
//! What arrives before its bucket closes is stored as a count like any other, and needs no more. What arrives
//! later must be written down with the bucket that was open then: only so can a replay tell.

use engine::model::Fingerprint;
use std::collections::BTreeMap;

/// Counts that may wait for their bucket to close; beyond that the oldest bucket is closed before its time.
pub const WAITING_MAX: usize = 4_000_000;

/// Counts that arrived while one bucket was open, late for theirs.
pub type Late = Vec<(i64, Fingerprint, i64)>;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Arrivals {
    waiting: BTreeMap<i64, BTreeMap<Fingerprint, i64>>,
    len: usize,
    late: BTreeMap<(i64, Fingerprint), i64>,
}

impl Arrivals {
    /// Adds counts of a bucket; fewer, if negative.
    pub fn add(&mut self, tick: i64, fingerprint: Fingerprint, events: i64) {
        let bucket = self.waiting.entry(tick).or_default();
        self.len += usize::from(!bucket.contains_key(&fingerprint));
        *bucket.entry(fingerprint).or_default() += events;
    }

    /// Writes down that counts came late.
    pub fn note_late(&mut self, tick: i64, fingerprint: Fingerprint, events: i64) {
        *self.late.entry((tick, fingerprint)).or_default() += events;
    }

    /// Returns what came late since this was asked last.
    pub fn take_late(&mut self) -> Late {
        let late = std::mem::take(&mut self.late).into_iter();
        late.filter(|(_, n)| *n != 0).map(|((tick, of), n)| (tick, of, n)).collect()
    }

    /// Returns the oldest bucket of which something waits.
    pub fn oldest(&self) -> Option<i64> {
        self.waiting.first_key_value().map(|(tick, _)| *tick)
    }

    /// Returns whether more waits than may.
    pub fn is_too_much(&self) -> bool {
        self.len > WAITING_MAX
    }

    /// Returns what waits of buckets up to this one, ordered.
    pub fn until(&self, tick: i64) -> impl Iterator<Item = (i64, Fingerprint, i64)> {
        self.waiting.range(..=tick).flat_map(|(tick, bucket)| {
            bucket.iter().filter(|(_, n)| **n != 0).map(|(of, n)| (*tick, *of, *n))
        })
    }

    /// Takes what waits of buckets up to this one, ordered.
    pub fn take_until(&mut self, tick: i64) -> Vec<(i64, Fingerprint, i64)> {
        let taken = self.until(tick).collect();
        self.waiting = self.waiting.split_off(&(tick + 1));
        self.len = self.waiting.values().map(BTreeMap::len).sum();
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_is_taken_once_and_in_order() {
        let mut arrivals = Arrivals::default();
        for (tick, of, n) in [(7, 1, 2), (5, 2, 1), (7, 1, 3), (6, 1, 4), (6, 1, -4)] {
            arrivals.add(tick, Fingerprint(of), n);
        }
        assert_eq!(arrivals.oldest(), Some(5));
        assert_eq!(arrivals.take_until(6), [(5, Fingerprint(2), 1)]);
        assert_eq!(arrivals.take_until(7), [(7, Fingerprint(1), 5)]);
        assert_eq!((arrivals.oldest(), arrivals.len), (None, 0));
    }

    #[test]
    fn what_came_late_and_was_taken_back_is_not_written_down() {
        let mut arrivals = Arrivals::default();
        arrivals.note_late(3, Fingerprint(1), 2);
        arrivals.note_late(3, Fingerprint(1), -2);
        arrivals.note_late(2, Fingerprint(1), 1);
        assert_eq!(arrivals.take_late(), [(2, Fingerprint(1), 1)]);
        assert_eq!(arrivals.take_late(), []);
    }
}
