//! Parses arguments, calls one function, prints one error, sets the exit code.
//! Memory comes from the system's allocator (`docs/decisions/003-allocator.md`).

mod added_sources;
mod alert_desk;
mod alert_verbs;
mod ask;
mod backtest;
mod cli;
mod demo;
mod explain;
mod export;
mod failure;
mod group;
mod health;
mod issue_desk;
mod keep;
mod model;
mod progress;
mod registry;
mod run;
mod scan;
mod search;
mod source_verbs;
mod sparkline;
mod telemetry;
mod validate;

use clap::{CommandFactory, Parser};
use cli::{Cli, ExportVerb, Verb};
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let logging = telemetry::start_logging(&cli.log, cli.log_format);
    match logging.and_then(|()| perform(cli.verb)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn perform(verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Run(args) => run::run(args),
        Verb::Demo(args) => demo::demo(args),
        Verb::Scan(args) => scan::scan(args),
        Verb::Validate(args) => validate::validate(args),
        Verb::Graph(args) => validate::graph(args),
        Verb::Explain(args) => explain::explain(args),
        Verb::Backtest(args) => backtest::backtest(&args),
        Verb::Sources(verb) => source_verbs::perform(verb),
        Verb::Alerts(verb) => alert_verbs::alerts(verb),
        Verb::Silences(verb) => alert_verbs::silences(verb),
        Verb::Deploys(verb) => alert_verbs::deploys(verb),
        Verb::Deliveries(verb) => alert_verbs::deliveries(verb),
        Verb::Export(ExportVerb::Counts { graph, .. }) => export::counts(graph),
        Verb::Search(args) => search::search(args),
        Verb::Group(args) => group::group(args),
        Verb::Model(verb) => model::perform(verb),
        Verb::Backup(args) => keep::backup(args),
        Verb::Restore(args) => keep::restore(args),
        Verb::Health(args) => health::health(args),
        Verb::Schema => validate::schema(),
        Verb::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Cli::command(),
                "seismolog",
                &mut std::io::stdout(),
            );
            Ok(())
        }
    }
}
