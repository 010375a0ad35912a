//! What a record or an issue means: what is embedded of it, what is near that, and what follows.
//!
//! In JSON it is the object `meaning`:
//! `{"text","without","same_issue","related","issue","decision","neighbours":[{"issue","template",
//! "similarity","distance","same_issue"}],"parts_in_all","parts":[{"pattern","template","state",
//! "similarity"}],"similar":[{"issue","template","similarity","distance"}],"tags":[{"tag","score",
//! "reason"}]}`. `text` is what is embedded, `without` a sentence that says why nothing is compared,
//! `issue` where the record is, or would be counted, `decision` that in words. `parts` are the patterns
//! that are merged in that issue, each with its average similarity to the others there. Thresholds are
//! absent where there is no graph. `distance` is 1 - similarity.
//!
//! *Limits:* [`NEIGHBOURS_MAX`] neighbours, [`SIMILAR_MAX`] issues, `IssueMeaning::PARTS_MAX` patterns.

use crate::search::Meaning;
use engine::component::{IssueMeaning, IssueQuery, IssueRow, KeptSamples, PartState, ReadStore};
use engine::component::{SamplesOf, StoreError};
use engine::model::{
    Embedding, EventTime, IssueId, Part, PatternId, Severity, SeverityClass, Similarity, Tag,
    TextId,
};
use operators::classify::Classifier;
use operators::cluster::{floor, rule::UNLINKED};
use operators::fingerprint::Explained;
use operators::meaning;
use operators::search::SIMILARITY_MIN;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Patterns that are listed as near.
const NEIGHBOURS_MAX: usize = 10;
/// Issues that are listed as possibly related, and that a record is compared with.
const SIMILAR_MAX: usize = 10;

/// See the module.
#[derive(Debug, Default, Serialize)]
pub(super) struct Section {
    pub(super) text: Option<String>,
    pub(super) without: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) same_issue: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) related: Option<f64>,
    pub(super) issue: Option<IssueId>,
    pub(super) decision: Option<String>,
    pub(super) neighbours: Vec<Neighbour>,
    pub(super) parts_in_all: usize,
    pub(super) parts: Vec<Merged>,
    pub(super) similar: Vec<Similar>,
    pub(super) tags: Vec<GivenTag>,
}

/// A pattern that is near.
#[derive(Debug, Serialize)]
pub(super) struct Neighbour {
    pub(super) issue: IssueId,
    pub(super) template: Arc<str>,
    pub(super) similarity: f64,
    distance: f64,
    pub(super) same_issue: bool,
}

/// A pattern that is merged in the issue.
#[derive(Debug, Serialize)]
pub(super) struct Merged {
    pattern: PatternId,
    pub(super) template: Arc<str>,
    pub(super) state: PartState,
    pub(super) similarity: Option<f64>,
}

/// An issue that is possibly related.
#[derive(Debug, Serialize)]
pub(super) struct Similar {
    pub(super) issue: IssueId,
    pub(super) template: Arc<str>,
    pub(super) similarity: f64,
    distance: f64,
}

/// A tag with its reason.
#[derive(Debug, Serialize)]
pub(super) struct GivenTag {
    pub(super) tag: Arc<str>,
    pub(super) score: f64,
    pub(super) reason: String,
}

impl From<Tag> for GivenTag {
    fn from(tag: Tag) -> GivenTag {
        GivenTag { score: tag.score.ratio(), reason: tag.reason.to_string(), tag: tag.name }
    }
}

impl Section {
    /// Returns what is known of a record without a store: its words, and what rules make of them.
    pub(super) fn of_text(identity: &Explained) -> Section {
        let tags = Classifier::default().tags(&identity.text, None);
        Section {
            text: meaning::text(&identity.text),
            without: Some(
                "there is no store to compare with: name a graph file with -c".to_owned(),
            ),
            tags: tags.into_iter().map(GivenTag::from).collect(),
            ..Section::default()
        }
    }

    /// Returns what is known of a record, and which issue it is or would be in. What cannot be read is
    /// said in `without`.
    pub(super) fn of_record(identity: &Explained, severity: Severity, known: &Meaning) -> Section {
        let mut section = Section { without: None, ..Section::of_text(identity) };
        section.tell_thresholds(known);
        if let Err(error) = section.compare(identity, severity, known) {
            section.without = Some(error.to_string());
        }
        section
    }

    /// Returns what is known of the issue of samples.
    pub(super) fn of_samples(kept: &KeptSamples, known: &Meaning) -> Result<Section, StoreError> {
        let mut section = Section { issue: kept.issue, ..Section::default() };
        section.tell_thresholds(known);
        let Some(issue) = kept.issue else {
            section.without = Some("no issue has taken it up yet".to_owned());
            return Ok(section);
        };
        let rows = rows(&*known.store, [issue])?;
        section.tags = rows.into_values().flat_map(|row| row.tags).map(GivenTag::from).collect();
        let Some(found) = known.of_issue(issue, SIMILAR_MAX)? else {
            section.without = Some("its patterns are stored when the engine runs next".to_owned());
            return Ok(section);
        };
        section.tell_parts(found);
        let Some(part) = explained_part(known, issue, &kept.skeleton) else { return Ok(section) };
        section.text = meaning::text(&part.text)
            .filter(|text| part.embedded.is_none_or(|id| id == TextId::of_text(text)));
        let embedding = part.embedded.and_then(|id| known.index.read().embedding_of(id));
        match (&embedding, part.embedded) {
            (Some(embedding), _) => section.tell_neighbours(embedding, known, Some(&part)),
            (None, Some(_)) => section.without = Some("it waits for its vector".to_owned()),
            (None, None) => {
                let why = "it is not embedded: it has no words, or its severity is too low";
                section.without = Some(why.to_owned());
            }
        }
        Ok(section)
    }

    fn compare(
        &mut self,
        identity: &Explained,
        severity: Severity,
        known: &Meaning,
    ) -> Result<(), StoreError> {
        let kept = known.store.samples(SamplesOf::Fingerprint(identity.fingerprint), 1)?;
        self.issue = kept.and_then(|kept| kept.issue);
        if let Some(issue) = self.issue {
            self.decision = Some(format!("it is counted in issue {issue}"));
            if let Some(found) = known.of_issue(issue, SIMILAR_MAX)? {
                self.tell_parts(found);
            }
        }
        let embedding = match &self.text {
            None => Err("it is not embedded: it has no words".to_owned()),
            Some(_) if !severity.reaches(known.min_severity) => {
                let (own, least) = (severity.as_str(), known.min_severity.as_str());
                Err(format!(
                    "it is not embedded: it is {own}, and the graph embeds from {least} on"
                ))
            }
            Some(text) => known.embedding(text),
        };
        let tags = known.classifier()?.tags(&identity.text, embedding.as_ref().ok());
        self.tags = tags.into_iter().map(GivenTag::from).collect();
        match embedding {
            Ok(embedding) => {
                if self.issue.is_none() {
                    self.tell_joined(&embedding, severity.class(), known)?;
                }
                self.tell_neighbours(&embedding, known, None);
            }
            Err(sentence) => self.without = Some(sentence),
        }
        Ok(())
    }

    /// Tells which issue a pattern that is not stored yet would join.
    fn tell_joined(
        &mut self,
        embedding: &Embedding,
        class: SeverityClass,
        known: &Meaning,
    ) -> Result<(), StoreError> {
        let similar = known.index.read().similar(embedding, known.related, SIMILAR_MAX);
        let rows = rows(&*known.store, similar.iter().map(|one| one.issue))?;
        let least = floor(known.same_issue);
        let worth = |pair: Similarity| if pair >= least { pair } else { UNLINKED };
        let index = known.index.read();
        let of_class = rows.values().filter(|row| row.class == class);
        let averages = of_class
            .filter_map(|row| Some((index.average_to(embedding, row.id, worth)?, Reverse(row.id))));
        let (threshold, best) = (known.same_issue, averages.max());
        let decision = match best {
            Some((average, Reverse(issue))) if average >= threshold => {
                self.issue = Some(issue);
                let patterns = index.parts_of(issue).count();
                format!(
                    "it would join issue {issue}: {average} on average to its {patterns} patterns, \
                     and {threshold} is enough"
                )
            }
            Some((average, Reverse(issue))) => format!(
                "it would be an issue of its own: the most similar one of its class is {issue} with \
                 {average} on average, and {threshold} would be enough"
            ),
            None => "it would be an issue of its own: none of its class is similar".to_owned(),
        };
        self.decision = Some(decision);
        Ok(())
    }

    fn tell_thresholds(&mut self, known: &Meaning) {
        self.same_issue = Some(known.same_issue.ratio());
        self.related = Some(known.related.ratio());
    }

    fn tell_parts(&mut self, found: IssueMeaning) {
        self.parts_in_all = found.parts_in_all;
        let merged = found.parts.into_iter().map(|part| Merged {
            pattern: part.pattern,
            template: part.text,
            state: part.state,
            similarity: part.similarity.map(Similarity::ratio),
        });
        self.parts = merged.collect();
        let similar = found.similar.into_iter().map(|one| Similar {
            issue: one.issue,
            template: one.text,
            similarity: one.similarity.ratio(),
            distance: distance(one.similarity),
        });
        self.similar = similar.collect();
    }

    /// Tells what is nearest, but `own`.
    fn tell_neighbours(&mut self, to: &Embedding, known: &Meaning, own: Option<&Part>) {
        let near = known.index.read().neighbours(to, SIMILARITY_MIN, NEIGHBOURS_MAX + 1);
        let others = near.into_iter().filter(|near| own != Some(&near.part));
        let neighbours = others.take(NEIGHBOURS_MAX).map(|near| Neighbour {
            issue: near.part.issue,
            template: near.part.text,
            similarity: near.similarity.ratio(),
            distance: distance(near.similarity),
            same_issue: self.issue == Some(near.part.issue),
        });
        self.neighbours = neighbours.collect();
    }
}

/// Returns the part that is explained: that of the pattern, else the first that is embedded.
fn explained_part(known: &Meaning, issue: IssueId, skeleton: &str) -> Option<Part> {
    let index = known.index.read();
    let pattern = PatternId::of_skeleton(skeleton);
    let rank = |part: &&Part| (part.pattern != pattern, part.embedded.is_none());
    index.parts_of(issue).min_by_key(rank).cloned()
}

/// Returns issues as stored.
fn rows(
    store: &dyn ReadStore,
    issues: impl IntoIterator<Item = IssueId>,
) -> Result<BTreeMap<IssueId, IssueRow>, StoreError> {
    let ids = Some(issues.into_iter().collect());
    // Nothing that depends on the time is looked at.
    let query = IssueQuery { ids, points: 0, ..IssueQuery::everything(EventTime::OLDEST) };
    Ok(store.issues(&query)?.issues.into_iter().map(|row| (row.id, row)).collect())
}

/// Returns 1 - similarity, without the rounding of floats.
fn distance(similarity: Similarity) -> f64 {
    f64::from(Similarity::ONE.millionths() - similarity.millionths()) / 1e6
}
