//! What every store must do with alerts and with the outbox.

use super::{FIRST, Fresh, commit_all, seen};
use crate::component::{AlertQuery, AlertRow, Contents, IssueQuery, OutboxQuery, ReadStore};
use crate::model::{
    Alert, AlertDetails, AlertKey, AlertState, BaselinePoint, Bucket, EventTime, Explanation,
    Member, Notice, NoticeId, OutboxRow, OutboxStanding, OutboxState, Severity, Verdict,
};
use crate::testing::answers::everything;
use crate::testing::generate::{START_SECS, fingerprint_of, fold, issue_of};
use std::sync::Arc;

const NOW: EventTime = EventTime::from_secs(START_SECS + 86_400);

/// Returns an alert of an issue with two buckets from an hour on.
fn alert(key: u128, number: u64, hour: i64, state: AlertState) -> Alert {
    let start = Bucket(START_SECS + 3_600 * hour);
    let details = AlertDetails {
        incident: AlertKey(key),
        state,
        service: ["api", "web"][(number % 2) as usize].into(),
        fired_at: start.start(),
        explanation: Explanation {
            test: "events in 2 buckets".into(),
            baseline: vec![BaselinePoint { bucket: start, observed: 9, expected_milli: -1 }],
            ..Explanation::default()
        },
        ..AlertDetails::default()
    };
    Alert {
        key: AlertKey(key),
        issue: issue_of(number).id,
        start,
        last: Bucket(start.0 + 300),
        bucket_secs: 300,
        peak: Verdict { bucket: start, observed: 9, expected_milli: 500, surprise_milli: 8_000 },
        observed: 12,
        details,
    }
}

fn epoch(alerts: impl IntoIterator<Item = Alert>) -> Contents {
    fold([Contents { alerts: alerts.into_iter().collect(), ..Contents::default() }])
}

fn keys(reader: &dyn ReadStore, query: &AlertQuery) -> Vec<u128> {
    let rows = reader.alerts(query, NOW).expect("it answers");
    rows.iter().map(|row| row.alert.key.0).collect()
}

/// The latest of an alert stands, with everything it says.
pub fn conforms_an_alert_is_replaced_and_never_removed(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let first = [alert(1, 3, 0, AlertState::Firing), alert(2, 3, 0, AlertState::Pending)];
    let mut changed = Alert { observed: 99, ..alert(1, 3, 0, AlertState::Resolved) };
    changed.details.by = Some("mia".into());
    changed.details.until = Some(EventTime(7));
    let epochs = [fold([seen(3), epoch(first.clone())]), epoch([changed.clone()])];
    commit_all(&mut *fixture.store, epochs);
    let reader = fixture.store.reader();
    let one = |key| reader.alert(AlertKey(key), NOW).expect("it answers");
    let row = |alert: &Alert, firing| AlertRow {
        alert: alert.clone(),
        template: issue_of(3).text.to_string(),
        severity: Severity::Warn,
        firing,
    };
    assert_eq!(one(1), Some(row(&changed, false)));
    assert_eq!(one(2), Some(row(&first[1], true)));
    assert_eq!(one(3), None);
    assert_eq!(keys(&*reader, &AlertQuery::default()), [2, 1]);
}

/// Open alerts come first, then the latest; a list can be narrowed down.
pub fn conforms_alerts_are_found_by_state_issue_service_and_range(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let states = AlertState::ALL.into_iter().zip(1..);
    let alerts = states.map(|(state, key)| alert(key, 3 + key as u64 % 2, key as i64, state));
    // Issue 4 is part of issue 3 by now.
    let moved = |issue: u64, present| {
        (Member { fingerprint: fingerprint_of(4), issue: issue_of(issue).id }, present)
    };
    let merge = Contents {
        issues: vec![(issue_of(4), false)],
        members: vec![moved(3, true), moved(4, false)],
        ..Contents::default()
    };
    commit_all(&mut *fixture.store, [seen(3), seen(4), fold([merge]), epoch(alerts)]);
    let reader = fixture.store.reader();
    let all = AlertQuery::default();
    let ask = |query| keys(&*reader, &query);
    assert_eq!(ask(all.clone()), [4, 3, 2, 1, 6, 5]);
    assert_eq!(ask(AlertQuery { limit: 2, skip: 3, ..all.clone() }), [1, 6]);
    assert_eq!(ask(AlertQuery { open_only: true, ..all.clone() }), [4, 3, 2, 1]);
    let of = |number| AlertQuery { issue: Some(issue_of(number).id), ..all.clone() };
    assert_eq!((ask(of(3)), ask(of(4))), (vec![4, 2, 6], vec![4, 2, 6]), "it leads to the other");
    let service = |name: &str| AlertQuery { service: Some(name.to_owned()), ..all.clone() };
    assert_eq!(ask(service("api")), [3, 1, 5]);
    assert_eq!(ask(AlertQuery { open_only: true, ..service("web") }), [4, 2]);
    assert_eq!(ask(service("")), [0_u128; 0]);
    let hours = |from: i64, to: i64| AlertQuery {
        from: EventTime::from_secs(START_SECS + 3_600 * from),
        to: EventTime::from_secs(START_SECS + 3_600 * to),
        ..all.clone()
    };
    assert_eq!(ask(hours(5, 6)), [4, 3, 2, 1, 5], "what is open goes on");
    assert_eq!(ask(hours(0, 3)), [2, 1]);
    assert_eq!(ask(hours(25, 30)), [0_u128; 0], "but not beyond now");
    let last = EventTime::from_secs(START_SECS + 6 * 3_600 + 600);
    assert_eq!(ask(AlertQuery { from: EventTime(last.0 - 1), ..all.clone() })[4..], [6]);
    assert_eq!(ask(AlertQuery { from: last, ..all.clone() }).len(), 4);
    let first = EventTime::from_secs(START_SECS + 3_600);
    assert_eq!(ask(AlertQuery { to: first, ..all.clone() }), [0_u128; 0]);
    assert_eq!(ask(AlertQuery { to: EventTime(first.0 + 1), ..all }), [1]);
}

/// An issue spikes as long as somebody has to do with one of its alerts.
pub fn conforms_an_issue_spikes_while_one_of_its_alerts_is_open(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let states = AlertState::ALL.into_iter().zip(0..);
    let alerts = states.map(|(state, number)| alert(number.into(), number, 1, state));
    let epochs = (0..7).map(seen).chain([epoch(alerts)]);
    commit_all(&mut *fixture.store, epochs);
    let reader = fixture.store.reader();
    let listed = |query: &IssueQuery| reader.issues(query).expect("it answers").issues;
    let spiking = listed(&everything()).into_iter().filter(|row| row.spiking);
    let mut spiking: Vec<_> = spiking.map(|row| row.id).collect();
    let mut open: Vec<_> = (0..4).map(|number| issue_of(number).id).collect();
    spiking.sort_unstable();
    open.sort_unstable();
    assert_eq!(spiking, open);
    let until = |secs| IssueQuery {
        to: EventTime::from_secs(START_SECS + secs),
        only_spiking: true,
        ..everything()
    };
    assert_eq!(listed(&until(86_400)).len(), 4);
    assert_eq!(listed(&until(3_600 + 600)).len(), 5, "the resolved one went on there");
    assert_eq!(listed(&until(3_600)).len(), 0);
}

/// Returns a row of the outbox for a notice of that age.
fn row(notice: u32, notifier: &str, secs: i64, state: OutboxState) -> OutboxRow {
    let incident = AlertKey(5);
    let notice = Notice {
        id: NoticeId::new(incident, notice),
        incident,
        number: notice,
        at: EventTime::from_secs(secs),
        alerts: vec![alert(5, 3, 0, AlertState::Firing)],
        ..Notice::default()
    };
    OutboxRow { notifier: notifier.into(), notice: Arc::new(notice), state }
}

fn delivered(secs: i64) -> OutboxState {
    OutboxState::Delivered { at: EventTime::from_secs(secs) }
}

fn dead(secs: i64) -> OutboxState {
    OutboxState::Dead { at: EventTime::from_secs(secs), reason: "404: gone for good".into() }
}

fn outbox(rows: impl IntoIterator<Item = OutboxRow>) -> Contents {
    fold([Contents { outbox: rows.into_iter().collect(), ..Contents::default() }])
}

/// A row goes from queued to settled, and may be queued again.
pub fn conforms_the_latest_row_of_a_notice_and_a_notifier_stands(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let queued = |notifier| row(1, notifier, 10, OutboxState::Queued);
    let first = ["chat", "mail", "page"].map(queued);
    let second = [row(1, "chat", 10, delivered(20)), row(1, "mail", 10, dead(30))];
    let third = [queued("mail")];
    commit_all(&mut *fixture.store, [outbox(first), outbox(second.clone())]);
    let everything = OutboxQuery::default();
    let stored = fixture.store.reader().outbox(&everything).expect("it answers");
    let [chat, mail] = second;
    assert_eq!(stored, [queued("page"), mail, chat.clone()]);
    let mut fixture = fixture.restarted();
    let recovered = fixture.store.load().expect("it loads");
    let commit = crate::component::Commit {
        incarnation: FIRST,
        predecessor: recovered.epoch,
        epoch: crate::model::Epoch(9),
        source_ids: Arc::new([]),
        contents: outbox(third),
    };
    fixture.store.commit(&commit).expect("it commits");
    let stored = fixture.store.reader().outbox(&everything).expect("it answers");
    assert_eq!(stored, [queued("mail"), queued("page"), chat]);
}

/// Whoever delivers begins with what waits longest; whoever looks sees the latest first.
pub fn conforms_the_outbox_lists_what_waits_longest_and_what_was_settled_last(fresh: Fresh<'_>) {
    let mut fixture = fresh().claimed(FIRST);
    let queued = OutboxState::Queued;
    let rows = [
        row(1, "chat", 30, queued.clone()),
        row(2, "chat", 10, queued.clone()),
        row(3, "mail", 20, queued),
        row(4, "chat", 40, delivered(50)),
        row(5, "mail", 40, delivered(70)),
        row(6, "chat", 40, dead(60)),
    ];
    commit_all(&mut *fixture.store, [outbox(rows)]);
    let reader = fixture.store.reader();
    let ask = |notifier: Option<&str>, state, limit, skip| {
        let notifier = notifier.map(str::to_owned);
        let query = OutboxQuery { notifier, state, limit, skip };
        let rows = reader.outbox(&query).expect("it answers");
        rows.iter().map(|row| row.notice.number).collect::<Vec<_>>()
    };
    let (queued, delivered) = (Some(OutboxStanding::Queued), Some(OutboxStanding::Delivered));
    assert_eq!(ask(None, None, 9, 0), [2, 3, 1, 5, 6, 4]);
    assert_eq!(ask(None, None, 3, 2), [1, 5, 6]);
    assert_eq!(ask(Some("chat"), queued, 9, 0), [2, 1]);
    assert_eq!(ask(None, delivered, 9, 0), [5, 4]);
    assert_eq!(ask(Some("chat"), Some(OutboxStanding::Dead), 9, 0), [6]);
    assert_eq!(ask(Some("mail"), Some(OutboxStanding::Dead), 9, 0), [0_u32; 0]);
}
