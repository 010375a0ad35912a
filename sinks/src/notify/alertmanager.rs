//! The notifier `alertmanager`: every alert is an alert of Prometheus' Alertmanager (API v2), which groups,
//! routes and silences.
//!
//! Alertmanager knows an alert by its labels, so these never change while it lives, and it forgets what it
//! does not hear of, so open incidents are sent again every [`REPEATS_EVERY`]. A severity is therefore that
//! of the issue's class, which is part of the issue's identity.

use super::INPUTS;
use super::http::{self, Client, Headers};
use super::secret::Secret;
use super::target::Target;
use super::text::{clean, cut};
use super::words;
use engine::component::{Build, Built, ComponentType, DeliveryError, Message, Notifier, Options};
use engine::model::{Alert, AlertKind, EventTime, SeverityClass};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::time::Duration;

/// How often an open incident is sent again.
const REPEATS_EVERY: Duration = Duration::from_secs(60);
/// What is added to the address.
const PATH: &str = "/api/v2/alerts";

/// The component type `alertmanager`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "alertmanager",
    summary: "Sends alerts to an Alertmanager of Prometheus.",
    inputs: INPUTS,
    output: None,
    schema: || schema_for!(AlertmanagerOptions),
    build: Build::Notifier(build),
};

/// Options of the notifier `alertmanager`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct AlertmanagerOptions {
    /// Where the Alertmanager is, without the path of its API: `http://alertmanager:9093`.
    url: String,
    /// A file with a token, read again for every attempt, that is sent as `Authorization: Bearer`.
    token_file: Option<PathBuf>,
    /// Whether the address may be a private one: of this machine, its network, or a cloud's metadata. An
    /// Alertmanager beside the engine needs it.
    #[serde(default)]
    allow_private: bool,
    /// A file with the certificates (PEM) that may vouch for the receiver; without it the public ones may.
    ca_file: Option<PathBuf>,
}

fn build(options: &Options) -> Built<dyn Notifier> {
    let read: AlertmanagerOptions = options.parse()?;
    let target = Target::given("url", &read.url).map_err(|error| vec![error])?;
    Ok(Box::new(Alertmanager {
        target: target.join(PATH),
        token_file: read.token_file.map(|path| options.resolve(&path)),
        client: Client::new(options, read.allow_private, read.ca_file.as_ref()),
    }))
}

/// Returns the alerts of a message as Alertmanager takes them.
fn render(message: &Message) -> Json {
    message.notice.alerts.iter().map(|alert| entry(alert, message)).collect()
}

fn entry(alert: &Alert, message: &Message) -> Json {
    let details = &alert.details;
    let severity = message.titles.get(&alert.issue).map(|title| title.severity.class());
    let service = cut(&clean(&details.service), words::TITLE_UNITS_MAX);
    let mut labels = json!({
        "alertname": name(details.kind),
        "seismolog_alert": alert.key.to_string(),
        "issue": alert.issue.to_string(),
        "kind": details.kind,
        "severity": match severity {
            Some(SeverityClass::Error) => "error",
            Some(SeverityClass::Warn) => "warning",
            Some(SeverityClass::Rest) => "info",
            None => "unknown",
        },
    });
    // A label without a value is none.
    if !service.is_empty() {
        labels["service"] = json!(service);
    }
    let mut entry = json!({
        "labels": labels,
        "annotations": {
            "summary": words::title(alert, message),
            "description": words::sentence(alert, &message.notice),
        },
        "startsAt": alert.start.start().to_string(),
    });
    if let Some(end) = ended(alert, message) {
        entry["endsAt"] = json!(end.to_string());
    }
    if let Some(link) = words::link(alert, message) {
        entry["generatorURL"] = json!(link);
    }
    entry
}

/// Returns when an alert ended, if it has: alone, or with its incident.
fn ended(alert: &Alert, message: &Message) -> Option<EventTime> {
    if !alert.details.state.is_open() {
        return Some(alert.details.changed_at);
    }
    message.notice.ends().then_some(message.notice.at)
}

const fn name(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::Spike => "SeismologSpike",
        AlertKind::NewBurst => "SeismologNewBurst",
        AlertKind::FirstSeen => "SeismologFirstSeen",
        AlertKind::Regression => "SeismologRegression",
        AlertKind::GoneQuiet => "SeismologGoneQuiet",
        AlertKind::Step => "SeismologStep",
    }
}

/// A [`Notifier`] that sends alerts to an Alertmanager.
struct Alertmanager {
    target: Target,
    token_file: Option<PathBuf>,
    client: Client,
}

impl Notifier for Alertmanager {
    fn deliver(&mut self, message: &Message) -> Result<(), DeliveryError> {
        let mut headers = Headers::new();
        if let Some(path) = &self.token_file {
            headers.push(http::bearer(&Secret::read(path)?, path)?);
        }
        let body = render(message).to_string();
        self.client.post_json(&self.target, &headers, &body).map(|_| ())
    }

    fn repeats_every(&self) -> Option<Duration> {
        Some(REPEATS_EVERY)
    }
}

#[cfg(test)]
mod tests {
    use super::super::receiver::{Receiver, client};
    use super::super::samples::{self, golden, pretty};
    use super::*;
    use engine::model::AlertState;

    #[test]
    fn golden_the_alerts_of_each_transition() {
        golden("alertmanager_fired.json", &pretty(&render(&samples::fired()).to_string()));
        golden("alertmanager_amended.json", &pretty(&render(&samples::amended()).to_string()));
        golden("alertmanager_resolved.json", &pretty(&render(&samples::resolved()).to_string()));
    }

    #[test]
    fn an_alert_keeps_its_labels_while_it_lives() {
        let labels = |message: &Message| render(message)[0]["labels"].clone();
        let mut grown = samples::fired();
        grown.notice.alerts[0].observed += 1000;
        grown.notice.alerts[0].peak.surprise_milli += 1000;
        for title in grown.titles.values_mut() {
            title.severity = engine::model::Severity::Fatal;
            title.template = "another".to_owned();
        }
        assert_eq!(labels(&samples::fired()), labels(&grown));
        assert_eq!(labels(&samples::fired()), labels(&samples::resolved()));
    }

    #[test]
    fn only_an_alert_that_is_over_has_an_end() {
        assert_eq!(render(&samples::acknowledged())[0]["endsAt"], json!(null));
        let mut message = samples::amended();
        message.notice.alerts[1].details.state = AlertState::Retracted;
        let alerts = render(&message);
        assert_eq!(alerts[0]["endsAt"], json!(null));
        assert_eq!(alerts[1]["endsAt"], "2026-03-01T14:05:40Z");
    }

    #[test]
    fn a_service_that_was_not_named_is_no_label() {
        let mut message = samples::fired();
        message.notice.alerts[0].details.service = "".into();
        assert_eq!(render(&message)[0]["labels"].get("service"), None);
    }

    #[test]
    fn alerts_are_posted_to_the_api_below_the_address() {
        let receiver = Receiver::replying(200, "", "");
        let target = Target::parse(&format!("{}/prefix/", receiver.root())).unwrap().join(PATH);
        let mut alertmanager = Alertmanager { target, token_file: None, client: client() };
        alertmanager.deliver(&samples::fired()).unwrap();
        let request = &receiver.requests()[0];
        assert_eq!(request.line, "POST /prefix/api/v2/alerts HTTP/1.1");
        assert_eq!(request.json(), render(&samples::fired()));
        assert_eq!(alertmanager.repeats_every(), Some(Duration::from_secs(60)));
    }

    #[test]
    fn an_address_is_needed() {
        let build =
            |value| build(&Options { id: "am".to_owned(), value, base: PathBuf::from("base") });
        assert!(build(json!({"url": "http://alertmanager:9093"})).is_ok());
        assert_eq!(build(json!({"url": "alertmanager"})).err().unwrap()[0].path, ["url"]);
        assert!(build(json!({})).is_err());
    }
}
