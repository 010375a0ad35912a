//! The smallest HTTP client that can ask the measured binary how far it is.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// Longest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// How long an answer may take.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// Returns the body of `GET path` from `address` (`host:port`).
pub fn get(address: &str, path: &str) -> Result<String> {
    let mut stream =
        TcpStream::connect(address).with_context(|| format!("cannot reach {address}"))?;
    stream.set_read_timeout(Some(ANSWER_PATIENCE))?;
    // HTTP/1.0 so that the body is never chunked and ends with the connection.
    write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").context("the answer has no body")?;
    let status = head.split(' ').nth(1).unwrap_or("");
    ensure!(status == "200", "GET {path} answered {status}: {body}");
    Ok(body.to_owned())
}

/// Returns how many records the engine has counted and committed.
pub fn counted(address: &str) -> Result<u64> {
    let audit: Value = serde_json::from_str(&get(address, "/api/v1/audit")?)?;
    audit["counted"].as_u64().with_context(|| format!("the audit has no \"counted\": {audit}"))
}
