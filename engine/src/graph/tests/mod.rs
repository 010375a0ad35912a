//! Tests of the graph file as a whole, with a registry of fakes.
//!
//! `golden_`: files in `broken` and `good`, expected text beside them; `UPDATE=1` rewrites it.
//! `limit_`: each named limit is reached. `any_`: properties over random and mutated text
//! (`SEISMOLOG_CASES` raises the number of cases).

mod any;
mod fakes;
mod golden;
mod limits;
mod merging;

use super::{Graph, GraphInput, Mistake};
use std::path::PathBuf;

/// Returns an input called `name`.
fn input(name: &str, text: &str) -> GraphInput {
    GraphInput { name: name.to_owned(), text: text.to_owned(), base: PathBuf::from("base") }
}

/// Reads one text with the fakes.
fn read(text: &str) -> Result<Graph, Vec<Mistake>> {
    Graph::read(&[input("graph.yaml", text)], fakes::REGISTRY)
}

/// Returns `line:column message` of every mistake in `text`.
fn mistakes(text: &str) -> Vec<String> {
    let found = read(text).err().unwrap_or_default();
    found.iter().map(|m| format!("{}:{} {}", m.line, m.column, m.message)).collect()
}
