//! The verb `health`: asks a running engine's `/readyz`, for container health checks without a shell.

use crate::cli::{HealthArgs, TextOutput};
use crate::failure::Failure;
use anyhow::{Context, anyhow};
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

/// How long the engine may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(3);
/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 256 * 1024;

/// The verb `health`.
pub fn health(args: HealthArgs) -> Result<(), Failure> {
    let address = args.address.trim_start_matches("http://").trim_end_matches('/');
    let (status, body) = get(address, "/readyz")
        .with_context(|| format!("could not ask the engine at {address} whether it is ready"))?;
    let health: serde_json::Value = serde_json::from_str(&body)
        .with_context(|| format!("{address} does not answer as Seismolog does"))?;
    match args.output {
        TextOutput::Json => println!("{health}"),
        TextOutput::Text if status == 200 => println!("ready"),
        TextOutput::Text => {
            let reasons = health["reasons"].as_array().into_iter().flatten();
            let reasons: Vec<_> = reasons.filter_map(|reason| reason.as_str()).collect();
            println!("not ready: {}", reasons.join("; "));
        }
    }
    if status == 200 { Ok(()) } else { Err(Failure::Silent) }
}

/// Asks for `path` and returns the status and the body.
#[allow(clippy::disallowed_methods, reason = "read through `take` with a named limit")]
fn get(address: &str, path: &str) -> anyhow::Result<(u16, String)> {
    let address = address.to_socket_addrs()?.next().ok_or_else(|| anyhow!("no such host"))?;
    let mut stream = TcpStream::connect_timeout(&address, ANSWER_WITHIN)?;
    stream.set_read_timeout(Some(ANSWER_WITHIN))?;
    stream.set_write_timeout(Some(ANSWER_WITHIN))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(|| anyhow!("an empty answer"))?;
    let status = head.split_whitespace().nth(1).and_then(|code| code.parse().ok());
    Ok((status.ok_or_else(|| anyhow!("an answer that is not HTTP"))?, body.to_owned()))
}
