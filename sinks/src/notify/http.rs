//! The one HTTP client of notifiers: one attempt, within bounds, to an address that was checked.
//!
//! ```text
//! post ──► resolve once ──► every address checked ──► connect to those ──► status decides
//!            ▲                                                     │
//!            └───── redirect to the same scheme, host and port ◄───┘
//! ```
//! *Promises:* the contract of [`Notifier`](engine::component::Notifier). A name is resolved once and the
//! connection goes to the addresses that were checked, so a name cannot lead to a public address when it is
//! checked and to a private one when it is used. No proxy of the environment is used. Of an address only
//! the host is told.
//! *Limits:* the attempt as a whole ([`Notifier::ATTEMPT_MAX`](engine::component::Notifier)),
//! [`REDIRECTS_MAX`], [`HEADERS_BYTES_MAX`], [`ANSWER_BYTES_MAX`], [`EXCERPT_UNITS_MAX`],
//! [`RETRY_AFTER_MAX`].

use super::address::is_public;
use super::secret::{self, Secret};
use super::target::Target;
use super::text;
use engine::clock::{Clock, SystemClock};
use engine::component::{DeliveryError, Notifier, Options, OptionsError};
use engine::model::EventTime;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::config::{AutoHeaderValue, Config};
use ureq::http::{HeaderName, HeaderValue, Request, Response, Uri, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{Connector, NextTimeout, RustlsConnector, TcpConnector};
use ureq::{Agent, Body, Error};

/// Redirects that are followed in one attempt.
pub(super) const REDIRECTS_MAX: usize = 3;
/// Largest head of an answer, in bytes.
pub(super) const HEADERS_BYTES_MAX: usize = 16 * 1024;
/// What is read of an answer's body at most, in bytes; the rest is left where it is.
pub(super) const ANSWER_BYTES_MAX: u64 = 64 * 1024;
/// What is told of a refusal's body.
const EXCERPT_UNITS_MAX: usize = 200;
/// The longest rest that a receiver may ask for.
pub(super) const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// Headers of a request besides those of the connection.
pub(super) type Headers = Vec<(HeaderName, HeaderValue)>;

/// The answer of a receiver that has accepted.
pub(super) struct Accepted(Body);

impl Accepted {
    /// Reads what there is of the body.
    pub fn read(self) -> Vec<u8> {
        read_some(self.0)
    }
}

/// Makes attempts.
pub(super) struct Client {
    /// Whether private addresses may be sent to.
    pub allow_private: bool,
    /// Certificates that may vouch for receivers instead of the public ones.
    pub ca_file: Option<PathBuf>,
    /// How long one attempt may take.
    pub attempt_max: Duration,
    /// Where dates in answers are counted from.
    pub clock: Arc<dyn Clock>,
}

impl Client {
    /// Returns the client that options ask for.
    pub fn new(options: &Options, allow_private: bool, ca_file: Option<&PathBuf>) -> Self {
        Self {
            allow_private,
            ca_file: ca_file.map(|path| options.resolve(path)),
            attempt_max: <dyn Notifier>::ATTEMPT_MAX,
            clock: Arc::new(SystemClock),
        }
    }

    /// Posts JSON; returns once the receiver has accepted it, before the answer's body was read.
    pub fn post_json(
        &self,
        target: &Target,
        headers: &Headers,
        body: &str,
    ) -> Result<Accepted, DeliveryError> {
        let deadline = Instant::now() + self.attempt_max;
        let mut target = target.clone();
        for _ in 0..=REDIRECTS_MAX {
            let answer = self.exchange(&target, headers, body, deadline)?;
            let status = answer.status();
            if status.is_success() {
                return Ok(Accepted(answer.into_body()));
            }
            let location = answer.headers().get(header::LOCATION);
            match (status.as_u16(), location) {
                (301 | 302 | 303 | 307 | 308, Some(location)) => {
                    let next = location.to_str().ok().and_then(|to| target.redirected(to));
                    target = next.ok_or_else(|| elsewhere(&target, location))?;
                }
                _ => return Err(self.refusal(&target, answer)),
            }
        }
        let reason = format!(
            "{} redirects more than {REDIRECTS_MAX} times; give the address at which that ends",
            target.host()
        );
        Err(DeliveryError::Never { reason })
    }

    /// Sends one request and returns the head of the answer.
    fn exchange(
        &self,
        target: &Target,
        headers: &Headers,
        body: &str,
        deadline: Instant,
    ) -> Result<Response<Body>, DeliveryError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let agent = self.agent(left)?;
        let mut request = Request::post(target.uri().clone())
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(body).map_err(Error::Http);
        request.and_then(|request| agent.run(request)).map_err(|error| self.told(target, error))
    }

    /// Returns an agent for one request: nothing is kept between two, so every one is checked.
    fn agent(&self, left: Duration) -> Result<Agent, DeliveryError> {
        let roots = match &self.ca_file {
            Some(path) => RootCerts::Specific(Arc::new(certificates(path)?)),
            None => RootCerts::WebPki,
        };
        let config = Config::builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .max_idle_connections(0)
            .max_response_header_size(HEADERS_BYTES_MAX)
            .accept_encoding(AutoHeaderValue::None)
            .user_agent(concat!("seismolog/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(left))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build();
        let connector = ().chain(TcpConnector::default()).chain(RustlsConnector::default());
        let guard =
            Guard { allow_private: self.allow_private, resolver: DefaultResolver::default() };
        Ok(Agent::with_parts(config, connector, guard))
    }

    /// Says why a receiver was not reached.
    fn told(&self, target: &Target, error: Error) -> DeliveryError {
        let host = target.host();
        let reason = match error {
            Error::Other(cause) if cause.is::<Refused>() => {
                let reason = format!(
                    "cannot send to {host}: {cause}; set `allow_private: true` if that is meant"
                );
                return DeliveryError::Never { reason };
            }
            Error::Http(_) | Error::BadUri(_) => {
                let reason = format!("cannot send to {host}: the request cannot be written");
                return DeliveryError::Never { reason };
            }
            Error::Timeout(_) => {
                let secs = self.attempt_max.as_secs_f64();
                format!("could not get an answer from {host} within {secs} s")
            }
            Error::HostNotFound => format!("could not find the address of {host}"),
            Error::Protocol(cause) => {
                format!("could not understand {host}, which may speak no HTTP: {cause}")
            }
            Error::Rustls(cause) => format!("could not trust {host}: {cause}"),
            Error::Io(cause) if is_of_tls(&cause) => format!("could not trust {host}: {cause}"),
            Error::Io(cause) => format!("could not reach {host}: {cause}"),
            _ => format!("could not reach {host}: the connection failed"),
        };
        DeliveryError::Later { reason: text::clean(&reason), after: None }
    }

    /// Says what a receiver answered instead of accepting, and whether it may accept later.
    fn refusal(&self, target: &Target, answer: Response<Body>) -> DeliveryError {
        let status = answer.status().as_u16();
        let after = answer.headers().get(header::RETRY_AFTER).cloned();
        let body = read_some(answer.into_body());
        let said = text::clean(&target.redact(&String::from_utf8_lossy(&body)));
        let said = match text::cut(&said, EXCERPT_UNITS_MAX) {
            empty if empty.is_empty() => String::new(),
            said => format!(" and says \"{said}\""),
        };
        let host = target.host();
        if may_be_accepted_later(status) {
            let reason = format!("could not deliver: {host} answered {status}{said}");
            let after = after.and_then(|value| retry_after(value.to_str().ok()?, self.clock.now()));
            return DeliveryError::Later { reason, after };
        }
        let reason = format!("{host} refuses it: it answers {status}{said}; {}", advice(status));
        DeliveryError::Never { reason }
    }
}

/// Returns whether a status speaks of the moment and not of the request.
fn may_be_accepted_later(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

/// Says what may be done about a status.
fn advice(status: u16) -> &'static str {
    match status {
        401 | 403 => "check the token and what it may do",
        404 | 410 => "check the address: nothing takes notices there",
        405 => "check the address: it takes no POST",
        413 => "the receiver must take larger requests",
        _ => "check the options against what the receiver expects",
    }
}

/// Returns whether a connection broke because its other end was not believed.
fn is_of_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|cause| cause.is::<tokio_rustls::rustls::Error>())
}

/// Says that a redirect is not followed.
fn elsewhere(target: &Target, location: &HeaderValue) -> DeliveryError {
    let to = location.to_str().ok().and_then(|to| Target::parse(to).ok());
    let to = to.map_or_else(|| "another address".to_owned(), |to| to.host().to_owned());
    let reason = format!(
        "{} redirects to {to}, and no redirect is followed to another scheme, host or port; give \
         the address at which that ends",
        target.host()
    );
    DeliveryError::Never { reason: text::clean(&reason) }
}

/// Reads what there is of a body, up to the limit. The status has been decided on, so a body that breaks
/// off changes nothing.
#[allow(clippy::disallowed_methods, reason = "take(ANSWER_BYTES_MAX) bounds it")]
fn read_some(body: Body) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = body.into_reader().take(ANSWER_BYTES_MAX).read_to_end(&mut bytes);
    bytes
}

/// Returns how long a receiver asks to be left alone: seconds, or until a date.
pub(super) fn retry_after(value: &str, now: EventTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(secs) = value.parse::<u64>() {
        return Some(Duration::from_secs(secs).min(RETRY_AFTER_MAX));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    let secs = date.as_second().saturating_sub(now.secs());
    Some(Duration::from_secs(u64::try_from(secs).unwrap_or(0)).min(RETRY_AFTER_MAX))
}

/// Returns the headers that options name, or every one that is none.
pub(super) fn headers<'a>(
    given: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<Headers, Vec<OptionsError>> {
    /// What the client itself says.
    const OWN: [HeaderName; 6] = [
        header::HOST,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::EXPECT,
    ];
    let (mut headers, mut errors) = (Headers::new(), Vec::new());
    for (name, value) in given {
        let mut wrong = |what: &str| {
            let path = vec!["headers".to_owned(), name.clone()];
            errors.push(OptionsError { path, message: what.to_owned(), hint: None });
        };
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), _) if OWN.contains(&name) => wrong("is set by the notifier itself"),
            (Ok(name), Ok(value)) => headers.push((name, value)),
            (Err(_), _) => wrong("is no name of a header"),
            (Ok(_), Err(_)) => wrong("has a value that no header can have"),
        }
    }
    if errors.is_empty() { Ok(headers) } else { Err(errors) }
}

/// Returns the header that shows a token, which was read from `path`.
pub(super) fn bearer(
    token: &Secret,
    path: &Path,
) -> Result<(HeaderName, HeaderValue), DeliveryError> {
    match HeaderValue::from_str(&format!("Bearer {}", token.expose())) {
        Ok(mut value) => {
            value.set_sensitive(true);
            Ok((header::AUTHORIZATION, value))
        }
        Err(_) => Err(DeliveryError::Later {
            reason: format!(
                "could not use the token in {}: it holds what no header can; put the token alone there",
                path.display()
            ),
            after: None,
        }),
    }
}

/// Reads certificates; the file may be put right later.
fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, DeliveryError> {
    let pem = secret::read_pem(path)?;
    let found = parse_pem(&pem).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    Ok(found.collect())
}

/// Resolves a name once and lets only addresses through that may be sent to.
#[derive(Debug)]
struct Guard {
    allow_private: bool,
    resolver: DefaultResolver,
}

/// Every address of a host is a private one.
#[derive(Debug, thiserror::Error)]
#[error("it is at a private address ({0})")]
struct Refused(std::net::IpAddr);

impl Resolver for Guard {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let found = self.resolver.resolve(uri, config, timeout)?;
        let mut allowed = self.empty();
        for address in found.iter().filter(|found| self.allow_private || is_public(found.ip())) {
            allowed.push(*address);
        }
        match found.iter().next() {
            Some(private) if allowed.is_empty() => {
                Err(Error::Other(Box::new(Refused(private.ip()))))
            }
            _ => Ok(allowed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-03-01T12:00:00Z.
    const NOW: EventTime = EventTime::from_secs(1_772_366_400);

    #[test]
    fn a_receiver_may_ask_for_rest_in_seconds_or_until_a_date() {
        let after = |value: &str| retry_after(value, NOW).map(|rest| rest.as_secs());
        assert_eq!(after("17"), Some(17));
        assert_eq!(after(" 0 "), Some(0));
        assert_eq!(after("Sun, 01 Mar 2026 12:01:30 GMT"), Some(90));
        assert_eq!(after("Sun, 01 Mar 2026 11:00:00 GMT"), Some(0));
        for text in ["", "soon", "-5", "1.5", "2026-03-01"] {
            assert_eq!(after(text), None, "{text}");
        }
    }

    #[test]
    fn limit_nobody_is_left_alone_for_ever() {
        assert_eq!(retry_after("18446744073709551615", NOW), Some(RETRY_AFTER_MAX));
        assert_eq!(retry_after("Mon, 01 Mar 2027 12:00:00 GMT", NOW), Some(RETRY_AFTER_MAX));
    }

    #[test]
    fn a_status_that_speaks_of_the_moment_may_change() {
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert!(may_be_accepted_later(status), "{status}");
        }
        for status in [300, 304, 400, 401, 403, 404, 410, 413, 422] {
            assert!(!may_be_accepted_later(status), "{status}");
        }
    }

    #[test]
    fn headers_that_cannot_be_sent_are_named() {
        let given: std::collections::BTreeMap<String, String> = [
            ("X-Team", "storage"),
            ("Host", "other"),
            ("bad name", "x"),
            ("X-Broken", "a\nSet: b"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        let errors = headers(&given).unwrap_err();
        let named: Vec<&str> = errors.iter().map(|error| error.path[1].as_str()).collect();
        assert_eq!(named, ["Host", "X-Broken", "bad name"]);
        assert_eq!(headers([(&"X-Team".to_owned(), &"a".to_owned())]).unwrap().len(), 1);
    }
}
