//! How a verb fails: one message on standard error, one of the documented exit codes.

use crate::cli::mistakes::{self, Style};
use engine::graph::{GraphInput, Mistake};
use std::process::ExitCode;

/// Exit code for a graph file that cannot be used (`EX_CONFIG`).
const EXIT_CONFIGURATION: u8 = 78;
/// Exit code for wrong usage, as clap's.
const EXIT_USAGE: u8 = 2;

/// Why a verb did not do what it was asked to.
pub enum Failure {
    /// The graph file has mistakes.
    Configuration {
        /// What was read.
        inputs: Vec<GraphInput>,
        /// All of them.
        mistakes: Vec<Mistake>,
    },
    /// An argument makes no sense.
    Usage(String),
    /// Anything else, with its causes.
    Failed(anyhow::Error),
    /// Everything has been said already.
    Silent,
}

impl Failure {
    /// Prints the message and returns the exit code.
    pub fn report(self) -> ExitCode {
        match self {
            Failure::Configuration { inputs, mistakes } => {
                eprint!("{}", mistakes::to_text(&mistakes, &inputs, Style::of_stderr()));
                ExitCode::from(EXIT_CONFIGURATION)
            }
            Failure::Usage(message) => {
                eprintln!("error: {message}");
                ExitCode::from(EXIT_USAGE)
            }
            Failure::Failed(error) => {
                eprintln!("error: {error:#}");
                ExitCode::FAILURE
            }
            Failure::Silent => ExitCode::FAILURE,
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Failure::Failed(error.into())
    }
}
