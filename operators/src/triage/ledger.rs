//! The state machine behind `triage`: decisions, counts and places in; standings and a journal out.
//!
//! | key | value |
//! | --- | --- |
//! | `f/<fingerprint>` | what was decided about it |
//! | `i/<issue>` | how an issue stands, where it is anything but open and nobody's |

use crate::view::View;
use engine::component::Recovered;
use engine::model::{
    Activity, Bucket, Command, Control, Decision, Deed, EventTime, Fingerprint, Grouping, Happened,
    IssueId, Standing, TriageState,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The version of what is stored.
pub const VERSION: u32 = 1;

/// What the operator hears. Within an epoch in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Row {
    /// A fingerprint is part of an issue.
    Placed(Fingerprint, IssueId),
    /// Events of a bucket of `window`; the count is the difference.
    Count(Bucket, Fingerprint),
    /// Time, or a decision.
    Control(Control),
    /// What was stored before has been told.
    Recovered,
}

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Told {
    /// How an issue stands now; nothing if it is open and nobody's.
    Standing(IssueId, Option<Standing>),
    /// What happened to an issue.
    Activity(Box<Activity>),
    /// What to store under a key; nothing forgets it.
    State(Arc<str>, Option<Vec<u8>>),
}

/// What was decided about a fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Decided {
    standing: Standing,
    /// When the assignee was named.
    assigned_at: EventTime,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    is_recovering: bool,
    decided: BTreeMap<Fingerprint, Decided>,
    issue_of: BTreeMap<Fingerprint, IssueId>,
    members: BTreeMap<IssueId, BTreeSet<Fingerprint>>,
    standings: BTreeMap<IssueId, Standing>,
    /// Fingerprints that were not known before this epoch.
    new: BTreeSet<Fingerprint>,
    /// Issues to look at again in this epoch.
    touched: BTreeSet<IssueId>,
    stored: BTreeMap<Arc<str>, Option<Vec<u8>>>,
    happened: Vec<Activity>,
}

impl Ledger {
    /// Returns the ledger that a node stored.
    pub fn recovered(node: &str, recovered: &Recovered) -> Ledger {
        let mut ledger = Ledger { is_recovering: true, ..Ledger::default() };
        for ((_, key), value) in recovered.state.iter().filter(|((of, _), _)| &**of == node) {
            // The version has been compared before; a row that cannot be read all the same is left out.
            let _unreadable = ledger.read(key, value);
        }
        ledger
    }

    fn read(&mut self, key: &str, value: &[u8]) -> Option<()> {
        match key.split_once('/') {
            Some(("f", of)) => {
                self.decided.insert(of.parse().ok()?, from_bytes(value)?);
            }
            Some(("i", of)) => {
                self.standings.insert(of.parse().ok()?, from_bytes(value)?);
            }
            _ => return None,
        }
        Some(())
    }

    fn place(&mut self, fingerprint: Fingerprint, issue: IssueId) {
        let before = self.issue_of.insert(fingerprint, issue);
        if before.is_none() {
            self.new.insert(fingerprint);
        }
        if let Some(before) = before.filter(|before| *before != issue) {
            if let Some(members) = self.members.get_mut(&before) {
                members.remove(&fingerprint);
                if members.is_empty() {
                    self.members.remove(&before);
                }
            }
            self.touched.insert(before);
        }
        self.members.entry(issue).or_default().insert(fingerprint);
        self.touched.insert(issue);
    }

    /// Events came: what was resolved before their minute is open again.
    fn count(&mut self, bucket: Bucket, fingerprint: Fingerprint) {
        let Some(issue) = self.issue_of.get(&fingerprint).copied() else { return };
        // Of most nothing was ever decided.
        if !self.standings.contains_key(&issue) && !self.touched.contains(&issue) {
            return;
        }
        // As it stood without those that come with this very event.
        let standing = self.standing_of(issue, |of| !self.new.contains(of));
        let is_later = bucket.start() >= standing.changed_at;
        if standing.state != TriageState::Resolved || !is_later {
            return;
        }
        let decided = self.decided.entry(fingerprint).or_default();
        (decided.standing.state, decided.standing.until) = (TriageState::Regressed, None);
        (decided.standing.changed_at, decided.standing.by) = (bucket.start(), Arc::default());
        self.keep(fingerprint);
        self.note(issue, bucket.start(), Happened::Regressed, (Arc::default(), Arc::default()));
    }

    /// Returns how an issue stands, from what was decided about its fingerprints.
    fn standing(&self, issue: IssueId) -> Standing {
        self.standing_of(issue, |_all| true)
    }

    fn standing_of(&self, issue: IssueId, counts: impl Fn(&Fingerprint) -> bool) -> Standing {
        let members = self.members.get(&issue).into_iter().flatten().filter(|of| counts(of));
        let open = Decided::default();
        let decided: Vec<&Decided> =
            members.map(|of| self.decided.get(of).unwrap_or(&open)).collect();
        // The most open of its fingerprints says how it stands, and of those the one that changed last.
        let rank = |state: TriageState| match state {
            TriageState::Regressed => 0,
            TriageState::Open => 1,
            TriageState::Ignored => 2,
            TriageState::Resolved => 3,
        };
        let leads = |one: &&&Decided| {
            let standing = &one.standing;
            (rank(standing.state), std::cmp::Reverse((standing.changed_at, standing.by.clone())))
        };
        let lead = decided.iter().min_by_key(leads).map(|one| one.standing.clone());
        let owned = decided.iter().filter(|one| one.standing.assignee.is_some());
        let owner = owned.max_by_key(|one| (one.assigned_at, one.standing.assignee.clone()));
        Standing {
            assignee: owner.and_then(|one| one.standing.assignee.clone()),
            ..lead.unwrap_or_default()
        }
    }

    fn command(&mut self, at: EventTime, command: Command) {
        match command {
            Command::Issue(decision) => self.decide(at, decision),
            Command::Group(Grouping { id, constraint, by, comment, .. }) => {
                for issue in constraint.issues() {
                    let (id, constraint) = (Arc::clone(&id), constraint);
                    let said = (Arc::clone(&by), Arc::clone(&comment));
                    self.note(issue, at, Happened::Grouped { id, constraint }, said);
                }
            }
            Command::Ungroup { grouping, by, comment } => {
                for issue in grouping.constraint.issues() {
                    let said = (Arc::clone(&by), Arc::clone(&comment));
                    let id = Arc::clone(&grouping.id);
                    self.note(issue, at, Happened::Ungrouped { id }, said);
                }
            }
            _ => {}
        }
    }

    fn decide(&mut self, at: EventTime, decision: Decision) {
        let Decision { issue, deed, by, comment } = decision;
        let members = self.members.get(&issue).cloned().unwrap_or_default();
        if members.is_empty() {
            return;
        }
        for fingerprint in members {
            let decided = self.decided.entry(fingerprint).or_default();
            let (state, until) = match &deed {
                Deed::Resolve => (TriageState::Resolved, None),
                Deed::Reopen => (TriageState::Open, None),
                Deed::Ignore { until } => (TriageState::Ignored, *until),
                Deed::Assign { to } => {
                    (decided.standing.assignee, decided.assigned_at) = (to.clone(), at);
                    self.keep(fingerprint);
                    continue;
                }
                Deed::Comment => continue,
            };
            (decided.standing.state, decided.standing.until) = (state, until);
            (decided.standing.changed_at, decided.standing.by) = (at, Arc::clone(&by));
            self.keep(fingerprint);
        }
        self.touched.insert(issue);
        self.note(issue, at, Happened::Deed(deed), (by, comment));
    }

    /// Lets time pass: what was ignored until now is open again.
    fn beat(&mut self, now: EventTime) {
        let is_over = |decided: &Decided| {
            let standing = &decided.standing;
            standing.state == TriageState::Ignored && standing.until.is_some_and(|at| at <= now)
        };
        let over = self.decided.iter().filter(|(_, decided)| is_over(decided));
        let over: Vec<Fingerprint> = over.map(|(of, _)| *of).collect();
        let mut woken: BTreeSet<IssueId> = BTreeSet::new();
        for fingerprint in over {
            let Some(decided) = self.decided.get_mut(&fingerprint) else { continue };
            let at = decided.standing.until.take().unwrap_or(now);
            (decided.standing.state, decided.standing.changed_at) = (TriageState::Open, at);
            decided.standing.by = Arc::default();
            self.keep(fingerprint);
            if let Some(issue) = self.issue_of.get(&fingerprint).copied()
                && woken.insert(issue)
            {
                self.note(issue, at, Happened::Woke, (Arc::default(), Arc::default()));
            }
        }
    }

    /// Stores what was decided about a fingerprint.
    fn keep(&mut self, fingerprint: Fingerprint) {
        let key = format!("f/{fingerprint}").into();
        let row = self.decided.get(&fingerprint).map(to_bytes);
        self.stored.insert(key, row);
        self.touched.extend(self.issue_of.get(&fingerprint));
    }

    /// Writes down what happened.
    fn note(
        &mut self,
        issue: IssueId,
        at: EventTime,
        happened: Happened,
        (by, comment): (Arc<str>, Arc<str>),
    ) {
        self.happened.push(Activity { at, issue, happened, by, comment });
    }
}

impl View for Ledger {
    type Row = Row;
    type Told = Told;

    fn change(&mut self, row: Row, n: isize) {
        match row {
            Row::Placed(fingerprint, issue) if n > 0 => self.place(fingerprint, issue),
            // A fingerprint that goes somewhere else is told so by the row that comes.
            Row::Placed(..) => {}
            // What was counted before has been heard of before.
            Row::Count(bucket, fingerprint) if n > 0 && !self.is_recovering => {
                self.count(bucket, fingerprint);
            }
            Row::Count(..) => {}
            Row::Control(Control::Beat { now, .. }) => self.beat(now),
            Row::Control(Control::Command { at, command }) => self.command(at, command),
            Row::Recovered => self.is_recovering = false,
        }
    }

    fn tell(&mut self) -> Vec<(Told, isize)> {
        let mut told: Vec<(Told, isize)> = Vec::new();
        self.new.clear();
        for issue in std::mem::take(&mut self.touched) {
            let now = Some(self.standing(issue)).filter(|now| *now != Standing::default());
            let before = match now.clone() {
                Some(now) => self.standings.insert(issue, now),
                None => self.standings.remove(&issue),
            };
            if before != now {
                self.stored.insert(format!("i/{issue}").into(), now.as_ref().map(to_bytes));
                told.push((Told::Standing(issue, now), 1));
            }
        }
        let happened = std::mem::take(&mut self.happened).into_iter();
        told.extend(happened.map(|entry| (Told::Activity(Box::new(entry)), 1)));
        let rows = std::mem::take(&mut self.stored).into_iter();
        told.extend(rows.map(|(key, value)| (Told::State(key, value), 1)));
        told
    }
}

fn to_bytes(value: &impl Serialize) -> Vec<u8> {
    // Numbers, texts and maps with texts for keys always have a form.
    serde_json::to_vec(value).unwrap_or_default()
}

fn from_bytes<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    serde_json::from_slice(value).ok()
}
