//! The verb `backtest` and its arguments.

use clap::Args;
use std::path::PathBuf;

/// Arguments of `backtest`.
#[derive(Args, Debug)]
pub struct BacktestArgs {
    /// Counts as CSV, ordered by time: `series_id,bucket,count`, or as they arrived, in order of arrival:
    /// `arrival,series_id,bucket,count`. What stands before the first `/` of a series id is its source.
    #[arg(long, value_name = "FILE.csv")]
    pub counts: PathBuf,
    /// JSON with `bucket_seconds`, `n_buckets` and `start_weekday` (0 is Monday).
    #[arg(long, value_name = "META.json")]
    pub meta: PathBuf,
    /// Where to write alarms, as CSV: `series_id,start_bucket,end_bucket,score`, the score `-log10 p`.
    #[arg(long, value_name = "OUT.csv")]
    pub detections: PathBuf,
    /// Where to write how suspicious each bucket of each series is, as CSV: `series_id,bucket,score`, 0 to 1.
    #[arg(long, value_name = "OUT.csv")]
    pub scores: Option<PathBuf>,
    /// False alarms a day that are accepted, over all series together.
    #[arg(long, value_name = "N", default_value_t = 10.0, value_parser = budget)]
    pub max_false_alerts_per_day: f64,
}

fn budget(word: &str) -> Result<f64, String> {
    let budget: f64 = word.parse().map_err(|_| "not a number".to_owned())?;
    let range = operators::spike::FALSE_ALERTS_PER_DAY;
    let message = || format!("not between {} and {}", range.start(), range.end());
    range.contains(&budget).then_some(budget).ok_or_else(message)
}
