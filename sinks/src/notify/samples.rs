//! Messages for the tests of notifiers, and the comparison with golden files.
#![allow(clippy::disallowed_methods, reason = "tests read small files of their own crate")]

use engine::component::{IssueTitle, Message};
use engine::model::{
    Alert, AlertDetails, AlertKey, AlertKind, AlertState, BaselinePoint, Bucket, Deploy, EventTime,
    Explanation, Fingerprint, IssueId, Notice, NoticeId, Severity, Transition, Verdict,
};
use std::path::Path;

/// 2026-03-01T14:05:00Z, the start of a bucket.
const START: i64 = 1_772_373_900;
const BUCKET_SECS: u32 = 300;

/// Returns the `number`th alert of an incident, with these numbers at its peak.
pub fn alert(number: u128, observed: i64, expected_milli: i64) -> Alert {
    let start = Bucket(START);
    let last = Bucket(START + i64::from(BUCKET_SECS));
    let lead = Fingerprint(number + 1);
    let key = AlertKey::new(lead, start);
    let curve = [(0, 9), (1, 12), (2, observed)].map(|(step, observed)| BaselinePoint {
        bucket: Bucket(START + (step - 2) * i64::from(BUCKET_SECS)),
        observed,
        expected_milli,
    });
    let explanation = Explanation {
        test: "events in 1 bucket".into(),
        window: 1,
        budget_milli: 1000,
        alive: 1234,
        baseline: curve.to_vec(),
    };
    let details = AlertDetails {
        incident: AlertKey::new(Fingerprint(1), start),
        lead,
        service: "payments".into(),
        fired_at: EventTime::from_secs(START + 40),
        changed_at: EventTime::from_secs(START + 40),
        explanation,
        ..AlertDetails::default()
    };
    let peak = Verdict { bucket: start, observed, expected_milli, surprise_milli: 12_000 };
    let issue = IssueId(number + 1);
    let observed = observed + 310;
    Alert { key, issue, start, last, bucket_secs: BUCKET_SECS, peak, observed, details }
}

/// Returns a message about `alerts`, the `number`th of their incident.
pub fn message(number: u32, transition: Transition, alerts: Vec<Alert>) -> Message {
    let incident = AlertKey::new(Fingerprint(1), Bucket(START));
    let titles = alerts.iter().map(|alert| {
        let title = IssueTitle {
            template: "connection to <host> refused".to_owned(),
            severity: Severity::Error,
            tags: vec!["network".to_owned(), "dependency".to_owned()],
            sample: "connection to db-primary:5432 refused".to_owned(),
        };
        (alert.issue, title)
    });
    Message {
        titles: titles.collect(),
        notice: Notice {
            id: NoticeId::new(incident, number),
            incident,
            number,
            transition,
            at: EventTime::from_secs(START + 40),
            alerts,
            more: 0,
        },
        public_url: Some("https://logs.example".to_owned()),
    }
}

/// Returns an incident that has just begun.
pub fn fired() -> Message {
    message(1, Transition::Fired, vec![alert(0, 420, 11_000)])
}

/// Returns an incident of two alerts with everything that can be said of one, among it texts that want to be
/// more than text.
pub fn amended() -> Message {
    let mut first = alert(0, 420, 11_000);
    first.details.told_observed = Some(500);
    first.details.deploy = Some(Deploy {
        service: "payments".into(),
        version: "1.2.3".into(),
        at: EventTime::from_secs(START - 240),
    });
    let mut second = alert(1, 17, 0);
    second.details.kind = AlertKind::NewBurst;
    second.details.service = "checkout".into();
    let (first_issue, second_issue) = (first.issue, second.issue);
    let mut message = message(4, Transition::Amended, vec![first, second]);
    message.notice.more = 3;
    let mut retitle = |issue: IssueId, text: &str| {
        let title = message.titles.entry(issue).or_default();
        title.template = text.to_owned();
        title.sample = text.to_owned();
    };
    retitle(first_issue, "<!channel> @everyone @channel & <https://evil.example|log in> *now*");
    retitle(second_issue, "[log in](https://evil.example) `\"quoted\"` \\ back\nnext");
    message
}

/// Returns an incident that is over.
pub fn resolved() -> Message {
    let mut alert = alert(0, 420, 11_000);
    alert.details.state = AlertState::Resolved;
    alert.details.by = Some("ann".into());
    alert.details.comment = Some("restarted the database".into());
    alert.details.changed_at = EventTime::from_secs(START + 1800);
    let mut message = message(5, Transition::Resolved, vec![alert]);
    message.notice.at = EventTime::from_secs(START + 1800);
    message
}

/// Returns an incident that somebody has acknowledged.
pub fn acknowledged() -> Message {
    let mut alert = alert(0, 420, 11_000);
    alert.details.state = AlertState::Acknowledged;
    alert.details.by = Some("ann".into());
    message(2, Transition::Acknowledged, vec![alert])
}

/// Returns an incident with as many alerts as a notice lists, and more.
pub fn many() -> Message {
    let alerts = (0..Notice::ALERTS_MAX as u128).map(|number| alert(number, 420, 11_000));
    let mut message = message(1, Transition::Fired, alerts.collect());
    message.notice.more = 1000;
    message
}

/// Compares `found` with the golden file `name`; `UPDATE=1` rewrites it.
pub fn golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/notify/golden").join(name);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, found).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, expected, "{name} differs; UPDATE=1 rewrites it");
}

/// Returns JSON as golden files have it.
pub fn pretty(text: &str) -> String {
    let value: serde_json::Value = serde_json::from_str(text).unwrap();
    serde_json::to_string_pretty(&value).unwrap() + "\n"
}
