//! Files instead of what a graph reads: its own chain, once, into memory.
//!
//! Nothing is told, stored or fetched; each pattern is an issue of its own, as `scan` has it. Whoever interrupts it
//! gets no report: half of the past says nothing about all of it.

use super::judges::Judges;
use super::past::Past;
use crate::failure::Failure;
use crate::progress::Reading;
use crate::registry::REGISTRY;
use crate::scan::{PACE, escaped};
use anyhow::{Context, anyhow};
use engine::component::{
    Build, ComponentKind, Intake, Options, Source, SourceDefaults, SourceError, Store,
};
use engine::graph::{Graph, SourceNode, StoreNode};
use engine::runtime::{Engine, RunOptions};
use sinks::store::memory::MemoryStore;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files by the source as which they are read.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    files: BTreeMap<String, Vec<PathBuf>>,
    bytes: u64,
    /// Whether they belong to all sources of the graph together.
    are_shared: bool,
}

impl Inputs {
    /// Deals files out to the sources of a graph.
    pub fn of(named: &[PathBuf], graph: &Graph) -> Result<Inputs, Failure> {
        let ids: Vec<&str> = graph.sources.iter().map(|node| node.defaults.id.as_str()).collect();
        let mut inputs = Inputs::default();
        for name in named {
            let split = name.to_str().and_then(|name| name.split_once('='));
            let (id, path) = match split.filter(|(id, _)| ids.contains(id)) {
                Some((id, path)) => (id, PathBuf::from(path)),
                None if ids.len() > 1 && !are_read_alike(graph) => {
                    let message = format!(
                        "whose file is {}? The graph reads its sources in different ways: write `ID={}`, \
                         where ID is one of {}",
                        name.display(),
                        name.display(),
                        ids.join(", ")
                    );
                    return Err(Failure::Usage(message));
                }
                None => {
                    inputs.are_shared |= ids.len() > 1;
                    (ids.first().copied().unwrap_or_default(), name.clone())
                }
            };
            inputs.bytes += check(&path)?;
            inputs.files.entry(id.to_owned()).or_default().push(path);
        }
        Ok(inputs)
    }

    /// Returns what reads the files of a source, and what it says about their events.
    fn source(&self, defaults: SourceDefaults) -> Result<SourceNode, Failure> {
        let files = self.files.get(&defaults.id).map(Vec::as_slice).unwrap_or_default();
        let component = REGISTRY.find(ComponentKind::Source, sources::file::COMPONENT.name);
        let component = component.context("the registry has files")?;
        let source: Box<dyn Source> = match (component.build, files) {
            (_, []) => Box::new(Nothing),
            (Build::Source(make), files) => {
                let include: Vec<_> = files.iter().map(|path| escaped(path)).collect();
                let value = serde_json::json!({ "include": include, "once": true });
                let base = std::env::current_dir().context("cannot find the current folder")?;
                let options = Options { id: defaults.id.clone(), value, base };
                let wrong = |mistakes: Vec<_>| anyhow!("cannot read the files: {mistakes:?}");
                make(&options).map_err(wrong)?
            }
            _ => Box::new(Nothing),
        };
        // Nobody knows which of several sources wrote a file that was named without one.
        let (service, timezone) = ("".into(), "UTC".to_owned());
        let defaults = match self.are_shared {
            true => SourceDefaults { service, timezone, ..defaults },
            false => defaults,
        };
        Ok(SourceNode { component, defaults, source })
    }
}

/// A source of which there are no files.
struct Nothing;

impl Source for Nothing {
    fn run(&self, _intake: &mut dyn Intake) -> Result<(), SourceError> {
        Ok(())
    }
}

/// Returns whether every operator that reads one source reads all of them.
fn are_read_alike(graph: &Graph) -> bool {
    let ids: Vec<&str> = graph.sources.iter().map(|node| node.defaults.id.as_str()).collect();
    graph.operators.iter().all(|node| {
        let read = ids.iter().filter(|id| node.inputs.iter().any(|input| input == *id)).count();
        read == 0 || read == ids.len()
    })
}

/// Returns the size of a file, or says why it cannot be read.
fn check(path: &Path) -> Result<u64, Failure> {
    let cannot_read = || format!("cannot read {}", path.display());
    let metadata = std::fs::metadata(path).with_context(cannot_read)?;
    if !metadata.is_file() {
        return Err(anyhow!("cannot read {}: it is no regular file", path.display()).into());
    }
    std::fs::File::open(path).with_context(cannot_read)?;
    Ok(metadata.len())
}

/// Runs the chain of a graph over files and returns what was counted. The graph is used up by it.
pub fn count(judges: &mut Judges, inputs: &Inputs) -> Result<Past, Failure> {
    let store = MemoryStore::default();
    let progress = Arc::new(Reading::new(Some(inputs.bytes)));
    let (upstream, counted) = (judges.upstream(), judges.counted());
    let graph = &mut judges.graph;
    for node in std::mem::take(&mut graph.sources) {
        let node = inputs.source(node.defaults)?;
        graph.sources.push(SourceNode { source: progress.watch(node.source), ..node });
    }
    let (sources, operators) =
        (std::mem::take(&mut graph.sources), std::mem::take(&mut graph.operators));
    let own = Graph {
        sources,
        operators: operators.into_iter().filter(|node| upstream.contains(&node.id)).collect(),
        store: StoreNode {
            id: "counted".to_owned(),
            component: &sinks::store::MEMORY,
            inputs: counted,
            store: Box::new(store.reopen()),
        },
        notifiers: Vec::new(),
        server: None,
        engine: graph.engine.clone(),
        model: graph.model.clone(),
    };
    crate::run::exit_when_a_worker_dies();
    let outcome = Engine::start(own, RunOptions::new(PACE, Arc::clone(&progress) as _))?.join();
    progress.finish();
    outcome?;
    let mut store: Box<dyn Store> = Box::new(store);
    Ok(Past::of(store.as_mut(), judges)?)
}
