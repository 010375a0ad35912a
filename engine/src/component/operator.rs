//! Operator: from configuration to a stage of the dataflow.
//!
//! A stage is built once on every worker, in the same order everywhere. Its logic is pure: no clock,
//! no I/O, no environment. What it wants stored leaves through [`Stage::commit`].

use super::store::Recovered;
use super::{NodeIdentity, SourceTable, StreamKind};
use crate::dataflow::{
    AsCollection, Collection, Concatenate, DataflowTime, Scope, Stream, ToStream, concatenate,
};
use crate::model::{
    Activity, Alert, Bucket, BucketSize, Chunk, Control, Embedding, Epoch, EventBatch, Fact,
    Fingerprint, Issue, IssueId, Member, Notice, Part, PatternId, Patterned, Placed, PrintBatch,
    Severity, Sighting, Signal, Standing, Tag, TextId,
};
use crate::runtime::embedding::{Desk, vectors};
use std::collections::HashMap;
use std::sync::Arc;

/// One end of an edge, inside a dataflow.
#[derive(Clone)]
pub enum Port<'s> {
    /// Raw lines.
    Lines(Stream<'s, Chunk>),
    /// Parsed events.
    Events(Stream<'s, EventBatch>),
    /// Fingerprinted events, and per epoch what was learned about each fingerprint.
    Prints {
        /// One print per event.
        prints: Stream<'s, PrintBatch>,
        /// One sighting per epoch, worker and fingerprint.
        sightings: Stream<'s, Sighting>,
    },
    /// Events counted per fingerprint and bucket: the count is the difference.
    Counts(Collection<'s, (Fingerprint, Bucket)>),
    /// One row per fingerprint: its pattern, and what else grouping needs to know of it.
    Patterns(Collection<'s, Patterned>),
    /// Patterns and their embeddings.
    Vectors {
        /// As in [`Port::Patterns`].
        patterned: Collection<'s, Patterned>,
        /// What is embedded for a pattern.
        texts: Collection<'s, (PatternId, TextId)>,
        /// The embedding of every pattern that has one by now.
        vectors: Collection<'s, (PatternId, Embedding)>,
    },
    /// Issues and their members.
    Issues {
        /// The issues.
        issues: Collection<'s, Issue>,
        /// Which fingerprint belongs to which.
        members: Collection<'s, Member>,
        /// The highest severity of each, for thresholds.
        severities: Collection<'s, (IssueId, Severity)>,
        /// The patterns that each is made of.
        parts: Collection<'s, Part>,
        /// The embedding of what each displays, as far as there is one by now.
        embeddings: Collection<'s, (IssueId, Embedding)>,
        /// Where each fingerprint stands.
        placed: Collection<'s, Placed>,
    },
    /// Tags of issues.
    Tags(Collection<'s, (IssueId, Tag)>),
    /// What is news about series: each once, in the epoch in which it was noticed.
    Spikes(Collection<'s, Signal>),
    /// Alerts.
    Alerts {
        /// Each alert as it stands after an epoch that changed it.
        alerts: Collection<'s, Alert>,
        /// What people are to be told.
        notices: Collection<'s, Notice>,
    },
    /// How issues stand with people.
    Standings {
        /// Each as it stands after an epoch that changed it; nothing where it is open and nobody's.
        standings: Collection<'s, (IssueId, Option<Standing>)>,
        /// What happened to them, for the record.
        activity: Collection<'s, Activity>,
    },
}

impl Port<'_> {
    /// Returns what the port carries.
    pub fn kind(&self) -> StreamKind {
        match self {
            Port::Lines(_) => StreamKind::Lines,
            Port::Events(_) => StreamKind::Events,
            Port::Prints { .. } => StreamKind::Prints,
            Port::Counts(_) => StreamKind::Counts,
            Port::Patterns(_) => StreamKind::Patterns,
            Port::Vectors { .. } => StreamKind::Vectors,
            Port::Issues { .. } => StreamKind::Issues,
            Port::Tags(_) => StreamKind::Tags,
            Port::Spikes(_) => StreamKind::Spikes,
            Port::Alerts { .. } => StreamKind::Alerts,
            Port::Standings { .. } => StreamKind::Standings,
        }
    }
}

/// The inputs of a stage; several of one kind are read as one.
pub struct Ports<'s> {
    scope: Scope<'s, DataflowTime>,
    ports: Vec<Port<'s>>,
}

/// Writes one method that takes all inputs of a kind and concatenates them.
macro_rules! take_streams {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $data:ty) => {
        $(#[$doc])*
        pub fn $name(&mut self) -> Stream<'s, $data> {
            let mut streams = Vec::new();
            self.ports.retain(|port| match port {
                Port::$variant(stream) => { streams.push(stream.clone()); false }
                _ => true,
            });
            self.scope.concatenate(streams)
        }
    };
}

/// The same for collections.
macro_rules! take_collections {
    ($(#[$doc:meta])* $name:ident, $variant:ident, $data:ty) => {
        $(#[$doc])*
        pub fn $name(&mut self) -> Collection<'s, $data> {
            let mut collections = Vec::new();
            self.ports.retain(|port| match port {
                Port::$variant(collection) => { collections.push(collection.clone()); false }
                _ => true,
            });
            concatenate(self.scope, collections)
        }
    };
}

/// What a vector input carries, see [`Port::Vectors`].
pub struct VectorPort<'s> {
    /// One row per fingerprint.
    pub patterned: Collection<'s, Patterned>,
    /// What is embedded for a pattern.
    pub texts: Collection<'s, (PatternId, TextId)>,
    /// The embedding of every pattern that has one by now.
    pub vectors: Collection<'s, (PatternId, Embedding)>,
}

/// Issues with what they display.
pub struct Titled<'s> {
    /// The issues.
    pub issues: Collection<'s, Issue>,
    /// The highest severity of each.
    pub severities: Collection<'s, (IssueId, Severity)>,
    /// The embedding of what each displays, as far as there is one by now.
    pub embeddings: Collection<'s, (IssueId, Embedding)>,
}

impl<'s> Ports<'s> {
    /// Returns the inputs of a stage in `scope`.
    pub fn new(scope: Scope<'s, DataflowTime>, ports: Vec<Port<'s>>) -> Self {
        Self { scope, ports }
    }

    take_streams!(
        /// Takes all line inputs.
        lines, Lines, Chunk
    );
    take_streams!(
        /// Takes all event inputs.
        events, Events, EventBatch
    );
    take_collections!(
        /// Takes all count inputs.
        counts, Counts, (Fingerprint, Bucket)
    );
    take_collections!(
        /// Takes all pattern inputs.
        patterns, Patterns, Patterned
    );
    take_collections!(
        /// Takes all spike inputs.
        spikes, Spikes, Signal
    );

    /// Takes all print inputs: the prints, and the sightings.
    pub fn prints(&mut self) -> (Stream<'s, PrintBatch>, Stream<'s, Sighting>) {
        let (mut all_prints, mut all_sightings) = (Vec::new(), Vec::new());
        self.ports.retain(|port| match port {
            Port::Prints { prints, sightings } => {
                all_prints.push(prints.clone());
                all_sightings.push(sightings.clone());
                false
            }
            _ => true,
        });
        (self.scope.concatenate(all_prints), self.scope.concatenate(all_sightings))
    }

    /// Takes all vector inputs.
    pub fn vectors(&mut self) -> VectorPort<'s> {
        let (mut all_patterned, mut all_texts) = (Vec::new(), Vec::new());
        let mut all_vectors = Vec::new();
        self.ports.retain(|port| match port {
            Port::Vectors { patterned, texts, vectors } => {
                all_patterned.push(patterned.clone());
                all_texts.push(texts.clone());
                all_vectors.push(vectors.clone());
                false
            }
            _ => true,
        });
        let scope = self.scope;
        VectorPort {
            patterned: concatenate(scope, all_patterned),
            texts: concatenate(scope, all_texts),
            vectors: concatenate(scope, all_vectors),
        }
    }

    /// Takes all issue inputs: where each fingerprint stands.
    pub fn placed(&mut self) -> Collection<'s, Placed> {
        let mut all = Vec::new();
        self.ports.retain(|port| match port {
            Port::Issues { placed, .. } => {
                all.push(placed.clone());
                false
            }
            _ => true,
        });
        concatenate(self.scope, all)
    }

    /// Takes all issue inputs: what they display.
    pub fn titled_issues(&mut self) -> Titled<'s> {
        let (mut all_issues, mut all_severities) = (Vec::new(), Vec::new());
        let mut all_embeddings = Vec::new();
        self.ports.retain(|port| match port {
            Port::Issues { issues, severities, embeddings, .. } => {
                all_issues.push(issues.clone());
                all_severities.push(severities.clone());
                all_embeddings.push(embeddings.clone());
                false
            }
            _ => true,
        });
        Titled {
            issues: concatenate(self.scope, all_issues),
            severities: concatenate(self.scope, all_severities),
            embeddings: concatenate(self.scope, all_embeddings),
        }
    }
}

/// What every source of the graph says about events that do not say it themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceDefaults {
    /// The source's id in the graph file.
    pub id: String,
    /// The service its events belong to.
    pub service: Arc<str>,
    /// The IANA time zone of times without one.
    pub timezone: String,
}

/// What a stage is given while it is built.
pub struct Stage<'a, 's> {
    /// The node's id in the graph file.
    pub id: &'a str,
    /// The dataflow under construction.
    pub scope: Scope<'s, DataflowTime>,
    /// The sources, by [`SourceIndex`](crate::model::SourceIndex); more may follow, each before its first
    /// chunk.
    pub sources: &'a SourceTable,
    /// What recovery loaded. Feed it at epoch 0, on worker 0 only, where it is dataflow state.
    pub recovered: &'a Arc<Recovered>,
    facts: &'a mut Vec<Stream<'s, Fact>>,
    outputs: Vec<(String, Port<'s>)>,
    desk: Desk,
    controls: Option<Collection<'s, Control>>,
}

impl<'a, 's> Stage<'a, 's> {
    /// Returns a stage that collects what is to be stored in `facts`.
    pub fn new(
        id: &'a str,
        scope: Scope<'s, DataflowTime>,
        sources: &'a SourceTable,
        recovered: &'a Arc<Recovered>,
        facts: &'a mut Vec<Stream<'s, Fact>>,
    ) -> Self {
        let (outputs, desk) = (Vec::new(), Desk::default());
        Self { id, scope, sources, recovered, facts, outputs, desk, controls: None }
    }

    /// Lets the stage ask for embeddings at `desk`.
    pub fn with_desk(self, desk: Desk) -> Self {
        Self { desk, ..self }
    }

    /// Lets the stage hear of time and commands.
    pub fn with_controls(self, controls: Collection<'s, Control>) -> Self {
        Self { controls: Some(controls), ..self }
    }

    /// Returns time and what people decide, once each, in the epochs in which they were heard of.
    pub fn controls(&self) -> Collection<'s, Control> {
        self.controls.clone().unwrap_or_else(|| self.at_start(|_| Vec::new()))
    }

    /// Returns recovered state as a collection that holds from epoch 0 on; only worker 0 feeds it.
    pub fn at_start<D: Clone + 'static>(
        &self,
        rows: impl FnOnce(&Recovered) -> Vec<(D, isize)>,
    ) -> Collection<'s, D> {
        let rows = if self.scope.index() == 0 { rows(self.recovered) } else { Vec::new() };
        let updates = rows.into_iter().map(|(row, change)| (row, Epoch::RECOVERED.0, change));
        updates.to_stream(self.scope).as_collection()
    }

    /// Sends `facts` to the committer, as part of the epoch they are stamped with.
    pub fn commit(&mut self, facts: Stream<'s, Fact>) {
        self.facts.push(facts);
    }

    /// Returns the embedding of each text, as soon as there is one; nothing waits for it. They are
    /// stored, and known again after a restart.
    pub fn embed(
        &mut self,
        texts: Collection<'s, Arc<str>>,
    ) -> Collection<'s, (Arc<str>, Embedding)> {
        let known = match self.scope.index() {
            0 => self.recovered.vectors.iter().cloned().collect(),
            _ => HashMap::new(),
        };
        let (embeddings, facts) = vectors(self.scope, texts, known, (self.desk.clone(), self.id));
        self.commit(facts);
        embeddings
    }

    /// Gives the output of that name, one of [`Operator::outputs`], to the nodes that read it.
    pub fn output(&mut self, name: &str, port: Port<'s>) {
        self.outputs.push((name.to_owned(), port));
    }

    /// Returns the named outputs of the stage that was built.
    pub fn into_outputs(self) -> Vec<(String, Port<'s>)> {
        self.outputs
    }
}

/// How much committed history an operator needs back after a restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// In buckets of this size or smaller.
    pub size: BucketSize,
    /// Of all fingerprints, the buckets that start here or later.
    pub since: Bucket,
}

impl History {
    /// Returns a history that serves both: the finest buckets, from the earliest on.
    pub fn with(self, other: History) -> History {
        let secs = gcd(self.size.secs() as u32, other.size.secs() as u32);
        History {
            size: BucketSize::new(secs).unwrap_or(self.size),
            since: self.since.min(other.since),
        }
    }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// What can be read of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outputs {
    /// Whether anything comes out under the node's id alone.
    pub has_main: bool,
    /// Further outputs, read as `id.name`, each of the same kind as the main one.
    pub named: Vec<String>,
}

/// A configured operator.
pub trait Operator: Send + Sync {
    /// Builds the stage on one worker. The inputs have been checked against the component type.
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, inputs: Ports<'s>) -> Port<'s>;

    /// Returns what can be read of it; all of that must be read, so that nothing gets lost unseen.
    fn outputs(&self) -> Outputs {
        Outputs { has_main: true, named: Vec::new() }
    }

    /// Returns the history to load before the first epoch. `recovered` is what the store holds besides
    /// counts, with what this operator has kept there under its `id`.
    fn history(&self, _id: &str, _recovered: &Recovered) -> Option<History> {
        None
    }

    /// Returns what a stored checkpoint must agree with: state version and the options that change
    /// state (thresholds do not). `node` and `component` are filled in by the engine. Nothing for an
    /// operator whose results are all derived again after a restart.
    fn identity(&self) -> Option<NodeIdentity> {
        None
    }
}
