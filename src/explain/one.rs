//! `explain LINE` and `explain ID`: everything that is known about one record.

use super::records::chunk;
use super::rules;
use crate::cli::{ExplainArgs, ExplainOutput};
use crate::failure::Failure;
use anyhow::anyhow;
use engine::clock::{Clock, SystemClock};
use engine::component::{Analyst, IssueQuery, ReadStore};
use engine::graph::Graph;
use engine::model::{EventTime, Fingerprint, IssueId, PatternId};
use operators::fingerprint::{EventParts, Explained, IdentityRules, explain_event, explain_parts};
use operators::parse::{Explanation, Format, Parser, explain as explain_line};
use serde_json::{Value, json};
use std::io::Write;

/// Explains records for the server.
#[derive(Clone, Debug, Default)]
pub struct RecordAnalyst {
    rules: IdentityRules,
}

impl RecordAnalyst {
    /// Returns the analyst of what `graph` does.
    pub fn of(graph: &Graph) -> Self {
        Self { rules: rules::of_graph(graph) }
    }
}

impl Analyst for RecordAnalyst {
    fn explain(&self, record: &str) -> Value {
        let (header, identity) = analyse(record, "UTC", &self.rules, SystemClock.now());
        to_json(&header, &identity)
    }
}

/// Explains a line or, if `what` is the id of an issue or a fingerprint, a sample of it.
pub(super) fn explain(what: &str, args: &ExplainArgs) -> Result<(), Failure> {
    let record = match what.starts_with("f1_") || what.starts_with("i_") {
        true => stored_sample(what, args)?,
        false => what.to_owned(),
    };
    let rules = rules::of_files(&args.graph)?;
    let (header, identity) = analyse(&record, &args.timezone, &rules, SystemClock.now());
    let mut output = std::io::stdout().lock();
    if args.output == Some(ExplainOutput::Jsonl) {
        return Ok(writeln!(output, "{}", to_json(&header, &identity))?);
    }
    Ok(write_text(&mut output, &header, &identity)?)
}

/// Returns the latest sample of an issue or a fingerprint from the graph's store.
fn stored_sample(id: &str, args: &ExplainArgs) -> Result<String, Failure> {
    let reader = crate::run::load(&args.graph)?.store.store.reader();
    let none = || anyhow!("cannot explain {id}: the store of the graph has no sample of it");
    let everything = IssueQuery::everything(SystemClock.now());
    if let Ok(issue) = id.parse::<IssueId>() {
        let detail = reader.issue(issue, &everything)?.ok_or_else(none)?;
        return Ok(detail.samples.into_iter().next().ok_or_else(none)?.record);
    }
    let fingerprint: Fingerprint = id
        .parse()
        .map_err(|error| Failure::Usage(format!("cannot read the id {id:?}: {error}")))?;
    let issue = issue_of(&*reader, fingerprint)?.ok_or_else(none)?;
    let detail = reader.issue(issue, &everything)?.ok_or_else(none)?;
    let mut samples = detail.samples.into_iter();
    Ok(samples.find(|sample| sample.fingerprint == fingerprint).ok_or_else(none)?.record)
}

fn issue_of(reader: &dyn ReadStore, fingerprint: Fingerprint) -> Result<Option<IssueId>, Failure> {
    let mut found = None;
    reader.export_counts(&mut |row| {
        if row.fingerprint == fingerprint {
            found = Some(row.issue);
        }
        found.is_none()
    })?;
    Ok(found)
}

/// Returns what the header of a record says, and why the record has its identity.
fn analyse(
    record: &str,
    timezone: &str,
    rules: &IdentityRules,
    received: EventTime,
) -> (Explanation, Explained) {
    let first = record.lines().next().unwrap_or_default();
    let header = explain_line(Format::Auto, timezone, received, first.as_bytes());
    let chunk = chunk("record", record.as_bytes().to_vec(), received);
    let mut parser =
        Parser::new(Format::Auto, timezone).unwrap_or_else(|| Parser::utc(Format::Auto));
    let batch = parser.parse(&"".into(), &chunk).batch;
    let identity = match batch.events.iter().find(|event| event.change > 0) {
        Some(event) => explain_event(&batch, event, rules),
        // It would be rejected; its words are explained all the same.
        None => {
            let parts = EventParts { message: header.message.as_bytes(), ..EventParts::default() };
            explain_parts(&parts, header.service.as_bytes(), header.severity.class(), rules)
        }
    };
    (header, identity)
}

fn to_json(header: &Explanation, identity: &Explained) -> Value {
    let masks: Vec<Value> = identity
        .masks
        .iter()
        .map(|mask| {
            json!({ "start": mask.start, "end": mask.end, "rule": mask.rule, "text": mask.text })
        })
        .collect();
    let pattern = PatternId::of_skeleton(&identity.skeleton.join(" "));
    json!({
        "layout": header.layout, "time": header.time.map(|time| time.to_string()),
        "severity": header.severity, "service": header.service, "host": header.host,
        "process": header.process, "thread": header.thread, "logger": header.logger,
        "message": header.message, "rejected": header.rejected, "masks": masks,
        "rules": identity.rules,
        "skeleton": identity.skeleton, "trace": identity.trace,
        "template_id": identity.template, "template": identity.text,
        "fingerprint": identity.fingerprint, "pattern_id": pattern,
    })
}

fn write_text(
    output: &mut impl Write,
    header: &Explanation,
    identity: &Explained,
) -> std::io::Result<()> {
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
        ("rejected", header.rejected.map_or("", |reason| reason.as_str())),
    ];
    for (name, value) in facets.into_iter().filter(|(_, value)| !value.is_empty()) {
        writeln!(output, "{name:<12} {value}")?;
    }
    for mask in &identity.masks {
        writeln!(output, "variable     {:<10} {:?} ({})", mask.placeholder, mask.text, mask.rule)?;
    }
    for rule in &identity.rules {
        let (number, text, pattern) = (rule.rule, &rule.text, &rule.pattern);
        let becomes = match rule.becomes.as_str() {
            "" => String::new(),
            becomes => format!(" → {becomes}"),
        };
        let (action, part) = (rule.action, rule.part);
        let place = format!("{part} {}..{}", rule.start, rule.end);
        writeln!(output, "rule {number:<7} {action} {text:?}{becomes} ({pattern} in {place})")?;
    }
    if let Some(trace) = &identity.trace {
        for cause in &trace.causes {
            writeln!(output, "exception    {}: {}", cause.kind, cause.message)?;
            for frame in &cause.frames {
                let mark = if frame.counts { "counts" } else { "" };
                let origin = frame.origin.as_str();
                writeln!(output, "  frame      {mark:<6} {origin:<9} {}", frame.function)?;
            }
        }
        writeln!(output, "decided by   {}", trace.rung.rule())?;
        writeln!(output, "root         {}", trace.root)?;
    }
    writeln!(output, "skeleton     {}", identity.skeleton.join(" "))?;
    writeln!(output, "template     {}", identity.text)?;
    writeln!(output, "template id  {}", identity.template)?;
    writeln!(output, "fingerprint  {}", identity.fingerprint)
}
