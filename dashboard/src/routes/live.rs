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

#[cfg(test)]
mod tests {
    use super::*;
    use engine::runtime::live::LiveFeed;
    use std::time::Duration;

    struct Stream {
        feed: LiveFeed,
        stop: watch::Sender<bool>,
        messages: mpsc::Receiver<Piece>,
    }

    /// Starts a stream after `before` commits were missed.
    fn start(before: u64) -> Stream {
        let feed = LiveFeed::new();
        let (stop, stopping) = watch::channel(false);
        let (sender, messages) = mpsc::channel(1);
        let commits = feed.subscribe();
        let watcher = Watcher { commits, stopping, sender, limits: Limits::default() };
        (0..before).for_each(|epoch| feed.publish(commit(epoch)));
        tokio::spawn(watcher.run(Epoch(7)));
        Stream { feed, stop, messages }
    }

    fn commit(epoch: u64) -> Committed {
        Committed::new(Epoch(epoch), 10, [IssueId(u128::from(epoch))], [])
    }

    impl Stream {
        async fn next(&mut self) -> Option<String> {
            let piece = self.messages.recv().await?;
            Some(String::from_utf8(piece.unwrap().to_vec()).unwrap())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_begins_with_the_epoch_and_how_to_come_back() {
        let hello = "retry: 2000\nevent: hello\nid: 7\ndata: {\"epoch\":7}\n\n";
        assert_eq!(start(0).next().await.unwrap(), hello);
    }

    #[tokio::test(start_paused = true)]
    async fn commits_within_the_interval_are_told_as_one() {
        let mut stream = start(0);
        stream.next().await;
        stream.feed.publish(commit(8));
        stream.feed.publish(commit(9));
        let begun = Instant::now();
        let told = stream.next().await.unwrap();
        assert!(told.starts_with("event: commit\nid: 9\ndata: {\"epoch\":9,\"counted\":20,"));
        assert_eq!(told.matches("i_").count(), 2);
        assert!(begun.elapsed() >= Duration::from_millis(250), "virtual time");
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_broken_by_heartbeats() {
        let mut stream = start(0);
        stream.next().await;
        for _ in 0..3 {
            assert_eq!(stream.next().await.unwrap(), ": heartbeat\n\n");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn limit_a_stream_that_lagged_is_told_to_ask_again() {
        let mut stream = start(LiveFeed::CAPACITY as u64 + 1);
        stream.next().await;
        assert_eq!(stream.next().await.unwrap(), "event: lagged\ndata: {}\n\n");
        let rest = stream.next().await.unwrap();
        assert!(rest.starts_with(&format!("event: commit\nid: {}\n", LiveFeed::CAPACITY)));
        assert!(rest.contains("\"cut\":true"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_ends_when_the_server_stops_even_if_nobody_reads() {
        let mut stream = start(0);
        stream.feed.publish(commit(8));
        tokio::time::sleep(Duration::from_secs(60)).await;
        stream.stop.send(true).unwrap();
        while stream.next().await.is_some() {}
    }
}
