//! Source: reads on from an Offset, on a thread of its own.
//!
//! The contract, which `testing::source_conformance` checks for sources to which others push, and the
//! tests of each source for the others:
//! 1. Started with the offsets of a commit, a source delivers exactly what lies behind them, each
//!    partition in order (I3). Offsets it never sent must not influence anything.
//! 2. It delivers whole lines, never more than [`Delivery::BYTES_MAX`] in one chunk, and cuts longer
//!    lines at a named limit, counting them.
//! 3. It returns soon after [`Intake::stopped`] turns true. It never sleeps but through
//!    [`Intake::wait`], never reads a clock but through [`Intake::now`].
//! 4. A source whose sender waits for an answer says that data is safe only when
//!    [`Intake::committed`] has reached the end of the delivery that holds it, however long ago it
//!    was handed over; it asks before its first delivery.
//! 5. An error it returns concerns the whole source; the engine restarts it alone, with backoff
//!    (I7). Trouble with one partition is reported through [`Intake::report`] and survived.

use crate::model::{EventTime, Offset, PartitionId};
use std::time::Duration;

/// Whole lines of one partition, ready to hand over; see [`crate::model::Chunk`].
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The partition.
    pub partition: PartitionId,
    /// Whole lines.
    pub bytes: Vec<u8>,
    /// Where to resume behind them; `None` when the partition is gone for good.
    pub end: Option<Offset>,
    /// The instant to judge event times by and to use for events without one; `None` means now.
    pub received: Option<EventTime>,
    /// Lines among them that were cut at the limit.
    pub lines_cut: u64,
    /// Bytes found missing before these.
    pub lost_bytes: u64,
    /// Bytes known to wait behind these.
    pub lag_bytes: u64,
}

impl Delivery {
    /// Largest chunk, in bytes; readers aim for 256 KiB.
    pub const BYTES_MAX: usize = 8 * 1024 * 1024;
    /// The size readers aim for, in bytes (measured: engine note §2).
    pub const BYTES_AIM: usize = 256 * 1024;
}

/// The engine is stopping: return without further deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

/// How a source says it is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceHealth {
    /// All is well.
    Ok,
    /// It works, but a person should know this sentence.
    Degraded(String),
}

/// The engine's side of a running source.
pub trait Intake {
    /// Returns every partition known from the last commit, or since sent, with its offset.
    fn resume(&self) -> Vec<(PartitionId, Offset)>;
    /// Hands over a chunk; blocks while the engine is behind.
    fn send(&mut self, delivery: Delivery) -> Result<(), Stopped>;
    /// Returns the last offset of a partition of this source that is durable: told after each commit,
    /// and right after a restart from what was recovered. `None` if nothing is known to be durable, or
    /// the partition was let go. The record is kept from the first question on, so that sources which
    /// never ask cost nothing; of what was sent before that it says nothing.
    fn committed(&self, partition: &PartitionId) -> Option<Offset>;
    /// Returns whether the engine is stopping.
    fn stopped(&self) -> bool;
    /// Sleeps for `at_most`, less if the engine stops.
    fn wait(&mut self, at_most: Duration) -> Result<(), Stopped>;
    /// Returns the current instant.
    fn now(&self) -> EventTime;
    /// Says whether the source is still handing over what was there before it began; until it says that it is
    /// not, or ends, or fails, spikes are not judged.
    fn catching_up(&mut self, _is: bool) {}
    /// Says how the source is doing; shown in `/readyz`, the audit and the UI.
    fn report(&mut self, health: SourceHealth);
}

/// A configured source.
pub trait Source: Send + Sync {
    /// Reads until there is nothing more to come (`Ok`), the engine stops, or something fails.
    fn run(&self, intake: &mut dyn Intake) -> Result<(), SourceError>;

    /// Looks at what there is to read, without reading it; returns one sentence about it.
    fn check(&self) -> Result<String, SourceError> {
        Ok("there is nothing to connect to".to_owned())
    }
}

/// Why a source had to give up for now.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct SourceError {
    /// What failed, as a sentence a person can act on.
    pub what: String,
    /// Whether trying again can help.
    pub retry: bool,
    /// The cause.
    #[source]
    pub cause: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl From<Stopped> for SourceError {
    /// A stop is no failure; the engine ignores errors of sources it has stopped.
    fn from(_: Stopped) -> Self {
        SourceError { what: "stopped".into(), retry: false, cause: None }
    }
}
