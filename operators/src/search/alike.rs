//! Issues that are alike: how similar the parts of an issue are to each other, and which other issues are
//! possibly related to it.
//!
//! *Definition.* Two issues are as similar as the pairs of their parts that have vectors are on average. Of
//! an issue the [`PARTS_COMPARED_MAX`] such parts with the smallest patterns are compared. An issue is looked
//! at if one of its texts is at least as similar as the threshold (without such a pair no average reaches
//! it): the [`SIMILAR_COMPARED_MAX`] issues with the nearest texts.

use super::index::Index;
use engine::component::{IssueMeaning, PartMeaning, PartState, SimilarIssue};
use engine::model::{Embedding, IssueId, Part, Similarity};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Parts of an issue that are compared with those of another.
pub const PARTS_COMPARED_MAX: usize = 64;
/// Issues that an issue is compared with.
pub const SIMILAR_COMPARED_MAX: usize = 256;

/// A part and the embedding of its text.
type Placed<'i> = (&'i Part, Embedding);

impl Index {
    /// Returns what is known of an issue by meaning; `None` if it has no part. At most
    /// [`IssueMeaning::PARTS_MAX`] parts, and `limit` issues whose similarity reaches `related`.
    pub fn meaning(
        &self,
        issue: IssueId,
        same_issue: Similarity,
        related: Similarity,
        limit: usize,
    ) -> Option<IssueMeaning> {
        let parts_in_all = self.parts_of(issue).count();
        if parts_in_all == 0 {
            return None;
        }
        let placed = self.placed(issue);
        let shown = self.parts_of(issue).take(IssueMeaning::PARTS_MAX);
        let own: Vec<Embedding> = placed.iter().map(|(_, embedding)| embedding.clone()).collect();
        Some(IssueMeaning {
            issue,
            same_issue,
            related,
            parts_in_all,
            parts: shown.map(|part| self.part_meaning(part, &placed)).collect(),
            similar: self.alike(&own, Some(issue), related, limit),
        })
    }

    /// Returns the issues that are possibly related to what is embedded so, the most similar first; of
    /// equals the smaller id.
    pub fn similar(&self, to: &Embedding, related: Similarity, limit: usize) -> Vec<SimilarIssue> {
        self.alike(std::slice::from_ref(to), None, related, limit)
    }

    /// Returns how similar what is embedded so is on average to the parts of an issue, where a pair is worth
    /// what `worth` says; `None` if no part has a vector of its class.
    pub fn average_to(
        &self,
        to: &Embedding,
        issue: IssueId,
        worth: impl Fn(Similarity) -> Similarity,
    ) -> Option<Similarity> {
        let placed = self.placed(issue);
        average(placed.iter().filter_map(|(_, one)| one.similarity(to)).map(worth))
    }

    /// Returns the parts of an issue that are compared.
    fn placed(&self, issue: IssueId) -> Vec<Placed<'_>> {
        let placed = self.parts_of(issue).filter_map(|part| Some((part, self.embedding(part)?)));
        placed.take(PARTS_COMPARED_MAX).collect()
    }

    fn embedding(&self, part: &Part) -> Option<Embedding> {
        self.vectors.get(part.embedded?)
    }

    fn part_meaning(&self, part: &Part, placed: &[Placed<'_>]) -> PartMeaning {
        let own = self.embedding(part);
        let others = placed.iter().filter(|(other, _)| *other != part);
        let similarity = own
            .as_ref()
            .and_then(|own| average(others.filter_map(|(_, other)| own.similarity(other))));
        let state = match (part.embedded, &own) {
            (_, Some(_)) => PartState::Embedded,
            (Some(_), None) => PartState::Pending,
            (None, None) => PartState::NotEmbedded,
        };
        PartMeaning { pattern: part.pattern, text: Arc::clone(&part.text), state, similarity }
    }

    /// Returns the issues but `except` whose similarity to what has these embeddings reaches `related`.
    fn alike(
        &self,
        own: &[Embedding],
        except: Option<IssueId>,
        related: Similarity,
        limit: usize,
    ) -> Vec<SimilarIssue> {
        let mut nearest: BTreeMap<IssueId, (Reverse<Similarity>, &Part)> = BTreeMap::new();
        for one in own {
            for (text, similarity) in self.vectors.above(one, related) {
                for (part, _) in self.documents_of_text(text) {
                    let near = (Reverse(similarity), part);
                    let known = nearest.entry(part.issue).or_insert(near);
                    *known = near.min(*known);
                }
            }
        }
        except.map(|issue| nearest.remove(&issue));
        let mut compared: Vec<(Reverse<Similarity>, &Part)> = nearest.into_values().collect();
        compared.sort_unstable();
        compared.truncate(SIMILAR_COMPARED_MAX);
        let similar = compared.into_iter().filter_map(|(_, part)| {
            let theirs = self.placed(part.issue);
            let pairs = own
                .iter()
                .flat_map(|one| theirs.iter().filter_map(|(_, other)| one.similarity(other)));
            let similarity = average(pairs).filter(|similarity| *similarity >= related)?;
            Some(SimilarIssue { issue: part.issue, text: Arc::clone(&part.text), similarity })
        });
        let mut similar: Vec<SimilarIssue> = similar.collect();
        similar.sort_unstable_by_key(|one| (Reverse(one.similarity), one.issue));
        similar.truncate(limit);
        similar
    }
}

/// Returns the average, cut towards zero; `None` of nothing.
fn average(similarities: impl Iterator<Item = Similarity>) -> Option<Similarity> {
    let (sum, count) = similarities.fold((0i64, 0i64), |(sum, count), similarity| {
        (sum + i64::from(similarity.millionths()), count + 1)
    });
    (count > 0).then(|| Similarity::from_millionths((sum / count) as i32))
}
