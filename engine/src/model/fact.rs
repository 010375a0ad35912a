//! Facts: everything an epoch wants stored, as one type that travels to the committer.
//!
//! A fact is either a *sum* (counts, accounts), a *merge* (sightings, rejected examples: minimum,
//! maximum, smallest hashes), a *difference* of a derived collection (issues, members: `+1` present,
//! `-1` gone), or the *latest* of something (progress of a partition, state of an operator, an alert,
//! how a notice stands, vector of a text). Each of them can be applied epoch by epoch or many epochs at
//! once with the same result, which is what makes group commit exact.

use super::{
    Account, Activity, Alert, Bucket, EventTime, Fingerprint, Issue, IssueId, Member, Offset,
    OutboxRow, Part, PartitionId, Rejected, Sighting, SourceIndex, Standing, Tagged, VectorRow,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// How far a partition has been read, as of the end of an epoch.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Progress {
    /// The source.
    pub source: SourceIndex,
    /// The partition.
    pub partition: PartitionId,
    /// Where to resume; `None` once the partition is gone for good and may be forgotten.
    pub offset: Option<Offset>,
    /// Bytes known to wait behind the offset.
    pub lag_bytes: u64,
    /// When the last of it was received.
    pub received: EventTime,
}

/// Whose state it is: the operator's id in the graph file, and a key of the operator's own.
pub type StateKey = (Arc<str>, Arc<str>);

/// What an operator must find again after a restart, under a key of its own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StateRow {
    /// The operator's id in the graph file.
    pub node: Arc<str>,
    /// The operator's key, such as a partition.
    pub key: Arc<str>,
    /// The state, in the operator's own encoding; `None` forgets it.
    pub value: Option<Arc<[u8]>>,
}

/// One thing to store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Fact {
    /// `n` more events (fewer, if negative) in a bucket.
    Count {
        /// Whose events.
        fingerprint: Fingerprint,
        /// When they happened.
        bucket: Bucket,
        /// How many more.
        n: i64,
    },
    /// A fingerprint was seen.
    Sighting(Box<Sighting>),
    /// Some records were read, filtered, rejected, …
    Account(Account),
    /// An example of a rejected record.
    Rejected(Rejected),
    /// A partition was read up to here.
    Progress(Progress),
    /// An operator's state under one key changed; the last one of an epoch holds.
    State(StateRow),
    /// An issue appeared (`1`) or is gone (`-1`).
    Issue(Issue, i64),
    /// A fingerprint joined (`1`) or left (`-1`) an issue.
    Member(Member, i64),
    /// How an alert stands; the last one of an epoch holds. An alert is never removed.
    Alert(Box<Alert>),
    /// How an issue stands with people; the last one of an epoch holds, nothing forgets it.
    Standing(IssueId, Option<Box<Standing>>),
    /// Something happened to an issue, for the record.
    Activity(Box<Activity>),
    /// How a notice stands with a notifier; the last one of an epoch holds.
    Outbox(Box<OutboxRow>),
    /// A pattern became (`1`) or ceased to be (`-1`) a part of an issue.
    Part(Box<Part>, i64),
    /// An issue got (`1`) or lost (`-1`) a tag.
    Tag(Box<Tagged>, i64),
    /// A text has this vector; the last one of an epoch holds.
    Vector(Box<VectorRow>),
    /// So many more patterns (fewer, if negative) are near more others than links are kept for. Not
    /// stored: it is derived again after a restart, and only told to those who watch.
    Crowded(i64),
}
