//! What a line costs in the fingerprint stage: the hash of its skeleton, its displayed text, and the
//! whole stage in a dataflow of one worker.
//!
//! The lines are the messages of all logs `*/*.log` in the data folder, repeated to as many as the
//! scenario says, or without a folder made up: 150 bytes on average, of 2,000 templates.
//!
//! *Note:* it runs in this process, since the binary has no way to run one stage alone.

use crate::measure::{Measurement, Site};
use crate::process::own_cpu_seconds;
use crate::scenario::Scenario;
use anyhow::{Context, Result, ensure};
use engine::component::{Operator, Port, Ports, Recovered, SourceDefaults, SourceTable, Stage};
use engine::dataflow::{CommunicationConfig, Config, Probe, WorkerConfig, execute, source};
use engine::model::{
    Chunk, EventBatch, EventRef, EventTime, Offset, PartitionId, Severity, SourceIndex, Span,
};
use operators::fingerprint::{FingerprintOperator, FingerprintOptions};
use operators::mask::render;
use operators::parse::{Format, Parser};
use operators::skeleton::HotHash;
use serde_json::json;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

/// Templates of made-up lines.
const TEMPLATES: u64 = 2_000;
/// Lines of a batch: about what a chunk brings.
const BATCH_EVENTS: usize = 1_700;
/// One in so many lines is rendered: that is done for new fingerprints only.
const RENDERED_ONE_IN: usize = 10;

/// Measures the scenario.
pub fn run(site: &Site, scenario: &Scenario) -> Result<Measurement> {
    let count = scenario.number("lines")? as usize;
    let rounds = scenario.number("runs")?;
    let lines = match &site.data {
        Some(data) => repeated(&messages(data)?, count),
        None => (0..count as u64).map(|index| line(index).into_bytes()).collect(),
    };
    let bytes: usize = lines.iter().map(Vec::len).sum();
    let hash = HotHash::seeded(7);
    let hashed = lines_per_cpu_second(lines.len(), rounds, || {
        lines.iter().for_each(|line| {
            black_box(hash.of(line));
        });
    })?;
    let rendered = &lines[..lines.len() / RENDERED_ONE_IN];
    let rendered = lines_per_cpu_second(rendered.len(), rounds, || {
        rendered.iter().for_each(|line| {
            black_box(render(line));
        });
    })?;
    let batches = batches(&lines);
    let before = own_cpu_seconds()?;
    stage(&batches, rounds);
    let seconds = own_cpu_seconds()? - before;
    ensure!(seconds > 0.0, "too few lines to measure");
    let staged = (lines.len() as u64 * rounds) as f64 / seconds;
    let raw = json!({
        "lines": lines.len(), "bytes": bytes, "runs": rounds, "stage_cpu_s": seconds,
        "from_data": site.data.is_some(),
    });
    let figures = vec![
        ("lines_per_cpu_second", staged),
        ("mb_per_cpu_second", staged * bytes as f64 / lines.len() as f64 / 1e6),
        ("hash_lines_per_cpu_second", hashed),
        ("render_lines_per_cpu_second", rendered),
    ];
    Ok((raw, figures))
}

/// Runs `work`, which takes `lines` lines, several times.
fn lines_per_cpu_second(lines: usize, rounds: u64, work: impl Fn()) -> Result<f64> {
    let before = own_cpu_seconds()?;
    (0..rounds).for_each(|_| work());
    let seconds = own_cpu_seconds()? - before;
    ensure!(seconds > 0.0, "too few lines to measure");
    Ok((lines as u64 * rounds) as f64 / seconds)
}

/// Returns the messages of all logs in the folders of `data`.
fn messages(data: &Path) -> Result<Vec<Vec<u8>>> {
    let mut parser = Parser::utc(Format::Auto);
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for folder in std::fs::read_dir(data).with_context(|| data.display().to_string())? {
        let folder = folder?.path();
        let files = if folder.is_dir() { Some(std::fs::read_dir(&folder)?) } else { None };
        for file in files.into_iter().flatten() {
            let path = file?.path();
            if path.extension().is_none_or(|extension| extension != "log") {
                continue;
            }
            let chunk = Chunk {
                source: SourceIndex(0),
                partition: PartitionId(Arc::from("log")),
                bytes: Arc::new(std::fs::read(path)?),
                end: Some(Offset::default()),
                received: EventTime::from_secs(1_716_000_000),
                lines_cut: 0,
                lost_bytes: 0,
                lag_bytes: 0,
            };
            let batch = parser.parse(&Arc::from(""), &chunk).batch;
            messages.extend(batch.events.iter().map(|event| batch.text(event.message).to_vec()));
        }
    }
    ensure!(!messages.is_empty(), "{} holds no logs", data.display());
    Ok(messages)
}

/// Returns `messages` repeated to `count`: a stride without a common divisor mixes the systems.
fn repeated(messages: &[Vec<u8>], count: usize) -> Vec<Vec<u8>> {
    (0..count).map(|index| messages[index * 7_919 % messages.len()].clone()).collect()
}

/// Returns a made-up line.
fn line(index: u64) -> String {
    const WORDS: [&str; 16] = [
        "connection",
        "refused",
        "while",
        "reading",
        "request",
        "from",
        "upstream",
        "server",
        "cache",
        "miss",
        "for",
        "tenant",
        "retry",
        "scheduled",
        "after",
        "failure",
    ];
    let template = index % TEMPLATES;
    let word = |at: u64| WORDS[(template.wrapping_mul(at * 2_654_435_761 + 97) >> 5) as usize % 16];
    let value = index.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    format!(
        "{} {} t{}x: {} {} {}.{}.3.4:{} {} {} {} user={} {} {} took {} ms, {} {} {} id={:016x} [{}]",
        word(1),
        word(2),
        word(3),
        word(4),
        word(5),
        value % 256,
        value % 199,
        value % 60_000,
        word(6),
        word(7),
        word(8),
        value % 1_000,
        word(9),
        word(10),
        value % 5_000,
        word(11),
        word(12),
        word(13),
        value,
        word(14),
    )
}

/// Returns lines as parsed batches.
pub fn batches(lines: &[Vec<u8>]) -> Vec<EventBatch> {
    lines.chunks(BATCH_EVENTS).map(batch).collect()
}

fn batch(lines: &[Vec<u8>]) -> EventBatch {
    let mut bytes = Vec::new();
    let mut events = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let start = bytes.len();
        bytes.extend_from_slice(line);
        let record = Span::chunk(start, bytes.len());
        let time = EventTime::from_secs(1_700_000_000 + index as i64);
        let severity = Severity::ALL[index % Severity::ALL.len()];
        events.push(EventRef { record, message: record, time, severity, ..EventRef::default() });
        bytes.push(b'\n');
    }
    let (bytes, scratch) = (Arc::new(bytes), Arc::default());
    EventBatch {
        source: SourceIndex(0),
        service: "api".into(),
        bytes,
        scratch,
        extras: Vec::new(),
        events,
    }
}

/// Runs the stage over all batches, several times, one epoch per round.
pub fn stage(batches: &[EventBatch], rounds: u64) {
    let config =
        Config { communication: CommunicationConfig::Thread, worker: WorkerConfig::default() };
    let batches = batches.to_vec();
    let guards = execute(config, move |worker| {
        let batches = batches.clone();
        worker.dataflow::<u64, _, _>(|scope| {
            let events = source(scope, "Lines", move |capability, _| {
                let mut capability = Some(capability);
                move |output| {
                    for round in 0..rounds {
                        let Some(capability) = capability.as_mut() else { return };
                        capability.downgrade(&round);
                        output.session(capability).give_iterator(batches.iter().cloned());
                    }
                    capability = None;
                }
            });
            let sources = SourceTable::new([SourceDefaults {
                id: "lines".into(),
                service: "api".into(),
                timezone: "UTC".into(),
            }]);
            let (recovered, mut facts) = (Arc::new(Recovered::default()), Vec::new());
            let mut stage = Stage::new("prints", scope, &sources, &recovered, &mut facts);
            let inputs = Ports::new(scope, vec![Port::Events(events)]);
            // The defaults are valid: they are what a graph file without options gets.
            let Ok(operator) = FingerprintOperator::new(&FingerprintOptions::default()) else {
                unreachable!("the default options are refused");
            };
            if let Port::Prints { prints, .. } = operator.stage(&mut stage, inputs) {
                prints.probe();
            }
        });
    });
    drop(guards);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_lines_have_the_length_of_log_lines() {
        let bytes: usize = (0..1_000).map(|index| line(index).len()).sum();
        assert!((120..180).contains(&(bytes / 1_000)), "{bytes}");
    }

    #[test]
    fn repeated_messages_are_all_there_and_mixed() {
        let messages = [b"a".to_vec(), b"b".to_vec(), b"c".to_vec()];
        let repeated = repeated(&messages, 9);
        let count = |message: &[u8]| repeated.iter().filter(|one| *one == message).count();
        assert_eq!([count(b"a"), count(b"b"), count(b"c")], [3, 3, 3]);
        assert_ne!(repeated[0], repeated[1]);
    }
}
