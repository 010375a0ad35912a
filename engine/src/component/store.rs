//! Store: commits epochs and recovers from them. ReadStore: the dashboard's questions.
//!
//! The contract of [`Store`], which `testing::conformance` checks on each of them:
//! 1. A commit is all or nothing (I5), and carries its predecessor's epoch and the incarnation that
//!    claimed the store; if either differs from what is stored, it changes nothing and fails with
//!    [`StoreError::Fenced`].
//! 2. Counts and accounts add up; sightings merge; derived rows are inserted, replaced or removed; of an
//!    alert, of how an issue stands and of a row of the outbox the latest stands; what happened is added.
//!    Committing two epochs one by one or folded into one leaves the same rows.
//! 3. After any error [`Store::committed`] tells what really happened.
//! 4. [`Store::load`] and [`Store::counts`] return exactly what the last commit left.

use super::History;
use crate::model::{
    Account, Activity, Alert, AlertKey, Bucket, BucketSize, Embedding, Epoch, EventTime,
    Fingerprint, FirstSeen, Issue, IssueId, Member, Offset, OutboxRow, OutboxStanding, Part,
    PartitionId, Progress, RejectReason, Rejected, Severity, SeverityClass, Sighting, Standing,
    StateKey, StateRow, Tag, Tagged, Template, TextId, TriageState, VectorRow,
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// A process life that owns the store: unique per start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Incarnation(pub u64);

/// What a checkpoint says about one node of the graph that wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NodeIdentity {
    /// The node's id in the graph file.
    pub node: String,
    /// Its component type.
    pub component: String,
    /// The version of its state.
    pub version: u32,
    /// The options that change its state, by name.
    pub options: BTreeMap<String, String>,
}

/// The durable state from which an engine starts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The last committed epoch; `None` in an empty store.
    pub epoch: Option<Epoch>,
    /// The graph that wrote it.
    pub identity: Vec<NodeIdentity>,
    /// Where each partition resumes, with the id of its source.
    pub offsets: Vec<(String, PartitionId, Offset)>,
    /// Every fingerprint ever seen, ordered.
    pub fingerprints: Vec<KnownFingerprint>,
    /// Counts of the [`History`] that operators ask for, ordered; a store loads without them.
    pub counts: Vec<(Fingerprint, Bucket, i64)>,
    /// Issues as stored, to compare with what is derived again.
    pub issues: Vec<Issue>,
    /// Members as stored.
    pub members: Vec<Member>,
    /// Parts of issues as stored, ordered.
    pub parts: Vec<Part>,
    /// Tags of issues as stored, ordered.
    pub tags: Vec<Tagged>,
    /// The state of operators, by node and key.
    pub state: BTreeMap<StateKey, Arc<[u8]>>,
    /// The embedding of every text that has a vector, ordered.
    pub vectors: Vec<(TextId, Embedding)>,
}

/// What recovery needs of a fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownFingerprint {
    /// The fingerprint.
    pub fingerprint: Fingerprint,
    /// Its template.
    pub template: Template,
    /// Its class.
    pub class: SeverityClass,
    /// Its service; empty if none was named.
    pub service: Arc<str>,
    /// Its skeleton.
    pub skeleton: Arc<str>,
    /// Highest severity.
    pub severity: Severity,
    /// The event that is shown for it.
    pub first: FirstSeen,
    /// That event's template text.
    pub text: Arc<str>,
    /// The id of the source in which it was first listed.
    pub source: String,
}

/// The folded facts of one or more consecutive epochs; every list is ordered and without repeats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Sums per fingerprint and bucket; never zero.
    pub counts: Vec<(Fingerprint, Bucket, i64)>,
    /// One per fingerprint.
    pub sightings: Vec<Sighting>,
    /// Sums per source and counter.
    pub accounts: Vec<Account>,
    /// Examples.
    pub rejected: Vec<Rejected>,
    /// The latest per partition.
    pub progress: Vec<Progress>,
    /// The latest per node and key.
    pub state: Vec<StateRow>,
    /// Issues to insert (`true`) or remove.
    pub issues: Vec<(Issue, bool)>,
    /// Members to insert (`true`) or remove.
    pub members: Vec<(Member, bool)>,
    /// Parts of issues to insert (`true`) or remove.
    pub parts: Vec<(Part, bool)>,
    /// Tags of issues to insert (`true`) or remove.
    pub tags: Vec<(Tagged, bool)>,
    /// The latest per alert, ordered by key.
    pub alerts: Vec<Alert>,
    /// How issues stand now; nothing forgets that of one.
    pub standings: Vec<(IssueId, Option<Standing>)>,
    /// What happened to issues; it may have happened more than once.
    pub activity: Vec<Activity>,
    /// The latest per notice and notifier, ordered by them.
    pub outbox: Vec<OutboxRow>,
    /// The latest per text.
    pub vectors: Vec<VectorRow>,
    /// How many more patterns are crowded, see [`Fact::Crowded`](crate::model::Fact::Crowded). Not stored.
    pub crowded: i64,
}

/// One transaction.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Who commits.
    pub incarnation: Incarnation,
    /// The epoch that must be the stored one.
    pub predecessor: Option<Epoch>,
    /// The epoch that is the stored one afterwards.
    pub epoch: Epoch,
    /// The ids of the graph's sources, by [`SourceIndex`](crate::model::SourceIndex): rows are
    /// stored under ids, since indexes change with the graph file.
    pub source_ids: Arc<[String]>,
    /// What to store.
    pub contents: Contents,
}

/// Why a store could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Somebody else owns the store now; this process must end.
    #[error("the store now belongs to another process: {0}")]
    Fenced(String),
    /// Another process has the store open.
    #[error("cannot open the store: {0}")]
    InUse(String),
    /// It may work later; nothing is known about the commit until [`Store::committed`] answers.
    #[error("could not reach the store: {what}")]
    Unavailable {
        /// What was attempted.
        what: String,
        /// The cause.
        #[source]
        cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// What is stored cannot be understood; trying again is useless.
    #[error("cannot read the store: {what}")]
    Damaged {
        /// What was found.
        what: String,
        /// The cause.
        #[source]
        cause: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// A crash point said so (tests only).
    #[error("crashed at {0}")]
    Crashed(&'static str),
}

impl StoreError {
    /// Returns the error with its causes as one sentence.
    pub fn sentence(&self) -> String {
        crate::error::sentence(self)
    }
}

/// Commits and recovers. Lives on the store thread; may block.
pub trait Store: Send {
    /// Loads the last commit, without counts.
    fn load(&mut self) -> Result<Recovered, StoreError>;
    /// Returns the events of the last commit in every bucket of the history that holds any, ordered. Where
    /// only hours are left of what was counted by the minute, the events of an hour are those of the bucket
    /// that holds its start.
    fn counts(&mut self, history: History) -> Result<Vec<(Fingerprint, Bucket, i64)>, StoreError>;
    /// Takes the store over: from now on only `incarnation` may commit. Stores the identity.
    fn claim(
        &mut self,
        incarnation: Incarnation,
        identity: &[NodeIdentity],
    ) -> Result<(), StoreError>;
    /// Writes one transaction.
    fn commit(&mut self, commit: &Commit) -> Result<(), StoreError>;
    /// Returns the epoch and incarnation that are really stored, reconnecting if need be.
    fn committed(&mut self) -> Result<(Option<Epoch>, Option<Incarnation>), StoreError>;
    /// Forgets a piece of what is older than the store keeps it; totals stay. Returns whether there is
    /// more.
    fn prune(&mut self) -> Result<bool, StoreError> {
        Ok(false)
    }
    /// Puts what a backup holds in the place of what is stored; a store that holds something must be told
    /// to `replace` it.
    fn restore(&mut self, _from: &Path, _replace: bool) -> Result<BackupReport, StoreError> {
        Err(StoreError::Damaged { what: "this store keeps nothing".to_owned(), cause: None })
    }
    /// Returns whether the store is a server that may be away for a while: the engine then waits for it
    /// when it starts, where it would otherwise say what is wrong and end.
    fn is_remote(&self) -> bool {
        false
    }
    /// Returns the reading side, which sees committed epochs only.
    fn reader(&self) -> Arc<dyn ReadStore>;
}

/// The life of an issue, as shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IssueState {
    /// First seen less than a day ago.
    New,
    /// Known for longer.
    Ongoing,
}

/// The order of an issue list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IssueOrder {
    /// Spiking first, then by class, then by count in the range.
    #[default]
    Relevance,
    /// Most events in the range first.
    Count,
    /// Latest event first.
    LastSeen,
    /// Youngest issue first.
    FirstSeen,
}

/// Which issues to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueQuery {
    /// Counts, sparkline and activity are of `[from, to)`.
    pub from: EventTime,
    /// End of the range.
    pub to: EventTime,
    /// Number of equal slices in a sparkline.
    pub points: usize,
    /// Only issues whose highest severity reaches this.
    pub min_severity: Severity,
    /// Only issues whose template contains all of these words (case-insensitive).
    pub words: Vec<String>,
    /// Only issues of this service.
    pub service: Option<String>,
    /// Only issues with this tag.
    pub tag: Option<String>,
    /// Only these issues.
    pub ids: Option<BTreeSet<IssueId>>,
    /// Only new ones.
    pub only_new: bool,
    /// Only those that stand like this with people; one of which nothing was decided is open.
    pub triage: Option<BTreeSet<TriageState>>,
    /// Only those that this person looks after.
    pub assignee: Option<String>,
    /// Only ones with an alert that began before the end of the range and went on there.
    pub only_spiking: bool,
    /// The order.
    pub order: IssueOrder,
    /// At most this many.
    pub limit: usize,
    /// Skip this many (the cursor, opaque to users).
    pub skip: usize,
    /// The instant "now", which decides new and spiking.
    pub now: EventTime,
}

/// An issue in a list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IssueRow {
    /// Id.
    pub id: IssueId,
    /// Template of its first member, variables written `<name>`.
    pub template: String,
    /// Severity class.
    pub class: SeverityClass,
    /// Highest severity.
    pub severity: Severity,
    /// Services, ordered.
    pub services: Vec<String>,
    /// What kind of failure it is about, the surest tag first.
    pub tags: Vec<Tag>,
    /// Life state.
    pub state: IssueState,
    /// How it stands with people.
    pub standing: Standing,
    /// Whether one of its alerts is open.
    pub spiking: bool,
    /// Earliest event time.
    pub first_seen: EventTime,
    /// Latest event time.
    pub last_seen: EventTime,
    /// Events in the range, exact.
    pub count: i64,
    /// Events ever, exact.
    pub total: i64,
    /// Number of member fingerprints.
    pub fingerprints: usize,
    /// Events per slice of the range.
    pub sparkline: Vec<i64>,
}

impl IssueQuery {
    /// Returns the question for all issues of all times, most events first.
    pub fn everything(now: EventTime) -> Self {
        Self {
            from: EventTime::OLDEST,
            to: EventTime(i64::MAX),
            points: 1,
            min_severity: Severity::Unknown,
            words: Vec::new(),
            service: None,
            tag: None,
            ids: None,
            only_new: false,
            triage: None,
            assignee: None,
            only_spiking: false,
            order: IssueOrder::Count,
            limit: usize::MAX,
            skip: 0,
            now,
        }
    }
}

/// A page of issues.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IssuePage {
    /// The rows.
    pub issues: Vec<IssueRow>,
    /// How many match in all.
    pub matching: usize,
}

/// A fingerprint as stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FingerprintRow {
    /// Id.
    pub fingerprint: Fingerprint,
    /// Its template's id.
    pub template_id: Template,
    /// Template text of the event shown for it.
    pub template: String,
    /// Service.
    pub service: String,
    /// Class.
    pub class: SeverityClass,
    /// Highest severity.
    pub severity: Severity,
    /// Earliest event time.
    pub first_seen: EventTime,
    /// Latest event time.
    pub last_seen: EventTime,
}

/// A member of an issue, with its count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberRow {
    /// The fingerprint.
    #[serde(flatten)]
    pub fingerprint: FingerprintRow,
    /// Events ever, exact.
    pub total: i64,
}

/// A stored sample.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleRow {
    /// Event time.
    pub time: EventTime,
    /// Id of the source.
    pub source: String,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// The record.
    pub record: String,
}

/// Whose samples are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SamplesOf {
    /// Those of all members of an issue, or of the issue that it was merged into.
    Issue(IssueId),
    /// Those of one fingerprint.
    Fingerprint(Fingerprint),
}

/// Samples of an issue or a fingerprint, and what they have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KeptSamples {
    /// The issue; `None` for a fingerprint that no issue has taken up yet.
    pub issue: Option<IssueId>,
    /// What is displayed, variables written `<name>`.
    pub template: String,
    /// The constant words, `<*>` for each run of variables.
    pub skeleton: String,
    /// How many samples are stored.
    pub kept: usize,
    /// Of those the ones with the smallest hashes, latest first.
    pub samples: Vec<SampleRow>,
}

impl KeptSamples {
    /// The most samples that are read to tell which values vary.
    pub const READ_MAX: usize = 1000;
}

/// Records of one source that could not be used for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRow {
    /// Id of the source.
    pub source: String,
    /// Why.
    pub reason: RejectReason,
    /// How many, exactly.
    pub count: u64,
    /// The ones with the smallest hashes, cut at [`Rejected::RECORD_BYTES_MAX`].
    pub examples: Vec<String>,
}

/// One issue in full.
#[derive(Clone, Debug, PartialEq)]
pub struct IssueDetail {
    /// As in the list.
    pub issue: IssueRow,
    /// Its members, most events first.
    pub members: Vec<MemberRow>,
    /// Samples, latest first.
    pub samples: Vec<SampleRow>,
    /// Its alerts, latest first.
    pub alerts: Vec<AlertRow>,
}

/// Which counts to show over time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimelineQuery {
    /// One issue, or all.
    pub issue: Option<IssueId>,
    /// Start of the range.
    pub from: EventTime,
    /// End of the range.
    pub to: EventTime,
    /// Slices of this size.
    pub size: BucketSize,
}

/// Events of one slice by severity class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassCounts {
    /// The slice.
    pub bucket: Bucket,
    /// Errors and worse.
    pub error: i64,
    /// Warnings.
    pub warn: i64,
    /// The rest.
    pub rest: i64,
}

/// An alert as shown.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AlertRow {
    /// The alert.
    pub alert: Alert,
    /// The issue's template text.
    pub template: String,
    /// The issue's highest severity.
    pub severity: Severity,
    /// Whether it is open.
    pub firing: bool,
}

/// Which alerts to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertQuery {
    /// Only open ones.
    pub open_only: bool,
    /// Only those of this issue, or of the one that it was merged into.
    pub issue: Option<IssueId>,
    /// Only those of this service.
    pub service: Option<String>,
    /// Only those that went on in `[from, to)`; one that is open goes on.
    pub from: EventTime,
    /// End of the range.
    pub to: EventTime,
    /// At most this many.
    pub limit: usize,
    /// Skip this many.
    pub skip: usize,
}

impl Default for AlertQuery {
    /// The question for all alerts of all times.
    fn default() -> Self {
        Self {
            open_only: false,
            issue: None,
            service: None,
            from: EventTime(i64::MIN),
            to: EventTime(i64::MAX),
            limit: usize::MAX,
            skip: 0,
        }
    }
}

/// Which rows of the outbox to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxQuery {
    /// Only those for this notifier.
    pub notifier: Option<String>,
    /// Only those that stand like this.
    pub state: Option<OutboxStanding>,
    /// At most this many.
    pub limit: usize,
    /// Skip this many.
    pub skip: usize,
}

impl Default for OutboxQuery {
    /// The question for everything.
    fn default() -> Self {
        Self { notifier: None, state: None, limit: usize::MAX, skip: 0 }
    }
}

/// One row of the complete export.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CountRow {
    /// Its issue.
    pub issue: IssueId,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// The fingerprint's highest severity.
    pub severity: Severity,
    /// Template text.
    pub template: String,
    /// The sample with the smallest (time, hash), or empty.
    pub sample: String,
    /// Start of the bucket.
    pub bucket_start: EventTime,
    /// Its length in seconds.
    pub bucket_seconds: i64,
    /// Events in it.
    pub count: i64,
}

/// One source in the audit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceAudit {
    /// Offsets by partition.
    pub offset: BTreeMap<String, String>,
    /// Records read.
    pub read: u64,
    /// Bytes known to wait.
    pub lag_bytes: u64,
    /// Bytes that were gone before they could be read.
    pub lost_bytes: u64,
}

/// The conservation identity, as committed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Audit {
    /// Last committed epoch.
    pub epoch: u64,
    /// By source id.
    pub sources: BTreeMap<String, SourceAudit>,
    /// Lines handed to parse.
    pub lines_read: u64,
    /// Lines with nothing in them.
    pub lines_blank: u64,
    /// Lines cut at the length limit.
    pub lines_cut: u64,
    /// Records with bytes that are not UTF-8.
    pub invalid_utf8: u64,
    /// Records.
    pub read: u64,
    /// Sum of all stored counts.
    pub counted: u64,
    /// Records dropped by filters.
    pub filtered: u64,
    /// Dropped records by operator id.
    pub filtered_by: BTreeMap<String, u64>,
    /// Records left out by sampling.
    pub sampled: u64,
    /// Records in events that are not complete yet.
    pub open: u64,
    /// Records counted under the overflow fingerprint.
    pub overflowed: u64,
    /// Records that could not be used, by reason.
    pub rejected: BTreeMap<String, u64>,
    /// Whether `read = counted + filtered + sampled + rejected + open`.
    pub balanced: bool,
}

impl Audit {
    /// Sets `balanced` from the other fields.
    pub fn balance(mut self) -> Self {
        let rejected: u64 = self.rejected.values().sum();
        self.balanced =
            self.read == self.counted + self.filtered + self.sampled + rejected + self.open;
        self
    }
}

/// What a backup holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackupReport {
    /// The last commit in it.
    pub epoch: Option<u64>,
    /// Issues.
    pub issues: u64,
    /// Fingerprints.
    pub fingerprints: u64,
    /// Events ever counted.
    pub counted: u64,
}

/// Answers questions about what is committed. Every call sees one consistent commit.
pub trait ReadStore: Send + Sync {
    /// Lists issues.
    fn issues(&self, query: &IssueQuery) -> Result<IssuePage, StoreError>;
    /// Returns one issue, its counts and sparkline as `query` says (its filters do not apply). An id
    /// that was merged into another issue leads to that one.
    fn issue(&self, id: IssueId, query: &IssueQuery) -> Result<Option<IssueDetail>, StoreError>;
    /// Returns samples, at most `limit` of them; `None` if nothing is known of what is asked for.
    fn samples(&self, of: SamplesOf, limit: usize) -> Result<Option<KeptSamples>, StoreError>;
    /// Returns counts over time; slices without events are left out.
    fn timeline(&self, query: &TimelineQuery) -> Result<Vec<ClassCounts>, StoreError>;
    /// Returns one alert.
    fn alert(&self, key: AlertKey, now: EventTime) -> Result<Option<AlertRow>, StoreError>;
    /// Lists alerts, open ones first, then latest first.
    fn alerts(&self, query: &AlertQuery, now: EventTime) -> Result<Vec<AlertRow>, StoreError>;
    /// Returns what happened to an issue, or to those that were merged into it, latest first.
    fn activity(
        &self,
        issue: IssueId,
        limit: usize,
        skip: usize,
    ) -> Result<Vec<Activity>, StoreError>;
    /// Lists the outbox: what is queued by the age of its notice, oldest first, then what is settled,
    /// latest first.
    fn outbox(&self, query: &OutboxQuery) -> Result<Vec<OutboxRow>, StoreError>;
    /// Returns the audit.
    fn audit(&self) -> Result<Audit, StoreError>;
    /// Writes a copy of the last commit to a new file, reads it again and says what is in it.
    fn backup(&self, _to: &Path) -> Result<BackupReport, StoreError> {
        Err(StoreError::Damaged { what: "this store keeps nothing".to_owned(), cause: None })
    }
    /// Returns what could not be used, with examples, ordered by source and name of the reason.
    fn rejected(&self) -> Result<Vec<RejectedRow>, StoreError>;
    /// Returns every vector, ordered by text.
    fn vectors(&self) -> Result<Vec<VectorRow>, StoreError>;
    /// Returns the vectors of these texts that have one, ordered by text.
    fn vectors_of(&self, texts: &[TextId]) -> Result<Vec<VectorRow>, StoreError>;
    /// Returns every part of every issue, ordered.
    fn parts(&self) -> Result<Vec<Part>, StoreError>;
    /// Calls `each` for everything stored, ordered by issue, fingerprint and bucket, until it
    /// returns `false`.
    fn export_counts(&self, each: &mut dyn FnMut(CountRow) -> bool) -> Result<(), StoreError>;
}
