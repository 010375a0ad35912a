//! Backups: all rows of one commit in a new SQLite file, with the number of rows and a digest of each
//! table. Such a file can be opened as a store, and restored into any store: a SQLite store moves to
//! Postgres by restoring its file.
//!
//! ```text
//! any store ──one read transaction──► OUT.part ──read again, compared, synced──► OUT
//! OUT ──checked──► a new file in place of the store's │ the tables of the store's schema
//! ```
//! *Promises:* a backup that is reported is whole: it was read again from the file, its sums agree and the
//! audit balances. Whatever is cut off leaves the old state. *State and limits:* rows stream; memory holds
//! [`ROWS_MAX`] of them.

use crate::store::sql::prune::check_sums;
use crate::store::sql::tables::{Holds, TABLES, Table};
use crate::store::sql::{Failure, Row, Snapshot, find};
use crate::store::sqlite::{connect, migrate};
use engine::component::{BackupReport, StoreError};
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::Xxh3;

/// Rows that are handed on together.
pub(crate) const ROWS_MAX: usize = 2_000;
/// Where a backup says what is in it; a live store has no such table.
const CONTENTS: &str = "CREATE TABLE backup_tables (name TEXT PRIMARY KEY, row_count INTEGER NOT NULL, \
     digest INTEGER NOT NULL) WITHOUT ROWID";

/// A value of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Missing,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, ValueRef};
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Missing => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(*number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// The number of rows of a table, and the sum of their hashes, which does not depend on their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest {
    rows: i64,
    sum: u64,
}

impl Digest {
    fn add(&mut self, row: &[Value]) {
        let mut hasher = Xxh3::new();
        for value in row {
            let (kind, bytes): (u8, &[u8]) = match value {
                Value::Missing => (0, &[]),
                Value::Integer(number) => (1, &number.to_be_bytes()),
                Value::Text(text) => (2, text.as_bytes()),
                Value::Blob(bytes) => (3, bytes),
            };
            hasher.update(&[kind]);
            hasher.update(&(bytes.len() as u64).to_be_bytes());
            hasher.update(bytes);
        }
        self.rows += 1;
        self.sum = self.sum.wrapping_add(hasher.digest());
    }
}

/// Reads a table and hands its rows on, at most [`ROWS_MAX`] at a time; returns their digest.
pub(crate) fn each_rows(
    snapshot: &dyn Snapshot,
    table: &Table,
    take: &mut dyn FnMut(Vec<Vec<Value>>) -> Result<(), Failure>,
) -> Result<Digest, Failure> {
    let sql = format!("SELECT {} FROM {}", table.column_list(), table.name);
    let (mut digest, mut rows) = (Digest::default(), Vec::new());
    snapshot.stream(&sql, &[], &mut |row| {
        let values = values(row, table)?;
        digest.add(&values);
        rows.push(values);
        if rows.len() == ROWS_MAX {
            take(std::mem::take(&mut rows))?;
        }
        Ok(true)
    })?;
    take(rows)?;
    Ok(digest)
}

fn values(row: &dyn Row, table: &Table) -> Result<Vec<Value>, Failure> {
    let value = |(column, (_, holds)): (usize, &(&str, Holds))| {
        let found = match holds {
            Holds::Integer => row.find_integer(column)?.map(Value::Integer),
            Holds::Text => row.find_text(column)?.map(|text| Value::Text(text.into_owned())),
            Holds::Blob | Holds::Vector => {
                row.find_blob(column)?.map(|bytes| Value::Blob(bytes.into_owned()))
            }
        };
        Ok(found.unwrap_or(Value::Missing))
    };
    table.columns.iter().enumerate().map(value).collect()
}

/// Writes everything that `snapshot` sees into a new file at `path`, checks it, and reports.
pub(crate) fn write(snapshot: &dyn Snapshot, path: &Path) -> Result<BackupReport, Failure> {
    if path.exists() {
        return Err(refused(format!("{path:?} is there already; name another file")));
    }
    let part = Part::new(path);
    copy(snapshot, &part.0)?;
    let report = check(&part.0)?;
    std::fs::File::open(&part.0)
        .and_then(|file| file.sync_all())
        .and_then(|()| std::fs::rename(&part.0, path))
        .map_err(|error| unwritable(path, error))?;
    Ok(report)
}

/// A file under construction; removed when it is dropped before it got its name.
struct Part(PathBuf);

impl Part {
    fn new(path: &Path) -> Part {
        let part = Part(connect::beside(path, ".part"));
        part.remove();
        part
    }

    fn remove(&self) {
        for suffix in ["", "-wal", "-shm", "-journal"] {
            // Usually it is not there.
            let _ = std::fs::remove_file(connect::beside(&self.0, suffix));
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.remove();
    }
}

fn copy(snapshot: &dyn Snapshot, path: &Path) -> Result<(), Failure> {
    let mut connection = Connection::open(path)?;
    // It is checked and synced as a whole before it gets its name.
    connection.pragma_update(None, "journal_mode", "OFF")?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    migrate::migrate(&mut connection, path)?;
    let transaction = connection.transaction()?;
    transaction.execute_batch(CONTENTS)?;
    for table in TABLES {
        transaction.execute(&format!("DELETE FROM {}", table.name), [])?;
        let places = vec!["?"; table.columns.len()].join(", ");
        let sql = format!("INSERT INTO {} ({}) VALUES ({places})", table.name, table.column_list());
        let mut insert = transaction.prepare(&sql)?;
        let digest = each_rows(snapshot, table, &mut |rows| {
            for row in rows {
                insert.execute(params_from_iter(row))?;
            }
            Ok(())
        })?;
        transaction.execute(
            "INSERT INTO backup_tables (name, row_count, digest) VALUES (?1, ?2, ?3)",
            params![table.name, digest.rows, digest.sum.cast_signed()],
        )?;
    }
    transaction.commit()?;
    Ok(())
}

/// Reads a backup, or the file of a SQLite store, from its beginning to its end and says what is in it;
/// fails if that is not what was written.
pub(crate) fn check(path: &Path) -> Result<BackupReport, Failure> {
    let mut connection = connect::reader(path)?;
    let whole: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if whole != "ok" {
        return Err(refused(format!("{path:?} is damaged: {whole}; use another backup")));
    }
    let transaction = connection.transaction()?;
    check_digests(&transaction, path)?;
    report(&*transaction)
}

/// Reads every row of a backup and fails if it is not what was written; the file of a store has no digests.
fn check_digests(connection: &Connection, path: &Path) -> Result<(), Failure> {
    let is_backup: i64 = connection.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE name = 'backup_tables'",
        [],
        |row| row.get(0),
    )?;
    for table in TABLES {
        let known = present(connection, table)?;
        let digest = known.map(|known| each_rows(connection, &known, &mut |_| Ok(())));
        let digest = digest.transpose()?;
        if is_backup == 0 {
            continue;
        }
        let written = connection
            .query_row(
                "SELECT row_count, digest FROM backup_tables WHERE name = ?1",
                [table.name],
                |row| Ok(Digest { rows: row.get(0)?, sum: row.get::<_, i64>(1)?.cast_unsigned() }),
            )
            .optional()?;
        if written != digest {
            return Err(refused(format!(
                "{path:?} is damaged: the table {} is not what was written; use another backup",
                table.name
            )));
        }
    }
    Ok(())
}

/// Returns a table with the columns that it has in a file, which may be of an earlier version: what joined
/// a table later stands behind the rest. Nothing if the file has no such table.
fn present(connection: &Connection, table: &Table) -> Result<Option<Table>, Failure> {
    let mut names = connection.prepare_cached("SELECT name FROM pragma_table_info(?1)")?;
    let names: BTreeSet<String> =
        names.query_map([table.name], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let columns = table.columns.iter().take_while(|(name, _)| names.contains(*name)).count();
    Ok((columns > 0).then(|| Table { name: table.name, columns: &table.columns[..columns] }))
}

/// Returns what a store holds, after checking that its sums agree.
pub(crate) fn report(snapshot: &dyn Snapshot) -> Result<BackupReport, Failure> {
    check_sums(snapshot)?;
    let number =
        |sql: &str| Ok::<_, Failure>(find(snapshot, sql, &[], |row| row.integer(0))?.unwrap_or(0));
    let epoch = find(snapshot, "SELECT epoch FROM checkpoint", &[], |row| row.find_integer(0))?;
    Ok(BackupReport {
        epoch: epoch.flatten().map(i64::cast_unsigned),
        issues: number("SELECT count(*) FROM issues")?.cast_unsigned(),
        fingerprints: number("SELECT count(*) FROM fingerprints")?.cast_unsigned(),
        counted: number("SELECT CAST(coalesce(sum(total), 0) AS BIGINT) FROM totals")?
            .cast_unsigned(),
    })
}

/// Opens a backup, or a copy of it that was brought up to date, so that its rows can be read.
pub(crate) fn open(path: &Path, scratch: &Path) -> Result<Connection, Failure> {
    let is_current = connect::reader(path).is_ok();
    if is_current {
        check(path)?;
        return connect::reader(path);
    }
    if migrate::is_empty(path)? {
        return Err(refused(format!("{path:?} is neither a backup nor a store")));
    }
    std::fs::copy(path, scratch).map_err(|error| unwritable(scratch, error))?;
    let older = Connection::open(scratch)?;
    let has_digests = older.prepare("SELECT digest FROM backup_tables").is_ok();
    if has_digests {
        check_digests(&older, path)?;
    }
    drop(older);
    drop(connect::writer(scratch)?);
    connect::reader(scratch)
}

fn refused(what: String) -> Failure {
    Failure::Store(StoreError::Damaged { what, cause: None })
}

fn unwritable(path: &Path, error: std::io::Error) -> Failure {
    let what = format!("writing {path:?}");
    Failure::Store(StoreError::Unavailable { what, cause: Some(error.into()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first version that wrote backups.
    const FIRST: usize = 7;

    /// Writes a backup as an earlier version did: its tables, and the digests of those.
    fn write_earlier(path: &Path) {
        let mut connection = Connection::open(path).expect("it opens");
        migrate::migrate_to(FIRST, &mut connection, path).expect("it migrates");
        let fill = "INSERT INTO alerts VALUES (x'00112233445566778899aabbccddeeff', \
                    x'000000000000000000000000000000ff', 600, 900, 300, 12, 600, 9, 500, 8000);
             UPDATE checkpoint SET epoch = 5;";
        connection.execute_batch(&format!("{CONTENTS}; {fill}")).expect("it fills");
        for table in TABLES {
            let Some(table) = present(&connection, table).expect("it reads") else { continue };
            let digest = each_rows(&connection, &table, &mut |_| Ok(())).expect("it reads");
            let digest = params![table.name, digest.rows, digest.sum.cast_signed()];
            let insert = "INSERT INTO backup_tables VALUES (?1, ?2, ?3)";
            connection.execute(insert, digest).expect("it inserts");
        }
    }

    #[test]
    fn a_backup_of_an_earlier_version_is_checked_and_brought_up_to_date() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, scratch) = (folder.path().join("backup.db"), folder.path().join("scratch.db"));
        write_earlier(&path);
        let current = open(&path, &scratch).expect("it is restored");
        let row = "SELECT state, service, details FROM alerts";
        let texts = |row: &rusqlite::Row<'_>| Ok([row.get(0)?, row.get(1)?, row.get(2)?]);
        let [state, service, details]: [String; 3] =
            current.query_row(row, [], texts).expect("the alert is there");
        assert_eq!((state.as_str(), service.as_str()), ("resolved", ""));
        let details: engine::model::AlertDetails =
            serde_json::from_str(&details).expect("it is read");
        let expected = engine::model::AlertDetails {
            incident: engine::model::AlertKey(0x00112233445566778899aabbccddeeff),
            state: engine::model::AlertState::Resolved,
            fired_at: engine::model::EventTime::from_secs(900),
            changed_at: engine::model::EventTime::from_secs(1_200),
            ..engine::model::AlertDetails::default()
        };
        assert_eq!(details, expected);

        let connection = Connection::open(&path).expect("it opens");
        connection.execute("UPDATE alerts SET observed = 13", []).expect("it changes");
        drop(connection);
        std::fs::remove_file(&scratch).expect("it is removed");
        assert!(open(&path, &scratch).is_err(), "somebody has changed the backup");
    }
}
