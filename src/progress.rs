//! How far reading has come, on standard error: a bar with lines a second and the time that is left, if that is a
//! terminal, and in the end one line that says how fast it was.

use engine::component::{Delivery, Intake, Source, SourceError, SourceHealth, Stopped};
use engine::model::{EventTime, Offset, PartitionId, SourceIndex};
use engine::runtime::{Observer, SourceReport};
use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Reading that goes on.
pub struct Reading {
    bar: ProgressBar,
    lines: Arc<AtomicU64>,
}

impl Reading {
    /// Returns reading of so many bytes; `None` if nobody knows how many.
    pub fn new(bytes: Option<u64>) -> Reading {
        let lines = Arc::new(AtomicU64::new(0));
        let template = match bytes {
            Some(_) => "{bar:40} {bytes}/{total_bytes} {lines_per_sec} {eta} left",
            None => "{spinner} {bytes} {lines_per_sec}",
        };
        let read = Arc::clone(&lines);
        let rate = move |state: &ProgressState, text: &mut dyn Write| {
            let rate = per_second(read.load(Ordering::Relaxed), state.elapsed());
            // Nobody misses a number that cannot be drawn.
            let _ = write!(text, "{rate:.0} lines/s");
        };
        let style =
            ProgressStyle::with_template(template).map(|it| it.with_key("lines_per_sec", rate));
        Reading { bar: shown(bytes, style.ok()), lines }
    }

    /// Returns a source whose lines are counted here.
    pub fn watch(&self, source: Box<dyn Source>) -> Box<dyn Source> {
        Box::new(Watched { source, lines: Arc::clone(&self.lines) })
    }

    /// Takes the bar away and says how fast it was.
    pub fn finish(&self) {
        let (lines, took) = (self.lines.load(Ordering::Relaxed), self.bar.elapsed());
        self.bar.finish_and_clear();
        let (secs, rate) = (took.as_secs_f64(), per_second(lines, took));
        eprintln!("{lines} lines in {secs:.2} s: {rate:.0} lines/s");
    }
}

/// Returns a bar of so many steps on standard error, with how many a second and the time that is left.
pub fn steps(of: u64, what: &str) -> ProgressBar {
    let template = format!("{{bar:40}} {{pos}}/{{len}} {what}, {{per_sec}}, {{eta}} left");
    shown(Some(of), ProgressStyle::with_template(&template).ok())
}

fn shown(length: Option<u64>, style: Option<ProgressStyle>) -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = length.map_or_else(ProgressBar::new_spinner, ProgressBar::new);
    match style {
        Some(style) => bar.with_style(style),
        None => bar,
    }
}

fn per_second(n: u64, took: Duration) -> f64 {
    n as f64 / took.as_secs_f64().max(1e-9)
}

impl Observer for Reading {
    fn received(&self, _source: SourceIndex, bytes: usize) {
        self.bar.inc(bytes as u64);
    }

    fn source(&self, _source: SourceIndex, state: SourceReport) {
        use SourceReport::{BackingOff, Degraded, Failed};
        if let Degraded(sentence) | BackingOff(sentence) | Failed(sentence) = state {
            self.bar.suspend(|| eprintln!("warning: {sentence}"));
        }
    }
}

/// A source whose lines are counted.
struct Watched {
    source: Box<dyn Source>,
    lines: Arc<AtomicU64>,
}

impl Source for Watched {
    fn run(&self, intake: &mut dyn Intake) -> Result<(), SourceError> {
        self.source.run(&mut Counting { intake, lines: &self.lines })
    }

    fn check(&self) -> Result<String, SourceError> {
        self.source.check()
    }
}

/// An intake that counts the lines that pass.
struct Counting<'a> {
    intake: &'a mut dyn Intake,
    lines: &'a AtomicU64,
}

impl Intake for Counting<'_> {
    fn resume(&self) -> Vec<(PartitionId, Offset)> {
        self.intake.resume()
    }

    fn send(&mut self, delivery: Delivery) -> Result<(), Stopped> {
        self.lines.fetch_add(lines_of(&delivery.bytes), Ordering::Relaxed);
        self.intake.send(delivery)
    }

    fn committed(&self, partition: &PartitionId) -> Option<Offset> {
        self.intake.committed(partition)
    }

    fn stopped(&self) -> bool {
        self.intake.stopped()
    }

    fn wait(&mut self, at_most: Duration) -> Result<(), Stopped> {
        self.intake.wait(at_most)
    }

    fn now(&self) -> EventTime {
        self.intake.now()
    }

    fn catching_up(&mut self, is: bool) {
        self.intake.catching_up(is);
    }

    fn report(&mut self, health: SourceHealth) {
        self.intake.report(health);
    }
}

/// Returns how many lines there are; the last one may lack its end.
fn lines_of(bytes: &[u8]) -> u64 {
    let ends = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    ends + u64::from(bytes.last().is_some_and(|last| *last != b'\n'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_line_without_an_end_is_a_line() {
        for (text, lines) in [("", 0), ("a\n", 1), ("a\nb", 2), ("\n\n", 2)] {
            assert_eq!(lines_of(text.as_bytes()), lines, "{text:?}");
        }
    }
}
