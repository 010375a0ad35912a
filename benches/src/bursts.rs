//! From the last line of a burst to the delivered webhook and to the answer that the screen asks for.
//!
//! Each burst is of a message of its own that had two events every five minutes for a day and a half; the next one
//! follows at a random moment of the beats. The receiver is a socket of this process.

use crate::measure::{Measurement, Site, fresh_folder, quantile};
use crate::process::Running;
use crate::scenario::Scenario;
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Buckets of history.
const HISTORY: i64 = 432;
/// Events of a burst: the least that must be told in time.
const EVENTS: usize = 20;
/// How long a burst may take to be told.
const PATIENCE: Duration = Duration::from_secs(60);
/// Messages that share no words, so that each is an issue of its own.
const MESSAGES: [&str; 20] = [
    "payment provider refused the charge",
    "invoice rendering ran out of paper sizes",
    "stock level went below zero",
    "basket vanished between two requests",
    "login rejected: clock skew",
    "outgoing mail bounced twice",
    "search shard is unreachable",
    "cache eviction storm",
    "queue consumer died",
    "upload aborted by peer",
    "export truncated",
    "import row malformed",
    "session store timed out waiting",
    "profile picture corrupt",
    "postal address could not be geocoded",
    "voucher redeemed concurrently",
    "refund exceeds original amount",
    "courier api quota exhausted",
    "label printer offline",
    "nightly backup skipped tables",
];

/// Measures the way from a burst to its webhook.
pub fn run(site: &Site, scenario: &Scenario) -> Result<Measurement> {
    let folder = fresh_folder(site, scenario)?;
    let (address, notices) = receiver()?;
    let graph = folder.join("graph.yaml");
    std::fs::write(
        &graph,
        format!(
            "sources:\n  app: {{ type: file, include: [\"app.log\"], service: shop }}\n\
             sinks:\n  store: {{ type: sqlite, path: ./seismolog.db }}\n  \
             page: {{ type: webhook, url: \"http://{address}/\", allow_private: true }}\n\
             server: {{ listen: \"127.0.0.1:0\" }}\nmodel: {{ enabled: false }}\n"
        ),
    )?;
    let mut log = File::create(folder.join("app.log"))?;
    log.write_all(history().as_bytes())?;
    let mut running = Running::start(&site.binary, &graph)?;
    let server = running.ready()?;
    // Two beats: history is judged by then.
    std::thread::sleep(Duration::from_secs(25));
    let (mut webhook_s, mut screen_s) = (Vec::new(), Vec::new());
    let mut chance = crate::load::Chance(7);
    for trial in 0..scenario.number("trials")? as usize {
        std::thread::sleep(Duration::from_millis(6_000 + chance.below(9_000)));
        let message = MESSAGES[trial % MESSAGES.len()];
        log.write_all(burst(message).as_bytes())?;
        let written = Instant::now();
        await_notice(&notices, message, written)?;
        webhook_s.push(written.elapsed().as_secs_f64());
        while !crate::http::get(&server, "/api/v1/alerts?limit=200")?.contains(message) {
            std::thread::sleep(Duration::from_millis(20));
        }
        screen_s.push(written.elapsed().as_secs_f64());
    }
    running.finish()?;
    let figures = vec![
        ("webhook_p50_s", quantile(&webhook_s, 0.50)),
        ("webhook_p95_s", quantile(&webhook_s, 0.95)),
        ("webhook_max_s", quantile(&webhook_s, 1.0)),
        ("screen_p95_s", quantile(&screen_s, 0.95)),
    ];
    Ok((json!({"webhook_s": webhook_s, "screen_s": screen_s}), figures))
}

fn await_notice(notices: &Receiver<String>, message: &str, written: Instant) -> Result<()> {
    loop {
        let left = PATIENCE.saturating_sub(written.elapsed());
        match notices.recv_timeout(left) {
            Ok(body) if body.contains(message) => return Ok(()),
            Ok(_other) => {}
            Err(RecvTimeoutError::Timeout) => bail!("the burst of {message:?} was never told"),
            Err(RecvTimeoutError::Disconnected) => bail!("the receiver has ended"),
        }
    }
}

/// Starts a receiver that accepts everything; returns its address and what it hears.
fn receiver() -> Result<(String, Receiver<String>)> {
    let listener = TcpListener::bind("127.0.0.1:0").context("cannot listen")?;
    let address = listener.local_addr()?.to_string();
    let (sender, notices) = sync_channel(1024);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut request = Vec::new();
            let mut piece = [0; 8192];
            while let Ok(read @ 1..) = stream.read(&mut piece) {
                request.extend_from_slice(&piece[..read]);
                if is_whole(&request) {
                    break;
                }
            }
            let _gone = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
            let _ended = sender.send(String::from_utf8_lossy(&request).into_owned());
        }
    });
    Ok((address, notices))
}

fn is_whole(request: &[u8]) -> bool {
    let Some(at) = request.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(&request[..at]).to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.and_then(|length| length.trim().parse().ok()).unwrap_or(0);
    request.len() >= at + 4 + length
}

fn history() -> String {
    let now = now_secs();
    let mut text = String::new();
    for bucket in (1..HISTORY).rev() {
        for (at, message) in MESSAGES.iter().enumerate() {
            for event in 0..2 {
                let secs = now - bucket * 300 - 100 + at as i64 + 40 * event;
                line(&mut text, secs, message);
            }
        }
    }
    text
}

fn burst(message: &str) -> String {
    let mut text = String::new();
    (0..EVENTS).for_each(|_| line(&mut text, now_secs(), message));
    text
}

fn line(text: &mut String, secs: i64, message: &str) {
    let time = engine::model::EventTime::from_secs(secs);
    // Writing to a text cannot fail.
    let _ = writeln!(text, "{time} ERROR {message}");
}

fn now_secs() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}
