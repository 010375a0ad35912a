//! The dashboard's questions, answered from the memory store by walking over everything.

use super::MemoryStore;
use super::state::{Entry, State};
use crate::store::audit::AuditBuilder;
use crate::store::rows::FastMap;
use crate::store::slices::{Range, Slices};
use crate::store::view::{
    ALERTS_SHOWN_MAX, MemberFacts, Run, Summary, alert_row, choose_samples, latest_first,
    order_activity, order_members, order_samples, page, surest_first,
};
use engine::component::{
    AlertQuery, AlertRow, Audit, ClassCounts, CountRow, FingerprintRow, IssueDetail, IssuePage,
    IssueQuery, KeptSamples, MemberRow, OutboxQuery, ReadStore, RejectedRow, SampleRow, SamplesOf,
    StoreError, TimelineQuery,
};
use engine::model::{
    Activity, Alert, AlertKey, Bucket, BucketSize, Counter, EventTime, Fingerprint, Issue, IssueId,
    OutboxRow, OutboxState, Part, Severity, SeverityClass, Tag, TextId, VectorRow,
};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

impl ReadStore for MemoryStore {
    fn issues(&self, query: &IssueQuery) -> Result<IssuePage, StoreError> {
        let state = self.state();
        let alerts = state.alerts_by_issue();
        let summaries = state
            .issues
            .values()
            .filter(|issue| query.ids.as_ref().is_none_or(|ids| ids.contains(&issue.id)))
            .filter(|issue| query.tag.as_ref().is_none_or(|tag| state.has_tag(issue.id, tag)))
            .filter_map(|issue| {
                let alerts = alerts.get(&issue.id).map_or(&[][..], Vec::as_slice);
                state.summary(issue, alerts, query)
            })
            .collect();
        let mut text = |id| Ok::<_, Infallible>(state.shown(id));
        let Ok(mut page) = page(summaries, query, &mut text);
        for row in &mut page.issues {
            row.sparkline = state.sparkline(row.id, query);
            row.tags = state.tags_of(row.id);
        }
        Ok(page)
    }

    fn issue(&self, id: IssueId, query: &IssueQuery) -> Result<Option<IssueDetail>, StoreError> {
        let state = self.state();
        let id = state.current(id);
        let alerts = state.alerts_by_issue().remove(&id).unwrap_or_default();
        let summary = state.issues.get(&id).and_then(|issue| state.summary(issue, &alerts, query));
        Ok(summary.map(|summary| state.detail(summary, query)))
    }

    fn samples(&self, of: SamplesOf, limit: usize) -> Result<Option<KeptSamples>, StoreError> {
        let state = self.state();
        let found = match of {
            SamplesOf::Issue(id) => state.samples_of_issue(id),
            SamplesOf::Fingerprint(id) => state.samples_of_fingerprint(id),
        };
        Ok(found.map(|(known, mut samples)| {
            let kept = samples.len();
            choose_samples(&mut samples, limit);
            KeptSamples { kept, samples: latest_first(samples), ..known }
        }))
    }

    fn timeline(&self, query: &TimelineQuery) -> Result<Vec<ClassCounts>, StoreError> {
        let state = self.state();
        let range = Range::of(query.from, query.to);
        let mut slices: BTreeMap<Bucket, ClassCounts> = BTreeMap::new();
        let mut add = |entry: &Entry| {
            for (&bucket, n) in entry.counts.iter().filter(|(bucket, _)| range.holds(**bucket)) {
                let bucket = query.size.coarsen(bucket);
                let slice = slices
                    .entry(bucket)
                    .or_insert(ClassCounts { bucket, ..ClassCounts::default() });
                match entry.class {
                    SeverityClass::Error => slice.error += n,
                    SeverityClass::Warn => slice.warn += n,
                    SeverityClass::Rest => slice.rest += n,
                }
            }
        };
        match query.issue {
            Some(issue) => state.members_of(state.current(issue)).for_each(|(_, entry)| add(entry)),
            None => state.fingerprints.values().for_each(add),
        }
        let filled = |slice: &ClassCounts| (slice.error, slice.warn, slice.rest) != (0, 0, 0);
        Ok(slices.into_values().filter(filled).collect())
    }

    fn alert(&self, key: AlertKey, _: EventTime) -> Result<Option<AlertRow>, StoreError> {
        let state = self.state();
        Ok(state.alerts.get(&key).map(|alert| state.alert_row(alert)))
    }

    fn alerts(&self, query: &AlertQuery, now: EventTime) -> Result<Vec<AlertRow>, StoreError> {
        let state = self.state();
        let issue = query.issue.map(|issue| state.current(issue));
        let matches = |alert: &&Alert| {
            (!query.open_only || alert.details.state.is_open())
                && issue.is_none_or(|issue| alert.issue == issue)
                && query.service.as_deref().is_none_or(|service| *alert.details.service == *service)
                && Run::of(alert).touches(query, now)
        };
        let mut alerts: Vec<&Alert> = state.alerts.values().filter(matches).collect();
        alerts.sort_by_key(|alert| {
            (Reverse((alert.details.state.is_open(), alert.last, alert.start)), alert.key)
        });
        let shown = alerts.into_iter().skip(query.skip).take(query.limit);
        Ok(shown.map(|alert| state.alert_row(alert)).collect())
    }

    fn activity(
        &self,
        issue: IssueId,
        limit: usize,
        skip: usize,
    ) -> Result<Vec<Activity>, StoreError> {
        let state = self.state();
        let issue = state.current(issue);
        let ids = state.merged_into(issue).into_iter().chain([issue]).collect::<BTreeSet<_>>();
        let of_each = ids.iter().filter_map(|id| state.activity.get(id));
        let mut entries: Vec<Activity> = of_each.flatten().cloned().collect();
        order_activity(&mut entries);
        Ok(entries.into_iter().skip(skip).take(limit).collect())
    }

    fn outbox(&self, query: &OutboxQuery) -> Result<Vec<OutboxRow>, StoreError> {
        let state = self.state();
        let matches = |row: &&OutboxRow| {
            query.notifier.as_deref().is_none_or(|notifier| *row.notifier == *notifier)
                && query.state.is_none_or(|standing| row.state.standing() == standing)
        };
        let mut rows: Vec<&OutboxRow> = state.outbox.values().filter(matches).collect();
        rows.sort_by_key(|row| {
            let settled_at = match row.state {
                OutboxState::Queued => None,
                OutboxState::Delivered { at } | OutboxState::Dead { at, .. } => Some(Reverse(at)),
            };
            (settled_at, row.notice.at, row.notice.id, &row.notifier)
        });
        Ok(rows.into_iter().skip(query.skip).take(query.limit).cloned().collect())
    }

    fn audit(&self) -> Result<Audit, StoreError> {
        let state = self.state();
        let counted = state.fingerprints.values().map(|entry| entry.total).sum();
        let mut audit = AuditBuilder::new(state.epoch, counted);
        for ((source, counter), n) in &state.accounts {
            audit.account(source, counter.clone(), *n);
        }
        for ((source, partition), stored) in &state.partitions {
            audit.partition(source, &partition.0, &stored.offset.0, stored.lag_bytes);
        }
        Ok(audit.finish())
    }

    fn vectors(&self) -> Result<Vec<VectorRow>, StoreError> {
        Ok(self.state().vectors.values().cloned().collect())
    }

    fn vectors_of(&self, texts: &[TextId]) -> Result<Vec<VectorRow>, StoreError> {
        let state = self.state();
        let texts: BTreeSet<&TextId> = texts.iter().collect();
        Ok(texts.into_iter().filter_map(|text| state.vectors.get(text).cloned()).collect())
    }

    fn parts(&self) -> Result<Vec<Part>, StoreError> {
        Ok(self.state().parts.iter().cloned().collect())
    }

    fn rejected(&self) -> Result<Vec<RejectedRow>, StoreError> {
        let state = self.state();
        let rows = state.accounts.iter().filter_map(|((source, counter), n)| {
            let Counter::Rejected(reason) = *counter else { return None };
            let examples = state.rejected.get(&(source.clone(), reason));
            let examples = examples.map(|kept| kept.values().cloned().collect());
            let count = u64::try_from(*n).ok().filter(|n| *n > 0)?;
            let (source, examples) = (source.clone(), examples.unwrap_or_default());
            Some(RejectedRow { source, reason, count, examples })
        });
        let mut rows: Vec<_> = rows.collect();
        rows.sort_by(|a, b| (&a.source, a.reason.as_str()).cmp(&(&b.source, b.reason.as_str())));
        Ok(rows)
    }

    fn export_counts(&self, each: &mut dyn FnMut(CountRow) -> bool) -> Result<(), StoreError> {
        let state = self.state();
        let mut issues: BTreeMap<Fingerprint, IssueId> = BTreeMap::new();
        for &(issue, fingerprint) in state.members.iter().rev() {
            issues.insert(fingerprint, issue);
        }
        let mut order: Vec<_> = state
            .fingerprints
            .iter()
            .map(|(id, entry)| (issues.get(id).copied().unwrap_or_default(), *id, entry))
            .collect();
        order.sort_unstable_by_key(|&(issue, fingerprint, _)| (issue, fingerprint));
        for (issue, fingerprint, entry) in order {
            let sample = entry.first_sample().map_or("", |sample| &sample.record);
            for (bucket, &count) in &entry.counts {
                let row = CountRow {
                    issue,
                    fingerprint,
                    severity: entry.severity,
                    template: entry.text.as_ref().to_owned(),
                    sample: sample.to_owned(),
                    bucket_start: bucket.start(),
                    bucket_seconds: BucketSize::MINUTE.secs(),
                    count,
                };
                if !each(row) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

impl State {
    /// Returns the issue that now stands for `id`: itself, or the one into which it was merged.
    fn current(&self, id: IssueId) -> IssueId {
        if self.issues.contains_key(&id) {
            return id;
        }
        let belongs = |(_, fingerprint): &&(IssueId, Fingerprint)| {
            let entry = self.fingerprints.get(fingerprint);
            entry.is_some_and(|entry| IssueId::new(entry.class, entry.template) == id)
        };
        self.members.iter().find(belongs).map_or(id, |(issue, _)| *issue)
    }

    /// Returns the issues that members of `issue` began and that are no longer there.
    fn merged_into(&self, issue: IssueId) -> BTreeSet<IssueId> {
        let sighted = self.members_of(issue).filter(|(_, entry)| entry.is_sighted());
        let own = sighted.map(|(_, entry)| IssueId::new(entry.class, entry.template));
        own.filter(|id| !self.issues.contains_key(id)).collect()
    }

    /// Returns what is known of an issue, and all of its samples with their hashes.
    fn samples_of_issue(&self, id: IssueId) -> Option<(KeptSamples, Vec<(u64, SampleRow)>)> {
        let issue = self.issues.get(&self.current(id))?;
        let known = KeptSamples {
            issue: Some(issue.id),
            template: issue.text.to_string(),
            skeleton: issue.skeleton.to_string(),
            ..KeptSamples::default()
        };
        Some((known, self.members_of(issue.id).flat_map(sample_rows).collect()))
    }

    /// Returns the same of a fingerprint.
    fn samples_of_fingerprint(
        &self,
        id: Fingerprint,
    ) -> Option<(KeptSamples, Vec<(u64, SampleRow)>)> {
        let entry = self.fingerprints.get(&id).filter(|entry| entry.is_sighted())?;
        let issue = self.members.iter().find(|(_, fingerprint)| *fingerprint == id);
        let known = KeptSamples {
            issue: issue.map(|(issue, _)| *issue),
            template: entry.text.to_string(),
            skeleton: entry.skeleton.to_string(),
            ..KeptSamples::default()
        };
        Some((known, sample_rows((id, entry))))
    }

    fn members_of(&self, issue: IssueId) -> impl Iterator<Item = (Fingerprint, &Entry)> {
        let all = (issue, Fingerprint(0))..=(issue, Fingerprint(u128::MAX));
        self.members
            .range(all)
            .filter_map(|(_, id)| self.fingerprints.get(id).map(|entry| (*id, entry)))
    }

    /// Returns what an issue shows.
    fn shown(&self, issue: IssueId) -> String {
        self.issues.get(&issue).map_or_else(String::new, |issue| issue.text.as_ref().to_owned())
    }

    fn has_tag(&self, issue: IssueId, name: &str) -> bool {
        let tags = self.tags.get(&issue);
        tags.is_some_and(|tags| tags.iter().any(|tag| tag.name.as_ref() == name))
    }

    fn tags_of(&self, issue: IssueId) -> Vec<Tag> {
        surest_first(self.tags.get(&issue).into_iter().flatten().cloned().collect())
    }

    fn alerts_by_issue(&self) -> FastMap<IssueId, Vec<&Alert>> {
        let mut by_issue: FastMap<IssueId, Vec<&Alert>> = FastMap::default();
        for alert in self.alerts.values() {
            by_issue.entry(alert.issue).or_default().push(alert);
        }
        by_issue
    }

    fn summary(&self, issue: &Issue, alerts: &[&Alert], query: &IssueQuery) -> Option<Summary> {
        let range = Range::of(query.from, query.to);
        let mut summary: Option<Summary> = None;
        for (fingerprint, entry) in self.members_of(issue.id) {
            let in_range = entry.counts.iter().filter(|(bucket, _)| range.holds(**bucket));
            let member = MemberFacts {
                fingerprint,
                severity: entry.severity,
                service: &entry.service,
                first: entry.first,
                last: entry.last,
                count: in_range.map(|(_, n)| n).sum(),
                total: entry.total,
            };
            match &mut summary {
                Some(summary) => summary.add(&member),
                None => summary = Some(Summary::new(issue.id, issue.class, &member)),
            }
        }
        if let Some(summary) = &mut summary {
            for alert in alerts {
                summary.alert(Run::of(alert), query);
            }
            if let Some(standing) = self.standings.get(&issue.id) {
                summary.stand(standing.clone());
            }
        }
        summary
    }

    fn sparkline(&self, issue: IssueId, query: &IssueQuery) -> Vec<i64> {
        let slices = Slices::of(query);
        let mut sparkline = slices.zeros();
        for (_, entry) in self.members_of(issue) {
            for (&bucket, n) in &entry.counts {
                if let Some(index) = slices.index(bucket) {
                    sparkline[index] += n;
                }
            }
        }
        sparkline
    }

    fn detail(&self, summary: Summary, query: &IssueQuery) -> IssueDetail {
        let id = summary.id;
        let text = self.shown(id);
        let mut issue = summary.into_row(text, query.now);
        issue.sparkline = self.sparkline(id, query);
        issue.tags = self.tags_of(id);
        let mut members: Vec<_> = self.members_of(id).map(member_row).collect();
        order_members(&mut members);
        let mut samples: Vec<_> = self.members_of(id).flat_map(sample_rows).collect();
        order_samples(&mut samples);
        let samples = samples.into_iter().map(|(_, sample)| sample).collect();
        let mut alerts: Vec<_> = self.alerts.values().filter(|alert| alert.issue == id).collect();
        alerts.sort_by_key(|alert| (Reverse((alert.last, alert.start)), alert.key));
        alerts.truncate(ALERTS_SHOWN_MAX);
        let alerts = alerts.into_iter().map(|alert| self.alert_row(alert)).collect();
        IssueDetail { issue, members, samples, alerts }
    }

    fn alert_row(&self, alert: &Alert) -> AlertRow {
        // An alert of long ago may be of an issue that is part of another one by now.
        let issue = self.current(alert.issue);
        let severity = self.members_of(issue).map(|(_, entry)| entry.severity).max();
        let severity = severity.unwrap_or(Severity::Unknown);
        alert_row(alert.clone(), self.shown(issue), severity)
    }
}

fn member_row((fingerprint, entry): (Fingerprint, &Entry)) -> MemberRow {
    let row = FingerprintRow {
        fingerprint,
        template_id: entry.template,
        template: entry.text.as_ref().to_owned(),
        service: entry.service.as_ref().to_owned(),
        class: entry.class,
        severity: entry.severity,
        first_seen: entry.first.time,
        last_seen: entry.last,
    };
    MemberRow { fingerprint: row, total: entry.total }
}

fn sample_rows((fingerprint, entry): (Fingerprint, &Entry)) -> Vec<(u64, SampleRow)> {
    let row = |(hash, sample): (&u64, &super::state::StoredSample)| {
        let (time, source) = (sample.time, sample.source.clone());
        (*hash, SampleRow { time, source, fingerprint, record: sample.record.clone() })
    };
    entry.samples.values().flatten().map(row).collect()
}
