//! How long a store keeps what: samples, minutes, hours, alerts, what happened to issues, the outbox. Totals,
//! open alerts, how issues stand and what is queued stay for ever.
//!
//! Age is measured back from the newest event that is counted, not from a clock: what is kept is then a
//! function of the events, whenever and in whatever order they came (I1, I2), and logs of last year that
//! are read today are kept as long as those of today. The outbox has the engine's clock: age there is
//! measured back from what was settled last.

use crate::store::slices::HOUR_SECS;
use engine::component::{HumanDuration, OptionsError};
use serde::Deserialize;

const DAY_SECS: i64 = 86_400;
const DAY_NANOS: i64 = DAY_SECS * 1_000_000_000;
/// How long a notice that was delivered stays in the outbox, in nanoseconds.
pub(crate) const DELIVERED_NANOS: i64 = 7 * DAY_NANOS;
/// How long one that was given up does.
pub(crate) const DEAD_NANOS: i64 = 30 * DAY_NANOS;
/// The least that anything is kept: operators look back that far.
const KEEP_MIN: HumanDuration = HumanDuration::from_secs(2 * DAY_SECS as u64);

/// How long what is kept, counted back from the newest event. Totals are kept for ever.
#[derive(Clone, Copy, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct RetentionOptions {
    /// Records as examples of their fingerprint.
    samples: HumanDuration,
    /// Counts by the minute; older ones are still there by the hour.
    minutes: HumanDuration,
    /// Counts by the hour; older ones are still there as totals.
    hours: HumanDuration,
    /// Alerts that have ended, and what happened to issues.
    alerts: HumanDuration,
}

impl Default for RetentionOptions {
    fn default() -> Self {
        let days = |days: u64| HumanDuration::from_secs(days * DAY_SECS as u64);
        Self { samples: days(14), minutes: days(30), hours: days(400), alerts: days(400) }
    }
}

impl RetentionOptions {
    /// Returns what is wrong with the options.
    pub(crate) fn mistakes(&self) -> Vec<OptionsError> {
        let mut mistakes = Vec::new();
        let all = [
            ("samples", self.samples),
            ("minutes", self.minutes),
            ("hours", self.hours),
            ("alerts", self.alerts),
        ];
        for (name, length) in all {
            if length < KEEP_MIN {
                let path = vec!["retention".to_owned(), name.to_owned()];
                let message = format!("must be at least {KEEP_MIN}, not {length}");
                mistakes.push(OptionsError { path, message, hint: None });
            }
        }
        if self.hours < self.minutes {
            let path = vec!["retention".to_owned(), "hours".to_owned()];
            let message = "must not be shorter than `minutes`".to_owned();
            mistakes.push(OptionsError { path, message, hint: None });
        }
        mistakes
    }

    /// Returns what is too old when the newest hour with events starts at `newest`, in seconds.
    pub(crate) fn horizons(&self, newest: i64) -> Horizons {
        let before = |length: HumanDuration, step: i64| {
            let end = newest.saturating_add(HOUR_SECS);
            let kept = i64::try_from(length.0.as_secs()).unwrap_or(i64::MAX);
            let oldest = end.saturating_sub(kept);
            oldest - oldest.rem_euclid(step)
        };
        Horizons {
            samples: before(self.samples, DAY_SECS).div_euclid(DAY_SECS),
            minutes: before(self.minutes, HOUR_SECS),
            hours: before(self.hours, HOUR_SECS),
            alerts: before(self.alerts, HOUR_SECS),
        }
    }
}

/// Below what everything is forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Horizons {
    /// Days since 1970.
    pub(crate) samples: i64,
    /// Starts of minutes, in seconds, at a full hour.
    pub(crate) minutes: i64,
    /// Starts of hours, in seconds.
    pub(crate) hours: i64,
    /// Last buckets of alerts, and what happened to issues, in seconds.
    pub(crate) alerts: i64,
}

impl Horizons {
    /// Nothing is forgotten.
    pub(crate) const NONE: Horizons =
        Horizons { samples: i64::MIN, minutes: i64::MIN, hours: i64::MIN, alerts: i64::MIN };

    /// Returns the later horizon of each kind: what was forgotten does not come back.
    pub(crate) fn later(self, other: Horizons) -> Horizons {
        Horizons {
            samples: self.samples.max(other.samples),
            minutes: self.minutes.max(other.minutes),
            hours: self.hours.max(other.hours),
            alerts: self.alerts.max(other.alerts),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_counts_back_from_the_end_of_the_newest_hour_in_whole_hours_and_days() {
        let newest = 1_000 * DAY_SECS + 5 * HOUR_SECS;
        let horizons = RetentionOptions::default().horizons(newest);
        assert_eq!(horizons.minutes, 970 * DAY_SECS + 6 * HOUR_SECS);
        assert_eq!(horizons.hours, 600 * DAY_SECS + 6 * HOUR_SECS);
        assert_eq!(horizons.samples, 986);
        assert_eq!(Horizons::NONE.later(horizons), horizons);
    }

    #[test]
    fn limit_nothing_is_forgotten_that_operators_still_look_at() {
        let short = HumanDuration::from_secs(3600);
        let options =
            RetentionOptions { samples: short, minutes: short, hours: short, alerts: short };
        assert_eq!(options.mistakes().len(), 4);
        assert!(RetentionOptions::default().mistakes().is_empty());
        let hours = RetentionOptions::default().minutes;
        let swapped = RetentionOptions {
            hours,
            minutes: RetentionOptions::default().hours,
            ..RetentionOptions::default()
        };
        assert_eq!(swapped.mistakes().len(), 1);
    }
}
