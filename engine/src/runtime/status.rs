//! Status: how the engine and its sources are doing, written by the runtime from any thread and
//! read by the server. Every setter returns at once and none allocates on the hot path.
//!
//! *Promises:* the verdicts ([`stall_verdict`], [`Snapshot::health`]) are pure functions of values;
//! [`Status`] only keeps those values. Durations come from the monotonic clock, so a step of the
//! wall clock never makes the engine look stalled.
//! *State and limits:* one entry per source, of the graph or added since; messages are cut at
//! [`Status::MESSAGE_BYTES_MAX`] (I8).
//! *Not here:* metrics (`engine::metrics`) and the accounting (`ReadStore::audit`).

use crate::model::{Epoch, SourceIndex};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where the engine is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Recovering; nothing is read yet.
    #[default]
    Starting,
    /// Reading and committing.
    Running,
    /// Told to stop; what was read is being committed.
    Draining,
}

/// How one source is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceState {
    /// It reads, or waits for more to read.
    #[default]
    Running,
    /// It failed and will be started again.
    Backoff,
    /// Somebody paused it.
    Paused,
    /// It has read everything there is.
    Finished,
    /// It was stopped, or failed in a way that trying again cannot mend.
    Stopped,
}

/// One source, as shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceStatus {
    /// Its id in the graph file.
    pub id: String,
    /// How it is doing.
    pub state: SourceState,
    /// The last sentence it had to say; `None` when all is well.
    pub message: Option<String>,
    /// How often it was started again.
    pub restarts: u64,
}

impl SourceStatus {
    fn new(id: &str) -> Self {
        Self { id: id.to_owned(), state: SourceState::default(), message: None, restarts: 0 }
    }
}

/// Whether the engine can do its work, and if not, why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Whether it can.
    pub ready: bool,
    /// Why not, as sentences; empty exactly when ready.
    pub reasons: Vec<String>,
    /// What is missing while it goes on all the same, as sentences.
    pub degraded: Vec<String>,
    /// The last committed epoch.
    pub epoch: u64,
    /// Every source of the graph. A failing source does not make the engine unready (I7).
    pub sources: Vec<SourceStatus>,
}

/// How it stands with what patterns mean. Counts and alerts never depend on it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meaning {
    /// Texts that wait for a vector.
    pub pending: usize,
    /// Why they wait, or why the last ones have none.
    pub trouble: Option<String>,
    /// Patterns that are near more others than links are kept for.
    pub crowded: usize,
}

impl Meaning {
    /// Says what is missing.
    fn sentences(&self) -> Vec<String> {
        let goes_on = "Until then each is an issue of its own; counts and alerts go on.";
        let patterns = match self.pending {
            1 => "1 pattern waits for its embedding".to_owned(),
            n => format!("{n} patterns wait for their embeddings"),
        };
        let waiting = match (&self.trouble, self.pending) {
            (None, 0) => None,
            (None, _) => Some(format!("{patterns}. {goes_on}")),
            (Some(trouble), 0) => Some(format!("Some patterns have no embedding: {trouble}")),
            (Some(trouble), _) => Some(format!("{patterns}: {trouble}. {goes_on}")),
        };
        let crowded = (self.crowded > 0).then(|| {
            format!(
                "{} patterns are near more others than `links_max` of the operator `cluster` keeps; \
                 what they are grouped with may be less exact.",
                self.crowded
            )
        });
        waiting.into_iter().chain(crowded).collect()
    }
}

/// The values behind a verdict, read at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Where the engine is in its life.
    pub phase: Phase,
    /// What is wrong with the store, if anything.
    pub store_error: Option<String>,
    /// The last committed epoch.
    pub epoch: Epoch,
    /// How long input has been waiting for a commit; `None` if none is.
    pub waiting: Option<Duration>,
    /// How long ago the last commit was; `None` before the first of this process.
    pub since_commit: Option<Duration>,
    /// Every source of the graph.
    pub sources: Vec<SourceStatus>,
    /// How it stands with what patterns mean.
    pub meaning: Meaning,
    /// Notifiers that fail, and why.
    pub failing_notifiers: BTreeMap<String, String>,
}

impl Snapshot {
    /// Decides whether the engine is ready.
    pub fn health(self) -> Health {
        let mut reasons = Vec::new();
        match self.phase {
            Phase::Starting => reasons.push("the engine is starting".to_owned()),
            Phase::Draining => reasons.push("the engine is shutting down".to_owned()),
            Phase::Running => {}
        }
        if let Some(error) = self.store_error {
            reasons.push(format!("the store cannot be used: {error}"));
        }
        reasons.extend(stall_verdict(self.waiting, self.since_commit));
        let notifiers = self
            .failing_notifiers
            .iter()
            .map(|(id, trouble)| format!("notifier `{id}` does not deliver: {trouble}"));
        Health {
            ready: reasons.is_empty(),
            reasons,
            degraded: self.meaning.sentences().into_iter().chain(notifiers).collect(),
            epoch: self.epoch.0,
            sources: self.sources,
        }
    }
}

/// How long input may wait for a commit before the engine is said to be stalled.
pub const STALLED_AFTER: Duration = Duration::from_secs(30);

/// Says that input arrived and nothing was committed since, if that has lasted too long.
pub fn stall_verdict(waiting: Option<Duration>, since_commit: Option<Duration>) -> Option<String> {
    let waiting = waiting.filter(|waiting| *waiting >= STALLED_AFTER)?;
    let last = match since_commit {
        Some(since) => format!("the last commit was {} s ago", since.as_secs()),
        None => "nothing was committed since the start".to_owned(),
    };
    Some(format!(
        "input arrived {} s ago and nothing was committed since ({last})",
        waiting.as_secs()
    ))
}

/// How everything is doing. Shared as an `Arc`; every method takes `&self`.
#[derive(Debug)]
pub struct Status {
    started: Instant,
    /// Nanoseconds after `started`, plus one; zero means never.
    waiting_since: AtomicU64,
    committed_at: AtomicU64,
    epoch: AtomicU64,
    slow: Mutex<Slow>,
}

/// What changes rarely and holds text.
#[derive(Debug)]
struct Slow {
    phase: Phase,
    store_error: Option<String>,
    sources: Vec<SourceStatus>,
    /// Indexes of sources that were removed.
    removed: BTreeSet<usize>,
    meaning: Meaning,
    failing_notifiers: BTreeMap<String, String>,
}

impl Slow {
    fn shown(&self) -> Vec<SourceStatus> {
        let all = self.sources.iter().enumerate();
        let shown = all.filter(|(index, _)| !self.removed.contains(index));
        shown.map(|(_, source)| source.clone()).collect()
    }
}

impl Status {
    /// Longest message kept, in bytes.
    pub const MESSAGE_BYTES_MAX: usize = 1024;

    /// Returns the status of an engine that starts with these sources, in the graph's order.
    pub fn new(source_ids: &[String]) -> Self {
        let sources = source_ids.iter().map(|id| SourceStatus::new(id)).collect();
        Self {
            started: Instant::now(),
            waiting_since: AtomicU64::new(0),
            committed_at: AtomicU64::new(0),
            epoch: AtomicU64::new(0),
            slow: Mutex::new(Slow {
                phase: Phase::Starting,
                store_error: None,
                sources,
                removed: BTreeSet::new(),
                meaning: Meaning::default(),
                failing_notifiers: BTreeMap::new(),
            }),
        }
    }

    /// Adds a source with the next index, or one that was removed.
    pub fn add_source(&self, source: SourceIndex, id: &str) {
        let mut slow = self.slow();
        let index = usize::from(source.0);
        slow.removed.remove(&index);
        if slow.sources.len() == index {
            slow.sources.push(SourceStatus::new(id));
        }
    }

    /// No longer shows a source.
    pub fn remove_source(&self, source: SourceIndex) {
        self.slow().removed.insert(usize::from(source.0));
    }

    /// Returns how a source is doing.
    pub fn source(&self, source: SourceIndex) -> Option<SourceStatus> {
        self.slow().sources.get(usize::from(source.0)).cloned()
    }

    /// Notes how a source is doing; entering [`SourceState::Backoff`] counts as a restart. An index
    /// that the graph does not have is ignored.
    pub fn source_state(&self, source: SourceIndex, state: SourceState, message: Option<String>) {
        let mut slow = self.slow();
        let Some(entry) = slow.sources.get_mut(usize::from(source.0)) else { return };
        entry.restarts += u64::from(state == SourceState::Backoff);
        entry.state = state;
        entry.message = message.map(cut);
    }

    /// Notes that a chunk was handed over; the first since a commit starts the stall watchdog.
    pub fn input_arrived(&self) {
        let now = self.ticks(Instant::now());
        let _ = self.waiting_since.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// Notes a commit. Input that arrived while it was being written is watched again from the next
    /// chunk on.
    pub fn committed(&self, epoch: Epoch) {
        self.waiting_since.store(0, Ordering::Relaxed);
        self.committed_at.store(self.ticks(Instant::now()), Ordering::Relaxed);
        self.epoch.fetch_max(epoch.0, Ordering::Relaxed);
    }

    /// Notes the epoch that recovery found, without claiming a commit.
    pub fn recovered(&self, epoch: Epoch) {
        self.epoch.fetch_max(epoch.0, Ordering::Relaxed);
    }

    /// Notes what is wrong with the store; `None` when it works again.
    pub fn store_error(&self, error: Option<String>) {
        self.slow().store_error = error.map(cut);
    }

    /// Returns whether something is wrong with the store.
    pub fn has_store_error(&self) -> bool {
        self.slow().store_error.is_some()
    }

    /// Notes how many texts wait for an embedding, and why.
    pub fn embedding(&self, pending: usize, trouble: Option<String>) {
        let meaning = &mut self.slow().meaning;
        (meaning.pending, meaning.trouble) = (pending, trouble.map(cut));
    }

    /// Notes why a notifier fails; `None` when it works.
    pub fn notifier(&self, id: &str, trouble: Option<&str>) {
        let failing = &mut self.slow().failing_notifiers;
        match trouble {
            Some(trouble) => _ = failing.insert(id.to_owned(), cut(trouble.to_owned())),
            None => _ = failing.remove(id),
        }
    }

    /// Notes how many patterns are near more others than links are kept for.
    pub fn crowded(&self, patterns: usize) {
        self.slow().meaning.crowded = patterns;
    }

    /// Notes where the engine is in its life.
    pub fn phase(&self, phase: Phase) {
        self.slow().phase = phase;
    }

    /// Returns the last committed epoch.
    pub fn epoch(&self) -> Epoch {
        Epoch(self.epoch.load(Ordering::Relaxed))
    }

    /// Returns every value behind a verdict, as of `now`.
    pub fn snapshot(&self, now: Instant) -> Snapshot {
        let slow = self.slow();
        Snapshot {
            phase: slow.phase,
            store_error: slow.store_error.clone(),
            epoch: self.epoch(),
            waiting: self.since(&self.waiting_since, now),
            since_commit: self.since(&self.committed_at, now),
            sources: slow.shown(),
            meaning: slow.meaning.clone(),
            failing_notifiers: slow.failing_notifiers.clone(),
        }
    }

    /// Decides whether the engine is ready, as of `now`.
    pub fn health(&self, now: Instant) -> Health {
        self.snapshot(now).health()
    }

    fn slow(&self) -> MutexGuard<'_, Slow> {
        self.slow.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ticks(&self, now: Instant) -> u64 {
        let since = now.saturating_duration_since(self.started).as_nanos();
        u64::try_from(since).unwrap_or(u64::MAX - 1) + 1
    }

    fn since(&self, noted: &AtomicU64, now: Instant) -> Option<Duration> {
        match noted.load(Ordering::Relaxed) {
            0 => None,
            noted => Some(Duration::from_nanos(self.ticks(now).saturating_sub(noted))),
        }
    }
}

/// Cuts a message at the limit, between characters.
fn cut(mut message: String) -> String {
    if message.len() > Status::MESSAGE_BYTES_MAX {
        message.truncate(message.floor_char_boundary(Status::MESSAGE_BYTES_MAX));
        message.push('…');
    }
    message
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn running() -> Status {
        let status = Status::new(&["app".to_owned(), "web".to_owned()]);
        status.phase(Phase::Running);
        status
    }

    #[test]
    fn an_engine_is_ready_only_while_it_runs() {
        let status = Status::new(&[]);
        assert_eq!(status.health(Instant::now()).reasons, ["the engine is starting"]);
        status.phase(Phase::Running);
        assert!(status.health(Instant::now()).ready);
        status.phase(Phase::Draining);
        assert_eq!(status.health(Instant::now()).reasons, ["the engine is shutting down"]);
    }

    #[test]
    fn input_without_a_commit_is_a_stall_and_a_commit_ends_it() {
        let status = running();
        let later = Instant::now() + STALLED_AFTER * 2;
        assert!(status.health(later).ready, "an idle engine is not stalled");
        status.input_arrived();
        assert!(status.health(Instant::now()).ready);
        let health = status.health(later);
        assert!(!health.ready && health.reasons[0].contains("nothing was committed since"));
        status.committed(Epoch(9));
        let health = status.health(later);
        assert_eq!((health.ready, health.epoch), (true, 9));
    }

    #[test]
    fn the_stall_verdict_names_both_durations() {
        assert_eq!(stall_verdict(None, None), None);
        assert_eq!(stall_verdict(Some(STALLED_AFTER - Duration::from_secs(1)), None), None);
        let verdict = stall_verdict(Some(STALLED_AFTER), Some(Duration::from_secs(41))).unwrap();
        assert!(verdict.contains("30 s ago") && verdict.contains("41 s ago"), "{verdict}");
    }

    #[test]
    fn a_failing_source_is_shown_and_does_not_make_the_engine_unready() {
        let status = running();
        let message = Some("cannot read".to_owned());
        status.source_state(SourceIndex(1), SourceState::Backoff, message.clone());
        status.source_state(SourceIndex(7), SourceState::Backoff, None);
        let health = status.health(Instant::now());
        assert!(health.ready);
        assert_eq!(health.sources[0].state, SourceState::Running);
        let failing = &health.sources[1];
        assert_eq!((failing.state, failing.restarts), (SourceState::Backoff, 1));
        assert_eq!(failing.message, message);
    }

    #[test]
    fn a_failing_notifier_is_told_and_does_not_make_the_engine_unready() {
        let status = running();
        status.notifier("pager", Some("connection refused"));
        let health = status.health(Instant::now());
        assert!(health.ready);
        assert_eq!(health.degraded, ["notifier `pager` does not deliver: connection refused"]);
        status.notifier("pager", None);
        assert!(status.health(Instant::now()).degraded.is_empty());
    }

    #[test]
    fn a_store_that_cannot_be_written_is_a_reason_until_it_can() {
        let status = running();
        status.store_error(Some("disk full".to_owned()));
        let reasons = status.health(Instant::now()).reasons;
        assert_eq!(reasons, ["the store cannot be used: disk full"]);
        status.store_error(None);
        assert!(status.health(Instant::now()).ready);
    }

    #[test]
    fn what_is_missing_of_meaning_is_said_and_does_not_make_the_engine_unready() {
        let status = running();
        status.embedding(12, Some("there is no model".to_owned()));
        status.crowded(3);
        let health = status.health(Instant::now());
        assert!(health.ready && health.reasons.is_empty());
        let waiting = "12 patterns wait for their embeddings: there is no model. Until then each";
        assert!(health.degraded[0].starts_with(waiting), "{health:?}");
        assert!(health.degraded[1].starts_with("3 patterns are near more others than"));
        status.embedding(0, None);
        status.crowded(0);
        assert!(status.health(Instant::now()).degraded.is_empty());
    }

    #[test]
    fn limit_messages_are_cut_between_characters() {
        let status = running();
        let long = "é".repeat(Status::MESSAGE_BYTES_MAX);
        status.source_state(SourceIndex(0), SourceState::Running, Some(long));
        let message = status.health(Instant::now()).sources[0].message.clone().unwrap();
        assert!(message.len() <= Status::MESSAGE_BYTES_MAX + '…'.len_utf8());
    }
}
