//! How well lines are grouped, beside Drain3 on the same messages, both with one configuration for
//! all systems. The data stays where it is; only figures are kept.
//!
//! ```text
//! DATA/SYSTEM ─┬─ messages ──► seismolog explain --each - --content ──┐
//!              ├─ messages ──► Drain3 (defaults; with example masks) ─┼─► score ─► table
//!              └─ raw log  ──► seismolog explain --each LOG ──────────┘
//! ```
//! *Speed* is that of the bare work on the same messages: the fingerprint stage here, adding lines to
//! the miner there, each per second of processor.

pub mod drain3;
mod score;
pub mod truth;

use crate::fingerprint;
use crate::measure::{Measurement, Site};
use crate::process;
use crate::scenario::Scenario;
use anyhow::{Context, Result, ensure};
use drain3::{Drain3, fed};
use score::{MEASURES, Prediction, Score, score};
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::process::Command;

/// Who is scored, by the name in the raw results, and its title in the table.
const CONTESTANTS: [(&str, &str, usize); 4] = [
    ("seismolog", "Seismolog", 4),
    ("drain3", "Drain3, its example masks", 4),
    ("drain3_bare", "Drain3, no masks", 4),
    // Headers are no part of the true templates, so that raw lines are scored by group only.
    ("seismolog_raw", "Seismolog, raw lines", 2),
];

/// Measures the scenario.
pub fn run(site: &Site, scenario: &Scenario) -> Result<Measurement> {
    let systems = truth::read(site.data()?)?;
    let drain3 = Drain3::installed()?;
    let mut scores: [Vec<Score>; CONTESTANTS.len()] = Default::default();
    let (mut rows, mut drain3_seconds, mut messages) = (Map::new(), 0.0, Vec::new());
    for system in &systems {
        eprintln!("  {}", system.name);
        let lines = system.lines();
        let masked = drain3.cluster(&lines, true)?;
        drain3_seconds += masked.cpu_seconds;
        let found = [
            explained(site, &["-", "--content"], &lines)?,
            masked.predictions,
            drain3.cluster(&lines, false)?.predictions,
            explained(site, &[&system.log.display().to_string()], &[])?,
        ];
        let mut row = Map::new();
        for (at, found) in found.iter().enumerate() {
            let score = score(&system.templates, found);
            scores[at].push(score);
            row.insert(CONTESTANTS[at].0.to_owned(), score.to_json());
        }
        rows.insert(system.name.clone(), Value::Object(row));
        messages.extend(lines);
    }
    let repeats = scenario.number("repeats")?;
    let ours = ours_per_cpu_second(&messages, repeats)?;
    let means = scores.each_ref().map(|scores| Score::mean(scores));
    let mean: Map<String, Value> = CONTESTANTS
        .iter()
        .zip(&means)
        .map(|(contestant, mean)| (contestant.0.to_owned(), mean.to_json()))
        .collect();
    let worst = scores[0].iter().map(|score| score.ga).fold(1.0, f64::min);
    let [content, peer, bare, raw] = means;
    let figures = vec![
        ("content_ga", content.ga),
        ("content_fga", content.fga),
        ("content_pa", content.pa),
        ("content_fta", content.fta),
        ("content_ga_worst", worst),
        ("raw_ga", raw.ga),
        ("raw_fga", raw.fga),
        ("drain3_ga", peer.ga),
        ("drain3_fga", peer.fga),
        ("drain3_pa", peer.pa),
        ("drain3_fta", peer.fta),
        ("drain3_no_masks_ga", bare.ga),
        ("lines_per_cpu_second", ours),
        ("drain3_lines_per_cpu_second", messages.len() as f64 / drain3_seconds),
    ];
    let drain3 = json!({"version": drain3::VERSION, "cpu_s": drain3_seconds});
    let raw = json!({
        "lines": messages.len(), "systems": rows, "mean": mean, "drain3": drain3,
    });
    Ok((raw, figures))
}

/// Asks the binary for the pattern of every line.
fn explained(site: &Site, arguments: &[&str], lines: &[String]) -> Result<Vec<Option<Prediction>>> {
    let mut found: Vec<Option<Prediction>> = Vec::new();
    for event in events(site, arguments, lines)? {
        let text = |key: &str| {
            event[key].as_str().map(str::to_owned).with_context(|| format!("no {key:?}"))
        };
        let prediction = Prediction { group: text("pattern_id")?, template: text("pattern")? };
        for number in event["lines"].as_array().context("an event has no lines")? {
            let number = number.as_u64().context("a line has no number")? as usize;
            ensure!(number > 0, "lines are counted from 1");
            found.resize(found.len().max(number), None);
            found[number - 1] = Some(prediction.clone());
        }
    }
    Ok(found)
}

/// Returns the events that the binary explains: of `lines` if the arguments say so with `-`.
pub fn events(site: &Site, arguments: &[&str], lines: &[String]) -> Result<Vec<Value>> {
    let mut command = Command::new(&site.binary);
    command.args(["explain", "-o", "jsonl", "--each"]).args(arguments);
    let output = fed(&mut command, lines)?;
    let rows = output.split(|byte| *byte == b'\n').filter(|row| !row.is_empty());
    rows.map(|row| serde_json::from_slice(row).context("an event is no JSON")).collect()
}

/// Returns how many of `messages` the fingerprint stage takes per second of processor.
fn ours_per_cpu_second(messages: &[String], repeats: u64) -> Result<f64> {
    let lines: Vec<Vec<u8>> = messages.iter().map(|message| message.clone().into_bytes()).collect();
    let batches = fingerprint::batches(&lines);
    let before = process::own_cpu_seconds()?;
    fingerprint::stage(&batches, repeats);
    let seconds = process::own_cpu_seconds()? - before;
    ensure!(seconds > 0.0, "too few repeats to measure");
    Ok(lines.len() as f64 * repeats as f64 / seconds)
}

/// Returns the scores of all systems in raw results as a Markdown table; none if there are none.
pub fn table(raw: &Value) -> Option<String> {
    let (systems, mean) = (raw["systems"].as_object()?, raw["mean"].as_object()?);
    let mut table = String::from("| system |");
    let mut rule = String::from("|---|");
    for (_, title, measures) in CONTESTANTS {
        for measure in &MEASURES[..measures] {
            // Writing to a String cannot fail.
            let _ = write!(table, " {title} {measure} |");
            rule.push_str("---:|");
        }
    }
    let _ = write!(table, "\n{rule}\n");
    let rows = systems.iter().map(|(name, row)| (name.as_str(), row.as_object()));
    for (name, row) in rows.chain([("**mean**", Some(mean))]) {
        let _ = write!(table, "| {name} |");
        for (contestant, _, measures) in CONTESTANTS {
            for measure in &MEASURES[..measures] {
                let value = row?.get(contestant)?[measure].as_f64()?;
                let _ = write!(table, " {value:.3} |");
            }
        }
        table.push('\n');
    }
    Some(table)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_row_for_every_system_and_one_for_the_mean() {
        let score = Score { ga: 0.5, fga: 0.25, pa: 1.0, fta: 0.0 }.to_json();
        let all: Map<String, Value> =
            CONTESTANTS.iter().map(|one| (one.0.to_owned(), score.clone())).collect();
        let table = table(&json!({"systems": {"Ours": all}, "mean": all})).unwrap();
        let row = table.lines().nth(2).unwrap();
        assert!(row.starts_with("| Ours | 0.500 | 0.250 | 1.000 | 0.000 | 0.500 |"), "{row}");
        assert_eq!(table.lines().count(), 4);
        assert_eq!(row.matches('|').count(), 16);
    }

    #[test]
    fn results_of_other_scenarios_have_no_such_table() {
        assert_eq!(table(&json!({"runs": []})), None);
    }
}
