//! Measures what a line costs: the hash of its skeleton, the displayed text, and the whole stage in
//! a dataflow of one worker.
//!
//! Without an argument the lines are made up: 150 bytes on average, of 2,000 templates. With a folder
//! they are the messages of all logs `*/*.log` in it, repeated to a million lines: `cargo run
//! --release -p operators --example fingerprint_speed -- DATA`.
#![allow(clippy::disallowed_methods, reason = "a measuring tool reads the clock and its own input")]

use engine::component::{Operator, Port, Ports, Recovered, SourceDefaults, Stage};
use engine::dataflow::{CommunicationConfig, Config, Probe, WorkerConfig, execute, source};
use engine::model::{
    Chunk, EventBatch, EventRef, EventTime, Offset, PartitionId, Severity, SourceIndex, Span,
};
use operators::fingerprint::{FingerprintOperator, FingerprintOptions};
use operators::mask::render;
use operators::parse::{Format, Parser};
use operators::skeleton::HotHash;
use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const TEMPLATES: u64 = 2_000;
const LINES: usize = 1_000_000;
const ROUNDS: u64 = 3;
const BATCH_EVENTS: usize = 1_700;

fn main() -> std::io::Result<()> {
    let lines = match std::env::args_os().nth(1) {
        Some(data) => messages(Path::new(&data))?,
        None => (0..LINES as u64).map(|index| line(index).into_bytes()).collect(),
    };
    let bytes: usize = lines.iter().map(Vec::len).sum();
    println!("{} lines, {} bytes per line", lines.len(), bytes / lines.len());

    let hash = HotHash::seeded(7);
    per_line("hash", &lines, |line| {
        black_box(hash.of(line));
    });
    per_line("render", &lines[..LINES / 10], |line| {
        black_box(render(line));
    });
    let batches: Vec<EventBatch> = lines.chunks(BATCH_EVENTS).map(batch).collect();
    let start = Clocks::now();
    stage(batches);
    start.print_cost("stage", lines.len());
    Ok(())
}

/// Returns the messages of all logs in the folders of `data`, in turns of a line, to a million.
fn messages(data: &Path) -> std::io::Result<Vec<Vec<u8>>> {
    let mut logs = Vec::new();
    for folder in std::fs::read_dir(data)? {
        for file in std::fs::read_dir(folder?.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                logs.push(std::fs::read(path)?);
            }
        }
    }
    let mut parser = Parser::utc(Format::Auto);
    let mut messages: Vec<Vec<u8>> = Vec::new();
    for log in logs {
        let chunk = Chunk {
            source: SourceIndex(0),
            partition: PartitionId(Arc::from("log")),
            bytes: Arc::new(log),
            end: Some(Offset::default()),
            received: EventTime::from_secs(1_716_000_000),
            lines_cut: 0,
            lost_bytes: 0,
            lag_bytes: 0,
        };
        let batch = parser.parse(&Arc::from(""), &chunk).batch;
        messages.extend(batch.events.iter().map(|event| batch.text(event.message).to_vec()));
    }
    // A stride without a common divisor mixes the systems.
    let count = messages.len().max(1);
    Ok((0..LINES).map(|index| messages[index * 7_919 % count].clone()).collect())
}

/// Runs `work` over all lines several times and prints what one line costs.
fn per_line(name: &str, lines: &[Vec<u8>], work: impl Fn(&[u8])) {
    let start = Clocks::now();
    for _ in 0..ROUNDS {
        lines.iter().for_each(|line| work(line));
    }
    start.print_cost(name, lines.len());
}

/// When something began, on the wall and in processor time of this process.
struct Clocks {
    wall: Instant,
    processor: Option<Duration>,
}

impl Clocks {
    fn now() -> Self {
        Self { wall: Instant::now(), processor: processor_time() }
    }

    /// Prints what each line of all rounds has cost since.
    fn print_cost(&self, name: &str, lines: usize) {
        let lines = lines as u64 * ROUNDS;
        let per_line = |spent: Duration| spent.as_nanos() as f64 / lines as f64;
        print!("{name}: {:.0} ns per line on the wall", per_line(self.wall.elapsed()));
        match (self.processor, processor_time()) {
            (Some(start), Some(end)) => println!(", {:.0} ns of processor", per_line(end - start)),
            _ => println!(),
        }
    }
}

/// Returns the processor time of this process, where the system tells it in hundredths of seconds.
fn processor_time() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let fields = stat.rsplit(')').next()?.split_whitespace();
    let ticks: Vec<u64> = fields.skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
    Some(Duration::from_millis(10 * ticks.iter().sum::<u64>()))
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

/// Returns lines as a parsed batch.
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
fn stage(batches: Vec<EventBatch>) {
    let config =
        Config { communication: CommunicationConfig::Thread, worker: WorkerConfig::default() };
    let guards = execute(config, move |worker| {
        let batches = batches.clone();
        worker.dataflow::<u64, _, _>(|scope| {
            let events = source(scope, "Lines", move |capability, _| {
                let mut capability = Some(capability);
                move |output| {
                    for round in 0..ROUNDS {
                        let Some(capability) = capability.as_mut() else { return };
                        capability.downgrade(&round);
                        output.session(capability).give_iterator(batches.iter().cloned());
                    }
                    capability = None;
                }
            });
            let sources = [SourceDefaults {
                id: "lines".into(),
                service: "api".into(),
                timezone: "UTC".into(),
            }];
            let (recovered, mut facts) = (Arc::new(Recovered::default()), Vec::new());
            let mut stage = Stage::new("prints", scope, &sources, &recovered, &mut facts);
            let inputs = Ports::new(scope, vec![Port::Events(events)]);
            let operator = FingerprintOperator::new(&FingerprintOptions::default()).unwrap();
            if let Port::Prints { prints, .. } = operator.stage(&mut stage, inputs) {
                prints.probe();
            }
        });
    });
    drop(guards);
}
