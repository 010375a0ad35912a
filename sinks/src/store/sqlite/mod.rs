//! The embedded store: one SQLite file, one process, one writing thread.
//!
//! ```text
//! Store (writer connection) ── one transaction per commit ──► PATH, PATH-wal ──► ReadStore
//!   owns PATH.lock                                                     (read-only connections)
//! ```
//! *Promises:* the contract of [`Store`] and I5. A commit is on disk before it is reported. After
//! any error the writer connection is dropped, which rolls back, and the next call opens it again;
//! what is stored decides, never what was remembered. Each question is one read transaction.
//!
//! *State and limits:* the writer remembers at most [`write::IDS_MAX`] row numbers and full days;
//! readers use at most
//! [`CONNECTIONS_MAX`](crate::store::sql::questions::CONNECTIONS_MAX) connections.
//!
//! *Not here:* what is too old (`retention`).

mod commit;
pub(super) mod connect;
mod counts;
mod derived;
pub(super) mod migrate;
mod outbox;
mod restore;
mod samples;
mod seal;
mod snapshot;
mod triage;
mod write;

pub use crate::store::steps::{CommitStep, CrashPoints, NoCrash};

use crate::store::retention::RetentionOptions;
use crate::store::rows::STORE_INPUTS;
use crate::store::sql::Failure;
use crate::store::sql::prune::{check_sums, prune};
use crate::store::sql::questions::Questions;
use crate::store::sql::recover::{counts, recover};
use engine::component::{
    BackupReport, Build, Commit, ComponentType, History, Incarnation, NodeIdentity, Options,
    OptionsError, ReadStore, Recovered, Store, StoreError,
};
use engine::model::{Bucket, Epoch, Fingerprint};
use snapshot::ReadOnly;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use write::Writer;

/// The component type `sqlite`.
pub const SQLITE: ComponentType = ComponentType {
    name: "sqlite",
    summary: "Keeps results in one SQLite file; needs no server.",
    inputs: STORE_INPUTS,
    output: None,
    schema: || schemars::schema_for!(SqliteOptions),
    build: Build::Store(build),
};

/// Options of the sink `sqlite`.
#[derive(Debug, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct SqliteOptions {
    /// The database file, relative to the graph file's folder. It is created if it is not there;
    /// the files `PATH-wal`, `PATH-shm` and `PATH.lock` appear beside it.
    path: PathBuf,
    /// How long what is kept.
    retention: RetentionOptions,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { path: PathBuf::from("seismolog.db"), retention: RetentionOptions::default() }
    }
}

fn build(options: &Options) -> Result<Box<dyn Store>, Vec<OptionsError>> {
    let SqliteOptions { path, retention } = options.parse()?;
    let mistakes = retention.mistakes();
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    if path.file_name().is_none() {
        let error = OptionsError::at("path", format!("{path:?} does not name a file"));
        return Err(vec![error.hint("Write a file name, such as ./seismolog.db.")]);
    }
    Ok(Box::new(SqliteStore { retention, ..SqliteStore::new(options.resolve(&path)) }))
}

/// A [`Store`] in one SQLite file.
pub struct SqliteStore {
    path: PathBuf,
    retention: RetentionOptions,
    readers: Arc<Questions<ReadOnly>>,
    /// Declared before the lock: the connection closes before the next owner may come.
    writer: Option<Writer>,
    lock: Option<connect::Lock>,
    crash_points: Box<dyn CrashPoints>,
}

impl SqliteStore {
    /// Returns the store at `path`, without touching the disk yet.
    pub fn new(path: impl AsRef<Path>) -> Self {
        let path = path.as_ref().to_owned();
        let readers = Arc::new(Questions::new(ReadOnly::new(path.clone())));
        Self {
            path,
            retention: RetentionOptions::default(),
            readers,
            writer: None,
            lock: None,
            crash_points: Box::new(NoCrash),
        }
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
        if self.lock.is_none() {
            self.lock = Some(connect::lock(&self.path)?);
        }
        let result = match &mut self.writer {
            Some(writer) => work(writer, &*self.crash_points),
            None => connect::writer(&self.path).and_then(|connection| {
                work(self.writer.insert(Writer::new(connection)), &*self.crash_points)
            }),
        };
        result.map_err(|failure| {
            self.writer = None;
            connect::explain(failure, what, &self.path)
        })
    }
}

impl Store for SqliteStore {
    fn load(&mut self) -> Result<Recovered, StoreError> {
        self.write("loading the last commit", |writer, _| {
            let Writer { connection, memory } = writer;
            let transaction = connection.transaction()?;
            check_sums(&*transaction)?;
            seal::check(&transaction)?;
            let learn = |fingerprint, id| memory.remember(fingerprint, id);
            let recovered = recover(&*transaction, learn)?;
            transaction.commit()?;
            Ok(recovered)
        })
    }

    fn counts(&mut self, history: History) -> Result<Vec<(Fingerprint, Bucket, i64)>, StoreError> {
        self.write("loading counts", |writer, _| {
            counts(&*writer.connection.transaction()?, history)
        })
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
        let retention = self.retention;
        self.write("forgetting what is too old", |writer, _| {
            let Writer { connection, memory } = writer;
            let transaction = connection.transaction()?;
            let (horizons, has_more) = prune(&*transaction, &retention)?;
            seal::horizons(&transaction)?;
            transaction.commit()?;
            memory.forget(horizons);
            Ok(has_more)
        })
    }

    fn restore(&mut self, from: &Path, replace: bool) -> Result<BackupReport, StoreError> {
        if self.lock.is_none() {
            self.lock = Some(connect::lock(&self.path)?);
        }
        self.writer = None;
        let explain = |failure| connect::explain(failure, "restoring a backup", &self.path);
        restore::restore(from, &self.path, replace).map_err(explain)
    }

    fn reader(&self) -> Arc<dyn ReadStore> {
        self.readers.clone()
    }
}
