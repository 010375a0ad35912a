//! What detection costs while nothing but the usual comes: an engine that follows lines of very many messages, with
//! `spike` and `alert` and without them, one after the other.
//!
//! Each message has an event every two minutes, in turn, so half of all series have one in each bucket of a minute.
//! The first buckets make all of them known and are not measured.

use crate::measure::{Measurement, Site, fresh_folder};
use crate::process::Running;
use crate::scenario::Scenario;
use anyhow::Result;
use serde_json::json;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a message waits for its next event.
const EVERY: Duration = Duration::from_secs(120);
/// How often lines are written.
const STEP: Duration = Duration::from_millis(200);
const WITHOUT: &str = "  prints: { type: fingerprint, inputs: [events], max_fingerprints: 20000 }
  counts: { type: window, inputs: [prints], size: 1m }
  patterns: { type: pattern, inputs: [prints] }
  issues: { type: issue, inputs: [patterns] }
";
const DETECTION: &str = "  spikes: { type: spike, inputs: [counts, issues], bucket: 1m }
  alerts: { type: alert, inputs: [spikes] }
";

/// Measures the share of a core that detection takes.
pub fn run(site: &Site, scenario: &Scenario) -> Result<Measurement> {
    let folder = fresh_folder(site, scenario)?;
    let messages = scenario.number("messages")?;
    let seconds = scenario.number("seconds")?;
    let share = |name: &str, operators: &str, stored: &str| -> Result<f64> {
        let folder = folder.join(name);
        std::fs::create_dir_all(&folder)?;
        let operators = format!(
            "{operators}sinks:\n  \
             store: {{ type: sqlite, path: ./seismolog.db, inputs: [{stored}] }}\n"
        );
        follow(site, &folder, &operators, messages, seconds)
    };
    let without = share("without", WITHOUT, "counts, issues")?;
    let with = share("with", &format!("{WITHOUT}{DETECTION}"), "counts, issues, alerts")?;
    let figures =
        vec![("detection_percent_of_a_core", with - without), ("all_percent_of_a_core", with)];
    Ok((json!({"without_percent": without, "with_percent": with}), figures))
}

/// Returns the share of a core, in percent, that an engine takes over these seconds.
fn follow(site: &Site, folder: &Path, operators: &str, messages: u64, seconds: u64) -> Result<f64> {
    let graph = folder.join("graph.yaml");
    let text = format!(
        "sources:\n  app: {{ type: file, include: [\"app.log\"], service: shop }}\n\
         operators:\n  events: {{ type: parse, inputs: [app] }}\n{operators}\
         server: {{ listen: \"127.0.0.1:0\" }}\nmodel: {{ enabled: false }}\n"
    );
    std::fs::write(&graph, text)?;
    let mut log = File::create(folder.join("app.log"))?;
    let mut running = Running::start(&site.binary, &graph)?;
    running.ready()?;
    let started = Instant::now();
    let mut written = 0;
    let mut write_until = |end: Duration| -> Result<()> {
        while started.elapsed() < end {
            let share = started.elapsed().as_secs_f64() / EVERY.as_secs_f64();
            let due = (share * messages as f64) as u64;
            let lines: String = (written..due).map(|n| line(n % messages)).collect();
            log.write_all(lines.as_bytes())?;
            written = due;
            std::thread::sleep(STEP);
        }
        Ok(())
    };
    // Twice round, until no message is new.
    let warm = 2 * EVERY;
    write_until(warm)?;
    let (before, at) = (running.usage()?, started.elapsed());
    write_until(warm + Duration::from_secs(seconds))?;
    let (after, passed) = (running.usage()?, started.elapsed() - at);
    running.finish()?;
    Ok(100.0 * (after.cpu_seconds - before.cpu_seconds) / passed.as_secs_f64())
}

/// Returns a line of a message that shares its words with few others.
fn line(message: u64) -> String {
    let secs = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let time = engine::model::EventTime::from_secs(secs as i64);
    let word = |n: u64, salt: u64| -> String {
        // Letters only: digits would be a variable part.
        let mut left = (n + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ salt) >> 20;
        let letters = std::iter::from_fn(|| {
            let letter = b'a' + (left % 20) as u8;
            left /= 20;
            Some(char::from(letter))
        });
        letters.take(8).collect()
    };
    let [first, second, third] = [1, 2, 3].map(|salt| word(message, salt << 40));
    format!("{time} ERROR {first} of {second} failed in {third}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ten_thousand_messages_are_ten_thousand() {
        let text = |n| line(n).split_once(" ERROR ").map(|(_, text)| text.to_owned());
        let all: HashSet<_> = (0..10_000).map(text).collect();
        assert_eq!(all.len(), 10_000);
        assert!(!all.contains(&None));
    }
}
