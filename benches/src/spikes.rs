//! The spike detector on labelled, made-up series, beside the customary ones.
//!
//! ```text
//! DATA/gen.py ──seed──► counts.csv, stream.csv ─┬─► seismolog backtest ──┐
//!                                               └─► DATA/baselines.py ───┴─► DATA/score.py ──► figures
//! ```
//! One configuration for all seeds; nothing here knows a label but the scorer.

use crate::embedding::python;
use crate::measure::{Measurement, Site};
use crate::scenario::Scenario;
use anyhow::{Context, Result, ensure};
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// Our name in the scores, over final counts and over the stream of arrivals.
const OURS: [&str; 2] = ["seismolog", "seismolog_stream"];
/// What the scorer says of classes of labels that have a bar.
const CLASSES: [(&str, &str); 5] = [
    ("recall_huge", "spike/huge"),
    ("recall_large", "spike/large"),
    ("recall_new_medium", "new/medium"),
    ("recall_new_large", "new/large"),
    ("recall_new_huge", "new/huge"),
];

/// Measures; DATA is the folder with the generator, the scorer and the comparison detectors.
pub fn run(site: &Site, scenario: &Scenario) -> Result<Measurement> {
    let tools = std::path::absolute(site.data()?)?;
    let generator = tools.join("gen.py");
    ensure!(generator.is_file(), "{} is missing: DATA must hold it", generator.display());
    let python = python()?;
    let mut scores = Vec::new();
    let mut speeds = Vec::new();
    for seed in 1..=scenario.number("seeds")? {
        let data = std::path::absolute(site.scratch.join(format!("spikes-seed-{seed}")))?;
        let out = data.join("detections");
        if data.exists() {
            std::fs::remove_dir_all(&data)?;
        }
        let (config, seed) = (tools.join("dev.json"), seed.to_string());
        let arguments = ["--config", text(&config)?, "--seed", &seed, "--out", text(&data)?];
        run_python(&python, &generator, &arguments)?;
        std::fs::create_dir_all(&out)?;
        for (name, input) in OURS.into_iter().zip(["counts.csv", "stream.csv"]) {
            speeds.push(detect(site, &data, input, &out.join(name).with_extension("csv"))?);
        }
        run_python(
            &python,
            &tools.join("baselines.py"),
            &["--data", text(&data)?, "--out", text(&out)?],
        )?;
        scores.push(score(&python, &tools, &data, &out)?);
    }
    let (detectors, figures) = (comparison(&scores), figures(&scores, &speeds));
    // Of the others the means are enough.
    scores.iter_mut().for_each(|all| all.retain(|name, _| OURS.contains(&name.as_str())));
    Ok((json!({ "detectors": detectors, "scores": scores }), figures))
}

/// Runs the binary; returns millions of series-buckets per second.
fn detect(site: &Site, data: &Path, input: &str, out: &Path) -> Result<f64> {
    let output = Command::new(&site.binary)
        .args(["backtest", "--counts", text(&data.join(input))?])
        .args(["--meta", text(&data.join("meta.json"))?, "--detections", text(out)?])
        .output()
        .with_context(|| format!("cannot start {}", site.binary.display()))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "backtest failed: {said}");
    let speed = said.split(": ").nth(1).and_then(|rest| rest.split(' ').next()?.parse().ok());
    speed.with_context(|| format!("no speed in {said:?}"))
}

/// Returns what the scorer says of each detector.
fn score(python: &Path, tools: &Path, data: &Path, out: &Path) -> Result<Map<String, Value>> {
    let mut detections = Vec::new();
    for entry in std::fs::read_dir(out)? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "csv") {
            detections.push(path);
        }
    }
    detections.sort();
    let result = data.join("scores.json");
    let mut arguments = vec!["--data", text(data)?, "--json", text(&result)?, "--det"];
    for path in &detections {
        arguments.push(text(path)?);
    }
    run_python(python, &tools.join("score.py"), &arguments)?;
    Ok(serde_json::from_str(&std::fs::read_to_string(result)?)?)
}

fn figures(scores: &[Map<String, Value>], speeds: &[f64]) -> Vec<(&'static str, f64)> {
    let of = |name: &str, key: &str| -> Vec<f64> {
        scores.iter().filter_map(|scores| scores[name][key].as_f64()).collect()
    };
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    // Of nothing there is no worst: NaN meets no bar.
    let worst = |values: Vec<f64>| values.into_iter().reduce(f64::min).unwrap_or(f64::NAN);
    let most = |values: Vec<f64>| values.into_iter().reduce(f64::max).unwrap_or(f64::NAN);
    let [ours, stream] = OURS;
    let alarms = mean(of(ours, "detected")) + mean(of(ours, "fa")) + mean(of(ours, "refires"));
    let mut figures = vec![
        ("f1_mean", mean(of(ours, "f1"))),
        ("f1_worst", worst(of(ours, "f1"))),
        ("false_alarms_per_1000_series_days_mean", mean(of(ours, "fa_per_1000_series_days"))),
        ("false_alarms_per_1000_series_days_worst", most(of(ours, "fa_per_1000_series_days"))),
        ("delay_median_buckets", most(of(ours, "delay_median"))),
        ("delay_p90_buckets", most(of(ours, "delay_p90"))),
        ("refires_percent", 100.0 * mean(of(ours, "refires")) / alarms),
        ("idle_percent", 100.0 * most(of(ours, "false_firing_share"))),
        ("f1_lost_on_stream", mean(of(ours, "f1")) - mean(of(stream, "f1"))),
        ("million_series_buckets_per_second", worst(speeds.to_vec())),
    ];
    for (figure, class) in CLASSES {
        let recalls =
            scores.iter().filter_map(|all| all[ours]["by_class"][class]["recall"].as_f64());
        figures.push((figure, worst(recalls.collect())));
    }
    figures
}

/// Returns the means over the seeds of each detector, the best first.
fn comparison(scores: &[Map<String, Value>]) -> Value {
    let names = scores.first().map(|first| first.keys().cloned().collect::<Vec<_>>());
    let mean = |name: &str, key: &str| {
        let values = scores.iter().filter_map(|scores| scores.get(name)?[key].as_f64());
        values.sum::<f64>() / scores.len() as f64
    };
    let mut rows: Vec<Value> = names
        .unwrap_or_default()
        .iter()
        .map(|name| {
            json!({
                "name": name, "f1": mean(name, "f1"), "recall": mean(name, "recall"),
                "precision": mean(name, "precision"),
                "false_alarms": mean(name, "fa_per_1000_series_days"),
            })
        })
        .collect();
    let f1 = |row: &Value| row["f1"].as_f64().unwrap_or(0.0);
    rows.sort_by(|a, b| f1(b).total_cmp(&f1(a)));
    Value::Array(rows)
}

/// Returns the table of detectors, if these are the raw numbers of this scenario.
pub fn table(raw: &Value) -> Option<String> {
    let rows = raw["detectors"].as_array()?;
    let mut table = String::from(
        "| detector | F1 | recall | precision | false alarms per 1000 series-days |\n\
         |---|---:|---:|---:|---:|\n",
    );
    for row in rows {
        let number = |key: &str| row[key].as_f64().unwrap_or(f64::NAN);
        let (name, alarms) = (row["name"].as_str().unwrap_or(""), number("false_alarms"));
        let [f1, recall, precision] = ["f1", "recall", "precision"].map(number);
        // Writing to a String cannot fail.
        let _ =
            writeln!(table, "| {name} | {f1:.3} | {recall:.3} | {precision:.3} | {alarms:.1} |");
    }
    Some(table)
}

fn run_python(python: &Path, script: &Path, arguments: &[&str]) -> Result<()> {
    let status = Command::new(python)
        .arg(script)
        .args(arguments)
        .stdout(std::process::Stdio::null())
        .status()
        .with_context(|| format!("cannot start {}", python.display()))?;
    ensure!(status.success(), "{} failed: {status}", script.display());
    Ok(())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is no text", path.display()))
}
