//! The desk at which people decide about issues: what may be decided, and what holds of their grouping.
//!
//! ```text
//! dashboard ──decide, merge, split──► IssueDesk ──Orders──► operators `triage`, `cluster` ──state rows──► commit
//!     ▲                                   │                                                                  │
//!     └────────────── groupings ──────────┴──────────────────── GroupingBoard ◄──Telemetry───────────────────┘
//! ```
//! *State and limits:* the board holds what the nodes of type `cluster` store, which the operator bounds. *Not here:* what
//! follows from a decision (`operators::triage`, `operators::cluster`), addresses (crate `dashboard`).

use engine::clock::Clock;
use engine::component::{
    Contents, IssueAdmin, IssueDetail, IssueQuery, ReadStore, Recovered, Refusal, Said, StoreError,
};
use engine::graph::Graph;
use engine::model::{
    Command, Constraint, Decision, Deed, Fingerprint, Grouping, IssueId, StateKey,
};
use engine::runtime::{NotTaken, Orders};
use operators::cluster::groupings;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

/// What the engine has told of what people said about grouping.
#[derive(Debug, Default)]
pub struct GroupingBoard {
    /// Ids of the operators of type `cluster`.
    nodes: BTreeSet<String>,
    /// Whether the graph has an operator of type `triage`.
    has_triage: bool,
    said: RwLock<BTreeMap<StateKey, Grouping>>,
}

impl GroupingBoard {
    /// Returns the board of a graph on which nothing stands yet.
    pub fn of(graph: &Graph) -> Self {
        let nodes_of = |name: &str| -> BTreeSet<String> {
            let nodes = graph.operators.iter().filter(|node| node.component.name == name);
            nodes.map(|node| node.id.clone()).collect()
        };
        let has_triage = !nodes_of(operators::triage::COMPONENT.name).is_empty();
        let nodes = nodes_of(operators::cluster::COMPONENT.name);
        Self { nodes, has_triage, said: RwLock::default() }
    }

    /// Takes up what the store held when the engine started.
    pub fn recovered(&self, recovered: &Recovered) {
        for ((node, key), value) in &recovered.state {
            self.note(node, key, Some(value));
        }
    }

    /// Takes up what was just committed.
    pub fn committed(&self, contents: &Contents) {
        for row in &contents.state {
            self.note(&row.node, &row.key, row.value.as_ref());
        }
    }

    fn note(&self, node: &Arc<str>, key: &Arc<str>, value: Option<&Arc<[u8]>>) {
        if !self.nodes.contains(&**node) {
            return;
        }
        let place = (Arc::clone(node), Arc::clone(key));
        let mut said = self.said.write().unwrap_or_else(PoisonError::into_inner);
        match value.and_then(|value| groupings::read(key, value)) {
            Some(grouping) => _ = said.insert(place, grouping),
            None => _ = said.remove(&place),
        }
    }

    /// Returns every grouping once, however many operators hold it, latest first.
    fn groupings(&self) -> Vec<Grouping> {
        let said = self.said.read().unwrap_or_else(PoisonError::into_inner);
        let once: BTreeMap<&str, &Grouping> =
            said.values().map(|grouping| (&*grouping.id, grouping)).collect();
        let mut groupings: Vec<Grouping> = once.into_values().cloned().collect();
        groupings.sort_by_key(|grouping| (Reverse(grouping.at), Arc::clone(&grouping.id)));
        groupings
    }
}

/// See the module.
pub struct IssueDesk {
    orders: Orders,
    store: Arc<dyn ReadStore>,
    clock: Arc<dyn Clock>,
    board: Arc<GroupingBoard>,
}

impl IssueDesk {
    /// Returns the desk of an engine that takes `orders`.
    pub fn new(
        orders: Orders,
        store: Arc<dyn ReadStore>,
        clock: Arc<dyn Clock>,
        board: Arc<GroupingBoard>,
    ) -> Self {
        Self { orders, store, clock, board }
    }

    fn find(&self, issue: IssueId) -> Result<IssueDetail, Refusal> {
        let query = IssueQuery::everything(self.clock.now());
        let found = self.store.issue(issue, &query).map_err(away)?;
        found.ok_or_else(|| Refusal::Unknown(format!("issue `{issue}`")))
    }

    fn grouping(&self, constraint: Constraint, said: &Said) -> Grouping {
        let Said { by, comment } = said.clone();
        Grouping { id: Arc::default(), constraint, at: self.clock.now(), by, comment }.named()
    }

    /// Lets the engine hear of groupings that hold from now on, and of those that no longer do.
    fn group(
        &self,
        gone: Vec<Grouping>,
        now: Vec<Grouping>,
        said: &Said,
    ) -> Result<(Vec<Grouping>, bool), Refusal> {
        if self.board.nodes.is_empty() {
            let detail = "the graph has no operator of type `cluster`, which would group them";
            return Err(Refusal::Conflict(detail.to_owned()));
        }
        let known = self.board.groupings().len() + now.len();
        if known > groupings::GROUPINGS_MAX {
            let most = groupings::GROUPINGS_MAX;
            return Err(Refusal::Conflict(format!("at most {most} groupings hold at a time")));
        }
        let ungroup = |grouping| {
            let Said { by, comment } = said.clone();
            Command::Ungroup { grouping, by, comment }
        };
        let commands = gone.into_iter().map(ungroup);
        let commands = commands.chain(now.iter().cloned().map(Command::Group)).collect();
        let durable = self.orders.command(commands).map_err(not_now)?;
        Ok((now, durable))
    }
}

impl IssueAdmin for IssueDesk {
    fn decide(&self, issues: &[IssueId], deed: &Deed, said: Said) -> Result<bool, Refusal> {
        if !self.board.has_triage {
            let detail = "the graph has no operator of type `triage`, which would hear of it";
            return Err(Refusal::Conflict(detail.to_owned()));
        }
        let mut current = BTreeSet::new();
        for issue in issues {
            current.insert(self.find(*issue)?.issue.id);
        }
        let command = |issue| {
            let Said { by, comment } = said.clone();
            Command::Issue(Decision { issue, deed: deed.clone(), by, comment })
        };
        self.orders.command(current.into_iter().map(command).collect()).map_err(not_now)
    }

    fn merge(
        &self,
        issue: IssueId,
        with: &[IssueId],
        said: Said,
    ) -> Result<(Vec<Grouping>, bool), Refusal> {
        let one = self.find(issue)?.issue;
        let mut groupings = Vec::new();
        for other in with {
            let other = self.find(*other)?.issue;
            if other.id == one.id {
                return Err(Refusal::Conflict(format!(
                    "`{}` and `{issue}` are one issue",
                    other.id
                )));
            }
            if other.class != one.class {
                let detail = format!("no issue spans severities: `{}` is of another one", other.id);
                return Err(Refusal::Conflict(detail));
            }
            let (left, right) = (one.id.min(other.id), one.id.max(other.id));
            groupings.push(self.grouping(Constraint::MustLink { left, right }, &said));
        }
        self.group(Vec::new(), groupings, &said)
    }

    fn split(
        &self,
        issue: IssueId,
        fingerprints: &[Fingerprint],
        said: Said,
    ) -> Result<(Vec<Grouping>, bool), Refusal> {
        let found = self.find(issue)?;
        let name =
            |row: &engine::component::FingerprintRow| IssueId::new(row.class, row.template_id);
        let all = found.members.iter().map(|member| &member.fingerprint);
        let (chosen, rest): (Vec<_>, Vec<_>) =
            all.partition(|row| fingerprints.contains(&row.fingerprint));
        let chosen: BTreeSet<IssueId> = chosen.into_iter().map(name).collect();
        let rest: BTreeSet<IssueId> = rest.into_iter().map(name).collect();
        let Some(first) = chosen.first().copied() else {
            return Err(Refusal::Unknown(format!("such fingerprint in issue `{issue}`")));
        };
        if rest.is_subset(&chosen) {
            let detail =
                "nothing would be left: fingerprints of other services say the same, and go along";
            return Err(Refusal::Conflict(detail.to_owned()));
        }
        // What people joined by hand would hold them together all the same.
        let joins = |grouping: &Grouping| match grouping.constraint {
            Constraint::MustLink { left, right } => {
                chosen.contains(&left) != chosen.contains(&right)
            }
            _ => false,
        };
        let gone = self.board.groupings().into_iter().filter(joins).collect();
        let alone = self.grouping(Constraint::Pin { issue: first }, &said);
        let together = chosen
            .iter()
            .skip(1)
            .map(|other| self.grouping(Constraint::MustLink { left: first, right: *other }, &said));
        self.group(gone, [alone].into_iter().chain(together).collect(), &said)
    }

    fn groupings(&self) -> Vec<Grouping> {
        self.board.groupings()
    }

    fn ungroup(&self, id: &str, said: Said) -> Result<bool, Refusal> {
        let known = self.board.groupings().into_iter().find(|grouping| &*grouping.id == id);
        let grouping = known.ok_or_else(|| Refusal::Unknown("grouping of that id".to_owned()))?;
        self.group(vec![grouping], Vec::new(), &said).map(|(_, durable)| durable)
    }
}

fn away(error: StoreError) -> Refusal {
    Refusal::NotNow(error.sentence())
}

fn not_now(error: NotTaken) -> Refusal {
    Refusal::NotNow(error.to_string())
}
