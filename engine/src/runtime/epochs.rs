//! When an epoch closes (pure): `epoch = first + steps since start`, never wall clock divided by the
//! epoch length, which stalls silently after a clock step or a changed length (engine note §5).

use crate::model::Epoch;
use std::time::Duration;

/// What moves epochs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Monotonic time: live operation.
    Every(Duration),
    /// Chunks a worker has taken in: replays and tests, where the same input must give the same
    /// epochs.
    Chunks(u64),
}

/// Numbers epochs from the first one after recovery.
#[derive(Clone, Copy, Debug)]
pub struct Epochs {
    first: Epoch,
    pace: Pace,
}

impl Epochs {
    /// Returns the numbering that continues after `last`, the last committed epoch.
    pub fn after(last: Option<Epoch>, pace: Pace) -> Self {
        Self { first: last.unwrap_or(Epoch::RECOVERED).next(), pace }
    }

    /// Returns the first epoch that takes input.
    pub fn first(&self) -> Epoch {
        self.first
    }

    /// Returns whether time closes epochs.
    pub fn are_timed(&self) -> bool {
        matches!(self.pace, Pace::Every(_))
    }

    /// Returns the epoch that is open `elapsed` after the start, when a worker has taken in
    /// `chunks` chunks.
    pub fn open(&self, elapsed: Duration, chunks: u64) -> Epoch {
        let steps = match self.pace {
            Pace::Every(length) => (elapsed.as_nanos() / length.as_nanos().max(1)) as u64,
            Pace::Chunks(per_epoch) => chunks / per_epoch.max(1),
        };
        Epoch(self.first.0 + steps)
    }

    /// Returns how long after `elapsed` the open epoch closes, if time closes it.
    pub fn closes_in(&self, elapsed: Duration) -> Option<Duration> {
        match self.pace {
            Pace::Every(length) => {
                let into = elapsed.as_nanos() % length.as_nanos().max(1);
                Some(length.saturating_sub(Duration::from_nanos(into as u64)))
            }
            Pace::Chunks(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_epoch_after_a_restart_still_moves_on_at_once() {
        let epochs = Epochs::after(Some(Epoch(1_000_000)), Pace::Every(Duration::from_secs(10)));
        assert_eq!(epochs.open(Duration::ZERO, 0), Epoch(1_000_001));
        assert_eq!(epochs.open(Duration::from_secs(10), 0), Epoch(1_000_002));
    }

    #[test]
    fn an_empty_store_begins_behind_the_recovery_epoch() {
        assert!(Epochs::after(None, Pace::Chunks(1)).first() > Epoch::RECOVERED);
    }

    #[test]
    fn chunks_close_epochs_without_a_clock() {
        let epochs = Epochs::after(None, Pace::Chunks(3));
        assert_eq!(epochs.open(Duration::from_secs(99), 2), epochs.first());
        assert_eq!(epochs.open(Duration::ZERO, 3), epochs.first().next());
        assert_eq!(epochs.closes_in(Duration::ZERO), None);
    }

    #[test]
    fn an_epoch_closes_within_its_length() {
        let epochs = Epochs::after(None, Pace::Every(Duration::from_millis(100)));
        assert_eq!(epochs.closes_in(Duration::from_millis(30)), Some(Duration::from_millis(70)));
        assert_eq!(epochs.closes_in(Duration::from_millis(200)), Some(Duration::from_millis(100)));
    }
}
