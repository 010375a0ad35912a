//! Clock: where the runtime and the sources get instants from. Operators have none.

use crate::model::EventTime;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Tells the wall-clock time used to stamp receipts. Never used to number epochs.
pub trait Clock: Send + Sync {
    /// Returns the current instant.
    fn now(&self) -> EventTime;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> EventTime {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => EventTime(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)),
            Err(before) => EventTime(-i64::try_from(before.duration().as_nanos()).unwrap_or(0)),
        }
    }
}

/// A clock moved by hand, for tests and replays.
#[derive(Debug, Default)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Returns a clock that stands at `now`.
    pub fn at(now: EventTime) -> Self {
        Self(AtomicI64::new(now.0))
    }

    /// Moves the clock to `now`.
    pub fn set(&self, now: EventTime) {
        self.0.store(now.0, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> EventTime {
        EventTime(self.0.load(Ordering::Relaxed))
    }
}
