//! The bell: whoever has stored something that others look for rings it, so that they need not look all the time.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A bell. Cheap to clone; all clones are one bell.
#[derive(Clone, Debug, Default)]
pub struct Bell(Arc<(Mutex<u64>, Condvar)>);

impl Bell {
    /// Wakes all who wait.
    pub fn ring(&self) {
        *self.rings() += 1;
        self.0.1.notify_all();
    }

    /// Returns how often it has rung.
    pub fn rung(&self) -> u64 {
        *self.rings()
    }

    /// Sleeps for `at_most`, or until it has rung more often than the `heard` times.
    pub fn wait(&self, heard: u64, at_most: Duration) {
        let (rings, changed) = (self.rings(), &self.0.1);
        // It does not matter to whoever looks now why it woke.
        let _woken = changed.wait_timeout_while(rings, at_most, |rings| *rings <= heard);
    }

    fn rings(&self) -> MutexGuard<'_, u64> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn a_sleeper_wakes_when_it_rings() {
        let bell = Bell::default();
        let sleeper = std::thread::spawn({
            let bell = bell.clone();
            move || bell.wait(0, LONG)
        });
        bell.ring();
        sleeper.join().expect("the sleeper does not panic");
    }

    #[test]
    fn what_rang_before_the_sleep_is_not_missed() {
        let bell = Bell::default();
        let heard = bell.rung();
        bell.ring();
        bell.wait(heard, LONG);
        assert_eq!(bell.rung(), 1);
    }
}
