//! Bounded hand-over from source threads to workers; back-pressure.
//!
//! ```text
//! source thread ──send──► [ ≤ CHUNKS_MAX chunks ] ──drain──► source operator of the owning worker
//!                 blocks when full, wakes the worker
//! ```
//! *State and limits:* [`CHUNKS_MAX`] chunks per worker; a full queue blocks the sender, so a source
//! never reads further ahead than that. *Not here:* restarting failed sources (`supervise`).

use super::beats::CatchingUp;
use super::observer::{Observer, SourceReport};
use super::receipts::Receipts;
use super::shutdown::{StopSignal, StopStage};
use crate::clock::Clock;
use crate::component::{Delivery, Intake, SourceHealth, Stopped};
use crate::dataflow::SyncActivator;
use crate::model::{Chunk, EventTime, Offset, PartitionId, SourceIndex};
use crossbeam_channel::{Receiver, SendTimeoutError, Sender, bounded};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Chunks that may wait for one worker.
pub const CHUNKS_MAX: usize = 16;
/// How often a blocked sender looks whether the engine is stopping.
const STOP_POLL: Duration = Duration::from_millis(20);

/// Wakes the workers of this process from other threads.
#[derive(Default)]
pub struct Wakers(Mutex<Vec<(usize, SyncActivator)>>);

impl Wakers {
    /// Adds a worker's source operator.
    pub fn add(&self, worker: usize, activator: SyncActivator) {
        self.lock().push((worker, activator));
    }

    /// Wakes one worker. A worker that has ended needs no waking.
    pub fn wake(&self, worker: usize) {
        for (_, activator) in self.lock().iter().filter(|(index, _)| *index == worker) {
            let _ended = activator.activate();
        }
    }

    /// Wakes all workers.
    pub fn wake_all(&self) {
        for (_, activator) in self.lock().iter() {
            let _ended = activator.activate();
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<(usize, SyncActivator)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The queues into the workers of this process.
#[derive(Clone)]
pub struct Queues {
    senders: Vec<Sender<Chunk>>,
    first_worker: usize,
    dealt: Arc<AtomicUsize>,
}

impl Queues {
    /// Returns queues for `workers` workers, the first of which has index `first_worker` among all
    /// processes, and their ends for the workers.
    pub fn new(first_worker: usize, workers: usize) -> (Self, Vec<Receiver<Chunk>>) {
        let (senders, receivers) = (0..workers).map(|_| bounded(CHUNKS_MAX)).unzip();
        (Self { senders, first_worker, dealt: Arc::default() }, receivers)
    }

    /// Deals out the next partition. Which worker reads it changes no result (I2), so they take
    /// turns: a hash would often put two busy files on one worker.
    fn deal(&self) -> usize {
        self.dealt.fetch_add(1, Ordering::Relaxed) % self.senders.len().max(1)
    }
}

/// What one source needs to hand over chunks; outlives restarts of the source.
pub struct SourceIntake {
    /// Which source.
    pub source: SourceIndex,
    /// Where it hands over to.
    pub queues: Queues,
    /// How it wakes the worker.
    pub wakers: Arc<Wakers>,
    /// Whether the engine stops.
    pub stop: StopSignal,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// Offsets of everything sent or recovered.
    pub offsets: BTreeMap<PartitionId, Offset>,
    /// Which queue takes a partition's chunks, for partitions sent in this life of the engine.
    pub dealt: BTreeMap<PartitionId, usize>,
    /// What is durable.
    pub receipts: Receipts,
    /// How many sources are catching up, and whether this one is.
    pub catching_up: (CatchingUp, bool),
    /// Whether anything was sent in this life of the engine: then `offsets` are not all durable.
    pub has_sent: bool,
}

impl Intake for SourceIntake {
    fn resume(&self) -> Vec<(PartitionId, Offset)> {
        self.offsets.iter().map(|(p, o)| (p.clone(), o.clone())).collect()
    }

    fn send(&mut self, delivery: Delivery) -> Result<(), Stopped> {
        debug_assert!(delivery.bytes.len() <= Delivery::BYTES_MAX, "Source contract 2");
        let deal = || self.queues.deal();
        let queue = *self.dealt.entry(delivery.partition.clone()).or_insert_with(deal);
        let (partition, end) = (delivery.partition.clone(), delivery.end.clone());
        let bytes = delivery.bytes.len();
        let mut chunk = Chunk {
            source: self.source,
            partition: delivery.partition,
            bytes: Arc::new(delivery.bytes),
            end: delivery.end,
            received: delivery.received.unwrap_or_else(|| self.clock.now()),
            lines_cut: delivery.lines_cut,
            lost_bytes: delivery.lost_bytes,
            lag_bytes: delivery.lag_bytes,
        };
        self.has_sent = true;
        loop {
            if self.stopped() {
                return Err(Stopped);
            }
            match self.queues.senders[queue].send_timeout(chunk, STOP_POLL) {
                Ok(()) => break,
                Err(SendTimeoutError::Timeout(unsent)) => chunk = unsent,
                Err(SendTimeoutError::Disconnected(_)) => return Err(Stopped),
            }
        }
        match end {
            Some(offset) => {
                self.offsets.insert(partition, offset);
            }
            None => {
                self.offsets.remove(&partition);
                self.dealt.remove(&partition);
            }
        }
        self.wakers.wake(self.queues.first_worker + queue);
        self.observer.received(self.source, bytes);
        Ok(())
    }

    fn committed(&self, partition: &PartitionId) -> Option<Offset> {
        let recovered = || if self.has_sent { BTreeMap::new() } else { self.offsets.clone() };
        self.receipts.durable(self.source, partition, recovered)
    }

    fn stopped(&self) -> bool {
        self.stop.stage() > StopStage::Running
    }

    fn wait(&mut self, at_most: Duration) -> Result<(), Stopped> {
        if self.stop.wait(StopStage::Draining, at_most) { Err(Stopped) } else { Ok(()) }
    }

    fn now(&self) -> EventTime {
        self.clock.now()
    }

    fn catching_up(&mut self, is: bool) {
        let (all, was) = &mut self.catching_up;
        all.set(*was, is);
        *was = is;
    }

    fn report(&mut self, health: SourceHealth) {
        let state = match health {
            SourceHealth::Ok => SourceReport::Running,
            SourceHealth::Degraded(sentence) => SourceReport::Degraded(sentence),
        };
        self.observer.source(self.source, state);
    }
}

impl Drop for SourceIntake {
    /// The last source to go closes the queues; the workers must be told, since no chunk will.
    fn drop(&mut self) {
        self.catching_up(false);
        self.queues.senders.clear();
        self.wakers.wake_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use crate::runtime::observer::Unobserved;

    fn intake() -> (SourceIntake, Vec<Receiver<Chunk>>) {
        let (queues, receivers) = Queues::new(0, 1);
        let intake = SourceIntake {
            source: SourceIndex(0),
            queues,
            wakers: Arc::default(),
            stop: StopSignal::default(),
            clock: Arc::new(SystemClock),
            observer: Arc::new(Unobserved),
            offsets: BTreeMap::new(),
            dealt: BTreeMap::new(),
            receipts: Receipts::new(1),
            catching_up: Default::default(),
            has_sent: false,
        };
        (intake, receivers)
    }

    fn delivery(end: Option<&str>) -> Delivery {
        Delivery {
            partition: PartitionId("p".into()),
            bytes: b"line\n".to_vec(),
            end: end.map(|text| Offset(text.into())),
            received: None,
            lines_cut: 0,
            lost_bytes: 0,
            lag_bytes: 0,
        }
    }

    #[test]
    fn limit_a_full_queue_blocks_the_sender_until_the_stop() {
        let (mut intake, receivers) = intake();
        for n in 0..CHUNKS_MAX {
            intake.send(delivery(Some(&n.to_string()))).expect("there is room");
        }
        let stop = intake.stop.clone();
        let sender = std::thread::spawn(move || {
            let outcome = intake.send(delivery(Some("one too many")));
            (outcome, intake.resume())
        });
        stop.raise(StopStage::Draining);
        let (outcome, resume) = sender.join().expect("the sender does not panic");
        assert_eq!(outcome, Err(Stopped));
        assert_eq!(receivers[0].len(), CHUNKS_MAX);
        let last = Offset((CHUNKS_MAX - 1).to_string());
        assert_eq!(resume, [(PartitionId("p".into()), last)], "an unsent chunk moves no offset");
    }

    #[test]
    fn what_was_recovered_is_durable_and_what_was_only_sent_is_not() {
        let (mut intake, _receivers) = intake();
        let partition = PartitionId("p".into());
        intake.offsets.insert(partition.clone(), Offset("4".into()));
        assert_eq!(intake.committed(&partition), Some(Offset("4".into())));
        intake.send(delivery(Some("5"))).expect("there is room");
        assert_eq!(intake.committed(&partition), Some(Offset("4".into())));
        let progress = crate::model::Progress {
            source: intake.source,
            partition: partition.clone(),
            offset: Some(Offset("5".into())),
            lag_bytes: 0,
            received: EventTime(0),
        };
        intake.receipts.note(&[progress]);
        assert_eq!(intake.committed(&partition), Some(Offset("5".into())));
    }

    #[test]
    fn whoever_asks_late_is_told_of_later_commits_only() {
        let (mut intake, _receivers) = intake();
        intake.send(delivery(Some("5"))).expect("there is room");
        assert_eq!(intake.committed(&PartitionId("p".into())), None, "it may not be durable");
    }

    #[test]
    fn a_restarted_source_resumes_behind_what_it_sent_and_forgets_what_it_let_go() {
        let (mut intake, _receivers) = intake();
        intake.send(delivery(Some("5"))).expect("there is room");
        assert_eq!(intake.resume(), [(PartitionId("p".into()), Offset("5".into()))]);
        intake.send(delivery(None)).expect("there is room");
        assert_eq!(intake.resume(), []);
    }
}
