//! The cluster over HTTP: addresses in turn, a login, answers within bounds.
//!
//! *Limits:* [`REQUEST_TIME_MAX`] for a request, of which [`CONNECT_TIME_MAX`] to connect, so that a
//! cluster that swallows everything is noticed; [`ANSWER_BYTES_MAX`] for an answer, unpacked. No
//! redirect is followed, and no proxy of the environment is used: the login goes to the addresses of
//! the graph file and nowhere else.

use super::config::{Config, Login};
use super::failure::Failure;
use crate::poll::{Secret, apart, read_file, to_base64};
use engine::component::SourceError;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use ureq::Agent;
use ureq::http::request::Builder;
use ureq::http::{Method, Request, header};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// Longest time to connect.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(5);
/// Longest time of one request.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(15);
/// Largest answer, in bytes; a larger page is asked for in parts.
pub const ANSWER_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A request to the cluster.
#[derive(Clone, Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// What follows the address, with parameters.
    pub path: String,
    /// The body, as JSON text.
    pub body: Option<String>,
}

impl Call {
    /// Returns a request without a body.
    pub fn get(path: impl Into<String>) -> Self {
        Self { method: Method::GET, path: path.into(), body: None }
    }

    /// Returns a request with a body.
    pub fn post(path: impl Into<String>, body: String) -> Self {
        Self { method: Method::POST, path: path.into(), body: Some(body) }
    }

    /// Returns a request that removes what the body names.
    pub fn delete(path: impl Into<String>, body: String) -> Self {
        Self { method: Method::DELETE, path: path.into(), body: Some(body) }
    }
}

/// A connection to the cluster.
#[derive(Debug)]
pub struct Client {
    agent: Agent,
    urls: Vec<String>,
    authorization: Option<Secret>,
    /// The address that answered last.
    current: usize,
    answer_max: usize,
}

impl Client {
    /// Reads the files of the login and of the certificates. Asks nothing yet.
    pub fn open(config: &Config) -> Result<Self, SourceError> {
        let roots = match &config.ca_file {
            Some(path) => RootCerts::Specific(Arc::new(certificates(path)?)),
            None => RootCerts::WebPki,
        };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .user_agent("seismolog")
            .timeout_connect(Some(CONNECT_TIME_MAX))
            .timeout_global(Some(REQUEST_TIME_MAX))
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .build()
            .new_agent();
        let authorization = authorization(&config.login)?;
        let urls = config.urls.clone();
        Ok(Self { agent, urls, authorization, current: 0, answer_max: ANSWER_BYTES_MAX })
    }

    /// Returns the same client with another bound for answers.
    #[cfg(test)]
    pub fn with_answer_max(mut self, bytes: usize) -> Self {
        self.answer_max = bytes;
        self
    }

    /// Asks the address that answered last, then each of the others once.
    pub fn call(&mut self, call: &Call, stopped: &dyn Fn() -> bool) -> Result<Vec<u8>, Failure> {
        let mut failure = Failure::Stopped;
        for turn in 0..self.urls.len() {
            let index = (self.current + turn) % self.urls.len();
            failure = match self.ask(&self.urls[index], call, stopped) {
                Err(unreachable @ Failure::Unreachable(_)) => unreachable,
                answer => {
                    self.current = index;
                    return answer;
                }
            };
        }
        Err(failure)
    }

    fn ask(&self, url: &str, call: &Call, stopped: &dyn Fn() -> bool) -> Result<Vec<u8>, Failure> {
        let mut request =
            Request::builder().method(call.method.clone()).uri(format!("{url}{}", call.path));
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization.expose());
        }
        if let Some(body) = &call.body {
            // The length is named since not every method would name it by itself.
            request = request
                .header(header::CONTENT_TYPE, "application/json")
                .header(header::CONTENT_LENGTH, body.len());
        }
        let (agent, body, max) = (self.agent.clone(), call.body.clone(), self.answer_max);
        let exchange = move || exchange(&agent, request, body, max);
        match apart("elasticsearch", stopped, exchange) {
            Err(_stopped) => Err(Failure::Stopped),
            Ok(Err(error)) => Err(Failure::Unreachable(error.to_string())),
            Ok(Ok(outcome)) => outcome.map_err(|failure| failure.at(url)),
        }
    }
}

/// Sends a request and reads the whole answer.
#[allow(clippy::disallowed_methods, reason = "take(answer_max) bounds it")]
fn exchange(
    agent: &Agent,
    request: Builder,
    body: Option<String>,
    answer_max: usize,
) -> Result<Vec<u8>, Failure> {
    let unreachable = |error: &dyn std::fmt::Display| Failure::Unreachable(error.to_string());
    let response = match body {
        Some(text) => agent.run(request.body(text).map_err(|error| unreachable(&error))?),
        None => agent.run(request.body(()).map_err(|error| unreachable(&error))?),
    };
    let response = response.map_err(|error| unreachable(&error))?;
    let status = response.status().as_u16();
    let mut bytes = Vec::new();
    let mut reader = response.into_body().into_reader().take(answer_max as u64 + 1);
    reader.read_to_end(&mut bytes).map_err(|error| unreachable(&error))?;
    if status >= 300 {
        return Err(Failure::answer(status, &bytes));
    }
    if bytes.len() > answer_max { Err(Failure::TooLarge) } else { Ok(bytes) }
}

fn authorization(login: &Login) -> Result<Option<Secret>, SourceError> {
    let read = |path: &Path| {
        Secret::read(path).map_err(|error| unreadable("could not read the login from", path, error))
    };
    let text = match login {
        Login::None => return Ok(None),
        Login::ApiKey(path) => {
            let key = read(path)?;
            let key = key.expose();
            format!(
                "ApiKey {}",
                if key.contains(':') { to_base64(key.as_bytes()) } else { key.into() }
            )
        }
        Login::User(user, path) => {
            let both = format!("{user}:{}", read(path)?.expose());
            format!("Basic {}", to_base64(both.as_bytes()))
        }
    };
    Ok(Some(Secret::new(text)))
}

fn certificates(path: &Path) -> Result<Vec<Certificate<'static>>, SourceError> {
    let what = "could not read certificates from";
    let bytes = read_file(path).map_err(|error| unreadable(what, path, error))?;
    let found: Vec<Certificate<'static>> = parse_pem(&bytes)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        let none = std::io::Error::other("there is none in it");
        return Err(unreadable(what, path, none));
    }
    Ok(found)
}

/// Files may be put there later or replaced, so trying again can help.
fn unreadable(what: &str, path: &Path, error: std::io::Error) -> SourceError {
    let what = format!("{what} {}", path.display());
    SourceError { what, retry: true, cause: Some(Box::new(error)) }
}

/// Returns text as a segment of a path; the characters of index patterns stay readable.
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'*' | b',' | b':' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
