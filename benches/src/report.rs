//! Results: one JSON file per scenario, a README that says how they came about, and a table with
//! the bar beside each figure.

use crate::scenario::{Bar, Scenario};
use crate::{grouping, spikes};
use anyhow::{Context, Result};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// One measured figure and its bar, if it has one.
#[derive(Clone, Debug, PartialEq)]
struct Figure {
    name: String,
    value: f64,
    bar: Option<Bar>,
}

/// What measuring one scenario gave.
#[derive(Clone, Debug)]
pub struct Outcome {
    name: String,
    summary: String,
    raw: Value,
    figures: Vec<Figure>,
}

impl Outcome {
    /// Puts the scenario's bars beside the figures. A bar without a figure becomes a figure that
    /// was not measured, which misses it.
    pub fn new(scenario: &Scenario, raw: Value, measured: Vec<(&str, f64)>) -> Outcome {
        let mut figures: Vec<Figure> = measured
            .into_iter()
            .map(|(name, value)| Figure {
                name: name.to_owned(),
                value,
                bar: scenario.bars.get(name).copied(),
            })
            .collect();
        for (name, bar) in &scenario.bars {
            if figures.iter().all(|figure| figure.name != *name) {
                figures.push(Figure { name: name.clone(), value: f64::NAN, bar: Some(*bar) });
            }
        }
        Outcome { name: scenario.name.clone(), summary: scenario.summary.clone(), raw, figures }
    }

    /// Returns the names of the figures that miss their bar.
    pub fn bars_missed(&self) -> Vec<&str> {
        let missed = |figure: &&Figure| figure.bar.is_some_and(|bar| !bar.is_met(figure.value));
        self.figures.iter().filter(missed).map(|figure| figure.name.as_str()).collect()
    }

    fn to_json(&self) -> Value {
        let figure = |figure: &Figure| match figure.bar {
            Some(Bar::AtLeast(limit)) => {
                json!({"name": figure.name, "value": figure.value, "at_least": limit})
            }
            Some(Bar::AtMost(limit)) => {
                json!({"name": figure.name, "value": figure.value, "at_most": limit})
            }
            None => json!({"name": figure.name, "value": figure.value}),
        };
        let figures: Vec<Value> = self.figures.iter().map(figure).collect();
        json!({"scenario": self.name, "summary": self.summary, "figures": figures, "raw": self.raw})
    }

    fn from_json(value: &Value) -> Option<Outcome> {
        let text = |key: &str| value[key].as_str().map(str::to_owned);
        let figure = |figure: &Value| {
            let at_least = figure["at_least"].as_f64().map(Bar::AtLeast);
            Some(Figure {
                name: figure["name"].as_str()?.to_owned(),
                value: figure["value"].as_f64().unwrap_or(f64::NAN),
                bar: at_least.or(figure["at_most"].as_f64().map(Bar::AtMost)),
            })
        };
        Some(Outcome {
            name: text("scenario")?,
            summary: text("summary")?,
            raw: value["raw"].clone(),
            figures: value["figures"].as_array()?.iter().map(figure).collect::<Option<_>>()?,
        })
    }
}

/// The machine on which something was measured, and when.
pub struct Machine {
    name: String,
    processor: String,
    cores: usize,
    memory: String,
    day: String,
}

impl Machine {
    /// Describes this machine; `name` replaces the name made from its processor.
    pub fn here(name: Option<&str>) -> Machine {
        let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let processor = field(&cpuinfo, "model name").unwrap_or("unknown processor").to_owned();
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let name = name.map_or_else(|| format!("{cores}x-{}", slug(&processor)), str::to_owned);
        let memory = field(&meminfo, "MemTotal").unwrap_or("unknown").to_owned();
        let day = Timestamp::now().to_string()[..10].to_owned();
        Machine { name, processor, cores, memory, day }
    }

    /// Returns `DATE-MACHINE`.
    pub fn folder_name(&self) -> String {
        format!("{}-{}", self.day, self.name)
    }

    fn readme(&self) -> String {
        let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
        // Where data lies is of no use to anybody else.
        let shown = |word: String| if word.contains('/') { "DATA".to_owned() } else { word };
        let words: Vec<String> = std::env::args().skip(1).map(shown).collect();
        format!(
            "# Measured on {}\n\nCommit: {}\n\nCommand: `cargo xtask bench {}`\n\n\
             Hardware: {} cores of {}, memory {}; load when written: {}\n\n\
             Each `.json` holds the raw runs of one scenario of `benches/scenarios`; \
             `cargo run --release -p benches -- report FOLDER` prints the table.\n",
            self.day,
            commit(),
            words.join(" "),
            self.cores,
            self.processor,
            self.memory,
            load.trim(),
        )
    }
}

/// Returns the value behind `name` in a file of `name : value` lines.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    line.split_once(':').map(|(_, value)| value.trim())
}

/// Returns `text` as a part of a file name.
fn slug(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.take(5).map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// Returns the commit of the working tree, with a mark if something is not committed.
fn commit() -> String {
    let git = |arguments: &[&str]| {
        let output =
            Command::new("git").args(arguments).current_dir(crate::root()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let clean =
        git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|s| s.is_empty());
    let head = git(&["rev-parse", "HEAD"]).unwrap_or_else(|| "unknown".to_owned());
    if clean { head } else { format!("{head} and uncommitted changes") }
}

/// Writes the raw results of one scenario, with the commit they were measured at, and the folder's
/// README, which is about the latest ones.
pub fn write(folder: &Path, machine: &Machine, outcome: &Outcome) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut result = outcome.to_json();
    result["commit"] = commit().into();
    let text = serde_json::to_string_pretty(&result)? + "\n";
    std::fs::write(folder.join(format!("{}.json", outcome.name)), text)?;
    std::fs::write(folder.join("README.md"), machine.readme())?;
    Ok(())
}

/// Reads the results of a folder back, by scenario name.
pub fn read_folder(folder: &Path) -> Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
            let outcome = Outcome::from_json(&value);
            outcomes.push(outcome.with_context(|| format!("{} is no result", path.display()))?);
        }
    }
    outcomes.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(outcomes)
}

/// Returns a Markdown table of all figures, each beside its bar, and behind it the tables of scenarios
/// that have their own.
pub fn table(outcomes: &[Outcome]) -> String {
    let mut table =
        String::from("| scenario | figure | measured | bar | |\n|---|---|---:|---:|---|\n");
    for outcome in outcomes {
        for figure in &outcome.figures {
            let (bar, verdict) = match figure.bar {
                Some(bar) => {
                    let sign = if matches!(bar, Bar::AtLeast(_)) { "≥" } else { "≤" };
                    let (Bar::AtLeast(limit) | Bar::AtMost(limit)) = bar;
                    let verdict = if bar.is_met(figure.value) { "met" } else { "MISSED" };
                    (format!("{sign} {}", rounded(limit)), verdict)
                }
                None => (String::new(), ""),
            };
            let value = rounded(figure.value);
            let name = &figure.name;
            // Writing to a String cannot fail.
            let _ = writeln!(table, "| {} | {name} | {value} | {bar} | {verdict} |", outcome.name);
        }
    }
    let own =
        |outcome: &Outcome| grouping::table(&outcome.raw).or_else(|| spikes::table(&outcome.raw));
    for details in outcomes.iter().filter_map(own) {
        let _ = write!(table, "\n{details}");
    }
    table
}

/// Returns a number with as many digits as can be trusted, thousands apart.
fn rounded(value: f64) -> String {
    if value.is_nan() {
        return "not measured".to_owned();
    }
    if value.abs() < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome() -> Outcome {
        let text = "# An example.\nkind = \"idle\"\nformat = \"plain\"\nstore = \"sqlite\"\nworkers = 1\n\
                    at_least.speed = 1_000\nat_most.cost = 2\nat_most.forgotten = 1\n";
        let scenario = Scenario::parse("example", text).unwrap();
        Outcome::new(
            &scenario,
            json!({}),
            vec![("speed", 1_234_567.0), ("cost", 2.5), ("other", 1.0)],
        )
    }

    #[test]
    fn a_missed_bar_and_a_forgotten_figure_are_both_reported() {
        assert_eq!(outcome().bars_missed(), ["cost", "forgotten"]);
    }

    #[test]
    fn the_table_shows_each_figure_beside_its_bar() {
        let table = table(&[outcome()]);
        assert!(table.contains("| example | speed | 1,234,567 | ≥ 1,000 | met |"), "{table}");
        assert!(table.contains("| example | cost | 2.50 | ≤ 2.00 | MISSED |"), "{table}");
        assert!(table.contains("| example | other | 1.00 |  |  |"), "{table}");
        assert!(
            table.contains("| example | forgotten | not measured | ≤ 1.00 | MISSED |"),
            "{table}"
        );
    }

    #[test]
    fn results_read_back_as_they_were_written() {
        let written = outcome();
        let read = Outcome::from_json(&written.to_json()).unwrap();
        assert_eq!(table(&[read]), table(&[written]));
    }

    #[test]
    fn a_machine_gets_a_short_name() {
        assert_eq!(slug("AMD EPYC(tm) 7B13 64-Core @ 2.4GHz"), "amd-epyc-tm-7b13-64");
    }
}
