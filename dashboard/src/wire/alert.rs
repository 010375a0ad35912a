//! Alerts as the API writes them, with why they fired in words, and what people decide about them.

use super::Time;
use engine::component::AlertRow;
use engine::model::{
    self, AlertKey, AlertKind, AlertLevel, AlertState, Bucket, EventTime, IssueId, NoticeId,
    OutboxRow, OutboxStanding, OutboxState, Severity, Transition, Verdict,
};
use serde::Serialize;
use std::sync::Arc;

/// An alert.
#[derive(Serialize)]
pub(crate) struct Alert {
    key: AlertKey,
    incident: AlertKey,
    issue: IssueId,
    template: String,
    severity: Severity,
    service: Arc<str>,
    kind: AlertKind,
    level: AlertLevel,
    state: AlertState,
    firing: bool,
    start: Time,
    last: Time,
    end: Time,
    bucket_seconds: u32,
    observed: i64,
    told_observed: Option<i64>,
    peak: Peak,
    fired_at: Option<Time>,
    changed_at: Option<Time>,
    until: Option<Time>,
    by: Option<Arc<str>>,
    comment: Option<Arc<str>>,
    silence: Option<Arc<str>>,
    deploy: Option<Deploy>,
    explanation: Explanation,
}

/// The most surprising bucket of an alert.
#[derive(Serialize)]
struct Peak {
    start: Time,
    observed: i64,
    expected: f64,
    ratio: f64,
    surprise: f64,
}

/// Why an alert fired.
#[derive(Serialize)]
struct Explanation {
    sentence: String,
    test: Arc<str>,
    window_buckets: u32,
    false_alerts_per_day: f64,
    series: u64,
}

impl From<AlertRow> for Alert {
    fn from(row: AlertRow) -> Self {
        let alert = row.alert;
        let end = Bucket(alert.last.0.saturating_add(i64::from(alert.bucket_secs)));
        let explanation = Explanation::of(&alert);
        let details = alert.details;
        let given = |text: Option<Arc<str>>| text.filter(|text| !text.is_empty());
        let at = |time: EventTime| (time != EventTime::default()).then(|| time.into());
        Self {
            key: alert.key,
            // Alerts of earlier builds name no incident: each is one of its own.
            incident: if details.incident.0 == 0 { alert.key } else { details.incident },
            issue: alert.issue,
            template: row.template,
            severity: row.severity,
            service: details.service,
            kind: details.kind,
            level: details.level,
            state: details.state,
            firing: row.firing,
            start: alert.start.into(),
            last: alert.last.into(),
            end: end.into(),
            bucket_seconds: alert.bucket_secs,
            observed: alert.observed,
            told_observed: details.told_observed,
            peak: alert.peak.into(),
            fired_at: at(details.fired_at),
            changed_at: at(details.changed_at),
            until: details.until.map(Time::from),
            by: given(details.by),
            comment: given(details.comment),
            silence: details.silence,
            deploy: details.deploy.map(Deploy::from),
            explanation,
        }
    }
}

impl From<Verdict> for Peak {
    /// The ratio takes at least a thousandth as expected, the resolution of that number.
    fn from(verdict: Verdict) -> Self {
        let ratio = verdict.observed as f64 / milli(verdict.expected_milli.max(1));
        Self {
            start: verdict.bucket.into(),
            observed: verdict.observed,
            expected: milli(verdict.expected_milli),
            ratio: (ratio * 1000.0).round() / 1000.0,
            surprise: milli(verdict.surprise_milli),
        }
    }
}

fn milli(n: i64) -> f64 {
    n as f64 / 1000.0
}

impl Explanation {
    fn of(alert: &model::Alert) -> Self {
        let of = &alert.details.explanation;
        Self {
            sentence: sentence(alert),
            test: Arc::clone(&of.test),
            window_buckets: of.window,
            false_alerts_per_day: milli(of.budget_milli),
            series: of.alive,
        }
    }
}

/// Returns why an alert fired, for whoever wants to check it.
fn sentence(alert: &model::Alert) -> String {
    let (of, peak) = (&alert.details.explanation, &alert.peak);
    let test = if of.test.is_empty() { "its count" } else { &of.test };
    let test: String = test.chars().take(1).flat_map(char::to_uppercase).collect::<String>()
        + test.get(1..).unwrap_or_default();
    let events = if peak.observed == 1 { "event" } else { "events" };
    let expected = match peak.expected_milli {
        0 => "none was".to_owned(),
        n => format!("{} were", milli(n)),
    };
    let mut said = format!("{test}: {} {events} where {expected} expected.", peak.observed);
    if let Some(odds) = peak.odds() {
        said += &format!(" By chance that happens once in {odds} times.");
    }
    if of.alive > 0 && of.budget_milli > 0 {
        let budget = milli(of.budget_milli);
        let series = of.alive;
        said += &format!(" {series} series were watched, at {budget} false alarms a day.");
    }
    said
}

/// One bucket of the curve behind an alert.
#[derive(Serialize)]
pub(crate) struct BaselinePoint {
    start: Time,
    observed: i64,
    expected: f64,
}

impl From<model::BaselinePoint> for BaselinePoint {
    fn from(point: model::BaselinePoint) -> Self {
        let expected = milli(point.expected_milli);
        Self { start: point.bucket.into(), observed: point.observed, expected }
    }
}

/// A deploy that somebody told of.
#[derive(Serialize)]
pub(crate) struct Deploy {
    service: Option<Arc<str>>,
    version: Arc<str>,
    at: Time,
}

impl From<model::Deploy> for Deploy {
    fn from(deploy: model::Deploy) -> Self {
        let service = Some(deploy.service).filter(|service| !service.is_empty());
        Self { service, version: deploy.version, at: deploy.at.into() }
    }
}

/// A silence.
#[derive(Serialize)]
pub(crate) struct Silence {
    id: Arc<str>,
    service: Option<Arc<str>>,
    about: Option<Arc<str>>,
    kind: Option<AlertKind>,
    from: Time,
    until: Time,
    by: Option<Arc<str>>,
    comment: Option<Arc<str>>,
}

impl From<model::Silence> for Silence {
    fn from(silence: model::Silence) -> Self {
        let given = |text: Arc<str>| Some(text).filter(|text| !text.is_empty());
        Self {
            id: silence.id,
            service: silence.service,
            about: silence.about,
            kind: silence.kind,
            from: silence.from.into(),
            until: silence.until.into(),
            by: given(silence.by),
            comment: given(silence.comment),
        }
    }
}

/// A notice and how it stands with one notifier.
#[derive(Serialize)]
pub(crate) struct Delivery {
    notice: NoticeId,
    notifier: Arc<str>,
    incident: AlertKey,
    number: u32,
    transition: Transition,
    at: Time,
    state: OutboxStanding,
    settled_at: Option<Time>,
    reason: Option<Arc<str>>,
    /// The service of the incident.
    service: Option<Arc<str>>,
    /// The strongest first.
    alerts: Vec<AlertKey>,
    /// How many more alerts there are.
    more: u32,
}

impl From<OutboxRow> for Delivery {
    fn from(row: OutboxRow) -> Self {
        let (notice, state) = (&row.notice, row.state.standing());
        let (settled_at, reason) = match row.state {
            OutboxState::Queued => (None, None),
            OutboxState::Delivered { at } => (Some(at.into()), None),
            OutboxState::Dead { at, reason } => (Some(at.into()), Some(reason)),
        };
        let service = notice.alerts.first().map(|alert| Arc::clone(&alert.details.service));
        Self {
            notice: notice.id,
            notifier: row.notifier,
            incident: notice.incident,
            number: notice.number,
            transition: notice.transition,
            at: notice.at.into(),
            state,
            settled_at,
            reason,
            service: service.filter(|service| !service.is_empty()),
            alerts: notice.alerts.iter().map(|alert| alert.key).collect(),
            more: notice.more,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERDICT: Verdict = Verdict {
        bucket: Bucket(300),
        observed: 120,
        expected_milli: 2_500,
        surprise_milli: 41_250,
    };

    #[test]
    fn thousandths_become_numbers_and_the_ratio_is_never_infinite() {
        let peak = Peak::from(VERDICT);
        assert_eq!((peak.expected, peak.ratio, peak.surprise), (2.5, 48.0, 41.25));
        let peak = Peak::from(Verdict { expected_milli: 0, ..VERDICT });
        assert_eq!((peak.expected, peak.ratio), (0.0, 120_000.0));
    }

    #[test]
    fn why_it_fired_is_said_as_far_as_it_is_known() {
        let mut alert = model::Alert { peak: VERDICT, ..model::Alert::default() };
        assert_eq!(
            sentence(&alert),
            "Its count: 120 events where 2.5 were expected. By chance that happens once in 10^41 times."
        );
        alert.peak = Verdict { observed: 1, expected_milli: 0, surprise_milli: 2_000, ..VERDICT };
        alert.details.explanation = model::Explanation {
            test: "events in 3 buckets".into(),
            budget_milli: 500,
            alive: 12,
            ..model::Explanation::default()
        };
        assert_eq!(
            sentence(&alert),
            "Events in 3 buckets: 1 event where none was expected. By chance that happens once in 100 \
             times. 12 series were watched, at 0.5 false alarms a day."
        );
    }
}
