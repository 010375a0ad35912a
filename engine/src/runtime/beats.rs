//! When operators hear of time: beats of the engine's clock, bound to epochs like all input.
//!
//! Spikes are judged and alerts are reminded of at beats only. While sources catch up with what was there before the
//! engine started, beats say so: what is written in several files is then judged in the order of event time, not in
//! the order in which the files happen to be read.

use crate::clock::Clock;
use crate::model::{Command, Control, EventTime};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How often the clock beats.
pub const BEAT_EVERY: Duration = Duration::from_secs(10);
/// How long after the start sources may say that they are catching up; then judging begins without them.
pub const CATCH_UP_MAX: Duration = Duration::from_secs(3600);

/// How many sources are catching up.
#[derive(Clone, Debug, Default)]
pub struct CatchingUp(Arc<AtomicUsize>);

impl CatchingUp {
    /// Changes what one source says.
    pub fn set(&self, was: bool, is: bool) {
        match (was, is) {
            (false, true) => _ = self.0.fetch_add(1, Ordering::Relaxed),
            (true, false) => _ = self.0.fetch_sub(1, Ordering::Relaxed),
            _ => {}
        }
    }

    fn any(&self) -> bool {
        self.0.load(Ordering::Relaxed) > 0
    }
}

/// Where beats come from; worker 0 has them, the others are silent.
pub enum Beats {
    /// There are none.
    Silent,
    /// From a clock.
    Live(Live),
    /// From a list: after so many chunks of this worker.
    #[cfg(any(test, feature = "testing"))]
    Scripted(std::collections::VecDeque<(u64, Control)>),
}

/// The beats of a clock.
pub struct Live {
    clock: Arc<dyn Clock>,
    every: Duration,
    behind: CatchingUp,
    started: Instant,
    last: Instant,
    /// Once it was not, it never is again in this life: a file that is added later is read late.
    may_be_behind: bool,
}

impl Beats {
    /// Returns beats of a clock.
    pub fn live(clock: Arc<dyn Clock>, every: Duration, behind: CatchingUp) -> Beats {
        let now = Instant::now();
        Beats::Live(Live { clock, every, behind, started: now, last: now, may_be_behind: true })
    }

    /// Returns the controls that are due after `chunks` chunks.
    #[cfg_attr(
        not(any(test, feature = "testing")),
        expect(unused_variables, reason = "only a script counts chunks")
    )]
    pub fn due(&mut self, chunks: u64) -> Vec<Control> {
        match self {
            Beats::Silent => Vec::new(),
            Beats::Live(live) if live.last.elapsed() < live.every => Vec::new(),
            Beats::Live(live) => vec![live.beat()],
            #[cfg(any(test, feature = "testing"))]
            Beats::Scripted(script) => {
                let due = script.iter().take_while(|(after, _)| *after <= chunks).count();
                script.drain(..due).map(|(_, control)| control).collect()
            }
        }
    }

    /// Returns the last controls, when there will be no more input.
    pub fn last(&mut self) -> Vec<Control> {
        match self {
            Beats::Silent => Vec::new(),
            Beats::Live(live) => {
                live.may_be_behind = false;
                vec![live.beat()]
            }
            #[cfg(any(test, feature = "testing"))]
            Beats::Scripted(script) => script.drain(..).map(|(_, control)| control).collect(),
        }
    }

    /// Returns a command as it reaches operators.
    pub fn command(&self, command: Command) -> Control {
        let at = match self {
            Beats::Live(live) => live.clock.now(),
            _ => EventTime::default(),
        };
        Control::Command { at, command }
    }
}

impl Live {
    fn beat(&mut self) -> Control {
        self.last = Instant::now();
        self.may_be_behind &= self.behind.any() && self.started.elapsed() < CATCH_UP_MAX;
        Control::Beat { now: self.clock.now(), is_behind: self.may_be_behind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn whoever_has_caught_up_once_is_never_behind_again() {
        let (clock, behind) = (Arc::new(ManualClock::default()), CatchingUp::default());
        behind.set(false, true);
        let mut beats = Beats::live(clock, Duration::ZERO, behind.clone());
        let is_behind = |beats: &mut Beats| match beats.due(0).as_slice() {
            [Control::Beat { is_behind, .. }] => *is_behind,
            other => panic!("{other:?} is no single beat"),
        };
        assert!(is_behind(&mut beats));
        behind.set(true, false);
        assert!(!is_behind(&mut beats));
        behind.set(false, true);
        assert!(!is_behind(&mut beats));
    }

    #[test]
    fn a_script_is_told_in_its_order_and_at_its_places() {
        let beat = |secs| Control::Beat { now: EventTime::from_secs(secs), is_behind: false };
        let script = [(1, beat(1)), (1, beat(2)), (3, beat(3)), (9, beat(4))];
        let mut beats = Beats::Scripted(script.into());
        assert_eq!(beats.due(0), []);
        assert_eq!(beats.due(2), [beat(1), beat(2)]);
        assert_eq!(beats.due(3), [beat(3)]);
        assert_eq!(beats.last(), [beat(4)]);
    }
}
