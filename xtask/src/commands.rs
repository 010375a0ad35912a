//! What each command of `cargo xtask` runs, in order.

use crate::prerequisites;
use crate::step::{Failure, Step, root};
use std::path::Path;
use std::process::{Command, Stdio};

/// Folder of the browser UI.
const UI: &str = "dashboard/ui";

/// Checks that everything the README asks for is installed, and fetches what tests need.
pub fn setup() -> Result<(), Failure> {
    prerequisites::require(prerequisites::ALL)?;
    fetch_model()?;
    fetch_postgres()
}

/// Format, clippy, tidy, licences: what must be clean before a review.
pub fn check() -> Result<(), Failure> {
    prerequisites::require(prerequisites::BUILD)?;
    Step::cargo(&["fmt", "--all", "--check"]).run()?;
    Step::cargo(&["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]).run()?;
    Step::cargo(&["test", "--package", "seismolog", "--test", "main", "tidy::"]).run()?;
    if !cargo_deny_is_installed() {
        println!(
            "xtask: licences and advisories were NOT checked: cargo-deny is not installed. \
             Hint: install cargo-deny"
        );
        return Ok(());
    }
    Step::cargo(&["deny", "check"]).run()
}

/// Every bounded test: the UI's first, because the server embeds what it builds, and last the whole in
/// a browser.
pub fn test() -> Result<(), Failure> {
    prerequisites::require(prerequisites::TEST)?;
    test_ui()?;
    build_and_fetch()?;
    Step::cargo(&["test", "--workspace"]).run()?;
    if !prerequisites::has_browser() {
        println!(
            "xtask: the UI was NOT looked at in a browser: there is no Chromium. \
             Hint: apt install chromium, or set CHROMIUM to its path"
        );
        return Ok(());
    }
    Step::new(&["npm", "run", "test:browser"])
        .within(UI)
        .default_variable("SEISMOLOG_BIN", &built("seismolog")?)
        .run()
}

/// The long families: the same tests with many more cases. A variable that the user has set wins.
pub fn soak() -> Result<(), Failure> {
    prerequisites::require(prerequisites::TEST)?;
    build_and_fetch()?;
    Step::cargo(&["test", "--workspace"])
        .default_variable("SEISMOLOG_CASES", "10000")
        .default_variable("SEISMOLOG_KILLS", "100")
        .default_variable("SEISMOLOG_FUZZ_SECONDS", "600")
        .run()
}

/// Builds the release binary and measures it; `scenarios` are names in `benches/scenarios`.
pub fn bench(scenarios: &[String]) -> Result<(), Failure> {
    prerequisites::require(prerequisites::BUILD)?;
    Step::cargo(&["build", "--release", "--package", "seismolog"]).run()?;
    Step::cargo(&["run", "--release", "--quiet", "--package", "benches", "--"])
        .arguments(scenarios)
        .run()
}

/// Builds the API documentation; a broken link or a missing comment fails.
pub fn docs() -> Result<(), Failure> {
    Step::cargo(&["doc", "--workspace", "--no-deps", "--document-private-items"])
        .default_variable("RUSTDOCFLAGS", "-D warnings")
        .run()
}

/// Builds what the tests run, and fetches what they need with it: with the features of the tests, so that
/// nothing is built twice.
fn build_and_fetch() -> Result<(), Failure> {
    Step::cargo(&["test", "--workspace", "--no-run"]).run()?;
    Step::new(&[&built("seismolog")?, "model", "fetch"]).run()?;
    Step::new(&[&built("examples/fetch_postgres")?]).run()
}

/// Returns the path of a program of the test profile, in the folder that cargo says it builds in.
fn built(name: &str) -> Result<String, Failure> {
    let mut cargo = Command::new("cargo");
    cargo.args(["metadata", "--format-version", "1", "--no-deps"]).current_dir(root());
    let unknown = || Failure::new("`cargo metadata` does not say where cargo builds");
    let said = cargo.output().map_err(|_| unknown())?.stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    let (_, rest) = said.split_once("\"target_directory\":\"").ok_or_else(unknown)?;
    let (folder, _) = rest.split_once('"').ok_or_else(unknown)?;
    Ok(Path::new(folder).join("debug").join(name).to_string_lossy().into_owned())
}

/// Fetches the model into the user's cache, outside the checkout; checked by its digest, once.
fn fetch_model() -> Result<(), Failure> {
    Step::cargo(&["run", "--quiet", "--package", "seismolog", "--", "model", "fetch"]).run()
}

/// Fetches the Postgres servers of the tests into the user's cache, outside the checkout; checked by their
/// digest, once. A server of the user's own, named by `DATABASE_URL`, does not replace them all: some
/// tests crash theirs.
fn fetch_postgres() -> Result<(), Failure> {
    Step::cargo(&["run", "--quiet", "--package", "engine", "--features", "testing"])
        .arguments(&["--example".to_owned(), "fetch_postgres".to_owned()])
        .run()
}

/// Installs, checks and tests the browser UI.
fn test_ui() -> Result<(), Failure> {
    if !root().join(UI).join("package.json").exists() {
        return Err(Failure::new(format!(
            "there is no {UI}/package.json. Hint: is the clone whole?"
        )));
    }
    Step::new(&["npm", "ci", "--no-audit", "--no-fund"]).within(UI).run()?;
    Step::new(&["npm", "run", "check"]).within(UI).run()?;
    Step::new(&["npm", "test"]).within(UI).run()
}

/// Returns whether `cargo deny` can be run.
fn cargo_deny_is_installed() -> bool {
    let mut command = Command::new("cargo-deny");
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
