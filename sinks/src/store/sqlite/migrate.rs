//! Forward-only migrations: numbered SQL files, each applied in one transaction together with its
//! number. A file of a newer version, or of another program, is refused and left alone.

use super::Failure;
use engine::component::StoreError;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::path::Path;

/// The migrations in order; the number of those applied is the schema's version.
const MIGRATIONS: &[&str] = &[
    include_str!("../schema/sqlite/0001_first.sql"),
    include_str!("../schema/sqlite/0002_state.sql"),
    include_str!("../schema/sqlite/0003_values.sql"),
    include_str!("../schema/sqlite/0004_vectors.sql"),
    include_str!("../schema/sqlite/0005_meaning.sql"),
    include_str!("../schema/sqlite/0006_retention.sql"),
    include_str!("../schema/sqlite/0007_seals.sql"),
    include_str!("../schema/sqlite/0008_alerts.sql"),
    include_str!("../schema/sqlite/0009_triage.sql"),
];

/// Marks a database file as ours ("seis").
const APPLICATION_ID: i64 = 0x7365_6973;

/// Fails if the file belongs to another program or to a newer version of this one.
pub(super) fn check(connection: &Connection, path: &Path) -> Result<(), Failure> {
    let application: i64 = pragma(connection, "application_id")?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |r| r.get(0))?;
    if application != APPLICATION_ID && (application != 0 || tables > 0) {
        return Err(refused(format!(
            "{path:?} is a database of another program; name another path"
        )));
    }
    let version = version(connection)?;
    if version > MIGRATIONS.len() {
        return Err(refused(format!(
            "{path:?} was written by a newer version (schema {version}, this one knows {}); \
             run that version, or name another path to start empty",
            MIGRATIONS.len()
        )));
    }
    Ok(())
}

/// Fails unless the file has exactly the schema of this version.
pub(super) fn check_current(connection: &Connection, path: &Path) -> Result<(), Failure> {
    check(connection, path)?;
    if version(connection)? < MIGRATIONS.len() {
        return Err(Failure::Store(StoreError::Unavailable {
            what: format!("reading {path:?}: its owner has not brought it up to date yet"),
            cause: None,
        }));
    }
    Ok(())
}

/// Applies the migrations that the file does not have yet.
pub(in crate::store) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), Failure> {
    migrate_to(MIGRATIONS.len(), connection, path)
}

/// Applies the first migrations, as far as the file does not have them yet.
pub(in crate::store) fn migrate_to(
    last: usize,
    connection: &mut Connection,
    path: &Path,
) -> Result<(), Failure> {
    for (index, migration) in MIGRATIONS[..last].iter().enumerate().skip(version(connection)?) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", index as i64 + 1)?;
        transaction.commit()?;
        tracing::info!(schema = index + 1, path = %path.display(), "migrated the store");
    }
    Ok(())
}

/// Returns whether the file holds no store at all.
pub(in crate::store) fn is_empty(path: &Path) -> Result<bool, Failure> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    check(&connection, path)?;
    Ok(version(&connection)? == 0)
}

fn version(connection: &Connection) -> Result<usize, Failure> {
    Ok(usize::try_from(pragma(connection, "user_version")?).unwrap_or(usize::MAX))
}

fn pragma(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, name, |row| row.get(0))
}

fn refused(what: String) -> Failure {
    Failure::Store(StoreError::Damaged { what, cause: None })
}
