//! The constants of the detector, as numbers of buckets of one length.
//!
//! Measured on the generator of the evaluation set with seeds 1 to 3; the surfaces are flat: a third more or
//! less of any of them moves F1 by less than .01 (`docs/decisions/014-spikes.md`).

/// Buckets that may still change before they are learned.
pub const LAG: i64 = 3;
/// Buckets before a window from which the recent mean is taken.
pub const LOCAL: i64 = 36;
/// Buckets that a series remembers one by one: the longest window and what is before it.
pub const RING: usize = 64;
/// A series that had no event for so long does not count among those that could alarm.
pub const ALIVE_SECS: i64 = 7 * DAY_SECS;

/// Seconds of an hour.
pub const HOUR_SECS: i64 = 3_600;
/// Seconds of a day.
pub const DAY_SECS: i64 = 86_400;

/// Half-life of the level.
const LEVEL_HALF_LIFE_HOURS: f64 = 36.0;
/// Half-life of what is known about batches, spread and runs.
const SHAPE_HALF_LIFE_HOURS: f64 = 168.0;
/// Half-life of the profile of hours, applied once a day.
const HOURS_HALF_LIFE_DAYS: f64 = 7.0;
/// Half-life of the profile of weekdays, applied once a day.
const WEEKDAYS_HALF_LIFE_DAYS: f64 = 28.0;

/// Lengths and rates that depend on the length of a bucket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rhythm {
    /// Length of a bucket in seconds; divides a day.
    pub bucket_secs: i64,
    /// Buckets of an hour; at least 1.
    pub hour: i64,
    /// Buckets of a day.
    pub day: i64,
    /// What is left of the level after a bucket.
    pub level_fade: f64,
    /// What is left of batches, spread and runs after a bucket.
    pub shape_fade: f64,
    /// What is left of the profile of hours after a day.
    pub hours_fade: f64,
    /// What is left of the profile of weekdays after a day.
    pub weekdays_fade: f64,
}

impl Rhythm {
    /// Returns the rhythm of buckets of this many seconds, a divisor of a day.
    pub fn new(bucket_secs: i64) -> Rhythm {
        let per_hour = HOUR_SECS as f64 / bucket_secs as f64;
        let half_life = |buckets: f64| libm::exp2(-1.0 / buckets);
        Rhythm {
            bucket_secs,
            hour: (HOUR_SECS / bucket_secs).max(1),
            day: DAY_SECS / bucket_secs,
            level_fade: half_life(LEVEL_HALF_LIFE_HOURS * per_hour),
            shape_fade: half_life(SHAPE_HALF_LIFE_HOURS * per_hour),
            hours_fade: half_life(HOURS_HALF_LIFE_DAYS),
            weekdays_fade: half_life(WEEKDAYS_HALF_LIFE_DAYS),
        }
    }

    /// Returns buckets per hour, below 1 for buckets longer than that.
    pub fn per_hour(&self) -> f64 {
        HOUR_SECS as f64 / self.bucket_secs as f64
    }

    /// Returns where in the cycles of UTC a tick lies.
    pub fn place_of(&self, tick: i64) -> Place {
        let second = tick * self.bucket_secs;
        let day = second.div_euclid(DAY_SECS);
        let second = second - day * DAY_SECS;
        Place {
            hour: second as usize / HOUR_SECS as usize,
            // The first of January 1970 was a Thursday.
            weekday: (day + 3).rem_euclid(7) as usize,
            ends_day: second + self.bucket_secs == DAY_SECS,
        }
    }
}

/// Where in the cycles of a day and of a week a tick lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The hour of the day, 0 to 23.
    pub hour: usize,
    /// The weekday, 0 for Monday.
    pub weekday: usize,
    /// Whether it is the last tick of its day.
    pub ends_day: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_weekdays_are_those_of_utc() {
        let rhythm = Rhythm::new(300);
        // 2026-11-22, a Sunday, 03:55 UTC.
        let tick = 1_795_319_700 / 300;
        let place = |hour, weekday, ends_day| Place { hour, weekday, ends_day };
        assert_eq!(rhythm.place_of(tick), place(3, 6, false));
        assert_eq!(rhythm.place_of(-1), place(23, 2, true));
        assert_eq!(rhythm.place_of(287), place(23, 3, true));
        assert_eq!(rhythm.place_of(288), place(0, 4, false));
    }

    #[test]
    fn fading_does_not_depend_on_the_length_of_a_bucket() {
        let left = |secs: i64| Rhythm::new(secs).level_fade.powi((36 * 3_600 / secs) as i32);
        for secs in [10, 60, 300, 3_600, 7_200] {
            assert!((left(secs) - 0.5).abs() < 1e-9, "{secs}: {}", left(secs));
        }
    }
}
