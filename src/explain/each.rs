//! `explain --each`: one object per event, as INTERFACES says, or a few lines for people. Records that
//! would not be counted are among them, with the reason; what they would be is told of their message.

use super::input::Rows;
use super::records::{Record, Records};
use super::rules;
use crate::cli::{ExplainArgs, ExplainOutput};
use crate::failure::Failure;
use engine::model::{PatternId, Severity};
use operators::pattern::{MESSAGES_MAX, Patterns, rule::is_of_words, text_of};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Write};
use std::path::Path;

/// One event as it is printed.
#[derive(Serialize)]
struct ExplainedEvent<'r> {
    event: u64,
    stream: &'r str,
    lines: &'r [u64],
    severity: Severity,
    time: String,
    fingerprint: String,
    template_id: String,
    template: &'r str,
    pattern_id: String,
    pattern: &'r str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<&'static str>,
}

/// Explains every event of the file at `path`.
pub(super) fn explain(path: &Path, args: &ExplainArgs) -> Result<(), Failure> {
    let mut rows = Rows::open(path, args)?;
    let mut records = Records::new(args, rules::of_files(&args.graph)?, rows.received);
    while let Some(row) = rows.next_row()? {
        records.read(row);
    }
    let named = NamedPatterns::of(&records.all);
    let mut output = BufWriter::new(std::io::stdout().lock());
    let as_text = args.output == Some(ExplainOutput::Text);
    for (event, record) in (1..).zip(&records.all) {
        let (pattern_id, pattern) = named.of_record(record);
        let identity = &record.identity;
        let explained = ExplainedEvent {
            event,
            stream: &record.stream,
            lines: &record.lines,
            severity: record.severity,
            time: record.time.to_string(),
            fingerprint: identity.fingerprint.to_string(),
            template_id: identity.template.to_string(),
            template: &identity.text,
            pattern_id: pattern_id.to_string(),
            pattern,
            rejected: record.rejected,
        };
        if as_text {
            write_text(&mut output, &explained, &record.message)?;
            continue;
        }
        serde_json::to_writer(&mut output, &explained)?;
        output.write_all(b"\n")?;
    }
    Ok(output.flush()?)
}

/// How much of a rejected record is shown to a person.
const REJECTED_CHARS_SHOWN: usize = 200;

/// Writes an event for people: what it is, or why it is none.
fn write_text(
    output: &mut impl Write,
    event: &ExplainedEvent<'_>,
    message: &[u8],
) -> std::io::Result<()> {
    let ExplainedEvent { event: number, lines, severity, time, .. } = event;
    let lines = match lines {
        [first, .., last] => format!("lines {first} to {last}"),
        [only] => format!("line {only}"),
        [] => String::new(),
    };
    if let Some(reason) = event.rejected {
        let text = String::from_utf8_lossy(message);
        let shown: String = text.chars().take(REJECTED_CHARS_SHOWN).collect();
        writeln!(output, "{number}  {lines}: rejected, {reason}: {shown:?}")?;
        return Ok(());
    }
    writeln!(output, "{number}  {lines}, {severity}, {time}")?;
    for (name, value) in [
        ("template", event.template),
        ("pattern", event.pattern),
        ("fingerprint", &event.fingerprint),
    ] {
        writeln!(output, "    {name:<12} {}", value.escape_debug())?;
    }
    Ok(())
}

/// The patterns of a set of records, with their displayed texts.
struct NamedPatterns {
    patterns: Patterns,
    texts: BTreeMap<PatternId, String>,
}

impl NamedPatterns {
    fn of(records: &[Record]) -> Self {
        let skeletons: BTreeSet<String> = records.iter().map(skeleton_of).collect();
        let patterns = Patterns::of(skeletons.iter().map(String::as_str));
        let mut messages: BTreeMap<PatternId, BTreeSet<&[u8]>> = BTreeMap::new();
        for record in records {
            let of_pattern =
                messages.entry(patterns.pattern_of(&skeleton_of(record)).id).or_default();
            if of_pattern.len() < MESSAGES_MAX {
                of_pattern.insert(&record.message);
            }
        }
        let texts = patterns.iter().map(|(_, pattern)| {
            let messages = messages.get(&pattern.id).into_iter().flatten().copied();
            (pattern.id, text_of(&pattern.skeleton, messages))
        });
        let texts = texts.collect();
        Self { patterns, texts }
    }

    /// Returns the pattern of a record: its id, and the text that is shown.
    fn of_record<'s>(&'s self, record: &'s Record) -> (PatternId, &'s str) {
        let skeleton = skeleton_of(record);
        let id = self.patterns.pattern_of(&skeleton).id;
        // A trace has no words that could vary: it is shown as its template.
        let text = self.texts.get(&id).filter(|_| is_of_words(&skeleton));
        (id, text.map_or(&record.identity.text, String::as_str))
    }
}

fn skeleton_of(record: &Record) -> String {
    record.identity.skeleton.join(" ")
}
