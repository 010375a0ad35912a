//! What the SQL stores share: the dashboard's questions, recovery, and how values stand in columns.
//!
//! ```text
//! ReadStore ─► Questions ─► lends a connection ─► Snapshot: one read transaction
//!                            issues, overview, … ──SQL, bound values──► SQLite │ Postgres
//! ```
//! Both databases hold the same tables and columns, so each question is written once, in the SQL that
//! both understand: parameters are `?1`, and `CROSS JOIN … ON` keeps the order of the loops where that
//! can be said. What a store may do in its own way is behind [`Snapshot`].
//!
//! Lists and timelines stream narrow rows out of the tables and add them up by row number, which
//! measured faster than grouping in SQL; hours answer whatever lies in whole hours.
//!
//! *Not here:* how rows are written: each store has its own fast way.

pub(super) mod alerts;
pub(super) mod codec;
pub(super) mod deltas;
mod evidence;
mod export;
mod issues;
pub(super) mod outbox;
mod overview;
pub(super) mod parts;
pub(super) mod prune;
pub(super) mod questions;
mod ranges;
pub(super) mod recover;
pub(super) mod samples;
pub(super) mod tables;
pub(super) mod tags;
pub(super) mod triage;
pub(super) mod vectors;

use engine::component::StoreError;
use std::borrow::Cow;
use std::error::Error;

/// What stops a statement: the database, or a check of ours.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The database's own error.
    Database(Box<dyn Error + Send + Sync>),
    /// An error to report as it is.
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Failure::Store(error)
    }
}

/// A value that takes the place of a parameter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound<'a> {
    Integer(i64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl From<i64> for Bound<'_> {
    fn from(number: i64) -> Self {
        Bound::Integer(number)
    }
}

impl<'a> From<&'a str> for Bound<'a> {
    fn from(text: &'a str) -> Self {
        Bound::Text(text)
    }
}

impl<'a> From<&'a [u8; 16]> for Bound<'a> {
    fn from(id: &'a [u8; 16]) -> Self {
        Bound::Blob(id)
    }
}

/// A row of an answer; columns are counted from 0. Every cell can be missing.
pub(crate) trait Row {
    /// Returns a number.
    fn find_integer(&self, column: usize) -> Result<Option<i64>, Failure>;
    /// Returns a text.
    fn find_text(&self, column: usize) -> Result<Option<Cow<'_, str>>, Failure>;
    /// Returns bytes.
    fn find_blob(&self, column: usize) -> Result<Option<Cow<'_, [u8]>>, Failure>;
}

impl dyn Row + '_ {
    /// Returns a number that must be there.
    pub(crate) fn integer(&self, column: usize) -> Result<i64, Failure> {
        self.find_integer(column)?.ok_or_else(|| missing(column))
    }

    /// Returns a small number that must be there, such as the code of a class.
    pub(crate) fn small<T: TryFrom<i64>>(&self, column: usize) -> Result<T, Failure> {
        let number = self.integer(column)?;
        T::try_from(number).map_err(|_| codec::strange(format!("{number} is out of its range")))
    }

    /// Returns a text that must be there.
    pub(crate) fn text(&self, column: usize) -> Result<Cow<'_, str>, Failure> {
        self.find_text(column)?.ok_or_else(|| missing(column))
    }

    /// Returns bytes that must be there.
    pub(crate) fn blob(&self, column: usize) -> Result<Cow<'_, [u8]>, Failure> {
        self.find_blob(column)?.ok_or_else(|| missing(column))
    }
}

fn missing(column: usize) -> Failure {
    codec::strange(format!("column {column} of a stored row is empty"))
}

/// A read transaction: all answers are of one commit.
pub(crate) trait Snapshot {
    /// Calls `row` with every row of an answer that fits into memory; nothing else is asked meanwhile.
    fn each(
        &self,
        sql: &str,
        bound: &[Bound<'_>],
        row: &mut dyn FnMut(&dyn Row) -> Result<(), Failure>,
    ) -> Result<(), Failure>;

    /// Asks one question for every key, without waiting for each answer, and calls `row` with the
    /// place of the key among `keys` and every row, in the order of the keys.
    fn each_of(
        &self,
        sql: &str,
        keys: &[[u8; 16]],
        row: &mut dyn FnMut(usize, &dyn Row) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        for (place, key) in keys.iter().enumerate() {
            self.each(sql, &[key.into()], &mut |found| row(place, found))?;
        }
        Ok(())
    }

    /// Calls `row` with every row of an answer of any length, until it returns `false`; further
    /// questions may be asked meanwhile.
    fn stream(
        &self,
        sql: &str,
        bound: &[Bound<'_>],
        row: &mut dyn FnMut(&dyn Row) -> Result<bool, Failure>,
    ) -> Result<(), Failure>;

    /// Called before an answer for which everything stored is sorted, so that it is waited for.
    fn allow_long_sorts(&self) -> Result<(), Failure> {
        Ok(())
    }
}

/// Returns all rows of an answer.
pub(crate) fn list<T>(
    snapshot: &dyn Snapshot,
    sql: &str,
    bound: &[Bound<'_>],
    read: impl Fn(&dyn Row) -> Result<T, Failure>,
) -> Result<Vec<T>, Failure> {
    let mut rows = Vec::new();
    snapshot.each(sql, bound, &mut |row| {
        rows.push(read(row)?);
        Ok(())
    })?;
    Ok(rows)
}

/// Returns the last row of an answer, if it has one.
pub(crate) fn find<T>(
    snapshot: &dyn Snapshot,
    sql: &str,
    bound: &[Bound<'_>],
    read: impl Fn(&dyn Row) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    Ok(list(snapshot, sql, bound, read)?.pop())
}
