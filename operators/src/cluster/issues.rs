//! Issues from patterns and their embeddings: a cluster of (class, pattern) is one issue.
//!
//! ```text
//! one row per fingerprint ─┬─► nodes ──────────────► clusters ──► issues, members, severities, parts
//!                          └──┐                     ▲  ▲   ▲
//! vectors ────────────────────┴─► placed ──► links ─┘  │   │
//! constraints ─────────────────────────────────────────┴───┘
//! ```
//! A pattern without a vector is an issue of its own.

use super::constraints::resolved;
use super::group::floor;
use super::incremental::{Changing, clusters};
use super::placed::{Nodes, nodes};
use super::rule::Node;
use crate::issue::{self, Embedded};
use crate::meaning::{LINKS_PER_NODE_MAX, Linked, links};
use engine::component::{OptionsError, Port, VectorPort};
use engine::dataflow::Collection;
use engine::model::{Conflict, Constraint, IssueId, Patterned, Similarity};
use schemars::JsonSchema;
use serde::Deserialize;

/// The options of `cluster`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ClusterOptions {
    /// Patterns whose average similarity reaches this are one issue; 0 to 1.
    pub same_issue: f64,
    /// Issues whose similarity reaches this are shown as possibly related, and never merged; 0 to
    /// `same_issue`.
    pub related: f64,
    /// Nearest patterns that are kept for each pattern; 1 to 1024.
    pub links_max: usize,
}

impl Default for ClusterOptions {
    fn default() -> ClusterOptions {
        ClusterOptions { same_issue: 0.55, related: 0.375, links_max: LINKS_PER_NODE_MAX }
    }
}

impl ClusterOptions {
    /// Returns what is wrong with the options.
    pub fn mistakes(&self) -> Vec<OptionsError> {
        let mut mistakes = Vec::new();
        let ratios = [("same_issue", self.same_issue), ("related", self.related)];
        for (option, ratio) in ratios {
            if !(0.0..=1.0).contains(&ratio) {
                let why = format!("{ratio} is not between 0 and 1");
                mistakes.push(OptionsError::at(option, why));
            }
        }
        if self.related > self.same_issue {
            let why = "what is the same issue is also related: `related` is at most `same_issue`";
            mistakes.push(OptionsError::at("related", why));
        }
        if !(1..=1024).contains(&self.links_max) {
            let why = format!("{} is not between 1 and 1024", self.links_max);
            mistakes.push(OptionsError::at("links_max", why));
        }
        mistakes
    }
}

/// What comes of clustering.
pub struct Clustered<'s> {
    /// Issues, members and severities.
    pub issues: Port<'s>,
    /// Constraints that do not have their way.
    pub conflicts: Collection<'s, Conflict>,
    /// One row for each pattern that may be near more others than links are kept for.
    pub crowded: Collection<'s, ()>,
}

/// Returns the issues of patterns.
pub fn issues<'s>(
    options: ClusterOptions,
    input: VectorPort<'s>,
    constraints: Collection<'s, Constraint>,
) -> Clustered<'s> {
    let VectorPort { patterned, texts, vectors } = input;
    let threshold = Similarity::from_ratio(options.same_issue);
    let Nodes { nodes, placed } = nodes(patterned.clone(), vectors.clone());
    let names = patterned.clone().map(|Patterned { one, pattern }| {
        (IssueId::new(one.class, one.template), (one.class, Node::new(one.class, pattern.id)))
    });
    let said = resolved(constraints, names);
    let Linked { links, crowded } = links(placed, floor(threshold), options.links_max);
    let graph = Changing {
        nodes,
        links,
        together: said.together.clone(),
        apart: said.apart.clone(),
        alone: said.alone.clone(),
    };
    let clusters = clusters(graph, threshold);
    let firsts = clusters.clone().map(|(node, cluster)| (node, cluster.first));
    let issues = issue::derived(patterned, firsts, Embedded { texts, vectors });
    Clustered { issues, conflicts: said.conflicts(clusters), crowded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_thresholds_in_order() {
        let places = |text: &str| -> Vec<String> {
            let options: ClusterOptions = serde_json::from_str(text).unwrap();
            options.mistakes().into_iter().map(|mistake| mistake.path.join(".")).collect()
        };
        assert!(places("{}").is_empty());
        assert_eq!(places(r#"{"same_issue": 0.3}"#), ["related"]);
        assert_eq!(places(r#"{"same_issue": 1.5, "links_max": 0}"#), ["same_issue", "links_max"]);
    }
}
