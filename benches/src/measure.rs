//! One function per kind of scenario: run the binary, take raw numbers, reduce them to figures.

use crate::dataflow::{machine_speedup, wall_until_complete};
use crate::load::{self, Chance, Input};
use crate::process::{Running, Usage, wc_cpu_seconds};
use crate::report::Outcome;
use crate::scenario::{Kind, Scenario};
use crate::{
    backtest, bursts, detection, embedding, fingerprint, grouping, http, identity, neighbours,
    spikes, sustained,
};
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::fs::File;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Pause between two questions while a backlog is read; short enough not to cost, long enough not
/// to matter.
pub const BACKLOG_POLL: Duration = Duration::from_millis(20);
/// Pause between two questions while one line is awaited.
const LINE_POLL: Duration = Duration::from_millis(2);
/// A run in which nothing is counted for so long has failed.
const STALL: Duration = Duration::from_secs(60);

pub const MEGABYTE: f64 = 1_000_000.0;

/// What is measured, and where its files go.
pub struct Site {
    /// The binary.
    pub binary: PathBuf,
    /// The scratch folder.
    pub scratch: PathBuf,
    /// Logs that are no part of the project, if the command line names some.
    pub data: Option<PathBuf>,
}

impl Site {
    /// Returns the folder of logs, which a scenario cannot do without.
    pub fn data(&self) -> Result<&Path> {
        let hint = "Hint: cargo xtask bench NAME DATA, a folder with SYSTEM/SYSTEM_2k.log.";
        self.data.as_deref().with_context(|| format!("there is no data to measure with. {hint}"))
    }
}

/// Measures one scenario.
pub fn run(site: &Site, scenario: &Scenario) -> Result<Outcome> {
    let (raw, figures) = match scenario.kind {
        Kind::Throughput => throughput(site, scenario)?,
        Kind::Scaling => scaling(site, scenario)?,
        Kind::Latency => latency(site, scenario)?,
        Kind::Idle => idle(site, scenario)?,
        Kind::Recovery => recovery(site, scenario)?,
        Kind::Bursts => bursts::run(site, scenario)?,
        Kind::Detection => detection::run(site, scenario)?,
        Kind::Backtest => backtest::run(site, scenario)?,
        Kind::Spikes => spikes::run(site, scenario)?,
        Kind::Sustained => sustained::run(site, scenario)?,
        Kind::Embedding => embedding::measure(&site.scratch, scenario)?,
        Kind::Grouping => grouping::run(site, scenario)?,
        Kind::Fingerprint => fingerprint::run(site, scenario)?,
        Kind::Identity => identity::run(site, scenario)?,
        Kind::Neighbours => neighbours::run(site, scenario)?,
    };
    Ok(Outcome::new(scenario, raw, figures))
}

/// Raw numbers for the record, and the figures that are judged.
pub type Measurement = (Value, Vec<(&'static str, f64)>);

fn throughput(site: &Site, scenario: &Scenario) -> Result<Measurement> {
    let input = input(site, scenario)?;
    let mut runs = Vec::new();
    for _ in 0..scenario.number("runs")? {
        let wc_seconds = wc_cpu_seconds(&input.files)?;
        let (wall, usage) = read_everything(site, scenario, &input, scenario.workers)?;
        ensure!(usage.cpu_seconds > 0.0 && wc_seconds > 0.0, "too little input to measure");
        runs.push(json!({
            "wall_s": wall.as_secs_f64(),
            "cpu_s": usage.cpu_seconds,
            "wc_cpu_s": wc_seconds,
            "lines_per_second": input.lines as f64 / wall.as_secs_f64(),
            "lines_per_cpu_second": input.lines as f64 / usage.cpu_seconds,
            "mb_per_cpu_second": input.bytes as f64 / MEGABYTE / usage.cpu_seconds,
            "times_wc_cpu": usage.cpu_seconds / wc_seconds,
            "rss_peak_mb": usage.rss_peak_bytes as f64 / MEGABYTE,
        }));
    }
    let names = [
        "lines_per_cpu_second",
        "mb_per_cpu_second",
        "times_wc_cpu",
        "lines_per_second",
        "rss_peak_mb",
    ];
    let figures = names.map(|name| (name, median(&numbers(&runs, name))));
    Ok((json!({"input": input.to_json(), "runs": runs}), figures.into()))
}

fn scaling(site: &Site, scenario: &Scenario) -> Result<Measurement> {
    let input = input(site, scenario)?;
    let mut runs = Vec::new();
    for _ in 0..scenario.number("runs")? {
        let one = wall_until_complete(&input.files, input.lines, 1)?;
        let several = wall_until_complete(&input.files, input.lines, scenario.workers)?;
        let speedup = one.as_secs_f64() / several.as_secs_f64();
        runs.push(json!({
            "one_worker_wall_s": one.as_secs_f64(),
            "wall_s": several.as_secs_f64(),
            "speedup": speedup,
            "machine_speedup": machine_speedup(scenario.workers),
        }));
    }
    let names = ["speedup", "machine_speedup"];
    let figures = names.map(|name| (name, median(&numbers(&runs, name)))).into();
    Ok((json!({"input": input.to_json(), "workers": scenario.workers, "runs": runs}), figures))
}

fn latency(site: &Site, scenario: &Scenario) -> Result<Measurement> {
    let folder = fresh_folder(site, scenario)?;
    let mut log = follow_one_file(&folder)?;
    let graph = write_graph(&folder, scenario, scenario.workers, &[folder.join("followed.log")])?;
    // Kept until the end: what is connected to it is never answered.
    let _silent = match scenario.optional("broken_sources") {
        Some(_) => Some(add_broken_sources(&graph)?),
        None => None,
    };
    let mut running = Running::start(&site.binary, &graph)?;
    let address = running.ready()?;
    await_counted(&address, 1, LINE_POLL)?;
    let mut chance = Chance(1);
    let mut trials_ms = Vec::new();
    for trial in 0..scenario.number("trials")? {
        std::thread::sleep(Duration::from_millis(200 + chance.below(101)));
        log.write_all(load::line_of_now(trial).as_bytes())?;
        let written = Instant::now();
        await_counted(&address, trial + 2, LINE_POLL)?;
        trials_ms.push(written.elapsed().as_secs_f64() * 1e3);
    }
    let usage = running.finish()?;
    let figures = vec![
        ("p50_ms", quantile(&trials_ms, 0.50)),
        ("p95_ms", quantile(&trials_ms, 0.95)),
        ("max_ms", quantile(&trials_ms, 1.0)),
    ];
    Ok((json!({"trials_ms": trials_ms, "cpu_s": usage.cpu_seconds}), figures))
}

fn idle(site: &Site, scenario: &Scenario) -> Result<Measurement> {
    let folder = fresh_folder(site, scenario)?;
    let _log = follow_one_file(&folder)?;
    let graph = write_graph(&folder, scenario, scenario.workers, &[folder.join("followed.log")])?;
    let mut running = Running::start(&site.binary, &graph)?;
    let address = running.ready()?;
    await_counted(&address, 1, LINE_POLL)?;
    // What start-up leaves behind (first commits, first flushes) is not idling.
    std::thread::sleep(Duration::from_secs(2));
    let (before, started) = (running.usage()?, Instant::now());
    std::thread::sleep(Duration::from_secs(scenario.number("seconds")?));
    let (after, elapsed) = (running.usage()?, started.elapsed());
    running.finish()?;
    let cpu_seconds = after.cpu_seconds - before.cpu_seconds;
    let figures = vec![
        ("cpu_percent", 100.0 * cpu_seconds / elapsed.as_secs_f64()),
        ("rss_peak_mb", after.rss_peak_bytes as f64 / MEGABYTE),
    ];
    Ok((json!({"cpu_s": cpu_seconds, "wall_s": elapsed.as_secs_f64()}), figures))
}

fn recovery(site: &Site, scenario: &Scenario) -> Result<Measurement> {
    let input = input(site, scenario)?;
    let folder = fresh_folder(site, scenario)?;
    let mut log = follow_one_file(&folder)?;
    let files = [&input.files[..], &[folder.join("followed.log")]].concat();
    let graph = write_graph(&folder, scenario, scenario.workers, &files)?;
    let mut running = Running::start(&site.binary, &graph)?;
    let mut counted = input.lines + 1;
    await_counted(&running.ready()?, counted, BACKLOG_POLL)?;
    let mut runs = Vec::new();
    for run in 0..scenario.number("runs")? {
        running.kill()?;
        log.write_all(load::line_of_now(run).as_bytes())?;
        counted += 1;
        running = Running::start(&site.binary, &graph)?;
        let address = running.ready()?;
        let ready = running.age();
        await_counted(&address, counted, LINE_POLL)?;
        runs.push(json!({
            "ready_ms": ready.as_secs_f64() * 1e3,
            "committed_ms": running.age().as_secs_f64() * 1e3,
        }));
    }
    running.finish()?;
    let figures = ["ready_ms", "committed_ms"].map(|name| (name, median(&numbers(&runs, name))));
    Ok((json!({"input": input.to_json(), "runs": runs}), figures.into()))
}

/// Reads the whole input into a fresh store; returns the wall time until all of it is committed
/// and everything the process used.
pub fn read_everything(
    site: &Site,
    scenario: &Scenario,
    input: &Input,
    workers: u64,
) -> Result<(Duration, Usage)> {
    let folder = fresh_folder(site, scenario)?;
    let graph = write_graph(&folder, scenario, workers, &input.files)?;
    let mut running = Running::start(&site.binary, &graph)?;
    let address = running.ready()?;
    await_counted(&address, input.lines, BACKLOG_POLL)?;
    let wall = running.age();
    Ok((wall, running.finish()?))
}

/// Returns the made-up lines of a scenario.
pub fn input(site: &Site, scenario: &Scenario) -> Result<Input> {
    let (lines, files) = (scenario.number("lines")?, scenario.number("files")?);
    load::prepare(&site.scratch, scenario.format, lines, files)
}

/// Returns an empty folder for the scenario's store, graph file and log.
pub fn fresh_folder(site: &Site, scenario: &Scenario) -> Result<PathBuf> {
    let folder = site.scratch.join(format!("run-{}", scenario.name));
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    Ok(folder)
}

/// Makes a log file with one line and returns it, open for more.
fn follow_one_file(folder: &Path) -> Result<File> {
    let mut log = File::options().create(true).append(true).open(folder.join("followed.log"))?;
    log.write_all(load::line_of_now(0).as_bytes())?;
    Ok(log)
}

/// Writes the graph of a scenario that reads `files`, and returns its path.
pub fn write_graph(
    folder: &Path,
    scenario: &Scenario,
    workers: u64,
    files: &[PathBuf],
) -> Result<PathBuf> {
    let mut include = Vec::new();
    for file in files {
        include.push(std::path::absolute(file)?.display().to_string());
    }
    let include = serde_json::to_string(&include)?;
    let store = match scenario.store.as_str() {
        "sqlite" => "{ type: sqlite, path: ./seismolog.db }".to_owned(),
        url if url.starts_with("postgres:") => {
            format!("{{ type: postgres, url: {url:?}, tls: {{ mode: disable }} }}")
        }
        other => format!("{{ type: {other} }}"),
    };
    let text = format!(
        "sources:\n  app: {{ type: file, include: {include} }}\nsinks:\n  store: {store}\n\
         server: {{ listen: \"127.0.0.1:0\" }}\nengine: {{ workers: {workers}, epoch: 100ms }}\n"
    );
    let path = folder.join("graph.yaml");
    std::fs::write(&path, text)?;
    Ok(path)
}

/// Adds a source whose server refuses and one whose server accepts and never answers.
fn add_broken_sources(graph: &Path) -> Result<TcpListener> {
    let silent = TcpListener::bind("127.0.0.1:0")?;
    let port = silent.local_addr()?.port();
    let broken = format!(
        "sources:\n  refused: {{ type: postgres, url: \"postgres://nobody@127.0.0.1:1/none\", table: logs, key: id }}\n  \
         silent: {{ type: elasticsearch, url: \"http://127.0.0.1:{port}\", index: logs }}\n"
    );
    let text = std::fs::read_to_string(graph)?.replacen("sources:\n", &broken, 1);
    std::fs::write(graph, text)?;
    Ok(silent)
}

/// Waits until `wanted` records are committed; more than that is an error, and so is a standstill.
pub fn await_counted(address: &str, wanted: u64, poll: Duration) -> Result<()> {
    let mut last = 0;
    let mut moved = Instant::now();
    loop {
        let counted = http::counted(address)?;
        ensure!(counted <= wanted, "{counted} records counted, only {wanted} written");
        if counted == wanted {
            return Ok(());
        }
        if counted != last {
            (last, moved) = (counted, Instant::now());
        }
        if moved.elapsed() > STALL {
            bail!("nothing new was counted for {STALL:?}: {counted} of {wanted}");
        }
        std::thread::sleep(poll);
    }
}

/// Returns a number of each run.
pub fn numbers(runs: &[Value], name: &str) -> Vec<f64> {
    runs.iter().filter_map(|run| run[name].as_f64()).collect()
}

/// Returns the middle value.
pub fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// Returns the smallest value that at least the share `q` of `values` does not exceed.
pub fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.max(1) - 1).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(quantile(&values, 0.95), 95.0);
        assert_eq!(quantile(&values, 1.0), 100.0);
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[7.0]), 7.0);
    }
}
