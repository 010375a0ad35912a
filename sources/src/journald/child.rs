//! Child: a program whose output is read on a thread of its own, so that a stop is noticed while it
//! says nothing. It is killed when it is let go.

use engine::component::SourceError;
use std::io::{self, Read as _};
use std::process::{self, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};

/// Bytes read at a time.
pub const PIECE_BYTES: usize = 64 * 1024;
/// Pieces that wait to be taken.
pub const PIECES_MAX: usize = 8;
/// How much is kept of what the program complains.
pub const COMPLAINT_BYTES_MAX: usize = 1024;

/// What there is to read.
pub enum Read {
    /// Some bytes.
    Piece(Vec<u8>),
    /// Nothing at the moment.
    Nothing,
    /// Nothing ever again.
    End,
}

/// A running program.
pub struct Child {
    process: process::Child,
    pieces: Receiver<Vec<u8>>,
    complaints: Receiver<Vec<u8>>,
}

impl Child {
    /// Starts `command`, its program first, with further arguments.
    pub fn start(command: &[String], arguments: &[String]) -> Result<Self, SourceError> {
        let (program, first) = command.split_first().ok_or_else(|| SourceError {
            what: "no program is named".into(),
            retry: false,
            cause: None,
        })?;
        let failed = |error: io::Error| SourceError {
            what: format!("cannot start \"{program}\": {error}"),
            retry: true,
            cause: Some(Box::new(error)),
        };
        let mut process = Command::new(program)
            .args(first)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let (output, errors) = (process.stdout.take(), process.stderr.take());
        let (piece_sender, pieces) = sync_channel(PIECES_MAX);
        let (complaint_sender, complaints) = sync_channel(1);
        let child = Self { process, pieces, complaints };
        if let (Some(output), Some(errors)) = (output, errors) {
            spawn("journal", move || read_all(output, &piece_sender)).map_err(failed)?;
            spawn("journal-errors", move || {
                // Whoever no longer listens has no use for it.
                let _heard = complaint_sender.send(read_first(errors));
            })
            .map_err(failed)?;
        }
        Ok(child)
    }

    /// Returns what there is to read.
    pub fn read(&mut self) -> Read {
        match self.pieces.try_recv() {
            Ok(piece) => Read::Piece(piece),
            Err(TryRecvError::Empty) => Read::Nothing,
            Err(TryRecvError::Disconnected) => Read::End,
        }
    }

    /// Returns why it ended, as it said itself.
    pub fn complaint(mut self, program: &str) -> SourceError {
        let status =
            self.process.wait().map_or_else(|e| e.to_string(), |status| status.to_string());
        let said = self.complaints.recv().unwrap_or_default();
        let said = String::from_utf8_lossy(said.trim_ascii()).replace('\n', "; ");
        let said = if said.is_empty() { String::new() } else { format!(": {said}") };
        SourceError {
            what: format!("\"{program}\" ended ({status}){said}"),
            retry: true,
            cause: None,
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _gone = self.process.kill();
        let _status = self.process.wait();
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.into()).spawn(body).map(drop)
}

fn read_all(mut output: process::ChildStdout, pieces: &SyncSender<Vec<u8>>) {
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        match output.read(&mut buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(0) | Err(_) => return,
            Ok(count) => {
                if pieces.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        }
    }
}

/// Reads to the end and keeps the first bytes.
fn read_first(mut errors: process::ChildStderr) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = errors.read(&mut buffer) {
        let room = COMPLAINT_BYTES_MAX - kept.len();
        kept.extend_from_slice(&buffer[..count.min(room)]);
    }
    kept
}
