//! Whether a line has the same identity however it is read: shuffled, dealt out to several workers, its
//! second half alone, with a kill in the middle. For 100 % of the lines, or the bar is missed.
//!
//! *Picture.* Every message gets a minute of its own in front, so that the counts which the engine
//! stores tell the fingerprint and the issue of each line:
//! ```text
//! messages ──► files in some order ──► seismolog run ──► export counts ──► minute → fingerprint, issue
//! raw logs ──► records in some order ──► seismolog explain --each ──► record → template, pattern
//! ```
//! Fingerprint and template are functions of the record. Pattern and issue are functions of the *set*
//! of records: the same in every order, but half of a set may have other ones, so that of the half
//! their share is told without a bar.

use crate::grouping::{events, truth};
use crate::http;
use crate::load::Chance;
use crate::measure::{BACKLOG_POLL, Measurement, Site, await_counted, fresh_folder, write_graph};
use crate::process::Running;
use crate::scenario::Scenario;
use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Lines that fit into the days for which minutes are stored.
const LINES_MAX: usize = 28 * 24 * 60;
const MINUTE_SECS: i64 = 60;

/// How many lines kept their ids, of how many.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    kept: usize,
    of: usize,
}

impl Kept {
    fn note(&mut self, same: bool) {
        self.kept += usize::from(same);
        self.of += 1;
    }

    fn percent(self) -> f64 {
        100.0 * self.kept as f64 / self.of as f64
    }

    fn to_json(self) -> Value {
        json!({"kept": self.kept, "of": self.of})
    }
}

/// Measures the scenario.
pub fn run(site: &Site, scenario: &Scenario) -> Result<Measurement> {
    let systems = truth::read(site.data()?)?;
    // The systems in turns, so that half of the lines are half of each system's.
    let of_systems: Vec<Vec<String>> = systems.iter().map(truth::System::lines).collect();
    let longest = of_systems.iter().map(Vec::len).max().unwrap_or(0);
    let in_turns =
        |line: usize| of_systems.iter().filter_map(move |lines| lines.get(line).cloned());
    let messages: Vec<String> = (0..longest).flat_map(in_turns).collect();
    let mut found = stored(site, scenario, &messages)?;
    let records = records(site, &systems)?;
    found.extend(records);
    let raw = found.iter().map(|(name, kept)| ((*name).to_owned(), kept.to_json()));
    let raw = json!({"lines": messages.len(), "kept": raw.collect::<BTreeMap<_, _>>()});
    let figures = found.iter().map(|(name, kept)| (*name, kept.percent())).collect();
    Ok((raw, figures))
}

/// Counts what kept its ids in the store of the engine.
fn stored(
    site: &Site,
    scenario: &Scenario,
    messages: &[String],
) -> Result<Vec<(&'static str, Kept)>> {
    ensure!(messages.len() <= LINES_MAX, "{} lines are too many minutes", messages.len());
    let last = Timestamp::now().as_second().div_euclid(86_400) * 86_400;
    let start = last - messages.len() as i64 * MINUTE_SECS;
    let in_order: Vec<String> = messages
        .iter()
        .enumerate()
        .map(|(at, message)| {
            let time = Timestamp::from_second(start + at as i64 * MINUTE_SECS)?;
            Ok(format!("{time} {message}\n"))
        })
        .collect::<Result<_>>()?;
    let mut shuffled = in_order.clone();
    shuffle(&mut shuffled);
    let half = &in_order[in_order.len() / 2..];
    let engine = Engine { site, scenario };
    eprintln!("  in order");
    let reference = engine.read(&[&in_order], 1, false)?;
    ensure!(reference.len() == messages.len(), "{} of the lines are stored", reference.len());
    eprintln!("  shuffled");
    let by_order = engine.read(&[&shuffled], 1, false)?;
    eprintln!("  over {} workers", scenario.workers);
    let dealt: Vec<&[String]> =
        shuffled.chunks(shuffled.len().div_ceil(scenario.workers as usize)).collect();
    let by_workers = engine.read(&dealt, scenario.workers, false)?;
    eprintln!("  killed in the middle");
    let by_restart = engine.read(&[&shuffled], 1, true)?;
    eprintln!("  second half only");
    let by_half = engine.read(&[half], 1, false)?;
    let same = |found: &Ids, lines: std::ops::Range<usize>, of: fn(&Id) -> &str| {
        let mut kept = Kept::default();
        for line in lines {
            let minute = start + line as i64 * MINUTE_SECS;
            let pair = reference.get(&minute).zip(found.get(&minute));
            kept.note(pair.is_some_and(|(before, after)| of(before) == of(after)));
        }
        kept
    };
    let (all, half) = (0..messages.len(), messages.len() / 2..messages.len());
    Ok(vec![
        ("shuffled_same_fingerprint_percent", same(&by_order, all.clone(), fingerprint)),
        ("four_workers_same_fingerprint_percent", same(&by_workers, all.clone(), fingerprint)),
        ("restarted_same_fingerprint_percent", same(&by_restart, all.clone(), fingerprint)),
        ("second_half_same_fingerprint_percent", same(&by_half, half.clone(), fingerprint)),
        ("shuffled_same_issue_percent", same(&by_order, all.clone(), issue)),
        ("four_workers_same_issue_percent", same(&by_workers, all.clone(), issue)),
        ("restarted_same_issue_percent", same(&by_restart, all, issue)),
        ("second_half_same_issue_percent", same(&by_half, half, issue)),
    ])
}

/// A fingerprint and its issue.
type Id = (String, String);

fn fingerprint(id: &Id) -> &str {
    &id.0
}

fn issue(id: &Id) -> &str {
    &id.1
}

/// The ids of each line by its minute.
type Ids = BTreeMap<i64, Id>;

/// The release binary, to be fed with files.
struct Engine<'a> {
    site: &'a Site,
    scenario: &'a Scenario,
}

impl Engine<'_> {
    /// Reads one file per part into a fresh store and returns what is stored. With `killed` the
    /// first half is counted, then the process is killed, and another one reads the rest.
    fn read(&self, parts: &[&[String]], workers: u64, killed: bool) -> Result<Ids> {
        let folder = fresh_folder(self.site, self.scenario)?;
        let files: Vec<PathBuf> =
            (0..parts.len()).map(|part| folder.join(format!("{part}.log"))).collect();
        let graph = write_graph(&folder, self.scenario, workers, &files)?;
        let all: usize = parts.iter().map(|part| part.len()).sum();
        if killed {
            let mut written = 0;
            for (file, part) in files.iter().zip(parts) {
                std::fs::write(file, part[..part.len() / 2].concat())?;
                written += part.len() / 2;
            }
            self.count(&graph, written)?.kill()?;
        }
        for (file, part) in files.iter().zip(parts) {
            std::fs::write(file, part.concat())?;
        }
        self.count(&graph, all)?.finish()?;
        self.exported(&graph)
    }

    /// Starts the engine and waits until it has counted `lines` lines.
    fn count(&self, graph: &Path, lines: usize) -> Result<Running> {
        let mut running = Running::start(&self.site.binary, graph)?;
        let address = running.ready()?;
        await_counted(&address, lines as u64, BACKLOG_POLL)?;
        ensure!(http::counted(&address)? == lines as u64, "more was counted than was written");
        Ok(running)
    }

    /// Returns what the store holds. A minute with more than one line has no ids.
    fn exported(&self, graph: &Path) -> Result<Ids> {
        let mut command = Command::new(&self.site.binary);
        let output = command.args(["export", "counts", "-c"]).arg(graph).output()?;
        ensure!(output.status.success(), "`export counts` failed: {}", output.status);
        let mut ids = Ids::new();
        let mut doubled = Vec::new();
        for line in output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let row: Value = serde_json::from_slice(line)?;
            let text = |key: &str| row[key].as_str().with_context(|| format!("no {key:?}"));
            let minute: Timestamp = text("bucket_start")?.parse()?;
            let id = (text("fingerprint")?.to_owned(), text("issue")?.to_owned());
            if ids.insert(minute.as_second(), id).is_some() || row["count"] != 1 {
                doubled.push(minute.as_second());
            }
        }
        ids.retain(|minute, _| !doubled.contains(minute));
        Ok(ids)
    }
}

/// Counts the records of the raw logs that keep template, fingerprint and pattern when the order of
/// records is another one, and when only the second half is read.
fn records(site: &Site, systems: &[truth::System]) -> Result<Vec<(&'static str, Kept)>> {
    let (mut shuffled_ids, mut shuffled_patterns) = (Kept::default(), Kept::default());
    let (mut half_ids, mut half_patterns) = (Kept::default(), Kept::default());
    eprintln!("  records of raw logs");
    for system in systems {
        let text = std::fs::read(&system.log)?;
        let text = String::from_utf8_lossy(&text);
        let rows: Vec<&str> = text.lines().collect();
        let records: Vec<(String, [String; 3])> = explained(site, &rows)?;
        let mut order: Vec<usize> = (0..records.len()).collect();
        shuffle(&mut order);
        let half: Vec<usize> = (records.len() / 2..records.len()).collect();
        let orders = [
            (order, &mut shuffled_ids, &mut shuffled_patterns),
            (half, &mut half_ids, &mut half_patterns),
        ];
        for (order, ids, patterns) in orders {
            let rows: Vec<&str> = order.iter().flat_map(|&at| records[at].0.split('\n')).collect();
            let found = explained(site, &rows)?;
            let found: BTreeMap<&str, &[String; 3]> =
                found.iter().map(|(text, ids)| (text.as_str(), ids)).collect();
            for (text, before) in order.iter().map(|&at| &records[at]) {
                // A record that went to another one has no ids of its own.
                let after = found.get(text.as_str());
                ids.note(after.is_some_and(|after| after[..2] == before[..2]));
                patterns.note(after.is_some_and(|after| after[2] == before[2]));
            }
        }
    }
    Ok(vec![
        ("raw_shuffled_same_fingerprint_percent", shuffled_ids),
        ("raw_shuffled_same_pattern_percent", shuffled_patterns),
        ("raw_second_half_same_fingerprint_percent", half_ids),
        ("raw_second_half_same_pattern_percent", half_patterns),
    ])
}

/// Returns the records that `rows` are, each with its template, fingerprint and pattern.
fn explained(site: &Site, rows: &[&str]) -> Result<Vec<(String, [String; 3])>> {
    let lines: Vec<String> = rows.iter().map(|row| (*row).to_owned()).collect();
    let mut records = Vec::new();
    for event in events(site, &["-"], &lines)? {
        let numbers = event["lines"].as_array().context("an event has no lines")?;
        let text: Vec<&str> = numbers
            .iter()
            .filter_map(|number| rows.get(number.as_u64()? as usize - 1).copied())
            .collect();
        let ids = ["template_id", "fingerprint", "pattern_id"]
            .map(|key| event[key].as_str().unwrap_or_default().to_owned());
        records.push((text.join("\n"), ids));
    }
    Ok(records)
}

fn shuffle<T>(items: &mut [T]) {
    let mut chance = Chance(1);
    for last in (1..items.len()).rev() {
        items.swap(last, chance.below(last as u64 + 1) as usize);
    }
}
