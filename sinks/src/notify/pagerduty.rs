//! The notifier `pagerduty`: an incident of ours is one alert of PagerDuty, by its Events API v2.
//!
//! PagerDuty acts on a repeat once: the key by which it tells them is the incident's. *Limits:*
//! [`SUMMARY_UNITS_MAX`].

use super::INPUTS;
use super::http::{Client, Headers};
use super::secret::Secret;
use super::target::Target;
use super::text::cut;
use super::words::Words;
use engine::component::{Build, Built, ComponentType, DeliveryError, Message, Notifier, Options};
use engine::model::{Severity, Transition};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use std::path::PathBuf;

/// Longest summary that PagerDuty takes.
const SUMMARY_UNITS_MAX: usize = 1024;

/// The component type `pagerduty`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "pagerduty",
    summary: "Triggers, acknowledges and resolves incidents of PagerDuty.",
    inputs: INPUTS,
    output: None,
    schema: || schema_for!(PagerDutyOptions),
    build: Build::Notifier(build),
};

/// Options of the notifier `pagerduty`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct PagerDutyOptions {
    /// A file with the routing key of a service or a rule set (Events API v2), read again for every attempt.
    routing_key_file: PathBuf,
    /// Where events are sent; `https://events.eu.pagerduty.com/v2/enqueue` for accounts in Europe.
    #[serde(default = "url")]
    url: String,
    /// Whether the address may be a private one: of this machine, its network, or a cloud's metadata.
    #[serde(default)]
    allow_private: bool,
    /// A file with the certificates (PEM) that may vouch for the receiver; without it the public ones may.
    ca_file: Option<PathBuf>,
}

fn url() -> String {
    "https://events.pagerduty.com/v2/enqueue".to_owned()
}

fn build(options: &Options) -> Built<dyn Notifier> {
    let read: PagerDutyOptions = options.parse()?;
    Ok(Box::new(PagerDuty {
        target: Target::given("url", &read.url).map_err(|error| vec![error])?,
        routing_key_file: options.resolve(&read.routing_key_file),
        client: Client::new(options, read.allow_private, read.ca_file.as_ref()),
    }))
}

/// Returns the event of a message, without the routing key.
fn render(message: &Message) -> Json {
    let notice = &message.notice;
    let action = match notice.transition {
        Transition::Fired | Transition::Reopened | Transition::Reminder | Transition::Amended => {
            "trigger"
        }
        // Who snoozes it has seen it; PagerDuty has no word for that.
        Transition::Acknowledged | Transition::Snoozed => "acknowledge",
        Transition::Resolved | Transition::Retracted => "resolve",
    };
    let mut event = json!({"event_action": action, "dedup_key": notice.incident.to_string()});
    if action != "trigger" {
        return event;
    }
    let words = Words::of(message);
    let summary = match words.summary.as_str() {
        "" => words.title.clone(),
        summary => format!("{} — {summary}", words.title),
    };
    let mut details: Map<String, Json> =
        words.facts.iter().map(|(label, line)| ((*label).to_owned(), json!(line))).collect();
    details.insert("Notice".to_owned(), json!(notice.id.to_string()));
    details.insert("What happened".to_owned(), json!(words.happened));
    if !words.others.is_empty() {
        details.insert("Also".to_owned(), json!(words.others));
    }
    let first = notice.alerts.first();
    let source = if words.service.is_empty() { "seismolog" } else { &words.service };
    event["payload"] = json!({
        "summary": cut(&summary, SUMMARY_UNITS_MAX),
        "source": source,
        "severity": severity(words.severity),
        "timestamp": first.map_or(notice.at, |alert| alert.start.start()).to_string(),
        "component": words.service,
        "class": first.map(|alert| alert.details.kind),
        "custom_details": details,
    });
    event["client"] = json!("Seismolog");
    if let Some(link) = words.link {
        event["client_url"] = json!(link);
        event["links"] = json!([{"href": link, "text": "Open in Seismolog"}]);
    }
    event
}

const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Fatal => "critical",
        Severity::Error => "error",
        Severity::Warn | Severity::Unknown => "warning",
        Severity::Info | Severity::Debug | Severity::Trace => "info",
    }
}

/// A [`Notifier`] that sends events to PagerDuty.
struct PagerDuty {
    target: Target,
    routing_key_file: PathBuf,
    client: Client,
}

impl Notifier for PagerDuty {
    fn deliver(&mut self, message: &Message) -> Result<(), DeliveryError> {
        let mut event = render(message);
        event["routing_key"] = json!(Secret::read(&self.routing_key_file)?.expose());
        self.client.post_json(&self.target, &Headers::new(), &event.to_string()).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::super::receiver::{Receiver, client};
    use super::super::samples::{self, golden, pretty};
    use super::*;
    use engine::model::NoticeId;

    #[test]
    fn golden_the_event_of_each_transition() {
        golden("pagerduty_fired.json", &pretty(&render(&samples::fired()).to_string()));
        golden("pagerduty_amended.json", &pretty(&render(&samples::amended()).to_string()));
        golden("pagerduty_resolved.json", &pretty(&render(&samples::resolved()).to_string()));
    }

    #[test]
    fn every_transition_acts_on_the_one_incident() {
        let mut message = samples::fired();
        let mut actions = Vec::new();
        for transition in [
            Transition::Fired,
            Transition::Reopened,
            Transition::Reminder,
            Transition::Amended,
            Transition::Acknowledged,
            Transition::Snoozed,
            Transition::Resolved,
            Transition::Retracted,
        ] {
            message.notice.transition = transition;
            message.notice.id = NoticeId(message.notice.id.0 + 1);
            let event = render(&message);
            assert_eq!(event["dedup_key"], message.notice.incident.to_string());
            actions.push(event["event_action"].as_str().unwrap().to_owned());
        }
        let triggers = ["trigger"; 4];
        assert_eq!(actions[..4], triggers);
        assert_eq!(actions[4..], ["acknowledge", "acknowledge", "resolve", "resolve"]);
    }

    #[test]
    fn the_routing_key_goes_into_the_body_and_nowhere_else() {
        let receiver = Receiver::replying(202, "", r#"{"status":"success"}"#);
        let key = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(key.path(), "hunter2hunter2\n").unwrap();
        let mut pagerduty = PagerDuty {
            target: Target::given("url", &receiver.url()).unwrap(),
            routing_key_file: key.path().to_path_buf(),
            client: client(),
        };
        pagerduty.deliver(&samples::fired()).unwrap();
        assert_eq!(receiver.requests()[0].json()["routing_key"], "hunter2hunter2");
        let refusing = Receiver::replying(400, "", r#"{"status":"invalid event"}"#);
        pagerduty.target = Target::given("url", &refusing.url()).unwrap();
        let error = pagerduty.deliver(&samples::fired()).unwrap_err();
        assert!(matches!(error, DeliveryError::Never { .. }), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn limit_a_summary_is_cut_where_pagerduty_refuses() {
        let mut message = samples::fired();
        for title in message.titles.values_mut() {
            title.template = "x".repeat(10_000);
        }
        let summary = render(&message)["payload"]["summary"].as_str().unwrap().to_owned();
        assert!(summary.chars().count() <= SUMMARY_UNITS_MAX);
    }

    #[test]
    fn severities_are_those_of_pagerduty() {
        let known = Severity::ALL.map(severity);
        assert_eq!(known, ["info", "info", "info", "warning", "warning", "error", "critical"]);
    }

    #[test]
    fn a_routing_key_is_needed_and_the_address_may_be_another() {
        let build =
            |value| build(&Options { id: "page".to_owned(), value, base: PathBuf::from("base") });
        assert!(build(json!({})).is_err());
        assert!(build(json!({"routing_key_file": "k"})).is_ok());
        let europe = "https://events.eu.pagerduty.com/v2/enqueue";
        assert!(build(json!({"routing_key_file": "k", "url": europe})).is_ok());
        let errors = build(json!({"routing_key_file": "k", "url": "x"})).err().unwrap();
        assert_eq!(errors[0].path, ["url"]);
    }
}
