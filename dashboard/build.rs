//! Builds the browser UI into `ui/dist/`, from where `src/assets.rs` embeds it. The binary builds in
//! any case: without Node, or when the UI fails to build, `ui/dist/` stays empty, cargo shows a
//! warning that says what to do, and the server shows a page that says the same.
//!
//! Runs again only when a file that the UI is made of has changed. Writes nothing but
//! `ui/node_modules/` and `ui/dist/`. `SEISMOLOG_SKIP_UI=1` leaves everything as it is.
#![allow(
    clippy::disallowed_methods,
    reason = "a build script reads small files of its own package"
)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// The oldest Node.js that the UI's tools run on.
const NODE_MIN: (u32, u32) = (20, 19);

/// Everything the UI is made of; a folder stands for all files in it.
const INPUTS: [&str; 8] = [
    "src",
    "public",
    "index.html",
    "package.json",
    "package-lock.json",
    "vite.config.ts",
    "svelte.config.js",
    "tsconfig.json",
];

fn main() {
    println!("cargo:rerun-if-env-changed=SEISMOLOG_SKIP_UI");
    println!("cargo:rerun-if-changed=build.rs");
    let ui = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default()).join("ui");
    for input in INPUTS {
        // Cargo takes a missing file for a changed one and runs this every time, which is wanted only
        // while there is no UI at all.
        if ui.join(input).exists() || input == "package.json" {
            println!("cargo:rerun-if-changed=ui/{input}");
        }
    }
    let skip = env::var("SEISMOLOG_SKIP_UI").is_ok_and(|value| !value.is_empty() && value != "0");
    if skip || !ui.join("package.json").exists() {
        return;
    }
    if let Err(problem) = build(&ui) {
        println!("cargo:warning=the browser UI was not built: {problem}");
        println!(
            "cargo:warning=the binary works without it; for the UI, mend this and build again \
             after touching dashboard/ui/package.json"
        );
        if let Err(error) = empty(&ui.join("dist")) {
            println!("cargo:warning=cannot empty dashboard/ui/dist: {error}");
        }
    }
}

/// Checks the tools, installs what the lock file says, and builds.
fn build(ui: &Path) -> Result<(), String> {
    check_node()?;
    install(ui)?;
    run(npm(ui).args(["run", "build"]), "npm run build")?;
    if ui.join("dist/index.html").exists() {
        keep_folder(&ui.join("dist")).map_err(|error| error.to_string())
    } else {
        Err("`npm run build` left no dist/index.html".to_owned())
    }
}

/// Asks Node for its version.
fn check_node() -> Result<(), String> {
    let (major, minor) = NODE_MIN;
    let hint = format!("install Node.js {major}.{minor} or newer, with npm");
    let version = run(Command::new("node").arg("--version"), "node --version")
        .map_err(|problem| format!("{problem}; {hint}"))?;
    let mut numbers = version.trim().trim_start_matches('v').split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(found_major)), Some(Ok(found_minor))) => {
            if (found_major, found_minor) >= NODE_MIN {
                return Ok(());
            }
            Err(format!("Node.js {} is too old; {hint}", version.trim()))
        }
        _ => Err(format!("cannot read the version of Node.js from {:?}; {hint}", version.trim())),
    }
}

/// Installs the UI's packages, unless what the lock file says is already there. A copy of the lock
/// file inside `node_modules` tells. No package's own scripts run.
fn install(ui: &Path) -> Result<(), String> {
    let stamp = ui.join("node_modules/.seismolog-lock");
    let lock = fs::read(ui.join("package-lock.json"))
        .map_err(|error| format!("cannot read dashboard/ui/package-lock.json: {error}"))?;
    if fs::read(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
    run(npm(ui).args(arguments), "npm ci")?;
    fs::write(&stamp, lock).map_err(|error| format!("cannot write {}: {error}", stamp.display()))
}

/// Returns npm, ready to run in the UI's folder.
fn npm(ui: &Path) -> Command {
    let mut npm = Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" });
    npm.current_dir(ui).env("CI", "1").env("NO_COLOR", "1");
    npm
}

/// Runs a program to its end and returns what it printed.
fn run(command: &mut Command, name: &str) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("cannot run `{name}`: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = [output.stderr, output.stdout].concat();
    let said = String::from_utf8_lossy(&said);
    let last: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).take(8).collect();
    Err(format!("`{name}` failed ({}): {}", output.status, last.join(" | ")))
}

/// Removes all that an earlier or a broken build left.
fn empty(dist: &Path) -> io::Result<()> {
    keep_folder(dist)?;
    for entry in fs::read_dir(dist)? {
        let path = entry?.path();
        if path.is_dir() {
            fs::remove_dir_all(path)?;
        } else if path.file_name().is_some_and(|name| name != ".gitignore") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Makes sure that the folder exists and stays in the checkout.
fn keep_folder(dist: &Path) -> io::Result<()> {
    let keeper = dist.join(".gitignore");
    if keeper.exists() {
        return Ok(());
    }
    fs::create_dir_all(dist)?;
    fs::write(keeper, "*\n!.gitignore\n")
}
