//! The encoder beside onnxruntime: two processes that take turns on the same tokens.
//!
//! ```text
//! tokens.json ──► this program, as a child ──┐  one request each, in turn,
//!             └─► onnxruntime in Python ─────┴─► as many rounds as the scenario says ──► ratios
//! ```
//! With one thread, ratios are of processor time, which a busy machine disturbs least; with two, of wall
//! time, because onnxruntime's threads spin while they wait. Tokenising is outside.

pub mod child;

use crate::load::Chance;
use crate::scenario::Scenario;
use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

/// What is installed beside the measured runtime.
const PACKAGES: &[&str] = &["onnxruntime==1.31.1", "onnx", "numpy"];
const SCRIPT: &str = "benches/embedding/onnxruntime_child.py";
/// Size of the vocabulary.
const VOCABULARY: u64 = 30_522;

/// One line of the table: figure, input, batch, threads.
const CASES: &[(&str, &str, u64, u64)] = &[
    ("times_batch_1", "short", 1, 1),
    ("times_batch_8", "short", 8, 1),
    ("times_batch_32", "short", 32, 1),
    ("times_batch_64", "short", 64, 1),
    ("times_batch_32_two_threads", "short", 32, 2),
    ("times_mixed_sorted", "mixed", 32, 1),
    ("times_256_tokens", "long", 1, 1),
    ("times_256_tokens_two_threads", "long", 1, 2),
];

/// Measures; returns raw numbers and figures.
pub fn measure(scratch: &Path, scenario: &Scenario) -> Result<(Value, Vec<(&'static str, f64)>)> {
    let cache = cache()?;
    let model = cache.join("all-MiniLM-L6-v2");
    ensure!(
        model.join("model.safetensors").is_file(),
        "there is no model in {}. Hint: cargo xtask setup",
        model.display()
    );
    // Loading is measured with the file in memory: how fast a disk is says nothing about either side.
    std::io::copy(&mut fs::File::open(model.join("model.safetensors"))?, &mut std::io::sink())?;
    fs::create_dir_all(scratch)?;
    let tokens = scratch.join("embedding-tokens.json");
    fs::write(&tokens, inputs(scenario.number("texts")?).to_string())?;
    let mut ours = Command::new(std::env::current_exe()?);
    ours.arg(child::VERB).arg(&model).arg(&tokens);
    let mut theirs = Command::new(python()?);
    theirs.arg(crate::root().join(SCRIPT)).args([&model, &tokens]).arg(cache.join("minilm.onnx"));
    let (mut ours, mut theirs) = (Process::start(&mut ours)?, Process::start(&mut theirs)?);

    let mut figures = Vec::new();
    let mut raw = Vec::new();
    for &(figure, input, batch, threads) in CASES {
        let request = json!({"input": input, "batch": batch, "threads": threads});
        let mut rounds = Vec::new();
        for _ in 0..scenario.number("runs")? {
            rounds.push((ours.ask(&request)?, theirs.ask(&request)?));
        }
        let clock = if threads == 1 { "cpu_s" } else { "wall_s" };
        let ratios =
            rounds.iter().map(|(ours, theirs)| number(theirs, clock) / number(ours, clock));
        figures.push((figure, median(ratios.collect())));
        if input == "long" {
            let times = |side: fn(&(Value, Value)) -> &Value| -> Vec<f64> {
                rounds.iter().flat_map(|round| numbers(&side(round)["batch_ms"])).collect()
            };
            let [p50, p99, p99_theirs] = match threads {
                1 => ["p50_ms_one_thread", "p99_ms_one_thread", "p99_ms_one_thread_onnxruntime"],
                _ => ["p50_ms_256_tokens", "p99_ms_256_tokens", "p99_ms_256_tokens_onnxruntime"],
            };
            figures.push((p50, percentile(times(|round| &round.0), 50)));
            figures.push((p99, percentile(times(|round| &round.0), 99)));
            figures.push((p99_theirs, percentile(times(|round| &round.1), 99)));
        }
        if figure == "times_batch_32" {
            let (ours, theirs) = &rounds[0];
            figures.push(("cosine_to_onnxruntime", cosine(&ours["first"], &theirs["first"])));
        }
        let round = |(ours, theirs): &(Value, Value)| {
            let side =
                |answer: &Value| json!({"cpu_s": answer["cpu_s"], "wall_s": answer["wall_s"]});
            json!({"ours": side(ours), "onnxruntime": side(theirs)})
        };
        let rounds: Vec<Value> = rounds.iter().map(round).collect();
        raw.push(json!({"case": figure, "input": input, "batch": batch, "threads": threads,
            "rounds": rounds}));
    }
    figures.push(("rss_mb", ours.memory_mb("VmRSS")?));
    figures.push(("rss_peak_mb", ours.memory_mb("VmHWM")?));
    figures.push(("rss_peak_mb_onnxruntime", theirs.memory_mb("VmHWM")?));
    figures.push(("load_ms", number(&ours.greeting, "load_ms")));
    figures.push(("load_ms_onnxruntime", number(&theirs.greeting, "load_ms")));
    Ok((json!({"kernel": ours.greeting["kernel"], "cases": raw}), figures))
}

/// Returns texts as tokens: short ones as error templates are, mixed ones by length, the longest.
fn inputs(texts: u64) -> Value {
    let mut chance = Chance(1);
    let mut text = |tokens: u64| -> Vec<u64> {
        (0..tokens).map(|_| 1000 + chance.below(VOCABULARY - 1000)).collect()
    };
    let short: Vec<Vec<u64>> = (0..texts).map(|index| text(14 + index * 7 % 12)).collect();
    // 12 to 256 tokens, every doubling as often.
    let mut lengths: Vec<u64> = (0..texts / 2)
        .map(|index| (12.0 * (256.0f64 / 12.0).powf(index as f64 * 2.0 / texts as f64)) as u64)
        .collect();
    lengths.sort_unstable();
    let mixed: Vec<Vec<u64>> = lengths.into_iter().map(&mut text).collect();
    let long: Vec<Vec<u64>> = (0..texts / 8).map(|_| text(256)).collect();
    json!({"short": short, "mixed": mixed, "long": long})
}

/// Returns the folder in which `seismolog model fetch` keeps the model.
fn cache() -> Result<PathBuf> {
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let caches = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    Ok(caches.context("neither HOME nor XDG_CACHE_HOME is set")?.join("seismolog"))
}

/// Returns a Python with onnxruntime and numpy; installed once, beside the model.
pub fn python() -> Result<PathBuf> {
    let folder = cache()?.join("bench-python");
    let python = folder.join("bin/python");
    let complete = folder.join("complete");
    if !complete.exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
        run(Command::new(&python).args(install).args(PACKAGES))?;
        fs::write(&complete, "")?;
    }
    Ok(python)
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}

/// A child that answers requests. Killed when dropped.
struct Process {
    child: Child,
    answers: BufReader<ChildStdout>,
    /// What it said first.
    greeting: Value,
}

impl Process {
    fn start(command: &mut Command) -> Result<Process> {
        let spawned = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.with_context(|| format!("cannot start {command:?}"))?;
        let answers = BufReader::new(child.stdout.take().context("stdout is piped")?);
        let mut process = Process { child, answers, greeting: Value::Null };
        process.greeting = process.answer()?;
        Ok(process)
    }

    fn ask(&mut self, request: &Value) -> Result<Value> {
        let input = self.child.stdin.as_mut().context("stdin is piped")?;
        writeln!(input, "{request}")?;
        input.flush()?;
        self.answer()
    }

    fn answer(&mut self) -> Result<Value> {
        let mut line = String::new();
        if self.answers.read_line(&mut line)? == 0 {
            bail!("a measured process ended: {}", self.child.wait()?);
        }
        Ok(serde_json::from_str(&line)?)
    }

    /// Returns a line of `/proc/PID/status` in megabytes.
    fn memory_mb(&self, name: &str) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        Ok(kilobytes.with_context(|| format!("no {name} in the status"))? * 1024.0 / 1e6)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn number(answer: &Value, key: &str) -> f64 {
    answer[key].as_f64().unwrap_or(f64::NAN)
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
}

fn median(numbers: Vec<f64>) -> f64 {
    percentile(numbers, 50)
}

fn percentile(mut numbers: Vec<f64>, percent: usize) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len().saturating_sub(1) * percent / 100).copied().unwrap_or(f64::NAN)
}

fn cosine(a: &Value, b: &Value) -> f64 {
    numbers(a).iter().zip(numbers(b)).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_are_short_mixed_by_length_and_long() {
        let inputs = inputs(64);
        let lengths = |name: &str| -> Vec<usize> {
            let texts = inputs[name].as_array().into_iter().flatten();
            texts.map(|text| numbers(text).len()).collect()
        };
        assert!(lengths("short").iter().all(|length| (14..26).contains(length)));
        let mixed = lengths("mixed");
        assert!(mixed.is_sorted() && mixed[0] == 12 && mixed[31] > 200);
        assert_eq!(lengths("long"), [256; 8]);
    }

    #[test]
    fn percentiles_are_numbers_of_the_list() {
        assert_eq!(percentile(vec![3.0, 1.0, 2.0], 50), 2.0);
        assert_eq!(percentile(vec![3.0, 1.0, 2.0], 99), 2.0);
        assert!(percentile(Vec::new(), 50).is_nan());
    }
}
