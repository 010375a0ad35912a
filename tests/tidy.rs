//! Style that a program can check, over every file of the repository.
//!
//! Each check is a small pure function from a path and its text to findings, with a test beside it
//! that shows it can fail:
//! - `tidy/source.rs`: headers, lengths, forbidden names and leftovers in Rust and Svelte files;
//! - `tidy/layout.rs`: who may depend on whom, and that every test file is listed;
//! - `tidy/leaks.rs`: nothing that only makes sense on one machine or one network.

mod layout;
mod leaks;
mod source;

use std::fmt;
use std::path::{Path, PathBuf};

/// Something in one file that has to change.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    /// Line, from 1; 0 when the whole file is meant.
    line: usize,
    what: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, what: what.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.what)
    }
}

/// A check of one file: repository path with `/`, and its text.
type Check = fn(&str, &str) -> Vec<Finding>;

const CHECKS: &[Check] = &[
    source::opens_with_a_header,
    source::file_is_short_enough,
    source::functions_are_short_enough,
    source::type_names_say_something,
    source::file_names_say_something,
    source::nothing_is_left_for_later,
    layout::dataflow_crates_stay_behind_one_door,
    layout::dependencies_point_one_way,
    leaks::no_machine_paths,
    leaks::no_private_registry,
];

/// Folders that hold what tools produce, not what people write.
const SKIPPED_FOLDERS: &[&str] = &[".git", "target", "node_modules", "dist"];
/// A folder in the root that may hold material from outside the repository.
const SKIPPED_IN_ROOT: &str = "shared";

/// Endings of files that are text and ours.
const TEXT_ENDINGS: &[&str] = &[
    "rs",
    "toml",
    "lock",
    "md",
    "yaml",
    "yml",
    "json",
    "ts",
    "js",
    "svelte",
    "css",
    "html",
    "sql",
    "sh",
    "run",
    "npmrc",
    "conf",
    "txt",
    "Dockerfile",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Returns every text file of the repository as (path relative to the root, text).
fn files() -> Vec<(String, String)> {
    let mut found = Vec::new();
    collect(&root(), &mut found);
    found.sort();
    assert!(found.len() > 40, "only {} files found: is this the whole repository?", found.len());
    found
}

fn collect(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().unwrap();
        let skipped = SKIPPED_FOLDERS.contains(&name.as_str())
            || (folder == root() && name == SKIPPED_IN_ROOT);
        if kind.is_dir() && !skipped {
            collect(&entry.path(), found);
        } else if kind.is_file() && TEXT_ENDINGS.contains(&name.rsplit('.').next().unwrap_or("")) {
            let path = entry.path();
            let relative = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            // Test corpora may hold bytes that are not UTF-8; what is checked is ASCII.
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            found.push((relative, text));
        }
    }
}

fn assert_none(findings: &[Finding]) {
    let list: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(list.is_empty(), "{} findings:\n{}", list.len(), list.join("\n"));
}

#[test]
fn every_file_follows_the_style() {
    let files = files();
    let findings: Vec<Finding> = files
        .iter()
        .flat_map(|(path, text)| CHECKS.iter().flat_map(move |check| check(path, text)))
        .collect();
    let mut lengths: Vec<usize> = files
        .iter()
        .filter(|(path, _)| path.ends_with(".rs"))
        .map(|(_, text)| text.lines().count())
        .collect();
    lengths.sort_unstable();
    println!(
        "{} Rust files, median {} lines (aim 200), longest {}",
        lengths.len(),
        lengths[lengths.len() / 2],
        lengths[lengths.len() - 1]
    );
    assert_none(&findings);
}

#[test]
fn every_test_file_is_listed() {
    let files = files();
    let findings: Vec<Finding> = files
        .iter()
        .filter(|(path, _)| path.ends_with("tests/main.rs"))
        .flat_map(|(path, text)| {
            let names: Vec<&str> = files.iter().map(|(name, _)| name.as_str()).collect();
            layout::test_files_are_listed(path, text, &names)
        })
        .collect();
    assert_none(&findings);
}
