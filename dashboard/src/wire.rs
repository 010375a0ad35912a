//! Wire: the rows of the store as the API writes them. Times are RFC 3339 text, ids are text,
//! counts are exact integers.

mod alert;
mod triage;

pub(crate) use alert::{Alert, BaselinePoint, Delivery, Deploy, Silence};
pub(crate) use triage::{Activity, Grouping, Standing};

use engine::component::{ClassCounts, CountRow, IssueRow, IssueState, MemberRow, SampleRow};
use engine::model::{
    self, Bucket, EventTime, Fingerprint, IssueId, Severity, SeverityClass, Template,
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
    triage: Standing,
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
            triage: row.standing.into(),
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
