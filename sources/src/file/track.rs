//! One content stream that is being followed: where its file is, how far it was read, and what was
//! last seen of it.

use super::identity::{FileFacts, FileId};
use super::offset::FileOffset;
use super::reader::Cursor;
use super::rotation::may_be_copied_to;
use engine::model::{EventTime, Offset, PartitionId};
use std::fs::File;
use std::path::{Path, PathBuf};

/// A content stream.
#[derive(Debug)]
pub struct Track {
    /// Its partition.
    pub partition: PartitionId,
    /// Where its file was last seen.
    pub path: PathBuf,
    /// Where that path led, if it is a symbolic link.
    pub real: Option<PathBuf>,
    /// The path at which its content was last proven, if it moved since.
    pub proven_path: Option<PathBuf>,
    /// Which file.
    pub id: FileId,
    /// How far it was read.
    pub cursor: Cursor,
    /// The open file; closed and opened again when there are too many.
    pub file: Option<File>,
    /// Its length and modification time when it was last looked at.
    pub seen: Option<(u64, i64)>,
    /// The greatest length seen.
    pub known_size: u64,
    /// The greatest length seen before the content was last proven, for measuring a loss: what was
    /// seen after that may belong to another life of the file.
    pub proven_size: u64,
    /// When a change was last noticed.
    pub changed_at: EventTime,
    /// There may be something to read.
    pub pending: bool,
    /// The content is to be proven before anything is read.
    pub suspect: bool,
    /// Nobody is expected to finish its last line.
    pub rotated: bool,
    /// It has no known path; only the open file leads to it.
    pub away: bool,
    /// How many names the file had when last looked at.
    pub names: u64,
    /// The engine knows the partition.
    pub sent: bool,
    /// Bytes lost since the last delivery.
    pub lost_bytes: u64,
    /// It begins like UTF-16.
    pub utf16: bool,
}

impl Track {
    /// Returns a stream that begins with a file just opened.
    pub fn new(partition: PartitionId, path: &Path, file: File, facts: FileFacts) -> Self {
        Self {
            partition,
            real: real_path(path),
            path: path.to_owned(),
            proven_path: None,
            id: facts.id,
            cursor: Cursor::default(),
            file: Some(file),
            seen: None,
            known_size: facts.size,
            proven_size: facts.size,
            changed_at: EventTime::default(),
            pending: true,
            suspect: false,
            rotated: false,
            away: false,
            names: facts.names,
            sent: false,
            lost_bytes: 0,
            utf16: false,
        }
    }

    /// Returns a stream as it was when `offset` was taken.
    pub fn resume(partition: PartitionId, offset: FileOffset) -> Self {
        Self {
            partition,
            path: offset.path,
            real: offset.real,
            proven_path: None,
            id: offset.id,
            cursor: Cursor::resume(offset.position, offset.trail),
            file: None,
            seen: None,
            known_size: offset.size,
            proven_size: offset.size,
            changed_at: EventTime::default(),
            pending: true,
            suspect: true,
            rotated: offset.rotated,
            away: false,
            names: 1,
            sent: true,
            lost_bytes: 0,
            utf16: false,
        }
    }

    /// Returns where to resume the stream.
    pub fn offset(&self) -> Offset {
        FileOffset {
            path: self.path.clone(),
            real: self.real.clone(),
            id: self.id,
            position: self.cursor.position(),
            size: self.known_size.max(self.cursor.position()),
            rotated: self.rotated,
            trail: self.cursor.trail().clone(),
        }
        .to_offset()
    }

    /// Notes what the file is like now.
    pub fn note(&mut self, facts: FileFacts, now: EventTime) {
        self.names = facts.names;
        if self.seen == Some((facts.size, facts.modified)) {
            return;
        }
        self.seen = Some((facts.size, facts.modified));
        self.changed_at = now;
        self.pending = true;
        self.suspect |= facts.size < self.cursor.searched_to();
        self.known_size = self.known_size.max(facts.size);
    }

    /// Notes that its file has another name now; its content is to be proven there.
    pub fn moved_to(&mut self, path: &Path) {
        let former = std::mem::replace(&mut self.path, path.to_owned());
        self.proven_path.get_or_insert(former);
        self.suspect = true;
        self.real = real_path(path);
        self.rotated = true;
        self.away = false;
    }

    /// Notes that the content is the stream's.
    pub fn proven(&mut self) {
        self.suspect = false;
        self.proven_path = None;
        self.proven_size = self.known_size;
        self.pending = true;
    }

    /// Returns whether the file at `path` may, by its name, be a copy of this one.
    pub fn may_be_copied_to(&self, path: &Path) -> bool {
        [Some(&self.path), self.proven_path.as_ref()]
            .into_iter()
            .flatten()
            .any(|original| may_be_copied_to(original, path))
    }

    /// Returns the bytes known to be unread.
    pub fn unread_bytes(&self) -> u64 {
        self.known_size.saturating_sub(self.cursor.position())
    }

    /// Returns the unread bytes that were certainly there.
    pub fn losable_bytes(&self) -> u64 {
        self.proven_size.saturating_sub(self.cursor.position())
    }

    /// Returns the folders in which its file may lie after being renamed.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.path), self.proven_path.as_ref(), self.real.as_ref()]
            .into_iter()
            .flatten()
            .filter_map(|path| path.parent())
    }
}

/// Returns where `path` leads if it is, or passes through, a symbolic link.
fn real_path(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok().filter(|real| real != path)
}
