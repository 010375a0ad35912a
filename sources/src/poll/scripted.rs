//! Scripted: an intake for tests whose waits run a script, so that a server can change between polls.

use engine::component::{Delivery, Intake, SourceHealth, Stopped};
use engine::model::{EventTime, Offset, PartitionId};
use engine::testing::FakeIntake;
use std::time::Duration;

/// An intake that runs a script at each wait, before the time moves; it stops if that says so.
pub struct Scripted<'s> {
    pub inner: FakeIntake,
    pub script: &'s mut dyn FnMut(EventTime) -> bool,
}

impl Intake for Scripted<'_> {
    fn resume(&self) -> Vec<(PartitionId, Offset)> {
        self.inner.resume()
    }

    fn committed(&self, partition: &PartitionId) -> Option<Offset> {
        self.inner.committed(partition)
    }

    fn send(&mut self, delivery: Delivery) -> Result<(), Stopped> {
        self.inner.send(delivery)
    }

    fn stopped(&self) -> bool {
        self.inner.stopped()
    }

    fn wait(&mut self, at_most: Duration) -> Result<(), Stopped> {
        let stop = (self.script)(self.inner.now());
        self.inner.wait(at_most)?;
        if stop { Err(Stopped) } else { Ok(()) }
    }

    fn now(&self) -> EventTime {
        self.inner.now()
    }

    fn report(&mut self, health: SourceHealth) {
        self.inner.report(health);
    }
}
