//! Measures the release binary from outside, as its users see it: what a scenario file asks for is
//! generated, run, measured, and shown beside the bars that it must clear. Only what stops before the
//! commit runs in this process ([`dataflow`], [`fingerprint`]).
//!
//! ```text
//! scenarios/*.toml ──scenario──► load (generated once) ──► target/release/seismolog ──► measure
//!                                                          /proc/PID, GET /api/v1/audit     │
//!                     results/DATE-MACHINE/*.json + README ◄──────────report────────────────┘
//! ```
//! *How it measures.* CPU time is user plus system time of the whole process from `/proc/PID/stat`,
//! read after it has ended and before it is reaped, so start-up and shutdown are in it. Peak memory
//! is `VmHWM`. Throughput is compared with `wc -l` on the same files in the same run, because
//! ratios survive a busy machine and wall times do not. Figures are medians over the runs.
#![allow(
    clippy::disallowed_methods,
    reason = "a measuring tool waits on the clock and reads small files of its own machine"
)]

mod backtest;
mod bursts;
mod dataflow;
mod detection;
mod embedding;
mod fingerprint;
mod grouping;
mod http;
mod identity;
mod load;
mod measure;
mod memory_source;
mod neighbours;
mod postgres;
mod process;
mod report;
mod scenario;
mod spikes;
mod sustained;

use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const HELP: &str = "\
usage: benches [NAME...] [DATA] [options]   measure scenarios; without names, those that take no minutes
       benches report FOLDER                print the table of a result folder

  DATA              a folder of labelled logs, SYSTEM/SYSTEM_2k.log and beside it the file
                    SYSTEM_2k.log_structured_corrected.csv; for `spikes` the folder with gen.py,
                    score.py and baselines.py; an argument with a / in it is DATA

  --save            keep the results in benches/results/DATE-MACHINE instead of the scratch folder
  --machine NAME    name of this machine in the folder's name (default: from its processor)
  --binary PATH     the binary to measure (default: target/release/seismolog)
  --scratch FOLDER  where inputs and stores go (default: target/bench)
  --gate            exit with 1 if a bar is missed
";

/// What the command line asks for.
struct Arguments {
    names: Vec<String>,
    data: Option<PathBuf>,
    save: bool,
    gate: bool,
    machine: Option<String>,
    binary: PathBuf,
    scratch: PathBuf,
}

fn main() -> Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["-h" | "--help", ..] => print!("{HELP}"),
        [embedding::child::VERB, folder, tokens] => embedding::child::serve(folder, tokens)?,
        ["report", folder] => print!("{}", report::table(&report::read_folder(Path::new(folder))?)),
        _ => return run(&parse(&words)?),
    }
    Ok(ExitCode::SUCCESS)
}

/// Returns the repository root.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_path_buf()
}

fn parse(words: &[String]) -> Result<Arguments> {
    let mut arguments = Arguments {
        names: Vec::new(),
        data: None,
        save: false,
        gate: false,
        machine: None,
        binary: root().join("target/release/seismolog"),
        scratch: root().join("target/bench"),
    };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().with_context(|| format!("{word} needs a value\n\n{HELP}"));
        match word.as_str() {
            "--save" => arguments.save = true,
            "--gate" => arguments.gate = true,
            "--machine" => arguments.machine = Some(value()?.clone()),
            "--binary" => arguments.binary = value()?.into(),
            "--scratch" => arguments.scratch = value()?.into(),
            flag if flag.starts_with('-') => bail!("there is no option {flag}\n\n{HELP}"),
            data if data.contains('/') => arguments.data = Some(data.into()),
            name => arguments.names.push(name.to_owned()),
        }
    }
    Ok(arguments)
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut scenarios = scenario::read(&root().join("benches/scenarios"), &arguments.names)?;
    if arguments.names.is_empty() {
        let has_data = arguments.data.is_some();
        scenarios.retain(|scenario| !scenario.is_named() && (has_data || !scenario.needs_data()));
    }
    let machine = report::Machine::here(arguments.machine.as_deref());
    let parent = if arguments.save {
        root().join("benches/results")
    } else {
        arguments.scratch.join("results")
    };
    let folder = parent.join(machine.folder_name());
    let site = measure::Site {
        binary: arguments.binary.clone(),
        scratch: arguments.scratch.clone(),
        data: arguments.data.clone(),
    };
    let mut outcomes = Vec::new();
    for scenario in &scenarios {
        eprintln!("measuring {} …", scenario.name);
        let outcome = measure::run(&site, scenario)
            .with_context(|| format!("scenario {:?} could not be measured", scenario.name))?;
        report::write(&folder, &machine, &outcome)?;
        outcomes.push(outcome);
    }
    print!("{}", report::table(&outcomes));
    println!("results: {}", folder.display());
    let missed = outcomes.iter().any(|outcome| !outcome.bars_missed().is_empty());
    Ok(if arguments.gate && missed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
