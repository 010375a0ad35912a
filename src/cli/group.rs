//! The verb `group` and its arguments.

use super::model::ModelPlace;
use clap::{Args, ValueEnum, value_parser};
use std::num::NonZero;
use std::path::PathBuf;

/// Arguments of `group`.
#[derive(Args, Debug)]
pub struct GroupArgs {
    /// Texts, one a line, or JSON objects with a field `text`; `-` for standard input.
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// How similar texts are on average that become one issue, 0 to 1. From 0.375 on, texts are possibly
    /// related; the default is what the operator `cluster` merges.
    #[arg(long, value_name = "RATIO", default_value_t = 0.55, value_parser = ratio)]
    pub threshold: f64,
    /// Nearest texts that are kept for each text, as `links_max` of the operator `cluster`; low thresholds
    /// need more of them.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = value_parser!(u16).range(1..=1024))]
    pub links_max: u16,
    /// Form of the result.
    #[arg(short, long, default_value = "text")]
    pub output: GroupOutput,
    /// Where the model's files are.
    #[command(flatten)]
    pub place: ModelPlace,
    /// Threads; all processors if left out. The result does not depend on it.
    #[arg(long, env = "SEISMOLOG_THREADS", value_name = "N")]
    pub threads: Option<NonZero<usize>>,
}

/// The form of `group`'s result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GroupOutput {
    /// For people: issues, the largest first, with the texts of each.
    Text,
    /// One JSON array, an object for each text.
    Json,
    /// One JSON object a line for each text, in the order of the texts.
    Jsonl,
}

fn ratio(word: &str) -> Result<f64, String> {
    let ratio: f64 = word.parse().map_err(|_| "not a number".to_owned())?;
    (0.0..=1.0).contains(&ratio).then_some(ratio).ok_or_else(|| "not between 0 and 1".to_owned())
}
