//! The `stdin` source: reads standard input to its end, at most once.
//!
//! A thread reads, since reading cannot be interrupted; it hands over through a bounded channel and
//! may stay behind when the engine stops. It is started once in the life of the source, so that a
//! restarted source loses nothing.
//!
//! *State and limits:* [`PIECES_MAX`] pieces of at most 256 KiB, and one unfinished line.

use crate::lines::{LINE_BYTES_DEFAULT, LINE_BYTES_MAX, LINE_BYTES_MIN, LineJoiner};
use engine::component::{
    Build, ComponentType, Delivery, Intake, Options, OptionsError, Source, SourceError, StreamKind,
};
use engine::model::{Offset, PartitionId};
use schemars::JsonSchema;
use serde::Deserialize;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The registry's entry.
pub const COMPONENT: ComponentType = ComponentType {
    name: "stdin",
    summary: "Reads standard input to its end; at most once.",
    inputs: &[],
    output: Some(StreamKind::Lines),
    schema: || schemars::schema_for!(StdinOptions),
    build: Build::Source(build),
};

/// How many pieces wait between the reading thread and the engine.
const PIECES_MAX: usize = 8;
/// How long to wait when nothing has arrived.
const IDLE: Duration = Duration::from_millis(5);

/// Options of the `stdin` source.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StdinOptions {
    /// Longest line in bytes; the rest of a longer one is dropped and the line is counted as cut.
    #[serde(default = "line_bytes_default")]
    pub max_line_bytes: usize,
}

fn line_bytes_default() -> usize {
    LINE_BYTES_DEFAULT
}

fn build(options: &Options) -> Result<Box<dyn Source>, Vec<OptionsError>> {
    let given: StdinOptions = options.parse()?;
    if !(LINE_BYTES_MIN..=LINE_BYTES_MAX).contains(&given.max_line_bytes) {
        let range = format!("must be between {LINE_BYTES_MIN} and {LINE_BYTES_MAX}");
        return Err(vec![OptionsError::at("max_line_bytes", range)]);
    }
    Ok(Box::new(StdinSource::new(given.max_line_bytes, || Box::new(io::stdin()))))
}

type Piece = io::Result<Vec<u8>>;
type Open = fn() -> Box<dyn Read + Send>;

struct StdinSource {
    line_max: usize,
    open: Open,
    reading: Mutex<Option<Reading>>,
}

/// A reading thread's other end.
struct Reading {
    pieces: Receiver<Piece>,
    joiner: LineJoiner,
    bytes_read: u64,
}

impl StdinSource {
    fn new(line_max: usize, open: Open) -> Self {
        Self { line_max, open, reading: Mutex::new(None) }
    }

    fn start(&self) -> Result<Reading, SourceError> {
        let (sender, pieces) = sync_channel(PIECES_MAX);
        let open = self.open;
        std::thread::Builder::new()
            .name("stdin".into())
            .spawn(move || read_all(open(), &sender))
            .map_err(|error| failed("could not start a thread for standard input", error))?;
        Ok(Reading { pieces, joiner: LineJoiner::new(self.line_max), bytes_read: 0 })
    }
}

impl Source for StdinSource {
    fn run(&self, intake: &mut dyn Intake) -> Result<(), SourceError> {
        let mut guard = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let reading = match &mut *guard {
            Some(reading) => reading,
            None => guard.insert(self.start()?),
        };
        while !intake.stopped() {
            match reading.pieces.try_recv() {
                Ok(Ok(piece)) => {
                    reading.bytes_read += piece.len() as u64;
                    let lines = reading.joiner.push(&piece);
                    let end = Some(Offset(format!("{{\"bytes\":{}}}", reading.bytes_read)));
                    if !lines.0.is_empty() {
                        intake.send(delivery(lines, end))?;
                    }
                }
                Ok(Err(error)) => return Err(failed("cannot read standard input", error)),
                Err(TryRecvError::Empty) => intake.wait(IDLE)?,
                Err(TryRecvError::Disconnected) => {
                    intake.send(delivery(reading.joiner.finish(), None))?;
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

fn read_all(mut input: Box<dyn Read + Send>, pieces: &SyncSender<Piece>) {
    let mut buffer = vec![0; Delivery::BYTES_AIM];
    loop {
        let piece = match input.read(&mut buffer) {
            Ok(0) => return,
            Ok(n) => Ok(buffer[..n].to_vec()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let failed = piece.is_err();
        if pieces.send(piece).is_err() || failed {
            return;
        }
    }
}

fn delivery((bytes, lines_cut): (Vec<u8>, u64), end: Option<Offset>) -> Delivery {
    let partition = PartitionId("stdin".into());
    Delivery { partition, bytes, end, received: None, lines_cut, lost_bytes: 0, lag_bytes: 0 }
}

fn failed(what: &str, error: io::Error) -> SourceError {
    SourceError { what: format!("{what}: {error}"), retry: false, cause: Some(Box::new(error)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::model::EventTime;
    use engine::testing::FakeIntake;

    #[test]
    fn all_lines_arrive_and_the_last_one_needs_no_end() {
        let source = StdinSource::new(1000, || Box::new(&b"one\ntwo\r\nthree"[..]));
        let mut intake = FakeIntake::at(EventTime(0));
        source.run(&mut intake).unwrap();
        assert_eq!(intake.lines(), ["one", "two\r", "three"]);
        assert_eq!(intake.deliveries().last().unwrap().end, None);
    }

    #[test]
    fn limit_long_lines_are_cut_and_counted() {
        let source = StdinSource::new(64, || Box::new(io::repeat(b'x').take(10_000_000)));
        let mut intake = FakeIntake::at(EventTime(0));
        source.run(&mut intake).unwrap();
        assert_eq!(intake.lines(), ["x".repeat(64)]);
        assert_eq!(intake.lines_cut(), 1);
    }

    struct Silent;
    impl Read for Silent {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            std::thread::park();
            Ok(0)
        }
    }

    #[test]
    fn a_stop_is_noticed_while_nothing_arrives() {
        let source = StdinSource::new(64, || Box::new(Silent));
        let mut intake = FakeIntake::at(EventTime(0)).stop_after_waits(3);
        assert!(source.run(&mut intake).is_err());
    }

    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("cable cut"))
        }
    }

    #[test]
    fn a_read_error_ends_the_source_with_its_cause() {
        let source = StdinSource::new(64, || Box::new(Broken));
        let error = source.run(&mut FakeIntake::at(EventTime(0))).unwrap_err();
        assert_eq!(error.what, "cannot read standard input: cable cut");
    }
}
