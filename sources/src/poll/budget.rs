//! What one poll may use, so that a server is never hammered.

use engine::component::{HumanDuration, OptionsError};
use engine::model::EventTime;
use schemars::JsonSchema;
use serde::Deserialize;

/// Fewest requests with which a poll gets anywhere: enough to open, ask, read and close.
const REQUESTS_MIN: u32 = 8;
/// Most requests that a user may allow one poll.
const REQUESTS_MAX: u32 = 100_000;

/// What one poll may use. What it leaves is read by the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PollBudget {
    /// How long a poll may go on asking.
    pub time: HumanDuration,
    /// How many requests it may make.
    pub requests: u32,
}

impl Default for PollBudget {
    fn default() -> Self {
        Self { time: HumanDuration::from_secs(30), requests: 100 }
    }
}

impl PollBudget {
    /// Returns what is wrong with it.
    pub fn mistakes(&self) -> Vec<OptionsError> {
        let mut errors = Vec::new();
        if !(REQUESTS_MIN..=REQUESTS_MAX).contains(&self.requests) {
            let range = format!("`requests` must be between {REQUESTS_MIN} and {REQUESTS_MAX}");
            errors.push(OptionsError::at("poll_budget", range));
        }
        if self.time.0.is_zero() {
            errors.push(OptionsError::at("poll_budget", "`time` must be more than nothing"));
        }
        errors
    }
}

/// What is left of a poll's budget.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    requests_left: u32,
    until: EventTime,
}

impl Budget {
    /// Returns the budget of a poll that begins at `now`.
    pub fn begin(of: &PollBudget, now: EventTime) -> Self {
        let nanos = i64::try_from(of.time.0.as_nanos()).unwrap_or(i64::MAX);
        Self { requests_left: of.requests, until: EventTime(now.0.saturating_add(nanos)) }
    }

    /// Takes one request off, or returns false if there is none left or the time is over.
    pub fn spend(&mut self, now: EventTime) -> bool {
        let allowed = self.requests_left > 0 && now < self.until;
        self.requests_left -= u32::from(allowed);
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_a_poll_ends_with_its_requests_or_its_time() {
        let of = PollBudget { time: HumanDuration::from_secs(1), requests: 2 };
        let mut budget = Budget::begin(&of, EventTime(5));
        assert!(budget.spend(EventTime(5)) && budget.spend(EventTime(5)));
        assert!(!budget.spend(EventTime(5)), "no request is left");
        let mut budget = Budget::begin(&of, EventTime(5));
        assert!(!budget.spend(EventTime(1_000_000_005)), "the time is over");
    }

    #[test]
    fn a_budget_that_gets_nowhere_is_a_mistake() {
        let of = PollBudget { time: HumanDuration::default(), requests: 1 };
        assert_eq!(of.mistakes().len(), 2);
        assert_eq!(PollBudget::default().mistakes(), []);
    }
}
