//! Joins what the runtime reports to those who show it: status (`/readyz`), metrics, the live feed,
//! and the program's own log.

use crate::cli::LogFormat;
use crate::failure::Failure;
use crate::search::SharedIndex;
use anyhow::Context;
use engine::component::{Commit, Recovered};
use engine::metrics::Metrics;
use engine::model::{Counter, Fingerprint, IssueId, SourceIndex};
use engine::runtime::live::{Committed, LiveFeed};
use engine::runtime::status::{SourceState, Status};
use engine::runtime::{EmbeddingReport, Observer, SourceReport};
use std::collections::{BTreeSet, HashMap};
use std::io::IsTerminal;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tracing_subscriber::EnvFilter;

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
    source_ids: Vec<String>,
    /// Bounded by the fingerprint stage's limit.
    issues: Mutex<HashMap<Fingerprint, IssueId>>,
    /// What was last said to be wrong with embedding.
    embedding_trouble: Mutex<Option<String>>,
    crowded: AtomicI64,
}

impl Telemetry {
    /// Returns telemetry for these sources.
    pub fn new(source_ids: &[String]) -> Self {
        Self {
            status: Arc::new(Status::new(source_ids)),
            metrics: Arc::new(Metrics::new(source_ids)),
            live: LiveFeed::new(),
            index: Arc::default(),
            source_ids: source_ids.to_vec(),
            issues: Mutex::default(),
            embedding_trouble: Mutex::default(),
            crowded: AtomicI64::new(0),
        }
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
        let mut issues = self.issues.lock().unwrap_or_else(PoisonError::into_inner);
        issues.extend(recovered.members.iter().map(|member| (member.fingerprint, member.issue)));
        self.metrics.set_fingerprints(issues.len());
    }

    fn source(&self, source: SourceIndex, report: SourceReport) {
        let id = &self.source_ids[usize::from(source.0)];
        let (state, sentence) = match report {
            SourceReport::Running => (SourceState::Running, None),
            SourceReport::Degraded(sentence) => {
                tracing::warn!(source = id, "source {id:?}: {sentence}");
                (SourceState::Running, Some(sentence))
            }
            SourceReport::BackingOff(sentence) => {
                tracing::warn!(
                    source = id,
                    "source {id:?} failed and will be tried again: {sentence}"
                );
                self.metrics.add_source_restart(source);
                (SourceState::Backoff, Some(sentence))
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
        self.status.committed(commit.epoch);
        let alerts = commit.contents.alerts.iter().map(|(key, _)| *key);
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

    fn store(&self, trouble: Option<&str>) {
        match trouble {
            Some(sentence) => tracing::warn!("could not commit, trying again: {sentence}"),
            None => tracing::info!("the store works again"),
        }
        self.status.store_error(trouble.map(str::to_owned));
    }
}
