//! What people said about grouping, as pairs of nodes; and what of it cannot be.
//!
//! A constraint names issues; [`IssueId::new`] of a fingerprint's class and template is the name of
//! whatever node holds it, so names follow their templates from pattern to pattern.

use super::rule::{Cluster, Node};
use crate::view::{View, differences, one_owner, view};
use engine::dataflow::Collection;
use engine::model::{Conflict, ConflictReason, Constraint, IssueId, SeverityClass};
use foldhash::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Constraints whose issues are there.
#[derive(Clone)]
pub(super) struct Resolved<'s> {
    /// Pairs that must be together.
    pub(super) together: Collection<'s, (Node, Node)>,
    /// Pairs that must not be together.
    pub(super) apart: Collection<'s, (Node, Node)>,
    /// Nodes that are with nothing that they must not be with.
    pub(super) alone: Collection<'s, Node>,
    said: Collection<'s, Said>,
}

/// A node as a constraint sees it.
pub(super) type End = (SeverityClass, Node);

/// What a constraint says of nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Said {
    Pair(Constraint, End, End),
    Together(Node, Node),
    Apart(Node, Node),
    Alone(Node),
}

/// Returns what `constraints` say about nodes; `names` are the names of each node.
pub(super) fn resolved<'s>(
    constraints: Collection<'s, Constraint>,
    names: Collection<'s, (IssueId, End)>,
) -> Resolved<'s> {
    let rows = constraints.map(Row::Constraint).concat(names.map(|(id, end)| Row::Name(id, end)));
    let said = view("constraints", rows, one_owner, Resolving::default());
    Resolved {
        together: said.clone().flat_map(|said| match said {
            Said::Together(left, right) => Some((left, right)),
            _ => None,
        }),
        apart: said.clone().flat_map(|said| match said {
            Said::Apart(left, right) => Some((left, right)),
            _ => None,
        }),
        alone: said.clone().flat_map(|said| match said {
            Said::Alone(node) => Some(node),
            _ => None,
        }),
        said,
    }
}

impl<'s> Resolved<'s> {
    /// Returns the constraints that do not have their way in `clusters`.
    pub(super) fn conflicts(
        self,
        clusters: Collection<'s, (Node, Cluster)>,
    ) -> Collection<'s, Conflict> {
        let pairs = self.said.flat_map(|said| match said {
            Said::Pair(constraint, left, right) => Some(Held::Pair(constraint, left, right)),
            _ => None,
        });
        let rows = pairs.concat(clusters.map(|(node, cluster)| Held::Label(node, cluster)));
        view("conflicts", rows, one_owner, Conflicts::default())
    }
}

/// What resolving needs to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Row {
    Constraint(Constraint),
    Name(IssueId, End),
}

/// Looks up the nodes that constraints name.
#[derive(Default)]
struct Resolving {
    constraints: BTreeMap<Constraint, isize>,
    names: HashMap<IssueId, BTreeMap<End, isize>>,
    told: Vec<Said>,
}

impl View for Resolving {
    type Row = Row;
    type Told = Said;

    fn change(&mut self, row: Row, n: isize) {
        match row {
            Row::Constraint(constraint) => add(&mut self.constraints, constraint, n),
            Row::Name(id, end) => {
                let ends = self.names.entry(id).or_default();
                add(ends, end, n);
                if ends.is_empty() {
                    self.names.remove(&id);
                }
            }
        }
    }

    fn tell(&mut self) -> Vec<(Said, isize)> {
        // People say little: all of it is looked up again.
        let mut now = BTreeSet::new();
        for &constraint in self.constraints.keys() {
            self.resolve(constraint, &mut now);
        }
        let now: Vec<Said> = now.into_iter().collect();
        let changes = differences(&self.told, &now);
        self.told = now;
        changes
    }
}

impl Resolving {
    fn ends(&self, id: IssueId) -> impl Iterator<Item = End> {
        self.names.get(&id).into_iter().flatten().map(|(end, _)| *end)
    }

    fn resolve(&self, constraint: Constraint, said: &mut BTreeSet<Said>) {
        let (left, right) = match constraint {
            Constraint::MustLink { left, right } | Constraint::CannotLink { left, right } => {
                (left, right)
            }
            Constraint::Pin { issue } => {
                said.extend(self.ends(issue).map(|(_, node)| Said::Alone(node)));
                return;
            }
        };
        for left in self.ends(left) {
            for right in self.ends(right) {
                said.insert(Said::Pair(constraint, left, right));
                let pair = (left.1, right.1);
                match constraint {
                    Constraint::MustLink { .. } if left.0 == right.0 && pair.0 != pair.1 => {
                        said.insert(Said::Together(pair.0, pair.1));
                    }
                    Constraint::CannotLink { .. } if pair.0 != pair.1 => {
                        said.insert(Said::Apart(pair.0, pair.1));
                    }
                    _ => {}
                }
            }
        }
    }
}

/// What finding conflicts needs to know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Held {
    Pair(Constraint, End, End),
    Label(Node, Cluster),
}

/// Finds constraints that do not have their way.
#[derive(Default)]
struct Conflicts {
    pairs: BTreeSet<(Constraint, End, End)>,
    labels: HashMap<Node, Cluster>,
    told: Vec<Conflict>,
}

impl View for Conflicts {
    type Row = Held;
    type Told = Conflict;

    fn change(&mut self, row: Held, n: isize) {
        match row {
            Held::Pair(constraint, left, right) if n > 0 => {
                self.pairs.insert((constraint, left, right));
            }
            Held::Pair(constraint, left, right) => {
                self.pairs.remove(&(constraint, left, right));
            }
            Held::Label(node, cluster) if n > 0 => {
                self.labels.insert(node, cluster);
            }
            Held::Label(node, _) => {
                self.labels.remove(&node);
            }
        }
    }

    fn tell(&mut self) -> Vec<(Conflict, isize)> {
        let conflicts = self.pairs.iter().filter_map(|(constraint, left, right)| {
            let reason = self.reason(*constraint, *left, *right)?;
            Some(Conflict { constraint: *constraint, reason })
        });
        let now: Vec<Conflict> = conflicts.collect::<BTreeSet<_>>().into_iter().collect();
        let changes = differences(&self.told, &now);
        self.told = now;
        changes
    }
}

impl Conflicts {
    fn reason(&self, constraint: Constraint, left: End, right: End) -> Option<ConflictReason> {
        let together = || {
            let cluster = self.labels.get(&left.1);
            cluster.is_some() && cluster == self.labels.get(&right.1)
        };
        match constraint {
            Constraint::MustLink { .. } => (left.0 != right.0).then_some(ConflictReason::Classes),
            Constraint::CannotLink { .. } if left.1 == right.1 => Some(ConflictReason::OnePattern),
            Constraint::CannotLink { .. } => together().then_some(ConflictReason::MustLinks),
            Constraint::Pin { .. } => None,
        }
    }
}

fn add<T: Ord>(rows: &mut BTreeMap<T, isize>, row: T, n: isize) {
    use std::collections::btree_map::Entry;
    match rows.entry(row) {
        Entry::Vacant(entry) => drop(entry.insert(n)),
        Entry::Occupied(mut entry) => {
            *entry.get_mut() += n;
            if *entry.get() == 0 {
                entry.remove();
            }
        }
    }
}
