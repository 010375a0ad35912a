//! The large buckets of a series' last week: what came again is a schedule, not news.

use super::rhythm::{DAY_SECS, HOUR_SECS, Rhythm};
use serde::{Deserialize, Serialize};

/// Large buckets that are remembered beyond the ring; of more, the smallest are forgotten.
pub const LARGE_MAX: usize = 96;
/// How far a run may stray from its schedule, in buckets.
const STRAY: i64 = 2;
/// The share of a large bucket that an earlier one must have had to be a run of the same schedule.
const SHARE: f64 = 0.4;
/// Periods, and how many runs before must be seen: hourly, daily, weekly.
const SCHEDULES: [(i64, i64); 3] = [(HOUR_SECS, 3), (DAY_SECS, 2), (7 * DAY_SECS, 1)];

/// Large buckets, in no order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Recurring(Vec<(i64, u32)>);

impl Recurring {
    /// Remembers a bucket if it is large enough to be a run of some schedule.
    pub fn note(&mut self, rhythm: &Rhythm, tick: i64, x: u32, mean: f64, deviation: f64) {
        if x < 2 || f64::from(x) <= SHARE * (3.0 * mean + 4.0 * deviation.min(4.0 * mean + 4.0)) {
            return;
        }
        let oldest = tick - 7 * rhythm.day - STRAY;
        self.0.retain(|(tick, _)| *tick >= oldest);
        if self.0.len() < LARGE_MAX {
            self.0.push((tick, x));
            return;
        }
        let smallest = self.0.iter_mut().min_by_key(|(tick, x)| (*x, *tick));
        if let Some(smallest) = smallest.filter(|smallest| smallest.1 <= x) {
            *smallest = (tick, x);
        }
    }

    /// Returns whether a bucket of `x` events at `tick` came on schedule; `recent` knows the counts of the
    /// buckets that are still in the ring.
    pub fn expects(
        &self,
        rhythm: &Rhythm,
        tick: i64,
        x: u32,
        recent: impl Fn(i64) -> Option<u32>,
    ) -> bool {
        let wanted = SHARE * f64::from(x);
        let ran = |at: i64| {
            let is_run = |count: u32| f64::from(count) >= wanted;
            (at - STRAY..=at + STRAY).any(|near| recent(near).is_some_and(is_run))
                || self.0.iter().any(|&(tick, x)| {
                    (tick - at).abs() <= STRAY && is_run(x) && recent(tick).is_none()
                })
        };
        SCHEDULES.iter().any(|&(period, runs)| {
            let period = period / rhythm.bucket_secs;
            // A run must not be taken for its own predecessor.
            period > 2 * STRAY && (1..=runs).all(|run| ran(tick - run * period))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RHYTHM: fn() -> Rhythm = || Rhythm::new(300);

    fn after(runs: &[i64]) -> Recurring {
        let mut recurring = Recurring::default();
        runs.iter().for_each(|&tick| recurring.note(&RHYTHM(), tick, 20, 0.1, 0.5));
        recurring
    }

    fn expects(recurring: &Recurring, tick: i64, x: u32) -> bool {
        recurring.expects(&RHYTHM(), tick, x, |_| None)
    }

    #[test]
    fn the_third_run_of_a_daily_job_is_expected_a_little_early_or_late() {
        let recurring = after(&[100, 388]);
        assert!(expects(&recurring, 676, 25) && expects(&recurring, 678, 25));
        assert!(!expects(&recurring, 679, 25), "not at any time");
        assert!(!expects(&recurring, 676, 80), "four times as much is news");
        assert!(!expects(&after(&[100]), 388, 20), "one run is no schedule");
    }

    #[test]
    fn hourly_and_weekly_jobs_are_known_after_three_runs_and_one() {
        assert!(expects(&after(&[100, 112, 124]), 136, 20));
        assert!(!expects(&after(&[100, 112]), 124, 20));
        assert!(expects(&after(&[100]), 100 + 7 * 288, 20));
    }

    #[test]
    fn limit_the_smallest_are_forgotten_first() {
        let mut recurring = Recurring::default();
        for n in 0..LARGE_MAX as i64 {
            recurring.note(&RHYTHM(), n, 100 + n as u32, 0.1, 0.5);
        }
        recurring.note(&RHYTHM(), 500, 1_000, 0.1, 0.5);
        recurring.note(&RHYTHM(), 501, 5, 0.1, 0.5);
        assert_eq!(recurring.0.len(), LARGE_MAX);
        let kept = |tick| recurring.0.iter().any(|(kept, _)| *kept == tick);
        assert!(!kept(0) && kept(1) && kept(500) && !kept(501));
    }

    #[test]
    fn a_usual_bucket_is_not_remembered() {
        let mut recurring = Recurring::default();
        recurring.note(&RHYTHM(), 1, 120, 100.0, 12.0);
        assert_eq!(recurring, Recurring::default());
    }
}
