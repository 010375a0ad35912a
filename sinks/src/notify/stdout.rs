//! The notifier `stdout`: one line for each notice, for people or for programs.
//!
//! A pipe that nobody reads blocks whoever writes to it, so a thread of its own writes, and an attempt waits
//! for that no longer than the contract says.
//! *State and limits:* the thread has [`LINES_WAITING_MAX`] line before it; an attempt that finds it busy is
//! made again later.

use super::INPUTS;
use super::webhook;
use super::words::Words;
use engine::component::{Build, Built, ComponentType, DeliveryError, Message, Notifier, Options};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread;
use std::time::Duration;

/// Lines that wait for the thread that writes.
const LINES_WAITING_MAX: usize = 1;

/// The component type `stdout`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "stdout",
    summary: "Prints notices, one line each.",
    inputs: INPUTS,
    output: None,
    schema: || schema_for!(StdoutOptions),
    build: Build::Notifier(build),
};

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// A sentence.
    #[default]
    Text,
    /// The JSON of the notifier `webhook`.
    Json,
}

/// Options of the notifier `stdout`.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct StdoutOptions {
    /// How a line is written: `text` for people, or `json`, which is what the notifier `webhook` posts.
    format: Format,
}

fn build(options: &Options) -> Built<dyn Notifier> {
    let StdoutOptions { format } = options.parse()?;
    let attempt_max = <dyn Notifier>::ATTEMPT_MAX;
    Ok(Box::new(Stdout { format, open: || Box::new(io::stdout()), writer: None, attempt_max }))
}

/// Returns the line of a message.
fn render(message: &Message, format: Format) -> String {
    if format == Format::Json {
        return webhook::render(message);
    }
    let words = Words::of(message);
    let mut line = format!("{} {}", message.notice.at, words.headline());
    if !words.summary.is_empty() {
        line.push_str(" — ");
        line.push_str(&words.summary);
    }
    let others = message.notice.alerts.len().saturating_sub(1) + message.notice.more as usize;
    if others > 0 {
        line.push_str(&format!(" (and {others} more)"));
    }
    if let Some(link) = &words.link {
        line.push(' ');
        line.push_str(link);
    }
    line
}

/// A [`Notifier`] that prints.
struct Stdout {
    format: Format,
    open: fn() -> Box<dyn Write + Send>,
    writer: Option<Writer>,
    attempt_max: Duration,
}

/// The thread that writes.
struct Writer {
    lines: SyncSender<String>,
    written: Receiver<io::Result<()>>,
}

impl Writer {
    fn start(mut out: Box<dyn Write + Send>) -> io::Result<Self> {
        let (lines, waiting) = mpsc::sync_channel::<String>(LINES_WAITING_MAX);
        let (report, written) = mpsc::sync_channel(LINES_WAITING_MAX);
        thread::Builder::new().name("notify-stdout".to_owned()).spawn(move || {
            for mut line in waiting {
                line.push('\n');
                let result = out.write_all(line.as_bytes()).and_then(|()| out.flush());
                // Nobody waits any more for a line that took too long.
                let _ = report.try_send(result);
            }
        })?;
        Ok(Self { lines, written })
    }

    fn write(&self, line: String, wait_max: Duration) -> io::Result<()> {
        // What is here now belongs to an attempt that was given up.
        while self.written.try_recv().is_ok() {}
        let busy = || io::Error::new(io::ErrorKind::TimedOut, "nobody reads it");
        let ended = || io::Error::other("the thread that writes has ended");
        match self.lines.try_send(line) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(busy()),
            Err(TrySendError::Disconnected(_)) => return Err(ended()),
        }
        match self.written.recv_timeout(wait_max) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(busy()),
            Err(RecvTimeoutError::Disconnected) => Err(ended()),
        }
    }
}

impl Notifier for Stdout {
    fn deliver(&mut self, message: &Message) -> Result<(), DeliveryError> {
        let line = render(message, self.format);
        let writer = match self.writer.take() {
            Some(writer) => Ok(writer),
            None => Writer::start((self.open)()),
        };
        let result = writer.and_then(|writer| {
            let writer = self.writer.insert(writer);
            writer.write(line, self.attempt_max)
        });
        result.map_err(|error| {
            let reason = format!("could not write to the standard output: {error}");
            DeliveryError::Later { reason, after: None }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, golden};
    use super::*;
    use serde_json::json;
    use std::path::PathBuf;

    /// A pipe that nobody reads.
    struct Stuck;

    impl Write for Stuck {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            loop {
                thread::park();
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A pipe whose reader is gone.
    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn stdout(open: fn() -> Box<dyn Write + Send>) -> Stdout {
        let attempt_max = Duration::from_millis(50);
        Stdout { format: Format::Text, open, writer: None, attempt_max }
    }

    #[test]
    fn golden_a_line_for_each_notice() {
        let mut lines = String::new();
        for message in [
            samples::fired(),
            samples::acknowledged(),
            samples::amended(),
            samples::resolved(),
            samples::many(),
        ] {
            lines.push_str(&render(&message, Format::Text));
            lines.push('\n');
        }
        golden("stdout.txt", &lines);
    }

    #[test]
    fn json_is_one_line_that_the_webhook_would_post() {
        let line = render(&samples::amended(), Format::Json);
        assert!(!line.contains('\n'));
        assert_eq!(line, webhook::render(&samples::amended()));
    }

    #[test]
    fn a_line_is_written_before_it_counts_as_delivered() {
        let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
        let (report, attempt_max) = (std::fs::File::create(&path).unwrap(), Duration::from_secs(5));
        let writer = Writer::start(Box::new(report)).unwrap();
        let open = || -> Box<dyn Write + Send> { Box::new(io::sink()) };
        let mut stdout = Stdout { format: Format::Text, open, writer: Some(writer), attempt_max };
        stdout.deliver(&samples::fired()).unwrap();
        let written = std::fs::metadata(&path).unwrap().len();
        assert_eq!(written as usize, render(&samples::fired(), Format::Text).len() + 1);
    }

    #[test]
    fn limit_a_pipe_that_nobody_reads_costs_no_more_than_an_attempt() {
        let mut stdout = stdout(|| Box::new(Stuck));
        for _ in 0..3 {
            let error = stdout.deliver(&samples::fired()).unwrap_err();
            assert!(error.to_string().ends_with("nobody reads it"), "{error}");
        }
    }

    #[test]
    fn a_pipe_that_broke_is_told() {
        let mut stdout = stdout(|| Box::new(Broken));
        let error = stdout.deliver(&samples::fired()).unwrap_err();
        assert!(matches!(&error, DeliveryError::Later { .. }), "{error:?}");
    }

    #[test]
    fn options_are_text_or_json() {
        let build = |value| build(&Options { id: "out".to_owned(), value, base: PathBuf::new() });
        assert!(build(json!({})).is_ok() && build(json!({"format": "json"})).is_ok());
        assert!(build(json!({"format": "xml"})).is_err());
    }
}
