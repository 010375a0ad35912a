//! `explain LINE` and `explain ID`: everything that is known about one record.

use super::analyst::{RecordAnalyst, variables_of_message};
use super::meaning::Section;
use super::rules;
use super::show::write_meaning;
use crate::cli::{ExplainArgs, ExplainOutput};
use crate::failure::Failure;
use crate::search::{Meaning, SharedIndex, local_model};
use anyhow::anyhow;
use engine::clock::SystemClock;
use engine::component::{Analyst, AskedRecord, KeptSamples, SamplesOf, StoreError, Variables};
use engine::graph::Graph;
use engine::model::PatternId;
use operators::fingerprint::Explained;
use operators::parse::Explanation;
use serde_json::{Value, json};
use std::io::Write;
use std::sync::Arc;

/// Explains a line or, if `what` is the id of an issue or a fingerprint, a sample of it and what varies
/// in all of its samples.
pub(super) fn explain(what: &str, args: &ExplainArgs) -> Result<(), Failure> {
    match id_in(what)? {
        Some(of) => explain_stored(what, of, args),
        None => explain_line(what, args),
    }
}

fn explain_line(line: &str, args: &ExplainArgs) -> Result<(), Failure> {
    let record = AskedRecord { text: line, ..AskedRecord::default() };
    let graph = rules::graph(&args.graph)?;
    let identity_rules = graph.as_ref().map(rules::of_graph).unwrap_or_default();
    let analyst = RecordAnalyst::in_zone(&args.timezone, identity_rules, Arc::new(SystemClock));
    let analyst = analyst.with_meaning(graph.and_then(|graph| match known(&graph, args) {
        Ok(known) => Some(known),
        Err(error) => {
            eprintln!("the line is compared with nothing: {:#}", anyhow::Error::from(error));
            None
        }
    }));
    let mut output = std::io::stdout().lock();
    if args.output == Some(ExplainOutput::Jsonl) {
        return Ok(writeln!(output, "{}", analyst.explain(&record))?);
    }
    let (header, identity) = analyst.analyse(&record);
    write_text(&mut output, &header, &identity)?;
    Ok(write_meaning(&mut output, &analyst.section(&header, &identity))?)
}

fn explain_stored(what: &str, of: SamplesOf, args: &ExplainArgs) -> Result<(), Failure> {
    let graph = crate::run::load(&args.graph)?;
    let analyst = RecordAnalyst::of(&graph, Arc::new(SystemClock));
    let none = || anyhow!("cannot explain {what}: the store of the graph has no sample of it");
    let reader = graph.store.store.reader();
    let kept = reader.samples(of, KeptSamples::READ_MAX)?.ok_or_else(none)?;
    let sample = kept.samples.first().ok_or_else(none)?;
    let (source, received) = (Some(sample.source.as_str()), Some(sample.time));
    let record = AskedRecord { text: &sample.record, source, received };
    let varies = analyst.variables(&kept);
    let section = Section::of_samples(&kept, &known(&graph, args)?)?;
    let (header, identity) = analyst.analyse(&record);
    let mut output = std::io::stdout().lock();
    if args.output == Some(ExplainOutput::Jsonl) {
        let mut explained = to_json(&header, &identity);
        explained["issue"] = json!(kept.issue);
        explained["kept"] = json!(kept.kept);
        explained["samples"] = json!(varies.samples);
        explained["variables"] = json!(varies.variables);
        explained["meaning"] = json!(section);
        return Ok(writeln!(output, "{explained}")?);
    }
    write_text(&mut output, &header, &identity)?;
    if let Some(issue) = kept.issue {
        writeln!(output, "issue        {issue}")?;
    }
    write_variables(&mut output, &varies, kept.kept)?;
    Ok(write_meaning(&mut output, &section)?)
}

/// Returns what is known by meaning: the issues in the store of a graph.
fn known(graph: &Graph, args: &ExplainArgs) -> Result<Meaning, StoreError> {
    let store = graph.store.store.reader();
    let index = Arc::new(SharedIndex::of_store(&*store)?);
    Ok(Meaning::of(graph, index, store, local_model(args.place.clone(), &graph.model)))
}

/// Returns which stored thing is meant; `None` for a line.
fn id_in(what: &str) -> Result<Option<SamplesOf>, Failure> {
    let id = match what {
        line if line.contains(char::is_whitespace) => return Ok(None),
        id if id.starts_with("f1_") => id.parse().map(SamplesOf::Fingerprint),
        id if id.starts_with("i_") => id.parse().map(SamplesOf::Issue),
        _ => return Ok(None),
    };
    let unreadable = |error| Failure::Usage(format!("cannot read the id {what:?}: {error}"));
    id.map(Some).map_err(unreadable)
}

/// Returns the explanation of one record as one object.
pub(super) fn to_json(header: &Explanation, identity: &Explained) -> Value {
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
        "variables": variables_of_message(&header.message, identity).variables,
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
    for (position, mask) in identity.masks.iter().enumerate() {
        let (placeholder, text, rule) = (&mask.placeholder, &mask.text, mask.rule);
        writeln!(output, "variable {position:<3} {placeholder:<10} {text:?} ({rule})")?;
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

/// How many values of a place fit on a line.
const VALUES_SHOWN: usize = 5;

fn write_variables(
    output: &mut impl Write,
    varies: &Variables,
    kept: usize,
) -> std::io::Result<()> {
    let Variables { samples, variables } = varies;
    writeln!(output, "varies       in {samples} of {kept} kept samples")?;
    for variable in variables {
        let shown = variable.top.iter().take(VALUES_SHOWN);
        let mut values: Vec<String> =
            shown.map(|top| format!("{:?} ×{}", top.value, top.count)).collect();
        if variable.distinct > values.len() {
            values.push(format!("… {} in all", variable.distinct));
        }
        let (position, name, kind) = (variable.position, &variable.name, variable.kind);
        let name = if name == kind { String::new() } else { format!(" {}", name.escape_debug()) };
        writeln!(output, "  {position:<10} <{kind}>{name}: {}", values.join(", "))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::model::{Fingerprint, IssueId};

    #[test]
    fn an_id_is_looked_up_and_everything_else_is_a_line() {
        let (issue, fingerprint) = (IssueId(5), Fingerprint(7));
        let found = |what: &str| id_in(what).ok();
        assert_eq!(found(&issue.to_string()), Some(Some(SamplesOf::Issue(issue))));
        let expected = Some(Some(SamplesOf::Fingerprint(fingerprint)));
        assert_eq!(found(&fingerprint.to_string()), expected);
        assert_eq!(found("disk full"), Some(None));
        assert_eq!(found("i_am a line"), Some(None));
        assert_eq!((found("i_short"), found("f1_short")), (None, None));
    }
}
