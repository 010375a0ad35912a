//! The store in a Postgres database with pgvector: one writing session, a few that read.
//!
//! ```text
//! Store (writer session) ── one transaction per commit ──► tables of one schema ──► ReadStore
//!   holds the advisory lock                                            (up to 8 read-only sessions)
//! ```
//! *Promises:* the contract of [`Store`] and I5. A commit is on the server's disk before it is reported
//! (`synchronous_commit`). After any error the writer's session is dropped, and the next call opens
//! another one, which ends what is left of the first before it looks at what is stored: that decides,
//! never what was remembered. No call waits longer for an answer than `deadline`. Nothing is touched
//! before the first call, so that the store can be made while the server is away.
//!
//! *State and limits:* the writer remembers at most [`memory::IDS_MAX`] row numbers and full days;
//! readers use at most [`CONNECTIONS_MAX`](crate::store::sql::questions::CONNECTIONS_MAX) sessions.
//!
//! *Not here:* what is too old (`retention`). A pooler between us and the server must keep sessions: the lock is
//! held by one.

mod commit;
mod derived;
mod explain;
mod memory;
mod migrate;
mod options;
mod owner;
mod pipeline;
mod restore;
mod samples;
mod session;
mod snapshot;
mod tls;
mod triage;
mod values;
mod write;

use crate::store::rows::STORE_INPUTS;
use crate::store::sql::Failure;
use crate::store::sql::questions::Questions;
use crate::store::steps::{CrashPoints, NoCrash};
use commit::Writer;
use engine::component::{
    BackupReport, Build, Commit, ComponentType, History, Incarnation, NodeIdentity, Options,
    OptionsError, ReadStore, Recovered, Store, StoreError,
};
use engine::model::{Bucket, Epoch, Fingerprint};
use options::{PostgresOptions, Target};
use session::Session;
use snapshot::ReadOnly;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::error::SqlState;

/// The component type `postgres`.
pub const POSTGRES: ComponentType = ComponentType {
    name: "postgres",
    summary: "Keeps results in a Postgres database with pgvector.",
    inputs: STORE_INPUTS,
    output: None,
    schema: || schemars::schema_for!(PostgresOptions),
    build: Build::Store(build),
};

fn build(options: &Options) -> Result<Box<dyn Store>, Vec<OptionsError>> {
    Ok(Box::new(PostgresStore::new(options)?))
}

/// A [`Store`] in one schema of a Postgres database.
pub struct PostgresStore {
    target: Target,
    /// The name of the writer's sessions: of this store and no other.
    name: String,
    readers: Arc<Questions<ReadOnly>>,
    writer: Option<Writer>,
    crash_points: Box<dyn CrashPoints>,
}

impl PostgresStore {
    /// Returns the store that options describe, without connecting yet.
    pub fn new(options: &Options) -> Result<Self, Vec<OptionsError>> {
        let target = PostgresOptions::target(options)?;
        // A random key of the process, hashed: two stores never share it.
        let token = RandomState::new().hash_one(std::process::id());
        let name = format!("seismolog {token:016x}");
        let readers = ReadOnly::new(target.clone(), format!("{name} reader"));
        let readers = Arc::new(Questions::new(readers));
        Ok(Self { target, name, readers, writer: None, crash_points: Box::new(NoCrash) })
    }

    /// Sets who is told about the steps of commits.
    pub fn with_crash_points(mut self, crash_points: impl CrashPoints + 'static) -> Self {
        self.crash_points = Box::new(crash_points);
        self
    }

    /// Runs `work` on the writer, opening it if need be; after an error it is closed.
    fn write<T>(
        &mut self,
        what: &str,
        work: impl FnOnce(&mut Writer, &dyn CrashPoints) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let result = match &mut self.writer {
            Some(writer) => work(writer, &*self.crash_points),
            None => open(&self.target, &self.name)
                .and_then(|writer| work(self.writer.insert(writer), &*self.crash_points)),
        };
        result.map_err(|failure| {
            let writer = self.writer.take();
            let waited_for_a_lock = locked_out(&failure);
            let blockers = writer
                .filter(|_| waited_for_a_lock)
                .and_then(|writer| owner::blockers(&writer.session, &self.target.schema));
            explain::explain(failure, what, &self.target, blockers)
        })
    }
}

/// Opens a session, makes it the owner and brings the schema up to date.
fn open(target: &Target, name: &str) -> Result<Writer, Failure> {
    let session = Session::open(target, name, target.deadline)?;
    owner::take(&session, target, name)?;
    migrate::migrate(&session, target)?;
    Writer::new(session)
}

/// Returns whether a statement has waited for a lock in vain.
fn locked_out(failure: &Failure) -> bool {
    let Failure::Database(error) = failure else { return false };
    let sql = error.downcast_ref::<tokio_postgres::Error>();
    sql.and_then(|error| error.code()) == Some(&SqlState::LOCK_NOT_AVAILABLE)
}

impl Store for PostgresStore {
    fn load(&mut self) -> Result<Recovered, StoreError> {
        self.write("loading the last commit", |writer, _| writer.recover())
    }

    fn counts(&mut self, history: History) -> Result<Vec<(Fingerprint, Bucket, i64)>, StoreError> {
        self.write("loading counts", |writer, _| writer.counts(history))
    }

    fn claim(
        &mut self,
        incarnation: Incarnation,
        identity: &[NodeIdentity],
    ) -> Result<(), StoreError> {
        self.write("claiming the store", |writer, _| writer.claim(incarnation, identity))
    }

    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        let what = format!("committing epoch {}", commit.epoch);
        self.write(&what, |writer, crash_points| writer.commit(commit, crash_points))
    }

    fn committed(&mut self) -> Result<(Option<Epoch>, Option<Incarnation>), StoreError> {
        self.write("asking for the last commit", |writer, _| writer.committed())
    }

    fn prune(&mut self) -> Result<bool, StoreError> {
        let retention = self.target.retention;
        self.write("forgetting what is too old", |writer, _| writer.prune(&retention))
    }

    fn is_remote(&self) -> bool {
        true
    }

    fn restore(&mut self, from: &Path, replace: bool) -> Result<BackupReport, StoreError> {
        let from = from.to_owned();
        let report = self.write("restoring a backup", |writer, _| {
            restore::restore(&writer.session, &from, replace)
        });
        // What the writer remembered is gone.
        self.writer = None;
        report
    }

    fn reader(&self) -> Arc<dyn ReadStore> {
        self.readers.clone()
    }
}
