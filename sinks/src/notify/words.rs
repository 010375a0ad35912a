//! Words: what is said of an incident, in plain language, in parts that every channel arranges in its own
//! way. Pure, and the same for all channels.
//!
//! > payments: connection to <host> refused
//! > 38x its usual rate: 420 events in 5 minutes, 11 expected, since 14:05 UTC; chance 1 in 10^12
//!
//! *Promises:* every part is one line without control characters; nothing is escaped for a channel yet.
//! *Limits:* [`TITLE_UNITS_MAX`], [`LINE_UNITS_MAX`].

use super::text::{clean, cut};
use engine::component::{IssueTitle, Message};
use engine::model::{Alert, AlertKind, AlertLevel, EventTime, Notice, Severity, Transition};

/// Longest title.
pub(super) const TITLE_UNITS_MAX: usize = 150;
/// Longest line of any other kind.
pub(super) const LINE_UNITS_MAX: usize = 400;

/// What is said of an incident.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Words {
    /// What happened, in two or three words.
    pub happened: &'static str,
    /// The service and what it says.
    pub title: String,
    /// How much more it is than usual, since when, and how unlikely that is.
    pub summary: String,
    /// What explains it: a label and a line.
    pub facts: Vec<(&'static str, String)>,
    /// The incident's other alerts, one line each.
    pub others: Vec<String>,
    /// Where to read on.
    pub link: Option<String>,
    /// Its service; empty if none was named.
    pub service: String,
    /// The highest severity of its issues, as far as they are known.
    pub severity: Severity,
}

impl Words {
    /// Returns what is said of a message.
    pub fn of(message: &Message) -> Self {
        let notice = &message.notice;
        let happened = happened(notice.transition);
        let severity = message.titles.values().map(|title| title.severity).max();
        let severity = severity.unwrap_or_default();
        let Some(first) = notice.alerts.first() else {
            let title = format!("incident {}", notice.incident);
            let (summary, service) = (String::new(), String::new());
            let (facts, others, link) = (Vec::new(), Vec::new(), None);
            return Self { happened, title, summary, facts, others, link, service, severity };
        };
        let mut others: Vec<String> = notice.alerts[1..]
            .iter()
            .map(|alert| {
                let line = format!("{} — {}", title(alert, message), sentence(alert, notice));
                cut(&line, LINE_UNITS_MAX)
            })
            .collect();
        if notice.more > 0 {
            others.push(format!("and {} more", notice.more));
        }
        Self {
            happened,
            title: title(first, message),
            summary: sentence(first, notice),
            facts: facts(first, message),
            others,
            link: link(first, message),
            service: cut(&clean(&first.details.service), TITLE_UNITS_MAX),
            severity,
        }
    }

    /// Returns what happened to what, in one line.
    pub fn headline(&self) -> String {
        format!("{}: {}", self.happened, self.title)
    }
}

/// Returns what happened, in two or three words.
pub(super) const fn happened(transition: Transition) -> &'static str {
    match transition {
        Transition::Fired => "New alert",
        Transition::Reopened => "Back again",
        Transition::Reminder => "Still going on",
        Transition::Amended => "Corrected",
        Transition::Acknowledged => "Acknowledged",
        Transition::Snoozed => "Snoozed",
        Transition::Resolved => "Resolved",
        Transition::Retracted => "Taken back",
    }
}

/// Returns the page of an alert.
pub(super) fn link(alert: &Alert, message: &Message) -> Option<String> {
    message.public_url.as_ref().map(|url| format!("{url}/alerts/{}", alert.key))
}

/// Returns what an alert is about: its service, and what that says.
pub(super) fn title(alert: &Alert, message: &Message) -> String {
    let service = clean(&alert.details.service);
    let known = message.titles.get(&alert.issue);
    let what = match (alert.details.level, known) {
        (AlertLevel::Service, _) if !service.is_empty() => "the whole service".to_owned(),
        (_, Some(IssueTitle { template, .. })) if !template.trim().is_empty() => clean(template),
        _ => format!("issue {}", alert.issue),
    };
    let title = if service.is_empty() { what } else { format!("{service}: {what}") };
    cut(&title, TITLE_UNITS_MAX)
}

/// Returns the sentence that says how much more, or less, it is than usual.
pub(super) fn sentence(alert: &Alert, notice: &Notice) -> String {
    let (details, peak) = (&alert.details, &alert.peak);
    let length = i64::from(window_secs(alert));
    let counted = format!("{} in {}", events(peak.observed), duration(length));
    let expected = format!("{} expected", number(peak.expected_milli));
    let change = match details.kind {
        AlertKind::Spike => format!("{}: {counted}, {expected}", rate(alert)),
        AlertKind::Step => format!("{} since a deploy: {counted}, {expected}", rate(alert)),
        AlertKind::NewBurst => format!("hardly ever seen before, now {counted}"),
        AlertKind::FirstSeen => format!("never seen before, now {counted}"),
        AlertKind::Regression => format!("back after two weeks or more: {counted}"),
        AlertKind::GoneQuiet => format!("gone quiet: {counted}, {expected}"),
    };
    let lasted = lasted(alert, notice);
    let line = match details.state {
        engine::model::AlertState::Retracted => {
            format!("late events have shown that it was none: {counted}, {expected}, {lasted}")
        }
        _ => match peak.odds() {
            Some(odds) => format!("{change}, {lasted}; chance 1 in {odds}"),
            None => format!("{change}, {lasted}"),
        },
    };
    cut(&clean(&line), LINE_UNITS_MAX)
}

/// Returns the length of the window that convinced, in seconds.
pub(super) fn window_secs(alert: &Alert) -> u32 {
    alert.details.explanation.window.max(1).saturating_mul(alert.bucket_secs)
}

/// Returns when an alert ended, or would end if nothing more came.
pub(super) fn end(alert: &Alert) -> EventTime {
    EventTime::from_secs(alert.last.start().secs() + i64::from(alert.bucket_secs))
}

/// Returns observed events for each that was expected; `None` if none was.
pub(super) fn ratio(alert: &Alert) -> Option<f64> {
    let expected = alert.peak.expected_milli as f64 / 1000.0;
    (expected > 0.0).then(|| alert.peak.observed as f64 / expected)
}

fn rate(alert: &Alert) -> String {
    match ratio(alert) {
        None => "far above its usual rate".to_owned(),
        Some(ratio) if ratio >= 10.0 => format!("{ratio:.0}x its usual rate"),
        Some(ratio) => format!("{}x its usual rate", trimmed(format!("{ratio:.1}"))),
    }
}

fn lasted(alert: &Alert, notice: &Notice) -> String {
    let start = alert.start.start();
    if alert.details.state.is_open() {
        format!("since {}", at(start, notice.at))
    } else {
        format!("from {} to {}", at(start, notice.at), at(end(alert), notice.at))
    }
}

/// Returns what explains an alert.
fn facts(alert: &Alert, message: &Message) -> Vec<(&'static str, String)> {
    let (details, notice) = (&alert.details, &message.notice);
    let mut facts: Vec<(&'static str, String)> = Vec::new();
    if let Some(by) = &details.by {
        let said = details.comment.as_ref().filter(|comment| !comment.trim().is_empty());
        facts.push(("By", said.map_or(by.to_string(), |comment| format!("{by}: {comment}"))));
    }
    if let Some(until) = details.until {
        facts.push(("Until", at(until, notice.at)));
    }
    if let Some(told) = details.told_observed {
        facts.push(("Told before", format!("{}; late events have corrected it", events(told))));
    }
    if alert.observed != alert.peak.observed {
        facts.push(("In all", events(alert.observed)));
    }
    if let Some(deploy) = &details.deploy {
        let of = if deploy.service.is_empty() { "" } else { " of " };
        let when = at(deploy.at, notice.at);
        facts.push(("Deploy", format!("{}{of}{} at {when}", deploy.version, deploy.service)));
    }
    if let Some(title) = message.titles.get(&alert.issue) {
        if !title.tags.is_empty() {
            facts.push(("Kind of failure", title.tags.join(", ")));
        }
        if !title.sample.trim().is_empty() {
            facts.push(("Latest", title.sample.clone()));
        }
    }
    facts.push(("Found by", found_by(alert)));
    if message.public_url.is_none() {
        facts.push(("Alert", alert.key.to_string()));
    }
    facts.into_iter().map(|(label, line)| (label, cut(&clean(&line), LINE_UNITS_MAX))).collect()
}

/// Returns the test that said most, and how strict it was.
fn found_by(alert: &Alert) -> String {
    let explanation = &alert.details.explanation;
    let mut line = match explanation.test.as_ref() {
        "" => "its count".to_owned(),
        test => test.to_owned(),
    };
    if explanation.alive > 0 {
        line.push_str(&format!(", among {} series", explanation.alive));
    }
    if explanation.budget_milli > 0 {
        let alarms = if explanation.budget_milli == 1000 { "alarm" } else { "alarms" };
        let budget = number(explanation.budget_milli);
        line.push_str(&format!(", at {budget} false {alarms} a day"));
    }
    line
}

fn events(count: i64) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{count} events") }
}

/// Returns thousandths as people write numbers: three digits at most.
fn number(milli: i64) -> String {
    let value = milli as f64 / 1000.0;
    match milli {
        0 => "none".to_owned(),
        1..10 => "fewer than 0.01".to_owned(),
        10..1000 => trimmed(format!("{value:.2}")),
        1000..10_000 => trimmed(format!("{value:.1}")),
        _ => format!("{value:.0}"),
    }
}

fn trimmed(number: String) -> String {
    if !number.contains('.') {
        return number;
    }
    number.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn duration(secs: i64) -> String {
    let (count, unit) = match secs {
        secs if secs > 0 && secs % 86_400 == 0 => (secs / 86_400, "day"),
        secs if secs > 0 && secs % 3600 == 0 => (secs / 3600, "hour"),
        secs if secs > 0 && secs % 60 == 0 => (secs / 60, "minute"),
        secs => (secs, "second"),
    };
    if count == 1 { format!("1 {unit}") } else { format!("{count} {unit}s") }
}

/// Returns an instant as the time of day, with the date if that is another one than that of `now`.
fn at(instant: EventTime, now: EventTime) -> String {
    let written = |instant: EventTime, format: &str| {
        let stamp = jiff::Timestamp::from_second(instant.secs()).ok()?;
        Some(stamp.strftime(format).to_string())
    };
    let day = |instant| written(instant, "%F");
    let format = if day(instant) == day(now) { "%H:%M UTC" } else { "%F %H:%M UTC" };
    written(instant, format).unwrap_or_else(|| instant.to_string())
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use engine::model::{AlertState, Deploy};

    fn words(change: impl FnOnce(&mut Alert)) -> Words {
        let mut message = samples::fired();
        change(&mut message.notice.alerts[0]);
        Words::of(&message)
    }

    #[test]
    fn a_spike_is_told_in_one_sentence() {
        let words = words(|_| {});
        assert_eq!(words.headline(), "New alert: payments: connection to <host> refused");
        assert_eq!(
            words.summary,
            "38x its usual rate: 420 events in 5 minutes, 11 expected, since 14:05 UTC; chance 1 in 10^12"
        );
        let link = words.link.unwrap();
        assert!(link.starts_with("https://logs.example/alerts/a_"), "{link}");
    }

    #[test]
    fn every_kind_has_its_own_words() {
        let summary = |kind| words(|alert| alert.details.kind = kind).summary;
        for (kind, start) in [
            (AlertKind::NewBurst, "hardly ever seen before, now 420 events in 5 minutes, since"),
            (AlertKind::FirstSeen, "never seen before, now 420 events"),
            (AlertKind::Regression, "back after two weeks or more: 420 events"),
            (AlertKind::GoneQuiet, "gone quiet: 420 events in 5 minutes, 11 expected"),
            (AlertKind::Step, "38x its usual rate since a deploy: 420 events"),
        ] {
            assert!(summary(kind).starts_with(start), "{}", summary(kind));
        }
    }

    #[test]
    fn an_alert_that_is_over_says_how_long_it_lasted() {
        let over = words(|alert| alert.details.state = AlertState::Resolved).summary;
        assert!(over.contains(", from 14:05 UTC to 14:15 UTC; chance"), "{over}");
        let none = words(|alert| alert.details.state = AlertState::Retracted).summary;
        assert!(none.starts_with("late events have shown that it was none: 420"), "{none}");
        assert!(!none.contains("chance"), "{none}");
    }

    #[test]
    fn what_explains_an_alert_is_listed() {
        let words = words(|alert| {
            alert.details.by = Some("ann".into());
            alert.details.comment = Some("on it".into());
            alert.details.told_observed = Some(500);
            let at = EventTime::from_secs(alert.start.start().secs() - 86_400);
            alert.details.deploy =
                Some(Deploy { service: "payments".into(), version: "1.2.3".into(), at });
        });
        let fact = |label| words.facts.iter().find(|fact| fact.0 == label).map(|fact| &*fact.1);
        assert_eq!(fact("By"), Some("ann: on it"));
        assert_eq!(fact("Told before"), Some("500 events; late events have corrected it"));
        assert_eq!(fact("Deploy"), Some("1.2.3 of payments at 2026-02-28 14:05 UTC"));
        assert_eq!(
            fact("Found by"),
            Some("events in 1 bucket, among 1234 series, at 1 false alarm a day")
        );
        assert_eq!(fact("In all"), Some("730 events"));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let mut message = samples::fired();
        message.titles.clear();
        message.public_url = None;
        message.notice.alerts[0].details.service = "".into();
        let words = Words::of(&message);
        assert!(words.title.starts_with("issue i_"), "{}", words.title);
        assert_eq!(words.link, None);
        assert_eq!(words.severity, Severity::Unknown);
        message.notice.alerts.clear();
        assert!(Words::of(&message).title.starts_with("incident a_"));
    }

    #[test]
    fn numbers_are_as_precise_as_they_are_useful() {
        let shown = [0, 5, 120, 1000, 1540, 10_600, 1_234_567].map(number);
        assert_eq!(shown, ["none", "fewer than 0.01", "0.12", "1", "1.5", "11", "1235"]);
        assert_eq!(
            [1, 60, 90, 3600, 172_800].map(duration).join(", "),
            "1 second, 1 minute, 90 seconds, 1 hour, 2 days"
        );
        assert_eq!(rate(&samples::alert(0, 5, 0)), "far above its usual rate");
        assert_eq!(rate(&samples::alert(0, 3, 2000)), "1.5x its usual rate");
    }

    #[test]
    fn what_logs_say_cannot_break_a_line() {
        let mut message = samples::fired();
        for title in message.titles.values_mut() {
            title.template = "a\nb\u{1b}[2J\u{202e}c".to_owned();
        }
        assert_eq!(Words::of(&message).title, "payments: a b [2Jc");
    }

    #[test]
    fn limit_long_texts_are_cut() {
        let mut message = samples::many();
        for title in message.titles.values_mut() {
            title.template = "x".repeat(100_000);
            title.sample = "y".repeat(100_000);
        }
        let words = Words::of(&message);
        assert_eq!(words.title.chars().count(), TITLE_UNITS_MAX);
        assert!(words.facts.iter().all(|fact| fact.1.chars().count() <= LINE_UNITS_MAX));
        assert!(words.others.iter().all(|line| line.chars().count() <= LINE_UNITS_MAX));
        assert_eq!(words.others.len(), Notice::ALERTS_MAX);
    }
}
