//! The notifier `chat`: a text for a webhook of Discord, Mattermost or Teams, put together by a template.
//!
//! *Limits:* those of each chat, [`Flavor::units_max`].

use super::INPUTS;
use super::http::{Client, Headers};
use super::target::Place;
use super::template::Template;
use super::text::{cut, fit};
use super::words::Words;
use engine::component::{Build, Built, ComponentType, DeliveryError, Message, Notifier, Options};
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::path::PathBuf;

/// Discord's flag that keeps it from showing what addresses in a text lead to.
const SUPPRESS_EMBEDS: u32 = 4;
/// Put behind an `@`, so that it looks the same and mentions nobody.
const ZERO_WIDTH_SPACE: char = '\u{200b}';

/// The component type `chat`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "chat",
    summary: "Posts notices to a channel of Discord, Mattermost or Teams.",
    inputs: INPUTS,
    output: None,
    schema: || schema_for!(ChatOptions),
    build: Build::Notifier(build),
};

/// Which chat it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Flavor {
    /// Discord: a webhook of a channel.
    Discord,
    /// Mattermost, and what understands its incoming webhooks.
    Mattermost,
    /// Microsoft Teams: a workflow that posts when a webhook request is received.
    Teams,
}

/// Options of the notifier `chat`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ChatOptions {
    /// Which chat it is.
    flavor: Flavor,
    /// The address of the webhook, which is a secret. Either this or `url_file`.
    url: Option<String>,
    /// A file that holds the address and nothing else, read again for every attempt.
    url_file: Option<PathBuf>,
    /// The text, in the chat's own markup, with `{happened}`, `{title}`, `{summary}`, `{service}`,
    /// `{severity}`, `{facts}`, `{others}` and `{link}`. Unless given, the title in bold, then the summary,
    /// the facts, other alerts and the link, each in its line; for `teams` the link is a button.
    template: Option<String>,
    /// Whether the address may be a private one: of this machine, its network, or a cloud's metadata.
    #[serde(default)]
    allow_private: bool,
    /// A file with the certificates (PEM) that may vouch for the receiver; without it the public ones may.
    ca_file: Option<PathBuf>,
}

impl Flavor {
    /// Returns the template that is used unless one is given.
    const fn template(self) -> &'static str {
        match self {
            Flavor::Discord | Flavor::Mattermost => {
                "**{happened}: {title}**\n{summary}\n{facts}\n{others}\n{link}"
            }
            Flavor::Teams => "**{happened}: {title}**\n{summary}\n{facts}\n{others}",
        }
    }

    /// Returns the longest text it takes. Teams counts the bytes of the whole request, 28 KB: this many
    /// units are at most 24 KB.
    const fn units_max(self) -> usize {
        match self {
            Flavor::Discord => 2000,
            Flavor::Mattermost => 16_383,
            Flavor::Teams => 8000,
        }
    }

    /// Returns text of logs, written so that it is only text there.
    fn escape(self, text: &str) -> String {
        let special: &[char] = match self {
            Flavor::Discord => &['\\', '*', '_', '~', '`', '|', '>', '<', '[', ']', '(', ')', '#'],
            Flavor::Mattermost => {
                &['\\', '*', '_', '~', '`', '|', '>', '<', '[', ']', '(', ')', '#', '!']
            }
            Flavor::Teams => &['\\', '*', '_', '~', '`', '[', ']', '(', ')', '#'],
        };
        fit(text, self.units_max(), |character, out| {
            if special.contains(&character) {
                out.push('\\');
            }
            out.push(character);
            if character == '@' {
                out.push(ZERO_WIDTH_SPACE);
            }
        })
    }
}

fn build(options: &Options) -> Built<dyn Notifier> {
    let read: ChatOptions = options.parse()?;
    let place = Place::read(options, read.url.as_deref(), read.url_file.as_ref());
    let template = Template::read(read.template.as_deref().unwrap_or(read.flavor.template()));
    match (place, template) {
        (Ok(place), Ok(template)) => Ok(Box::new(Chat {
            flavor: read.flavor,
            template,
            place,
            client: Client::new(options, read.allow_private, read.ca_file.as_ref()),
        })),
        (place, template) => Err(place.err().into_iter().chain(template.err()).collect()),
    }
}

/// Returns what is posted.
fn render(message: &Message, flavor: Flavor, template: &Template) -> Json {
    let words = Words::of(message);
    let text = cut(&template.fill(&words, |text| flavor.escape(text)), flavor.units_max());
    match flavor {
        Flavor::Discord => json!({
            "content": text,
            "allowed_mentions": {"parse": []},
            "flags": SUPPRESS_EMBEDS,
        }),
        Flavor::Mattermost => json!({"text": text}),
        Flavor::Teams => {
            let block = |line: &str| json!({"type": "TextBlock", "text": line, "wrap": true});
            let mut card = json!({
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [{"type": "Container", "items": blocks(&text, block)}],
            });
            if let Some(link) = &words.link {
                card["actions"] =
                    json!([{"type": "Action.OpenUrl", "title": "Open in Seismolog", "url": link}]);
            }
            let attachment =
                json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": card});
            json!({"type": "message", "attachments": [attachment]})
        }
    }
}

/// Returns a block for each line that is not empty, as many as fit into a request of Teams.
fn blocks(text: &str, block: impl Fn(&str) -> Json) -> Vec<Json> {
    /// With 50 bytes around each, they stay within what Teams takes.
    const BLOCKS_MAX: usize = 40;
    text.lines().filter(|line| !line.trim().is_empty()).take(BLOCKS_MAX).map(block).collect()
}

/// A [`Notifier`] that posts to a chat.
struct Chat {
    flavor: Flavor,
    template: Template,
    place: Place,
    client: Client,
}

impl Notifier for Chat {
    fn deliver(&mut self, message: &Message) -> Result<(), DeliveryError> {
        let body = render(message, self.flavor, &self.template).to_string();
        self.client.post_json(&self.place.target()?, &Headers::new(), &body).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use super::super::receiver::{Receiver, client};
    use super::super::samples::{self, golden, pretty};
    use super::super::target::Target;
    use super::super::text::units;
    use super::*;

    const FLAVORS: [(&str, Flavor); 3] = [
        ("discord", Flavor::Discord),
        ("mattermost", Flavor::Mattermost),
        ("teams", Flavor::Teams),
    ];

    fn rendered(message: &Message, flavor: Flavor) -> Json {
        render(message, flavor, &Template::read(flavor.template()).unwrap())
    }

    fn build_from(value: Json) -> Built<dyn Notifier> {
        build(&Options { id: "chat".to_owned(), value, base: PathBuf::from("base") })
    }

    #[test]
    fn golden_the_text_of_each_flavor() {
        for (name, flavor) in FLAVORS {
            for (what, message) in [("fired", samples::fired()), ("amended", samples::amended())] {
                let posted = rendered(&message, flavor).to_string();
                golden(&format!("chat_{name}_{what}.json"), &pretty(&posted));
            }
        }
    }

    #[test]
    fn text_of_logs_mentions_nobody_and_formats_nothing() {
        for (name, flavor) in FLAVORS {
            let posted = rendered(&samples::amended(), flavor).to_string();
            assert!(
                !posted.contains("@everyone") && !posted.contains("@channel"),
                "{name}: {posted}"
            );
            assert!(!posted.contains("[log in](https"), "{name}: {posted}");
        }
        let discord = rendered(&samples::amended(), Flavor::Discord);
        assert_eq!(discord["allowed_mentions"], json!({"parse": []}));
    }

    #[test]
    fn limit_a_text_stays_below_what_each_chat_refuses() {
        let mut message = samples::many();
        for title in message.titles.values_mut() {
            title.template = "*".repeat(100_000);
            title.sample = "漢".repeat(100_000);
        }
        let content = rendered(&message, Flavor::Discord)["content"].as_str().unwrap().to_owned();
        assert!(units(&content) <= 2000, "{}", units(&content));
        let text = rendered(&message, Flavor::Mattermost)["text"].as_str().unwrap().to_owned();
        assert!(units(&text) <= 16_383, "{}", units(&text));
        let wide = Template::read(&"{facts}{others}\n".repeat(200)).unwrap();
        for title in message.titles.values_mut() {
            title.template = "漢".repeat(100_000);
        }
        let teams = render(&message, Flavor::Teams, &wide).to_string();
        assert!(teams.len() <= 28 * 1024, "{}", teams.len());
    }

    #[test]
    fn a_template_of_ones_own_is_used() {
        let receiver = Receiver::replying(204, "", "");
        let template = Template::read("{severity} in {service}: {title}").unwrap();
        let place = Place::Given(Target::given("url", &receiver.url()).unwrap());
        let mut chat = Chat { flavor: Flavor::Discord, template, place, client: client() };
        chat.deliver(&samples::fired()).unwrap();
        let content = receiver.requests()[0].json()["content"].as_str().unwrap().to_owned();
        assert_eq!(content, "error in payments: payments: connection to \\<host\\> refused");
    }

    #[test]
    fn options_that_cannot_be_used_are_all_told() {
        let wrong = json!({"flavor": "teams", "url": "x", "template": "{nothing}"});
        let errors = build_from(wrong).err().unwrap();
        let paths: Vec<&str> = errors.iter().map(|error| error.path[0].as_str()).collect();
        assert_eq!(paths, ["url", "template"]);
        assert!(build_from(json!({"flavor": "irc", "url": "https://a.example"})).is_err());
        assert!(build_from(json!({"flavor": "discord", "url": "https://a.example"})).is_ok());
    }
}
