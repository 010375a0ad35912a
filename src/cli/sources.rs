//! Arguments of `seismolog sources`.

use super::TextOutput;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// What can be done with the sources of a running engine.
#[derive(Debug, Subcommand)]
pub enum SourcesVerb {
    /// List the sources and how they are doing.
    List {
        /// Which engine.
        #[command(flatten)]
        engine: RunningEngine,
        /// Form of the result.
        #[arg(short, long, default_value = "text")]
        output: TextOutput,
    },
    /// Say what a source would read, without adding it.
    Test(SourceArgs),
    /// Add a source and start it; the engine keeps it over restarts.
    Add(SourceArgs),
    /// Pause a source; its place is kept.
    Pause(SourceId),
    /// Let a paused source go on where it was.
    Resume(SourceId),
    /// Remove a source that was added; its place is kept in case the id comes back.
    Remove(SourceId),
}

/// A running engine.
#[derive(Args, Debug)]
pub struct RunningEngine {
    /// Address of the engine.
    #[arg(
        long,
        env = "SEISMOLOG_LISTEN",
        default_value = "127.0.0.1:8740",
        value_name = "HOST:PORT"
    )]
    pub address: String,
    /// File that holds the engine's token, if it wants one.
    #[arg(long, env = "SEISMOLOG_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
}

/// A source that is there.
#[derive(Args, Debug)]
pub struct SourceId {
    /// Its id.
    pub id: String,
    /// Which engine.
    #[command(flatten)]
    pub engine: RunningEngine,
}

/// A source that is not there yet.
#[derive(Args, Debug)]
#[command(
    after_help = "Example: seismolog sources add web type=file 'include=/var/log/web/*.log' service=shop"
)]
pub struct SourceArgs {
    /// Its id.
    pub id: String,
    /// Its type and options, as in a graph file; a repeated key makes a list.
    #[arg(required = true, value_name = "KEY=VALUE")]
    pub options: Vec<String>,
    /// Which engine.
    #[command(flatten)]
    pub engine: RunningEngine,
}
