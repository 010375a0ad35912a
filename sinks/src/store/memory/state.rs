//! What a memory store holds, and how a commit changes it.

use crate::store::rows::{
    Coarse, FastMap, NEVER_FIRST, NEVER_LAST, embedded, fenced, sample_replaces, samples_by_day,
    source_id, source_rank,
};
use engine::component::{
    Commit, Contents, History, Incarnation, KnownFingerprint, NodeIdentity, Recovered, StoreError,
};
use engine::model::{
    Activity, Alert, AlertKey, Bucket, Counter, Epoch, EventTime, Fingerprint, FirstSeen, Issue,
    IssueId, Member, NoticeId, Offset, OutboxRow, Part, PartitionId, Progress, RejectReason,
    Rejected, Sample, Severity, SeverityClass, Sighting, Standing, StateKey, StateRow, Tag, Tagged,
    Template, TextId, VectorRow,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything that is committed.
#[derive(Default)]
pub(super) struct State {
    pub(super) epoch: Option<Epoch>,
    incarnation: Option<Incarnation>,
    identity: Vec<NodeIdentity>,
    pub(super) fingerprints: FastMap<Fingerprint, Entry>,
    pub(super) accounts: BTreeMap<(String, Counter), i64>,
    pub(super) partitions: BTreeMap<(String, PartitionId), Partition>,
    pub(super) rejected: BTreeMap<(String, RejectReason), BTreeMap<u64, String>>,
    state: BTreeMap<StateKey, Arc<[u8]>>,
    pub(super) vectors: BTreeMap<TextId, VectorRow>,
    pub(super) issues: BTreeMap<IssueId, Issue>,
    pub(super) members: BTreeSet<(IssueId, Fingerprint)>,
    pub(super) parts: BTreeSet<Part>,
    pub(super) tags: BTreeMap<IssueId, BTreeSet<Tag>>,
    pub(super) alerts: BTreeMap<AlertKey, Alert>,
    pub(super) standings: BTreeMap<IssueId, Standing>,
    pub(super) activity: BTreeMap<IssueId, Vec<Activity>>,
    pub(super) outbox: BTreeMap<(NoticeId, Arc<str>), OutboxRow>,
}

/// What is known of a fingerprint.
pub(super) struct Entry {
    pub(super) template: Template,
    pub(super) class: SeverityClass,
    pub(super) service: Arc<str>,
    pub(super) skeleton: Arc<str>,
    pub(super) first: FirstSeen,
    pub(super) text: Arc<str>,
    pub(super) last: EventTime,
    pub(super) severity: Severity,
    pub(super) source: String,
    pub(super) total: i64,
    pub(super) counts: BTreeMap<Bucket, i64>,
    /// By UTC day and hash.
    pub(super) samples: BTreeMap<i64, BTreeMap<u64, StoredSample>>,
}

/// A kept example.
pub(super) struct StoredSample {
    pub(super) time: EventTime,
    pub(super) source: String,
    pub(super) record: String,
}

/// Where a partition resumes.
pub(super) struct Partition {
    pub(super) offset: Offset,
    pub(super) lag_bytes: u64,
}

impl Default for Entry {
    /// A fingerprint of which nothing but its counts is known yet.
    fn default() -> Self {
        Self {
            template: Template::default(),
            class: SeverityClass::Rest,
            service: "".into(),
            skeleton: "".into(),
            first: NEVER_FIRST,
            text: "".into(),
            last: NEVER_LAST,
            severity: Severity::Trace,
            source: String::new(),
            total: 0,
            counts: BTreeMap::new(),
            samples: BTreeMap::new(),
        }
    }
}

impl Entry {
    pub(super) fn is_sighted(&self) -> bool {
        self.first != NEVER_FIRST
    }

    fn see(&mut self, sighting: &Sighting, source_ids: &[String]) {
        let source = source_id(source_ids, sighting.source);
        let earlier_source =
            source_rank(source_ids, &source) < source_rank(source_ids, &self.source);
        if !self.is_sighted() || earlier_source {
            self.source = source.into_owned();
        }
        if sighting.first < self.first {
            self.first = sighting.first;
            self.text = Arc::clone(&sighting.text);
        }
        self.template = sighting.template;
        self.class = sighting.class;
        self.service = Arc::clone(&sighting.service);
        self.skeleton = Arc::clone(&sighting.skeleton);
        self.last = self.last.max(sighting.last);
        self.severity = self.severity.max(sighting.severity);
        for (day, samples) in samples_by_day(&sighting.samples) {
            self.keep_samples(day, &samples, source_ids);
        }
    }

    fn keep_samples(&mut self, day: i64, samples: &[&Sample], source_ids: &[String]) {
        let kept = self.samples.entry(day).or_default();
        for sample in samples {
            let source = source_id(source_ids, sample.source);
            let replaces = kept.get(&sample.hash).is_none_or(|stored| {
                sample_replaces((sample.time, &source), (stored.time, &stored.source))
            });
            if replaces {
                let (source, record) = (source.into_owned(), sample.record.clone());
                kept.insert(sample.hash, StoredSample { time: sample.time, source, record });
            }
        }
        while kept.len() > Sample::PER_DAY_MAX {
            kept.pop_last();
        }
    }

    fn count(&mut self, bucket: Bucket, n: i64) {
        self.total += n;
        let count = self.counts.entry(bucket).or_default();
        *count += n;
        if *count == 0 {
            self.counts.remove(&bucket);
        }
    }

    /// Returns the sample shown in the export.
    pub(super) fn first_sample(&self) -> Option<&StoredSample> {
        let samples = self.samples.values().flatten();
        samples.min_by_key(|(hash, sample)| (sample.time, **hash)).map(|(_, sample)| sample)
    }
}

impl State {
    pub(super) fn claim(&mut self, incarnation: Incarnation, identity: &[NodeIdentity]) {
        self.incarnation = Some(incarnation);
        self.identity = identity.to_vec();
    }

    pub(super) fn committed(&self) -> (Option<Epoch>, Option<Incarnation>) {
        (self.epoch, self.incarnation)
    }

    pub(super) fn commit(&mut self, commit: &Commit) -> Result<(), StoreError> {
        if (self.epoch, self.incarnation) != (commit.predecessor, Some(commit.incarnation)) {
            return Err(fenced(commit, self.epoch, self.incarnation));
        }
        self.apply(&commit.contents, &commit.source_ids);
        self.epoch = Some(commit.epoch);
        Ok(())
    }

    fn apply(&mut self, contents: &Contents, source_ids: &[String]) {
        for sighting in &contents.sightings {
            let entry = self.fingerprints.entry(sighting.fingerprint).or_default();
            entry.see(sighting, source_ids);
        }
        for of_one in contents.counts.chunk_by(|a, b| a.0 == b.0) {
            let entry = self.fingerprints.entry(of_one[0].0).or_default();
            of_one.iter().for_each(|&(_, bucket, n)| entry.count(bucket, n));
        }
        for account in &contents.accounts {
            let source = source_id(source_ids, account.source).into_owned();
            *self.accounts.entry((source, account.counter.clone())).or_default() += account.n;
        }
        for rejected in &contents.rejected {
            self.keep_rejected(rejected, source_ids);
        }
        for progress in &contents.progress {
            self.progress(progress, source_ids);
        }
        for StateRow { node, key, value } in &contents.state {
            let place = (Arc::clone(node), Arc::clone(key));
            match value {
                Some(value) => self.state.insert(place, Arc::clone(value)),
                None => self.state.remove(&place),
            };
        }
        for row in &contents.vectors {
            self.vectors.insert(row.text, row.clone());
        }
        self.apply_derived(contents);
    }

    fn apply_derived(&mut self, contents: &Contents) {
        for (issue, present) in &contents.issues {
            match present {
                true => self.issues.insert(issue.id, issue.clone()),
                false => self.issues.remove(&issue.id),
            };
        }
        for (member, present) in &contents.members {
            self.fingerprints.entry(member.fingerprint).or_default();
            match present {
                true => self.members.insert((member.issue, member.fingerprint)),
                false => self.members.remove(&(member.issue, member.fingerprint)),
            };
        }
        for (part, present) in &contents.parts {
            match present {
                true => self.parts.insert(part.clone()),
                false => self.parts.remove(part),
            };
        }
        for (Tagged { issue, tag }, present) in &contents.tags {
            let tags = self.tags.entry(*issue).or_default();
            match present {
                true => tags.insert(tag.clone()),
                false => tags.remove(tag),
            };
            if tags.is_empty() {
                self.tags.remove(issue);
            }
        }
        for alert in &contents.alerts {
            self.alerts.insert(alert.key, alert.clone());
        }
        for (issue, standing) in &contents.standings {
            match standing {
                Some(standing) => self.standings.insert(*issue, standing.clone()),
                None => self.standings.remove(issue),
            };
        }
        for entry in &contents.activity {
            self.activity.entry(entry.issue).or_default().push(entry.clone());
        }
        for row in &contents.outbox {
            self.outbox.insert((row.notice.id, Arc::clone(&row.notifier)), row.clone());
        }
    }

    fn tagged(&self) -> impl Iterator<Item = Tagged> {
        let of_one = |(issue, tags): (&IssueId, &BTreeSet<Tag>)| {
            let issue = *issue;
            tags.clone().into_iter().map(move |tag| Tagged { issue, tag })
        };
        self.tags.iter().flat_map(of_one)
    }

    fn keep_rejected(&mut self, rejected: &Rejected, source_ids: &[String]) {
        let source = source_id(source_ids, rejected.source).into_owned();
        let kept = self.rejected.entry((source, rejected.reason)).or_default();
        kept.entry(rejected.hash).or_insert_with(|| rejected.record.clone());
        while kept.len() > Rejected::PER_REASON_MAX {
            kept.pop_last();
        }
    }

    fn progress(&mut self, progress: &Progress, source_ids: &[String]) {
        let source = source_id(source_ids, progress.source).into_owned();
        let key = (source, progress.partition.clone());
        match &progress.offset {
            Some(offset) => {
                let (offset, lag_bytes) = (offset.clone(), progress.lag_bytes);
                self.partitions.insert(key, Partition { offset, lag_bytes });
            }
            None => {
                self.partitions.remove(&key);
            }
        }
    }

    pub(super) fn recover(&self) -> Recovered {
        let mut recovered = Recovered {
            epoch: self.epoch,
            identity: self.identity.clone(),
            issues: self.issues.values().cloned().collect(),
            parts: self.parts.iter().cloned().collect(),
            tags: self.tagged().collect(),
            state: self.state.clone(),
            vectors: self.vectors.values().filter_map(embedded).collect(),
            ..Recovered::default()
        };
        for ((source, partition), state) in &self.partitions {
            recovered.offsets.push((source.clone(), partition.clone(), state.offset.clone()));
        }
        for (&fingerprint, entry) in &self.fingerprints {
            if entry.is_sighted() {
                recovered.fingerprints.push(KnownFingerprint {
                    fingerprint,
                    template: entry.template,
                    class: entry.class,
                    service: Arc::clone(&entry.service),
                    skeleton: Arc::clone(&entry.skeleton),
                    severity: entry.severity,
                    first: entry.first,
                    text: Arc::clone(&entry.text),
                    source: entry.source.clone(),
                });
            }
        }
        recovered.fingerprints.sort_unstable();
        let member = |&(issue, fingerprint)| Member { fingerprint, issue };
        recovered.members = self.members.iter().map(member).collect();
        recovered.members.sort_unstable();
        recovered
    }

    pub(super) fn counts(&self, history: History) -> Vec<(Fingerprint, Bucket, i64)> {
        let mut counts = Vec::new();
        for (&fingerprint, entry) in &self.fingerprints {
            let mut coarse = Coarse::default();
            for (&bucket, &n) in entry.counts.range(Coarse::first(history)..) {
                coarse.add(history, bucket, n);
            }
            let filled = coarse.filled().into_iter();
            counts.extend(filled.map(|(bucket, n)| (fingerprint, bucket, n)));
        }
        counts.sort_unstable();
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::model::SourceIndex;

    #[test]
    fn limit_the_smallest_rejected_examples_stay_per_source_and_reason() {
        let mut state = State::default();
        let source_ids = ["app".to_owned()];
        for hash in (0..100).rev() {
            let reason = RejectReason::AbsurdTime;
            let rejected =
                Rejected { source: SourceIndex(0), reason, hash, record: hash.to_string() };
            state.keep_rejected(&rejected, &source_ids);
        }
        let kept = &state.rejected[&("app".to_owned(), RejectReason::AbsurdTime)];
        assert!(kept.keys().copied().eq(0..Rejected::PER_REASON_MAX as u64));
    }
}
