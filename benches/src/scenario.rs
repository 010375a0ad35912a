//! Scenario files: `key = value` lines, a small part of TOML (numbers, strings, dotted keys for the
//! bars), so that no parser has to be depended on.

use anyhow::{Context, Result, bail, ensure};
use std::collections::BTreeMap;
use std::path::Path;

/// What a scenario measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Lines and bytes per CPU second until everything is committed.
    Throughput,
    /// The wall time of one worker against that of several, before the commit.
    Scaling,
    /// From a written line to its commit.
    Latency,
    /// CPU and memory while nothing happens.
    Idle,
    /// From a kill to being ready and to the next commit.
    Recovery,
    /// From the last line of a burst to somebody's webhook.
    Bursts,
    /// What detection costs while nothing happens.
    Detection,
    /// A backtest over files beside an engine that reads them.
    Backtest,
    /// How well labelled spikes are found, beside customary detectors.
    Spikes,
    /// A steady stream of lines into a rotating file, while the store is slow or away.
    Sustained,
    /// Texts per second beside another runtime.
    Embedding,
    /// How well labelled lines are grouped, beside a peer.
    Grouping,
    /// What a line costs in the fingerprint stage.
    Fingerprint,
    /// Whether lines keep their ids however they are read.
    Identity,
    /// The nearest embeddings among many, and clusters of a growing graph.
    Neighbours,
}

/// The shape of the generated lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Time, level, thread, logger, message.
    Plain,
    /// The same as one JSON object.
    Json,
}

/// A limit that a figure must keep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bar {
    /// The figure must reach this.
    AtLeast(f64),
    /// The figure must not exceed this.
    AtMost(f64),
}

impl Bar {
    /// Returns whether `figure` keeps the bar.
    pub fn is_met(self, figure: f64) -> bool {
        match self {
            Bar::AtLeast(limit) => figure >= limit,
            Bar::AtMost(limit) => figure <= limit,
        }
    }
}

/// One scenario file.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its file name without ending.
    pub name: String,
    /// Its opening comment.
    pub summary: String,
    /// What it measures.
    pub kind: Kind,
    /// Shape of the lines.
    pub format: Format,
    /// Type of the store in the graph file.
    pub store: String,
    /// Dataflow workers.
    pub workers: u64,
    /// The bar of each figure that has one.
    pub bars: BTreeMap<String, Bar>,
    /// The other numbers: `lines`, `files`, `runs`, `repeats`, `trials`, `seconds`, `messages`, `broken_sources`, and those
    /// of `sustained`: `lines_per_second`, `commit_delay_ms`, `outage_from_s`, `outage_s`.
    numbers: BTreeMap<String, u64>,
}

impl Scenario {
    /// Reads one scenario file.
    pub fn parse(name: &str, text: &str) -> Result<Scenario> {
        let mut words = BTreeMap::new();
        let mut numbers = BTreeMap::new();
        let mut bars = BTreeMap::new();
        for line in text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()) {
            let (key, value) = line.split_once(" = ").with_context(|| {
                format!("cannot read {line:?}: expected `key = value` and nothing behind it")
            })?;
            if let Some(word) = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
                words.insert(key, word);
                continue;
            }
            let digits = value.replace('_', "");
            let Some((direction, figure)) = key.split_once('.') else {
                let number = digits.parse().with_context(|| format!("{key}: {value:?}"))?;
                numbers.insert(key.to_owned(), number);
                continue;
            };
            let limit = digits.parse().with_context(|| format!("{key}: {value:?}"))?;
            let bar = match direction {
                "at_least" => Bar::AtLeast(limit),
                "at_most" => Bar::AtMost(limit),
                _ => bail!("unknown key {key:?}: bars begin with at_least or at_most"),
            };
            bars.insert(figure.to_owned(), bar);
        }
        let word =
            |key: &str| words.get(key).copied().with_context(|| format!("{key:?} is missing"));
        Ok(Scenario {
            name: name.to_owned(),
            summary: summary(text),
            kind: kind(word("kind")?)?,
            format: format(word("format")?)?,
            store: word("store")?.to_owned(),
            workers: *numbers.get("workers").context("\"workers\" is missing")?,
            bars,
            numbers,
        })
    }

    /// Returns whether it can only be measured on data that is no part of the project.
    pub fn needs_data(&self) -> bool {
        matches!(self.kind, Kind::Grouping | Kind::Identity)
    }

    /// Returns the same with another store.
    pub fn with_store(&self, store: &str) -> Scenario {
        Scenario { store: store.to_owned(), ..self.clone() }
    }

    /// Returns whether it is only measured when it is named: it takes minutes, or DATA of its own.
    pub fn is_named(&self) -> bool {
        let minutes =
            [Kind::Sustained, Kind::Spikes, Kind::Bursts, Kind::Detection, Kind::Backtest];
        minutes.contains(&self.kind)
    }

    /// Returns a number that may be left out.
    pub fn optional(&self, key: &str) -> Option<u64> {
        self.numbers.get(key).copied()
    }

    /// Returns a number that the scenario's kind needs.
    pub fn number(&self, key: &str) -> Result<u64> {
        let number = *self.numbers.get(key).with_context(|| format!("{key:?} is missing"))?;
        ensure!(number > 0, "{key:?} must be at least 1");
        Ok(number)
    }
}

fn kind(word: &str) -> Result<Kind> {
    Ok(match word {
        "throughput" => Kind::Throughput,
        "scaling" => Kind::Scaling,
        "latency" => Kind::Latency,
        "idle" => Kind::Idle,
        "recovery" => Kind::Recovery,
        "bursts" => Kind::Bursts,
        "detection" => Kind::Detection,
        "backtest" => Kind::Backtest,
        "spikes" => Kind::Spikes,
        "sustained" => Kind::Sustained,
        "embedding" => Kind::Embedding,
        "grouping" => Kind::Grouping,
        "fingerprint" => Kind::Fingerprint,
        "identity" => Kind::Identity,
        "neighbours" => Kind::Neighbours,
        other => bail!("unknown kind {other:?}"),
    })
}

fn format(word: &str) -> Result<Format> {
    Ok(match word {
        "plain" => Format::Plain,
        "json" => Format::Json,
        other => bail!("unknown format {other:?}"),
    })
}

/// Returns the comment with which a scenario file opens.
fn summary(text: &str) -> String {
    let lines = text.lines().map_while(|line| line.strip_prefix("# "));
    lines.collect::<Vec<_>>().join(" ")
}

/// Reads the scenarios called `names` from `folder`; all of them, by name, if there are no names.
pub fn read(folder: &Path, names: &[String]) -> Result<Vec<Scenario>> {
    let mut known = BTreeMap::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "toml") {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let scenario = Scenario::parse(&name, &std::fs::read_to_string(&path)?);
            known.insert(name, scenario.with_context(|| path.display().to_string())?);
        }
    }
    if names.is_empty() {
        return Ok(known.into_values().collect());
    }
    let list = known.keys().cloned().collect::<Vec<_>>().join(", ");
    let find = |name: &String| {
        known.get(name).cloned().with_context(|| format!("no scenario {name:?}; there are {list}"))
    };
    names.iter().map(find).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_file_can_be_read_and_has_a_bar() {
        let scenarios = read(&crate::root().join("benches/scenarios"), &[]).unwrap();
        assert!(scenarios.len() >= 6);
        for scenario in scenarios {
            assert!(!scenario.bars.is_empty() && !scenario.summary.is_empty(), "{scenario:?}");
        }
    }

    #[test]
    fn numbers_may_have_underscores_and_bars_have_a_direction() {
        let text = "# What it is.\nkind = \"idle\"\nformat = \"json\"\nstore = \"sqlite\"\nworkers = 2\n\
                    lines = 5_000\nat_most.cpu_percent = 1.5\n";
        let scenario = Scenario::parse("x", text).unwrap();
        assert_eq!(scenario.number("lines").unwrap(), 5000);
        assert_eq!(scenario.bars["cpu_percent"], Bar::AtMost(1.5));
        assert!(scenario.bars["cpu_percent"].is_met(1.5));
        assert!(!scenario.bars["cpu_percent"].is_met(1.6));
    }

    #[test]
    fn a_mistake_in_a_scenario_is_named() {
        let error = Scenario::parse("x", "kind = \"sprint\"\nformat = \"plain\"\nworkers = 1\n");
        assert!(error.unwrap_err().to_string().contains("sprint"));
        assert!(Scenario::parse("x", "kind\n").unwrap_err().to_string().contains("kind"));
        assert!(Scenario::parse("x", "about.p95_ms = 3\n").is_err());
    }
}
