//! A store that dies at the n-th commit and keeps what was durable (I3, I5).
//!
//! Dying means what it means for a process: the commit is either on disk or it is not, no answer
//! arrives, and this handle never works again. The inner store's durable state survives for the next handle to it.

use crate::component::{
    Commit, History, Incarnation, NodeIdentity, ReadStore, Recovered, Store, StoreError,
};
use crate::model::{Bucket, Epoch, Fingerprint};
use std::sync::Arc;

/// When and how to die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrashPlan {
    /// The commit at which to die, counted from 1; 0 never dies.
    pub at_commit: usize,
    /// Whether that commit still becomes durable, its answer being lost.
    pub durable: bool,
}

/// A store that follows a [`CrashPlan`].
pub struct CrashStore<S> {
    inner: S,
    plan: CrashPlan,
    commits: usize,
    crashed: bool,
}

impl<S: Store> CrashStore<S> {
    /// Wraps `inner`.
    pub fn new(inner: S, plan: CrashPlan) -> Self {
        Self { inner, plan, commits: 0, crashed: false }
    }

    /// Returns whether it has died.
    pub fn crashed(&self) -> bool {
        self.crashed
    }

    fn alive(&mut self) -> Result<&mut S, StoreError> {
        if self.crashed {
            return Err(StoreError::Crashed("a call after the crash"));
        }
        Ok(&mut self.inner)
    }
}

impl<S: Store> Store for CrashStore<S> {
    fn load(&mut self) -> Result<Recovered, StoreError> {
        self.alive()?.load()
    }

    fn counts(&mut self, history: History) -> Result<Vec<(Fingerprint, Bucket, i64)>, StoreError> {
        self.alive()?.counts(history)
    }

    fn claim(
        &mut self,
        incarnation: Incarnation,
        identity: &[NodeIdentity],
    ) -> Result<(), StoreError> {
        self.alive()?.claim(incarnation, identity)
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        self.alive()?;
        self.commits += 1;
        if self.commits != self.plan.at_commit {
            return self.inner.commit(commit);
        }
        self.crashed = true;
        if !self.plan.durable {
            return Err(StoreError::Crashed("before the commit"));
        }
        self.inner.commit(commit)?;
        Err(StoreError::Crashed("after the commit"))
    }

    fn committed(&mut self) -> Result<(Option<Epoch>, Option<Incarnation>), StoreError> {
        self.alive()?.committed()
    }

    fn reader(&self) -> Arc<dyn ReadStore> {
        self.inner.reader()
    }
}
