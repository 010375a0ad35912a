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
        let text = text.ok_or("the question has no words that mean something")?;
        let embedded = self.embedded(&text)?;
        match self.index.read().has_vectors() {
            true => Ok(embedded),
            false => Err("no pattern has its vector yet: a running engine gives them".to_owned()),
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use engine::component::{Commit, Contents, EmbedError, Incarnation, Store};
    use engine::model::{EMBEDDING_DIMENSIONS, Epoch, KernelClass, Part, PatternId, VectorRow};
    use sinks::store::MemoryStore;

    const CLASS: KernelClass = KernelClass::MINILM_L6_F32;

    /// A vector in the plane, this many degrees from the first axis.
    fn at(degrees: f32) -> Vector {
        let mut numbers = [0.0; EMBEDDING_DIMENSIONS];
        (numbers[0], numbers[1]) = (degrees.to_radians().cos(), degrees.to_radians().sin());
        Vector(Box::new(numbers))
    }

    /// Knows that a full disk has no space left, and that payments are something else.
    struct Storage;

    impl Embedder for Storage {
        fn kernel(&self) -> KernelClass {
            CLASS
        }

        fn vectors(&self, texts: &[&str]) -> Result<Vec<Vector>, EmbedError> {
            let degrees = |text: &&str| match text {
                text if text.contains("space") => 20.0,
                text if text.contains("payment") => 120.0,
                _ => 0.0,
            };
            Ok(texts.iter().map(|text| at(degrees(text))).collect())
        }

        fn chunks(&self, texts: &[&str]) -> Vec<Vec<usize>> {
            vec![(0..texts.len()).collect()]
        }
    }

    fn storage() -> OpenModel {
        Arc::new(|| Ok(Arc::new(Storage) as _))
    }

    fn none() -> OpenModel {
        Arc::new(|| Err("there is no model".to_owned()))
    }

    /// Returns what is known of issues of one pattern each; those of `vectors` have theirs.
    fn known(texts: &[&str], vectors: usize, embedder: OpenModel) -> Meaning {
        let part = |(number, text): (u128, &&str)| Part {
            issue: IssueId(number),
            pattern: PatternId(number),
            text: (*text).into(),
            embedded: meaning::text(text).map(|text| TextId::of_text(&text)),
        };
        let parts = (1..).zip(texts).map(part).map(|part| (part, true)).collect();
        let row = |text: &&str| {
            let text = meaning::text(text).unwrap();
            let vector = Storage.vectors(&[&text]).unwrap().remove(0);
            VectorRow::new(TextId::of_text(&text), CLASS, &vector)
        };
        let mut vectors: Vec<VectorRow> = texts.iter().take(vectors).map(row).collect();
        vectors.sort();
        let (mut store, incarnation) = (MemoryStore::default(), Incarnation(1));
        store.claim(incarnation, &[]).unwrap();
        let contents = Contents { parts, vectors, ..Contents::default() };
        let (predecessor, epoch, source_ids) = (None, Epoch(1), Arc::from([]));
        store.commit(&Commit { incarnation, predecessor, epoch, source_ids, contents }).unwrap();
        let store = store.reader();
        Meaning {
            index: Arc::new(SharedIndex::of_store(&*store).unwrap()),
            store,
            embedder,
            same_issue: Similarity::from_millionths(550_000),
            related: Similarity::from_millionths(375_000),
            min_severity: Severity::Warn,
            tags: ClassifyOptions::default(),
        }
    }

    fn ids(found: &Found) -> Vec<u128> {
        found.hits.iter().map(|hit| hit.issue.0).collect()
    }

    const TEXTS: [&str; 3] = ["disk <path> is full", "no space left", "payment was declined"];

    #[test]
    fn what_means_the_same_is_found_by_other_words() {
        let found = known(&TEXTS, 3, storage()).search("full disk", 10).unwrap();
        assert_eq!((ids(&found), &found.without_meaning), (vec![1, 2], &None));
        assert_eq!(found.hits[0].words, ["full", "disk"]);
        let similarity = found.hits[1].similarity.unwrap().ratio();
        assert!((similarity - 20f64.to_radians().cos()).abs() < 0.01, "{similarity}");
    }

    #[test]
    fn without_a_model_words_are_found_and_the_reason_is_said() {
        let found = known(&TEXTS, 3, none()).search("full disk", 10).unwrap();
        assert_eq!(ids(&found), [1]);
        assert_eq!(found.without_meaning.as_deref(), Some("there is no model"));
        let waiting = known(&TEXTS, 0, storage()).search("full disk", 10).unwrap();
        assert!(waiting.without_meaning.is_some_and(|why| why.contains("no pattern has its")));
        let wordless = known(&TEXTS, 3, storage()).search("<num> 17", 10).unwrap();
        assert!(wordless.without_meaning.is_some_and(|why| why.contains("no words")));
    }

    #[test]
    fn a_vector_that_is_in_the_index_and_not_in_the_store_ranks_last() {
        let known = known(&TEXTS, 1, storage());
        let text = meaning::text(TEXTS[1]).unwrap();
        let embedding = Embedding::of(&at(1.0), CLASS).unwrap();
        let part = known.index.read().parts_of(IssueId(2)).next().cloned().unwrap();
        let row = VectorRow::new(TextId::of_text(&text), CLASS, &at(1.0));
        let contents =
            Contents { parts: vec![(part, true)], vectors: vec![row], ..Contents::default() };
        known.index.committed(&contents);
        let ranked = known.ranked(&at(2.0), &embedding, 10).unwrap();
        assert_eq!(ranked.len(), 2);
        assert_eq!(ranked[1], TextId::of_text(&text));
    }

    #[test]
    fn issues_that_mean_nearly_the_same_are_similar() {
        let known = known(&TEXTS, 3, none());
        let found = known.of_issue(IssueId(1), 10).unwrap().unwrap();
        let similar: Vec<u128> = found.similar.iter().map(|one| one.issue.0).collect();
        assert_eq!((similar, found.parts_in_all), (vec![2], 1));
        assert_eq!(known.of_issue(IssueId(9), 10).unwrap(), None);
    }

    #[test]
    fn tags_are_near_sentences_only_with_a_model() {
        let classifier = known(&TEXTS, 0, storage()).classifier().unwrap();
        let near = classifier.tags("odd", Some(&Embedding::of(&at(0.0), CLASS).unwrap()));
        assert!(!near.is_empty());
        let rules = known(&TEXTS, 0, none()).classifier().unwrap();
        assert!(rules.tags("odd", Some(&Embedding::of(&at(0.0), CLASS).unwrap())).is_empty());
        assert_eq!(&*rules.tags("disk full", None)[0].name, "disk");
    }
}
