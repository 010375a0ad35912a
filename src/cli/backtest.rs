//! The verb `backtest` and its arguments.

use clap::{Args, ValueEnum};
use engine::model::EventTime;
use std::path::{Path, PathBuf};

/// Names the graph file, as it does for the other verbs; clap would take it for a conflict with `--counts`.
const CONFIG_VARIABLE: &str = "SEISMOLOG_CONFIG";
const CONFIG_DEFAULT: &str = "seismolog.yaml";

/// Arguments of `backtest`.
#[derive(Args, Debug)]
#[command(
    after_help = "Exit codes: 0 done, or with --diff equal; 1 failed, or with --diff different; 2 usage; \
    78 configuration.\nIn continuous integration:\n    \
    seismolog backtest -c seismolog.yaml --diff changed.yaml incident.log"
)]
pub struct BacktestArgs {
    /// Log files to read with the chain of the graph file, `ID=FILE` as its source of that id. Without any, the
    /// history in the graph's store is judged; the engine may be running.
    #[arg(value_name = "INPUT", conflicts_with = "counts")]
    pub inputs: Vec<PathBuf>,
    /// Graph file; several are read as one. Without it `$SEISMOLOG_CONFIG` or `seismolog.yaml`.
    #[arg(short, long = "config", value_name = "FILE", conflicts_with = "counts")]
    #[arg(value_delimiter = ':')]
    pub config: Vec<PathBuf>,
    /// Report only alerts that began at this instant or later: RFC 3339, or a day (UTC). What comes before is learned
    /// from all the same.
    #[arg(long, value_name = "T", value_parser = instant, conflicts_with = "counts")]
    pub from: Option<EventTime>,
    /// Report only alerts that began before this instant.
    #[arg(long, value_name = "T", value_parser = instant, conflicts_with = "counts")]
    pub to: Option<EventTime>,
    /// Form of the report.
    #[arg(short, long, default_value = "table", conflicts_with = "counts")]
    pub output: ReportForm,
    /// Compare with the alerts of this graph file: which it adds, removes and changes. Exit 1 if there are any.
    #[arg(long, value_name = "OTHER", conflicts_with = "counts")]
    pub diff: Option<PathBuf>,
    /// Write the report to this file instead of standard output.
    #[arg(long, value_name = "FILE", conflicts_with = "counts")]
    pub out: Option<PathBuf>,
    /// Judge these counts instead of a graph's. CSV, ordered by time: `series_id,bucket,count`, or as they arrived, in
    /// order of arrival: `arrival,series_id,bucket,count`. What stands before the first `/` of a series id is its source.
    #[arg(long, value_name = "FILE.csv", requires_all = ["meta", "detections"])]
    pub counts: Option<PathBuf>,
    /// JSON with `bucket_seconds`, `n_buckets` and `start_weekday` (0 is Monday).
    #[arg(long, value_name = "META.json", requires = "counts")]
    pub meta: Option<PathBuf>,
    /// Where to write alarms, as CSV: `series_id,start_bucket,end_bucket,score`, the score `-log10 p`.
    #[arg(long, value_name = "OUT.csv", requires = "counts")]
    pub detections: Option<PathBuf>,
    /// Where to write how suspicious each bucket of each series is, as CSV: `series_id,bucket,score`, 0 to 1.
    #[arg(long, value_name = "OUT.csv", requires = "counts")]
    pub scores: Option<PathBuf>,
    /// False alarms a day that are accepted, over all series together; a graph file says it in its `spike`.
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = budget, requires = "counts")]
    pub max_false_alerts_per_day: f64,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportForm {
    /// For people.
    Table,
    /// One JSON document: an array of alerts, the totals last.
    Json,
    /// One HTML file that needs no other.
    Html,
}

/// The arguments of a backtest of counts.
pub struct CountsArgs<'a> {
    /// The counts.
    pub counts: &'a Path,
    /// What is known of them.
    pub meta: &'a Path,
    /// Where alarms go.
    pub detections: &'a Path,
    /// Where scores go.
    pub scores: Option<&'a Path>,
    /// False alarms a day.
    pub max_false_alerts_per_day: f64,
}

impl BacktestArgs {
    /// Returns the arguments of a backtest of counts, if that is what is asked for.
    pub fn counts(&self) -> Option<CountsArgs<'_>> {
        // clap lets none of the three stand without the others.
        Some(CountsArgs {
            counts: self.counts.as_deref()?,
            meta: self.meta.as_deref()?,
            detections: self.detections.as_deref()?,
            scores: self.scores.as_deref(),
            max_false_alerts_per_day: self.max_false_alerts_per_day,
        })
    }

    /// Returns the graph files.
    pub fn config(&self) -> Vec<PathBuf> {
        if !self.config.is_empty() {
            return self.config.clone();
        }
        match std::env::var_os(CONFIG_VARIABLE) {
            Some(paths) => std::env::split_paths(&paths).collect(),
            None => vec![CONFIG_DEFAULT.into()],
        }
    }
}

fn budget(word: &str) -> Result<f64, String> {
    let budget: f64 = word.parse().map_err(|_| "not a number".to_owned())?;
    let range = operators::spike::FALSE_ALERTS_PER_DAY;
    let message = || format!("not between {} and {}", range.start(), range.end());
    range.contains(&budget).then_some(budget).ok_or_else(message)
}

fn instant(word: &str) -> Result<EventTime, String> {
    let of_day = || {
        let day: jiff::civil::Date = word.parse().ok()?;
        day.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|midnight| midnight.timestamp())
    };
    let found = word.parse::<jiff::Timestamp>().ok().or_else(of_day);
    let found = found.and_then(|instant| i64::try_from(instant.as_nanosecond()).ok());
    let message = || "neither an instant like 2026-03-01T10:00:00Z nor a day like 2026-03-01";
    found.map(EventTime).ok_or_else(|| message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_rfc_3339_or_days_in_utc() {
        let day = EventTime::from_secs(1_772_323_200);
        for word in ["2026-03-01", "2026-03-01T00:00:00Z", "2026-03-01T01:00:00+01:00"] {
            assert_eq!(instant(word), Ok(day), "{word}");
        }
        assert!(instant("yesterday").is_err());
    }
}
