//! What the file system says about a file, and opening it without ever blocking.
//!
//! An inode number alone is no identity, since it is given to the next file at once; with the birth
//! time it is, where the file system has one. The proof is always the content (see `anchor`).

use serde::{Deserialize, Serialize};
use std::fs::{File, FileType, Metadata, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Which file, by the file system's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId {
    /// Device.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Birth in nanoseconds since 1970, where the file system keeps it.
    pub born: Option<i64>,
}

impl FileId {
    /// Returns whether only the device number differs, as it may after a reboot.
    pub fn differs_in_device_only(self, other: FileId) -> bool {
        self.dev != other.dev && FileId { dev: other.dev, ..self } == other
    }
}

/// A file at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileFacts {
    /// Which file.
    pub id: FileId,
    /// Its length in bytes.
    pub size: u64,
    /// Its modification time in nanoseconds since 1970.
    pub modified: i64,
    /// How many names it has; none when it was deleted and is still open.
    pub names: u64,
}

impl FileFacts {
    /// Returns the facts in `metadata`.
    pub fn of(metadata: &Metadata) -> Self {
        let born = metadata
            .created()
            .ok()
            .and_then(|born| i64::try_from(born.duration_since(UNIX_EPOCH).ok()?.as_nanos()).ok());
        Self {
            id: FileId { dev: metadata.dev(), ino: metadata.ino(), born },
            size: metadata.len(),
            modified: metadata.mtime().saturating_mul(1_000_000_000) + metadata.mtime_nsec(),
            names: metadata.nlink(),
        }
    }
}

/// Why a path cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Nothing is there.
    Gone,
    /// Something is there that cannot be read, and why.
    Because(String),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::NotFound {
            return Unreadable::Gone;
        }
        Unreadable::Because(cause_of(&error))
    }
}

/// Returns what an input or output error says, without its number.
pub fn cause_of(error: &io::Error) -> String {
    let text = error.to_string().to_lowercase();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Returns the facts of the regular file at `path`, following symbolic links.
pub fn look(path: &Path) -> Result<FileFacts, Unreadable> {
    let metadata = std::fs::metadata(path)?;
    regular(&metadata)?;
    Ok(FileFacts::of(&metadata))
}

/// Opens the regular file at `path`, if it lies in one of the folders `within` (anywhere, if there is
/// none). A FIFO that takes its place in between does not block; what decides where the file lies is the
/// file that was opened, not its name, so that no link leads outside.
pub fn open(path: &Path, within: &[PathBuf]) -> Result<(File, FileFacts), Unreadable> {
    look(path)?;
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let metadata = file.metadata()?;
    regular(&metadata)?;
    if !within.is_empty() && !lies_within(&file, path, within)? {
        let cause = "it lies outside the folders that this source may read";
        return Err(Unreadable::Because(cause.to_owned()));
    }
    Ok((file, FileFacts::of(&metadata)))
}

/// Returns whether an open file lies in one of some folders, all links followed.
fn lies_within(file: &File, path: &Path, within: &[PathBuf]) -> io::Result<bool> {
    let by_descriptor = Path::new("/proc/self/fd").join(file.as_raw_fd().to_string());
    let real = match std::fs::read_link(by_descriptor) {
        Ok(real) => real,
        // Without that folder (not Linux) the name has to do.
        Err(_) => path.canonicalize()?,
    };
    Ok(within.iter().filter_map(|folder| folder.canonicalize().ok()).any(|f| real.starts_with(f)))
}

fn regular(metadata: &Metadata) -> Result<(), Unreadable> {
    let kind = metadata.file_type();
    if kind.is_file() {
        return Ok(());
    }
    Err(Unreadable::Because(format!("it is {}, not a file", describe(kind))))
}

fn describe(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_and_a_device_are_named_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let because = |text: &str| Unreadable::Because(text.to_owned());
        assert_eq!(open(folder.path(), &[]).unwrap_err(), because("it is a folder, not a file"));
        assert_eq!(
            open(Path::new("/dev/null"), &[]).unwrap_err(),
            because("it is a device, not a file")
        );
        assert_eq!(open(&folder.path().join("none"), &[]).unwrap_err(), Unreadable::Gone);
    }

    #[test]
    fn a_named_pipe_without_a_writer_does_not_block() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        let expected = Unreadable::Because("it is a named pipe, not a file".to_owned());
        assert_eq!(open(&path, &[]).unwrap_err(), expected);
    }

    #[test]
    fn a_link_does_not_lead_out_of_the_folders_that_are_allowed() {
        let (inside, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let within = [inside.path().to_owned()];
        let (secret, plain) = (outside.path().join("secret"), inside.path().join("a.log"));
        std::fs::write(&secret, "secret").unwrap();
        std::fs::write(&plain, "line").unwrap();
        let link = |to: &Path, name: &str| {
            let path = inside.path().join(name);
            std::os::unix::fs::symlink(to, &path).unwrap();
            path
        };
        assert!(open(&plain, &within).is_ok());
        assert!(open(&link(&plain, "inner"), &within).is_ok(), "links inside are followed");
        link(outside.path(), "folder");
        let tricks = [
            link(&secret, "link"),
            inside.path().join("folder/secret"),
            inside.path().join("..").join(outside.path().file_name().unwrap()).join("secret"),
        ];
        for trick in tricks {
            assert!(matches!(open(&trick, &within), Err(Unreadable::Because(_))), "{trick:?}");
            assert!(open(&trick, &[]).is_ok(), "{trick:?}");
        }
    }

    #[test]
    fn an_inode_on_another_device_may_be_the_same_file_after_a_reboot() {
        let id = FileId { dev: 1, ino: 7, born: Some(3) };
        assert!(id.differs_in_device_only(FileId { dev: 2, ..id }));
        assert!(!id.differs_in_device_only(id));
        assert!(!id.differs_in_device_only(FileId { dev: 2, ino: 7, born: Some(4) }));
    }
}
