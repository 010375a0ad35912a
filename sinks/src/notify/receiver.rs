//! A receiver for the tests of notifiers: a real socket on loopback that answers as a test wants, however
//! hostile that is, and keeps the requests that it got.
#![allow(clippy::disallowed_methods, reason = "a test's own receiver reads what the test has sent")]

use super::http::Client;
use engine::clock::ManualClock;
use engine::model::EventTime;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The path of every receiver's address, which must stand in no message.
pub const SECRET_PATH: &str = "/services/T0/B0/hunter2";
/// 2026-03-01T14:06:00Z, what the clock of test clients shows.
pub const NOW: EventTime = EventTime::from_secs(1_772_373_960);

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Method and path.
    pub line: String,
    /// Header lines.
    pub headers: Vec<String>,
    /// The body.
    pub body: String,
}

impl Request {
    /// Returns the value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.headers.iter().filter_map(|line| line.split_once(": "));
        lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).next()
    }

    /// Returns the body as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn read(stream: impl Read) -> Option<Request> {
        let mut reader = BufReader::new(stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim_end() {
                "" => break,
                line => lines.push(line.to_owned()),
            }
        }
        let line = lines.remove(0);
        let mut request = Request { line, headers: lines, body: String::new() };
        let length = request.header("content-length")?.parse().ok()?;
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        request.body = String::from_utf8(body).ok()?;
        Some(request)
    }
}

/// A receiver; it ends when it is dropped.
pub struct Receiver {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    is_ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Starts a receiver that reads each request and then does what `answer` does with the connection.
    pub fn start(mut answer: impl FnMut(&mut TcpStream, usize) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests: Arc<Mutex<Vec<Request>>> = Arc::default();
        let is_ended = Arc::new(AtomicBool::new(false));
        let (kept, ended) = (Arc::clone(&requests), Arc::clone(&is_ended));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let mut stream = stream.unwrap();
                if let Some(request) = Request::read(&stream) {
                    kept.lock().unwrap().push(request);
                }
                let count = kept.lock().unwrap().len();
                answer(&mut stream, count);
            }
        });
        Self { address, requests, is_ended, thread: Some(thread) }
    }

    /// Starts a receiver that answers each request with the next of `answers`, the last of them again.
    pub fn answering<const N: usize>(answers: [&str; N]) -> Self {
        let answers = answers.map(str::to_owned);
        Self::start(move |stream, count| {
            let answer = &answers[count.clamp(1, N) - 1];
            let _ = stream.write_all(answer.as_bytes());
        })
    }

    /// Starts a receiver that answers with a status, headers and a body.
    pub fn replying(status: u16, headers: &str, body: &str) -> Self {
        Self::answering([&reply(status, headers, body)])
    }

    /// Returns its address, with a path that is a secret.
    pub fn url(&self) -> String {
        format!("http://{}{SECRET_PATH}", self.address)
    }

    /// Returns its address without a path.
    pub fn root(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns what it got so far.
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.is_ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the receiver failed");
        }
    }
}

/// Returns the file of the certificate for `localhost` that nobody trusts, or of its key.
pub fn tls_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name)
}

/// Returns a connection over which a server speaks TLS, with that certificate.
pub fn over_tls(stream: TcpStream) -> StreamOwned<ServerConnection, TcpStream> {
    let certificate = CertificateDer::from_pem_file(tls_file("certificate.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(tls_file("key.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream)
}

/// Starts a receiver that speaks TLS and accepts one request; returns its port.
pub fn start_over_tls() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut stream = over_tls(listener.accept().unwrap().0);
        if Request::read(&mut stream).is_some() {
            stream.write_all(reply(200, "", "").as_bytes()).unwrap();
        }
    });
    port
}

/// Returns a whole answer.
pub fn reply(status: u16, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}\r\n{body}")
}

/// Waits until the other side has closed the connection.
pub fn hang(stream: &mut TcpStream) {
    let mut rest = [0; 1024];
    while stream.read(&mut rest).is_ok_and(|count| count > 0) {}
}

/// Writes `bytes` one by one until all are written or the other side is gone.
pub fn trickle(stream: &mut TcpStream, bytes: impl Iterator<Item = u8>) {
    let pause = Some(Duration::from_millis(20));
    stream.set_read_timeout(pause).unwrap();
    for byte in bytes {
        let gone = stream.read(&mut [0]).is_ok_and(|count| count == 0);
        if gone || stream.write_all(&[byte]).is_err() {
            return;
        }
    }
}

/// Returns a client for receivers on loopback.
pub fn client() -> Client {
    client_within(Duration::from_secs(5))
}

/// Returns a client for receivers on loopback that gives an attempt as long as this.
pub fn client_within(attempt_max: Duration) -> Client {
    let clock = Arc::new(ManualClock::at(NOW));
    Client { allow_private: true, ca_file: None, attempt_max, clock }
}
