//! A program that logs to three files and rotates them in every way, while it remembers the truth.
//!
//! Rotations that make unread bytes unreachable (the file is emptied, deleted, or its link moved)
//! happen only after everything written so far is counted, because what nobody can read nobody can
//! count. All others happen at any moment. A line may stay half-written for a while, but never
//! across a rotation of its file: then its end would be decided by a time limit, not by the bytes.
//!
//! Every file begins with the same lines, so its beginning does not tell it from its predecessor.

use super::truth::{self, BANNER, Truth};
use crate::binary::{Address, await_some};
use jiff::{SignedDuration, Timestamp};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Minutes of event time over which lines are spread.
const MINUTES: u64 = 40;
/// Equal lines at the beginning of every file; together longer than a page of 1 KiB.
const BANNER_LINES: u64 = 24;
/// Pause between two steps of the writer.
const PACE: Duration = Duration::from_millis(2);

/// What tests and writer share: the server of the engine that runs at the moment, and a wish to end.
#[derive(Default)]
pub struct Shared {
    /// Address of the running engine's server, if one is up.
    pub address: Mutex<Option<Address>>,
    /// Set when the writer shall finish.
    pub finish: AtomicBool,
}

/// Ways to rotate a log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rotation {
    /// Renamed, a new file under the old name.
    Rename,
    /// The same, and the program goes on writing to the renamed file for a while.
    RenameWithLateWrites,
    /// Copied, then emptied in place.
    CopyTruncate,
    /// Emptied in place.
    Truncate,
    /// Deleted, a new file under the old name.
    DeleteAndRecreate,
    /// The name is a symbolic link that moves on to a new file.
    SymlinkSwitch,
}

const ROTATIONS: [Rotation; 6] = [
    Rotation::Rename,
    Rotation::RenameWithLateWrites,
    Rotation::CopyTruncate,
    Rotation::Truncate,
    Rotation::DeleteAndRecreate,
    Rotation::SymlinkSwitch,
];

/// A small generator of pseudo-random numbers (splitmix64): the same seed, the same test.
#[derive(Clone, Debug)]
pub struct Chance(pub u64);

impl Chance {
    /// Returns the next number.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Returns a number below `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }
}

/// One log file of the program.
struct Log {
    path: PathBuf,
    file: File,
    /// A descriptor that still writes to the file before the last rotation.
    late: Option<(File, u64)>,
    /// The second half of a line that is half-written.
    rest: Option<(usize, Timestamp, String)>,
    /// Whether `path` is a symbolic link.
    linked: bool,
}

/// The program that logs.
pub struct Writer {
    folder: PathBuf,
    logs: Vec<Log>,
    truth: Truth,
    chance: Chance,
    start: Timestamp,
    rotations_done: u64,
    shared: Arc<Shared>,
}

impl Writer {
    /// Prepares `a.log`, `b.log` and the symbolic link `c.log` in `folder`.
    pub fn new(folder: &Path, seed: u64, shared: Arc<Shared>) -> Writer {
        std::fs::create_dir_all(folder.join("linked")).unwrap();
        let logs = ["a.log", "b.log", "c.log"].map(|name| {
            let path = folder.join(name);
            let linked = name == "c.log";
            let file =
                if linked { point_link(&path, folder, 0) } else { File::create(&path).unwrap() };
            Log { path, file, late: None, rest: None, linked }
        });
        // The recent past, so that no retention and no plausibility limit is near.
        let start = Timestamp::now() - SignedDuration::from_hours(3);
        let mut writer = Writer {
            folder: folder.to_owned(),
            logs: logs.into(),
            truth: Truth::default(),
            chance: Chance(seed),
            start,
            rotations_done: 0,
            shared,
        };
        for at in 0..writer.logs.len() {
            writer.begin_file(at);
        }
        writer
    }

    /// Writes and rotates until told to finish and every rotation has happened, then returns the
    /// truth.
    pub fn run(mut self) -> Truth {
        let rotations_min = ROTATIONS.len() as u64;
        while !self.shared.finish.load(Ordering::SeqCst) || self.rotations_done < rotations_min {
            for at in 0..self.logs.len() {
                self.write_some(at);
            }
            if self.chance.below(25) == 0 {
                self.rotate();
            }
            std::thread::sleep(PACE);
        }
        for at in 0..self.logs.len() {
            self.finish_line(at);
        }
        println!("{} records written, {} rotations", self.truth.total(), self.rotations_done);
        self.truth
    }

    /// Writes the banner and one line that no other file has, in one piece: of two files that begin
    /// with the same inode and the same bytes nobody could say whether they are one.
    fn begin_file(&mut self, at: usize) {
        let mut block = String::new();
        for number in 0..BANNER_LINES {
            self.truth.add(BANNER, self.start);
            block.push_str(&truth::line(BANNER, self.start, number));
            block.push('\n');
        }
        let (template, time, line) = self.next_line();
        self.truth.add(template, time);
        block.push_str(&format!("{line}\n"));
        self.logs[at].file.write_all(block.as_bytes()).unwrap();
    }

    /// Appends a few lines to a log; sometimes stops in the middle of the last.
    fn write_some(&mut self, at: usize) {
        self.finish_line(at);
        let mut block = String::new();
        for _ in 0..self.chance.below(20) {
            let (template, time, line) = self.next_line();
            self.truth.add(template, time);
            block.push_str(&line);
            block.push('\n');
        }
        if self.chance.below(5) == 0 {
            let (template, time, line) = self.next_line();
            let (half, rest) = line.split_at(self.chance.below(line.len() as u64) as usize);
            block.push_str(half);
            self.logs[at].rest = Some((template, time, format!("{rest}\n")));
        }
        self.logs[at].file.write_all(block.as_bytes()).unwrap();
        self.write_late(at);
    }

    /// Appends a line to the file that was renamed away, if one is still open.
    fn write_late(&mut self, at: usize) {
        let Some((mut file, left)) = self.logs[at].late.take() else { return };
        let (template, time, line) = self.next_line();
        file.write_all(format!("{line}\n").as_bytes()).unwrap();
        self.truth.add(template, time);
        if left > 1 {
            self.logs[at].late = Some((file, left - 1));
        }
    }

    fn finish_line(&mut self, at: usize) {
        if let Some((template, time, rest)) = self.logs[at].rest.take() {
            self.logs[at].file.write_all(rest.as_bytes()).unwrap();
            self.truth.add(template, time);
        }
    }

    fn next_line(&mut self) -> (usize, Timestamp, String) {
        let template = self.chance.below(BANNER as u64) as usize;
        let millis = self.chance.below(MINUTES * 60_000);
        let time = self.start + SignedDuration::from_millis(millis as i64);
        (template, time, truth::line(template, time, self.chance.next()))
    }

    /// Rotates one file in the way that is next.
    fn rotate(&mut self) {
        let rotation = ROTATIONS[(self.rotations_done % ROTATIONS.len() as u64) as usize];
        let linked = rotation == Rotation::SymlinkSwitch;
        let at = if linked { 2 } else { self.chance.below(2) as usize };
        debug_assert_eq!(self.logs[at].linked, linked);
        self.finish_line(at);
        self.rotations_done += 1;
        let path = self.logs[at].path.clone();
        let kept = PathBuf::from(format!("{}.{}", path.display(), self.rotations_done));
        match rotation {
            Rotation::Rename | Rotation::RenameWithLateWrites => {
                std::fs::rename(&path, kept).unwrap();
                let old = std::mem::replace(&mut self.logs[at].file, File::create(&path).unwrap());
                if rotation == Rotation::RenameWithLateWrites {
                    self.logs[at].late = Some((old, 20));
                }
            }
            Rotation::CopyTruncate => {
                self.settle();
                // Put in place whole: a half-made copy cannot be told from a new file by anybody.
                let copy = self.folder.join("copy-in-progress");
                std::fs::copy(&path, &copy).unwrap();
                std::fs::rename(copy, kept).unwrap();
                self.empty(at);
            }
            Rotation::Truncate => {
                self.settle();
                self.empty(at);
            }
            Rotation::DeleteAndRecreate => {
                self.settle();
                std::fs::remove_file(&path).unwrap();
                self.logs[at].file = File::create(&path).unwrap();
            }
            Rotation::SymlinkSwitch => {
                self.settle();
                self.logs[at].file = point_link(&path, &self.folder, self.rotations_done);
            }
        }
        self.begin_file(at);
    }

    /// Empties a log in place; the writer's descriptor goes on at the new end.
    fn empty(&mut self, at: usize) {
        let path = &self.logs[at].path;
        self.logs[at].file = File::options().append(true).open(path).unwrap();
        self.logs[at].file.set_len(0).unwrap();
    }

    /// Waits until everything written so far is counted, over as many engines as that takes.
    fn settle(&mut self) {
        for at in 0..self.logs.len() {
            self.finish_line(at);
        }
        let total = self.truth.total();
        await_some(&format!("{total} records to be counted before a rotation"), || {
            let address = self.shared.address.lock().unwrap().clone()?;
            (address.audit()?.number("counted") >= total).then_some(())
        });
    }
}

/// Makes `link` point to a new file in the folder `linked`, in one step, and opens that file.
fn point_link(link: &Path, folder: &Path, number: u64) -> File {
    let target = folder.join("linked").join(format!("part-{number}"));
    let file = File::create(&target).unwrap();
    let fresh = folder.join("link-in-progress");
    std::os::unix::fs::symlink(target, &fresh).unwrap();
    std::fs::rename(fresh, link).unwrap();
    file
}
