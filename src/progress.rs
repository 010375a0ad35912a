//! How far reading has come, on standard error: a bar with lines a second and the time that is left, if that is a
//! terminal, and in the end one line that says how fast it was.

use engine::component::{Delivery, Intake, Source, SourceError, SourceHealth, Stopped};
use engine::model::{EventTime, Offset, PartitionId, SourceIndex};
use engine::runtime::{Observer, SourceReport};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
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
        Reading::on(target(std::io::stderr().is_terminal()), bytes)
    }

    fn on(target: ProgressDrawTarget, bytes: Option<u64>) -> Reading {
        let lines = Arc::new(AtomicU64::new(0));
        let template = match bytes {
            Some(_) => "{bar:40} {bytes}/{total_bytes} {lines_per_sec} {eta} left",
            None => "{spinner} {bytes} {lines_per_sec}",
        };
        let read = Arc::clone(&lines);
        let rate = move |state: &ProgressState, text: &mut dyn Write| {
            // Nobody misses a number that cannot be drawn.
            let _ = text.write_str(&throughput(read.load(Ordering::Relaxed), state.elapsed()));
        };
        let style =
            ProgressStyle::with_template(template).map(|it| it.with_key("lines_per_sec", rate));
        Reading { bar: bar(target, bytes, style.ok()), lines }
    }

    /// Returns a source whose lines are counted here.
    pub fn watch(&self, source: Box<dyn Source>) -> Box<dyn Source> {
        Box::new(Watched { source, lines: Arc::clone(&self.lines) })
    }

    /// Takes the bar away and says how fast it was.
    pub fn finish(&self) {
        let (lines, took) = (self.lines.load(Ordering::Relaxed), self.bar.elapsed());
        self.bar.finish_and_clear();
        eprintln!("{}", outcome(lines, took));
    }
}

/// Returns a bar of so many steps on standard error, with how many a second and the time that is left.
pub fn steps(of: u64, what: &str) -> ProgressBar {
    steps_on(target(std::io::stderr().is_terminal()), of, what)
}

fn steps_on(target: ProgressDrawTarget, of: u64, what: &str) -> ProgressBar {
    let template = format!("{{bar:40}} {{pos}}/{{len}} {what}, {{per_sec}}, {{eta}} left");
    bar(target, Some(of), ProgressStyle::with_template(&template).ok())
}

/// Returns where bars are drawn: on standard error, and nowhere if that is no terminal.
fn target(is_terminal: bool) -> ProgressDrawTarget {
    if is_terminal { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() }
}

fn bar(
    target: ProgressDrawTarget,
    length: Option<u64>,
    style: Option<ProgressStyle>,
) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(length, target);
    match style {
        Some(style) => bar.with_style(style),
        None => bar,
    }
}

/// Returns the last line: how much was read, how long it took, how fast that is.
fn outcome(lines: u64, took: Duration) -> String {
    format!("{lines} lines in {:.2} s: {}", took.as_secs_f64(), throughput(lines, took))
}

fn throughput(lines: u64, took: Duration) -> String {
    format!("{:.0} lines/s", lines as f64 / took.as_secs_f64().max(1e-9))
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
    use indicatif::TermLike;
    use std::io;
    use std::sync::{Mutex, PoisonError};

    /// A terminal that remembers every line that was drawn on it.
    #[derive(Clone, Debug, Default)]
    struct FakeTerminal(Arc<Mutex<Vec<String>>>);

    impl FakeTerminal {
        fn target(&self) -> ProgressDrawTarget {
            ProgressDrawTarget::term_like(Box::new(self.clone()))
        }

        /// Returns the drawn lines that are not blank.
        fn drawn(&self) -> Vec<String> {
            let drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            drawn.iter().filter(|line| !line.trim().is_empty()).cloned().collect()
        }
    }

    impl TermLike for FakeTerminal {
        fn width(&self) -> u16 {
            120
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, line: &str) -> io::Result<()> {
            self.write_str(line)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_last_line_without_an_end_is_a_line() {
        for (text, lines) in [("", 0), ("a\n", 1), ("a\nb", 2), ("\n\n", 2)] {
            assert_eq!(lines_of(text.as_bytes()), lines, "{text:?}");
        }
    }

    #[test]
    fn throughput_is_lines_by_the_time_they_took() {
        for (lines, millis, said) in [
            (0, 0, "0 lines in 0.00 s: 0 lines/s"),
            (0, 1500, "0 lines in 1.50 s: 0 lines/s"),
            (1, 2000, "1 lines in 2.00 s: 0 lines/s"),
            (3_000, 2000, "3000 lines in 2.00 s: 1500 lines/s"),
            (5_000_000, 7812, "5000000 lines in 7.81 s: 640041 lines/s"),
        ] {
            assert_eq!(outcome(lines, Duration::from_millis(millis)), said);
        }
    }

    #[test]
    fn nothing_is_drawn_where_there_is_no_terminal() {
        assert!(target(false).is_hidden());
        assert!(Reading::on(target(false), Some(10)).bar.is_hidden());
        assert!(steps_on(target(false), 10, "buckets").is_hidden());
    }

    #[test]
    fn lines_are_counted_where_there_is_no_terminal() {
        let reading = Reading::on(target(false), None);
        reading.lines.fetch_add(7, Ordering::Relaxed);
        reading.received(SourceIndex(0), 70);
        assert_eq!((reading.lines.load(Ordering::Relaxed), reading.bar.position()), (7, 70));
        assert!(!reading.bar.elapsed().is_zero(), "how fast it was is known");
    }

    #[test]
    fn reading_shows_bytes_lines_a_second_and_the_time_that_is_left() {
        let terminal = FakeTerminal::default();
        let reading = Reading::on(terminal.target(), Some(4096));
        reading.lines.fetch_add(5, Ordering::Relaxed);
        reading.received(SourceIndex(0), 1024);
        let drawn = terminal.drawn();
        let last = drawn.last().expect("something was drawn");
        assert!(last.contains("1.00 KiB/4.00 KiB"), "{drawn:?}");
        assert!(last.contains(" lines/s ") && last.trim_end().ends_with(" left"), "{drawn:?}");
    }

    #[test]
    fn nobody_says_what_is_left_of_an_input_without_an_end() {
        let terminal = FakeTerminal::default();
        let reading = Reading::on(terminal.target(), None);
        reading.received(SourceIndex(0), 1024);
        let drawn = terminal.drawn();
        let last = drawn.last().expect("something was drawn");
        assert!(last.contains("1.00 KiB") && last.trim_end().ends_with(" lines/s"), "{drawn:?}");
    }

    #[test]
    fn steps_are_shown_by_what_they_are() {
        let terminal = FakeTerminal::default();
        let bar = steps_on(terminal.target(), 288, "buckets");
        bar.inc(12);
        let drawn = terminal.drawn();
        let last = drawn.last().expect("something was drawn");
        assert!(last.contains("12/288 buckets, "), "{drawn:?}");
        assert!(last.contains("/s, ") && last.trim_end().ends_with(" left"), "{drawn:?}");
    }
}
