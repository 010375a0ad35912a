//! Finds the files that match, in an order that depends on their paths alone.
//!
//! *Limits:* [`Limits::files_max`] files are listed; the rest is named in a warning.

use super::Limits;
use super::config::{Exclude, FileConfig};
use super::identity::{FileFacts, FileId, Unreadable, cause_of, look};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// A file that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// What it was like then.
    pub facts: FileFacts,
}

/// What was found at one time.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// Each file once, under its first path, ordered by path.
    pub files: Vec<Found>,
    /// What matches and cannot be read, and why.
    pub troubles: Vec<(PathBuf, String)>,
    /// Whether more files match than may be followed.
    pub over_limit: bool,
}

/// Endings of the names of compressed files.
const COMPRESSED_ENDINGS: [&str; 8] = ["gz", "zst", "bz2", "xz", "lz4", "zip", "Z", "lzma"];
/// How compressed files begin: gzip, zstd, bzip2, xz, lz4, zip.
const COMPRESSED_BEGINNINGS: [&[u8]; 6] = [
    &[0x1F, 0x8B],
    &[0x28, 0xB5, 0x2F, 0xFD],
    b"BZh",
    &[0xFD, b'7', b'z', b'X', b'Z'],
    &[0x04, 0x22, 0x4D, 0x18],
    b"PK\x03\x04",
];

/// Returns whether the name says that the file is compressed.
pub fn has_compressed_name(path: &Path) -> bool {
    path.extension().is_some_and(|ending| COMPRESSED_ENDINGS.iter().any(|known| ending == *known))
}

/// Returns whether the content begins like a compressed file.
pub fn has_compressed_content(beginning: &[u8]) -> bool {
    COMPRESSED_BEGINNINGS.iter().any(|known| beginning.starts_with(known))
}

/// Returns whether the content begins like UTF-16.
pub fn has_utf16_content(beginning: &[u8]) -> bool {
    beginning.starts_with(&[0xFF, 0xFE]) || beginning.starts_with(&[0xFE, 0xFF])
}

/// Returns the files that match the options now.
pub fn discover(config: &FileConfig, limits: &Limits) -> Listing {
    let mut listing = Listing::default();
    let mut paths = Vec::new();
    for pattern in &config.include {
        // The patterns were checked with the options.
        let Ok(matches) = glob::glob(pattern) else { continue };
        for path in matches {
            match path {
                Ok(path) if is_excluded(config, &path) || has_compressed_name(&path) => {}
                Ok(path) => paths.push(path),
                Err(error) => {
                    listing.troubles.push((error.path().to_owned(), cause_of(error.error())));
                }
            }
        }
    }
    paths.sort();
    paths.dedup();
    let mut seen: HashSet<FileId> = HashSet::new();
    for path in paths {
        match look(&path) {
            Ok(facts) if !seen.insert(facts.id) => {}
            Ok(_) if listing.files.len() == limits.files_max => listing.over_limit = true,
            Ok(facts) => listing.files.push(Found { path, facts }),
            Err(Unreadable::Gone) => {}
            Err(Unreadable::Because(cause)) => listing.troubles.push((path, cause)),
        }
    }
    listing
}

/// Returns the plain files in `folder`, ordered by path: where a rotated file may lie.
pub fn files_in(folder: &Path, limits: &Limits) -> Vec<Found> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<Found> = entries
        .filter_map(Result::ok)
        .take(limits.files_max)
        .map(|entry| entry.path())
        .filter(|path| !has_compressed_name(path))
        .filter_map(|path| look(&path).ok().map(|facts| Found { path, facts }))
        .collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn is_excluded(config: &FileConfig, path: &Path) -> bool {
    config.exclude.iter().any(|exclude| match exclude {
        Exclude::Path(pattern) => pattern.matches_path(path),
        Exclude::Name(pattern) => {
            path.file_name().is_some_and(|name| pattern.matches_path(Path::new(name)))
        }
    })
}
