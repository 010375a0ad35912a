//! FakeIntake: an [`Intake`] that keeps what it is given, and can crash.
//!
//! Its clock stands still but for [`FakeIntake::advance`] and for waiting, which moves it. After a
//! crash the next life resumes from any prefix of the deliveries, as if only those had been
//! committed.

use crate::component::{Delivery, Intake, SourceHealth, Stopped};
use crate::model::{EventTime, Offset, PartitionId};
use std::collections::BTreeMap;
use std::time::Duration;

/// An intake for tests.
#[derive(Debug, Default)]
pub struct FakeIntake {
    /// Offsets with which this life began.
    resumed: BTreeMap<PartitionId, Offset>,
    /// What was sent in this life, in order.
    deliveries: Vec<Delivery>,
    /// What was reported in this life, in order.
    health: Vec<SourceHealth>,
    now: EventTime,
    waits_left: Option<usize>,
    sends_left: Option<usize>,
    stopped: bool,
}

impl FakeIntake {
    /// Returns an intake of a first start at `now`: nothing to resume.
    pub fn at(now: EventTime) -> Self {
        Self { now, ..Self::default() }
    }

    /// Returns the same intake, stopping at the wait after `n` waits.
    pub fn stop_after_waits(mut self, n: usize) -> Self {
        self.waits_left = Some(n);
        self
    }

    /// Returns the same intake, stopping at the delivery after `n` deliveries.
    pub fn stop_after_sends(mut self, n: usize) -> Self {
        self.sends_left = Some(n);
        self
    }

    /// Moves the clock on.
    pub fn advance(&mut self, by: Duration) {
        self.now.0 += i64::try_from(by.as_nanos()).unwrap_or(i64::MAX);
    }

    /// Stops the source at its next call.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// Ends this life with only the first `committed` deliveries stored, and returns the next one.
    pub fn crash(&self, committed: usize) -> FakeIntake {
        let mut resumed = self.resumed.clone();
        for delivery in &self.deliveries[..committed] {
            match &delivery.end {
                Some(end) => resumed.insert(delivery.partition.clone(), end.clone()),
                None => resumed.remove(&delivery.partition),
            };
        }
        FakeIntake { resumed, now: self.now, ..Self::default() }
    }

    /// Returns what was sent in this life, in order.
    pub fn deliveries(&self) -> &[Delivery] {
        &self.deliveries
    }

    /// Returns what was reported in this life, in order.
    pub fn health(&self) -> &[SourceHealth] {
        &self.health
    }

    /// Returns the lines of all partitions in the order of delivery, without line ends.
    pub fn lines(&self) -> Vec<String> {
        lines_of(&self.deliveries)
    }

    /// Returns the lines of the first `committed` deliveries, without line ends.
    pub fn lines_before(&self, committed: usize) -> Vec<String> {
        lines_of(&self.deliveries[..committed])
    }

    /// Returns how many bytes were reported lost in this life.
    pub fn lost_bytes(&self) -> u64 {
        self.deliveries.iter().map(|delivery| delivery.lost_bytes).sum()
    }

    /// Returns how many lines were reported cut in this life.
    pub fn lines_cut(&self) -> u64 {
        self.deliveries.iter().map(|delivery| delivery.lines_cut).sum()
    }
}

fn lines_of(deliveries: &[Delivery]) -> Vec<String> {
    let mut lines = Vec::new();
    for delivery in deliveries {
        let text = String::from_utf8_lossy(&delivery.bytes);
        lines.extend(text.split_terminator('\n').map(str::to_owned));
    }
    lines
}

impl Intake for FakeIntake {
    fn resume(&self) -> Vec<(PartitionId, Offset)> {
        self.crash(self.deliveries.len()).resumed.into_iter().collect()
    }

    fn send(&mut self, delivery: Delivery) -> Result<(), Stopped> {
        assert!(delivery.bytes.len() <= Delivery::BYTES_MAX, "a delivery is bounded");
        match &mut self.sends_left {
            Some(0) => self.stopped = true,
            Some(left) => *left -= 1,
            None => {}
        }
        if self.stopped {
            return Err(Stopped);
        }
        self.deliveries.push(delivery);
        Ok(())
    }

    /// Everything that was sent is durable at once.
    fn committed(&self, partition: &PartitionId) -> Option<Offset> {
        let last = self.deliveries.iter().rev().find(|delivery| delivery.partition == *partition);
        last.map_or_else(|| self.resumed.get(partition).cloned(), |delivery| delivery.end.clone())
    }

    fn stopped(&self) -> bool {
        self.stopped
    }

    fn wait(&mut self, at_most: Duration) -> Result<(), Stopped> {
        match &mut self.waits_left {
            Some(0) => self.stopped = true,
            Some(left) => *left -= 1,
            None => {}
        }
        if self.stopped {
            return Err(Stopped);
        }
        self.advance(at_most);
        Ok(())
    }

    fn now(&self) -> EventTime {
        self.now
    }

    fn report(&mut self, health: SourceHealth) {
        self.health.push(health);
    }
}
