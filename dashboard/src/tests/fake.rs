//! A read store that holds a fixed, known set of rows and can fail on demand.

use super::NOW;
use super::fake_alerts::FakeAlerts;
use engine::component::{
    AlertQuery, AlertRow, Audit, ClassCounts, CountRow, FingerprintRow, IssueDetail, IssuePage,
    IssueQuery, IssueRow, IssueState, KeptSamples, MemberRow, OutboxQuery, ReadStore, RejectedRow,
    SampleRow, SamplesOf, SourceAudit, StoreError, TimelineQuery,
};
use engine::model::{
    Activity, Alert, AlertDetails, AlertKey, AlertState, BaselinePoint, Bucket, Constraint, Deed,
    EventTime, Explanation, Fingerprint, Happened, IssueId, Notice, NoticeId, OutboxRow,
    OutboxState, Part, RejectReason, Severity, SeverityClass, Similarity, Standing, Tag, TagReason,
    Template, TextId, TriageState, VectorRow, Verdict,
};
use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;
use std::sync::{Condvar, Mutex};

/// How the fake behaves.
#[derive(Default)]
pub(super) enum Mood {
    /// Answers.
    #[default]
    Fine,
    /// Cannot be reached.
    Unavailable,
    /// Waits for a message (or the end of the channel) before it answers.
    Waiting(Mutex<Receiver<()>>),
}

/// The fake.
pub(super) struct FakeReadStore {
    pub(super) mood: Mood,
    pub(super) issue_count: usize,
    pub(super) export_rows: usize,
    /// Fails the export after its last row.
    pub(super) export_breaks: bool,
    pub(super) asked: Mutex<Vec<IssueQuery>>,
    pub(super) alerts_asked: Mutex<Vec<AlertQuery>>,
    pub(super) export_ended: (Mutex<Option<usize>>, Condvar),
}

impl Default for FakeReadStore {
    fn default() -> Self {
        Self {
            mood: Mood::Fine,
            issue_count: 3,
            export_rows: 3,
            export_breaks: false,
            asked: Mutex::new(Vec::new()),
            alerts_asked: Mutex::new(Vec::new()),
            export_ended: (Mutex::new(None), Condvar::new()),
        }
    }
}

/// The id of the `n`-th issue.
pub(super) fn issue_id(n: usize) -> IssueId {
    IssueId(n as u128 + 1)
}

fn unavailable() -> StoreError {
    StoreError::Unavailable { what: "asking the fake".to_owned(), cause: None }
}

fn issue_row(n: usize, points: usize) -> IssueRow {
    IssueRow {
        id: issue_id(n),
        template: "connection to <ip> refused".to_owned(),
        class: SeverityClass::Error,
        severity: Severity::Error,
        services: vec!["api".to_owned()],
        tags: vec![Tag {
            name: "network".into(),
            score: Similarity::from_millionths(625_000),
            reason: TagReason::Words("refused".into()),
        }],
        state: IssueState::New,
        standing: Standing {
            state: TriageState::Regressed,
            changed_at: NOW,
            assignee: Some("ann".into()),
            ..Standing::default()
        },
        spiking: true,
        first_seen: EventTime::from_secs(1_699_990_000),
        last_seen: EventTime(1_699_999_999_250_000_000),
        count: 12,
        total: 34,
        fingerprints: 1,
        sparkline: vec![1; points],
    }
}

/// Two alerts of one incident that go on, and one that has ended.
fn alert_rows() -> Vec<AlertRow> {
    let first = alert_row();
    let mut beside = alert_row();
    beside.alert.key = AlertKey(10);
    let mut ended = alert_row();
    (ended.alert.key, ended.firing) = (FakeAlerts::ENDED, false);
    (ended.alert.details.incident, ended.alert.details.state) =
        (FakeAlerts::ENDED, AlertState::Resolved);
    vec![first, beside, ended]
}

fn outbox_row(n: u128, state: OutboxState) -> OutboxRow {
    let (id, incident, number) = (NoticeId(n), AlertKey(9), 1);
    let alerts = vec![alert_row().alert];
    let notice = Notice { id, incident, number, at: NOW, alerts, ..Notice::default() };
    OutboxRow { notifier: "pager".into(), notice: notice.into(), state }
}

fn alert_row() -> AlertRow {
    let (start, last) = (Bucket(1_699_999_500), Bucket(1_699_999_800));
    let peak =
        Verdict { bucket: last, observed: 120, expected_milli: 2_500, surprise_milli: 41_250 };
    let alert = Alert {
        key: AlertKey(9),
        issue: issue_id(0),
        start,
        last,
        bucket_secs: 300,
        peak,
        observed: 150,
        details: AlertDetails {
            incident: AlertKey(9),
            service: "api".into(),
            fired_at: EventTime::from_secs(1_699_999_600),
            explanation: Explanation {
                test: "events in 2 buckets".into(),
                window: 2,
                budget_milli: 10_000,
                alive: 1204,
                baseline: vec![BaselinePoint {
                    bucket: start,
                    observed: 30,
                    expected_milli: 2_500,
                }],
            },
            ..AlertDetails::default()
        },
    };
    AlertRow {
        alert,
        template: "connection to <ip> refused".to_owned(),
        severity: Severity::Error,
        firing: true,
    }
}

impl FakeReadStore {
    /// Waits until an export has ended, and returns how many rows were read for it.
    pub(super) fn exported_rows(&self) -> usize {
        let (ended, changed) = &self.export_ended;
        let ended = changed.wait_while(ended.lock().unwrap(), |ended| ended.is_none()).unwrap();
        ended.unwrap()
    }

    fn mood(&self) -> Result<(), StoreError> {
        match &self.mood {
            Mood::Fine => Ok(()),
            Mood::Unavailable => Err(unavailable()),
            Mood::Waiting(gate) => {
                let _ = gate.lock().unwrap().recv();
                Ok(())
            }
        }
    }
}

impl ReadStore for FakeReadStore {
    fn issues(&self, query: &IssueQuery) -> Result<IssuePage, StoreError> {
        self.mood()?;
        self.asked.lock().unwrap().push(query.clone());
        let wanted = |n: &usize| query.ids.as_ref().is_none_or(|ids| ids.contains(&issue_id(*n)));
        let matching: Vec<usize> = (0..self.issue_count).filter(wanted).collect();
        let shown = matching.iter().skip(query.skip).take(query.limit);
        let issues = shown.map(|n| issue_row(*n, query.points)).collect();
        Ok(IssuePage { issues, matching: matching.len() })
    }

    fn issue(&self, id: IssueId, query: &IssueQuery) -> Result<Option<IssueDetail>, StoreError> {
        self.mood()?;
        let fingerprint = Fingerprint(5);
        let row = FingerprintRow {
            fingerprint,
            template_id: Template(6),
            template: "connection to <ip> refused".to_owned(),
            service: "api".to_owned(),
            class: SeverityClass::Error,
            severity: Severity::Error,
            first_seen: EventTime::from_secs(1_699_990_000),
            last_seen: EventTime::from_secs(1_699_999_999),
        };
        let sample = SampleRow {
            time: EventTime::from_secs(1_699_999_999),
            source: "app".to_owned(),
            fingerprint,
            record: "<script>connection to 10.0.0.1 refused</script>".to_owned(),
        };
        Ok((id == issue_id(0)).then(|| IssueDetail {
            issue: issue_row(0, query.points),
            members: vec![MemberRow { fingerprint: row, total: 34 }],
            samples: vec![sample],
            alerts: vec![alert_row()],
        }))
    }

    fn samples(&self, of: SamplesOf, limit: usize) -> Result<Option<KeptSamples>, StoreError> {
        self.mood()?;
        assert!([0, KeptSamples::READ_MAX].contains(&limit));
        // The second issue is part of the first by now; of the third there is nothing but itself.
        let leads_to = |issue| match of {
            SamplesOf::Issue(id) => id == issue_id(issue),
            SamplesOf::Fingerprint(_) => false,
        };
        Ok((0..3).any(leads_to).then(|| KeptSamples {
            issue: Some(issue_id(if leads_to(2) { 2 } else { 0 })),
            template: "connection to <ip> refused".to_owned(),
            kept: 12,
            ..KeptSamples::default()
        }))
    }

    fn timeline(&self, query: &TimelineQuery) -> Result<Vec<ClassCounts>, StoreError> {
        self.mood()?;
        if query.issue.is_some_and(|id| id != issue_id(0)) {
            return Ok(Vec::new());
        }
        Ok(vec![ClassCounts { bucket: query.size.of(query.from), error: 1, warn: 2, rest: 3 }])
    }

    fn alert(&self, key: AlertKey, _: EventTime) -> Result<Option<AlertRow>, StoreError> {
        self.mood()?;
        Ok(alert_rows().into_iter().find(|row| row.alert.key == key))
    }

    fn alerts(&self, query: &AlertQuery, _: EventTime) -> Result<Vec<AlertRow>, StoreError> {
        self.mood()?;
        self.alerts_asked.lock().unwrap().push(query.clone());
        let wanted = |row: &AlertRow| row.firing || !query.open_only;
        let rows = alert_rows().into_iter().filter(wanted);
        Ok(rows.skip(query.skip).take(query.limit).collect())
    }

    fn activity(
        &self,
        issue: IssueId,
        limit: usize,
        skip: usize,
    ) -> Result<Vec<Activity>, StoreError> {
        self.mood()?;
        let entry = |happened| Activity {
            at: NOW,
            issue,
            happened,
            by: "ann".into(),
            comment: "seen".into(),
        };
        let (left, right) = (issue, issue_id(1));
        let grouped = Happened::Grouped {
            id: "g_1".into(),
            constraint: Constraint::MustLink { left, right },
        };
        let assigned = Happened::Deed(Deed::Assign { to: Some("bob".into()) });
        // One thing that was said about two issues.
        let rows = [grouped.clone(), grouped, assigned, Happened::Regressed].map(entry);
        Ok(rows.into_iter().skip(skip).take(limit).collect())
    }

    fn outbox(&self, query: &OutboxQuery) -> Result<Vec<OutboxRow>, StoreError> {
        self.mood()?;
        let reason = "connection refused".into();
        let rows = vec![
            outbox_row(1, OutboxState::Queued),
            outbox_row(2, OutboxState::Delivered { at: NOW }),
            outbox_row(3, OutboxState::Dead { at: NOW, reason }),
        ];
        let wanted = |row: &OutboxRow| {
            query.state.is_none_or(|state| state == row.state.standing())
                && query.notifier.as_ref().is_none_or(|id| **id == *row.notifier)
        };
        let rows = rows.into_iter().filter(wanted);
        Ok(rows.skip(query.skip).take(query.limit).collect())
    }

    fn audit(&self) -> Result<Audit, StoreError> {
        self.mood()?;
        let app = SourceAudit {
            offset: BTreeMap::from([("a.log".to_owned(), "10".to_owned())]),
            read: 5,
            ..SourceAudit::default()
        };
        let sources = BTreeMap::from([("app".to_owned(), app)]);
        Ok(Audit { epoch: 41, sources, read: 5, counted: 5, ..Audit::default() }.balance())
    }

    fn vectors(&self) -> Result<Vec<VectorRow>, StoreError> {
        Ok(Vec::new())
    }

    fn vectors_of(&self, _: &[TextId]) -> Result<Vec<VectorRow>, StoreError> {
        Ok(Vec::new())
    }

    fn parts(&self) -> Result<Vec<Part>, StoreError> {
        Ok(Vec::new())
    }

    fn rejected(&self) -> Result<Vec<RejectedRow>, StoreError> {
        self.mood()?;
        Ok(vec![RejectedRow {
            source: "app".to_owned(),
            reason: RejectReason::AbsurdTime,
            count: 7,
            examples: vec!["1970-01-01 <b>epoch</b>".to_owned()],
        }])
    }

    fn export_counts(&self, each: &mut dyn FnMut(CountRow) -> bool) -> Result<(), StoreError> {
        self.mood()?;
        let row = |n: usize| CountRow {
            issue: issue_id(0),
            fingerprint: Fingerprint(5),
            severity: Severity::Error,
            template: "connection to <ip> refused".to_owned(),
            sample: "connection to 10.0.0.1 refused".to_owned(),
            bucket_start: EventTime::from_secs(60 * n as i64),
            bucket_seconds: 60,
            count: n as i64,
        };
        let wanted = (0..self.export_rows).take_while(|n| each(row(*n))).count();
        let (ended, changed) = &self.export_ended;
        *ended.lock().unwrap() = Some(wanted);
        changed.notify_all();
        if self.export_breaks { Err(unavailable()) } else { Ok(()) }
    }
}
