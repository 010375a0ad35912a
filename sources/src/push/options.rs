//! Options that all sources to which others push have in common, and what is checked of them.
//!
//! *Promise:* an address that other machines can reach is only listened on with a token.

use crate::lines::{LINE_BYTES_DEFAULT, LINE_BYTES_MAX, LINE_BYTES_MIN};
use engine::component::{HumanDuration, Options, OptionsError};
use schemars::JsonSchema;
use serde::Deserialize;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Largest request that may be allowed, after decompression.
const BODY_BYTES_MAX: usize = 512 * 1024 * 1024;
/// How many of the largest requests must be allowed to wait: one is held as it was sent, unpacked, and
/// as lines.
const PENDING_BODIES_MIN: usize = 4;
/// Fewest bytes that may be allowed to wait.
const PENDING_BYTES_MIN: usize = 1024 * 1024;
/// Most connections that may be allowed.
const CONNECTIONS_MAX: usize = 16_384;
/// Most requests that may be allowed to be worked on at a time.
const REQUESTS_MAX: usize = 4_096;
/// Longest time that a request may be allowed to wait for its commit.
const ACK_TIMEOUT_MAX: HumanDuration = HumanDuration::from_secs(600);
/// Most paths that may be given.
const PATHS_MAX: usize = 16;

/// Options of a source to which others push.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PushOptions {
    /// Address and port on which it listens; port 0 takes a free one. `127.0.0.1:8741` for `http` and
    /// `127.0.0.1:4318` for `otlp` if left out. Any address that is not this machine's own loopback
    /// needs a `token_file`.
    #[serde(default)]
    pub listen: Option<String>,
    /// File with the tokens, one a line, one of which every request must carry, as
    /// `Authorization: Bearer TOKEN` or `X-API-Key: TOKEN`. Read when the source starts.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// Paths to which requests may be posted; `/`, `/v1/lines` and `/upload` for `http`, `/v1/logs`
    /// for `otlp` if left out.
    #[serde(default)]
    pub paths: Option<Vec<String>>,
    /// Longest line in bytes; the rest of a longer one is dropped and the line is counted as cut.
    #[serde(default = "line_bytes_default")]
    pub max_line_bytes: usize,
    /// Largest request in bytes, after decompression.
    #[serde(default = "body_bytes_default")]
    pub max_body_bytes: usize,
    /// Bytes of all requests that are being read, unpacked or wait for the engine; at least four times
    /// `max_body_bytes`, and 1 MiB.
    #[serde(default = "pending_bytes_default")]
    pub max_pending_bytes: usize,
    /// Connections at a time.
    #[serde(default = "connections_default")]
    pub max_connections: usize,
    /// Requests at a time that are being read or wait for their commit.
    #[serde(default = "requests_default")]
    pub max_requests: usize,
    /// How long a request waits for the commit that holds it before its sender is asked to repeat it.
    /// It may be counted all the same: send an `Idempotency-Key` to have it counted once.
    #[serde(default = "ack_timeout_default")]
    pub ack_timeout: HumanDuration,
}

fn line_bytes_default() -> usize {
    LINE_BYTES_DEFAULT
}

fn body_bytes_default() -> usize {
    64 * 1024 * 1024
}

fn pending_bytes_default() -> usize {
    256 * 1024 * 1024
}

fn connections_default() -> usize {
    256
}

fn requests_default() -> usize {
    128
}

fn ack_timeout_default() -> HumanDuration {
    HumanDuration::from_secs(10)
}

/// What a type of source takes if the user says nothing.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// Address and port.
    pub listen: &'static str,
    /// Paths.
    pub paths: &'static [&'static str],
}

/// Options that were checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where the tokens are.
    pub token_file: Option<PathBuf>,
    /// Paths to which requests may be posted.
    pub paths: Vec<String>,
    /// Longest line in bytes.
    pub line_bytes_max: usize,
    /// Largest request in bytes, after decompression.
    pub body_bytes_max: usize,
    /// Bytes of all requests that are being worked on.
    pub pending_bytes_max: usize,
    /// Connections at a time.
    pub connections_max: usize,
    /// Requests at a time.
    pub requests_max: usize,
    /// How long a request waits for its commit.
    pub ack_timeout: Duration,
}

impl Settings {
    /// Returns the options as they will be used, or everything that is wrong with them.
    pub fn from_options(options: &Options, defaults: Defaults) -> Result<Self, Vec<OptionsError>> {
        let given: PushOptions = options.parse()?;
        let mut errors = Vec::new();
        let mut within = |option: &str, value: usize, least: usize, most: usize| {
            if !(least..=most).contains(&value) {
                let message = format!("must be between {least} and {most}");
                errors.push(OptionsError::at(option, message));
            }
        };
        within("max_line_bytes", given.max_line_bytes, LINE_BYTES_MIN, LINE_BYTES_MAX);
        within("max_body_bytes", given.max_body_bytes, 1024, BODY_BYTES_MAX);
        let pending = PENDING_BODIES_MIN * given.max_body_bytes.min(BODY_BYTES_MAX);
        let pending = pending.max(PENDING_BYTES_MIN);
        let pending_most = PENDING_BODIES_MIN * BODY_BYTES_MAX;
        within("max_pending_bytes", given.max_pending_bytes, pending, pending_most);
        within("max_connections", given.max_connections, 1, CONNECTIONS_MAX);
        within("max_requests", given.max_requests, 1, REQUESTS_MAX);
        if given.ack_timeout > ACK_TIMEOUT_MAX {
            let message = format!("must be at most {ACK_TIMEOUT_MAX}");
            errors.push(OptionsError::at("ack_timeout", message));
        }
        let token_file = given.token_file.as_deref().map(|path| options.resolve(path));
        let listen = given.listen.as_deref().unwrap_or(defaults.listen);
        let listen = address(listen, token_file.is_some()).map_err(|error| errors.push(error));
        let default_paths = || defaults.paths.iter().map(|path| (*path).to_owned()).collect();
        let paths = given.paths.unwrap_or_else(default_paths);
        errors.extend(path_error(&paths));
        match listen {
            Ok(listen) if errors.is_empty() => Ok(Self {
                listen,
                token_file,
                paths,
                line_bytes_max: given.max_line_bytes,
                body_bytes_max: given.max_body_bytes,
                pending_bytes_max: given.max_pending_bytes,
                connections_max: given.max_connections,
                requests_max: given.max_requests,
                ack_timeout: given.ack_timeout.0,
            }),
            _ => Err(errors),
        }
    }
}

/// Returns the address, unless it opens the source to other machines without a token.
fn address(text: &str, has_token: bool) -> Result<SocketAddr, OptionsError> {
    let named = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let Ok(address) = named.as_deref().unwrap_or(text).parse::<SocketAddr>() else {
        let message = format!("must be an address and a port, not `{text}`");
        let hint = "For instance `127.0.0.1:4318`, `[::1]:4318`, `localhost:4318` or, with a \
                    `token_file`, `0.0.0.0:4318`.";
        return Err(OptionsError::at("listen", message).hint(hint));
    };
    if !has_token && !address.ip().is_loopback() {
        let message = format!("opens `{}` to other machines without a token", address.ip());
        let hint = "Add `token_file`, or listen on `127.0.0.1`.";
        return Err(OptionsError::at("listen", message).hint(hint));
    }
    Ok(address)
}

fn path_error(paths: &[String]) -> Option<OptionsError> {
    let wrong = paths.iter().find(|path| !path.starts_with('/'));
    let message = match wrong {
        Some(path) => format!("paths begin with `/`, unlike `{path}`"),
        None if paths.is_empty() || paths.len() > PATHS_MAX => {
            format!("must name between 1 and {PATHS_MAX} paths")
        }
        None => return None,
    };
    Some(OptionsError::at("paths", message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const DEFAULTS: Defaults = Defaults { listen: "127.0.0.1:4318", paths: &["/v1/logs"] };

    fn settings(value: Value) -> Result<Settings, Vec<String>> {
        let options = Options { id: "in".into(), value, base: PathBuf::from("/etc/app") };
        Settings::from_options(&options, DEFAULTS)
            .map_err(|errors| errors.into_iter().map(|error| error.path.join(".")).collect())
    }

    #[test]
    fn a_source_without_options_listens_on_loopback() {
        let settings = settings(json!({})).unwrap();
        assert_eq!(settings.listen, "127.0.0.1:4318".parse().unwrap());
        assert_eq!(settings.paths, ["/v1/logs"]);
        assert_eq!(settings.body_bytes_max, 64 << 20);
    }

    #[test]
    fn other_machines_need_a_token() {
        assert_eq!(settings(json!({"listen": "0.0.0.0:1"})).unwrap_err(), ["listen"]);
        assert_eq!(settings(json!({"listen": "[::]:1"})).unwrap_err(), ["listen"]);
        let open = json!({"listen": "0.0.0.0:1", "token_file": "tokens"});
        let token_file = settings(open).unwrap().token_file;
        assert_eq!(token_file, Some(PathBuf::from("/etc/app/tokens")));
        for local in ["localhost:1", "127.8.0.1:1", "[::1]:1"] {
            assert!(settings(json!({"listen": local})).is_ok(), "{local}");
        }
        for strange in ["", "4318", "example.test:80", "127.0.0.1"] {
            assert_eq!(settings(json!({"listen": strange})).unwrap_err(), ["listen"], "{strange}");
        }
    }

    #[test]
    fn every_option_out_of_its_range_is_named() {
        let wrong = json!({
            "max_line_bytes": 1, "max_body_bytes": 1, "max_pending_bytes": 0, "max_connections": 0,
            "max_requests": 0, "ack_timeout": "1h", "paths": ["logs"],
        });
        let named = settings(wrong).unwrap_err();
        assert_eq!(
            named,
            [
                "max_line_bytes",
                "max_body_bytes",
                "max_pending_bytes",
                "max_connections",
                "max_requests",
                "ack_timeout",
                "paths",
            ]
        );
        assert_eq!(settings(json!({"paths": []})).unwrap_err(), ["paths"]);
    }
}
