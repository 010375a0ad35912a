//! Metrics: every metric of the process, with name, unit and help, in the one list [`DEFINITIONS`];
//! nowhere else. Recording one is an atomic addition.
//!
//! *State and limits:* label values are the ids of the graph and of added sources, of which there are a
//! bounded number, and the reject reasons (I8); never an issue, a message or a path.
//! *Not here:* exact, committed accounting (`ReadStore::audit`). Metrics start at zero with the
//! process; the audit never does.

use crate::model::{Epoch, RejectReason, SourceIndex};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry, Unit};
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

/// What a metric is called and means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Name without prefix, unit and `_total`.
    pub name: &'static str,
    /// Base unit, or empty for plain numbers; becomes the end of the name.
    pub unit: &'static str,
    /// Its labels, with commas between them, or empty.
    pub label: &'static str,
    /// What it says, as a sentence without the final stop.
    pub help: &'static str,
}

/// The prefix of every metric.
pub const PREFIX: &str = "seismolog";

const LINES_READ: Definition =
    Definition { name: "lines_read", unit: "", label: "source", help: "Lines handed to parse" };
const BYTES_READ: Definition = Definition {
    name: "read",
    unit: "bytes",
    label: "source",
    help: "Bytes of the chunks that readers handed over",
};
const SOURCE_RESTARTS: Definition = Definition {
    name: "source_restarts",
    unit: "",
    label: "source",
    help: "Times a failed source was started again",
};
const RECORDS_COUNTED: Definition = Definition {
    name: "records_counted",
    unit: "",
    label: "",
    help: "Records counted and committed by this process",
};
const REJECTED: Definition = Definition {
    name: "rejected",
    unit: "",
    label: "reason",
    help: "Records that could not be used",
};
const COMMITS: Definition =
    Definition { name: "commits", unit: "", label: "", help: "Transactions committed" };
const COMMIT_SECONDS: Definition = Definition {
    name: "commit",
    unit: "seconds",
    label: "",
    help: "Time the store took for one transaction",
};
const COMMITTED_EPOCH: Definition =
    Definition { name: "committed_epoch", unit: "", label: "", help: "Last committed epoch" };
const FINGERPRINTS: Definition = Definition {
    name: "fingerprints",
    unit: "",
    label: "",
    help: "Distinct fingerprints ever seen",
};
const EMBEDDINGS_COMPUTED: Definition = Definition {
    name: "embeddings_computed",
    unit: "",
    label: "operator",
    help: "Texts embedded by this process; each distinct pattern once, however many events it has",
};
const EMBEDDINGS_PENDING: Definition = Definition {
    name: "embeddings_pending",
    unit: "",
    label: "",
    help: "Texts that wait for their embedding",
};
const PATTERNS_CROWDED: Definition = Definition {
    name: "patterns_crowded",
    unit: "",
    label: "",
    help: "Patterns that are near more others than links are kept for",
};
const NOTICES: Definition = Definition {
    name: "notices",
    unit: "",
    label: "notifier,outcome",
    help: "Notices that a notifier delivered, or gave up",
};
const NOTICES_WAITING: Definition = Definition {
    name: "notices_waiting",
    unit: "",
    label: "notifier",
    help: "Notices that wait for a notifier",
};
const LIVE_WATCHERS: Definition = Definition {
    name: "live_watchers",
    unit: "",
    label: "",
    help: "Open live streams of the server",
};
const HTTP_CONNECTIONS: Definition = Definition {
    name: "http_connections",
    unit: "",
    label: "",
    help: "Open connections of the server",
};
const HTTP_REFUSED: Definition = Definition {
    name: "http_connections_refused",
    unit: "",
    label: "",
    help: "Connections refused because too many were open",
};

/// Every metric there is.
pub const DEFINITIONS: [Definition; 17] = [
    LINES_READ,
    BYTES_READ,
    SOURCE_RESTARTS,
    RECORDS_COUNTED,
    REJECTED,
    COMMITS,
    COMMIT_SECONDS,
    COMMITTED_EPOCH,
    FINGERPRINTS,
    EMBEDDINGS_COMPUTED,
    EMBEDDINGS_PENDING,
    PATTERNS_CROWDED,
    NOTICES,
    NOTICES_WAITING,
    LIVE_WATCHERS,
    HTTP_CONNECTIONS,
    HTTP_REFUSED,
];

/// Upper bounds of the commit histogram's buckets, in seconds.
const COMMIT_SECONDS_BUCKETS: [f64; 10] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10.0];

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SourceLabel {
    source: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabel {
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OperatorLabel {
    operator: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct NotifierLabel {
    notifier: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OutcomeLabel {
    notifier: String,
    outcome: &'static str,
}

/// The counters and gauges; shared as an `Arc`, every method takes `&self`.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    of_source: SourceFamilies,
    sources: RwLock<Vec<SourceMetrics>>,
    rejected: [Counter; RejectReason::ALL.len()],
    records_counted: Counter,
    commits: Counter,
    commit_seconds: Histogram,
    committed_epoch: Gauge,
    fingerprints: Gauge,
    embeddings_computed: Family<OperatorLabel, Counter>,
    embeddings_pending: Gauge,
    patterns_crowded: Gauge,
    notices: Family<OutcomeLabel, Counter>,
    notices_waiting: Family<NotifierLabel, Gauge>,
    live_watchers: Gauge,
    http_connections: Gauge,
    http_refused: Counter,
}

/// The metrics that have a value for each source.
#[derive(Debug)]
struct SourceFamilies {
    lines: Family<SourceLabel, Counter>,
    bytes: Family<SourceLabel, Counter>,
    restarts: Family<SourceLabel, Counter>,
}

impl SourceFamilies {
    fn of(&self, id: &str) -> SourceMetrics {
        let label = SourceLabel { source: id.to_owned() };
        SourceMetrics {
            lines: self.lines.get_or_create_owned(&label),
            bytes: self.bytes.get_or_create_owned(&label),
            restarts: self.restarts.get_or_create_owned(&label),
        }
    }
}

/// The counters of one source, looked up once.
#[derive(Debug)]
struct SourceMetrics {
    lines: Counter,
    bytes: Counter,
    restarts: Counter,
}

impl Metrics {
    /// The media type of [`Metrics::encode`].
    pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

    /// Returns all metrics at zero, with a label value for each source of the graph.
    pub fn new(source_ids: &[String]) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let r = &mut registry;
        let of_source = SourceFamilies {
            lines: register(r, LINES_READ, Family::default()),
            bytes: register(r, BYTES_READ, Family::default()),
            restarts: register(r, SOURCE_RESTARTS, Family::default()),
        };
        let reasons: Family<ReasonLabel, Counter> = register(r, REJECTED, Family::default());
        let reason = |reason: RejectReason| {
            reasons.get_or_create_owned(&ReasonLabel { reason: reason.as_str() })
        };
        Self {
            sources: RwLock::new(source_ids.iter().map(|id| of_source.of(id)).collect()),
            of_source,
            rejected: RejectReason::ALL.map(reason),
            records_counted: register(r, RECORDS_COUNTED, Counter::default()),
            commits: register(r, COMMITS, Counter::default()),
            commit_seconds: register(r, COMMIT_SECONDS, Histogram::new(COMMIT_SECONDS_BUCKETS)),
            committed_epoch: register(r, COMMITTED_EPOCH, Gauge::default()),
            fingerprints: register(r, FINGERPRINTS, Gauge::default()),
            embeddings_computed: register(r, EMBEDDINGS_COMPUTED, Family::default()),
            embeddings_pending: register(r, EMBEDDINGS_PENDING, Gauge::default()),
            patterns_crowded: register(r, PATTERNS_CROWDED, Gauge::default()),
            notices: register(r, NOTICES, Family::default()),
            notices_waiting: register(r, NOTICES_WAITING, Family::default()),
            live_watchers: register(r, LIVE_WATCHERS, Gauge::default()),
            http_connections: register(r, HTTP_CONNECTIONS, Gauge::default()),
            http_refused: register(r, HTTP_REFUSED, Counter::default()),
            registry,
        }
    }

    /// Adds a source with the next index; one that has an index already is left alone.
    pub fn add_source(&self, source: SourceIndex, id: &str) {
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        if sources.len() == usize::from(source.0) {
            sources.push(self.of_source.of(id));
        }
    }

    fn with_source(&self, source: SourceIndex, note: impl FnOnce(&SourceMetrics)) {
        let sources = self.sources.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(of) = sources.get(usize::from(source.0)) {
            note(of);
        }
    }

    /// Adds lines handed to parse. A source that the graph does not have is ignored.
    pub fn add_lines_read(&self, source: SourceIndex, lines: u64) {
        self.with_source(source, |of| {
            of.lines.inc_by(lines);
        });
    }

    /// Adds bytes that a reader handed over.
    pub fn add_bytes_read(&self, source: SourceIndex, bytes: u64) {
        self.with_source(source, |of| {
            of.bytes.inc_by(bytes);
        });
    }

    /// Adds one restart of a source.
    pub fn add_source_restart(&self, source: SourceIndex) {
        self.with_source(source, |of| {
            of.restarts.inc();
        });
    }

    /// Adds records that could not be used.
    pub fn add_rejected(&self, reason: RejectReason, records: u64) {
        let at = RejectReason::ALL.iter().position(|known| *known == reason);
        if let Some(counter) = at.and_then(|at| self.rejected.get(at)) {
            counter.inc_by(records);
        }
    }

    /// Notes one transaction: its epoch, how many records it counted, how long the store took.
    pub fn committed(&self, epoch: Epoch, records: u64, took: Duration) {
        self.commits.inc();
        self.records_counted.inc_by(records);
        self.commit_seconds.observe(took.as_secs_f64());
        self.committed_epoch.set(to_gauge(epoch.0));
    }

    /// Sets the number of distinct fingerprints ever seen.
    pub fn set_fingerprints(&self, fingerprints: usize) {
        self.fingerprints.set(to_gauge(fingerprints as u64));
    }

    /// Raises the number of texts embedded for an operator to `texts`; it never falls.
    pub fn set_embeddings_computed(&self, operator: &str, texts: u64) {
        let label = OperatorLabel { operator: operator.to_owned() };
        let counter = self.embeddings_computed.get_or_create_owned(&label);
        counter.inc_by(texts.saturating_sub(counter.get()));
    }

    /// Sets the number of texts that wait for their embedding.
    pub fn set_embeddings_pending(&self, texts: usize) {
        self.embeddings_pending.set(to_gauge(texts as u64));
    }

    /// Sets the number of patterns that are near more others than links are kept for.
    pub fn set_patterns_crowded(&self, patterns: usize) {
        self.patterns_crowded.set(to_gauge(patterns as u64));
    }

    /// Sets how many notices wait for a notifier, and raises what it delivered and gave up; those never fall.
    pub fn set_notices(&self, notifier: &str, waiting: usize, delivered: u64, dead: u64) {
        for (outcome, notices) in [("delivered", delivered), ("dead", dead)] {
            let label = OutcomeLabel { notifier: notifier.to_owned(), outcome };
            let counter = self.notices.get_or_create_owned(&label);
            counter.inc_by(notices.saturating_sub(counter.get()));
        }
        let label = NotifierLabel { notifier: notifier.to_owned() };
        self.notices_waiting.get_or_create_owned(&label).set(to_gauge(waiting as u64));
    }

    /// Sets the number of open live streams.
    pub fn set_live_watchers(&self, watchers: usize) {
        self.live_watchers.set(to_gauge(watchers as u64));
    }

    /// Sets the number of open connections of the server.
    pub fn set_http_connections(&self, connections: usize) {
        self.http_connections.set(to_gauge(connections as u64));
    }

    /// Adds one connection that was refused because too many were open.
    pub fn add_http_refused(&self) {
        self.http_refused.inc();
    }

    /// Writes every metric as OpenMetrics text.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing into a `String` cannot fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

/// Registers one metric under its definition.
fn register<M: Metric + Clone>(registry: &mut Registry, of: Definition, metric: M) -> M {
    let unit = match of.unit {
        "seconds" => Some(Unit::Seconds),
        "bytes" => Some(Unit::Bytes),
        _ => None,
    };
    match unit {
        Some(unit) => registry.register_with_unit(of.name, of.help, unit, metric.clone()),
        None => registry.register(of.name, of.help, metric.clone()),
    }
    metric
}

fn to_gauge(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_metric_is_written_with_name_unit_and_help() {
        let metrics = Metrics::new(&["app".to_owned()]);
        metrics.set_embeddings_computed("vectors", 2);
        metrics.set_embeddings_computed("vectors", 1);
        metrics.set_notices("pager", 0, 0, 0);
        let text = metrics.encode();
        assert!(text.contains("embeddings_computed_total{operator=\"vectors\"} 2\n"), "{text}");
        for of in DEFINITIONS {
            let unit = if of.unit.is_empty() { String::new() } else { format!("_{}", of.unit) };
            let help = format!("# HELP {PREFIX}_{}{unit} {}.\n", of.name, of.help);
            assert!(text.contains(&help), "missing {help:?} in\n{text}");
        }
        assert_eq!(text.matches("# HELP").count(), DEFINITIONS.len());
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn what_is_recorded_is_written() {
        let metrics = Metrics::new(&["app".to_owned(), "web".to_owned()]);
        metrics.add_lines_read(SourceIndex(1), 3);
        metrics.add_bytes_read(SourceIndex(1), 99);
        metrics.add_source_restart(SourceIndex(0));
        metrics.add_rejected(RejectReason::AbsurdTime, 2);
        metrics.committed(Epoch(7), 41, Duration::from_millis(3));
        metrics.set_fingerprints(12);
        metrics.set_notices("pager", 2, 5, 1);
        metrics.set_notices("pager", 1, 6, 1);
        let text = metrics.encode();
        for line in [
            "seismolog_lines_read_total{source=\"web\"} 3\n",
            "seismolog_lines_read_total{source=\"app\"} 0\n",
            "seismolog_read_bytes_total{source=\"web\"} 99\n",
            "seismolog_source_restarts_total{source=\"app\"} 1\n",
            "seismolog_rejected_total{reason=\"absurd_time\"} 2\n",
            "seismolog_commits_total 1\n",
            "seismolog_records_counted_total 41\n",
            "seismolog_commit_seconds_count 1\n",
            "seismolog_committed_epoch 7\n",
            "seismolog_fingerprints 12\n",
            "seismolog_notices_total{notifier=\"pager\",outcome=\"delivered\"} 6\n",
            "seismolog_notices_total{notifier=\"pager\",outcome=\"dead\"} 1\n",
            "seismolog_notices_waiting{notifier=\"pager\"} 1\n",
        ] {
            assert!(text.contains(line), "missing {line:?} in\n{text}");
        }
    }

    #[test]
    fn limit_unknown_sources_add_no_label() {
        let metrics = Metrics::new(&["app".to_owned()]);
        let before = metrics.encode();
        metrics.add_lines_read(SourceIndex(5), 3);
        metrics.add_bytes_read(SourceIndex(5), 3);
        metrics.add_source_restart(SourceIndex(5));
        assert_eq!(metrics.encode(), before);
    }
}
