//! What people said about grouping, as pairs of nodes; and what of it cannot be.
//!
//! A constraint names issues; [`IssueId::new`] of a candidate's class and template is the name of
//! whatever node holds it, so names follow their templates from pattern to pattern.

use super::rule::{Cluster, Node};
use engine::dataflow::Collection;
use engine::model::{Conflict, ConflictReason, Constraint, IssueId, SeverityClass};

/// Constraints whose issues are there.
#[derive(Clone)]
pub(super) struct Resolved<'s> {
    /// Pairs that must be together.
    pub(super) together: Collection<'s, (Node, Node)>,
    /// Pairs that must not be together.
    pub(super) apart: Collection<'s, (Node, Node)>,
    /// Nodes that are with nothing that they must not be with.
    pub(super) alone: Collection<'s, Node>,
    pairs: Collection<'s, (Constraint, End, End)>,
}

/// A node as a constraint sees it.
type End = (SeverityClass, Node);

/// Returns what `constraints` say about nodes; `names` are the names of each node.
pub(super) fn resolved<'s>(
    constraints: Collection<'s, Constraint>,
    names: Collection<'s, (IssueId, End)>,
) -> Resolved<'s> {
    let names = names.distinct().arrange_by_key();
    let constraints = constraints.distinct();
    let named = constraints.clone().flat_map(|constraint| match constraint {
        Constraint::MustLink { left, right } | Constraint::CannotLink { left, right } => {
            Some((left, (right, constraint)))
        }
        Constraint::Pin { .. } => None,
    });
    let pairs = named
        .arrange_by_key()
        .join_core(names.clone(), |_, (right, constraint), left| {
            Some((*right, (*constraint, *left)))
        })
        .arrange_by_key()
        .join_core(names.clone(), |_, (constraint, left), right| {
            Some((*constraint, *left, *right))
        });
    let pinned = constraints.flat_map(|constraint| match constraint {
        Constraint::Pin { issue } => Some((issue, ())),
        _ => None,
    });
    let alone = pinned.arrange_by_key().join_core(names, |_, (), (_, node)| Some(*node));
    let together = pairs.clone().flat_map(|(constraint, left, right)| {
        let joins = matches!(constraint, Constraint::MustLink { .. });
        (joins && left.0 == right.0 && left.1 != right.1).then_some((left.1, right.1))
    });
    let apart = pairs.clone().flat_map(|(constraint, left, right)| {
        let parts = matches!(constraint, Constraint::CannotLink { .. });
        (parts && left.1 != right.1).then_some((left.1, right.1))
    });
    Resolved {
        together: together.distinct(),
        apart: apart.distinct(),
        alone: alone.distinct(),
        pairs,
    }
}

impl<'s> Resolved<'s> {
    /// Returns the constraints that do not have their way in `clusters`.
    pub(super) fn conflicts(
        self,
        clusters: Collection<'s, (Node, Cluster)>,
    ) -> Collection<'s, Conflict> {
        let at_once = self.pairs.clone().flat_map(|(constraint, left, right)| {
            let reason = match constraint {
                Constraint::MustLink { .. } if left.0 != right.0 => ConflictReason::Classes,
                Constraint::CannotLink { .. } if left.1 == right.1 => ConflictReason::OnePattern,
                _ => return None,
            };
            Some(Conflict { constraint, reason })
        });
        let clusters = clusters.arrange_by_key();
        let parting = self.pairs.flat_map(|(constraint, (_, left), (_, right))| {
            let parts = matches!(constraint, Constraint::CannotLink { .. }) && left != right;
            parts.then_some((left, (right, constraint)))
        });
        let overruled = parting
            .arrange_by_key()
            .join_core(clusters.clone(), |_, (right, constraint), at| {
                Some((*right, (*constraint, *at)))
            })
            .arrange_by_key()
            .join_core(clusters, |_, (constraint, left), right| {
                let reason = ConflictReason::MustLinks;
                (left == right).then_some(Conflict { constraint: *constraint, reason })
            });
        at_once.concat(overruled)
    }
}
