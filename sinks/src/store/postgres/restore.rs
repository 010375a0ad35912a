//! A backup in place of what the schema holds, in one transaction.

use super::session::Session;
use super::snapshot::Changes;
use super::values::{Column, Numbers};
use crate::store::archive::{self, Value};
use crate::store::sql::recover::stored;
use crate::store::sql::tables::{Holds, TABLES, Table};
use crate::store::sql::{Failure, codec};
use engine::component::{BackupReport, StoreError};
use engine::model::EMBEDDING_DIMENSIONS;
use std::borrow::Cow;
use std::path::Path;
use tokio_postgres::types::ToSql;

/// Replaces all rows by those of the backup `from`.
pub(super) fn restore(
    session: &Session,
    from: &Path,
    replace: bool,
) -> Result<BackupReport, Failure> {
    let Session { client, calls, .. } = session;
    let changes = Changes { client, calls };
    let (epoch, _) = stored(&changes)?;
    if epoch.is_some() && !replace {
        let what =
            "the schema holds something already; add --replace to put the backup in its place";
        return Err(Failure::Store(StoreError::Damaged { what: what.to_owned(), cause: None }));
    }
    let folder = scratch_folder()?;
    let scratch = folder.join("backup.db");
    let outcome = copy(session, from, &scratch);
    // It lies in the folder for such files; what cannot be removed is not in the way.
    let _ = std::fs::remove_dir_all(&folder);
    outcome
}

fn copy(session: &Session, from: &Path, scratch: &Path) -> Result<BackupReport, Failure> {
    let Session { client, calls, .. } = session;
    let mut backup = archive::open(from, scratch)?;
    let backup = backup.transaction()?;
    calls.wait(client.batch_execute("BEGIN; SET LOCAL statement_timeout = 0"))?;
    let all: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
    calls.wait(client.batch_execute(&format!("TRUNCATE {}", all.join(", "))))?;
    for table in TABLES {
        archive::each_rows(&*backup, table, &mut |rows| insert(session, table, rows))?;
    }
    let report = archive::report(&Changes { client, calls })?;
    if report != archive::report(&*backup)? {
        return Err(codec::strange("what was restored is not what the backup holds"));
    }
    calls.wait(client.batch_execute("COMMIT"))?;
    Ok(report)
}

/// Writes rows as arrays, a column each.
fn insert(session: &Session, table: &Table, rows: Vec<Vec<Value>>) -> Result<(), Failure> {
    let Session { client, calls, .. } = session;
    if rows.is_empty() {
        return Ok(());
    }
    let arrays = table.columns.iter().enumerate().map(|(place, (_, holds))| {
        let kind = match holds {
            Holds::Integer => "bigint",
            Holds::Text => "text",
            Holds::Blob => "bytea",
            Holds::Vector => "vector",
        };
        format!("${}::{kind}[]", place + 1)
    });
    let arrays: Vec<String> = arrays.collect();
    let sql = format!(
        "INSERT INTO {} ({}) SELECT * FROM unnest({})",
        table.name,
        table.column_list(),
        arrays.join(", ")
    );
    let statement = calls.prepared(client, &sql)?;
    let columns = (0..table.columns.len()).map(|place| column(table, place, &rows));
    let columns: Vec<Column<'_>> = columns.collect::<Result<_, _>>()?;
    let parts: Vec<Box<dyn ToSql + Sync + '_>> =
        columns.iter().map(|column| column.part(0..rows.len())).collect();
    let parameters: Vec<&(dyn ToSql + Sync)> = parts.iter().map(|part| &**part as _).collect();
    calls.wait(client.execute(&statement, &parameters))?;
    Ok(())
}

fn column<'a>(table: &Table, place: usize, rows: &'a [Vec<Value>]) -> Result<Column<'a>, Failure> {
    let wrong = || codec::strange(format!("a row of {} has a value of another kind", table.name));
    let values = rows.iter().map(|row| &row[place]);
    Ok(match table.columns[place].1 {
        Holds::Integer => {
            let number = |value: &Value| match value {
                Value::Integer(number) => Ok(Some(*number)),
                Value::Missing => Ok(None),
                _ => Err(wrong()),
            };
            Column::SomeIntegers(values.map(number).collect::<Result<_, _>>()?)
        }
        Holds::Text => {
            let text = |value: &'a Value| match value {
                Value::Text(text) => Ok(Some(&**text)),
                Value::Missing => Ok(None),
                _ => Err(wrong()),
            };
            Column::some_texts(values.map(text).collect::<Result<Vec<_>, _>>()?)
        }
        Holds::Blob => {
            let bytes = |value: &'a Value| match value {
                Value::Blob(bytes) => Ok(Cow::Borrowed(&bytes[..])),
                _ => Err(wrong()),
            };
            Column::blobs(values.map(bytes).collect::<Result<Vec<_>, _>>()?)
        }
        Holds::Vector => {
            let bytes = |value: &'a Value| match value {
                Value::Blob(bytes) => Numbers::of(bytes, EMBEDDING_DIMENSIONS).ok_or_else(wrong),
                _ => Err(wrong()),
            };
            Column::Vectors(values.map(bytes).collect::<Result<Vec<_>, _>>()?)
        }
    })
}

fn scratch_folder() -> Result<std::path::PathBuf, Failure> {
    let folder = std::env::temp_dir().join(format!("seismolog-restore-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| Failure::Database(error.into()))?;
    Ok(folder)
}
