//! The verbs and their help: what a person types, as types. No verb does anything here.

pub mod alerts;
pub mod backtest;
pub mod group;
pub mod mistakes;
pub mod model;
pub mod search;
pub mod sources;

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// A seismograph for logs: raw logs in, a short list of issues out, exactly counted.
#[derive(Debug, Parser)]
#[command(name = "seismolog", version, max_term_width = 100, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 usage, 78 configuration.\n\
    Start with `seismolog demo`, or with your own logs: `seismolog scan /var/log/*.log`.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// How much to say on standard error: error, warn, info, debug, or a tracing filter.
    #[arg(
        long,
        global = true,
        env = "SEISMOLOG_LOG",
        default_value = "info",
        value_name = "LEVEL"
    )]
    pub log: String,
    /// How to say it.
    #[arg(long, global = true, env = "SEISMOLOG_LOG_FORMAT", default_value = "text")]
    pub log_format: LogFormat,
}

/// The form of the program's own log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run the engine of a graph file until it is told to stop (SIGTERM drains and commits).
    Run(RunArgs),
    /// Show a live incident on made-up logs, in a temporary store.
    Demo(DemoArgs),
    /// Read log files once and list the issues in them; needs no set-up and stores nothing.
    Scan(ScanArgs),
    /// Check graph files and list every mistake with file, line and column.
    Validate(ValidateArgs),
    /// Print the graph as it will run, the standard chain included.
    Graph(GraphArgs),
    /// Say what is found in log lines: header, severity, time, variables, fingerprint.
    Explain(ExplainArgs),
    /// Say which alerts logs or stored history would have raised, far faster than time.
    Backtest(backtest::BacktestArgs),
    /// List and change what a running engine reads.
    #[command(subcommand)]
    Sources(sources::SourcesVerb),
    /// List alerts of a running engine, and decide about them.
    #[command(subcommand)]
    Alerts(alerts::AlertsVerb),
    /// List, add and end silences: what is recorded and not told.
    #[command(subcommand)]
    Silences(alerts::SilencesVerb),
    /// List deploys, or tell of one, so that alerts can name it.
    #[command(subcommand)]
    Deploys(alerts::DeploysVerb),
    /// List what was delivered and what was not, and send it again.
    #[command(subcommand)]
    Deliveries(alerts::DeliveriesVerb),
    /// Write out what is stored.
    #[command(subcommand)]
    Export(ExportVerb),
    /// Find stored issues by words and by meaning, the best first.
    Search(search::SearchArgs),
    /// Group texts by meaning and say what each is about; needs the model, no logs.
    Group(group::GroupArgs),
    /// Fetch, check and use the model that embeds texts.
    #[command(subcommand)]
    Model(model::ModelVerb),
    /// Copy the store, also while the engine runs, and check the copy.
    Backup(BackupArgs),
    /// Put a backup, or the file of a SQLite store, in the place of what is stored.
    Restore(RestoreArgs),
    /// Ask a running engine whether it is ready; exit 0 if it is.
    Health(HealthArgs),
    /// Print the JSON Schema of the graph file.
    Schema,
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Where the graph file is.
#[derive(Args, Clone, Debug)]
pub struct GraphFiles {
    /// Graph file; several are read as one.
    #[arg(short, long = "config", env = "SEISMOLOG_CONFIG", value_name = "FILE")]
    #[arg(default_value = "seismolog.yaml", value_delimiter = ':')]
    pub config: Vec<PathBuf>,
}

/// Arguments of `run`.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// The graph.
    #[command(flatten)]
    pub graph: GraphFiles,
    /// Listen here instead of where the graph file says; port 0 takes a free one.
    #[arg(long, env = "SEISMOLOG_LISTEN", value_name = "HOST:PORT")]
    pub listen: Option<String>,
    /// Index of this process among `--hosts` (timely's multi-process mode; see the cluster page).
    #[arg(long, env = "SEISMOLOG_PROCESS", requires = "hosts", value_name = "N")]
    pub process: Option<usize>,
    /// `host:port` of every process of the cluster, in order, comma-separated.
    #[arg(long, env = "SEISMOLOG_HOSTS", requires = "process", value_delimiter = ',')]
    pub hosts: Vec<String>,
}

/// Arguments of `demo`.
#[derive(Args, Debug)]
pub struct DemoArgs {
    /// Seed of the made-up incident: the same seed makes the same logs.
    #[arg(long, env = "SEISMOLOG_SEED", default_value_t = 1)]
    pub seed: u64,
    /// Where the dashboard listens; port 0 takes a free one.
    #[arg(
        long,
        env = "SEISMOLOG_LISTEN",
        default_value = "127.0.0.1:8740",
        value_name = "HOST:PORT"
    )]
    pub listen: String,
    /// Do not open a browser.
    #[arg(long, env = "SEISMOLOG_NO_OPEN")]
    pub no_open: bool,
}

/// Arguments of `scan`.
#[derive(Args, Debug)]
pub struct ScanArgs {
    /// Log files, or `-` for standard input.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Form of the result.
    #[arg(short, long, default_value = "table")]
    pub output: ScanOutput,
    /// List only issues whose highest severity reaches this; an issue of unknown severity counts as
    /// warn, the threshold `unknown` lists all.
    #[arg(long, default_value = "unknown", value_name = "SEVERITY")]
    pub min_severity: SeverityName,
    /// List at most this many issues in the table (0: all). JSON always lists all.
    #[arg(short = 'n', long, default_value_t = 40, value_name = "N")]
    pub top: usize,
    /// Dataflow workers.
    #[arg(long, env = "SEISMOLOG_WORKERS", value_name = "N")]
    pub workers: Option<usize>,
    /// Time zone of times without one (IANA name).
    #[arg(long, env = "SEISMOLOG_TIMEZONE", default_value = "UTC", value_name = "ZONE")]
    pub timezone: String,
}

/// The form of a scan's result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScanOutput {
    /// For people.
    Table,
    /// One JSON document: an array of issues, the audit last.
    Json,
    /// One JSON object a line: issues, the audit last.
    Jsonl,
}

/// A severity by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(missing_docs, reason = "the names are the severities'")]
pub enum SeverityName {
    Trace,
    Debug,
    Info,
    Unknown,
    Warn,
    Error,
    Fatal,
}

impl From<SeverityName> for engine::model::Severity {
    fn from(name: SeverityName) -> Self {
        Self::from_code(name as u8)
    }
}

/// Arguments of `validate`.
#[derive(Args, Debug)]
pub struct ValidateArgs {
    /// Graph files; several are read as one.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Form of the result.
    #[arg(short, long, default_value = "text")]
    pub output: TextOutput,
}

/// Text or JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TextOutput {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// Arguments of `graph`.
#[derive(Args, Debug)]
pub struct GraphArgs {
    /// Graph files; several are read as one.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Form of the drawing.
    #[arg(short, long, default_value = "text")]
    pub output: GraphOutput,
}

/// The form of a drawn graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum GraphOutput {
    /// For people.
    Text,
    /// A Mermaid flowchart.
    Mermaid,
    /// Graphviz.
    Dot,
    /// Nodes and edges.
    Json,
}

/// Arguments of `explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// A log line in quotes, or the id of an issue (i_…) or a fingerprint (f1_…) in the graph's store.
    #[arg(value_name = "LINE|ID", required_unless_present = "each", conflicts_with = "each")]
    pub line: Option<String>,
    /// Explain every event of a file, or of standard input with `-`.
    #[arg(long, value_name = "FILE")]
    pub each: Option<PathBuf>,
    /// Form of the result; `jsonl` is the default with --each.
    #[arg(short, long)]
    pub output: Option<ExplainOutput>,
    /// Every input line is a bare message: no header is looked for.
    #[arg(long)]
    pub content: bool,
    /// The input is JSONL; this field keeps streams apart.
    #[arg(long, value_name = "FIELD", requires = "jsonl_text")]
    pub jsonl_stream: Option<String>,
    /// The input is JSONL; this field holds the text.
    #[arg(long, value_name = "FIELD")]
    pub jsonl_text: Option<String>,
    /// The input is JSONL; this field holds the time.
    #[arg(long, value_name = "FIELD", requires = "jsonl_text")]
    pub jsonl_time: Option<String>,
    /// Time zone of times without one (IANA name).
    #[arg(long, env = "SEISMOLOG_TIMEZONE", default_value = "UTC", value_name = "ZONE")]
    pub timezone: String,
    /// Where the ids are stored, and the issues that a line is compared with.
    #[command(flatten)]
    pub graph: GraphFiles,
    /// Where the model's files are.
    #[command(flatten)]
    pub place: model::ModelPlace,
}

/// The form of an explanation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExplainOutput {
    /// For people.
    Text,
    /// One JSON object an event.
    Jsonl,
}

/// What can be exported.
#[derive(Debug, Subcommand)]
pub enum ExportVerb {
    /// Every stored count, one JSON object a line, without a limit.
    Counts {
        /// The graph whose store is read; the engine may be running.
        #[command(flatten)]
        graph: GraphFiles,
        /// Form of the result.
        #[arg(short, long, default_value = "jsonl")]
        output: JsonlOutput,
    },
}

/// JSON lines only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum JsonlOutput {
    /// One JSON object a line.
    Jsonl,
}

/// Arguments of `backup`.
#[derive(Args, Debug)]
pub struct BackupArgs {
    /// The new file: a SQLite file, whatever kind of store it comes from.
    #[arg(value_name = "OUT")]
    pub to: PathBuf,
    /// The graph whose store is copied; the engine may be running.
    #[command(flatten)]
    pub graph: GraphFiles,
    /// Form of the result.
    #[arg(short, long, default_value = "text")]
    pub output: TextOutput,
}

/// Arguments of `restore`.
#[derive(Args, Debug)]
#[command(
    after_help = "To move from SQLite to Postgres: stop the engine, name the Postgres store in the \
    graph file, and restore the old file:\n    seismolog restore seismolog.db -c seismolog.yaml"
)]
pub struct RestoreArgs {
    /// A backup, or the file of a SQLite store that no engine is using.
    #[arg(value_name = "IN")]
    pub from: PathBuf,
    /// Replace what the store holds.
    #[arg(long)]
    pub replace: bool,
    /// The graph into whose store it goes; its engine must not be running.
    #[command(flatten)]
    pub graph: GraphFiles,
    /// Form of the result.
    #[arg(short, long, default_value = "text")]
    pub output: TextOutput,
}

/// Arguments of `health`.
#[derive(Args, Debug)]
pub struct HealthArgs {
    /// Address of the engine.
    #[arg(
        long,
        env = "SEISMOLOG_LISTEN",
        default_value = "127.0.0.1:8740",
        value_name = "HOST:PORT"
    )]
    pub address: String,
    /// Form of the result.
    #[arg(short, long, default_value = "text")]
    pub output: TextOutput,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_verb_and_flag_is_well_formed_and_has_help() {
        Cli::command().debug_assert();
        for verb in Cli::command().get_subcommands() {
            assert!(verb.get_about().is_some(), "{} has no help", verb.get_name());
            for argument in verb.get_arguments() {
                assert!(argument.get_help().is_some(), "{} has no help", argument.get_id());
            }
        }
    }
}
