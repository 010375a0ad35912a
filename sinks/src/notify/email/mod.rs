//! The notifier `email`: a plain letter over SMTP, which mail programs put into one thread per incident.
//!
//! ```text
//! Message ──letter──► headers and body ──session──► a server of ours, in one attempt
//! ```
//! The address of the server is not checked as those of HTTP receivers are: a relay usually stands in one's own
//! network, and it is named by host and port alone.

#[cfg(test)]
mod fake;
mod letter;
mod session;
#[cfg(test)]
mod tests;

use super::INPUTS;
use engine::component::{
    Build, Built, ComponentType, DeliveryError, Message, Notifier, Options, OptionsError,
};
use letter::Envelope;
use lettre::message::Mailbox;
use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use session::{Login, Server};
use std::net::IpAddr;
use std::path::PathBuf;

/// People one letter goes to, at most.
const RECIPIENTS_MAX: usize = 50;

/// The component type `email`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "email",
    summary: "Sends notices as letters through an SMTP server.",
    inputs: INPUTS,
    output: None,
    schema: || schema_for!(EmailOptions),
    build: Build::Notifier(build),
};

/// How the way to the server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Tls {
    /// In the clear at first, then TLS; without it nothing is sent. Usually port 587.
    #[default]
    Starttls,
    /// TLS from the first byte. Usually port 465.
    #[serde(rename = "tls")]
    Implicit,
    /// None, for a server on this machine alone.
    None,
}

impl Tls {
    /// Returns the port that is usual for it.
    const fn port(self) -> u16 {
        match self {
            Tls::Starttls => 587,
            Tls::Implicit => 465,
            Tls::None => 25,
        }
    }
}

/// Options of the notifier `email`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct EmailOptions {
    /// The SMTP server's name or address.
    host: String,
    /// Its port. 587 for `starttls`, 465 for `tls` and 25 for `none` unless given.
    port: Option<u16>,
    /// How the way to it is protected: `starttls`, `tls`, or `none` for a server on this machine.
    #[serde(default)]
    tls: Tls,
    /// A file with the certificates (PEM) that may vouch for the server; without it the public ones may.
    ca_file: Option<PathBuf>,
    /// The user to log in as; nobody logs in unless given.
    user: Option<String>,
    /// A file that holds the user's password and nothing else, read again for every letter.
    password_file: Option<PathBuf>,
    /// Who the letter is from: `seismolog@logs.example`, or `Seismolog <seismolog@logs.example>`.
    from: String,
    /// Whom it goes to, up to 50. The server must take all of them.
    #[schemars(length(min = 1, max = 50))]
    to: Vec<String>,
}

fn build(options: &Options) -> Built<dyn Notifier> {
    let read: EmailOptions = options.parse()?;
    let mut errors = Vec::new();
    let from = mailbox(&read.from, vec!["from".to_owned()]).map_err(|error| errors.push(error));
    let mut to = Vec::new();
    for (position, address) in read.to.iter().enumerate() {
        match mailbox(address, vec!["to".to_owned(), position.to_string()]) {
            Ok(address) => to.push(address),
            Err(error) => errors.push(error),
        }
    }
    if read.to.is_empty() || read.to.len() > RECIPIENTS_MAX {
        errors.push(OptionsError::at("to", format!("must name 1 to {RECIPIENTS_MAX} people")));
    }
    if read.tls == Tls::None && !is_this_machine(&read.host) {
        let message = format!("would send in the clear to {}", read.host);
        let hint = "Take `starttls` or `tls`; `none` is for a server on this machine.";
        errors.push(OptionsError::at("tls", message).hint(hint));
    }
    let login = match (read.user, read.password_file) {
        (Some(user), Some(file)) => Some(Login { user, password_file: options.resolve(&file) }),
        (None, None) => None,
        (Some(_), None) => {
            errors.push(OptionsError::at("user", "needs the option `password_file` beside it"));
            None
        }
        (None, Some(_)) => {
            errors.push(OptionsError::at("password_file", "needs the option `user` beside it"));
            None
        }
    };
    let (Ok(from), true) = (from, errors.is_empty()) else { return Err(errors) };
    Ok(Box::new(Email {
        server: Server {
            port: read.port.unwrap_or(read.tls.port()),
            host: read.host,
            tls: read.tls,
            ca_file: read.ca_file.map(|path| options.resolve(&path)),
            login,
            hello: from.email.domain().to_owned(),
            attempt_max: <dyn Notifier>::ATTEMPT_MAX,
        },
        envelope: Envelope { from, to },
    }))
}

fn mailbox(text: &str, path: Vec<String>) -> Result<Mailbox, OptionsError> {
    text.parse().map_err(|error| {
        let message = format!("is no address of a mailbox: {error}");
        let hint = "For instance `ann@example.org` or `Ann <ann@example.org>`.".to_owned();
        OptionsError { path, message, hint: Some(hint) }
    })
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A [`Notifier`] that sends letters.
struct Email {
    server: Server,
    envelope: Envelope,
}

impl Notifier for Email {
    fn deliver(&mut self, message: &Message) -> Result<(), DeliveryError> {
        let letter = letter::render(message, &self.envelope)?;
        session::send(&self.server, &letter)
    }
}
