//! The verb `model` and its arguments.

use super::{JsonlOutput, TextOutput};
use clap::{Args, Subcommand};
use std::num::NonZero;
use std::path::PathBuf;

/// What can be done with the model.
#[derive(Debug, Subcommand)]
pub enum ModelVerb {
    /// Fetch the model's files into the cache, unless they are there.
    Fetch {
        /// Where the files are kept.
        #[command(flatten)]
        place: ModelPlace,
    },
    /// Say where the model's files are looked for, and whether they are there.
    Status {
        /// Where the files are.
        #[command(flatten)]
        place: ModelPlace,
        /// Form of the result.
        #[arg(short, long, default_value = "text")]
        output: TextOutput,
    },
    /// Check every byte of the model's files and embed a text; exit 0 if all is well.
    Verify {
        /// Where the files are.
        #[command(flatten)]
        place: ModelPlace,
        /// Form of the result.
        #[arg(short, long, default_value = "text")]
        output: TextOutput,
    },
    /// Write a vector for each line of a file.
    Embed {
        /// Where the model's files are.
        #[command(flatten)]
        place: ModelPlace,
        /// Texts, one a line; `-` for standard input.
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Form of the result: `{"text","vector":[384 numbers]}`.
        #[arg(short, long, default_value = "jsonl")]
        output: JsonlOutput,
        /// Threads; all processors if left out. The vectors do not depend on it.
        #[arg(long, env = "SEISMOLOG_THREADS", value_name = "N")]
        threads: Option<NonZero<usize>>,
    },
}

/// The environment variable that names the folder for fetched files.
pub const CACHE_VARIABLE: &str = "SEISMOLOG_MODEL_CACHE";

/// Where the model's files are.
#[derive(Args, Clone, Debug)]
pub struct ModelPlace {
    /// Folder with the model's official files; then nothing else is looked at.
    #[arg(long, env = "SEISMOLOG_MODEL_PATH", value_name = "FOLDER")]
    pub path: Option<PathBuf>,
    /// Folder for fetched files; the platform's cache folder if left out.
    #[arg(long, env = CACHE_VARIABLE, value_name = "FOLDER")]
    pub cache: Option<PathBuf>,
}
