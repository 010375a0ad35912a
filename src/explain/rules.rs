//! What the user says about identity: the options of the graph's `fingerprint`, so that an explanation
//! says what the engine does. A graph with several explains by the first.

use crate::cli::GraphFiles;
use crate::failure::Failure;
use engine::graph::Graph;
use operators::fingerprint::{COMPONENT, FingerprintOptions, IdentityRules};
use std::path::Path;

/// The graph file that is looked for where none is named.
const DEFAULT_FILE: &str = "seismolog.yaml";

/// Returns the rules of `graph`.
pub(super) fn of_graph(graph: &Graph) -> IdentityRules {
    let mut nodes = graph.operators.iter().filter(|node| node.component.name == COMPONENT.name);
    let options = nodes
        .next()
        .and_then(|node| serde_json::from_value::<FingerprintOptions>(node.options.clone()).ok());
    // The graph was built from these options, so there is nothing wrong with them.
    options.and_then(|options| options.check().ok()).unwrap_or_default()
}

/// Returns the rules of the graph that the arguments name; there need not be one.
pub(super) fn of_files(files: &GraphFiles) -> Result<IdentityRules, Failure> {
    Ok(graph(files)?.as_ref().map(of_graph).unwrap_or_default())
}

/// Returns the graph that the arguments name; there need not be one.
pub(super) fn graph(files: &GraphFiles) -> Result<Option<Graph>, Failure> {
    let is_default = files.config.iter().all(|path| path == Path::new(DEFAULT_FILE));
    if is_default && !Path::new(DEFAULT_FILE).exists() {
        return Ok(None);
    }
    crate::run::load(files).map(Some)
}
