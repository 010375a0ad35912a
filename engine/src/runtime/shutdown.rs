//! One signal, an ordered stop, a deadline.
//!
//! ```text
//! drain:   sources stop reading ─► intake runs empty ─► frontier passes all ─► last commit ─► end
//! abandon: everything stops where it is; what was not committed is read again after a restart
//! ```

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// How far a stop has gone. Only grows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum StopStage {
    /// Nobody asked.
    Running = 0,
    /// Sources have stopped; what they handed over is still being counted and committed.
    Draining = 1,
    /// Nothing further is committed.
    Abandoned = 2,
}

/// A stop request that threads can poll, or sleep on.
#[derive(Clone, Debug, Default)]
pub struct StopSignal(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    stage: AtomicU8,
    /// Signals that follow this one.
    children: Mutex<Vec<Weak<Shared>>>,
    changed: Condvar,
}

impl StopSignal {
    /// Raises the stage; a lower one than the present changes nothing.
    pub fn raise(&self, stage: StopStage) {
        let children = self.children();
        self.0.stage.fetch_max(stage as u8, Ordering::SeqCst);
        let followers: Vec<_> = children.iter().filter_map(Weak::upgrade).collect();
        drop(children);
        self.0.changed.notify_all();
        followers.into_iter().for_each(|follower| StopSignal(follower).raise(stage));
    }

    /// Returns a signal that is raised with this one, and can be raised alone.
    pub fn child(&self) -> StopSignal {
        let child = StopSignal::default();
        let mut children = self.children();
        children.retain(|other| other.strong_count() > 0);
        children.push(Arc::downgrade(&child.0));
        child.0.stage.store(self.stage() as u8, Ordering::SeqCst);
        child
    }

    fn children(&self) -> MutexGuard<'_, Vec<Weak<Shared>>> {
        self.0.children.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the stage.
    pub fn stage(&self) -> StopStage {
        match self.0.stage.load(Ordering::SeqCst) {
            0 => StopStage::Running,
            1 => StopStage::Draining,
            _ => StopStage::Abandoned,
        }
    }

    /// Sleeps for `at_most`, or until the stage is at least `stage`; returns whether it is.
    pub fn wait(&self, stage: StopStage, at_most: Duration) -> bool {
        let deadline = Instant::now() + at_most;
        let mut guard = self.children();
        while self.stage() < stage {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let waited = self.0.changed.wait_timeout(guard, left);
            guard = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stage_only_grows() {
        let signal = StopSignal::default();
        signal.raise(StopStage::Abandoned);
        signal.raise(StopStage::Draining);
        assert_eq!(signal.stage(), StopStage::Abandoned);
    }

    #[test]
    fn a_child_follows_its_parent_and_can_stop_alone() {
        let parent = StopSignal::default();
        let (alone, follower) = (parent.child(), parent.child());
        alone.raise(StopStage::Draining);
        assert_eq!((parent.stage(), follower.stage()), (StopStage::Running, StopStage::Running));
        parent.raise(StopStage::Draining);
        assert_eq!(follower.stage(), StopStage::Draining);
        assert_eq!(parent.child().stage(), StopStage::Draining, "who comes late follows too");
    }

    #[test]
    fn a_sleeper_wakes_when_the_stop_comes() {
        let signal = StopSignal::default();
        let sleeper = std::thread::spawn({
            let signal = signal.clone();
            move || signal.wait(StopStage::Draining, Duration::from_secs(3600))
        });
        signal.raise(StopStage::Draining);
        assert!(sleeper.join().expect("the sleeper does not panic"));
    }
}
