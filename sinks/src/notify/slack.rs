//! The notifier `slack`: through an incoming webhook, or as a bot that keeps an incident in one thread.
//!
//! *State and limits:* as a bot it remembers the threads of the last [`THREADS_MAX`] incidents; one that was
//! forgotten, or that began before the engine did, goes on in a message of its own. Slack's limits:
//! [`SECTION_UNITS_MAX`], [`TEXT_UNITS_MAX`], [`BLOCKS_UNITS_MAX`].

use super::INPUTS;
use super::http::{self, Client, Headers};
use super::secret::Secret;
use super::target::{Place, Target};
use super::text::{self, clean, fit};
use super::words::Words;
use engine::component::{
    Build, Built, ComponentType, DeliveryError, Message, Notifier, Options, OptionsError,
};
use engine::model::AlertKey;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::{HashMap, VecDeque};
use std::path::PathBuf;

/// Where bots post unless told otherwise.
const API_URL: &str = "https://slack.com/api/chat.postMessage";
/// Longest text of a section, in Slack's count.
const SECTION_UNITS_MAX: usize = 3000;
/// Longest text beside the blocks, which notifications show.
const TEXT_UNITS_MAX: usize = 1000;
/// Longest text of all blocks together, below what Slack refuses.
#[cfg(test)]
const BLOCKS_UNITS_MAX: usize = 12_000;
/// Incidents whose threads are remembered.
const THREADS_MAX: usize = 1000;
/// Longest id of a message that is remembered.
const THREAD_BYTES_MAX: usize = 64;

/// The component type `slack`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "slack",
    summary: "Posts notices to a channel of Slack.",
    inputs: INPUTS,
    output: None,
    schema: || schema_for!(SlackOptions),
    build: Build::Notifier(build),
};

/// Options of the notifier `slack`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct SlackOptions {
    /// The address of an incoming webhook, which is a secret. Either this, `url_file`, or `token_file` with
    /// `channel`.
    url: Option<String>,
    /// A file that holds the address of an incoming webhook and nothing else, read again for every attempt.
    url_file: Option<PathBuf>,
    /// A file with the token of a bot that may post (scope `chat:write`), read again for every attempt. Then
    /// all that is said of an incident stands in one thread.
    token_file: Option<PathBuf>,
    /// The id of the channel to which the bot posts, such as `C0123456789`.
    channel: Option<String>,
    /// Where the bot posts, if that is not Slack itself.
    api_url: Option<String>,
    /// Whether the address may be a private one: of this machine, its network, or a cloud's metadata.
    #[serde(default)]
    allow_private: bool,
    /// A file with the certificates (PEM) that may vouch for the receiver; without it the public ones may.
    ca_file: Option<PathBuf>,
}

fn build(options: &Options) -> Built<dyn Notifier> {
    let read: SlackOptions = options.parse()?;
    let one = |error: OptionsError| vec![error];
    let way = match (&read.token_file, &read.channel) {
        (Some(_), _) if read.url.is_some() || read.url_file.is_some() => {
            let error = OptionsError::at("token_file", "stands beside the address of a webhook");
            return Err(vec![error.hint("Give one of the two.")]);
        }
        (Some(token_file), Some(channel)) => {
            let api = read.api_url.as_deref().unwrap_or(API_URL);
            Way::Bot {
                api: Target::given("api_url", api).map_err(one)?,
                token_file: options.resolve(token_file),
                channel: channel.clone(),
                threads: Threads::default(),
            }
        }
        (Some(_), None) => {
            let error = OptionsError::at("token_file", "needs the option `channel` beside it");
            return Err(vec![error]);
        }
        (None, _) => {
            for (option, given) in [("channel", &read.channel), ("api_url", &read.api_url)] {
                if given.is_some() {
                    let error = OptionsError::at(option, "is for a bot");
                    let hint = "Give `token_file` too; a webhook has its channel already.";
                    return Err(vec![error.hint(hint)]);
                }
            }
            let place = Place::read(options, read.url.as_deref(), read.url_file.as_ref());
            Way::Webhook(place.map_err(one)?)
        }
    };
    let client = Client::new(options, read.allow_private, read.ca_file.as_ref());
    Ok(Box::new(Slack { way, client }))
}

/// Returns what is posted: a text for notifications, and blocks for the channel.
fn render(message: &Message) -> Json {
    let words = Words::of(message);
    let title = format!("*{}*", escaped(&words.headline()));
    let mut blocks = vec![section(&title)];
    if !words.summary.is_empty() {
        blocks.push(section(&escaped(&words.summary)));
    }
    let facts = words.facts.iter().map(|(label, line)| format!("*{label}:* {}", escaped(line)));
    let others = words.others.iter().map(|line| format!("• {}", escaped(line)));
    for lines in [text::lines(facts, SECTION_UNITS_MAX), text::lines(others, SECTION_UNITS_MAX)] {
        if !lines.is_empty() {
            blocks.push(section(&lines));
        }
    }
    if let Some(link) = &words.link {
        blocks.push(section(&format!("<{}|Open in Seismolog>", escaped(link))));
    }
    let text = format!("{} — {}", words.headline(), words.summary);
    json!({
        "text": fit(&text, TEXT_UNITS_MAX, escape),
        "blocks": blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

fn section(text: &str) -> Json {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": text}})
}

fn escaped(text: &str) -> String {
    fit(text, SECTION_UNITS_MAX, escape)
}

/// Writes a character so that Slack finds neither a mention nor a link in it. What only formats is left as it
/// is: Slack cannot escape it, and text has to stay what can be searched for.
fn escape(character: char, out: &mut String) {
    match character {
        '&' => out.push_str("&amp;"),
        '<' => out.push_str("&lt;"),
        '>' => out.push_str("&gt;"),
        other => out.push(other),
    }
}

/// Which message of Slack each incident's thread hangs on.
#[derive(Debug, Default)]
struct Threads {
    by_incident: HashMap<AlertKey, String>,
    oldest: VecDeque<AlertKey>,
}

impl Threads {
    fn get(&self, incident: AlertKey) -> Option<&str> {
        self.by_incident.get(&incident).map(String::as_str)
    }

    fn insert(&mut self, incident: AlertKey, thread: &str) {
        if thread.len() > THREAD_BYTES_MAX || self.by_incident.contains_key(&incident) {
            return;
        }
        if self.oldest.len() == THREADS_MAX
            && let Some(forgotten) = self.oldest.pop_front()
        {
            self.by_incident.remove(&forgotten);
        }
        self.by_incident.insert(incident, thread.to_owned());
        self.oldest.push_back(incident);
    }

    fn forget(&mut self, incident: AlertKey) {
        self.by_incident.remove(&incident);
        self.oldest.retain(|other| *other != incident);
    }
}

/// How Slack is reached.
enum Way {
    Webhook(Place),
    Bot { api: Target, token_file: PathBuf, channel: String, threads: Threads },
}

/// A [`Notifier`] that posts to Slack.
struct Slack {
    way: Way,
    client: Client,
}

impl Notifier for Slack {
    fn deliver(&mut self, message: &Message) -> Result<(), DeliveryError> {
        let mut body = render(message);
        let incident = message.notice.incident;
        match &mut self.way {
            Way::Webhook(place) => {
                let (target, body) = (place.target()?, body.to_string());
                self.client.post_json(&target, &Headers::new(), &body).map(|_| ())
            }
            Way::Bot { api, token_file, channel, threads } => {
                body["channel"] = json!(channel);
                if let Some(thread) = threads.get(incident) {
                    body["thread_ts"] = json!(thread);
                }
                let headers = vec![http::bearer(&Secret::read(token_file)?, token_file)?];
                let answer = self.client.post_json(api, &headers, &body.to_string())?.read();
                match understand(&answer, api) {
                    Ok(thread) => threads.insert(incident, &thread),
                    Err(refusal) => {
                        if refusal.is_thread_gone {
                            threads.forget(incident);
                        }
                        return Err(refusal.error);
                    }
                }
                Ok(())
            }
        }
    }
}

/// Why Slack did not take a bot's message.
struct Refusal {
    error: DeliveryError,
    /// Whether the message on which the thread hung is no longer there.
    is_thread_gone: bool,
}

/// Reads the answer to a bot: the id of the message, or why there is none.
fn understand(answer: &[u8], target: &Target) -> Result<String, Refusal> {
    #[derive(Deserialize)]
    struct Answer {
        ok: bool,
        ts: Option<String>,
        error: Option<String>,
    }
    let host = target.host();
    let later = |reason, is_thread_gone| {
        Err(Refusal { error: DeliveryError::Later { reason, after: None }, is_thread_gone })
    };
    let Ok(answer) = serde_json::from_slice::<Answer>(answer) else {
        let reason = format!("could not understand the answer of {host}: it is not that of Slack");
        return later(reason, false);
    };
    if answer.ok {
        return Ok(answer.ts.unwrap_or_default());
    }
    let error = text::cut(&clean(&answer.error.unwrap_or_default()), 100);
    let is_thread_gone = matches!(error.as_str(), "message_not_found" | "thread_not_found");
    let passing = [
        "ratelimited",
        "rate_limited",
        "message_limit_exceeded",
        "internal_error",
        "fatal_error",
        "service_unavailable",
        "request_timeout",
        "accesslimited",
    ];
    if is_thread_gone || passing.contains(&error.as_str()) {
        let reason = format!("could not deliver: {host} answered \"{error}\"");
        return later(reason, is_thread_gone);
    }
    let advice = match error.as_str() {
        "not_in_channel" => "invite the bot to the channel",
        "channel_not_found" | "is_archived" => "check `channel`, and invite the bot to it",
        "missing_scope" => "give the bot the scope `chat:write`",
        _ => "check the token in `token_file`",
    };
    let reason = format!("{host} refuses it: it answers \"{error}\"; {advice}");
    Err(Refusal { error: DeliveryError::Never { reason }, is_thread_gone })
}

#[cfg(test)]
mod tests {
    use super::super::receiver::{Receiver, client, reply};
    use super::super::samples::{self, golden, pretty};
    use super::*;
    use engine::model::Notice;

    fn mistakes(value: Json) -> Vec<String> {
        let options = Options { id: "slack".to_owned(), value, base: PathBuf::from("base") };
        let errors = build(&options).err().unwrap_or_default();
        errors.iter().map(|error| format!("{}: {}", error.path.join("."), error.message)).collect()
    }

    fn bot(receiver: &Receiver, token: &std::path::Path) -> Slack {
        let way = Way::Bot {
            api: Target::given("api_url", &receiver.url()).unwrap(),
            token_file: token.to_path_buf(),
            channel: "C0123456789".to_owned(),
            threads: Threads::default(),
        };
        Slack { way, client: client() }
    }

    fn token() -> tempfile::TempPath {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "xoxb-hunter2\n").unwrap();
        file.into_temp_path()
    }

    #[test]
    fn golden_the_blocks_of_each_transition() {
        golden("slack_fired.json", &pretty(&render(&samples::fired()).to_string()));
        golden("slack_amended.json", &pretty(&render(&samples::amended()).to_string()));
        golden("slack_resolved.json", &pretty(&render(&samples::resolved()).to_string()));
    }

    #[test]
    fn text_of_logs_mentions_nobody_and_links_nowhere() {
        let posted = render(&samples::amended()).to_string();
        assert!(!posted.contains("<!") && !posted.contains("<http://evil"), "{posted}");
        assert!(posted.contains("&lt;!channel&gt;") && posted.contains("&amp;"), "{posted}");
        // The only link is ours.
        assert_eq!(posted.matches('<').count(), 1, "{posted}");
    }

    #[test]
    fn limit_blocks_stay_below_what_slack_refuses() {
        let mut message = samples::many();
        for title in message.titles.values_mut() {
            title.template = "<&>".repeat(10_000);
            title.sample = "&".repeat(10_000);
            title.tags = vec!["&".repeat(1000); 100];
        }
        assert_eq!(message.notice.alerts.len(), Notice::ALERTS_MAX);
        let posted = render(&message);
        let blocks = posted["blocks"].as_array().unwrap();
        let texts: Vec<usize> = blocks
            .iter()
            .map(|block| text::units(block["text"]["text"].as_str().unwrap()))
            .collect();
        assert!(blocks.len() <= 50);
        assert!(texts.iter().all(|units| *units <= SECTION_UNITS_MAX), "{texts:?}");
        assert!(texts.iter().sum::<usize>() <= BLOCKS_UNITS_MAX, "{texts:?}");
        assert!(text::units(posted["text"].as_str().unwrap()) <= TEXT_UNITS_MAX);
    }

    #[test]
    fn a_webhook_gets_the_blocks() {
        let receiver = Receiver::replying(200, "", "ok");
        let way = Way::Webhook(Place::Given(Target::given("url", &receiver.url()).unwrap()));
        Slack { way, client: client() }.deliver(&samples::fired()).unwrap();
        assert_eq!(receiver.requests()[0].json(), render(&samples::fired()));
    }

    #[test]
    fn a_bot_keeps_an_incident_in_one_thread() {
        let receiver = Receiver::replying(200, "", r#"{"ok":true,"ts":"1772373960.000100"}"#);
        let token = token();
        let mut slack = bot(&receiver, &token);
        for message in [samples::fired(), samples::acknowledged(), samples::resolved()] {
            slack.deliver(&message).unwrap();
        }
        let requests = receiver.requests();
        assert!(requests.iter().all(|r| r.header("authorization") == Some("Bearer xoxb-hunter2")));
        assert!(requests.iter().all(|r| r.json()["channel"] == "C0123456789"));
        let threads: Vec<Json> = requests.iter().map(|r| r.json()["thread_ts"].clone()).collect();
        assert_eq!(threads, [json!(null), json!("1772373960.000100"), json!("1772373960.000100")]);
    }

    #[test]
    fn what_slack_answers_decides_whether_it_is_asked_again() {
        let token = token();
        let answered = |answer: &str| {
            let receiver = Receiver::replying(200, "", answer);
            bot(&receiver, &token).deliver(&samples::fired()).unwrap_err()
        };
        for answer in [r#"{"ok":false,"error":"ratelimited"}"#, "<html>", "{}", ""] {
            let error = answered(answer);
            assert!(matches!(error, DeliveryError::Later { .. }), "{answer}: {error}");
        }
        for (error, advice) in [
            ("not_in_channel", "invite the bot to the channel"),
            ("invalid_auth", "check the token in `token_file`"),
            ("missing_scope", "give the bot the scope `chat:write`"),
        ] {
            let told = answered(&format!(r#"{{"ok":false,"error":"{error}"}}"#));
            assert!(matches!(told, DeliveryError::Never { .. }), "{told}");
            let told = told.to_string();
            assert!(told.ends_with(advice) && !told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn a_thread_that_is_gone_is_forgotten() {
        let first = reply(200, "", r#"{"ok":true,"ts":"1.1"}"#);
        let busy = reply(200, "", r#"{"ok":false,"error":"ratelimited"}"#);
        let gone = reply(200, "", r#"{"ok":false,"error":"thread_not_found"}"#);
        let receiver = Receiver::answering([first.as_str(), &busy, &gone, &first]);
        let token = token();
        let mut slack = bot(&receiver, &token);
        slack.deliver(&samples::fired()).unwrap();
        slack.deliver(&samples::resolved()).unwrap_err();
        slack.deliver(&samples::resolved()).unwrap_err();
        slack.deliver(&samples::resolved()).unwrap();
        let threads: Vec<Json> =
            receiver.requests().iter().map(|r| r.json()["thread_ts"].clone()).collect();
        assert_eq!(threads, [json!(null), json!("1.1"), json!("1.1"), json!(null)]);
    }

    #[test]
    fn limit_only_the_latest_threads_are_remembered() {
        let mut threads = Threads::default();
        for number in 0..=THREADS_MAX as u128 {
            threads.insert(AlertKey(number), "1.1");
        }
        threads.insert(AlertKey(u128::MAX), &"1".repeat(THREAD_BYTES_MAX + 1));
        assert_eq!((threads.by_incident.len(), threads.oldest.len()), (THREADS_MAX, THREADS_MAX));
        assert_eq!(threads.get(AlertKey(0)), None);
        assert_eq!(threads.get(AlertKey(1)), Some("1.1"));
    }

    #[test]
    fn options_that_contradict_each_other_are_mistakes() {
        let url = "https://hooks.example/x";
        assert_eq!(mistakes(json!({})), [": needs the option `url` or `url_file`"]);
        assert_eq!(
            mistakes(json!({"url": url, "token_file": "t", "channel": "C"})),
            ["token_file: stands beside the address of a webhook"]
        );
        assert_eq!(
            mistakes(json!({"token_file": "t"})),
            ["token_file: needs the option `channel` beside it"]
        );
        assert_eq!(mistakes(json!({"url": url, "channel": "C"})), ["channel: is for a bot"]);
        assert!(mistakes(json!({"token_file": "t", "channel": "C"})).is_empty());
        assert!(mistakes(json!({"url_file": "u"})).is_empty());
    }
}
