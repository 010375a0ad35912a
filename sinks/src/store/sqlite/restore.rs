//! A backup in place of the store's file.

use super::{Failure, connect};
use crate::store::archive;
use crate::store::sql::recover::stored;
use engine::component::{BackupReport, StoreError};
use std::path::{Path, PathBuf};

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
    // The log of the old file must not be taken for that of the new one.
    for suffix in ["-wal", "-shm"] {
        match std::fs::remove_file(beside(path, suffix)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(unwritable(path, error));
            }
            _ => {}
        }
    }
    std::fs::rename(fresh, path).map_err(|error| unwritable(path, error))?;
    Ok(report)
}

/// Returns whether anything was ever committed to the store; one that cannot be read may hold something.
fn holds_something(path: &Path) -> bool {
    let epoch = connect::reader(path).and_then(|connection| stored(&connection));
    !matches!(epoch, Ok((None, _)))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn refused(what: String) -> Failure {
    Failure::Store(StoreError::Damaged { what, cause: None })
}

fn unwritable(path: &Path, error: std::io::Error) -> Failure {
    let what = format!("putting a backup in the place of {path:?}");
    Failure::Store(StoreError::Unavailable { what, cause: Some(error.into()) })
}
