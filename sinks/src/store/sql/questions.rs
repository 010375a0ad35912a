//! Read-only connections, lent out one question at a time; each question is one read transaction.
//!
//! *Limits:* at most [`CONNECTIONS_MAX`] connections exist; whoever asks beyond that waits.

use super::{
    Failure, Snapshot, alerts, evidence, export, issues, outbox, overview, parts, triage, vectors,
};
use crate::store::archive;
use engine::component::{
    AlertQuery, AlertRow, Audit, BackupReport, ClassCounts, CountRow, IssueDetail, IssuePage,
    IssueQuery, KeptSamples, OutboxQuery, ReadStore, RejectedRow, SamplesOf, StoreError,
    TimelineQuery,
};
use engine::model::{Activity, AlertKey, EventTime, IssueId, OutboxRow, Part, TextId, VectorRow};
use std::path::Path;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// How many questions are answered at the same time.
pub(crate) const CONNECTIONS_MAX: usize = 8;

/// A question about one snapshot.
pub(crate) type Question<'a, T> = &'a mut dyn FnMut(&dyn Snapshot) -> Result<T, Failure>;

/// How a store reads.
pub(crate) trait Reading: Send + Sync {
    /// A connection that only reads.
    type Connection: Send;

    /// Opens another connection.
    fn open(&self) -> Result<Self::Connection, Failure>;

    /// Asks in one read transaction.
    fn ask<T>(
        &self,
        connection: &mut Self::Connection,
        question: Question<'_, T>,
    ) -> Result<T, Failure>;

    /// Returns the error to report for what failed.
    fn explain(&self, failure: Failure, what: &str) -> StoreError;
}

/// The reading side of a store.
pub(crate) struct Questions<R: Reading> {
    reading: R,
    pool: Mutex<Pool<R::Connection>>,
    returned: Condvar,
}

struct Pool<C> {
    idle: Vec<C>,
    lent: usize,
}

impl<R: Reading> Questions<R> {
    /// Returns a reading side without connections.
    pub(crate) fn new(reading: R) -> Self {
        let pool = Mutex::new(Pool { idle: Vec::new(), lent: 0 });
        Self { reading, pool, returned: Condvar::new() }
    }

    /// Asks `question`; a connection on which one failed is closed.
    fn ask<T>(
        &self,
        what: &str,
        mut question: impl FnMut(&dyn Snapshot) -> Result<T, Failure>,
    ) -> Result<T, StoreError> {
        let mut loan = self.borrow();
        let answer = match &mut loan.connection {
            Some(connection) => self.reading.ask(connection, &mut question),
            None => self.reading.open().and_then(|connection| {
                self.reading.ask(loan.connection.insert(connection), &mut question)
            }),
        };
        answer.map_err(|failure| {
            loan.connection = None;
            self.reading.explain(failure, what)
        })
    }

    fn borrow(&self) -> Loan<'_, R> {
        let mut pool = self.pool();
        while pool.lent >= CONNECTIONS_MAX {
            pool = self.returned.wait(pool).unwrap_or_else(PoisonError::into_inner);
        }
        pool.lent += 1;
        Loan { connection: pool.idle.pop(), questions: self }
    }

    fn pool(&self) -> MutexGuard<'_, Pool<R::Connection>> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to use one connection; gives it back when dropped.
struct Loan<'a, R: Reading> {
    questions: &'a Questions<R>,
    connection: Option<R::Connection>,
}

impl<R: Reading> Drop for Loan<'_, R> {
    fn drop(&mut self) {
        let mut pool = self.questions.pool();
        pool.lent -= 1;
        pool.idle.extend(self.connection.take());
        self.questions.returned.notify_one();
    }
}

impl<R: Reading> ReadStore for Questions<R> {
    fn issues(&self, query: &IssueQuery) -> Result<IssuePage, StoreError> {
        self.ask("listing issues", |snapshot| issues::list_page(snapshot, query))
    }

    fn issue(&self, id: IssueId, query: &IssueQuery) -> Result<Option<IssueDetail>, StoreError> {
        self.ask("reading an issue", |snapshot| issues::detail(snapshot, id, query))
    }

    fn samples(&self, of: SamplesOf, limit: usize) -> Result<Option<KeptSamples>, StoreError> {
        self.ask("reading samples", |snapshot| evidence::samples(snapshot, of, limit))
    }

    fn timeline(&self, query: &TimelineQuery) -> Result<Vec<ClassCounts>, StoreError> {
        self.ask("reading a timeline", |snapshot| overview::timeline(snapshot, query))
    }

    fn alert(&self, key: AlertKey, _: EventTime) -> Result<Option<AlertRow>, StoreError> {
        self.ask("reading an alert", |snapshot| alerts::one(snapshot, key))
    }

    fn alerts(&self, query: &AlertQuery, now: EventTime) -> Result<Vec<AlertRow>, StoreError> {
        self.ask("listing alerts", |snapshot| alerts::page(snapshot, query, now))
    }

    fn activity(
        &self,
        issue: IssueId,
        limit: usize,
        skip: usize,
    ) -> Result<Vec<Activity>, StoreError> {
        self.ask("listing what happened to an issue", |snapshot| {
            triage::activity(snapshot, issue, limit, skip)
        })
    }

    fn outbox(&self, query: &OutboxQuery) -> Result<Vec<OutboxRow>, StoreError> {
        self.ask("listing the outbox", |snapshot| outbox::page(snapshot, query))
    }

    fn audit(&self) -> Result<Audit, StoreError> {
        self.ask("reading the audit", overview::audit)
    }

    fn backup(&self, to: &Path) -> Result<BackupReport, StoreError> {
        self.ask("writing a backup", |snapshot| {
            snapshot.allow_long_sorts()?;
            archive::write(snapshot, to)
        })
    }

    fn rejected(&self) -> Result<Vec<RejectedRow>, StoreError> {
        self.ask("reading rejected records", evidence::rejected)
    }

    fn vectors(&self) -> Result<Vec<VectorRow>, StoreError> {
        self.ask("reading vectors", vectors::all)
    }

    fn vectors_of(&self, texts: &[TextId]) -> Result<Vec<VectorRow>, StoreError> {
        self.ask("reading vectors", |snapshot| vectors::of(snapshot, texts))
    }

    fn parts(&self) -> Result<Vec<Part>, StoreError> {
        self.ask("reading the parts of issues", parts::all)
    }

    fn export_counts(&self, each: &mut dyn FnMut(CountRow) -> bool) -> Result<(), StoreError> {
        self.ask("exporting counts", |snapshot| export::counts(snapshot, each))
    }
}
