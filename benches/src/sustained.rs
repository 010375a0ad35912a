//! A steady stream of lines for minutes, into a file that is renamed when it is full, while the store may be slow
//! or away: whether the engine keeps up, what it costs, and whether every line is counted in its minute.
//!
//! ```text
//! writer ──rate──► app.log ──renamed when full──► app.log.N ──deleted once counted
//!                     └──► engine ──► proxy ──► Postgres      every second: counted, CPU, memory
//! ```
//! *Limits:* the writer writes ten times a second; a file holds [`FILE_LINES`] lines; while nothing can be
//! counted the files stay, so an outage needs room for what is written meanwhile.

use crate::http;
use crate::load::{TIME_BYTES, pool};
use crate::measure::{MEGABYTE, Measurement, Site, fresh_folder, quantile, write_graph};
use crate::postgres::Server;
use crate::process::Running;
use crate::scenario::Scenario;
use anyhow::{Context, Result, ensure};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Lines of a file before it is renamed: about 150 MB.
const FILE_LINES: u64 = 1_000_000;
/// Distinct lines that are written in turn.
const POOL_LINES: u64 = 20_000;
/// Pause between two pieces of the stream.
const TICK: Duration = Duration::from_millis(100);
/// A stream in which nothing is counted for so long, while the store is there, has failed.
const STALL: Duration = Duration::from_secs(60);
/// How long the rest may take to be counted.
const REST_MAX: Duration = Duration::from_secs(300);
/// The engine has caught up when it is so far behind the writer at most.
const CAUGHT_UP: Duration = Duration::from_secs(2);

/// The program that logs.
struct Writer {
    path: PathBuf,
    file: File,
    pool: Vec<Vec<u8>>,
    written: u64,
    /// Lines by the minute of their time.
    minutes: BTreeMap<i64, u64>,
    /// Renamed files, with the number of lines up to their end.
    renamed: VecDeque<(PathBuf, u64)>,
}

impl Writer {
    fn new(path: PathBuf) -> Result<Writer> {
        let file = File::create(&path)?;
        let (minutes, renamed) = (BTreeMap::new(), VecDeque::new());
        Ok(Writer { path, file, pool: pool(POOL_LINES)?, written: 0, minutes, renamed })
    }

    /// Appends lines until `goal` are written, all stamped with the present.
    fn write_to(&mut self, goal: u64) -> Result<()> {
        let now = Timestamp::now();
        let stamp = format!("{now:.3}");
        debug_assert_eq!(stamp.len(), TIME_BYTES);
        let mut block = Vec::new();
        for at in self.written..goal {
            let line = &self.pool[(at % POOL_LINES) as usize];
            block.extend_from_slice(stamp.as_bytes());
            block.extend_from_slice(&line[TIME_BYTES..]);
        }
        self.file.write_all(&block)?;
        *self.minutes.entry(now.as_second().div_euclid(60) * 60).or_default() +=
            goal - self.written;
        if goal / FILE_LINES > self.written / FILE_LINES {
            let full = self.path.with_extension(format!("log.{}", goal / FILE_LINES));
            std::fs::rename(&self.path, &full)?;
            self.file = File::create(&self.path)?;
            self.renamed.push_back((full, goal));
        }
        self.written = goal;
        Ok(())
    }

    /// Deletes the files that are counted to their end.
    fn delete_counted(&mut self, counted: u64) -> Result<()> {
        // One more stays than need be, as a rotation that keeps some does.
        while self.renamed.get(1).is_some_and(|(_, end)| *end <= counted) {
            if let Some((path, _)) = self.renamed.pop_front() {
                std::fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}

/// What was seen, second by second.
#[derive(Default)]
struct Seen {
    /// Resident bytes.
    memory: Vec<f64>,
    /// How far the engine was behind the writer, in seconds of the stream.
    lags: Vec<f64>,
    /// From the end of an outage until the engine had caught up.
    caught_up: Option<Duration>,
}

/// When the store is away, counted from the beginning.
#[derive(Clone, Copy)]
struct Outage {
    from: Duration,
    length: Duration,
}

impl Outage {
    fn of(scenario: &Scenario) -> Option<Outage> {
        let seconds = |key| scenario.optional(key).map(Duration::from_secs);
        Some(Outage { from: seconds("outage_from_s")?, length: seconds("outage_s")? })
    }

    fn end(self) -> Duration {
        self.from + self.length
    }
}

/// Measures one scenario.
pub fn run(site: &Site, scenario: &Scenario) -> Result<Measurement> {
    let folder = fresh_folder(site, scenario)?;
    let mut server = Server::start()?;
    if let Some(delay) = scenario.optional("commit_delay_ms") {
        server.tell(&format!("delay {delay}"))?;
    }
    let outage = Outage::of(scenario);
    if outage.is_some_and(|outage| outage.from.is_zero()) {
        server.tell("crash")?;
    }
    let graph = scenario.with_store(&server.url);
    let graph = write_graph(&folder, &graph, scenario.workers, &[folder.join("app.log*")])?;
    let mut writer = Writer::new(folder.join("app.log"))?;
    let mut running = Running::start(&site.binary, &graph)?;
    let address = running.ready()?;
    let before = running.usage()?.cpu_seconds;
    let (rate, seconds) = (scenario.number("lines_per_second")?, scenario.number("seconds")?);
    let seen = stream(&mut writer, &mut server, &running, &address, rate, seconds, outage)?;
    let cores = (running.usage()?.cpu_seconds - before) / seconds as f64;

    let ended = Instant::now();
    while counted(&address).unwrap_or(0) < writer.written {
        ensure!(ended.elapsed() < REST_MAX, "not everything is counted after {REST_MAX:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    let end_lag = ended.elapsed().as_secs_f64();
    let wrong = difference(&writer, &address)?;
    let usage = running.finish()?;

    let quarter = seen.memory.len() / 4;
    let late = quantile(&seen.memory[3 * quarter..], 0.5);
    let early = quantile(&seen.memory[quarter..2 * quarter], 0.5);
    let mut figures = vec![
        ("lines_wrong", wrong as f64),
        ("end_lag_s", end_lag),
        ("lag_p95_s", quantile(&seen.lags, 0.95)),
        ("cores", cores),
        ("rss_peak_mb", usage.rss_peak_bytes as f64 / MEGABYTE),
        ("rss_growth", late / early),
    ];
    if let (Some(took), Some(outage)) = (seen.caught_up, outage) {
        figures.push(("caught_up_share", took.as_secs_f64() / outage.length.as_secs_f64()));
    }
    let raw = json!({
        "lines": writer.written, "lags_s": seen.lags, "rss_bytes": seen.memory, "cpu_s": usage.cpu_seconds,
    });
    Ok((raw, figures))
}

/// Writes for `seconds` and looks at the engine once a second.
fn stream(
    writer: &mut Writer,
    server: &mut Server,
    running: &Running,
    address: &str,
    rate: u64,
    seconds: u64,
    outage: Option<Outage>,
) -> Result<Seen> {
    let (mut seen, mut asked) = (Seen::default(), 0);
    let started = Instant::now();
    let mut away = outage.is_some_and(|outage| outage.from.is_zero());
    let mut back = None;
    let (mut last, mut moved) = (0, Instant::now());
    while started.elapsed() < Duration::from_secs(seconds) {
        let now = started.elapsed();
        writer.write_to((now.as_secs_f64() * rate as f64) as u64)?;
        if let Some(outage) = outage {
            if !away && back.is_none() && now >= outage.from {
                server.tell("crash")?;
                away = true;
            } else if away && now >= outage.end() {
                server.tell("start")?;
                (away, back) = (false, Some(Instant::now()));
            }
        }
        if away {
            moved = Instant::now();
        }
        if now.as_secs() > asked {
            asked = now.as_secs();
            seen.memory.push(running.usage()?.rss_bytes as f64);
            // While the store is away, the last answer stands.
            if let Ok(counted) = counted(address) {
                writer.delete_counted(counted)?;
                if counted > last {
                    (last, moved) = (counted, Instant::now());
                }
                let lag = writer.written.saturating_sub(counted) as f64 / rate as f64;
                seen.lags.push(lag);
                if lag <= CAUGHT_UP.as_secs_f64() && seen.caught_up.is_none() {
                    seen.caught_up = back.map(|back| back.elapsed());
                }
            }
        }
        ensure!(moved.elapsed() < STALL, "nothing was counted for {STALL:?}: see engine.log");
        std::thread::sleep(TICK.saturating_sub(started.elapsed().saturating_sub(now)));
    }
    Ok(seen)
}

fn counted(address: &str) -> Result<u64> {
    http::counted(address)
}

/// Returns how many lines are counted too often, too rarely, or in another minute than their own.
fn difference(writer: &Writer, address: &str) -> Result<u64> {
    let mut stored = BTreeMap::<i64, u64>::new();
    for line in http::get(address, "/api/v1/export/counts")?.lines() {
        let row: Value = serde_json::from_str(line)?;
        let minute: Timestamp = row["bucket_start"].as_str().context("a time")?.parse()?;
        *stored.entry(minute.as_second()).or_default() +=
            row["count"].as_u64().context("a count")?;
    }
    let minutes = writer.minutes.keys().chain(stored.keys());
    let minutes: std::collections::BTreeSet<_> = minutes.collect();
    let count = |of: &BTreeMap<i64, u64>, minute| of.get(minute).copied().unwrap_or(0);
    let differences = minutes
        .into_iter()
        .map(|minute| count(&writer.minutes, minute).abs_diff(count(&stored, minute)));
    Ok(differences.sum())
}
