//! The notifier `webhook`: versioned JSON to any address, signed if it shares a secret with the receiver.
//!
//! The receiver tells repeats by `Idempotency-Key`, and forgeries by `X-Seismolog-Signature`, which covers
//! the body and `X-Seismolog-Timestamp`; docs/notifiers.md says how.

use super::INPUTS;
use super::http::{self, Client, Headers};
use super::secret::Secret;
use super::target::Place;
use super::text::{clean, cut};
use super::words::{self, Words};
use engine::component::{
    Build, Built, ComponentType, DeliveryError, Message, Notifier, Options, OptionsError,
};
use engine::model::{
    Alert, AlertKind, AlertLevel, AlertState, EventTime, Notice, Severity, Transition,
};
use hmac::{Hmac, KeyInit, Mac};
use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;
use ureq::http::{HeaderName, HeaderValue, header};

/// The version of the JSON; a field may be added without a new one.
const VERSION: u32 = 1;
/// Longest text of an issue.
const TITLE_UNITS_MAX: usize = 1000;
/// Longest text of any other field.
const FIELD_UNITS_MAX: usize = 400;
/// Tags that are told of an issue.
const TAGS_MAX: usize = 16;
/// `-log10 p` beyond which a double cannot tell a chance from none.
const SURPRISE_MILLI_MAX: i64 = 300_000;

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const TIMESTAMP: HeaderName = HeaderName::from_static("x-seismolog-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("x-seismolog-signature");

/// The component type `webhook`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "webhook",
    summary: "Posts notices as JSON to an address.",
    inputs: INPUTS,
    output: None,
    schema: || schema_for!(WebhookOptions),
    build: Build::Notifier(build),
};

/// Options of the notifier `webhook`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct WebhookOptions {
    /// Where to post: an http or https address. Either this or `url_file`.
    url: Option<String>,
    /// A file that holds the address and nothing else, read again for every attempt.
    url_file: Option<PathBuf>,
    /// A file with a secret that the receiver knows too, read again for every attempt; then every request
    /// is signed with it.
    secret_file: Option<PathBuf>,
    /// A file with a token, read again for every attempt, that is sent as `Authorization: Bearer`.
    token_file: Option<PathBuf>,
    /// Headers to send besides.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Whether the address may be a private one: of this machine, its network, or a cloud's metadata.
    #[serde(default)]
    allow_private: bool,
    /// A file with the certificates (PEM) that may vouch for the receiver; without it the public ones may.
    ca_file: Option<PathBuf>,
}

fn build(options: &Options) -> Built<dyn Notifier> {
    let read: WebhookOptions = options.parse()?;
    let place = Place::read(options, read.url.as_deref(), read.url_file.as_ref());
    let (place, headers) = match (place, http::headers(&read.headers)) {
        (Ok(place), Ok(headers)) => (place, headers),
        (place, headers) => {
            let errors = place.err().into_iter().chain(headers.err().into_iter().flatten());
            return Err(errors.collect());
        }
    };
    if read.token_file.is_some() && headers.iter().any(|(name, _)| name == header::AUTHORIZATION) {
        let error = OptionsError::at("token_file", "stands beside a header `Authorization`");
        return Err(vec![error.hint("Remove one of the two.")]);
    }
    Ok(Box::new(Webhook {
        place,
        headers,
        secret_file: read.secret_file.map(|path| options.resolve(&path)),
        token_file: read.token_file.map(|path| options.resolve(&path)),
        client: Client::new(options, read.allow_private, read.ca_file.as_ref()),
    }))
}

/// What is posted.
#[derive(Serialize)]
struct Body {
    version: u32,
    notice: String,
    incident: String,
    number: u32,
    transition: Transition,
    at: String,
    title: String,
    summary: String,
    link: Option<String>,
    alerts: Vec<AlertBody>,
    more: u32,
}

/// One alert of what is posted.
#[derive(Serialize)]
struct AlertBody {
    key: String,
    kind: AlertKind,
    level: AlertLevel,
    state: AlertState,
    issue: String,
    title: String,
    severity: Severity,
    service: String,
    tags: Vec<String>,
    start: String,
    last: String,
    bucket_secs: u32,
    events: i64,
    observed: i64,
    expected: f64,
    ratio: Option<f64>,
    p: f64,
    window_secs: u32,
    test: String,
    series: u64,
    budget_per_day: f64,
    baseline: Vec<PointBody>,
    deploy: Option<DeployBody>,
    silence: Option<String>,
    by: Option<String>,
    comment: Option<String>,
    until: Option<String>,
    told_observed: Option<i64>,
    text: String,
    url: Option<String>,
}

#[derive(Serialize)]
struct PointBody {
    start: String,
    observed: i64,
    expected: f64,
}

#[derive(Serialize)]
struct DeployBody {
    service: String,
    version: String,
    at: String,
}

/// Returns the JSON that is posted.
pub(super) fn render(message: &Message) -> String {
    let Notice { id, incident, number, transition, at, alerts, more } = &message.notice;
    let words = Words::of(message);
    let body = Body {
        version: VERSION,
        notice: id.to_string(),
        incident: incident.to_string(),
        number: *number,
        transition: *transition,
        at: at.to_string(),
        title: words.headline(),
        link: words.link,
        summary: words.summary,
        alerts: alerts.iter().map(|alert| alert_body(alert, message)).collect(),
        more: *more,
    };
    serde_json::to_string(&body).expect("numbers and texts can be written as JSON")
}

fn alert_body(alert: &Alert, message: &Message) -> AlertBody {
    let (details, peak) = (&alert.details, &alert.peak);
    let explanation = &details.explanation;
    let title = message.titles.get(&alert.issue);
    let units = |milli: i64| milli as f64 / 1000.0;
    let point = |point: &engine::model::BaselinePoint| PointBody {
        start: point.bucket.start().to_string(),
        observed: point.observed,
        expected: units(point.expected_milli),
    };
    let deploy = details.deploy.as_ref().map(|deploy| DeployBody {
        service: field(&deploy.service),
        version: field(&deploy.version),
        at: deploy.at.to_string(),
    });
    let surprise = peak.surprise_milli.clamp(0, SURPRISE_MILLI_MAX);
    AlertBody {
        key: alert.key.to_string(),
        kind: details.kind,
        level: details.level,
        state: details.state,
        issue: alert.issue.to_string(),
        title: title.map_or(String::new(), |title| cut(&clean(&title.template), TITLE_UNITS_MAX)),
        severity: title.map_or(Severity::default(), |title| title.severity),
        service: field(&details.service),
        tags: title.iter().flat_map(|t| &t.tags).take(TAGS_MAX).map(|tag| field(tag)).collect(),
        start: alert.start.start().to_string(),
        last: alert.last.start().to_string(),
        bucket_secs: alert.bucket_secs,
        events: alert.observed,
        observed: peak.observed,
        expected: units(peak.expected_milli),
        ratio: words::ratio(alert).map(|ratio| (ratio * 1000.0).round() / 1000.0),
        p: 10f64.powf(-units(surprise)),
        window_secs: words::window_secs(alert),
        test: field(&explanation.test),
        series: explanation.alive,
        budget_per_day: units(explanation.budget_milli),
        baseline: explanation.baseline.iter().map(point).collect(),
        deploy,
        silence: details.silence.as_deref().map(field),
        by: details.by.as_deref().map(field),
        comment: details.comment.as_deref().map(field),
        until: details.until.map(|until| until.to_string()),
        told_observed: details.told_observed,
        text: words::sentence(alert, &message.notice),
        url: words::link(alert, message),
    }
}

fn field(text: &str) -> String {
    cut(&clean(text), FIELD_UNITS_MAX)
}

/// Returns the signature of a body: the hexadecimal HMAC-SHA256 of `timestamp.body`.
fn signature(secret: &Secret, timestamp: i64, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes())
        .expect("HMAC takes keys of any length");
    mac.update(timestamp.to_string().as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    let mut text = "v1=".to_owned();
    for byte in mac.finalize().into_bytes() {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A [`Notifier`] that posts JSON.
struct Webhook {
    place: Place,
    headers: Headers,
    secret_file: Option<PathBuf>,
    token_file: Option<PathBuf>,
    client: Client,
}

impl Webhook {
    /// Returns what is sent besides the body.
    fn headers(
        &self,
        message: &Message,
        body: &str,
        now: EventTime,
    ) -> Result<Headers, DeliveryError> {
        let mut headers = self.headers.clone();
        if let Some(path) = &self.token_file {
            headers.push(http::bearer(&Secret::read(path)?, path)?);
        }
        headers.push((IDEMPOTENCY_KEY, plain(&message.notice.id.to_string())));
        headers.push((TIMESTAMP, HeaderValue::from(now.secs())));
        if let Some(path) = &self.secret_file {
            let signature = signature(&Secret::read(path)?, now.secs(), body);
            headers.push((SIGNATURE, plain(&signature)));
        }
        Ok(headers)
    }
}

fn plain(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).expect("ids and signatures are plain text")
}

impl Notifier for Webhook {
    fn deliver(&mut self, message: &Message) -> Result<(), DeliveryError> {
        let body = render(message);
        let headers = self.headers(message, &body, self.client.clock.now())?;
        self.client.post_json(&self.place.target()?, &headers, &body).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::super::receiver::{NOW, Receiver, client};
    use super::super::samples::{self, golden, pretty};
    use super::super::target::Target;
    use super::*;
    use serde_json::{Value as Json, json};

    fn options(value: Json) -> Options {
        Options { id: "page".to_owned(), value, base: PathBuf::from("base") }
    }

    fn mistakes(value: Json) -> Vec<String> {
        let errors = build(&options(value)).err().unwrap_or_default();
        errors.iter().map(|error| format!("{}: {}", error.path.join("."), error.message)).collect()
    }

    fn webhook(url: &str, secret_file: Option<PathBuf>, token_file: Option<PathBuf>) -> Webhook {
        let place = Place::Given(Target::given("url", url).unwrap());
        Webhook { place, headers: Headers::new(), secret_file, token_file, client: client() }
    }

    fn file(text: &str) -> tempfile::TempPath {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file.into_temp_path()
    }

    #[test]
    fn golden_the_json_of_each_transition() {
        golden("webhook_fired.json", &pretty(&render(&samples::fired())));
        golden("webhook_amended.json", &pretty(&render(&samples::amended())));
        golden("webhook_resolved.json", &pretty(&render(&samples::resolved())));
    }

    #[test]
    fn the_receiver_can_tell_a_repeat_and_a_forgery() {
        let receiver = Receiver::replying(200, "", "");
        let secret = file("shared secret\n");
        let mut webhook = webhook(&receiver.url(), Some(secret.to_path_buf()), None);
        webhook.headers = http::headers([(&"X-Team".to_owned(), &"storage".to_owned())]).unwrap();
        let message = samples::fired();
        webhook.deliver(&message).unwrap();
        webhook.deliver(&message).unwrap();
        let requests = receiver.requests();
        let id = message.notice.id.to_string();
        for request in &requests {
            assert_eq!(request.header("idempotency-key"), Some(id.as_str()));
            assert_eq!(request.header("x-team"), Some("storage"));
            let timestamp = request.header("x-seismolog-timestamp").unwrap();
            assert_eq!(timestamp, NOW.secs().to_string());
            let expected = hmac_by_hand(b"shared secret", &format!("{timestamp}.{}", request.body));
            assert_eq!(request.header("x-seismolog-signature"), Some(expected.as_str()));
        }
        assert_eq!(requests[0].body, requests[1].body);
    }

    /// Computes HMAC as RFC 2104 defines it, from the bare hash.
    fn hmac_by_hand(key: &[u8], text: &str) -> String {
        use sha2::Digest;
        let pad = |byte: u8| -> Vec<u8> {
            (0..64).map(|at| key.get(at).copied().unwrap_or(0) ^ byte).collect()
        };
        let inner = Sha256::digest([pad(0x36), text.as_bytes().to_vec()].concat());
        let outer = Sha256::digest([pad(0x5c), inner.to_vec()].concat());
        format!("v1={}", outer.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }

    #[test]
    fn the_signature_is_the_published_algorithm() {
        let signed = signature(&Secret::new("Jefe"), 17, "{}");
        assert_eq!(signed, hmac_by_hand(b"Jefe", "17.{}"));
        // As Python's hmac computes it.
        let python = "v1=20436aa1b1c2be79262487183b4bde32ab5295b6c1b6708037853fcdd1912c7b";
        assert_eq!(signed, python);
        // RFC 4231, test case 2.
        let vector = hmac_by_hand(b"Jefe", "what do ya want for nothing?");
        assert_eq!(vector, "v1=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn secrets_are_read_again_for_every_attempt() {
        let receiver = Receiver::replying(200, "", "");
        let token = file("first");
        let mut webhook = webhook(&receiver.url(), None, Some(token.to_path_buf()));
        webhook.deliver(&samples::fired()).unwrap();
        std::fs::write(&token, "second\n").unwrap();
        webhook.deliver(&samples::fired()).unwrap();
        let sent: Vec<Option<String>> = receiver
            .requests()
            .iter()
            .map(|request| request.header("authorization").map(str::to_owned))
            .collect();
        assert_eq!(sent, [Some("Bearer first".to_owned()), Some("Bearer second".to_owned())]);
        std::fs::write(&token, "two\nlines").unwrap();
        let reason = webhook.deliver(&samples::fired()).unwrap_err().to_string();
        assert!(
            reason.contains("could not use the token in") && !reason.contains("lines"),
            "{reason}"
        );
    }

    #[test]
    fn the_address_may_stand_in_a_file() {
        let receiver = Receiver::replying(200, "", "");
        let url = file(&format!("{}\n", receiver.url()));
        let mut webhook = webhook("http://unused.example", None, None);
        webhook.place = Place::File(url.to_path_buf());
        webhook.deliver(&samples::fired()).unwrap();
        std::fs::write(&url, "hunter2").unwrap();
        let error = webhook.deliver(&samples::fired()).unwrap_err();
        assert!(
            matches!(&error, DeliveryError::Later { reason, .. } if !reason.contains("hunter2"))
        );
    }

    #[test]
    fn options_that_contradict_each_other_are_mistakes() {
        assert_eq!(mistakes(json!({})), [": needs the option `url` or `url_file`"]);
        let both = json!({"url": "https://a.example", "url_file": "b"});
        assert_eq!(mistakes(both), ["url_file: stands beside `url`"]);
        let wrong = json!({"url": "hunter2", "headers": {"Host": "a"}});
        assert_eq!(
            mistakes(wrong),
            [
                "url: is no address to send to: it does not begin with `https://` or `http://`",
                "headers.Host: is set by the notifier itself",
            ]
        );
        let tokens = json!({
            "url": "https://a.example", "token_file": "b", "headers": {"authorization": "Basic x"},
        });
        assert_eq!(mistakes(tokens), ["token_file: stands beside a header `Authorization`"]);
        assert!(mistakes(json!({"url": "https://a.example", "allow_private": true})).is_empty());
    }

    #[test]
    fn limit_a_body_stays_small_whatever_logs_say() {
        let mut message = samples::many();
        for title in message.titles.values_mut() {
            title.template = "x".repeat(1 << 20);
            title.sample = "y".repeat(1 << 20);
            title.tags = vec!["tag".repeat(1000); 1000];
        }
        for alert in &mut message.notice.alerts {
            alert.details.service = "s".repeat(1 << 20).into();
            alert.details.comment = Some("c".repeat(1 << 20).into());
        }
        assert!(render(&message).len() < 256 * 1024, "{}", render(&message).len());
    }

    #[test]
    fn a_chance_too_small_for_a_number_is_still_one() {
        let mut message = samples::fired();
        message.notice.alerts[0].peak.surprise_milli = i64::MAX;
        let json: Json = serde_json::from_str(&render(&message)).unwrap();
        assert!(json["alerts"][0]["p"].as_f64().unwrap() > 0.0);
    }
}
