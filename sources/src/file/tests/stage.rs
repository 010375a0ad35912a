//! Stage: a folder, a source and an intake, with the things that happen to log files as methods.

use super::super::Limits;
use super::super::config::FileConfig;
use super::super::follower::{Follower, Progress};
use engine::component::{Options, SourceError};
use engine::model::EventTime;
use engine::testing::FakeIntake;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

pub struct Stage {
    pub folder: TempDir,
    pub intake: FakeIntake,
    pub limits: Limits,
    pub options: serde_json::Value,
    follower: Option<Follower>,
}

impl Stage {
    /// A source that follows files whose path, below the folder, matches `pattern`.
    pub fn new(pattern: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let include = folder.path().join(pattern);
        Self {
            options: serde_json::json!({ "include": [include] }),
            folder,
            intake: FakeIntake::at(EventTime::from_secs(1_700_000_000)),
            limits: Limits::default(),
            follower: None,
        }
    }

    pub fn option(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.options[name] = value.into();
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        let mut file = OpenOptions::new().append(true).create(true).open(path).unwrap();
        file.write_all(text.as_ref()).unwrap();
    }

    pub fn rename(&self, from: &str, to: &str) {
        fs::rename(self.path(from), self.path(to)).unwrap();
    }

    pub fn copy(&self, from: &str, to: &str) {
        fs::copy(self.path(from), self.path(to)).unwrap();
    }

    pub fn truncate(&self, name: &str) {
        OpenOptions::new().write(true).open(self.path(name)).unwrap().set_len(0).unwrap();
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    pub fn config(&self) -> FileConfig {
        let options =
            Options { id: "app".into(), value: self.options.clone(), base: PathBuf::from("/") };
        FileConfig::from_options(&options).unwrap()
    }

    /// One step, a second after the last one, and more while there is more to read.
    pub fn poll(&mut self) -> Progress {
        self.try_poll().unwrap()
    }

    pub fn try_poll(&mut self) -> Result<Progress, SourceError> {
        if self.follower.is_none() {
            let (config, limits) = (self.config(), self.limits.clone());
            self.follower = Some(Follower::new(config, limits, &self.intake)?);
        }
        self.intake.advance(Duration::from_secs(1));
        let follower = self.follower.as_mut().unwrap();
        for _ in 0..100_000 {
            match follower.poll_once(&mut self.intake)? {
                Progress::More => {}
                progress => return Ok(progress),
            }
        }
        panic!("the source finds no end");
    }

    /// Steps until rotated files have been quiet for long.
    pub fn poll_for_long(&mut self) {
        for _ in 0..70 {
            self.poll();
        }
    }

    /// Crashes with the first `committed` deliveries of this life stored.
    pub fn crash(&mut self, committed: usize) {
        self.intake = self.intake.crash(committed);
        self.follower = None;
    }

    /// Crashes with everything stored.
    pub fn restart(&mut self) {
        self.crash(self.intake.deliveries().len());
    }
}
