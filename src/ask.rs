//! How verbs ask a running engine: one request to its API, the answer as JSON.

use crate::cli::sources::RunningEngine;
use anyhow::{Context, bail};
use serde_json::Value as Json;
use std::time::Duration;

/// How long the engine may take to answer; a connection test may wait for a server.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);
/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 4 * 1024 * 1024;
/// Longest token file, in bytes.
const TOKEN_BYTES_MAX: u64 = 4096;

/// Asks the engine, whose API's `path` begins with `/api/`, and returns its answer, or what it says is wrong.
pub fn ask(
    engine: &RunningEngine,
    method: &str,
    path: &str,
    body: Option<&Json>,
) -> anyhow::Result<Json> {
    let host = engine.address.trim_start_matches("http://").trim_end_matches('/');
    let address = format!("http://{host}{path}");
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .timeout_global(Some(ANSWER_WITHIN))
        .http_status_as_error(false)
        .build()
        .into();
    let mut request = http::Request::builder().method(method).uri(&address);
    if let Some(token) = token(engine)? {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let answer = match body {
        Some(body) => {
            let request = request.header("content-type", "application/json");
            agent.run(request.body(body.to_string())?)
        }
        None => agent.run(request.body(())?),
    };
    let mut answer = answer.with_context(|| format!("could not ask the engine at {host}"))?;
    let text = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_string()?;
    let value: Json = serde_json::from_str(&text)
        .with_context(|| format!("{host} does not answer as Seismolog does"))?;
    if !answer.status().is_success() {
        bail!("{}", value["detail"].as_str().unwrap_or(&text));
    }
    Ok(value)
}

#[allow(clippy::disallowed_methods, reason = "read through `take` with a named limit")]
fn token(engine: &RunningEngine) -> anyhow::Result<Option<String>> {
    let Some(path) = &engine.token_file else { return Ok(None) };
    let cannot = || format!("cannot read the token file {}", path.display());
    let file = std::fs::File::open(path).with_context(cannot)?;
    let mut text = String::new();
    std::io::Read::read_to_string(&mut std::io::Read::take(file, TOKEN_BYTES_MAX), &mut text)
        .with_context(cannot)?;
    Ok(Some(text.trim().to_owned()))
}

/// Writes what is given as the query of an address.
pub fn with_query(path: &str, parameters: &[(&str, Option<String>)]) -> String {
    let given = parameters.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let pairs: Vec<String> =
        given.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

/// Returns a text as it may stand in a query or as one part of a path.
pub fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let write = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    text.bytes().map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_holds_what_is_given_and_nothing_that_it_could_not() {
        let parameters = [("service", Some("a b&c/é".to_owned())), ("limit", None)];
        assert_eq!(with_query("/api", &parameters), "/api?service=a%20b%26c%2F%C3%A9");
        assert_eq!(with_query("/api", &[("limit", None)]), "/api");
    }
}
