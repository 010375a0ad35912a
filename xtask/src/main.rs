//! The project's commands, `cargo xtask <command>`: the only words to remember. People and
//! continuous integration run the same ones.
//!
//! *Promises:* every external command is printed before it runs; the first failure stops the run
//! and becomes its exit code; the total wall time is printed. No dependencies, so that it builds
//! in seconds in a fresh clone.

mod commands;
mod prerequisites;
mod step;

use std::process::ExitCode;
use std::time::Instant;

const HELP: &str = "\
usage: cargo xtask <command>

  setup             check that what the build and the tests need is installed; fetch the model and
                    the Postgres servers of the tests
  check             format, clippy without warnings, tidy, licences and advisories
  test              every bounded test: the UI's, then the workspace's
  soak              the long families: many more cases, kills and restarts
  bench [NAME...] [DATA]
                    build the release binary and measure it; without names, every scenario;
                    DATA is a folder of labelled logs, its path with a / in it
  docs              build the API documentation of the workspace's crates, warnings denied
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    let started = Instant::now();
    let outcome = match command {
        "setup" => commands::setup(),
        "check" => commands::check(),
        "test" => commands::test(),
        "soak" => commands::soak(),
        "bench" => commands::bench(rest),
        "docs" => commands::docs(),
        "help" | "-h" | "--help" => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        other => {
            eprintln!("xtask: there is no command {other:?}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    match outcome {
        Ok(()) => {
            println!("xtask {command}: done in {seconds:.1} s");
            ExitCode::SUCCESS
        }
        Err(failure) => {
            eprintln!("xtask {command}: {failure}\nxtask {command}: stopped after {seconds:.1} s");
            ExitCode::from(failure.exit_code)
        }
    }
}
