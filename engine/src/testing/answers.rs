//! Everything a store can be asked, asked at once, to compare two stores or two moments of one.

use super::generate::{NOTIFIERS, PEOPLE, SPREAD_SECS, START_SECS, TAGS, TEXTS, issue_of};
use crate::component::{
    AlertQuery, AlertRow, Audit, ClassCounts, CountRow, History, IssueDetail, IssueOrder,
    IssuePage, IssueQuery, KeptSamples, OutboxQuery, ReadStore, Recovered, RejectedRow, SamplesOf,
    Store, TimelineQuery,
};
use crate::model::{
    Activity, Bucket, BucketSize, EventTime, Fingerprint, OutboxRow, OutboxStanding, Part,
    Severity, TextId, TriageState, VectorRow,
};

/// The answers of a store.
#[derive(Clone, Debug, PartialEq)]
pub struct Answers {
    /// What it loads.
    pub recovered: Recovered,
    /// The counts of several histories.
    pub counts: Vec<Vec<(Fingerprint, Bucket, i64)>>,
    /// Issue lists by several queries.
    pub pages: Vec<IssuePage>,
    /// Every listed issue in full.
    pub details: Vec<Option<IssueDetail>>,
    /// Samples of every listed issue and of its members: all, and the first few.
    pub samples: Vec<Option<KeptSamples>>,
    /// Timelines of several sizes, of everything and of every listed issue.
    pub timelines: Vec<Vec<ClassCounts>>,
    /// Alerts by several queries.
    pub alerts: Vec<Vec<AlertRow>>,
    /// What happened to some issues, listed or not: all, and a page of it.
    pub activity: Vec<Vec<Activity>>,
    /// The outbox by several queries.
    pub outbox: Vec<Vec<OutboxRow>>,
    /// The audit.
    pub audit: Audit,
    /// Every part of every issue.
    pub parts: Vec<Part>,
    /// Every vector, and those of some texts: a few that may be known, and one that never is.
    pub vectors: [Vec<VectorRow>; 2],
    /// What could not be used.
    pub rejected: Vec<RejectedRow>,
    /// The complete export.
    pub export: Vec<CountRow>,
}

/// Returns a query for everything in the generated range.
pub fn everything() -> IssueQuery {
    let to = EventTime::from_secs(START_SECS + SPREAD_SECS);
    IssueQuery {
        from: EventTime::from_secs(START_SECS - 60),
        to,
        points: 24,
        min_severity: Severity::Trace,
        words: Vec::new(),
        service: None,
        tag: None,
        ids: None,
        only_new: false,
        triage: None,
        assignee: None,
        only_spiking: false,
        order: IssueOrder::Count,
        limit: usize::MAX,
        skip: 0,
        now: to,
    }
}

/// Asks `store` everything about the generated world.
pub fn answers(store: &mut dyn Store) -> Answers {
    let recovered = store.load().expect("the store loads");
    let counts = histories().map(|history| store.counts(history).expect("the counts are read"));
    let reader = store.reader();
    let ask = |query: &IssueQuery| reader.issues(query).expect("the issues are listed");
    let pages: Vec<IssuePage> = queries().iter().map(ask).collect();
    let ids: Vec<_> = pages[0].issues.iter().map(|row| row.id).collect();
    let detail = |id| reader.issue(id, &queries()[1]).expect("the issue is read");
    let details: Vec<_> = ids.iter().copied().map(detail).collect();
    Answers {
        recovered,
        counts: counts.to_vec(),
        samples: samples(&*reader, &details),
        details,
        timelines: timelines(&*reader, &pages[0]),
        alerts: alerts(&*reader),
        activity: activity(&*reader),
        outbox: outbox(&*reader),
        audit: reader.audit().expect("the audit is read"),
        parts: reader.parts().expect("the parts are read"),
        vectors: vectors(&*reader),
        rejected: reader.rejected().expect("the rejected records are read"),
        export: export(&*reader, usize::MAX),
        pages,
    }
}

/// Returns the first `limit` rows of the complete export.
pub fn export(reader: &dyn ReadStore, limit: usize) -> Vec<CountRow> {
    let mut rows = Vec::new();
    let mut each = |row| {
        rows.push(row);
        rows.len() < limit
    };
    reader.export_counts(&mut each).expect("the counts are exported");
    rows
}

/// Returns the history of all times in buckets of `secs`, which divides a day.
pub fn all_history(secs: u32) -> History {
    history(secs, i64::MIN)
}

/// Returns a history of buckets of `secs`, which divides a day.
pub fn history(secs: u32, since: i64) -> History {
    History { size: BucketSize::new(secs).expect("it divides a day"), since: Bucket(since) }
}

fn histories() -> [History; 6] {
    let middle = START_SECS + SPREAD_SECS / 2;
    [
        all_history(60),
        history(300, middle),
        history(300, middle + 1),
        history(3_600, middle + 60),
        history(86_400, START_SECS),
        history(60, i64::MAX),
    ]
}

fn alerts(reader: &dyn ReadStore) -> Vec<Vec<AlertRow>> {
    let at = |secs| EventTime(EventTime::from_secs(START_SECS + secs).0 + 1);
    let all = AlertQuery::default();
    let queries = [
        all.clone(),
        AlertQuery { limit: 3, skip: 1, ..all.clone() },
        AlertQuery { open_only: true, ..all.clone() },
        AlertQuery { issue: Some(issue_of(3).id), ..all.clone() },
        AlertQuery { issue: Some(issue_of(4).id), service: Some("api".into()), ..all.clone() },
        AlertQuery { service: Some("billing".into()), open_only: true, limit: 2, ..all.clone() },
        AlertQuery { from: at(3_600), to: at(80_000), ..all.clone() },
        AlertQuery { from: at(SPREAD_SECS), ..all },
    ];
    let now = EventTime::from_secs(START_SECS + SPREAD_SECS / 2);
    let ask = |query: &AlertQuery| reader.alerts(query, now).expect("the alerts are listed");
    let listed: Vec<_> = queries.iter().map(ask).collect();
    for row in &listed[0] {
        let one = reader.alert(row.alert.key, now).expect("the alert is read");
        assert_eq!(one.as_ref(), Some(row), "an alert is the same alone and in a list");
    }
    listed
}

fn activity(reader: &dyn ReadStore) -> Vec<Vec<Activity>> {
    let ask = |number, limit, skip| {
        reader.activity(issue_of(number).id, limit, skip).expect("the activity is listed")
    };
    let pages = |number| [ask(number, usize::MAX, 0), ask(number, 2, 1)];
    [0, 1, 2, 3, 4, 6, 7, 999].into_iter().flat_map(pages).collect()
}

fn outbox(reader: &dyn ReadStore) -> Vec<Vec<OutboxRow>> {
    let all = OutboxQuery::default();
    let mut queries = vec![all.clone(), OutboxQuery { limit: 4, skip: 2, ..all.clone() }];
    for state in [OutboxStanding::Queued, OutboxStanding::Delivered, OutboxStanding::Dead] {
        let of_one = OutboxQuery { state: Some(state), ..all.clone() };
        queries.push(OutboxQuery { notifier: Some(NOTIFIERS[0].to_owned()), ..of_one.clone() });
        queries.push(of_one);
    }
    queries.push(OutboxQuery { notifier: Some("nobody".to_owned()), ..all });
    let ask = |query: &OutboxQuery| reader.outbox(query).expect("the outbox is listed");
    queries.iter().map(ask).collect()
}

fn vectors(reader: &dyn ReadStore) -> [Vec<VectorRow>; 2] {
    let texts = [TEXTS[2], "never embedded", TEXTS[0], TEXTS[2]].map(TextId::of_text);
    [reader.vectors(), reader.vectors_of(&texts)].map(|rows| rows.expect("the vectors are read"))
}

fn samples(reader: &dyn ReadStore, details: &[Option<IssueDetail>]) -> Vec<Option<KeptSamples>> {
    let of = |detail: &IssueDetail| {
        let members = detail.members.iter().map(|member| member.fingerprint.fingerprint);
        let members = members.map(SamplesOf::Fingerprint);
        std::iter::once(SamplesOf::Issue(detail.issue.id)).chain(members).collect::<Vec<_>>()
    };
    let ask = |of, limit| reader.samples(of, limit).expect("the samples are read");
    let all = details.iter().flatten().flat_map(of);
    all.flat_map(|of| [KeptSamples::READ_MAX, 3].map(|limit| ask(of, limit))).collect()
}

fn timelines(reader: &dyn ReadStore, page: &IssuePage) -> Vec<Vec<ClassCounts>> {
    let all = everything();
    let issues = page.issues.iter().take(5).map(|row| Some(row.id));
    let mut timelines = Vec::new();
    for issue in issues.chain([None]) {
        for secs in [60, 300, 3_600, 86_400] {
            let size = BucketSize::new(secs).expect("it divides a day");
            let from = EventTime(all.from.0 + 1_234_567_890_123);
            let query = TimelineQuery { issue, from, to: all.to, size };
            timelines.push(reader.timeline(&query).expect("the timeline is read"));
        }
    }
    timelines
}

fn queries() -> Vec<IssueQuery> {
    let all = everything();
    let ever = IssueQuery::everything(all.now);
    let at = |secs| EventTime(EventTime::from_secs(START_SECS + secs).0 + 1);
    let mut queries = vec![
        all.clone(),
        IssueQuery { from: at(4_000), to: at(100_000), now: at(90_000), points: 7, ..all.clone() },
        IssueQuery { from: at(0), to: at(7_000), points: 100, ..all.clone() },
        IssueQuery { from: at(5), to: at(5), ..all.clone() },
        IssueQuery { points: 0, limit: 2, skip: 1, ..all.clone() },
        IssueQuery { words: vec!["KIND".into(), "number 3".into()], ..all.clone() },
        IssueQuery { service: Some("api".into()), ..all.clone() },
        IssueQuery { tag: Some(TAGS[1].into()), ..all.clone() },
        IssueQuery { tag: Some("unheard of".into()), ..all.clone() },
        IssueQuery { ids: Some([].into()), ..all.clone() },
        IssueQuery { ids: Some([3, 0, 999].map(|n| issue_of(n).id).into()), ..ever.clone() },
        IssueQuery {
            ids: Some([0, 6].map(|n| issue_of(n).id).into()),
            tag: Some(TAGS[0].into()),
            from: at(4_000),
            only_spiking: true,
            ..all.clone()
        },
        ever.clone(),
        IssueQuery { only_new: true, now: at(86_400), ..all.clone() },
        IssueQuery { triage: Some([].into()), ..all.clone() },
        IssueQuery {
            triage: Some([TriageState::Open, TriageState::Regressed].into()),
            limit: 1,
            ..all.clone()
        },
        IssueQuery {
            triage: Some([TriageState::Ignored].into()),
            ids: Some([0, 3, 6].map(|n| issue_of(n).id).into()),
            ..ever.clone()
        },
        IssueQuery { assignee: Some(PEOPLE[1].into()), limit: 1, skip: 1, ..all.clone() },
        IssueQuery { only_spiking: true, to: at(86_400), ..all.clone() },
    ];
    for order in [IssueOrder::Relevance, IssueOrder::LastSeen, IssueOrder::FirstSeen] {
        queries.push(IssueQuery { order, now: at(86_400), ..all.clone() });
    }
    for min_severity in Severity::ALL {
        queries.push(IssueQuery { min_severity, ..all.clone() });
    }
    queries
}
