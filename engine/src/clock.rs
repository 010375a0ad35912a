//! Clock: where the runtime and the sources get instants from. Operators have none.

use crate::model::EventTime;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Tells the wall-clock time used to stamp receipts. Never used to number epochs.
pub trait Clock: Send + Sync {
    /// Returns the current instant.
    fn now(&self) -> EventTime;

    /// Returns the same on a clock that nobody sets, to measure waits with.
    fn instant(&self) -> Instant {
        Instant::now()
    }
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

/// A clock moved by hand, for tests and replays. Instants move with it, from any origin.
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

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        self.0.fetch_add(by, Ordering::Relaxed);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> EventTime {
        EventTime(self.0.load(Ordering::Relaxed))
    }

    fn instant(&self) -> Instant {
        static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
        *ORIGIN + Duration::from_nanos(u64::try_from(self.now().0).unwrap_or(0))
    }
}
