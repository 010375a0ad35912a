//! Follower: all content streams of one source, advanced one step at a time.
//!
//! A step looks at files that are due, reconciles names with streams when something moved or it is
//! time to look for new files, reads a bounded piece of each file that has more, and settles what
//! was rotated away. It never sleeps; time comes from [`Intake::now`].

use super::config::{FileConfig, StartAt};
use super::discovery::has_utf16_content;
use super::identity::{FileFacts, Unreadable, cause_of, look, open};
use super::offset::FileOffset;
use super::reader::Step;
use super::rotation::bytes_per_round;
use super::track::Track;
use super::trouble::Troubles;
use super::{Limits, identity::FileId};
use engine::component::{Delivery, Intake, SourceError, Stopped};
use engine::model::{EventTime, PartitionId};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::time::Duration;

/// The serial number of a content stream.
pub(super) type Serial = u64;

/// What a step brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// There is more to read at once.
    More,
    /// Wait before the next step.
    Idle,
    /// Everything was read, and nothing more is wanted.
    Finished,
}

/// The content streams of one source.
pub struct Follower {
    pub(super) config: FileConfig,
    pub(super) limits: Limits,
    pub(super) tracks: BTreeMap<Serial, Track>,
    pub(super) next_serial: Serial,
    pub(super) troubles: Troubles,
    /// Where files begin that are new now.
    pub(super) start_at: StartAt,
    /// Files that are not to be read: compressed by content.
    pub(super) ignored: BTreeSet<FileId>,
    /// Something moved: names and streams are to be reconciled.
    pub(super) displaced: bool,
    /// How many files matched last time.
    pub(super) files_listed: usize,
    pub(super) scanned_at: Option<EventTime>,
    looked_at: Option<EventTime>,
    /// Where the next look at idle files begins.
    look_from: Serial,
    opened: VecDeque<Serial>,
    buffer: Vec<u8>,
}

/// Most files looked at in one look. With more files, only those that changed lately are looked at;
/// the others are seen when new files are looked for.
const LOOKS_MAX: usize = 256;
/// Up to so many files, new ones are looked for five times as often.
const FEW_FILES: usize = 100;

impl Follower {
    /// Returns the streams as of the offsets that `intake` resumes.
    pub fn new(
        config: FileConfig,
        limits: Limits,
        intake: &dyn Intake,
    ) -> Result<Self, SourceError> {
        let mut tracks = BTreeMap::new();
        let mut next_serial = 1;
        let mut unnumbered = Vec::new();
        for (partition, offset) in intake.resume() {
            let offset = FileOffset::parse(&offset).map_err(|error| SourceError {
                what: format!("cannot understand the stored offset of {}", partition.0),
                retry: false,
                cause: Some(Box::new(error)),
            })?;
            let serial: Option<Serial> =
                partition.0.rsplit_once('#').and_then(|(_, serial)| serial.parse().ok());
            match serial {
                Some(serial) if !tracks.contains_key(&serial) && serial < Serial::MAX / 2 => {
                    next_serial = next_serial.max(serial + 1);
                    tracks.insert(serial, Track::resume(partition, offset));
                }
                _ => unnumbered.push(Track::resume(partition, offset)),
            }
        }
        for track in unnumbered {
            tracks.insert(next_serial, track);
            next_serial += 1;
        }
        let start_at = if tracks.is_empty() { config.start_at } else { StartAt::Beginning };
        Ok(Self {
            config,
            limits,
            tracks,
            next_serial,
            troubles: Troubles::default(),
            start_at,
            ignored: BTreeSet::new(),
            displaced: false,
            files_listed: 0,
            scanned_at: None,
            looked_at: None,
            look_from: 0,
            opened: VecDeque::new(),
            buffer: vec![0; Delivery::BYTES_AIM],
        })
    }

    /// Takes one step.
    pub fn poll_once(&mut self, intake: &mut dyn Intake) -> Result<Progress, SourceError> {
        let now = intake.now();
        let look_due = is_due(self.looked_at, now, self.config.poll);
        if look_due {
            self.looked_at = Some(now);
            self.look(now);
        }
        if self.displaced || is_due(self.scanned_at, now, self.rescan_interval()) {
            self.reconcile(intake)?;
        }
        let more = self.read_round(intake)?;
        if self.config.once {
            return self.finish_once(intake, more);
        }
        if look_due {
            self.settle(intake)?;
        }
        self.troubles.report(intake);
        Ok(if more || self.displaced { Progress::More } else { Progress::Idle })
    }

    fn rescan_interval(&self) -> Duration {
        let few = self.files_listed <= FEW_FILES;
        if few { self.limits.rescan / 5 } else { self.limits.rescan }
    }

    /// Looks at the files that are due for changes.
    fn look(&mut self, now: EventTime) {
        let many = self.tracks.len() > LOOKS_MAX;
        let is_due = |track: &Track| {
            !many || track.away || !has_passed(track.changed_at, now, self.limits.rescan * 10)
        };
        let from = self.look_from;
        let due: Vec<Serial> = self
            .tracks
            .range(from..)
            .chain(self.tracks.range(..from))
            .filter(|(_, track)| is_due(track))
            .map(|(&serial, _)| serial)
            .take(LOOKS_MAX)
            .collect();
        self.look_from = due.last().map_or(0, |last| last + 1);
        for serial in due {
            let Some(track) = self.tracks.get_mut(&serial) else { continue };
            let at_path = if track.away { Err(Unreadable::Gone) } else { look(&track.path) };
            match at_path {
                Ok(facts) if facts.id == track.id => track.note(facts, now),
                _ => {
                    self.displaced |= !track.away;
                    let open = track.file.as_ref().and_then(|file| file.metadata().ok());
                    if let Some(metadata) = open {
                        track.note(FileFacts::of(&metadata), now);
                    }
                }
            }
        }
    }

    /// Reads a bounded piece of each file that has more; returns whether any still has.
    fn read_round(&mut self, intake: &mut dyn Intake) -> Result<bool, SourceError> {
        let pending: Vec<Serial> = self
            .tracks
            .iter()
            .filter(|(_, track)| track.pending && !track.suspect)
            .map(|(&serial, _)| serial)
            .collect();
        let budget = if self.config.once { u64::MAX } else { bytes_per_round(pending.len()) };
        let mut more = false;
        for serial in pending {
            more |= self.read_track(serial, budget, intake)?;
        }
        Ok(more)
    }

    fn read_track(
        &mut self,
        serial: Serial,
        budget: u64,
        intake: &mut dyn Intake,
    ) -> Result<bool, SourceError> {
        if !self.ensure_open(serial) {
            return Ok(false);
        }
        let line_max = self.config.max_line_bytes;
        let Some(track) = self.tracks.get_mut(&serial) else { return Ok(false) };
        let begin = track.cursor.searched_to();
        while track.cursor.searched_to().saturating_sub(begin) < budget {
            if intake.stopped() {
                return Err(Stopped.into());
            }
            let Some(file) = track.file.as_ref() else { return Ok(false) };
            let at_head = track.cursor.searched_to() == 0;
            let step = track.cursor.step(file, &mut self.buffer, line_max);
            if at_head {
                track.utf16 = has_utf16_content(&self.buffer) && track.known_size >= 2;
                note_utf16(&mut self.troubles, track);
            }
            if matches!(step, Ok(Step::Lines { .. } | Step::Searched | Step::End)) {
                track.proven_size = track.known_size;
            }
            match step {
                Ok(Step::Lines { bytes, lines_cut, more }) => {
                    deliver(track, bytes, lines_cut, &self.config, intake)?;
                    if !more {
                        track.pending = false;
                        return Ok(false);
                    }
                }
                Ok(Step::Searched) => {}
                Ok(Step::End) => {
                    track.pending = false;
                    return Ok(false);
                }
                Ok(Step::Changed) => {
                    self.distrust(serial);
                    return Ok(false);
                }
                Err(error) => {
                    self.give_back(serial, &error);
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Opens the file of a stream if it is not; returns whether it is.
    pub(super) fn ensure_open(&mut self, serial: Serial) -> bool {
        let Some(track) = self.tracks.get_mut(&serial) else { return false };
        if track.file.is_some() {
            return true;
        }
        match open(&track.path, &self.config.within) {
            Ok((file, facts)) if facts.id == track.id => {
                track.file = Some(file);
                self.count_open(serial);
                true
            }
            Ok(_) | Err(Unreadable::Gone) => {
                self.displaced = true;
                track.suspect = true;
                false
            }
            Err(Unreadable::Because(cause)) => {
                self.troubles.unreadable(&track.path, &cause);
                false
            }
        }
    }

    /// Counts a file that was opened, and closes the one opened longest ago if there are too many.
    /// Files that could not be opened again are spared while others are left.
    pub(super) fn count_open(&mut self, serial: Serial) {
        self.opened.push_back(serial);
        let mut spared = 0;
        while self.opened.len() > self.limits.open_files_max.max(1) {
            let Some(oldest) = self.opened.pop_front() else { return };
            match self.tracks.get_mut(&oldest) {
                Some(track) if track.away && spared < self.limits.open_files_max => {
                    spared += 1;
                    self.opened.push_back(oldest);
                }
                Some(track) => {
                    track.file = None;
                    track.suspect |= track.away;
                    self.displaced |= track.away;
                }
                None => {}
            }
        }
    }

    /// Has the content of a stream proven before it is read again.
    fn distrust(&mut self, serial: Serial) {
        if let Some(track) = self.tracks.get_mut(&serial) {
            track.suspect = true;
            self.displaced = true;
        }
    }

    /// Closes a file that could not be read; it is opened again at the next look.
    pub(super) fn give_back(&mut self, serial: Serial, error: &io::Error) {
        let Some(track) = self.tracks.get_mut(&serial) else { return };
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return self.distrust(serial);
        }
        self.troubles.unreadable(&track.path, &cause_of(error));
        if !track.away {
            track.file = None;
            self.opened.retain(|&opened| opened != serial);
        }
    }

    /// Delivers unfinished last lines of rotated files, and gives up files that are gone.
    fn settle(&mut self, intake: &mut dyn Intake) -> Result<(), SourceError> {
        let now = intake.now();
        let quiet: Vec<Serial> = self
            .tracks
            .iter()
            .filter(|(_, track)| track.rotated && !track.pending && !track.suspect)
            .filter(|(_, track)| has_passed(track.changed_at, now, self.limits.rotated_grace))
            .map(|(&serial, _)| serial)
            .collect();
        for serial in quiet {
            if !self.deliver_rest(serial, intake)? {
                continue;
            }
            let Some(track) = self.tracks.get_mut(&serial) else { continue };
            let given_up =
                track.names == 0 || has_passed(track.changed_at, now, self.limits.away_grace);
            if track.away && given_up {
                // Copies are looked for, then the stream ends.
                track.file = None;
                track.suspect = true;
                self.displaced = true;
            }
        }
        Ok(())
    }

    /// Delivers the unfinished last line; returns whether nothing is left to read.
    fn deliver_rest(
        &mut self,
        serial: Serial,
        intake: &mut dyn Intake,
    ) -> Result<bool, SourceError> {
        let Some(track) = self.tracks.get(&serial) else { return Ok(false) };
        if track.unread_bytes() == 0 {
            return Ok(true);
        }
        if !self.ensure_open(serial) {
            return Ok(false);
        }
        let Some(track) = self.tracks.get_mut(&serial) else { return Ok(false) };
        let Some(file) = track.file.as_ref() else { return Ok(false) };
        let end = track.cursor.searched_to();
        match track.cursor.rest(file, end, self.config.max_line_bytes) {
            Ok(Step::Lines { bytes, lines_cut, .. }) => {
                deliver(track, bytes, lines_cut, &self.config, intake)?;
                Ok(true)
            }
            Ok(Step::Changed) => {
                self.distrust(serial);
                Ok(false)
            }
            Ok(_) => Ok(true),
            Err(error) => {
                self.give_back(serial, &error);
                Ok(false)
            }
        }
    }

    /// Ends a single pass: unfinished last lines count, and nothing at all is a mistake.
    fn finish_once(
        &mut self,
        intake: &mut dyn Intake,
        more: bool,
    ) -> Result<Progress, SourceError> {
        if more {
            return Ok(Progress::More);
        }
        if self.files_listed == 0 {
            return Err(SourceError {
                what: format!("cannot read any file of {}", self.config.include.join(", ")),
                retry: false,
                cause: None,
            });
        }
        let serials: Vec<Serial> = self.tracks.keys().copied().collect();
        for serial in serials {
            self.deliver_rest(serial, intake)?;
        }
        self.troubles.report(intake);
        Ok(Progress::Finished)
    }
}

/// Says that a file looks like UTF-16, if it does.
pub(super) fn note_utf16(troubles: &mut Troubles, track: &Track) {
    if track.utf16 {
        let name = track.path.display().to_string();
        let sentence =
            format!("cannot decode {name}: it looks like UTF-16. Hint: have it written as UTF-8");
        troubles.note(name, sentence);
    }
}

/// Hands over lines, or only a new offset or a loss.
pub(super) fn deliver(
    track: &mut Track,
    bytes: Vec<u8>,
    lines_cut: u64,
    config: &FileConfig,
    intake: &mut dyn Intake,
) -> Result<(), Stopped> {
    let received =
        if config.once { track.seen.map(|(_, modified)| EventTime(modified)) } else { None };
    track.known_size = track.known_size.max(track.cursor.position());
    intake.send(Delivery {
        partition: track.partition.clone(),
        bytes,
        end: Some(track.offset()),
        received,
        lines_cut,
        lost_bytes: std::mem::take(&mut track.lost_bytes),
        lag_bytes: track.unread_bytes(),
    })?;
    track.sent = true;
    Ok(())
}

/// Returns the partition of a new stream.
pub(super) fn partition(path: &std::path::Path, serial: Serial) -> PartitionId {
    PartitionId(format!("{}#{serial}", path.display()).into())
}

/// Returns whether `interval` has passed since `last`, or the clock was set back.
fn is_due(last: Option<EventTime>, now: EventTime, interval: Duration) -> bool {
    last.is_none_or(|last| now < last || has_passed(last, now, interval))
}

fn has_passed(since: EventTime, now: EventTime, interval: Duration) -> bool {
    i128::from(now.0) - i128::from(since.0) >= interval.as_nanos() as i128
}
