//! Joins what the runtime reports to those who show it: status (`/readyz`), metrics, the live feed,
//! and the program's own log.

use crate::alert_desk::AlertBoard;
use crate::cli::LogFormat;
use crate::failure::Failure;
use crate::issue_desk::GroupingBoard;
use crate::search::SharedIndex;
use anyhow::Context;
use engine::component::{Commit, Recovered};
use engine::metrics::Metrics;
use engine::model::{Counter, Fingerprint, IssueId, SourceIndex};
use engine::runtime::live::{Committed, LiveFeed};
use engine::runtime::status::{SourceState, Status};
use engine::runtime::{DeliveryReport, EmbeddingReport, Observer, SourceReport};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tracing_subscriber::EnvFilter;

/// How often the same trouble is told again while it lasts.
const SAID_AGAIN_AFTER: Duration = Duration::from_secs(60);
/// Troubles that are remembered; beyond that the oldest is told again too soon.
const SAID_MAX: usize = 256;
/// Whose trouble that of the store is; no source has an empty id.
const STORE: &str = "";

/// What was told of trouble lately, so that each is told once a minute.
#[derive(Default)]
struct Said(Mutex<BTreeMap<(String, String), Instant>>);

impl Said {
    /// Returns whether the trouble has not been told within the last minute, and takes it as told now.
    fn is_news(&self, whose: &str, sentence: &str, now: Instant) -> bool {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (whose.to_owned(), sentence.to_owned());
        let told = said.get(&key).is_some_and(|at| now.duration_since(*at) < SAID_AGAIN_AFTER);
        if !told {
            if said.len() >= SAID_MAX
                && let Some(oldest) = said.iter().min_by_key(|(_, at)| **at).map(|(k, _)| k.clone())
            {
                said.remove(&oldest);
            }
            said.insert(key, now);
        }
        !told
    }
}

/// Starts logging to standard error.
pub fn start_logging(filter: &str, format: LogFormat) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(filter)
        .with_context(|| format!("cannot use {filter:?} as a log level"))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => {
            builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).init();
        }
        LogFormat::Json => builder.json().init(),
    }
    Ok(())
}

/// Everything that watches the runtime.
pub struct Telemetry {
    /// For `/readyz`.
    pub status: Arc<Status>,
    /// For `/metrics`.
    pub metrics: Arc<Metrics>,
    /// For `/api/v1/live`.
    pub live: LiveFeed,
    /// The parts of all issues, for questions by meaning.
    pub index: Arc<SharedIndex>,
    /// What people decided about alerts, and how notifiers fare.
    pub alerts: Arc<AlertBoard>,
    /// What people said about grouping.
    pub groupings: Arc<GroupingBoard>,
    /// By index.
    source_ids: RwLock<Vec<String>>,
    said: Said,
    /// Bounded by the fingerprint stage's limit.
    issues: Mutex<HashMap<Fingerprint, IssueId>>,
    /// What was last said to be wrong with embedding.
    embedding_trouble: Mutex<Option<String>>,
    crowded: AtomicI64,
}

impl Telemetry {
    /// Returns telemetry for these sources, and for the operators and notifiers of boards.
    pub fn new(source_ids: &[String], alerts: AlertBoard, groupings: GroupingBoard) -> Self {
        Self {
            status: Arc::new(Status::new(source_ids)),
            metrics: Arc::new(Metrics::new(source_ids)),
            live: LiveFeed::new(),
            index: Arc::default(),
            alerts: Arc::new(alerts),
            groupings: Arc::new(groupings),
            source_ids: RwLock::new(source_ids.to_vec()),
            said: Said::default(),
            issues: Mutex::default(),
            embedding_trouble: Mutex::default(),
            crowded: AtomicI64::new(0),
        }
    }

    fn source_id(&self, source: SourceIndex) -> String {
        let ids = self.source_ids.read().unwrap_or_else(PoisonError::into_inner);
        ids.get(usize::from(source.0)).cloned().unwrap_or_default()
    }

    /// Returns issues that a commit touched, a few more than the feed will list at most.
    fn touched(&self, commit: &Commit) -> BTreeSet<IssueId> {
        let mut issues = self.issues.lock().unwrap_or_else(PoisonError::into_inner);
        for (member, joined) in &commit.contents.members {
            if *joined {
                issues.insert(member.fingerprint, member.issue);
            }
        }
        self.metrics.set_fingerprints(issues.len());
        let mut touched = BTreeSet::new();
        for rows in commit.contents.counts.chunk_by(|a, b| a.0 == b.0) {
            touched.extend(issues.get(&rows[0].0));
            if touched.len() > Committed::ISSUES_MAX {
                break;
            }
        }
        touched
    }
}

impl Observer for Telemetry {
    fn recovered(&self, recovered: &Recovered) {
        if let Some(epoch) = recovered.epoch {
            tracing::info!(%epoch, "continuing after the last committed epoch");
            self.status.recovered(epoch);
        }
        self.index.recovered(recovered);
        self.alerts.recovered(recovered);
        self.groupings.recovered(recovered);
        let mut issues = self.issues.lock().unwrap_or_else(PoisonError::into_inner);
        issues.extend(recovered.members.iter().map(|member| (member.fingerprint, member.issue)));
        self.metrics.set_fingerprints(issues.len());
    }

    fn source_added(&self, source: SourceIndex, id: &str) {
        let mut ids = self.source_ids.write().unwrap_or_else(PoisonError::into_inner);
        if ids.len() == usize::from(source.0) {
            ids.push(id.to_owned());
        }
        drop(ids);
        self.status.add_source(source, id);
        self.metrics.add_source(source, id);
    }

    fn source_removed(&self, source: SourceIndex) {
        tracing::info!("source {:?} was removed", self.source_id(source));
        self.status.remove_source(source);
    }

    fn source(&self, source: SourceIndex, report: SourceReport) {
        let id = &self.source_id(source);
        let (state, sentence) = match report {
            SourceReport::Running => (SourceState::Running, None),
            SourceReport::Degraded(sentence) => {
                tracing::warn!(source = id, "source {id:?}: {sentence}");
                (SourceState::Running, Some(sentence))
            }
            SourceReport::BackingOff(sentence) => {
                if self.said.is_news(id, &sentence, Instant::now()) {
                    tracing::warn!(
                        source = id,
                        "source {id:?} failed and will be tried again: {sentence}"
                    );
                }
                self.metrics.add_source_restart(source);
                (SourceState::Backoff, Some(sentence))
            }
            SourceReport::Paused => {
                tracing::info!(source = id, "source {id:?} is paused");
                (SourceState::Paused, None)
            }
            SourceReport::Finished => {
                tracing::info!(source = id, "source {id:?} has been read to its end");
                (SourceState::Finished, None)
            }
            SourceReport::Failed(sentence) => {
                tracing::error!(source = id, "source {id:?} failed for good: {sentence}");
                (SourceState::Stopped, Some(sentence))
            }
        };
        self.status.source_state(source, state, sentence);
    }

    fn received(&self, source: SourceIndex, bytes: usize) {
        self.status.input_arrived();
        self.metrics.add_bytes_read(source, bytes as u64);
    }

    fn committed(&self, commit: &Commit, took: Duration) {
        let counted: i64 = commit.contents.counts.iter().map(|(_, _, n)| n).sum();
        self.metrics.committed(commit.epoch, counted.max(0) as u64, took);
        for account in &commit.contents.accounts {
            // Metrics only grow; the audit is exact.
            let n = u64::try_from(account.n).unwrap_or(0);
            match account.counter {
                Counter::LinesRead => self.metrics.add_lines_read(account.source, n),
                Counter::Rejected(reason) => self.metrics.add_rejected(reason, n),
                _ => {}
            }
        }
        let more = commit.contents.crowded;
        if more != 0 {
            let crowded = self.crowded.fetch_add(more, Ordering::Relaxed) + more;
            let crowded = usize::try_from(crowded).unwrap_or(0);
            self.status.crowded(crowded);
            self.metrics.set_patterns_crowded(crowded);
        }
        self.index.committed(&commit.contents);
        self.alerts.committed(&commit.contents);
        self.groupings.committed(&commit.contents);
        self.status.committed(commit.epoch);
        let alerts = commit.contents.alerts.iter().map(|alert| alert.key);
        self.live.publish(Committed::new(
            commit.epoch,
            counted.max(0) as u64,
            self.touched(commit),
            alerts,
        ));
    }

    fn embedding(&self, report: &EmbeddingReport) {
        // Two threads report; one after the other.
        let mut last = self.embedding_trouble.lock().unwrap_or_else(PoisonError::into_inner);
        for (operator, texts) in &report.computed {
            self.metrics.set_embeddings_computed(operator, *texts);
        }
        self.metrics.set_embeddings_pending(report.pending);
        if *last != report.trouble {
            match &report.trouble {
                Some(sentence) => tracing::warn!("patterns wait for their embeddings: {sentence}"),
                None => tracing::info!("patterns get their embeddings"),
            }
            last.clone_from(&report.trouble);
        }
        self.status.embedding(report.pending, report.trouble.clone());
    }

    fn delivery(&self, notifier: &str, report: &DeliveryReport) {
        let before = self.alerts.delivery(notifier, report);
        match &report.trouble {
            Some(sentence) if self.said.is_news(notifier, sentence, Instant::now()) => {
                tracing::warn!(notifier, "notifier {notifier:?} does not deliver: {sentence}");
            }
            None if before.is_some_and(|before| before.trouble.is_some()) => {
                tracing::info!(notifier, "notifier {notifier:?} delivers again");
            }
            _ => {}
        }
        self.metrics.set_notices(notifier, report.waiting, report.delivered, report.dead);
        self.status.notifier(notifier, report.trouble.as_deref());
    }

    fn store(&self, trouble: Option<&str>) {
        match trouble {
            Some(sentence) if self.said.is_news(STORE, sentence, Instant::now()) => {
                tracing::warn!("cannot reach the store, trying again: {sentence}");
            }
            Some(_) => {}
            None => tracing::info!("the store works again"),
        }
        self.status.store_error(trouble.map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_trouble_is_told_once_a_minute_and_another_at_once() {
        let (said, start) = (Said::default(), Instant::now());
        assert!(said.is_news("app", "refused", start));
        assert!(!said.is_news("app", "refused", start + SAID_AGAIN_AFTER / 2));
        assert!(said.is_news("app", "no route", start) && said.is_news("web", "refused", start));
        assert!(said.is_news("app", "refused", start + SAID_AGAIN_AFTER));
    }

    #[test]
    fn limit_beyond_said_max_the_oldest_trouble_is_forgotten() {
        let (said, start) = (Said::default(), Instant::now());
        for n in 0..=SAID_MAX as u64 {
            assert!(said.is_news("app", &n.to_string(), start + Duration::from_nanos(n)));
        }
        assert_eq!(said.0.lock().unwrap().len(), SAID_MAX);
        assert!(said.is_news("app", "0", start) && !said.is_news("app", "9", start));
    }
}
