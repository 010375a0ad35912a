//! Live: tells a browser what was just committed, as server-sent events.
//!
//! ```text
//! LiveFeed ──► task: sums up commits ──► channel of 1 ──► body, as fast as the client takes it
//! ```
//! *State and limits:* one summary per stream, its lists bounded by `Committed`; at most one message
//! every `Limits::live_interval`. A client that stops reading blocks only its own task; the feed
//! moves on, the client is told that it lagged, and the write deadline ends its connection.

use crate::context::Call;
use crate::limits::Limits;
use crate::problem::Problem;
use crate::reply::{Piece, Response, stream};
use bytes::Bytes;
use engine::model::{AlertKey, Epoch, IssueId};
use engine::runtime::live::Committed;
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, sleep_until};

/// How long a browser waits before it connects again, in milliseconds.
const RETRY_MS: u32 = 2000;

#[derive(Serialize)]
struct Hello {
    epoch: u64,
}

#[derive(Serialize)]
struct News<'a> {
    epoch: u64,
    counted: u64,
    issues: &'a [IssueId],
    alerts: &'a [AlertKey],
    cut: bool,
}

/// `GET /api/v1/live`
pub(crate) async fn watch(call: Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let context = &call.context;
    let most = context.dashboard.limits.live_max;
    let place = context.live_places.clone().try_acquire_owned();
    let place = place.map_err(|_| Problem::busy("live streams", most))?;
    // First watch, then read the epoch: a commit in between is told twice, never not at all.
    let commits = context.dashboard.live.subscribe();
    let epoch = context.dashboard.status.epoch();
    let (sender, receiver) = mpsc::channel(1);
    let watcher = Watcher {
        commits,
        stopping: context.stopping.clone(),
        sender,
        limits: context.dashboard.limits.clone(),
    };
    let count = {
        let context = context.clone();
        move || {
            let watchers = most - context.live_places.available_permits();
            context.dashboard.metrics.set_live_watchers(watchers);
        }
    };
    count();
    tokio::spawn(async move {
        watcher.run(epoch).await;
        let place: OwnedSemaphorePermit = place;
        drop(place);
        count();
    });
    Ok(stream("text/event-stream", None, receiver))
}

/// One live stream.
struct Watcher {
    commits: broadcast::Receiver<Arc<Committed>>,
    stopping: watch::Receiver<bool>,
    sender: mpsc::Sender<Piece>,
    limits: Limits,
}

/// What a stream does next.
enum Step {
    Commit(Arc<Committed>),
    Lagged,
    Tell,
    Heartbeat,
    End,
}

impl Watcher {
    /// Writes messages until the client or the server has gone.
    async fn run(mut self, epoch: Epoch) {
        let hello = message("hello", Some(epoch.0), &Hello { epoch: epoch.0 });
        let mut open = self.send(format!("retry: {RETRY_MS}\n{hello}")).await;
        let mut told_at = Instant::now();
        let mut news: Option<Committed> = None;
        while open {
            match self.next(news.is_some(), told_at).await {
                Step::Commit(commit) => match &mut news {
                    Some(news) => news.absorb(&commit),
                    None => news = Some(Committed::clone(&commit)),
                },
                Step::Lagged => {
                    news = None;
                    open = self.send(message("lagged", None, &serde_json::json!({}))).await;
                    told_at = Instant::now();
                }
                Step::Tell => {
                    if let Some(news) = news.take() {
                        open = self.send(commit_message(&news)).await;
                    }
                    told_at = Instant::now();
                }
                Step::Heartbeat => {
                    open = self.send(": heartbeat\n\n".to_owned()).await;
                    told_at = Instant::now();
                }
                Step::End => return,
            }
        }
    }

    /// Waits for what comes first. A commit is told once the interval since the last message is
    /// over; silence is broken by a heartbeat.
    async fn next(&mut self, has_news: bool, told_at: Instant) -> Step {
        let tell_at = told_at + self.limits.live_interval;
        let beat_at = told_at + self.limits.live_heartbeat;
        tokio::select! {
            biased;
            _ = self.stopping.wait_for(|stopping| *stopping) => Step::End,
            () = self.sender.closed() => Step::End,
            () = sleep_until(tell_at), if has_news => Step::Tell,
            received = self.commits.recv() => match received {
                Ok(commit) => Step::Commit(commit),
                Err(RecvError::Lagged(_)) => Step::Lagged,
                Err(RecvError::Closed) => Step::End,
            },
            () = sleep_until(beat_at) => Step::Heartbeat,
        }
    }

    /// Returns whether the client is still there. Ends early when the server shuts down.
    async fn send(&mut self, text: String) -> bool {
        tokio::select! {
            biased;
            _ = self.stopping.wait_for(|stopping| *stopping) => false,
            sent = self.sender.send(Ok(Bytes::from(text))) => sent.is_ok(),
        }
    }
}

fn commit_message(news: &Committed) -> String {
    let data = News {
        epoch: news.epoch.0,
        counted: news.counted,
        issues: &news.issues,
        alerts: &news.alerts,
        cut: news.cut,
    };
    message("commit", Some(news.epoch.0), &data)
}

/// Writes one event; JSON has no line breaks, so `data` is one line.
fn message(event: &str, id: Option<u64>, data: &impl Serialize) -> String {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("event: {event}\n{id}data: {data}\n\n")
}
