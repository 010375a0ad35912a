//! The verbs `backup` and `restore`: a copy of the store, and the way back.

use crate::cli::{BackupArgs, RestoreArgs, TextOutput};
use crate::failure::Failure;
use crate::run::load;
use anyhow::anyhow;
use engine::component::{BackupReport, StoreError};
use std::path::Path;

/// The verb `backup`.
pub fn backup(args: BackupArgs) -> Result<(), Failure> {
    let graph = load(&args.graph)?;
    let report = graph.store.store.reader().backup(&args.to).map_err(told)?;
    tell("backed up to", &args.to, report, args.output)
}

/// The verb `restore`.
pub fn restore(args: RestoreArgs) -> Result<(), Failure> {
    let mut graph = load(&args.graph)?;
    if !args.from.is_file() {
        return Err(anyhow!("cannot restore {}: there is no such file", args.from.display()).into());
    }
    let report = graph.store.store.restore(&args.from, args.replace).map_err(told)?;
    tell("restored from", &args.from, report, args.output)
}

fn told(error: StoreError) -> anyhow::Error {
    anyhow!(error.sentence())
}

fn tell(what: &str, file: &Path, report: BackupReport, output: TextOutput) -> Result<(), Failure> {
    if output == TextOutput::Json {
        println!("{}", serde_json::to_string(&report)?);
        return Ok(());
    }
    let BackupReport { epoch, issues, fingerprints, counted } = report;
    let epoch = epoch.map_or_else(|| "nothing committed yet".to_owned(), |n| format!("epoch {n}"));
    println!(
        "{what} {}: {epoch}, {issues} issues, {fingerprints} fingerprints, {counted} events; checked",
        file.display()
    );
    Ok(())
}
