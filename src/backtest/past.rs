//! The past: every count that is judged, and where each fingerprint stands; from any store.
//!
//! *State and limits:* 24 bytes a count in memory. Only minutes are judged: of what a store has kept by the hour alone
//! nobody knows when in the hour it came, so the past begins behind that.

use super::judges::Judges;
use anyhow::{Context, Result, anyhow};
use engine::component::{ReadStore, Recovered, Store};
use engine::graph::Graph;
use engine::model::{Bucket, BucketSize, Deploy, Fingerprint, IssueId, Placed, Severity};
use operators::alert::book::stored_deploys;
use operators::spike::Arrived;
use sinks::store::sqlite::SqliteStore;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Events of one fingerprint in one bucket of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Count {
    /// The bucket.
    pub bucket: Bucket,
    /// Whose they are, by its place in [`Past::placed`].
    pub of: u32,
    /// How many.
    pub events: i64,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Past {
    /// Where each fingerprint stands, ordered by fingerprint.
    pub placed: Vec<Placed>,
    /// What issues display.
    pub titles: HashMap<IssueId, Arc<str>>,
    /// Every count, ordered by bucket.
    pub counts: Vec<Count>,
    /// When counts arrived at a live engine with judged buckets of this length, if there was one.
    pub arrived: Option<(BucketSize, Arrived)>,
    /// What was deployed, by instant.
    pub deploys: Vec<Deploy>,
    /// Where what is kept by the minute begins, if more is kept by the hour.
    pub horizon: Option<Bucket>,
}

impl Past {
    /// Reads everything that a store holds. It must belong to nobody else.
    pub fn of(store: &mut dyn Store, judges: &Judges) -> Result<Past> {
        let recovered = store.load()?;
        let mut past = Past { placed: placed(&recovered), ..Past::default() };
        past.titles = recovered.issues.iter().map(|it| (it.id, Arc::clone(&it.text))).collect();
        past.read_counts(store.reader().as_ref())?;
        let arrived = judges.spikes.arrived(&judges.spikes_id, &recovered);
        past.arrived = arrived.map(|arrived| (judges.spikes.size(), arrived));
        past.deploys = stored_deploys(&judges.alerts_id, &recovered);
        past.deploys.sort_by_key(|deploy| deploy.at);
        Ok(past)
    }

    /// Reads what the store of a graph holds, from a copy of its last commit: its engine may be running, and keeps it
    /// to itself.
    pub fn stored(graph: &Graph, judges: &Judges) -> Result<Past> {
        let folder = tempfile::Builder::new().prefix("seismolog-backtest-").tempdir();
        let folder = folder.context("cannot make a temporary folder for a copy of the store")?;
        let copy = folder.path().join("copy.db");
        let copied = graph.store.store.reader().backup(&copy);
        copied.map_err(|error| {
            let hint = "Hint: name log files to read instead.";
            anyhow!("cannot read the history in `{}`: {}\n{hint}", graph.store.id, error.sentence())
        })?;
        Past::of(&mut SqliteStore::new(&copy), judges)
    }

    /// Returns whether there is nothing to judge.
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// Returns what an issue displays.
    pub fn title(&self, issue: IssueId) -> Arc<str> {
        self.titles.get(&issue).cloned().unwrap_or_default()
    }

    /// Returns the place of a fingerprint.
    pub fn place_of(&self, fingerprint: Fingerprint) -> Option<u32> {
        let place = self.placed.binary_search_by_key(&fingerprint, |placed| placed.fingerprint);
        place.ok().map(|place| place as u32)
    }

    /// Returns the counts of buckets in `[from, to)`.
    pub fn between(&self, from: Bucket, to: Bucket) -> &[Count] {
        let start = self.counts.partition_point(|count| count.bucket < from);
        let end = self.counts.partition_point(|count| count.bucket < to);
        &self.counts[start..end.max(start)]
    }

    fn read_counts(&mut self, reader: &dyn ReadStore) -> Result<()> {
        let mut known: Option<(Fingerprint, Option<u32>)> = None;
        let mut counts = Vec::new();
        reader.export_counts(&mut |row| {
            if row.bucket_seconds > BucketSize::MINUTE.secs() {
                let end = Bucket(row.bucket_start.secs() + row.bucket_seconds);
                self.horizon = self.horizon.max(Some(end));
                return true;
            }
            if known.is_none_or(|(fingerprint, _)| fingerprint != row.fingerprint) {
                known = Some((row.fingerprint, self.place_of(row.fingerprint)));
            }
            if let Some((_, Some(of))) = known {
                let bucket = Bucket(row.bucket_start.secs());
                counts.push(Count { bucket, of, events: row.count });
            }
            true
        })?;
        counts.sort_unstable();
        self.counts = counts;
        Ok(())
    }
}

/// Returns where each fingerprint stands, as the operators say it.
fn placed(recovered: &Recovered) -> Vec<Placed> {
    let mut issues: BTreeMap<Fingerprint, IssueId> = BTreeMap::new();
    for member in recovered.members.iter().rev() {
        issues.insert(member.fingerprint, member.issue);
    }
    let mut severities: HashMap<IssueId, Severity> = HashMap::new();
    for known in &recovered.fingerprints {
        if let Some(issue) = issues.get(&known.fingerprint) {
            let highest = severities.entry(*issue).or_insert(known.severity);
            *highest = known.severity.max(*highest);
        }
    }
    let place = |known: &engine::component::KnownFingerprint| {
        let issue = *issues.get(&known.fingerprint)?;
        let (fingerprint, service) = (known.fingerprint, Arc::clone(&known.service));
        Some(Placed { fingerprint, issue, service, severity: *severities.get(&issue)? })
    };
    let mut placed: Vec<Placed> = recovered.fingerprints.iter().filter_map(place).collect();
    placed.sort_unstable_by_key(|placed| placed.fingerprint);
    placed
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::component::KnownFingerprint;
    use engine::model::{EventTime, FirstSeen, Member, SeverityClass, Template};

    fn known(n: u128, severity: Severity) -> KnownFingerprint {
        KnownFingerprint {
            fingerprint: Fingerprint(n),
            template: Template(n),
            class: SeverityClass::Error,
            service: "shop".into(),
            skeleton: "".into(),
            severity,
            first: FirstSeen { time: EventTime::default(), hash: 0 },
            text: "".into(),
            source: "app".to_owned(),
        }
    }

    #[test]
    fn a_fingerprint_is_as_severe_as_its_issue() {
        let members = [(1, 9), (2, 9), (3, 8)];
        let member = |(of, issue)| Member { fingerprint: Fingerprint(of), issue: IssueId(issue) };
        let recovered = Recovered {
            fingerprints: [(1, Severity::Error), (2, Severity::Fatal), (3, Severity::Error)]
                .map(|(n, severity)| known(n, severity))
                .to_vec(),
            members: members.map(member).to_vec(),
            ..Recovered::default()
        };
        let severities: Vec<_> = placed(&recovered).iter().map(|it| it.severity).collect();
        assert_eq!(severities, [Severity::Fatal, Severity::Fatal, Severity::Error]);
    }
}
