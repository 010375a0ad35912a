//! A backtest of graph files: what they count, what they would have told, and the report.

use super::compare::Comparison;
use super::input::{Inputs, count};
use super::judges::Judges;
use super::page;
use super::past::Past;
use super::report::{Report, Span};
use super::walk::walk;
use crate::cli::backtest::{BacktestArgs, ReportForm};
use crate::failure::Failure;
use anyhow::{Context, Result};
use std::fs::File;
use std::io::{BufWriter, Write};

/// Replays the graph of the arguments, and the one it is compared with.
pub fn graph(args: &BacktestArgs) -> Result<(), Failure> {
    let mut judges = Judges::read(&args.config())?;
    let mut other = args.diff.as_ref().map(|path| Judges::read(std::slice::from_ref(path))).transpose()?;
    // First, so that a place that cannot be written to is told before the work.
    let mut output = output(args)?;
    let span = Span { from: args.from, to: args.to };
    let alike = other.as_ref().is_none_or(|other| judges.counts_like(other));
    let past = match args.inputs.as_slice() {
        [] => stored(&judges, alike)?,
        files => {
            let inputs = Inputs::of(files, &judges.graph)?;
            count(&mut judges, &inputs)?
        }
    };
    if past.is_empty() {
        eprintln!("there is nothing to judge: no event was counted");
    }
    let report = Report::new(walk(&past, &judges), span);
    let Some(other) = &mut other else {
        match args.output {
            ReportForm::Table => report.table(&mut output)?,
            ReportForm::Json => report.json(&mut output)?,
            ReportForm::Html => page::report(&report, &mut output)?,
        }
        return Ok(output.flush()?);
    };
    let recounted = match args.inputs.as_slice() {
        files @ [_, ..] if !alike => {
            let inputs = Inputs::of(files, &other.graph)?;
            Some(count(other, &inputs)?)
        }
        _ => None,
    };
    let theirs = Report::new(walk(recounted.as_ref().unwrap_or(&past), other), span);
    let comparison = Comparison::of(&report, &theirs);
    match args.output {
        ReportForm::Table => comparison.table(&mut output)?,
        ReportForm::Json => comparison.json(&mut output)?,
        ReportForm::Html => page::comparison(&comparison, &mut output)?,
    }
    output.flush()?;
    if comparison.is_equal() { Ok(()) } else { Err(Failure::Silent) }
}

/// Reads the history in the graph's store, and says what is not in it.
fn stored(judges: &Judges, alike: bool) -> Result<Past> {
    let past = Past::stored(&judges.graph, judges)?;
    if let Some(horizon) = past.horizon {
        eprintln!(
            "minutes before {horizon} are gone: the replay begins there and knows nothing before"
        );
    }
    if !alike {
        eprintln!(
            "the other graph counts in another way: of the stored history both judge what was counted; \
             name log files to have each count by itself"
        );
    }
    Ok(past)
}

fn output(args: &BacktestArgs) -> Result<Box<dyn Write>> {
    let Some(path) = &args.out else {
        return Ok(Box::new(BufWriter::new(std::io::stdout().lock())));
    };
    let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(Box::new(BufWriter::new(file)))
}
