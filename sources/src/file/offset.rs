//! The Offset of a content stream, as compact JSON.

use super::anchor::Trail;
use super::identity::FileId;
use engine::model::Offset;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where to resume a content stream, and how to know its file again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileOffset {
    /// The path under which it was last seen.
    pub path: PathBuf,
    /// Where that path led, if it was a symbolic link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub real: Option<PathBuf>,
    /// Which file it was.
    #[serde(flatten)]
    pub id: FileId,
    /// The end of the last delivered line, in bytes.
    pub position: u64,
    /// How long the file was then known to be, in bytes.
    pub size: u64,
    /// Whether it was rotated away: nobody is expected to finish its last line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rotated: bool,
    /// Anchors of what was read.
    pub trail: Trail,
}

impl FileOffset {
    /// Returns the offset as the engine keeps it.
    pub fn to_offset(&self) -> Offset {
        let text = serde_json::json!({
            "path": self.path.to_string_lossy(),
            "real": self.real.as_ref().map(|real| real.to_string_lossy()),
            "dev": self.id.dev,
            "ino": self.id.ino,
            "born": self.id.born,
            "position": self.position,
            "size": self.size,
            "rotated": self.rotated,
            "trail": self.trail,
        });
        Offset(text.to_string())
    }

    /// Returns the offset that the engine kept, or why it cannot be understood.
    pub fn parse(offset: &Offset) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&offset.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file::anchor::Anchor;

    #[test]
    fn an_offset_reads_back_as_it_was_written() {
        let mut trail = Trail::default();
        trail.push(Anchor::of(6, b"hello\n"));
        let offset = FileOffset {
            path: "/var/log/app.log".into(),
            real: Some("/data/app.log".into()),
            id: FileId { dev: 1, ino: u64::MAX, born: Some(5) },
            position: 6,
            size: 9,
            rotated: true,
            trail,
        };
        assert_eq!(FileOffset::parse(&offset.to_offset()).unwrap(), offset);
    }
}
