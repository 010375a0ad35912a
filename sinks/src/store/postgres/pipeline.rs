//! Statements sent one behind the other without waiting for the answers, which are then read in order.
//!
//! The server works them off in that order. If one fails, those behind it fail too, because the
//! transaction is over; the first failure is the one that says why.

use super::session::{Calls, within};
use super::values::Column;
use crate::store::sql::Failure;
use crate::store::steps::{CommitStep, CrashPoints};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Error};

/// Rows that one statement writes: few enough that each is answered soon.
const ROWS_MAX: usize = 20_000;
/// The same of rows that are costly for the server, such as vectors with their index.
const COSTLY_ROWS_MAX: usize = 250;

/// Rows to write, as columns of the same length.
pub(super) struct Write<'a> {
    step: CommitStep,
    sql: &'static str,
    columns: Vec<Column<'a>>,
    rows_max: usize,
}

impl<'a> Write<'a> {
    /// Returns the rows that `sql` writes on the way to `step`.
    pub(super) fn new(step: CommitStep, sql: &'static str, columns: Vec<Column<'a>>) -> Self {
        Self { step, sql, columns, rows_max: ROWS_MAX }
    }

    /// Writes only a few rows with each statement.
    pub(super) fn few_at_a_time(self) -> Self {
        Self { rows_max: COSTLY_ROWS_MAX, ..self }
    }

    fn rows(&self) -> usize {
        self.columns.first().map_or(0, Column::rows)
    }
}

/// A statement that was sent, or is still being sent.
type UnderWay<'a> = Pin<Box<dyn Future<Output = Result<u64, Error>> + 'a>>;

/// Sends all writes, then reads their answers, telling `crash_points` about every step in `steps`.
pub(super) fn send(
    client: &Client,
    calls: &Calls,
    writes: &[Write<'_>],
    steps: &[CommitStep],
    crash_points: &dyn CrashPoints,
) -> Result<(), Failure> {
    let mut prepared = Vec::new();
    for write in writes {
        let statement = calls.prepared(client, write.sql)?;
        let starts = (0..write.rows()).step_by(write.rows_max);
        for rows in starts.map(|start| start..write.rows().min(start + write.rows_max)) {
            let columns: Vec<_> = write.columns.iter().map(|c| c.part(rows.clone())).collect();
            prepared.push((write.step, statement.clone(), columns));
        }
    }
    calls.run(async {
        let mut under_way = Vec::with_capacity(prepared.len());
        for (step, statement, columns) in &prepared {
            let columns: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|c| &**c as _).collect();
            let execute = async move { client.execute(statement, &columns).await };
            let mut execute: UnderWay<'_> = Box::pin(execute);
            // The first poll sends the statement.
            let answered = poll_fn(|context| Poll::Ready(execute.as_mut().poll(context))).await;
            under_way.push((*step, execute, answered));
        }
        let mut under_way = under_way.into_iter().peekable();
        for &step in steps {
            while let Some((_, execute, answered)) = under_way.next_if(|(of, _, _)| *of == step) {
                match answered {
                    Poll::Ready(answer) => answer?,
                    Poll::Pending => within(calls.deadline, execute).await??,
                };
            }
            crash_points.reach(step)?;
        }
        Ok(())
    })
}
