//! A small HTTP client on plain sockets, for tests: it can be slow, wrong, or gone.

use super::Bound;
use engine::component::{ComponentType, Options, Source};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// How long a test waits for an answer before it fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn has(&self, header: &str) -> bool {
        self.head.to_ascii_lowercase().contains(&header.to_ascii_lowercase())
    }
}

/// Connects to a running source.
pub fn connect(bound: &Bound) -> TcpStream {
    let stream = TcpStream::connect(bound.wait()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// The head of a request with a body of so many bytes.
pub fn head(path: &str, headers: &[(&str, &str)], bytes: usize) -> String {
    let headers: String =
        headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("POST {path} HTTP/1.1\r\nHost: test\r\nContent-Length: {bytes}\r\n{headers}\r\n")
}

/// Posts a body over a connection of its own.
pub fn post(bound: &Bound, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let mut stream = connect(bound);
    // A source that refuses early closes while we write; its answer is what counts.
    let _refused = stream
        .write_all(head(path, headers, body.len()).as_bytes())
        .and_then(|()| stream.write_all(body));
    read_answer(&mut stream).expect("an answer")
}

/// Reads one answer; `None` if the connection was closed without one.
pub fn read_answer(stream: &mut TcpStream) -> Option<Answer> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().unwrap())
            });
            let length: usize = length.unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let status = head.split(' ').nth(1)?.parse().ok()?;
                return Some(Answer { status, head, body: bytes[end + 4..][..length].to_vec() });
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    }
}

/// Checks that a component builds a source of these options.
pub fn build(component: &ComponentType, value: serde_json::Value) -> Result<(), Vec<String>> {
    let options = Options { id: "in".into(), value, base: "/".into() };
    match component.build {
        engine::component::Build::Source(build) => {
            let built: Result<Box<dyn Source>, _> = build(&options);
            let named = |errors: Vec<engine::component::OptionsError>| {
                errors.into_iter().map(|error| error.path.join(".")).collect()
            };
            built.map(drop).map_err(named)
        }
        _ => panic!("a source"),
    }
}

/// No records yet.
pub fn records(line_bytes_max: usize) -> super::Records {
    super::Records::new(line_bytes_max, 1 << 24, super::budget::Budget::new(1 << 28).share())
}
