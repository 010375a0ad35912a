//! Reconciles names with content streams: finds where each stream's file is now, proves its content,
//! lets streams go on in copies, ends those that are gone, and begins new ones.
//!
//! The order matters: streams whose content changed are resolved before new files are judged, so a
//! truncated file's copy continues the old stream and the truncated file begins a new one.

use super::anchor::{ANCHOR_BYTES, Anchor, read_full_at};
use super::config::StartAt;
use super::discovery::{Found, Listing, discover, files_in, has_compressed_content};
use super::follower::{Follower, Serial, deliver, note_utf16, partition};
use super::identity::{FileFacts, FileId, Unreadable, cause_of, look, open};
use super::reader::Cursor;
use super::rotation::{
    Continuation, CopyFacts, Place, Sighting, continuation, is_not_older, original_names, place,
};
use super::track::Track;
use engine::component::{Delivery, Intake, SourceError};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// How many bytes at the end of a file are searched for a line end when starting there.
const LAST_LINE_BYTES: u64 = 64 * 1024;

/// What the file system looked like when reconciliation began; folders are read when needed.
struct Scene {
    listing: Listing,
    by_id: HashMap<FileId, usize>,
    folders: BTreeMap<PathBuf, Vec<Found>>,
}

/// A file without a stream, opened.
struct NewFile<'a> {
    path: &'a Path,
    file: File,
    facts: FileFacts,
    /// By its name, it was rotated before it was seen.
    rotated: bool,
}

impl Follower {
    /// Reconciles names with streams.
    pub(super) fn reconcile(&mut self, intake: &mut dyn Intake) -> Result<(), SourceError> {
        self.displaced = false;
        self.scanned_at = Some(intake.now());
        let listing = discover(&self.config, &self.limits);
        let by_id = listing.files.iter().enumerate().map(|(at, f)| (f.facts.id, at)).collect();
        let mut scene = Scene { listing, by_id, folders: BTreeMap::new() };
        self.files_listed = scene.listing.files.len();
        self.note_troubles(&scene.listing);
        self.ignored.retain(|id| scene.by_id.contains_key(id));
        let mut ended = self.locate(&mut scene, intake);
        ended.extend(self.prove(&scene));
        // Who read most chooses first: the longer match is the stronger proof.
        ended.sort_by_key(|serial| {
            let position = self.tracks.get(serial).map(|track| track.cursor.position());
            (std::cmp::Reverse(position), *serial)
        });
        for serial in ended {
            self.resolve(serial, &mut scene, intake)?;
        }
        self.adopt(&scene.listing, intake)
    }

    fn note_troubles(&mut self, listing: &Listing) {
        self.troubles.clear();
        for (path, cause) in &listing.troubles {
            self.troubles.unreadable(path, cause);
        }
        let patterns = || self.config.include.join(", ");
        if listing.over_limit {
            let sentence = format!(
                "more than {} files match {}; the others are not read",
                self.limits.files_max,
                patterns()
            );
            self.troubles.note(patterns(), sentence);
        } else if listing.files.is_empty() && listing.troubles.is_empty() {
            self.troubles.note(patterns(), format!("no file matches {} yet", patterns()));
        }
        for track in self.tracks.values() {
            note_utf16(&mut self.troubles, track);
        }
    }

    /// Finds where the file of each stream is; returns the streams whose file is gone.
    fn locate(&mut self, scene: &mut Scene, intake: &dyn Intake) -> Vec<Serial> {
        let mut gone = Vec::new();
        for (&serial, track) in &mut self.tracks {
            if let Some(&at) = scene.by_id.get(&track.id) {
                track.note(scene.listing.files[at].facts, intake.now());
            }
            match place(sighting(track, scene, &self.limits)) {
                Place::Stays => track.away = false,
                Place::Moved(path) => {
                    track.moved_to(&path);
                    track.changed_at = intake.now();
                }
                Place::Away => {
                    track.away = true;
                    track.rotated = true;
                }
                Place::Unknown(cause) => self.troubles.unreadable(&track.path, &cause),
                Place::Gone => gone.push(serial),
            }
        }
        gone
    }

    /// Proves the content of suspect streams; returns those whose content is not theirs any more.
    fn prove(&mut self, scene: &Scene) -> Vec<Serial> {
        let taken: HashSet<FileId> = self.tracks.values().map(|track| track.id).collect();
        let suspects: Vec<Serial> =
            self.tracks.iter().filter(|(_, t)| t.suspect).map(|(&serial, _)| serial).collect();
        let mut changed = Vec::new();
        for serial in suspects {
            if !self.ensure_open(serial) {
                continue;
            }
            let Some(track) = self.tracks.get_mut(&serial) else { continue };
            let Some(file) = track.file.as_ref() else { continue };
            match (track.cursor.holds(file), file.metadata()) {
                (Ok(true), Ok(metadata)) => {
                    let size = metadata.len();
                    if size < track.cursor.searched_to() {
                        track.cursor.search_again();
                    }
                    if size < track.known_size {
                        let copied = scene.holds_unread_copy(track, &taken);
                        track.lost_bytes += if copied { 0 } else { track.known_size - size };
                        track.known_size = size;
                    }
                    track.proven();
                }
                (Ok(false), _) => changed.push(serial),
                (Err(error), _) | (_, Err(error)) => self.give_back(serial, &error),
            }
        }
        changed
    }

    /// Lets a stream go on in a copy of its content, or ends it.
    fn resolve(
        &mut self,
        serial: Serial,
        scene: &mut Scene,
        intake: &mut dyn Intake,
    ) -> Result<(), SourceError> {
        let Some(mut track) = self.tracks.remove(&serial) else { return Ok(()) };
        let taken: HashSet<FileId> = self.tracks.values().map(|track| track.id).collect();
        if let Some((found, file, next)) = self.best_copy(&track, &taken, scene) {
            track.id = found.facts.id;
            track.moved_to(&found.path);
            track.changed_at = intake.now();
            track.seen = None;
            track.known_size = found.facts.size.max(next.position);
            track.lost_bytes += next.lost_bytes;
            track.proven();
            if track.cursor.position() == next.position
                || track.cursor.jump(&file, next.position).is_ok()
            {
                track.cursor.search_again();
                track.file = Some(file);
                deliver(&mut track, Vec::new(), 0, &self.config, intake)?;
                self.tracks.insert(serial, track);
                self.count_open(serial);
                return Ok(());
            }
        }
        end(track, intake)
    }

    /// Finds the copy that holds most of what a stream read.
    fn best_copy(
        &self,
        track: &Track,
        taken: &HashSet<FileId>,
        scene: &mut Scene,
    ) -> Option<(Found, File, Continuation)> {
        let newest = track.cursor.trail().newest()?;
        let mut candidates = scene.listing.files.clone();
        for folder in track.folders() {
            candidates.extend_from_slice(scene.files_in(folder, &self.limits));
        }
        let mut best: Option<(Found, File, Continuation)> = None;
        for found in candidates {
            // After a restart the files may have been moved to another disk, or restored.
            let replaced = found.path == track.path
                && found.facts.id.dev != track.id.dev
                && track.seen.is_none()
                && newest.is_full();
            let related =
                track.may_be_copied_to(&found.path) && is_not_older(found.facts.id, track.id);
            let free = found.facts.id != track.id && !taken.contains(&found.facts.id);
            if !free || !(related || replaced) {
                continue;
            }
            let Some((file, next)) = continue_in(track, &found, &self.config.within) else {
                continue;
            };
            if replaced && next.position != newest.position {
                continue;
            }
            if best.as_ref().is_none_or(|(_, _, b)| next.position > b.position) {
                best = Some((found, file, next));
            }
        }
        best
    }

    /// Begins streams for files that have none.
    fn adopt(&mut self, listing: &Listing, intake: &mut dyn Intake) -> Result<(), SourceError> {
        let taken: HashSet<FileId> = self.tracks.values().map(|track| track.id).collect();
        let start_at = std::mem::take(&mut self.start_at);
        let mut names = self.tracks_by_name();
        let paths: HashSet<&Path> = listing.files.iter().map(|f| f.path.as_path()).collect();
        for found in &listing.files {
            let id = found.facts.id;
            let empty = found.facts.size == 0 && start_at == StartAt::Beginning;
            if empty || taken.contains(&id) || self.ignored.contains(&id) {
                continue;
            }
            if self.tracks.len() >= self.limits.files_max {
                self.troubles.note(
                    String::new(),
                    format!("{} files are followed; others are not read", self.limits.files_max),
                );
                return Ok(());
            }
            match open(&found.path, &self.config.within) {
                Ok((file, facts)) if facts.id == id => {
                    let rotated = original_names(&found.path).any(|path| paths.contains(&*path));
                    let new = NewFile { path: &found.path, file, facts, rotated };
                    self.adopt_one(new, start_at, &mut names, intake)?;
                }
                Ok(_) | Err(Unreadable::Gone) => self.displaced = true,
                Err(Unreadable::Because(cause)) => self.troubles.unreadable(&found.path, &cause),
            }
        }
        Ok(())
    }

    fn adopt_one(
        &mut self,
        new: NewFile,
        start_at: StartAt,
        names: &mut Names,
        intake: &mut dyn Intake,
    ) -> Result<(), SourceError> {
        let NewFile { path, file, facts, rotated } = new;
        let mut beginning = [0; 8];
        let read = match read_full_at(&file, &mut beginning, 0) {
            Ok(read) => read,
            Err(error) => {
                self.troubles.unreadable(path, &cause_of(&error));
                return Ok(());
            }
        };
        if has_compressed_content(&beginning[..read]) {
            self.ignored.insert(facts.id);
            return Ok(());
        }
        if !self.config.once && self.is_copy(path, &file, facts, names, intake)? {
            return Ok(());
        }
        let serial = self.next_serial;
        self.next_serial += 1;
        let mut track = Track::new(partition(path, serial), path, file, facts);
        track.rotated = rotated;
        track.note(facts, intake.now());
        if start_at == StartAt::End {
            if let Some(Ok(cursor)) = track.file.as_ref().map(|file| at_end(file, facts.size)) {
                track.cursor = cursor;
            }
            deliver(&mut track, Vec::new(), 0, &self.config, intake)?;
        }
        note_names(names, serial, &track);
        self.tracks.insert(serial, track);
        self.count_open(serial);
        Ok(())
    }

    fn tracks_by_name(&self) -> Names {
        let mut names = Names::new();
        for (&serial, track) in &self.tracks {
            note_names(&mut names, serial, track);
        }
        names
    }

    /// Returns whether a new file holds a part of what a stream that is still there holds: a copy
    /// in the making, or one whose original will be truncated.
    fn is_copy(
        &mut self,
        path: &Path,
        file: &File,
        facts: FileFacts,
        names: &Names,
        intake: &mut dyn Intake,
    ) -> Result<bool, SourceError> {
        let originals: Vec<Serial> = original_names(path)
            .filter_map(|original| names.get(original.file_name()?))
            .flatten()
            .copied()
            .collect();
        let mut undecided = false;
        for serial in originals {
            let Some(track) = self.tracks.get_mut(&serial) else { continue };
            if !track.may_be_copied_to(path) || !is_not_older(facts.id, track.id) {
                continue;
            }
            match copied_until(track, file, &self.config.within) {
                Some(Some(end)) => {
                    if track.cursor.remember_copy(end) {
                        deliver(track, Vec::new(), 0, &self.config, intake)?;
                    }
                    return Ok(true);
                }
                Some(None) => {}
                // An original that just changed decides at the next step, unless another does now.
                None if track.suspect => undecided = true,
                None => {}
            }
        }
        self.displaced |= undecided;
        Ok(undecided)
    }
}

/// The streams under each name with which the name of a copy would begin.
type Names = HashMap<OsString, Vec<Serial>>;

fn note_names(names: &mut Names, serial: Serial, track: &Track) {
    let stem = track.path.extension().and(track.path.file_stem());
    for name in [track.path.file_name(), stem].into_iter().flatten() {
        names.entry(name.to_owned()).or_default().push(serial);
    }
}

impl Scene {
    /// Returns whether another new file probably holds what was taken from a file before anything
    /// of it was read. There is no content to compare, so names and lengths decide.
    fn holds_unread_copy(&self, track: &Track, taken: &HashSet<FileId>) -> bool {
        track.cursor.position() == 0
            && self.listing.files.iter().any(|found| {
                !taken.contains(&found.facts.id)
                    && found.facts.size >= track.known_size
                    && track.may_be_copied_to(&found.path)
                    && is_not_older(found.facts.id, track.id)
            })
    }

    fn files_in(&mut self, folder: &Path, limits: &super::Limits) -> &[Found] {
        self.folders.entry(folder.to_owned()).or_insert_with(|| files_in(folder, limits)).as_slice()
    }
}

/// Gathers what is known about where a stream's file is; looks no further than needed.
fn sighting(track: &mut Track, scene: &mut Scene, limits: &super::Limits) -> Sighting {
    let listed = scene.by_id.get(&track.id).map(|&at| scene.listing.files[at].path.clone());
    if listed.as_ref() == Some(&track.path) {
        return Sighting { at_path: true, ..Sighting::default() };
    }
    if !track.away {
        match look(&track.path) {
            Ok(facts) if facts.id == track.id => {
                return Sighting { at_path: true, ..Sighting::default() };
            }
            Ok(facts) if track.seen.is_none() && track.id.differs_in_device_only(facts.id) => {
                track.id = facts.id;
                return Sighting { at_path: true, ..Sighting::default() };
            }
            _ => {}
        }
    }
    let elsewhere = listed.or_else(|| {
        // What is away was looked for when it went.
        let folders: Vec<PathBuf> =
            if track.away { Vec::new() } else { track.folders().map(Path::to_owned).collect() };
        folders.iter().find_map(|folder| {
            let files = scene.files_in(folder, limits);
            files.iter().find(|found| found.facts.id == track.id).map(|found| found.path.clone())
        })
    });
    let is_open = track.file.is_some();
    let look_further = elsewhere.is_none() && !is_open;
    let folder_trouble = if look_further { folder_trouble(track) } else { None };
    Sighting { at_path: false, elsewhere, is_open, folder_trouble }
}

/// Returns why the absence of a file proves nothing: its folder is not there or cannot be read, as
/// when a disk is not mounted. On the file's own device, a missing folder was deleted.
fn folder_trouble(track: &Track) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let path = track.real.as_ref().unwrap_or(&track.path);
    for (depth, folder) in path.ancestors().skip(1).enumerate() {
        match std::fs::read_dir(folder) {
            Ok(mut entries) => {
                let same = folder.metadata().is_ok_and(|metadata| metadata.dev() == track.id.dev);
                let proves = same || (depth == 0 && entries.next().is_some());
                return (!proves).then(|| "its disk does not seem to be mounted".to_owned());
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Some(cause_of(&error)),
        }
    }
    None
}

/// Opens a possible copy and returns where the stream goes on in it.
fn continue_in(track: &Track, found: &Found, within: &[PathBuf]) -> Option<(File, Continuation)> {
    let (file, facts) = open(&found.path, within).ok()?;
    if facts.id != found.facts.id {
        return None;
    }
    let anchor = track.cursor.trail().newest_until(facts.size)?;
    anchor.find_in(&file).ok()??;
    let copy = CopyFacts { anchor_position: anchor.position, size: facts.size };
    Some((file, continuation(track.cursor.trail(), track.proven_size, copy)?))
}

/// Returns the end of `copy` if everything in it stands at the beginning of the stream's file. No
/// answer when the stream's file is not what it was, which makes the stream suspect, or is unreadable.
fn copied_until(track: &mut Track, copy: &File, within: &[PathBuf]) -> Option<Option<Anchor>> {
    let opened = if track.file.is_none() { open(&track.path, within).ok() } else { None };
    let original = match (&track.file, &opened) {
        (Some(file), _) => file,
        (None, Some((file, facts))) if facts.id == track.id => file,
        _ => return None,
    };
    let (original_size, size) = (original.metadata().ok()?.len(), copy.metadata().ok()?.len());
    if original_size < track.known_size || !track.cursor.holds(original).ok()? {
        track.suspect = true;
        return None;
    }
    if size > original_size {
        return Some(None);
    }
    let length = size.min(ANCHOR_BYTES as u64);
    let mut tail = vec![0; length as usize];
    if read_full_at(copy, &mut tail, size - length).ok()? < tail.len() {
        return None;
    }
    let end = Anchor::of(size, &tail);
    Some(end.find_in(original).ok()?.map(|_| end))
}

/// Returns the cursor at the last line end of a file.
fn at_end(file: &File, size: u64) -> io::Result<Cursor> {
    let from = size.saturating_sub(LAST_LINE_BYTES);
    let mut bytes = vec![0; (size - from) as usize];
    let read = read_full_at(file, &mut bytes, from)?;
    let end = memchr::memrchr(b'\n', &bytes[..read]).map(|at| from + at as u64 + 1);
    Cursor::at(file, end.unwrap_or(if from == 0 { 0 } else { size }))
}

/// Ends a stream: the engine forgets its partition and learns what was lost.
fn end(track: Track, intake: &mut dyn Intake) -> Result<(), SourceError> {
    let lost_bytes = track.lost_bytes + track.losable_bytes();
    if track.sent || lost_bytes > 0 {
        intake.send(Delivery {
            partition: track.partition,
            bytes: Vec::new(),
            end: None,
            received: None,
            lines_cut: 0,
            lost_bytes,
            lag_bytes: 0,
        })?;
    }
    Ok(())
}
