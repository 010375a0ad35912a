//! Opens the database file: the owner's lock, the connection settings, and what went wrong in words
//! a person can act on.
//!
//! Settings: WAL, so that readers never wait for the writer; `synchronous=FULL`, so that a commit
//! has reached the disk before it is reported; the log is folded back every [`WAL_PAGES`] pages.

use super::{Failure, migrate};
use engine::component::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a connection waits for a lock that another one holds.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a page of a new file (an old one keeps its own): half as many writes to the log as
/// pages of 4 KiB need.
const PAGE_BYTES: i64 = 8 << 10;
/// Pages in the write-ahead log before it is folded back into the file: 16 MiB.
const WAL_PAGES: i64 = 2_000;
/// Bytes of an idle write-ahead log that stay on disk.
const WAL_BYTES_KEPT: i64 = 64 << 20;
/// Memory for pages of the writer, in KiB.
const CACHE_KIB: i64 = 6 << 10;
/// Prepared statements kept by a connection.
const STATEMENTS_MAX: usize = 64;

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Failure::Database(error.into())
    }
}

/// Returns the error to report, which says what was attempted on which file.
pub(super) fn explain(failure: Failure, what: &str, path: &Path) -> StoreError {
    let cause = match failure {
        Failure::Store(error) => return error,
        Failure::Database(error) => Some(error),
    };
    let file = path.display();
    match sql_code(cause.as_deref()) {
        Some(ErrorCode::NotADatabase) => StoreError::Damaged {
            what: format!(
                "{file:?} is not a SQLite database; name another path, or move the file away"
            ),
            cause,
        },
        Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged {
            what: format!(
                "{file:?} is damaged; restore it from a backup, or move it away together \
                     with its -wal and -shm files to start empty"
            ),
            cause,
        },
        // A statement of ours that the file's tables do not understand, or a value that we never write.
        Some(ErrorCode::Unknown) | None if cause.is_some() => StoreError::Damaged {
            what: format!(
                "{file:?} holds something that this program never wrote; restore it from a backup, or move \
                     it away together with its -wal and -shm files to start empty"
            ),
            cause,
        },
        Some(ErrorCode::DiskFull) => StoreError::Unavailable {
            what: format!("{what} in {file:?}: the disk is full; make room, nothing is lost"),
            cause,
        },
        _ => StoreError::Unavailable { what: format!("{what} in {file:?}"), cause },
    }
}

type Cause = dyn std::error::Error + Send + Sync;

fn sql_code(cause: Option<&Cause>) -> Option<ErrorCode> {
    cause.and_then(|cause| cause.downcast_ref::<rusqlite::Error>())?.sqlite_error_code()
}

/// Makes this process the only owner of the store, until it is dropped.
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would leave the lock to a child process that was forked a moment ago and has
        // not closed its copy yet. An error means that the system has taken the lock away.
        let _ = self.0.unlock();
    }
}

/// Takes the file lock of the store at `path`.
pub(super) fn lock(path: &Path) -> Result<Lock, StoreError> {
    let lock_path = beside(path, ".lock");
    let unavailable = |cause: std::io::Error| StoreError::Unavailable {
        what: format!("opening {:?}; check that its folder exists and is writable", lock_path),
        cause: Some(cause.into()),
    };
    let open = File::options().create(true).truncate(false).write(true).open(&lock_path);
    let file = open.map_err(unavailable)?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse(format!(
            "another process is using {:?}; stop it, or name another path",
            path.display()
        ))),
        Err(TryLockError::Error(cause)) => Err(unavailable(cause)),
    }
}

/// Returns the path of a file that belongs to the database at `path`.
pub(in crate::store) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Opens the database to write, creating or migrating it as needed.
pub(in crate::store) fn writer(path: &Path) -> Result<Connection, Failure> {
    let mut connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    migrate::check(&connection, path)?;
    // Plans do not look at parameters, or statements would be compiled anew for new ones.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "wal_autocheckpoint", WAL_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    migrate::migrate(&mut connection, path)?;
    // Whatever it says of a backup is over once the file is a store.
    connection.execute_batch("DROP TABLE IF EXISTS backup_tables")?;
    Ok(connection)
}

/// Opens the database to read.
pub(in crate::store) fn reader(path: &Path) -> Result<Connection, Failure> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    migrate::check_current(&connection, path)?;
    Ok(connection)
}
