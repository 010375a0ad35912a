//! A backup in place of the store's file.

use super::Failure;
use super::connect::{self, beside};
use crate::store::archive;
use crate::store::sql::recover::stored;
use engine::component::{BackupReport, StoreError};
use std::fs::File;
use std::path::Path;

/// Writes the rows of the backup `from` into a new file, checks it, and gives it the name `path`.
pub(super) fn restore(from: &Path, path: &Path, replace: bool) -> Result<BackupReport, Failure> {
    let is_same = |a: &Path, b: &Path| {
        a.canonicalize().ok().is_some_and(|a| b.canonicalize().ok() == Some(a))
    };
    if is_same(from, path) {
        return Err(refused(format!("{path:?} is the store itself")));
    }
    if path.exists() && !replace && holds_something(path) {
        return Err(refused(format!(
            "{path:?} holds something already; add --replace to put the backup in its place"
        )));
    }
    let scratch = beside(path, ".restoring");
    let fresh = beside(path, ".restored");
    let clean = || {
        for file in [&scratch, &fresh] {
            for suffix in ["", "-wal", "-shm"] {
                // Usually it is not there.
                let _ = std::fs::remove_file(beside(file, suffix));
            }
        }
    };
    clean();
    let outcome = write(from, path, &scratch, &fresh);
    clean();
    outcome
}

fn write(from: &Path, path: &Path, scratch: &Path, fresh: &Path) -> Result<BackupReport, Failure> {
    let mut backup = archive::open(from, scratch)?;
    let report = archive::write(&*backup.transaction()?, fresh)?;
    // The log of the old file must not be taken for that of the new one. It holds commits: they go into
    // the file first, so that what is cut off here leaves the old state whole. A file that cannot be
    // opened has none left to save.
    if let Ok(old) = connect::writer(path) {
        let busy: bool = old.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))?;
        if busy {
            return Err(refused(format!(
                "{path:?} is being read by another program; end it first"
            )));
        }
    }
    for suffix in ["-wal", "-shm"] {
        match std::fs::remove_file(beside(path, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(unwritable(path, error));
            }
            _ => {}
        }
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    std::fs::rename(fresh, path)
        .and_then(|()| File::open(folder.unwrap_or(Path::new(".")))?.sync_all())
        .map_err(|error| unwritable(path, error))?;
    Ok(report)
}

/// Returns whether anything was ever committed to the store; one that cannot be read may hold something.
fn holds_something(path: &Path) -> bool {
    let epoch = connect::reader(path).and_then(|connection| stored(&connection));
    !matches!(epoch, Ok((None, _)))
}

fn refused(what: String) -> Failure {
    Failure::Store(StoreError::Damaged { what, cause: None })
}

fn unwritable(path: &Path, error: std::io::Error) -> Failure {
    let what = format!("putting a backup in the place of {path:?}");
    Failure::Store(StoreError::Unavailable { what, cause: Some(error.into()) })
}
