//! The three clocks that must never be confused: when an event happened ([`EventTime`]), which
//! commit it belongs to ([`Epoch`]), and where its source can resume ([`Offset`]).

use serde::{Deserialize, Serialize};
use std::fmt;

/// The instant written in an event, in nanoseconds since 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct EventTime(pub i64);

impl EventTime {
    /// 1990-01-01T00:00:00Z: an event that claims to be older is rejected as `absurd_time`.
    pub const OLDEST: EventTime = EventTime::from_secs(631_152_000);
    /// How far after its receipt an event may claim to be (24 h) before it is `absurd_time`.
    pub const AHEAD_MAX_SECS: i64 = 24 * 3600;

    /// Returns the instant `secs` whole seconds after the epoch; saturates at the ends of the range.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// Returns whole seconds since the epoch, rounded towards the past.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1_000_000_000)
    }

    /// Returns whether an event received at `received` may carry this time (DESIGN §8, Time).
    pub fn is_plausible(self, received: EventTime) -> bool {
        self >= Self::OLDEST && self.secs() <= received.secs() + Self::AHEAD_MAX_SECS
    }
}

impl fmt::Display for EventTime {
    /// RFC 3339 in UTC, with as many fraction digits as the instant has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_nanosecond(i128::from(self.0)) {
            Ok(instant) => write!(f, "{instant}"),
            Err(_) => write!(f, "{}ns", self.0),
        }
    }
}

/// The engine's commit step, and the timestamp of its dataflow; only grows, never wall clock.
/// Epoch 0 carries recovered state and is never committed.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Epoch(pub u64);

impl Epoch {
    /// The epoch that carries what recovery loaded.
    pub const RECOVERED: Epoch = Epoch(0);

    /// Returns the epoch after this one.
    pub const fn next(self) -> Epoch {
        Epoch(self.0 + 1)
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// Where a source can resume one partition; opaque to the engine, readable text by convention.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Offset(pub String);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_round_towards_the_past_before_1970() {
        assert_eq!(EventTime(-1).secs(), -1);
        assert_eq!(EventTime::from_secs(-5).secs(), -5);
    }

    #[test]
    fn a_time_is_plausible_from_1990_until_a_day_after_receipt() {
        let received = EventTime::from_secs(1_700_000_000);
        assert!(EventTime::OLDEST.is_plausible(received));
        assert!(!EventTime(EventTime::OLDEST.0 - 1).is_plausible(received));
        assert!(EventTime::from_secs(1_700_086_400).is_plausible(received));
        assert!(!EventTime::from_secs(1_700_086_401).is_plausible(received));
    }

    #[test]
    fn times_print_as_rfc_3339() {
        assert_eq!(EventTime(1_700_000_000_120_000_000).to_string(), "2023-11-14T22:13:20.12Z");
    }
}
