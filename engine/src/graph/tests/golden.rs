//! Files in, mistakes or graphs out, compared with the text beside them.
#![allow(clippy::disallowed_methods, reason = "tests read small files of their own crate")]

use super::fakes::REGISTRY;
use super::input;
use crate::graph::{Graph, GraphInput, Mistake, schema};
use std::fmt::Write;
use std::path::{Path, PathBuf};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/graph/tests").join(name)
}

/// Compares `found` with the file at `path`, or rewrites it with `UPDATE=1`.
fn compare(path: &Path, found: &str) {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(path, found).unwrap();
    }
    let expected = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(found, expected, "{} differs; UPDATE=1 rewrites it", path.display());
}

/// Returns the graph files in a folder, ordered by name.
fn files(name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder(name)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    paths.sort();
    paths
}

fn read(path: &Path) -> (GraphInput, Result<Graph, Vec<Mistake>>) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let input = input(name, &std::fs::read_to_string(path).unwrap());
    let result = Graph::read(std::slice::from_ref(&input), REGISTRY);
    (input, result)
}

#[test]
fn golden_every_broken_file_is_explained() {
    let files = files("broken");
    assert!(files.len() >= 25);
    for path in files {
        let (input, result) = read(&path);
        let mut text = String::new();
        for mistake in result.expect_err(&input.name) {
            let shown = input.text[mistake.span.clone()].lines().next().unwrap_or_default();
            writeln!(text, "{}:{}  {shown}", mistake.line, mistake.column).unwrap();
            writeln!(text, "  {}", mistake.message).unwrap();
            if let Some(hint) = &mistake.hint {
                writeln!(text, "  {hint}").unwrap();
            }
        }
        compare(&path.with_extension("txt"), &text);
    }
}

#[test]
fn golden_every_good_file_is_drawn() {
    for path in files("good") {
        let graph = read(&path).1.unwrap();
        let json = serde_json::to_string_pretty(&graph.to_json()).unwrap();
        let parts = [
            graph.to_text(),
            graph.to_mermaid(),
            graph.to_dot(),
            json + "\n",
            format!("{:#?}\n{:#?}\n", graph.server, graph.engine),
        ];
        compare(&path.with_extension("txt"), &parts.join("\n"));
    }
}

#[test]
fn golden_the_schema_of_the_file_is_made_of_the_registry() {
    let text = serde_json::to_string_pretty(&schema(REGISTRY)).unwrap() + "\n";
    compare(&folder("good").join("schema.json"), &text);
}
