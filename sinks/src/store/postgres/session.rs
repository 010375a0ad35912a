//! One connection, used from a blocking thread: a runtime of its own, statements prepared once, and a
//! deadline for every answer.
//!
//! *Promises:* no call waits longer for the server than the deadline of the options, whatever the network
//! does; a connection that missed it is never used again, since its owner drops it.

use super::explain::{NoAnswer, refused};
use super::options::{KEEPALIVE, Target};
use super::tls::Tls;
use crate::store::sql::Failure;
use futures_util::future::try_join_all;
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Config, Error, Statement};

/// The oldest server that is tested: its number as it states it, and as people do.
const OLDEST_SERVER: (i32, i32) = (160_000, 16);
/// How long a session of a reader may sit in a transaction: whoever exports may read slowly.
pub(super) const READER_IDLE: Duration = Duration::from_secs(600);
/// Most statements that are kept prepared: there are fewer, unless a list of them grows.
const STATEMENTS_MAX: usize = 256;

/// A connection with everything that waiting for it takes.
pub(super) struct Session {
    pub(super) client: Client,
    pub(super) calls: Calls,
    /// Whether a reader has asked before.
    pub(super) used: bool,
}

/// How to wait for answers.
pub(super) struct Calls {
    /// There until the session is dropped.
    runtime: Option<Runtime>,
    statements: RefCell<HashMap<String, Statement>>,
    /// The longest wait for one answer.
    pub(super) deadline: Duration,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Database(error.into())
    }
}

impl Session {
    /// Connects under `name`, a reader or the writer, and sets the session up.
    pub(super) fn open(target: &Target, name: &str, idle: Duration) -> Result<Session, Failure> {
        let unusable = |what: String| Failure::Database(what.into());
        let config = target.config(name).map_err(unusable)?;
        let tls = Tls::new(target.tls, target.ca_file.as_deref()).map_err(unusable)?;
        let runtime = Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = runtime.map_err(|error| unusable(error.to_string()))?;
        let deadline = target.deadline;
        let calls = Calls { runtime: Some(runtime), statements: RefCell::default(), deadline };
        // Each address has its own timeout; the deadline holds for all of them, and for the handshake.
        let whole = target.connect_timeout.max(deadline);
        let client = calls.wait_for(whole, connect(&config, tls))?;
        let session = Session { client, calls, used: false };
        session.set_up(target, idle)?;
        Ok(session)
    }

    /// Returns whether the server does not answer on this connection any more.
    pub(super) fn is_lost(&self) -> bool {
        self.calls.wait(self.client.check_connection()).is_err()
    }

    fn set_up(&self, target: &Target, idle: Duration) -> Result<(), Failure> {
        let (keepalive_idle, interval, count) = KEEPALIVE;
        let statement_ms = target.statement_timeout.as_millis();
        let settings = format!(
            "SET statement_timeout = {statement_ms}; SET lock_timeout = {}; \
             SET idle_in_transaction_session_timeout = {}; \
             SET tcp_keepalives_idle = {keepalive_idle}; SET tcp_keepalives_interval = {interval}; \
             SET tcp_keepalives_count = {count}; SET client_connection_check_interval = '3s'; \
             SET synchronous_commit = on; SET search_path = {}, public",
            (statement_ms / 2).max(1),
            idle.as_millis(),
            target.schema,
        );
        self.calls.wait(self.client.batch_execute(&settings))?;
        let sql = "SELECT current_setting('server_version_num')::int";
        let version: i32 = self.calls.wait(self.client.query_one(sql, &[]))?.try_get(0)?;
        let (oldest, name) = OLDEST_SERVER;
        if version < oldest {
            return Err(refused(format!(
                "{target} runs Postgres {}, but version {name} or later is needed; upgrade the server",
                version / 10_000
            )));
        }
        Ok(())
    }
}

/// Connects, and lets the connection work on its own while answers are waited for.
async fn connect(config: &Config, tls: Tls) -> Result<Client, Error> {
    let (client, connection) = config.connect(tls).await?;
    // What it fails with reaches whoever waits for an answer.
    tokio::spawn(async move { drop(connection.await) });
    Ok(client)
}

impl Calls {
    /// Waits for one answer.
    pub(super) fn wait<T>(
        &self,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Failure> {
        self.wait_for(self.deadline, answer)
    }

    fn wait_for<T>(
        &self,
        deadline: Duration,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Failure> {
        self.run(async { Ok(within(deadline, answer).await??) })
    }

    /// Runs work that waits for each of its answers itself.
    pub(super) fn run<T>(
        &self,
        work: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match &self.runtime {
            Some(runtime) => runtime.block_on(work),
            None => Err(Failure::Database("the connection is closed".into())),
        }
    }

    /// Returns a statement that is prepared at its first use.
    pub(super) fn prepared(&self, client: &Client, sql: &str) -> Result<Statement, Failure> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.wait(client.prepare(&dialect(sql)))?;
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= STATEMENTS_MAX {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    /// Prepares many statements, without waiting for each.
    pub(super) fn prepare_all(&self, client: &Client, all: &[&str]) -> Result<(), Failure> {
        let dialects: Vec<String> = all.iter().map(|sql| dialect(sql)).collect();
        let prepared = try_join_all(dialects.iter().map(|sql| client.prepare(sql)));
        let named = all.iter().map(|&sql| sql.to_owned()).zip(self.wait(prepared)?);
        self.statements.borrow_mut().extend(named);
        Ok(())
    }
}

/// Waits for `answer` until the deadline.
pub(super) async fn within<T>(
    deadline: Duration,
    answer: impl Future<Output = T>,
) -> Result<T, Failure> {
    let answer = tokio::time::timeout(deadline, answer).await;
    answer.map_err(|_| Failure::Database(NoAnswer(deadline).into()))
}

/// Returns SQL that all stores share as Postgres writes it.
fn dialect(sql: &str) -> String {
    sql.replace("CROSS JOIN", "JOIN").replace('?', "$")
}

impl Drop for Calls {
    fn drop(&mut self) {
        // The last owner of a reader may be a thread that must not block.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
