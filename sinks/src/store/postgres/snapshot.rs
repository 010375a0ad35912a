//! A read transaction of the server, and the sessions that read.

use super::explain::explain;
use super::migrate;
use super::options::Target;
use super::session::{Calls, READER_IDLE, Session, within};
use crate::store::sql::prune::Changing;
use crate::store::sql::questions::{Question, Reading};
use crate::store::sql::{Bound, Failure, Row, Snapshot};
use engine::component::StoreError;
use futures_util::future::join_all;
use futures_util::{StreamExt, TryStreamExt, pin_mut};
use std::cell::Cell;
use std::time::Duration;
use tokio_postgres::{Client, IsolationLevel, Transaction};

/// Rows of a long answer that are held at the same time.
const PAGE_ROWS: i32 = 4096;
/// Questions that are under way at the same time.
const UNDER_WAY_MAX: usize = 64;
/// How long an answer may take to begin that everything stored is sorted for.
const LONG: Duration = Duration::from_secs(600);

/// A read transaction: all answers are of one commit.
pub(super) struct Reader<'a> {
    calls: &'a Calls,
    transaction: Transaction<'a>,
    deadline: Cell<Duration>,
}

impl<'a> Reader<'a> {
    /// Begins a transaction.
    pub(super) fn begin(session: &'a mut Session) -> Result<Self, Failure> {
        let Session { client, calls, .. } = session;
        let transaction = client.build_transaction();
        let transaction = transaction.isolation_level(IsolationLevel::RepeatableRead);
        let transaction = calls.wait(transaction.read_only(true).start())?;
        Ok(Self { calls, transaction, deadline: Cell::new(calls.deadline) })
    }

    /// Lets the server work on one answer for as long as rows keep coming.
    pub(super) fn allow_long_answers(&self) -> Result<(), Failure> {
        self.calls.wait(self.transaction.batch_execute("SET LOCAL statement_timeout = 0"))
    }

    /// Ends the transaction.
    pub(super) fn end(self) -> Result<(), Failure> {
        self.calls.wait(self.transaction.commit())
    }
}

impl Snapshot for Reader<'_> {
    fn each(
        &self,
        sql: &str,
        bound: &[Bound<'_>],
        row: &mut dyn FnMut(&dyn Row) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let statement = self.calls.prepared(self.transaction.client(), sql)?;
        let deadline = self.deadline.get();
        self.calls.run(async {
            let asked = self.transaction.query_raw(&statement, bound.iter().copied());
            let rows = within(deadline, asked).await??;
            pin_mut!(rows);
            while let Some(found) = within(deadline, rows.next()).await? {
                row(&found?)?;
            }
            Ok(())
        })
    }

    fn each_of(
        &self,
        sql: &str,
        keys: &[[u8; 16]],
        row: &mut dyn FnMut(usize, &dyn Row) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let statement = self.calls.prepared(self.transaction.client(), sql)?;
        let mut place = 0;
        for some in keys.chunks(UNDER_WAY_MAX) {
            let keys: Vec<&[u8]> = some.iter().map(|key| &key[..]).collect();
            let asked = keys.iter().map(|key| self.transaction.query_raw(&statement, [key]));
            let answers = self.calls.run(async {
                let answers = join_all(asked.map(async |asked| {
                    let rows = asked.await?;
                    pin_mut!(rows);
                    let mut found = Vec::new();
                    while let Some(row) = rows.next().await {
                        found.push(row?);
                    }
                    Ok::<_, tokio_postgres::Error>(found)
                }));
                within(self.deadline.get(), answers).await
            })?;
            for answer in answers {
                for found in answer? {
                    row(place, &found)?;
                }
                place += 1;
            }
        }
        Ok(())
    }

    fn stream(
        &self,
        sql: &str,
        bound: &[Bound<'_>],
        row: &mut dyn FnMut(&dyn Row) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let statement = self.calls.prepared(self.transaction.client(), sql)?;
        let portal = self.transaction.bind_raw(&statement, bound.iter().copied());
        let portal = self.calls.wait(portal)?;
        loop {
            let page = self.transaction.query_portal(&portal, PAGE_ROWS);
            let page = self.calls.run(async { Ok(within(self.deadline.get(), page).await??) })?;
            for found in &page {
                if !row(found)? {
                    return Ok(());
                }
            }
            if page.len() < PAGE_ROWS as usize {
                return Ok(());
            }
        }
    }

    fn allow_long_sorts(&self) -> Result<(), Failure> {
        self.deadline.set(LONG);
        self.allow_long_answers()
    }
}

/// The transaction that a session has begun by itself, in which something is changed.
pub(super) struct Changes<'a> {
    pub(super) client: &'a Client,
    pub(super) calls: &'a Calls,
}

impl Snapshot for Changes<'_> {
    fn each(
        &self,
        sql: &str,
        bound: &[Bound<'_>],
        row: &mut dyn FnMut(&dyn Row) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.stream(sql, bound, &mut |found| row(found).map(|()| true))
    }

    fn stream(
        &self,
        sql: &str,
        bound: &[Bound<'_>],
        row: &mut dyn FnMut(&dyn Row) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let statement = self.calls.prepared(self.client, sql)?;
        // Answers are a few rows here: what changes is decided by sums and horizons.
        let found = self.client.query_raw(&statement, bound.iter().copied());
        let found = self.calls.wait(async { found.await?.try_collect::<Vec<_>>().await })?;
        for found in &found {
            if !row(found)? {
                break;
            }
        }
        Ok(())
    }
}

impl Changing for Changes<'_> {
    fn change(&self, sql: &str, bound: &[Bound<'_>]) -> Result<u64, Failure> {
        let statement = self.calls.prepared(self.client, sql)?;
        self.calls.wait(self.client.execute_raw(&statement, bound.iter().copied()))
    }
}

/// Opens sessions that only read.
pub(super) struct ReadOnly {
    target: Target,
    name: String,
}

impl ReadOnly {
    pub(super) fn new(target: Target, name: String) -> Self {
        Self { target, name }
    }
}

impl Reading for ReadOnly {
    type Connection = Session;

    fn open(&self) -> Result<Session, Failure> {
        let session = Session::open(&self.target, &self.name, READER_IDLE)?;
        migrate::check_current(&session, &self.target)?;
        Ok(session)
    }

    fn ask<T>(&self, session: &mut Session, question: Question<'_, T>) -> Result<T, Failure> {
        // The server may have gone and come back since the session was used last.
        if session.used && session.is_lost() {
            *session = self.open()?;
        }
        session.used = true;
        let reader = Reader::begin(session)?;
        let answer = question(&reader)?;
        reader.end()?;
        Ok(answer)
    }

    fn explain(&self, failure: Failure, what: &str) -> StoreError {
        explain(failure, what, &self.target, None)
    }
}
