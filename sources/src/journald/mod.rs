//! The `journald` source: reads the system's journal through `journalctl`, exactly once.
//!
//! ```text
//! journalctl -o export -f --after-cursor=… ──pipe──► reading thread ──[ bounded ]──► entries ──► lines
//! ```
//! Partition: `journal`. Offset: the cursor of the last entry that was sent; `journalctl` goes on behind
//! it, or behind the nearest entry that is left if it was rotated away. An entry becomes one JSON line
//! with the names of its fields ([`export`]); one without a message is skipped.
//!
//! *State and limits:* [`PIECES_MAX`] pieces of [`PIECE_BYTES`], one unfinished entry, one chunk of
//! lines; [`COMPLAINT_BYTES_MAX`] of what the program complains. *Not here:* journals that others push
//! (`http`).

mod child;
pub mod export;

use crate::lines::{LINE_BYTES_DEFAULT, LINE_BYTES_MAX, LINE_BYTES_MIN};
use child::{Child, Read};
use engine::component::{
    Build, ComponentType, Delivery, Intake, Options, OptionsError, Source, SourceError, Stopped,
    StreamKind,
};
use engine::model::{Offset, PartitionId};
use export::{Entry, Reader};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

pub use child::{COMPLAINT_BYTES_MAX, PIECE_BYTES, PIECES_MAX};

/// The registry's entry.
pub const COMPONENT: ComponentType = ComponentType {
    name: "journald",
    summary: "Follows the system's journal through journalctl; exactly once.",
    inputs: &[],
    output: Some(StreamKind::Lines),
    schema: || schemars::schema_for!(JournaldOptions),
    build: Build::Source(build),
};

/// The one partition.
const PARTITION: &str = "journal";
/// How long to wait when nothing has arrived.
const IDLE: Duration = Duration::from_millis(20);

/// Where a first start begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Start {
    /// With what is written from now on.
    #[default]
    End,
    /// With the oldest entry that is left.
    Beginning,
}

/// Options of the `journald` source.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JournaldOptions {
    /// The program and its first arguments; what chooses format and place is added. Name units with
    /// `["journalctl", "--unit=app.service"]`.
    #[serde(default = "command_default")]
    pub command: Vec<String>,
    /// Where the first start begins: `end` or `beginning`. Later ones go on where the last one was.
    #[serde(default)]
    pub start: Start,
    /// Longest line in bytes; an entry that would be longer is cut and counted as cut.
    #[serde(default = "line_bytes_default")]
    pub max_line_bytes: usize,
}

fn command_default() -> Vec<String> {
    vec!["journalctl".to_owned()]
}

fn line_bytes_default() -> usize {
    LINE_BYTES_DEFAULT
}

fn build(options: &Options) -> Result<Box<dyn Source>, Vec<OptionsError>> {
    let given: JournaldOptions = options.parse()?;
    let mut errors = Vec::new();
    if !(LINE_BYTES_MIN..=LINE_BYTES_MAX).contains(&given.max_line_bytes) {
        let range = format!("must be between {LINE_BYTES_MIN} and {LINE_BYTES_MAX}");
        errors.push(OptionsError::at("max_line_bytes", range));
    }
    if given.command.first().is_none_or(String::is_empty) {
        errors.push(OptionsError::at("command", "must name a program"));
    }
    if errors.is_empty() { Ok(Box::new(JournaldSource(given))) } else { Err(errors) }
}

struct JournaldSource(JournaldOptions);

/// The Offset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    cursor: String,
}

impl JournaldSource {
    /// Returns what is added to the command.
    fn arguments(&self, place: Option<&Place>) -> Vec<String> {
        let mut arguments: Vec<String> =
            ["--output=export", "--follow", "--no-pager"].map(str::to_owned).into();
        arguments.push(match (place, self.0.start) {
            (Some(place), _) => format!("--after-cursor={}", place.cursor),
            (None, Start::Beginning) => "--no-tail".to_owned(),
            (None, Start::End) => "--lines=0".to_owned(),
        });
        if place.is_some() {
            // Without it, following begins with the last ten entries.
            arguments.push("--no-tail".to_owned());
        }
        arguments
    }
}

/// Lines that wait to be sent.
#[derive(Default)]
struct Batch {
    lines: Vec<u8>,
    cut: u64,
    cursor: Option<String>,
}

impl Batch {
    fn add(&mut self, entry: Entry) {
        self.cursor = entry.cursor.or(self.cursor.take());
        if let Some(line) = entry.line {
            self.cut += u64::from(entry.is_cut);
            self.lines.extend_from_slice(&line);
            self.lines.push(b'\n');
        }
    }

    /// Sends what there is, if it is known where to go on behind it.
    fn send(&mut self, intake: &mut dyn Intake) -> Result<(), Stopped> {
        let Some(cursor) = self.cursor.take() else { return Ok(()) };
        let Batch { lines, cut, .. } = std::mem::take(self);
        let end = serde_json::json!(Place { cursor }).to_string();
        intake.send(Delivery {
            partition: PartitionId(PARTITION.into()),
            bytes: lines,
            end: Some(Offset(end)),
            received: None,
            lines_cut: cut,
            lost_bytes: 0,
            lag_bytes: 0,
        })
    }
}

impl Source for JournaldSource {
    fn check(&self) -> Result<String, SourceError> {
        let one = ["--output=export", "--lines=1", "--no-pager"].map(str::to_owned);
        Child::start(&self.0.command, &one)?;
        Ok(format!("\"{}\" can be started", self.0.command[0]))
    }

    fn run(&self, intake: &mut dyn Intake) -> Result<(), SourceError> {
        let resumed = intake.resume().into_iter().find(|(id, _)| &*id.0 == PARTITION);
        let place = resumed.and_then(|(_, offset)| serde_json::from_str::<Place>(&offset.0).ok());
        let mut child = Child::start(&self.0.command, &self.arguments(place.as_ref()))?;
        let mut reader = Reader::new(self.0.max_line_bytes);
        let mut batch = Batch::default();
        intake.catching_up(true);
        while !intake.stopped() {
            match child.read() {
                Read::Piece(piece) => {
                    // An entry without its cursor could not be resumed behind.
                    reader.push(&piece, |entry| batch.add(entry));
                    if batch.lines.len() >= Delivery::BYTES_AIM {
                        batch.send(intake)?;
                    }
                }
                Read::Nothing => {
                    batch.send(intake)?;
                    intake.catching_up(false);
                    intake.wait(IDLE)?;
                }
                Read::End => {
                    batch.send(intake)?;
                    return Err(child.complaint(&self.0.command[0]));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
