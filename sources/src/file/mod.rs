//! The `file` source: follows files through rotation, truncation and restarts, and delivers each
//! complete line exactly once.
//!
//! ```text
//! patterns ─discovery─► files ─reconcile─► tracks ─reader─► deliveries
//!                               │ rotation decides         │ anchors prove that the content
//!                               ▼                          ▼ before the position was read
//!                     renamed, copied, gone           whole lines, Offset
//! ```
//! *Promises:* a partition is one content stream, the life of a file, whatever its name. Exact across
//! rename, copy and truncate, truncate and regrow, delete and recreate, a switched symbolic link and
//! a reused inode, also over restarts (I3). Bytes that were known and are gone are `lost_bytes`. One
//! unreadable or very busy file does not disturb the others (I7).
//!
//! *Not exact:* bytes never seen before they were truncated or deleted are not in the numbers at all;
//! a file truncated to a part of its old content (not to nothing) is read again from its beginning.
//! A file whose content up to the position is byte for byte what another life of the *same inode*
//! had there cannot be told from it. A crash within moments of a line written between copy and
//! truncation may count the copied lines again, if the original was read in one piece with that line.
//!
//! *State and limits:* [`Limits`]; per file about 1.5 KiB.
//!
//! *Not here:* decoding, joining of lines (`operators`).

mod anchor;
mod config;
mod discovery;
mod follower;
mod identity;
mod offset;
mod reader;
mod reconcile;
mod rotation;
#[cfg(test)]
mod tests;
mod track;
mod trouble;

use config::{FileConfig, FileOptions};
use engine::component::{
    Build, ComponentType, Intake, Options, OptionsError, Source, SourceError, StreamKind,
};
use follower::{Follower, Progress};
use std::time::Duration;

pub use config::StartAt;

/// The registry's entry.
pub const COMPONENT: ComponentType = ComponentType {
    name: "file",
    summary: "Follows log files through rotation; every complete line exactly once.",
    inputs: &[],
    output: Some(StreamKind::Lines),
    schema: || schemars::schema_for!(FileOptions),
    build: Build::Source(build),
};

fn build(options: &Options) -> Result<Box<dyn Source>, Vec<OptionsError>> {
    let config = FileConfig::from_options(options)?;
    Ok(Box::new(FileSource { config, limits: Limits::default() }))
}

/// Bounds of everything that grows, and how long rotated files are waited for.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most files followed.
    pub files_max: usize,
    /// Most files open at a time.
    pub open_files_max: usize,
    /// How long a rotated file must be unchanged until its unfinished last line is delivered, and a
    /// deleted one is given up.
    pub rotated_grace: Duration,
    /// How long a file without a known path must be unchanged until it is given up.
    pub away_grace: Duration,
    /// Longest time between two looks for new files.
    pub rescan: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files_max: 32_768,
            open_files_max: 256,
            rotated_grace: Duration::from_secs(5),
            away_grace: Duration::from_secs(60),
            rescan: Duration::from_secs(1),
        }
    }
}

/// A configured `file` source.
#[derive(Debug)]
struct FileSource {
    config: FileConfig,
    limits: Limits,
}

impl Source for FileSource {
    fn check(&self) -> Result<String, SourceError> {
        let found = discovery::discover(&self.config, &self.limits);
        if let Some((path, cause)) = found.troubles.first() {
            let what = format!("cannot read {}: {cause}", path.display());
            return Err(SourceError { what, retry: true, cause: None });
        }
        for file in &found.files {
            if let Err(identity::Unreadable::Because(cause)) =
                identity::open(&file.path, &self.config.within)
            {
                let what = format!("cannot read {}: {cause}", file.path.display());
                return Err(SourceError { what, retry: true, cause: None });
            }
        }
        let bytes: u64 = found.files.iter().map(|file| file.facts.size).sum();
        Ok(match found.files.len() {
            0 => "no file matches yet".to_owned(),
            1 => format!("1 file matches, {bytes} bytes"),
            files => format!("{files} files match, {bytes} bytes"),
        })
    }

    fn run(&self, intake: &mut dyn Intake) -> Result<(), SourceError> {
        let mut follower = Follower::new(self.config.clone(), self.limits.clone(), intake)?;
        intake.catching_up(true);
        while !intake.stopped() {
            match follower.poll_once(intake)? {
                Progress::More => {}
                Progress::Idle => {
                    intake.catching_up(false);
                    intake.wait(self.config.poll)?;
                }
                Progress::Finished => return Ok(()),
            }
        }
        Ok(())
    }
}
