//! What rotation means for a content stream: facts in, one decision out. Nothing here reads a file.
//!
//! A stream follows content, not a name. Its file may be renamed (it goes on under the new name),
//! deleted (what is still open is read to the end), or truncated after being copied (the stream goes
//! on in the copy and the truncated file begins a new one).

use super::anchor::Trail;
use super::identity::FileId;
use std::path::{Path, PathBuf};

/// What is known about where a stream's file is now.
#[derive(Clone, Debug, Default)]
pub struct Sighting {
    /// It is still where it was.
    pub at_path: bool,
    /// Another place where it was found.
    pub elsewhere: Option<PathBuf>,
    /// It is still open.
    pub is_open: bool,
    /// Its folder cannot be looked into, and why: nothing can be said.
    pub folder_trouble: Option<String>,
}

/// Where a stream's file is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Where it was.
    Stays,
    /// It was renamed.
    Moved(PathBuf),
    /// Deleted or moved out of sight, and still open.
    Away,
    /// Nothing can be said now; wait.
    Unknown(String),
    /// It is gone.
    Gone,
}

/// Decides where a stream's file is.
pub fn place(sighting: Sighting) -> Place {
    match sighting {
        Sighting { at_path: true, .. } => Place::Stays,
        Sighting { elsewhere: Some(path), .. } => Place::Moved(path),
        Sighting { is_open: true, .. } => Place::Away,
        Sighting { folder_trouble: Some(cause), .. } => Place::Unknown(cause),
        _ => Place::Gone,
    }
}

/// Returns whether rotation may have copied the file at `original` to `candidate`, by their names:
/// `app.log` to `app.log.1`, `app.log-20260101`, `app-20260101.log` or `old/app.log.1`.
pub fn may_be_copied_to(original: &Path, candidate: &Path) -> bool {
    let (Some(folder), Some(name)) = (original.parent(), original.file_name()) else {
        return false;
    };
    let (Some(copy_folder), Some(copy_name)) = (candidate.parent(), candidate.file_name()) else {
        return false;
    };
    let (name, copy_name) = (name.to_string_lossy(), copy_name.to_string_lossy());
    if name == copy_name || !copy_folder.starts_with(folder) {
        return false;
    }
    if extends(&copy_name, &name) {
        return true;
    }
    match name.rsplit_once('.') {
        Some((stem, ending)) if !stem.is_empty() => {
            extends(&copy_name, stem)
                && copy_name.rsplit_once('.').is_some_and(|(_, copy)| copy == ending)
        }
        _ => false,
    }
}

/// Returns the paths of which `path` may be the rotated name: `app` and `app.log` for `app.log.1`.
pub fn original_names(path: &Path) -> impl Iterator<Item = PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let ends: Vec<usize> = name
        .char_indices()
        .filter(|&(at, next)| at > 0 && !next.is_alphanumeric())
        .map(|(at, _)| at)
        .collect();
    ends.into_iter().map(move |end| path.with_file_name(&name[..end]))
}

/// Returns whether `name` is `beginning` and then something set apart.
fn extends(name: &str, beginning: &str) -> bool {
    name.strip_prefix(beginning)
        .and_then(|rest| rest.chars().next())
        .is_some_and(|next| !next.is_alphanumeric())
}

/// Returns whether a file born as `candidate` may be a copy of one born as `original`: a copy is
/// never older. Without birth times it may.
pub fn is_not_older(candidate: FileId, original: FileId) -> bool {
    match (candidate.born, original.born) {
        (Some(candidate), Some(original)) => candidate >= original,
        _ => true,
    }
}

/// How much of a stream a copy was found to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CopyFacts {
    /// The position of the newest anchor of the stream that fits into the copy and was found there.
    pub anchor_position: u64,
    /// The length of the copy.
    pub size: u64,
}

/// Where a stream goes on in a copy of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Continuation {
    /// The position in the copy up to which everything was read.
    pub position: u64,
    /// Bytes that were known and that the copy does not hold.
    pub lost_bytes: u64,
}

/// Decides where a stream that stood at the end of `trail` goes on in a copy. If the copy was taken
/// before the last lines were read, all of it was read.
pub fn continuation(trail: &Trail, known_size: u64, copy: CopyFacts) -> Option<Continuation> {
    let position = trail.newest()?.position;
    let lost_bytes = known_size.saturating_sub(position.max(copy.size));
    if copy.anchor_position == position && copy.size >= position {
        return Some(Continuation { position, lost_bytes });
    }
    (copy.size < position && copy.anchor_position > 0)
        .then_some(Continuation { position: copy.size, lost_bytes })
}

/// Returns how many bytes to read from each of `pending` files before looking at the next.
pub fn bytes_per_round(pending: usize) -> u64 {
    const ROUND: u64 = 16 * 1024 * 1024;
    const LEAST: u64 = 256 * 1024;
    const MOST: u64 = 4 * 1024 * 1024;
    (ROUND / pending.max(1) as u64).clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use super::super::anchor::Anchor;
    use super::*;

    fn related(original: &str, candidate: &str) -> bool {
        may_be_copied_to(Path::new(original), Path::new(candidate))
    }

    #[test]
    fn rotated_names_extend_the_original_name() {
        assert!(related("/l/app.log", "/l/app.log.1"));
        assert!(related("/l/app.log", "/l/app.log-20260101"));
        assert!(related("/l/app.log", "/l/app-20260101.log"));
        assert!(related("/l/app.log", "/l/app.1.log"));
        assert!(related("/l/app.log", "/l/old/app.log.1"));
        assert!(related("/l/messages", "/l/messages.1"));
    }

    #[test]
    fn other_names_are_not_copies() {
        assert!(!related("/l/app.log", "/l/app.log"));
        assert!(!related("/l/a.log", "/l/b.log"));
        assert!(!related("/l/app.log.1", "/l/app.log"));
        assert!(!related("/l/app.log.1", "/l/app.log.10"));
        assert!(!related("/l/app.log", "/l/apple.log"));
        assert!(!related("/l/x/0.log", "/l/y/0.log.1"));
        assert!(!related("/l/app.log", "/l/app.txt"));
    }

    #[test]
    fn a_rotated_name_tells_its_original_names() {
        let names: Vec<PathBuf> = original_names(Path::new("/l/app.log-1")).collect();
        assert_eq!(names, [PathBuf::from("/l/app"), PathBuf::from("/l/app.log")]);
        assert_eq!(original_names(Path::new("/l/messages")).count(), 0);
    }

    #[test]
    fn an_older_file_is_no_copy() {
        let id = |born| FileId { dev: 1, ino: 1, born };
        assert!(!is_not_older(id(Some(1)), id(Some(2))));
        assert!(is_not_older(id(Some(2)), id(Some(2))));
        assert!(is_not_older(id(None), id(Some(2))));
    }

    #[test]
    fn a_file_that_was_found_is_never_gone() {
        let open = Sighting { is_open: true, ..Sighting::default() };
        assert_eq!(place(Sighting { at_path: true, ..open.clone() }), Place::Stays);
        let moved = Sighting { elsewhere: Some("/b".into()), ..open.clone() };
        assert_eq!(place(moved), Place::Moved("/b".into()));
        assert_eq!(place(open), Place::Away);
        assert_eq!(place(Sighting::default()), Place::Gone);
    }

    #[test]
    fn a_folder_that_cannot_be_looked_into_proves_nothing() {
        let trouble = Sighting { folder_trouble: Some("gone".into()), ..Sighting::default() };
        assert_eq!(place(trouble), Place::Unknown("gone".into()));
    }

    fn trail(positions: &[u64]) -> Trail {
        let mut trail = Trail::default();
        positions.iter().for_each(|&position| trail.push(Anchor::of(position, b"x")));
        trail
    }

    #[test]
    fn a_stream_goes_on_in_a_whole_copy_where_it_stood() {
        let copy = CopyFacts { anchor_position: 20, size: 30 };
        let expected = Continuation { position: 20, lost_bytes: 5 };
        assert_eq!(continuation(&trail(&[10, 20]), 35, copy), Some(expected));
    }

    #[test]
    fn a_copy_taken_before_the_last_lines_was_read_completely() {
        let copy = CopyFacts { anchor_position: 10, size: 15 };
        let expected = Continuation { position: 15, lost_bytes: 0 };
        assert_eq!(continuation(&trail(&[10, 20]), 20, copy), Some(expected));
    }

    #[test]
    fn nothing_is_continued_without_an_anchor() {
        let copy = CopyFacts { anchor_position: 10, size: 30 };
        assert_eq!(continuation(&trail(&[]), 5, copy), None);
        assert_eq!(continuation(&trail(&[10, 20]), 30, copy), None);
    }

    #[test]
    fn many_pending_files_get_small_rounds_and_one_file_a_large_one() {
        assert_eq!(bytes_per_round(1), 4 * 1024 * 1024);
        assert_eq!(bytes_per_round(8), 2 * 1024 * 1024);
        assert_eq!(bytes_per_round(1000), 256 * 1024);
    }
}
