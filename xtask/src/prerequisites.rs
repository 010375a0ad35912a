//! What must be installed before the build and the tests can pass, and how to get it.
//!
//! Each tool is asked for its version; what is missing or too old is reported together, each with
//! one sentence that says what to install.

use crate::step::{Failure, root};
use std::process::Command;

/// A tool that must answer `--version` with at least this version.
pub struct Prerequisite {
    name: &'static str,
    programs: &'static [&'static str],
    needed: Version,
    why: &'static str,
    install: &'static str,
}

/// Major and minor version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Version(u32, u32);

const RUST: Prerequisite = Prerequisite {
    name: "Rust",
    programs: &["rustc"],
    needed: Version(1, 95),
    why: "the compiler named in rust-toolchain.toml",
    install: "install rustup from https://rustup.rs; it reads rust-toolchain.toml by itself",
};
const C_COMPILER: Prerequisite = Prerequisite {
    name: "C compiler",
    programs: &["cc", "gcc", "clang"],
    needed: Version(0, 0),
    why: "SQLite and the allocator are built from C",
    install: "Debian and Ubuntu: apt install build-essential; macOS: xcode-select --install",
};
/// Node builds and tests the browser UI.
pub const NODE: Prerequisite = Prerequisite {
    name: "Node",
    programs: &["node"],
    needed: Version(20, 19),
    why: "the browser UI is built and tested with it",
    install: "install version 20.19 or newer from https://nodejs.org or your package manager",
};
const CHROMIUM_PROGRAMS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];
const PYTHON: Prerequisite = Prerequisite {
    name: "Python 3",
    programs: &["python3"],
    needed: Version(3, 9),
    why: "the Postgres used by store tests comes as a Python wheel",
    install: "Debian and Ubuntu: apt install python3 python3-venv; macOS: brew install python",
};

/// What the build needs.
pub const BUILD: &[Prerequisite] = &[RUST, C_COMPILER];
/// What every test of the first version needs.
pub const TEST: &[Prerequisite] = &[RUST, C_COMPILER, NODE, PYTHON];
/// Everything the README states.
pub const ALL: &[Prerequisite] = &[RUST, C_COMPILER, NODE, PYTHON];

/// Prints what was found and fails with every missing tool at once.
pub fn require(prerequisites: &[Prerequisite]) -> Result<(), Failure> {
    let mut missing = Vec::new();
    for prerequisite in prerequisites {
        let found = prerequisite.programs.iter().find_map(|program| version_line(program));
        match prerequisite.judge(found.as_deref()) {
            Ok(version) => println!("xtask: {:<10} {version}", prerequisite.name),
            Err(problem) => missing.push(problem),
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("something must be installed first\n  {}", missing.join("\n  "))))
}

/// Returns whether there is a browser for the test that needs one: named by `CHROMIUM`, installed, or
/// installed now where this process may and can.
pub fn has_browser() -> bool {
    let is_there = || CHROMIUM_PROGRAMS.iter().any(|program| version_line(program).is_some());
    if std::env::var_os("CHROMIUM").is_some() || is_there() {
        return true;
    }
    println!("xtask: there is no Chromium; trying to install Debian's");
    let install = ["install", "--yes", "--no-install-recommends", "chromium"];
    let _ = Command::new("apt-get").args(["update", "--quiet"]).status();
    let _ = Command::new("apt-get").args(install).status();
    is_there()
}

impl Prerequisite {
    /// Decides whether `found`, the tool's answer to `--version`, is good enough.
    fn judge(&self, found: Option<&str>) -> Result<String, String> {
        let problem = match found {
            None => "was not found".to_owned(),
            Some(line) => match first_version(line) {
                Some(version) if version >= self.needed => return Ok(line.to_owned()),
                None if self.needed == Version(0, 0) => return Ok(line.to_owned()),
                _ => format!("is too old ({line})"),
            },
        };
        Err(format!(
            "{} {problem}. Needed because {}. Hint: {}.",
            self.name, self.why, self.install
        ))
    }
}

/// Returns the first line that `program --version` prints, or `None` if it cannot be run.
fn version_line(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").current_dir(root()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then(|| text.lines().next().unwrap_or("").to_owned())
}

/// Returns the first `major.minor` in `line`.
fn first_version(line: &str) -> Option<Version> {
    let start = line.find(|c: char| c.is_ascii_digit())?;
    let mut parts = line[start..].split(|c: char| !c.is_ascii_digit());
    let major = parts.next()?.parse().ok()?;
    Some(Version(major, parts.next().and_then(|minor| minor.parse().ok()).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_the_tools_really_print() {
        assert_eq!(first_version("rustc 1.95.0 (59807616e 2026-04-14)"), Some(Version(1, 95)));
        assert_eq!(first_version("v20.20.2"), Some(Version(20, 20)));
        assert_eq!(first_version("Python 3.12.1"), Some(Version(3, 12)));
        assert_eq!(first_version("nothing"), None);
    }

    #[test]
    fn an_old_or_missing_tool_is_refused_with_a_hint() {
        assert!(NODE.judge(Some("v20.19.1")).is_ok());
        let old = NODE.judge(Some("v20.9.0")).expect_err("20.9 is older than 20.19");
        assert!(old.contains("too old") && old.contains("Hint:"), "{old}");
        let missing = NODE.judge(None).expect_err("nothing was found");
        assert!(missing.contains("was not found") && missing.contains("nodejs.org"), "{missing}");
    }

    #[test]
    fn the_required_rust_is_the_pinned_one() {
        let pinned = include_str!("../../rust-toolchain.toml");
        let channel = pinned.lines().find(|line| line.starts_with("channel"));
        assert_eq!(channel.and_then(first_version), Some(RUST.needed));
    }
}
