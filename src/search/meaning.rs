//! What is asked by meaning: the index, the store's vectors, and the model that embeds a question.
//!
//! *Promise:* a question is answered by words, with a sentence that says why, if there is no model; nothing
//! is fetched. *Limits:* those of `operators::search`.

use super::SharedIndex;
use crate::cli::model::ModelPlace;
use crate::failure::Failure;
use engine::component::{ComponentType, Embedder, Found, IssueMeaning, ReadStore};
use engine::component::{SamplesOf, StoreError};
use engine::graph::{Graph, ModelOptions};
use engine::model::{Embedding, IssueId, Severity, Similarity, TextId, Vector};
use operators::classify::{self, Classifier, ClassifyOptions, Known};
use operators::cluster::{self, ClusterOptions};
use operators::embed::{self, EmbedOptions};
use operators::meaning::{self, nearest_by_vector};
use operators::search::{Near, QUESTION_BYTES_MAX};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Opens the model that is on this machine, or says in a sentence why there is none.
pub type OpenModel = Arc<dyn Fn() -> Result<Arc<dyn Embedder>, String> + Send + Sync>;

/// Everything that questions by meaning need.
#[derive(Clone)]
pub struct Meaning {
    /// The parts of all issues.
    pub index: Arc<SharedIndex>,
    /// Holds the vectors.
    pub store: Arc<dyn ReadStore>,
    /// Embeds questions.
    pub embedder: OpenModel,
    /// Patterns whose average similarity reaches this are one issue.
    pub same_issue: Similarity,
    /// Issues whose average similarity reaches this are possibly related.
    pub related: Similarity,
    /// Patterns below it are not embedded.
    pub min_severity: Severity,
    /// The tags that are given.
    pub tags: ClassifyOptions,
}

impl Meaning {
    /// Returns one with the thresholds of a graph.
    pub fn of(
        graph: &Graph,
        index: Arc<SharedIndex>,
        store: Arc<dyn ReadStore>,
        embedder: OpenModel,
    ) -> Meaning {
        let cluster: ClusterOptions = options(graph, &cluster::COMPONENT);
        let embed: EmbedOptions = options(graph, &embed::COMPONENT);
        Meaning {
            index,
            store,
            embedder,
            same_issue: Similarity::from_ratio(cluster.same_issue),
            related: Similarity::from_ratio(cluster.related),
            min_severity: embed.min_severity,
            tags: options(graph, &classify::COMPONENT),
        }
    }

    /// Returns the issues that a question is about.
    pub fn search(&self, question: &str, limit: usize) -> Result<Found, StoreError> {
        let cut = &question[..question.floor_char_boundary(QUESTION_BYTES_MAX)];
        let (near, without_meaning) = match self.vector(cut) {
            Ok((vector, embedding)) => {
                let ranked = self.ranked(&vector, &embedding, limit)?;
                (Some((embedding, ranked)), None)
            }
            Err(sentence) => (None, Some(sentence)),
        };
        let near = near.as_ref().map(|(question, ranked)| Near { question, ranked });
        let hits = self.index.read().found(question, near, limit);
        Ok(Found { hits, without_meaning })
    }

    /// Returns what is known of an issue, also by an id that it had before it was merged.
    pub fn of_issue(
        &self,
        issue: IssueId,
        limit: usize,
    ) -> Result<Option<IssueMeaning>, StoreError> {
        let of = |issue| self.index.read().meaning(issue, self.same_issue, self.related, limit);
        if let Some(meaning) = of(issue) {
            return Ok(Some(meaning));
        }
        let kept = self.store.samples(SamplesOf::Issue(issue), 1)?;
        let now = kept.and_then(|kept| kept.issue).filter(|now| *now != issue);
        Ok(now.and_then(of))
    }

    /// Returns the embedding of a text that is embedded so, the index's or else the model's.
    pub fn embedding(&self, text: &str) -> Result<Embedding, String> {
        let known = self.index.read().embedding_of(TextId::of_text(text));
        known.map_or_else(|| self.embedded(text).map(|(_, embedding)| embedding), Ok)
    }

    /// Returns what gives tags: with the sentences whose vectors are stored, or that the model embeds.
    pub fn classifier(&self) -> Result<Classifier, StoreError> {
        let sentences = self.tags.sentences();
        let texts: Vec<String> = sentences.iter().map(classify::Sentence::text).collect();
        let ids: Vec<TextId> = texts.iter().map(|text| TextId::of_text(text)).collect();
        let rows = self.store.vectors_of(&ids)?.into_iter();
        let stored: BTreeMap<TextId, Embedding> =
            rows.filter_map(|row| Some((row.text, row.embedding()?))).collect();
        let embeddings = match ids.iter().all(|id| stored.contains_key(id)) {
            true => ids.iter().filter_map(|id| stored.get(id).cloned()).collect(),
            false => self.all_embedded(&texts).unwrap_or_default(),
        };
        Ok(Classifier::new(sentences.into_iter().zip(embeddings).collect::<Vec<Known>>()))
    }

    fn all_embedded(&self, texts: &[String]) -> Option<Vec<Embedding>> {
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        (self.embedder)().ok()?.embed(&texts).ok()
    }

    /// Returns the vector of a question.
    fn vector(&self, question: &str) -> Result<(Vector, Embedding), String> {
        let text = meaning::text(question);
        self.embedded(&text.ok_or("the question has no words that mean something")?)
    }

    fn embedded(&self, text: &str) -> Result<(Vector, Embedding), String> {
        let embedder = (self.embedder)()?;
        let vectors = embedder.vectors(&[text]);
        let vectors = vectors.map_err(|error| format!("{:#}", anyhow::Error::from(error)))?;
        let found = vectors.into_iter().next().and_then(|vector| {
            let embedding = Embedding::of(&vector, embedder.kernel())?;
            Some((vector, embedding))
        });
        found.ok_or_else(|| "the model is damaged: `seismolog model verify` says more".to_owned())
    }

    /// Returns candidates ranked by their stored vectors; behind them those whose vector is not stored.
    fn ranked(
        &self,
        vector: &Vector,
        embedding: &Embedding,
        limit: usize,
    ) -> Result<Vec<TextId>, StoreError> {
        let candidates = self.index.read().candidates(embedding, limit);
        let texts: Vec<TextId> = candidates.iter().map(|(text, _)| *text).collect();
        let rows = self.store.vectors_of(&texts)?;
        let of_class = rows.iter().filter(|row| row.kernel == embedding.kernel());
        let vectors: Vec<(TextId, Vector)> =
            of_class.filter_map(|row| Some((row.text, row.vector()?))).collect();
        let rows = vectors.iter().map(|(text, vector)| (*text, vector));
        let ranked = nearest_by_vector(vector, rows, texts.len());
        let mut ranked: Vec<TextId> = ranked.into_iter().map(|(text, _)| text).collect();
        let stored: Vec<TextId> = vectors.into_iter().map(|(text, _)| text).collect();
        // The store gives them ordered.
        ranked.extend(texts.into_iter().filter(|text| stored.binary_search(text).is_err()));
        Ok(ranked)
    }
}

/// Returns how the command line opens the model: where it is told to look, or where the graph says.
pub fn local_model(place: ModelPlace, options: &ModelOptions) -> OpenModel {
    let (enabled, configured) = (options.enabled, options.path.clone());
    Arc::new(move || {
        if !enabled {
            let sentence = "the graph file does without the model. Hint: set `enabled: true` there";
            return Err(sentence.to_owned());
        }
        let path = place.path.clone().or_else(|| configured.clone());
        let encoder = crate::model::encoder(ModelPlace { path, ..place.clone() });
        encoder.map(|encoder| Arc::new(encoder) as _).map_err(|failure| match failure {
            Failure::Failed(error) => format!("{error:#}"),
            Failure::Usage(sentence) => sentence,
            _ => "the model cannot be opened".to_owned(),
        })
    })
}

/// Returns the options of the first node of a component; the defaults if there is none.
fn options<T: DeserializeOwned + Default>(graph: &Graph, component: &ComponentType) -> T {
    let mut nodes = graph.operators.iter().filter(|node| node.component.name == component.name);
    // The graph was built from these options, so there is nothing wrong with them.
    let options = nodes.next().and_then(|node| serde_json::from_value(node.options.clone()).ok());
    options.unwrap_or_default()
}
