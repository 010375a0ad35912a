//! The verb `search` and its arguments.

use super::GraphFiles;
use super::model::ModelPlace;
use clap::{Args, ValueEnum};

/// Arguments of `search`.
#[derive(Args, Debug)]
pub struct SearchArgs {
    /// What is looked for, in words or as a question; the last word may be cut short.
    #[arg(value_name = "QUERY", required = true)]
    pub query: Vec<String>,
    /// The graph whose store is searched; the engine may be running.
    #[command(flatten)]
    pub graph: GraphFiles,
    /// List at most this many issues.
    #[arg(short = 'n', long, default_value_t = 20, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=100))]
    pub limit: u16,
    /// Form of the result.
    #[arg(short, long, default_value = "text")]
    pub output: SearchOutput,
    /// Where the model's files are; without them, words alone are looked for.
    #[command(flatten)]
    pub place: ModelPlace,
}

/// The form of a search's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SearchOutput {
    /// For people.
    Text,
    /// One JSON object, as `GET /api/v1/search` answers.
    Json,
    /// One JSON object a line for each issue that was found.
    Jsonl,
}
