//! The verb `explain`: what is found in a line, and why it has the identity it has. No engine runs;
//! the operators' own pure functions are asked.

use crate::cli::{ExplainArgs, ExplainOutput};
use crate::failure::Failure;
use anyhow::{Context, anyhow};
use engine::clock::{Clock, SystemClock};
use engine::model::{EventTime, Severity};
use operators::fingerprint::{Explained, explain as explain_message};
use operators::parse::{Explanation, Format, explain as explain_line};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Longest line that is explained, in bytes; the rest of a longer one is skipped.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// The verb `explain`.
pub fn explain(args: ExplainArgs) -> Result<(), Failure> {
    if operators::parse::Parser::new(Format::Auto, &args.timezone).is_none() {
        return Err(Failure::Usage(format!("there is no time zone {:?}", args.timezone)));
    }
    match (&args.line, &args.each) {
        (Some(line), _) => explain_one(line, &args),
        (None, Some(path)) => explain_each(path, &args),
        (None, None) => Err(Failure::Usage("name a line, or a file with --each".to_owned())),
    }
}

/// One event as INTERFACES.md describes it.
#[derive(Serialize)]
struct ExplainedEvent {
    event: u64,
    stream: String,
    lines: Vec<u64>,
    severity: Severity,
    time: String,
    fingerprint: String,
    template_id: String,
    template: String,
    pattern_id: String,
    pattern: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<&'static str>,
}

/// A row of the input: which stream it belongs to, its text, and a time if the row carries one.
struct Row {
    stream: String,
    text: Vec<u8>,
    time: Option<EventTime>,
}

fn explain_each(path: &Path, args: &ExplainArgs) -> Result<(), Failure> {
    let (input, received) = open(path)?;
    let mut lines = BufReader::new(input);
    let mut output = BufWriter::new(std::io::stdout().lock());
    let mut last_times: BTreeMap<String, EventTime> = BTreeMap::new();
    let (mut number, mut event) = (0, 0);
    while let Some(line) = next_line(&mut lines)? {
        number += 1;
        let row = row(line, args).with_context(|| format!("line {number}"))?;
        if row.text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        event += 1;
        let header = header(&row, args, received);
        let time =
            row.time.or(header.time).or(last_times.get(&row.stream).copied()).unwrap_or(received);
        let rejected = (!time.is_plausible(received)).then_some("absurd_time");
        if rejected.is_none() {
            last_times.insert(row.stream.clone(), time);
        }
        let identity = identity(&header);
        let explained = ExplainedEvent {
            event,
            stream: row.stream,
            lines: vec![number],
            severity: header.severity,
            time: time.to_string(),
            fingerprint: identity.fingerprint.to_string(),
            template_id: identity.template.to_string(),
            template: identity.text.clone(),
            // Until words that vary are found, a pattern is one template.
            pattern_id: format!("p_{:032x}", identity.template.0),
            pattern: identity.text,
            rejected,
        };
        serde_json::to_writer(&mut output, &explained)?;
        output.write_all(b"\n")?;
    }
    Ok(output.flush()?)
}

/// Opens the input and returns the instant to judge its times by.
fn open(path: &Path) -> Result<(Box<dyn Read>, EventTime), Failure> {
    let now = SystemClock.now();
    if path == Path::new("-") {
        return Ok((Box::new(std::io::stdin()), now));
    }
    let cannot_read = || format!("cannot read {}", path.display());
    let metadata = std::fs::metadata(path).with_context(cannot_read)?;
    if metadata.is_dir() {
        return Err(anyhow!("cannot read {}: it is a directory", path.display()).into());
    }
    let file = File::open(path).with_context(cannot_read)?;
    let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    let received = modified.map_or(now, |since| EventTime(since.as_nanos() as i64));
    Ok((Box::new(file), received))
}

/// Returns the next line without its end, cut at the limit.
#[allow(clippy::disallowed_methods, reason = "read through `take` with a named limit")]
fn next_line(lines: &mut impl BufRead) -> Result<Option<Vec<u8>>, Failure> {
    let mut line = Vec::new();
    if lines.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') && line.len() as u64 == LINE_BYTES_MAX {
        lines.skip_until(b'\n')?;
    }
    while matches!(line.last(), Some(b'\n' | b'\r')) {
        line.pop();
    }
    Ok(Some(line))
}

/// Takes a JSONL row apart, if the input is said to be JSONL.
fn row(line: Vec<u8>, args: &ExplainArgs) -> anyhow::Result<Row> {
    let Some(text_field) = &args.jsonl_text else {
        return Ok(Row { stream: String::new(), text: line, time: None });
    };
    let row: serde_json::Value = serde_json::from_slice(&line).context("cannot read it as JSON")?;
    let text = row[text_field.as_str()]
        .as_str()
        .ok_or_else(|| anyhow!("there is no text in the field {text_field:?}"))?;
    let stream = args.jsonl_stream.as_ref().map_or(String::new(), |field| {
        let value = &row[field.as_str()];
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    });
    let time = args.jsonl_time.as_ref().and_then(|field| time_of(&row[field.as_str()]));
    Ok(Row { stream, text: text.as_bytes().to_vec(), time })
}

/// Reads a time field: RFC 3339 text, or seconds since 1970.
fn time_of(value: &serde_json::Value) -> Option<EventTime> {
    if let Some(seconds) = value.as_f64() {
        return Some(EventTime((seconds * 1e9) as i64));
    }
    let instant: jiff::Timestamp = value.as_str()?.parse().ok()?;
    i64::try_from(instant.as_nanosecond()).ok().map(EventTime)
}

fn header(row: &Row, args: &ExplainArgs, received: EventTime) -> Explanation {
    let format = if args.content { Format::Plain } else { Format::Auto };
    explain_line(format, &args.timezone, received, &row.text)
}

fn identity(header: &Explanation) -> Explained {
    explain_message(header.message.as_bytes(), header.service.as_bytes(), header.severity.class())
}

fn explain_one(line: &str, args: &ExplainArgs) -> Result<(), Failure> {
    let row = Row { stream: String::new(), text: line.as_bytes().to_vec(), time: None };
    let header = header(&row, args, SystemClock.now());
    let identity = identity(&header);
    let mut output = std::io::stdout().lock();
    if args.output == Some(ExplainOutput::Jsonl) {
        let masks: Vec<_> = identity
            .masks
            .iter()
            .map(|mask| {
                serde_json::json!({
                    "start": mask.start, "end": mask.end, "rule": mask.rule, "text": mask.text,
                })
            })
            .collect();
        let explained = serde_json::json!({
            "layout": header.layout, "time": header.time.map(|time| time.to_string()),
            "severity": header.severity, "service": header.service, "host": header.host,
            "process": header.process, "thread": header.thread, "logger": header.logger,
            "message": header.message, "masks": masks, "skeleton": identity.skeleton,
            "template_id": identity.template, "template": identity.text,
            "fingerprint": identity.fingerprint,
        });
        return Ok(writeln!(output, "{explained}")?);
    }
    let time = header.time.map_or("none".to_owned(), |time| time.to_string());
    let facets = [
        ("layout", header.layout.unwrap_or("none")),
        ("time", &time),
        ("severity", header.severity.as_str()),
        ("service", &header.service),
        ("host", &header.host),
        ("process", &header.process),
        ("thread", &header.thread),
        ("logger", &header.logger),
        ("message", &header.message),
    ];
    for (name, value) in facets.into_iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(output, "{name:<12} {value}")?;
    }
    for mask in &identity.masks {
        writeln!(output, "variable     {:<10} {:?} ({})", mask.placeholder, mask.text, mask.rule)?;
    }
    writeln!(output, "skeleton     {}", identity.skeleton.join(" "))?;
    writeln!(output, "template     {}", identity.text)?;
    writeln!(output, "template id  {}", identity.template)?;
    Ok(writeln!(output, "fingerprint  {}", identity.fingerprint)?)
}
