//! The real binary under test: started in a folder of its own, asked over HTTP, killed or stopped.
//!
//! Nothing here knows the inside of the product; everything goes through the command line, the
//! graph file and the API, as a user would. Every wait has a deadline and says what it waited for.

use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take before the test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Pause between two looks at something that is awaited.
const POLL: Duration = Duration::from_millis(10);

/// Returns a command that runs the binary, cut off from the settings of whoever runs the tests.
pub fn seismolog(arguments: &[&str]) -> Command {
    let built = || env!("CARGO_BIN_EXE_seismolog").into();
    let mut command = Command::new(std::env::var_os("SEISMOLOG_BINARY").unwrap_or_else(built));
    let ours = std::env::vars_os().map(|(name, _)| name);
    for name in ours.filter(|name| name.to_string_lossy().starts_with("SEISMOLOG_")) {
        command.env_remove(name);
    }
    command.args(arguments).env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

/// Runs the binary to its end and returns what it printed; fails if that takes too long.
pub fn run_to_end(arguments: &[&str]) -> Output {
    let mut command = seismolog(arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stderr.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let mut stdout_pipe = child.stdout.take().unwrap();
    let writer = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        stdout_pipe.read_to_end(&mut bytes).unwrap();
        bytes
    });
    let status = wait_for_exit(&mut child, PATIENCE)
        .unwrap_or_else(|| panic!("`seismolog {}` did not end", arguments.join(" ")));
    Output { status, stdout: writer.join().unwrap(), stderr: reader.join().unwrap() }
}

/// Waits until `child` ends; `None` (and the child killed) if it does not within `patience`.
fn wait_for_exit(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        std::thread::sleep(POLL);
    }
}

/// Calls `look` until it returns something; panics with `what` when patience runs out.
pub fn await_some<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(POLL);
    }
}

/// A running `seismolog run`. Killed when dropped.
pub struct Engine {
    child: Child,
    stderr: PathBuf,
    lines: std::sync::mpsc::Receiver<String>,
}

impl Engine {
    /// Starts the engine on a graph file; its log is appended to `engine.log` beside that file.
    pub fn start(graph: &Path) -> Engine {
        let stderr = graph.with_file_name("engine.log");
        let log = File::options().create(true).append(true).open(&stderr).unwrap();
        let mut command = seismolog(&["run", "-c", graph.to_str().unwrap()]);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = std::sync::mpsc::sync_channel(64);
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.try_send(line);
            }
        });
        Engine { child, stderr, lines }
    }

    /// Waits until the engine says that it is ready and returns the address of its server.
    pub fn ready(&mut self) -> Address {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Ok(line) = self.lines.recv_timeout(POLL)
                && let Some(address) = Address::find(&line)
            {
                return address;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the engine ended before it was ready: {status}\n{}", self.log());
            }
        }
        panic!("the engine did not become ready\n{}", self.log());
    }

    /// Kills the engine as `kill -9` does.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends SIGTERM and returns how the engine ended and how long that took.
    pub fn terminate(mut self) -> (ExitStatus, Duration) {
        let started = Instant::now();
        let command = format!("kill -TERM {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &command]).status().unwrap().success());
        let status = wait_for_exit(&mut self.child, PATIENCE)
            .unwrap_or_else(|| panic!("the engine ignored SIGTERM\n{}", self.log()));
        (status, started.elapsed())
    }

    /// Returns the end of what the engine has written to stderr.
    pub fn log(&self) -> String {
        let text = std::fs::read_to_string(&self.stderr).unwrap_or_default();
        let skipped = text.lines().count().saturating_sub(30);
        text.lines().skip(skipped).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Both fail when the engine has already ended, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where an engine's server listens, as `host:port`.
#[derive(Clone, Debug)]
pub struct Address(String);

impl Address {
    /// Finds the address in the line that `run` prints when it is ready.
    fn find(line: &str) -> Option<Address> {
        let rest = line.split("http://").nth(1)?;
        let host = rest.split(|c: char| c.is_whitespace() || c == '/').next()?;
        Some(Address(host.to_owned()))
    }

    /// Returns it as `host:port`.
    pub fn host(&self) -> &str {
        &self.0
    }

    /// Returns the body of a successful GET, or `None` while nobody answers with success.
    pub fn get(&self, path: &str) -> Option<String> {
        let mut stream = TcpStream::connect(&self.0).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
        // HTTP/1.0 so that the body is never chunked and ends with the connection.
        let host = &self.0;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n")?;
        head.split(' ').nth(1)?.starts_with('2').then(|| body.to_owned())
    }

    /// Returns status, headers and body of a GET, or `None` while nobody answers.
    pub fn ask(&self, path: &str) -> Option<(u16, String, String)> {
        let mut stream = TcpStream::connect(&self.0).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let host = &self.0;
        write!(stream, "GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n").ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        Some((status, head.to_lowercase(), body.to_owned()))
    }

    /// Returns the audit, or `None` while nobody answers.
    pub fn audit(&self) -> Option<Audit> {
        Some(Audit(serde_json::from_str(&self.get("/api/v1/audit")?).ok()?))
    }

    /// Waits until `wanted` records are counted (or more, which the caller will find) and nothing
    /// is open, and returns that audit.
    pub fn await_counted(&self, wanted: u64, engine: &Engine) -> Audit {
        let mut last = None;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            match self.audit() {
                Some(audit) if audit.number("counted") >= wanted && audit.number("open") == 0 => {
                    return audit;
                }
                seen => last = seen.or(last),
            }
            std::thread::sleep(POLL);
        }
        panic!("{wanted} records were never all counted; last {last:?}\n{}", engine.log());
    }
}

/// The answer of `/api/v1/audit`.
#[derive(Clone, Debug)]
pub struct Audit(pub Value);

impl Audit {
    /// Returns a number of the audit.
    pub fn number(&self, name: &str) -> u64 {
        self.0[name]
            .as_u64()
            .unwrap_or_else(|| panic!("the audit has no number {name:?}: {self:?}"))
    }

    /// Returns the bytes that all sources report as gone before they could be read.
    pub fn lost_bytes(&self) -> u64 {
        let sources = self.0["sources"].as_object().expect("the audit lists its sources");
        sources.values().map(|source| source["lost_bytes"].as_u64().expect("a number")).sum()
    }

    /// Fails unless the conservation identity holds, by its own word and recomputed.
    pub fn assert_balanced(&self) {
        assert_eq!(self.0["balanced"], Value::Bool(true), "{self:?}");
        let rejected = self.0["rejected"].as_object().expect("rejections by reason");
        let rejected: u64 = rejected.values().map(|n| n.as_u64().expect("a number")).sum();
        let accounted = ["counted", "filtered", "sampled", "open"].map(|name| self.number(name));
        assert_eq!(self.number("read"), accounted.iter().sum::<u64>() + rejected, "{self:?}");
    }
}
