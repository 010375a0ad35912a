//! Orders: how others than log lines reach a running engine. What people decide about alerts, and what became of
//! notices, is input like any other, bound to an epoch and durable with it.

use super::commit::Backlog;
use super::intake::Wakers;
use super::reader::Request;
use super::shutdown::StopSignal;
use super::sources::{COMMIT_WAIT, is_committed};
use crate::model::{Command, Fact};
use crossbeam_channel::{Sender, bounded};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// The engine does not run (yet, or any more), or too many orders wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the engine takes no orders now")]
pub struct NotTaken;

/// A handle on a running engine; takes nothing until it has started. Cheap to clone.
#[derive(Clone, Default)]
pub struct Orders(Arc<OnceLock<Ground>>);

/// What orders travel through.
pub(super) struct Ground {
    pub(super) requests: Sender<Request>,
    pub(super) wakers: Arc<Wakers>,
    pub(super) backlog: Arc<Backlog>,
    pub(super) stop: StopSignal,
}

impl Orders {
    pub(super) fn open(&self, ground: Ground) {
        // One engine has one handle.
        let _second = self.0.set(ground);
    }

    /// Lets operators hear of commands. Returns whether they are durable by now.
    pub fn command(&self, commands: Vec<Command>) -> Result<bool, NotTaken> {
        self.send(Vec::new(), commands)
    }

    /// Stores facts with the next epoch. Returns whether they are durable by now.
    pub fn store(&self, facts: Vec<Fact>) -> Result<bool, NotTaken> {
        self.send(facts, Vec::new())
    }

    fn send(&self, facts: Vec<Fact>, commands: Vec<Command>) -> Result<bool, NotTaken> {
        let ground = self.0.get().ok_or(NotTaken)?;
        let (epoch, answer) = bounded(1);
        ground.requests.try_send(Request { facts, commands, epoch }).map_err(|_| NotTaken)?;
        ground.wakers.wake_all();
        let deadline = Instant::now() + COMMIT_WAIT;
        let epoch = answer.recv_deadline(deadline).map_err(|_| NotTaken)?;
        Ok(is_committed(&ground.backlog, &ground.stop, epoch, deadline))
    }
}
