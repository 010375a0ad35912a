//! Life: a source that runs on a thread of its own, and the engine's side of it under the test's
//! control; for sources to which others push while the test looks on.
//!
//! What is sent is durable at once, unless commits are held. A life ends by a stop, which a source
//! notices, or by a crash, after which only what was durable is left.

use crate::component::{Delivery, Intake, Source, SourceError, SourceHealth, Stopped};
use crate::model::{EventTime, Offset, PartitionId};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

/// What the source's thread and the test share.
#[derive(Debug, Default)]
struct State {
    resumed: BTreeMap<PartitionId, Offset>,
    deliveries: Vec<Delivery>,
    /// How many of them are durable.
    durable: usize,
    commits_held: bool,
    full: bool,
    stopped: bool,
    health: Vec<SourceHealth>,
    now: EventTime,
}

#[derive(Clone, Default)]
struct Shared(Arc<(Mutex<State>, Condvar)>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.0.lock().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.0.1.notify_all();
    }

    fn until(&self, holds: impl Fn(&State) -> bool) {
        let guard = self.lock();
        drop(self.0.1.wait_while(guard, |state| !holds(state)).unwrap());
    }
}

/// A running source.
pub struct Life {
    shared: Shared,
    thread: JoinHandle<Result<(), SourceError>>,
}

/// What a life leaves behind.
#[derive(Debug)]
pub struct Ended {
    /// What was sent, in order.
    pub deliveries: Vec<Delivery>,
    /// What was reported, in order.
    pub health: Vec<SourceHealth>,
    /// Where the next life resumes.
    pub offsets: BTreeMap<PartitionId, Offset>,
    /// How the source ended.
    pub outcome: Result<(), SourceError>,
}

impl Ended {
    /// Returns the lines of all deliveries, without line ends.
    pub fn lines(&self) -> Vec<String> {
        lines_of(&self.deliveries)
    }
}

fn lines_of(deliveries: &[Delivery]) -> Vec<String> {
    let texts = deliveries.iter().map(|delivery| String::from_utf8_lossy(&delivery.bytes));
    let lines = |text: std::borrow::Cow<'_, str>| {
        text.split_terminator('\n').map(str::to_owned).collect::<Vec<_>>()
    };
    texts.flat_map(lines).collect()
}

impl Life {
    /// Starts a source that resumes from `offsets` at `now`.
    pub fn start(
        source: Arc<dyn Source>,
        offsets: BTreeMap<PartitionId, Offset>,
        now: EventTime,
    ) -> Self {
        let shared = Shared::default();
        shared.change(|state| (state.resumed, state.now) = (offsets, now));
        let mut intake = LiveIntake(shared.clone());
        let thread = std::thread::spawn(move || source.run(&mut intake));
        Self { shared, thread }
    }

    /// Lets nothing become durable until [`Life::commit`].
    pub fn hold_commits(&self) {
        self.shared.change(|state| state.commits_held = true);
    }

    /// Makes everything that was sent durable, and what follows too.
    pub fn commit(&self) {
        self.shared.change(|state| {
            state.commits_held = false;
            state.durable = state.deliveries.len();
        });
    }

    /// Makes the first `count` deliveries durable, no others.
    pub fn commit_first(&self, count: usize) {
        self.shared.change(|state| (state.commits_held, state.durable) = (true, count));
    }

    /// Blocks, or no longer blocks, whoever sends.
    pub fn set_full(&self, full: bool) {
        self.shared.change(|state| state.full = full);
    }

    /// Moves the clock on.
    pub fn advance(&self, by: Duration) {
        self.shared.change(|state| {
            state.now.0 += i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
        });
    }

    /// Waits until so many deliveries have been sent.
    pub fn wait_for_deliveries(&self, count: usize) {
        self.shared.until(|state| state.deliveries.len() >= count);
    }

    /// Returns the lines sent so far, without line ends.
    pub fn lines(&self) -> Vec<String> {
        lines_of(&self.shared.lock().deliveries)
    }

    /// Returns what was sent so far.
    pub fn deliveries(&self) -> Vec<Delivery> {
        self.shared.lock().deliveries.clone()
    }

    /// Stops the source; the engine still commits what it was sent.
    pub fn stop(self) -> Ended {
        self.end(true)
    }

    /// Ends the source; what is not durable is lost.
    pub fn crash(self) -> Ended {
        self.end(false)
    }

    fn end(self, commits: bool) -> Ended {
        self.shared.change(|state| state.stopped = true);
        let outcome = self.thread.join().expect("the source does not panic");
        let mut state = self.shared.lock();
        if commits {
            state.durable = state.deliveries.len();
        }
        let offsets = state.offsets(state.durable);
        Ended {
            deliveries: std::mem::take(&mut state.deliveries),
            health: std::mem::take(&mut state.health),
            offsets,
            outcome,
        }
    }
}

impl State {
    /// Returns the offsets after the first `count` deliveries.
    fn offsets(&self, count: usize) -> BTreeMap<PartitionId, Offset> {
        let mut offsets = self.resumed.clone();
        for delivery in &self.deliveries[..count] {
            match &delivery.end {
                Some(end) => offsets.insert(delivery.partition.clone(), end.clone()),
                None => offsets.remove(&delivery.partition),
            };
        }
        offsets
    }
}

/// The intake of a [`Life`]. Its waits are real, so that a source that polls does not spin.
struct LiveIntake(Shared);

impl Intake for LiveIntake {
    fn resume(&self) -> Vec<(PartitionId, Offset)> {
        let state = self.0.lock();
        state.offsets(state.deliveries.len()).into_iter().collect()
    }

    fn send(&mut self, delivery: Delivery) -> Result<(), Stopped> {
        assert!(delivery.bytes.len() <= Delivery::BYTES_MAX, "a delivery is bounded");
        let guard = self.0.lock();
        let full = |state: &mut State| state.full && !state.stopped;
        let mut state = self.0.0.1.wait_while(guard, full).unwrap();
        if state.stopped {
            return Err(Stopped);
        }
        state.deliveries.push(delivery);
        if !state.commits_held {
            state.durable = state.deliveries.len();
        }
        self.0.0.1.notify_all();
        Ok(())
    }

    fn committed(&self, partition: &PartitionId) -> Option<Offset> {
        let state = self.0.lock();
        let durable = state.deliveries[..state.durable].iter().rev();
        let last = durable.clone().find(|delivery| delivery.partition == *partition);
        last.map_or_else(|| state.resumed.get(partition).cloned(), |delivery| delivery.end.clone())
    }

    fn stopped(&self) -> bool {
        self.0.lock().stopped
    }

    fn wait(&mut self, at_most: Duration) -> Result<(), Stopped> {
        let guard = self.0.lock();
        let waited = self.0.0.1.wait_timeout_while(guard, at_most, |state| !state.stopped).unwrap();
        if waited.0.stopped { Err(Stopped) } else { Ok(()) }
    }

    fn now(&self) -> EventTime {
        self.0.lock().now
    }

    fn report(&mut self, health: SourceHealth) {
        self.0.change(|state| state.health.push(health));
    }
}
