//! A store in memory: for tests, for `scan`, and as the readable reference for the others.
//!
//! Every handle of one `MemoryStore` shares the same state, which plays the part of the disk: a
//! second handle ([`MemoryStore::reopen`]) sees after a simulated crash what was committed before.
//!
//! *Promises:* the contract of [`Store`]. A commit is checked first and then applied without a
//! point at which it could fail, so it is all or nothing; readers hold the same lock.
//!
//! *State and limits:* everything that is committed stays; samples and rejected examples are
//! bounded by [`Sample::PER_DAY_MAX`](engine::model::Sample::PER_DAY_MAX) and
//! [`Rejected::PER_REASON_MAX`].

mod read;
mod state;

use super::rows::STORE_INPUTS;
use engine::component::{
    Build, Commit, ComponentType, History, Incarnation, NodeIdentity, Options, OptionsError,
    ReadStore, Recovered, Store, StoreError,
};
use engine::model::{Bucket, Epoch, Fingerprint};
use state::State;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The component type `memory`.
pub const MEMORY: ComponentType = ComponentType {
    name: "memory",
    summary: "Keeps results in memory until the process ends.",
    inputs: STORE_INPUTS,
    output: None,
    schema: || schemars::schema_for!(MemoryOptions),
    build: Build::Store(build),
};

/// Options of the sink `memory`: none.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct MemoryOptions {}

fn build(options: &Options) -> Result<Box<dyn Store>, Vec<OptionsError>> {
    let MemoryOptions {} = options.parse()?;
    Ok(Box::new(MemoryStore::default()))
}

/// A [`Store`] and [`ReadStore`] in memory.
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

impl MemoryStore {
    /// Returns another handle to the same state, as a process would get it that starts again.
    pub fn reopen(&self) -> MemoryStore {
        self.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn load(&mut self) -> Result<Recovered, StoreError> {
        Ok(self.state().recover())
    }

    fn counts(&mut self, history: History) -> Result<Vec<(Fingerprint, Bucket, i64)>, StoreError> {
        Ok(self.state().counts(history))
    }

    fn claim(
        &mut self,
        incarnation: Incarnation,
        identity: &[NodeIdentity],
    ) -> Result<(), StoreError> {
        self.state().claim(incarnation, identity);
        Ok(())
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        self.state().commit(commit)
    }

    fn committed(&mut self) -> Result<(Option<Epoch>, Option<Incarnation>), StoreError> {
        Ok(self.state().committed())
    }

    fn reader(&self) -> Arc<dyn ReadStore> {
        Arc::new(self.reopen())
    }
}
