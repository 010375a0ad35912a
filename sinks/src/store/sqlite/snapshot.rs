//! A read transaction of the SQLite file, and the connections that read.

use super::seal::{self, Kind};
use super::{Failure, connect};
use crate::store::sql::prune::{self, Changing};
use crate::store::sql::questions::{Question, Reading};
use crate::store::sql::{Bound, Row, Snapshot};
use engine::component::StoreError;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql, params_from_iter};
use std::borrow::Cow;
use std::path::PathBuf;

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Bound::Integer(number) => ValueRef::Integer(number),
            Bound::Text(text) => ValueRef::Text(text.as_bytes()),
            Bound::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

impl Row for rusqlite::Row<'_> {
    fn find_integer(&self, column: usize) -> Result<Option<i64>, Failure> {
        let number = self.get_ref(column)?.as_i64_or_null();
        Ok(number.map_err(rusqlite::Error::from)?)
    }

    fn find_text(&self, column: usize) -> Result<Option<Cow<'_, str>>, Failure> {
        let text = self.get_ref(column)?.as_str_or_null();
        Ok(text.map_err(rusqlite::Error::from)?.map(Cow::Borrowed))
    }

    fn find_blob(&self, column: usize) -> Result<Option<Cow<'_, [u8]>>, Failure> {
        let blob = self.get_ref(column)?.as_blob_or_null();
        Ok(blob.map_err(rusqlite::Error::from)?.map(Cow::Borrowed))
    }
}

impl Snapshot for Connection {
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
        let mut select = self.prepare_cached(sql)?;
        let mut rows = select.query(params_from_iter(bound))?;
        while let Some(found) = rows.next()? {
            if !row(found)? {
                break;
            }
        }
        Ok(())
    }
}

impl Changing for Connection {
    fn forgetting(&self, kind: &prune::Kind, before: i64, limit: i64) -> Result<(), Failure> {
        let sealed = match kind.name {
            "minutes" => Kind::Minutes,
            "hours" => Kind::Hours,
            "delivered" | "dead" => Kind::Outbox,
            "activity" => Kind::Activity,
            _ => return Ok(()),
        };
        seal::forget(self, sealed, &kind.chosen(), [before, limit])
    }

    fn change(&self, sql: &str, bound: &[Bound<'_>]) -> Result<u64, Failure> {
        Ok(self.prepare_cached(sql)?.execute(params_from_iter(bound))? as u64)
    }
}

/// Opens connections that only read.
pub(super) struct ReadOnly {
    path: PathBuf,
}

impl ReadOnly {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path }
    }
}

impl Reading for ReadOnly {
    type Connection = Connection;

    fn open(&self) -> Result<Connection, Failure> {
        connect::reader(&self.path)
    }

    fn ask<T>(&self, connection: &mut Connection, question: Question<'_, T>) -> Result<T, Failure> {
        question(&*connection.transaction()?)
    }

    fn explain(&self, failure: Failure, what: &str) -> StoreError {
        connect::explain(failure, what, &self.path)
    }
}
