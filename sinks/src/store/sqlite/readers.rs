//! Read-only connections, lent out one question at a time.
//!
//! *Limits:* at most [`CONNECTIONS_MAX`] exist; whoever asks beyond that waits.

use super::Failure;
use super::connect;
use engine::component::StoreError;
use rusqlite::{Connection, Transaction};
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many questions are answered at the same time.
pub(super) const CONNECTIONS_MAX: usize = 8;

/// The reading side of a store.
pub(super) struct Readers {
    path: PathBuf,
    pool: Mutex<Pool>,
    returned: Condvar,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    lent: usize,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, pool: Mutex::default(), returned: Condvar::new() }
    }

    /// Runs `question` in one read transaction, which sees one commit.
    pub(super) fn ask<T>(
        &self,
        what: &str,
        question: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut loan = self.borrow();
        loan.ask(question).map_err(|failure| {
            loan.connection = None;
            failure.during(what, &self.path)
        })
    }

    fn borrow(&self) -> Loan<'_> {
        let mut pool = self.pool();
        while pool.lent >= CONNECTIONS_MAX {
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        pool.lent += 1;
        Loan { readers: self, connection: pool.idle.pop() }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to use one connection; gives it back when dropped.
struct Loan<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Loan<'_> {
    fn ask<T>(
        &mut self,
        question: impl FnOnce(&Transaction<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            None => self.connection.insert(connect::reader(&self.readers.path)?),
        };
        let transaction = connection.transaction()?;
        question(&transaction)
    }
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.pool();
        pool.lent -= 1;
        pool.idle.extend(self.connection.take());
        self.readers.returned.notify_one();
    }
}
