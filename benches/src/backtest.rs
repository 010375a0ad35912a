//! A backtest over files beside an engine that reads the same files into its store.

use crate::measure::{Measurement, Site, input, median, numbers, read_everything, write_graph};
use crate::scenario::Scenario;
use anyhow::{Context, Result, ensure};
use serde_json::json;
use std::process::Command;

/// Measures lines per second of both, one after the other.
pub fn run(site: &Site, scenario: &Scenario) -> Result<Measurement> {
    let input = input(site, scenario)?;
    let mut runs = Vec::new();
    for _ in 0..scenario.number("runs")? {
        let (wall, usage) = read_everything(site, scenario, &input, scenario.workers)?;
        let folder = site.scratch.join(format!("run-{}", scenario.name));
        let graph = write_graph(&folder, scenario, scenario.workers, &input.files)?;
        let output = Command::new(&site.binary)
            .args(["backtest", "-c"])
            .arg(&graph)
            .args(&input.files)
            .arg("--out")
            .arg(folder.join("report.txt"))
            .output()
            .with_context(|| format!("cannot start {}", site.binary.display()))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(output.status.success(), "backtest failed: {said}");
        let backtest = speed(&said).with_context(|| format!("no speed in {said:?}"))?;
        let ingestion = input.lines as f64 / wall.as_secs_f64();
        runs.push(json!({
            "ingestion_lines_per_second": ingestion,
            "ingestion_cpu_s": usage.cpu_seconds,
            "backtest_lines_per_second": backtest,
            "times_ingestion": backtest / ingestion,
        }));
    }
    let names = ["times_ingestion", "backtest_lines_per_second", "ingestion_lines_per_second"];
    let figures = names.map(|name| (name, median(&numbers(&runs, name))));
    Ok((json!({"input": input.to_json(), "runs": runs}), figures.into()))
}

/// Returns the last `L lines/s` of what a backtest says.
fn speed(said: &str) -> Option<f64> {
    let (before, _) = said.rsplit_once(" lines/s")?;
    let number = before.rsplit([' ', '\r', '\n']).next()?;
    number.replace([',', '_'], "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_speed_is_that_of_the_last_line() {
        assert_eq!(speed("1000 lines in 2.0 s: 500 lines/s\n"), Some(500.0));
        assert_eq!(
            speed("a.log: 7 lines/s\n9 lines in 1 s: 9,000 lines/s\nreport: x\n"),
            Some(9_000.0)
        );
        assert_eq!(speed("nothing"), None);
    }
}
