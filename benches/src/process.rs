//! The measured process: started, watched through `/proc`, ended, and what it used.

use anyhow::{Context, Result, bail, ensure};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// Clock ticks per second in `/proc/PID/stat`: fixed by the kernel's interface to user space.
const TICKS_PER_SECOND: f64 = 100.0;
/// How long the process may take to become ready or to end.
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(1);

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// User and system time of all its threads, in seconds; exact to one tick (10 ms).
    pub cpu_seconds: f64,
    /// Resident set, in bytes; 0 once the process has ended.
    pub rss_bytes: u64,
    /// Largest resident set, in bytes; 0 once the process has ended.
    pub rss_peak_bytes: u64,
}

/// A running `seismolog run`. Killed when dropped.
pub struct Running {
    child: Child,
    lines: Receiver<String>,
    started: Instant,
}

impl Running {
    /// Starts `binary` on a graph file; its log goes to `engine.log` beside that file.
    pub fn start(binary: &Path, graph: &Path) -> Result<Running> {
        let log = File::create(graph.with_file_name("engine.log"))?;
        let started = Instant::now();
        let mut child = Command::new(binary)
            .args([Path::new("run"), Path::new("-c"), graph])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| {
                let hint = "Hint: cargo build --release, or cargo xtask bench.";
                format!("cannot start {}. {hint}", binary.display())
            })?;
        let stdout = BufReader::new(child.stdout.take().context("stdout is piped")?);
        let (sender, lines) = sync_channel(64);
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.try_send(line);
            }
        });
        Ok(Running { child, lines, started })
    }

    /// Returns the time since the process was started.
    pub fn age(&self) -> Duration {
        self.started.elapsed()
    }

    /// Waits until the process says that it is ready; returns its server's `host:port`.
    pub fn ready(&mut self) -> Result<String> {
        while self.age() < PATIENCE {
            if let Ok(line) = self.lines.recv_timeout(POLL)
                && let Some(rest) = line.split("http://").nth(1)
            {
                let end = rest.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(rest.len());
                return Ok(rest[..end].to_owned());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the engine ended before it was ready: {status}; see its engine.log");
            }
        }
        bail!("the engine was not ready after {PATIENCE:?}")
    }

    /// Returns what the process has used so far.
    pub fn usage(&self) -> Result<Usage> {
        usage(self.child.id())
    }

    /// Sends SIGTERM, waits for the end and returns everything the process has used.
    pub fn finish(mut self) -> Result<Usage> {
        let last = self.usage()?;
        let kill = format!("kill -TERM {}", self.child.id());
        ensure!(Command::new("sh").args(["-c", &kill]).status()?.success(), "`{kill}` failed");
        let cpu_seconds = cpu_until_end(&self.child)?;
        let status = self.child.wait()?;
        ensure!(status.success(), "the engine ended with {status}; see its engine.log");
        Ok(Usage { cpu_seconds, ..last })
    }

    /// Kills the process as `kill -9` does.
    pub fn kill(mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail when the process has already ended, which is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the CPU seconds that one `wc -l` over `files` takes, averaged over several in one process
/// (one alone is too short for the clock).
pub fn wc_cpu_seconds(files: &[impl AsRef<Path>]) -> Result<f64> {
    const REPETITIONS: usize = 5;
    let mut command = Command::new("wc");
    command.arg("-l").stdout(Stdio::null());
    for _ in 0..REPETITIONS {
        command.args(files.iter().map(AsRef::as_ref));
    }
    let mut child = command.spawn().context("cannot start `wc`")?;
    let cpu_seconds = cpu_until_end(&child)?;
    ensure!(child.wait()?.success(), "`wc -l` failed");
    Ok(cpu_seconds / REPETITIONS as f64)
}

/// Waits until `child` has ended but is not yet reaped, when its CPU time is final and still there.
fn cpu_until_end(child: &Child) -> Result<f64> {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        let stat = stat(child.id())?;
        if stat.ended {
            return Ok(stat.cpu_seconds);
        }
        std::thread::sleep(POLL);
    }
    bail!("process {} did not end within {PATIENCE:?}", child.id())
}

/// Returns the CPU seconds that this process has used so far, exact to one tick (10 ms).
pub fn own_cpu_seconds() -> Result<f64> {
    Ok(stat(std::process::id())?.cpu_seconds)
}

fn usage(pid: u32) -> Result<Usage> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let [rss_bytes, rss_peak_bytes] = ["VmRSS:", "VmHWM:"].map(|name| status_bytes(&status, name));
    Ok(Usage { cpu_seconds: stat(pid)?.cpu_seconds, rss_bytes, rss_peak_bytes })
}

/// Returns a line such as `VmHWM:` of `/proc/PID/status` in bytes, 0 if it is absent.
fn status_bytes(status: &str, name: &str) -> u64 {
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) * 1024
}

/// The part of `/proc/PID/stat` that is used here.
#[derive(Debug, PartialEq)]
struct Stat {
    ended: bool,
    cpu_seconds: f64,
}

fn stat(pid: u32) -> Result<Stat> {
    let path = format!("/proc/{pid}/stat");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    parse_stat(&text).with_context(|| format!("cannot understand {path}: {text:?}"))
}

/// Reads state, user time and system time: fields 3, 14 and 15, counted from behind the name,
/// which may itself hold spaces and parentheses.
fn parse_stat(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text[text.rfind(')')? + 1..].split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Stat { ended: *fields.first()? == "Z", cpu_seconds: ticks as f64 / TICKS_PER_SECOND })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_behind_a_name_with_spaces_and_parentheses() {
        let text = "17 (a) b (c) Z 1 17 17 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 9 0 1 2 3";
        assert_eq!(parse_stat(text), Some(Stat { ended: true, cpu_seconds: 2.0 }));
        assert_eq!(parse_stat("17 (a) S"), None);
    }

    #[test]
    fn memory_is_read_in_bytes_and_absent_for_an_ended_process() {
        let status = "Name:\tx\nVmHWM:\t    1024 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(status_bytes(status, "VmHWM:"), 1024 * 1024);
        assert_eq!(status_bytes(status, "VmRSS:"), 1024);
        assert_eq!(status_bytes("Name:\tx\nState:\tZ (zombie)\n", "VmHWM:"), 0);
    }

    #[test]
    fn an_ended_process_still_tells_its_cpu_time() {
        let mut child = Command::new("sh").args(["-c", "exit 0"]).spawn().unwrap();
        assert!(cpu_until_end(&child).unwrap() < 1.0);
        assert!(child.wait().unwrap().success());
    }
}
