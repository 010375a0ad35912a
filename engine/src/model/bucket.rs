//! The only event-time arithmetic in the project: aligned slices `[start, start + size)`.

use super::EventTime;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::num::NonZeroU32;

/// The start of an aligned slice of event time, in whole seconds since 1970 (UTC).
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Bucket(pub i64);

impl Bucket {
    /// Returns the first instant of the bucket.
    pub const fn start(self) -> EventTime {
        EventTime::from_secs(self.0)
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.start().fmt(f)
    }
}

/// The length of a bucket in seconds; a divisor of a day, so that buckets align with UTC days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct BucketSize(NonZeroU32);

impl BucketSize {
    /// One minute: what `window` counts by default and what the stores keep.
    pub const MINUTE: BucketSize = BucketSize(NonZeroU32::new(60).expect("60 is not zero"));
    /// Five minutes: what `spike` judges by default.
    pub const FIVE_MINUTES: BucketSize = BucketSize(NonZeroU32::new(300).expect("300 is not zero"));

    /// Returns the size of `secs` seconds, or `None` unless it divides a day.
    pub fn new(secs: u32) -> Option<Self> {
        NonZeroU32::new(secs).filter(|s| 86_400 % s.get() == 0).map(BucketSize)
    }

    /// Returns the length in seconds.
    pub const fn secs(self) -> i64 {
        self.0.get() as i64
    }

    /// Returns the bucket that holds `time`.
    pub const fn of(self, time: EventTime) -> Bucket {
        self.coarsen(Bucket(time.secs()))
    }

    /// Returns the bucket of this size that holds the (smaller) bucket `fine`.
    pub const fn coarsen(self, fine: Bucket) -> Bucket {
        Bucket(fine.0 - fine.0.rem_euclid(self.secs()))
    }

    /// Returns the bucket `n` buckets after `bucket` (before it, if negative).
    pub const fn step(self, bucket: Bucket, n: i64) -> Bucket {
        Bucket(bucket.0 + n * self.secs())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_their_start_and_not_their_end() {
        let size = BucketSize::MINUTE;
        assert_eq!(size.of(EventTime::from_secs(120)), Bucket(120));
        assert_eq!(size.of(EventTime(179_999_999_999)), Bucket(120));
        assert_eq!(size.of(EventTime::from_secs(180)), Bucket(180));
        assert_eq!(size.of(EventTime::from_secs(-1)), Bucket(-60));
    }

    #[test]
    fn only_divisors_of_a_day_are_sizes() {
        assert!(BucketSize::new(7).is_none());
        assert!(BucketSize::new(0).is_none());
        assert_eq!(BucketSize::new(300), Some(BucketSize::FIVE_MINUTES));
    }
}
