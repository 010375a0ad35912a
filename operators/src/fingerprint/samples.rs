//! Samples: which records may be among the day's samples of a fingerprint.
//!
//! The samples of a fingerprint and UTC day are the [`Sample::PER_DAY_MAX`] smallest record hashes.
//! A worker lets a record through if it may be one of them as far as this worker knows; the store
//! takes the smallest of all that were let through. Forgetting what was known is therefore
//! harmless: it lets more through, never less.
//! *State and limits:* [`DAYS_MAX`] days per fingerprint, those used last.

use engine::model::{EventTime, Sample, SourceIndex};

/// How many days of a fingerprint are remembered.
pub(super) const DAYS_MAX: usize = 3;

const DAY_SECS: i64 = 86_400;
const DAY_NANOS: u64 = 86_400_000_000_000;

/// Returns the number of the UTC day of `time`.
pub(super) fn day_of(time: EventTime) -> i64 {
    time.secs().div_euclid(DAY_SECS)
}

/// What decides between samples of the same day; smaller is kept.
type Rank = (u64, EventTime, SourceIndex);

/// The smallest ranks of one day, ordered, one per hash.
#[derive(Debug)]
struct Day {
    start: EventTime,
    ranks: Vec<Rank>,
}

/// The thresholds of one fingerprint, the day used last first.
#[derive(Debug)]
pub(super) struct SampleGate {
    days: Vec<Day>,
    /// Where the day used last begins, and the largest hash that may still pass on it: enough to
    /// turn away nearly every record without following a pointer.
    start: EventTime,
    hash_max: u64,
}

impl Default for SampleGate {
    fn default() -> Self {
        Self { days: Vec::new(), start: EventTime::default(), hash_max: u64::MAX }
    }
}

impl SampleGate {
    /// Returns whether the record may be a sample, and remembers it if so.
    #[inline]
    pub(super) fn admits(&mut self, hash: u64, time: EventTime, source: SourceIndex) -> bool {
        if hash > self.hash_max && is_in_day(self.start, time) {
            return false;
        }
        self.compare(hash, time, source)
    }

    /// Decides by all that is remembered.
    fn compare(&mut self, hash: u64, time: EventTime, source: SourceIndex) -> bool {
        if !self.days.first().is_some_and(|day| is_in_day(day.start, time)) {
            self.turn_to(time);
        }
        let day = &mut self.days[0];
        self.start = day.start;
        let admitted = match day.largest_if_full() {
            Some(largest) if hash > largest => false,
            _ => insert(&mut day.ranks, (hash, time, source)),
        };
        self.hash_max = day.largest_if_full().unwrap_or(u64::MAX);
        admitted
    }

    /// Puts the day of `time` first.
    fn turn_to(&mut self, time: EventTime) {
        if let Some(at) = self.days.iter().position(|day| is_in_day(day.start, time)) {
            self.days[..=at].rotate_right(1);
            return;
        }
        self.days.truncate(DAYS_MAX - 1);
        let start = EventTime::from_secs(day_of(time).saturating_mul(DAY_SECS));
        self.days.insert(0, Day { start, ranks: Vec::new() });
    }
}

impl Day {
    /// Returns the largest hash, if no more can be added.
    fn largest_if_full(&self) -> Option<u64> {
        self.ranks.get(Sample::PER_DAY_MAX - 1).map(|rank| rank.0)
    }
}

/// Returns whether `time` is in the day that begins at `start`.
#[inline]
fn is_in_day(start: EventTime, time: EventTime) -> bool {
    (time.0.wrapping_sub(start.0) as u64) < DAY_NANOS
}

/// Inserts `rank` unless its hash is there with a smaller or equal one; returns whether it did.
fn insert(ranks: &mut Vec<Rank>, rank: Rank) -> bool {
    match ranks.binary_search_by_key(&rank.0, |known| known.0) {
        Ok(at) if ranks[at] <= rank => false,
        Ok(at) => {
            ranks[at] = rank;
            true
        }
        Err(at) => {
            ranks.truncate(Sample::PER_DAY_MAX - 1);
            ranks.insert(at.min(ranks.len()), rank);
            true
        }
    }
}

/// Adds a sample to those of a fingerprint, ordered by day and hash: of each day the
/// [`Sample::PER_DAY_MAX`] smallest hashes stay, of one hash the smallest sample.
pub(super) fn keep(samples: &mut Vec<Sample>, sample: Sample) {
    let day = day_of(sample.time);
    match samples.binary_search_by_key(&(day, sample.hash), |s| (day_of(s.time), s.hash)) {
        Ok(at) if samples[at] <= sample => {}
        Ok(at) => samples[at] = sample,
        Err(at) => {
            let end = at + samples[at..].partition_point(|s| day_of(s.time) == day);
            let start = samples[..at].partition_point(|s| day_of(s.time) < day);
            if end - start < Sample::PER_DAY_MAX {
                // Records are most of what an epoch holds in memory: no spare room for a second day.
                if samples.len() == samples.capacity() {
                    samples.reserve_exact(Sample::PER_DAY_MAX / 2);
                }
                samples.insert(at, sample);
            } else if at < end {
                samples[at..end].rotate_right(1);
                samples[at] = sample;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: SourceIndex = SourceIndex(0);

    #[test]
    fn limit_only_the_smallest_hashes_of_a_day_are_let_through() {
        let mut gate = SampleGate::default();
        let time = EventTime::from_secs(1_700_000_000);
        let admitted = (0..1000).rev().filter(|&hash| gate.admits(hash, time, SOURCE)).count();
        assert_eq!(admitted, 1000, "each is smaller than all before");
        assert!(!gate.admits(20, time, SOURCE));
        assert!(!gate.admits(19, time, SOURCE), "it is known");
        assert_eq!(gate.days[0].ranks.len(), Sample::PER_DAY_MAX);
    }

    #[test]
    fn limit_days_used_last_are_remembered_and_forgetting_lets_more_through() {
        let mut gate = SampleGate::default();
        let noon = |day: i64| EventTime::from_secs(day * DAY_SECS + 43_200);
        for day in 0..10 {
            assert!(gate.admits(7, noon(day), SOURCE));
        }
        assert_eq!(gate.days.len(), DAYS_MAX);
        assert!(!gate.admits(7, noon(9), SOURCE) && gate.admits(7, noon(0), SOURCE));
    }

    #[test]
    fn the_same_record_is_let_through_again_only_for_an_earlier_time() {
        let mut gate = SampleGate::default();
        let at = EventTime::from_secs;
        assert!(gate.admits(7, at(100), SOURCE));
        assert!(!gate.admits(7, at(100), SOURCE) && !gate.admits(7, at(200), SOURCE));
        assert!(gate.admits(7, at(50), SOURCE));
    }

    #[test]
    fn days_before_1970_and_at_the_ends_of_time_are_days_too() {
        let mut gate = SampleGate::default();
        for time in [EventTime(-1), EventTime(i64::MIN), EventTime(i64::MAX)] {
            assert!(gate.admits(1, time, SOURCE));
        }
    }
}
