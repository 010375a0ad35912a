//! Facts of one or more epochs, folded into the contents of one transaction (pure).
//!
//! *Promises:* folding epochs one by one and committing each leaves the same rows as folding all of
//! them into one commit; the order of facts within an epoch matters only where the latest holds:
//! progress, whose facts arrive in the order in which a partition's owner sent them, and state, alerts
//! and the outbox, likewise.

use crate::component::Contents;
use crate::model::{
    Account, Activity, Alert, AlertKey, Bucket, Counter, Fact, Fingerprint, Issue, IssueId, Member,
    NoticeId, OutboxRow, Part, PartitionId, Progress, Rejected, Sighting, SourceIndex, Standing,
    StateKey, StateRow, Tagged, TextId, VectorRow,
};
use foldhash::{HashMap, HashMapExt};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Collects facts until they are committed.
#[derive(Default)]
pub struct Fold {
    counts: HashMap<(Fingerprint, Bucket), i64>,
    sightings: HashMap<Fingerprint, Sighting>,
    accounts: BTreeMap<(SourceIndex, Counter), i64>,
    rejected: BTreeMap<(SourceIndex, crate::model::RejectReason, u64), Rejected>,
    progress: BTreeMap<(SourceIndex, PartitionId), Progress>,
    state: BTreeMap<StateKey, Option<Arc<[u8]>>>,
    issues: BTreeMap<IssueId, Derived<Issue>>,
    members: HashMap<Member, i64>,
    parts: BTreeMap<Part, i64>,
    tags: BTreeMap<Tagged, i64>,
    alerts: BTreeMap<AlertKey, Alert>,
    standings: BTreeMap<IssueId, Option<Standing>>,
    activity: Vec<Activity>,
    outbox: BTreeMap<(NoticeId, Arc<str>), OutboxRow>,
    vectors: BTreeMap<TextId, VectorRow>,
    crowded: i64,
}

/// Differences of one derived row and of the rows that replaced it.
struct Derived<T>(Vec<(T, i64)>);

impl<T: PartialEq> Derived<T> {
    fn add(&mut self, row: T, change: i64) {
        match self.0.iter_mut().find(|(known, _)| *known == row) {
            Some((_, n)) => *n += change,
            None => self.0.push((row, change)),
        }
    }

    /// Returns the row that holds in the end with `true`, the one that went with `false`, or nothing
    /// if nothing changed.
    fn stored(mut self) -> Option<(T, bool)> {
        self.0.retain(|(_, n)| *n != 0);
        self.0.sort_by_key(|(_, n)| *n);
        self.0.pop().map(|(row, n)| (row, n > 0))
    }
}

impl<T> Default for Derived<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl Fold {
    /// Returns a fold with room for `counts` rows.
    pub fn with_capacity(counts: usize) -> Self {
        Self { counts: HashMap::with_capacity(counts), ..Self::default() }
    }

    /// Adds one fact. Facts of earlier epochs come first.
    pub fn add(&mut self, fact: Fact) {
        match fact {
            Fact::Count { fingerprint, bucket, n } => {
                *self.counts.entry((fingerprint, bucket)).or_insert(0) += n;
            }
            Fact::Sighting(sighting) => self.add_sighting(*sighting),
            Fact::Account(Account { source, counter, n }) => {
                *self.accounts.entry((source, counter)).or_insert(0) += n;
            }
            Fact::Rejected(example) => {
                self.rejected
                    .entry((example.source, example.reason, example.hash))
                    .or_insert(example);
            }
            Fact::Progress(progress) => {
                self.progress.insert((progress.source, progress.partition.clone()), progress);
            }
            Fact::State(StateRow { node, key, value }) => {
                self.state.insert((node, key), value);
            }
            Fact::Issue(issue, change) => {
                self.issues.entry(issue.id).or_default().add(issue, change);
            }
            Fact::Member(member, change) => {
                *self.members.entry(member).or_insert(0) += change;
            }
            Fact::Part(part, change) => {
                *self.parts.entry(*part).or_insert(0) += change;
            }
            Fact::Tag(tagged, change) => {
                *self.tags.entry(*tagged).or_insert(0) += change;
            }
            Fact::Crowded(n) => self.crowded += n,
            Fact::Alert(alert) => {
                self.alerts.insert(alert.key, *alert);
            }
            Fact::Standing(issue, standing) => {
                self.standings.insert(issue, standing.map(|standing| *standing));
            }
            Fact::Activity(entry) => self.activity.push(*entry),
            Fact::Outbox(row) => {
                self.outbox.insert((row.notice.id, row.notifier.clone()), *row);
            }
            Fact::Vector(row) => {
                self.vectors.insert(row.text, *row);
            }
        }
    }

    fn add_sighting(&mut self, sighting: Sighting) {
        use std::collections::hash_map::Entry;
        match self.sightings.entry(sighting.fingerprint) {
            Entry::Occupied(mut known) => known.get_mut().merge(sighting),
            Entry::Vacant(empty) => {
                empty.insert(sighting);
            }
        }
    }

    /// Returns what to commit, ordered and without repeats.
    pub fn finish(self) -> Contents {
        let mut counts: Vec<_> =
            self.counts.into_iter().filter(|(_, n)| *n != 0).map(|((f, b), n)| (f, b, n)).collect();
        counts.sort_unstable();
        let mut sightings: Vec<_> = self.sightings.into_values().collect();
        sightings.sort_unstable_by_key(|sighting| sighting.fingerprint);
        for sighting in &mut sightings {
            sighting.samples.sort_unstable();
            sighting.samples.dedup();
        }
        let mut activity = self.activity;
        activity.sort();
        let mut members = changed(self.members);
        members.sort_unstable();
        Contents {
            counts,
            sightings,
            accounts: self
                .accounts
                .into_iter()
                .filter(|(_, n)| *n != 0)
                .map(|((source, counter), n)| Account { source, counter, n })
                .collect(),
            rejected: self.rejected.into_values().collect(),
            progress: self.progress.into_values().collect(),
            state: self
                .state
                .into_iter()
                .map(|((node, key), value)| StateRow { node, key, value })
                .collect(),
            issues: self.issues.into_values().filter_map(Derived::stored).collect(),
            members,
            parts: changed(self.parts),
            tags: changed(self.tags),
            alerts: self.alerts.into_values().collect(),
            standings: self.standings.into_iter().collect(),
            activity,
            outbox: self.outbox.into_values().collect(),
            vectors: self.vectors.into_values().collect(),
            crowded: self.crowded,
        }
    }
}

/// Returns the rows that came (`true`) or went.
fn changed<T>(rows: impl IntoIterator<Item = (T, i64)>) -> Vec<(T, bool)> {
    rows.into_iter().filter(|(_, n)| *n != 0).map(|(row, n)| (row, n > 0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Offset, OutboxState, SeverityClass, Template};

    fn issue(n: u128) -> Issue {
        let template = Template(n);
        let class = SeverityClass::Error;
        Issue {
            id: IssueId::new(class, template),
            class,
            template,
            text: "text".into(),
            skeleton: "text".into(),
        }
    }

    fn count(n: i64) -> Fact {
        Fact::Count { fingerprint: Fingerprint(1), bucket: Bucket(60), n }
    }

    #[test]
    fn counts_add_up_and_vanish_at_zero() {
        let mut fold = Fold::default();
        [2, 3, -5].into_iter().for_each(|n| fold.add(count(n)));
        assert_eq!(fold.finish().counts, []);
        let mut fold = Fold::default();
        [2, 3].into_iter().for_each(|n| fold.add(count(n)));
        assert_eq!(fold.finish().counts, [(Fingerprint(1), Bucket(60), 5)]);
    }

    #[test]
    fn a_row_that_appears_and_goes_within_a_commit_is_not_stored() {
        let mut fold = Fold::default();
        fold.add(Fact::Issue(issue(1), 1));
        fold.add(Fact::Issue(issue(1), -1));
        fold.add(Fact::Issue(issue(2), -1));
        assert_eq!(fold.finish().issues, [(issue(2), false)]);
    }

    #[test]
    fn the_latest_offset_of_a_partition_wins() {
        let progress = |offset: &str| {
            Fact::Progress(Progress {
                source: SourceIndex(0),
                partition: PartitionId("a".into()),
                offset: Some(Offset(offset.into())),
                lag_bytes: 0,
                received: crate::model::EventTime(0),
            })
        };
        let mut fold = Fold::default();
        fold.add(progress("10"));
        fold.add(progress("20"));
        assert_eq!(fold.finish().progress[0].offset, Some(Offset("20".into())));
    }

    #[test]
    fn the_latest_of_an_alert_and_of_a_row_of_the_outbox_wins() {
        let alert = |key, observed| {
            let alert = Alert { key: AlertKey(key), observed, ..Alert::default() };
            Fact::Alert(Box::new(alert))
        };
        let row = |notifier: &str, state| {
            let notice = Arc::new(crate::model::Notice::default());
            Fact::Outbox(Box::new(OutboxRow { notifier: notifier.into(), notice, state }))
        };
        let delivered = OutboxState::Delivered { at: crate::model::EventTime(5) };
        let mut fold = Fold::default();
        [alert(2, 1), alert(1, 5), alert(2, 3)].into_iter().for_each(|fact| fold.add(fact));
        fold.add(row("mail", OutboxState::Queued));
        fold.add(row("chat", OutboxState::Queued));
        fold.add(row("mail", delivered.clone()));
        let contents = fold.finish();
        let alerts: Vec<_> = contents.alerts.iter().map(|a| (a.key.0, a.observed)).collect();
        assert_eq!(alerts, [(1, 5), (2, 3)]);
        let rows: Vec<_> = contents.outbox.iter().map(|row| (&*row.notifier, &row.state)).collect();
        assert_eq!(rows, [("chat", &OutboxState::Queued), ("mail", &delivered)]);
    }
}
