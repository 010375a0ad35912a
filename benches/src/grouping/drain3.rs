//! The peer: Drain3 from the Python package index, in a virtual environment that is made once and
//! kept outside of the checkout.

use super::score::Prediction;
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The release that is compared with.
pub const VERSION: &str = "0.9.11";

/// An installed Drain3.
pub struct Drain3 {
    python: PathBuf,
}

/// What it made of some lines.
pub struct Clustered {
    /// The group and the template of every line.
    pub predictions: Vec<Option<Prediction>>,
    /// What it took, without start-up.
    pub cpu_seconds: f64,
}

impl Drain3 {
    /// Finds the installed package, or installs it.
    pub fn installed() -> Result<Drain3> {
        let folder = cache_folder()?.join(format!("drain3-{VERSION}"));
        let python = folder.join("bin/python");
        // Made last, so that a broken installation is made again.
        let done = folder.join("installed");
        if !done.exists() {
            eprintln!("  installing Drain3 {VERSION} into {}", folder.display());
            run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
            let package = format!("drain3=={VERSION}");
            run(Command::new(&python).args(["-m", "pip", "install", "--quiet", &package]))?;
            std::fs::write(&done, VERSION)?;
        }
        Ok(Drain3 { python })
    }

    /// Clusters `lines` as one stream; with `masks` after its own example list of masks.
    pub fn cluster(&self, lines: &[String], masks: bool) -> Result<Clustered> {
        let script = crate::root().join("benches/drain3/baseline.py");
        let mut command = Command::new(&self.python);
        command.arg(script).args(masks.then_some("masks"));
        let output = fed(&mut command, lines)?;
        let answer: Value = serde_json::from_slice(&output).context("Drain3 answered no JSON")?;
        let ids = answer["ids"].as_array().context("Drain3 answered without ids")?;
        ensure!(ids.len() == lines.len(), "Drain3 answered {} lines", ids.len());
        let prediction = |id: &Value| {
            let group = id.to_string();
            let template = answer["templates"][&group].as_str()?.to_owned();
            Some(Prediction { group, template })
        };
        Ok(Clustered {
            predictions: ids.iter().map(prediction).collect(),
            cpu_seconds: answer["cpu_s"].as_f64().context("Drain3 answered without its time")?,
        })
    }
}

/// Returns where downloads are kept.
fn cache_folder() -> Result<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let cache = match variable("XDG_CACHE_HOME") {
        Some(cache) => PathBuf::from(cache),
        None => Path::new(&variable("HOME").context("neither XDG_CACHE_HOME nor HOME is set")?)
            .join(".cache"),
    };
    Ok(cache.join("seismolog"))
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}

/// Runs a command that reads all of its input before it writes, and returns its output.
pub fn fed(command: &mut Command, lines: &[String]) -> Result<Vec<u8>> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {command:?}"))?;
    let mut input = child.stdin.take().context("stdin is piped")?;
    for line in lines {
        input.write_all(line.as_bytes())?;
        input.write_all(b"\n")?;
    }
    drop(input);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{command:?} failed: {}", output.status);
    Ok(output.stdout)
}
