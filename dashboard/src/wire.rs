//! Wire: the rows of the store as the API writes them. Times are RFC 3339 text, ids are text,
//! counts are exact integers.

use engine::component::{
    AlertRow, ClassCounts, CountRow, IssueRow, IssueState, MemberRow, SampleRow,
};
use engine::model::{
    self, AlertKey, Bucket, EventTime, Fingerprint, IssueId, Severity, SeverityClass, Template,
    Verdict,
};
use serde::{Serialize, Serializer};
use std::sync::Arc;

/// An instant or the start of a bucket, written as RFC 3339 in UTC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Time(EventTime);

impl From<EventTime> for Time {
    fn from(time: EventTime) -> Self {
        Self(time)
    }
}

impl From<Bucket> for Time {
    fn from(bucket: Bucket) -> Self {
        Self(bucket.start())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// An issue.
#[derive(Serialize)]
pub(crate) struct Issue {
    id: IssueId,
    template: String,
    class: SeverityClass,
    severity: Severity,
    services: Vec<String>,
    tags: Vec<Tag>,
    state: IssueState,
    spiking: bool,
    first_seen: Time,
    last_seen: Time,
    count: i64,
    total: i64,
    fingerprints: usize,
    sparkline: Vec<i64>,
}

impl From<IssueRow> for Issue {
    fn from(row: IssueRow) -> Self {
        Self {
            id: row.id,
            template: row.template,
            class: row.class,
            severity: row.severity,
            services: row.services,
            tags: row.tags.into_iter().map(Tag::from).collect(),
            state: row.state,
            spiking: row.spiking,
            first_seen: row.first_seen.into(),
            last_seen: row.last_seen.into(),
            count: row.count,
            total: row.total,
            fingerprints: row.fingerprints,
            sparkline: row.sparkline,
        }
    }
}

/// What kind of failure an issue is about.
#[derive(Serialize)]
pub(crate) struct Tag {
    tag: Arc<str>,
    score: f64,
    reason: String,
}

impl From<model::Tag> for Tag {
    fn from(tag: model::Tag) -> Self {
        Self { score: tag.score.ratio(), reason: tag.reason.to_string(), tag: tag.name }
    }
}

/// A member fingerprint of an issue.
#[derive(Serialize)]
pub(crate) struct Member {
    fingerprint: Fingerprint,
    template_id: Template,
    template: String,
    service: String,
    class: SeverityClass,
    severity: Severity,
    first_seen: Time,
    last_seen: Time,
    total: i64,
}

impl From<MemberRow> for Member {
    fn from(row: MemberRow) -> Self {
        let of = row.fingerprint;
        Self {
            fingerprint: of.fingerprint,
            template_id: of.template_id,
            template: of.template,
            service: of.service,
            class: of.class,
            severity: of.severity,
            first_seen: of.first_seen.into(),
            last_seen: of.last_seen.into(),
            total: row.total,
        }
    }
}

/// A stored record.
#[derive(Serialize)]
pub(crate) struct Sample {
    time: Time,
    source: String,
    fingerprint: Fingerprint,
    record: String,
}

impl From<SampleRow> for Sample {
    fn from(row: SampleRow) -> Self {
        Self {
            time: row.time.into(),
            source: row.source,
            fingerprint: row.fingerprint,
            record: row.record,
        }
    }
}

/// An alert.
#[derive(Serialize)]
pub(crate) struct Alert {
    key: AlertKey,
    issue: IssueId,
    template: String,
    severity: Severity,
    firing: bool,
    start: Time,
    last: Time,
    end: Time,
    bucket_seconds: u32,
    observed: i64,
    peak: Peak,
}

/// The most surprising bucket of an alert.
#[derive(Serialize)]
struct Peak {
    start: Time,
    observed: i64,
    expected: f64,
    ratio: f64,
    surprise: f64,
}

impl From<AlertRow> for Alert {
    fn from(row: AlertRow) -> Self {
        let alert = row.alert;
        let end = Bucket(alert.last.0.saturating_add(i64::from(alert.bucket_secs)));
        Self {
            key: alert.key,
            issue: alert.issue,
            template: row.template,
            severity: row.severity,
            firing: row.firing,
            start: alert.start.into(),
            last: alert.last.into(),
            end: end.into(),
            bucket_seconds: alert.bucket_secs,
            observed: alert.observed,
            peak: alert.peak.into(),
        }
    }
}

impl From<Verdict> for Peak {
    /// The ratio takes at least a thousandth as expected, the resolution of that number.
    fn from(verdict: Verdict) -> Self {
        let milli = |n: i64| n as f64 / 1000.0;
        let ratio = verdict.observed as f64 / milli(verdict.expected_milli.max(1));
        Self {
            start: verdict.bucket.into(),
            observed: verdict.observed,
            expected: milli(verdict.expected_milli),
            ratio: (ratio * 1000.0).round() / 1000.0,
            surprise: milli(verdict.surprise_milli),
        }
    }
}

/// Events of one slice of time.
#[derive(Serialize)]
pub(crate) struct Slice {
    start: Time,
    error: i64,
    warn: i64,
    rest: i64,
}

impl From<ClassCounts> for Slice {
    fn from(row: ClassCounts) -> Self {
        Self { start: row.bucket.into(), error: row.error, warn: row.warn, rest: row.rest }
    }
}

/// One line of the complete export, over HTTP and on the command line alike.
#[derive(Serialize)]
pub struct ExportLine {
    issue: IssueId,
    fingerprint: Fingerprint,
    severity: Severity,
    template: String,
    sample: String,
    bucket_start: Time,
    bucket_seconds: i64,
    count: i64,
}

impl From<CountRow> for ExportLine {
    fn from(row: CountRow) -> Self {
        Self {
            issue: row.issue,
            fingerprint: row.fingerprint,
            severity: row.severity,
            template: row.template,
            sample: row.sample,
            bucket_start: row.bucket_start.into(),
            bucket_seconds: row.bucket_seconds,
            count: row.count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousandths_become_numbers_and_the_ratio_is_never_infinite() {
        let verdict = Verdict {
            bucket: Bucket(300),
            observed: 120,
            expected_milli: 2_500,
            surprise_milli: 41_250,
        };
        let peak = Peak::from(verdict);
        assert_eq!((peak.expected, peak.ratio, peak.surprise), (2.5, 48.0, 41.25));
        let peak = Peak::from(Verdict { expected_milli: 0, ..verdict });
        assert_eq!((peak.expected, peak.ratio), (0.0, 120_000.0));
    }
}
