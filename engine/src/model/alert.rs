//! Spikes and alerts: a [`Verdict`] is a statistical finding in one bucket, an [`Alert`] is what a
//! person should hear about a run of them.

use super::fingerprint::id_type;
use super::{Bucket, BucketSize, Fingerprint, IssueId, ParseIdError};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

id_type!(
    /// An alert's key: the same spike has the same key after any restart, `a_` + 32 hex.
    AlertKey,
    "a_"
);

impl AlertKey {
    /// Returns the key of the spike that began in bucket `start`, led by the fingerprint with the
    /// most events in it. Neither changes when the issue is merged into another one.
    pub fn new(lead: Fingerprint, start: Bucket) -> AlertKey {
        AlertKey::of(&[&lead.0.to_be_bytes(), &start.0.to_be_bytes()])
    }
}

/// One bucket of one issue that holds more than chance explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Verdict {
    /// The bucket (of the spike operator's own size).
    pub bucket: Bucket,
    /// Events counted in it.
    pub observed: i64,
    /// Events expected in it, in thousandths.
    pub expected_milli: i64,
    /// Evidence: `-log10 p` in thousandths.
    pub surprise_milli: i64,
}

/// What the spike stage says about one issue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Judgement {
    /// Buckets of this size from here on are judged anew when their counts change; what was said
    /// about older ones stands, because the counts behind it have left memory.
    Horizon(Bucket, BucketSize),
    /// A bucket that spikes, and the fingerprint with the most events in it.
    Spike(Verdict, Fingerprint),
}

/// A run of spiking buckets of one issue, as one thing to tell a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Alert {
    /// Its key.
    pub key: AlertKey,
    /// The issue that spikes.
    pub issue: IssueId,
    /// First spiking bucket.
    pub start: Bucket,
    /// Last spiking bucket so far.
    pub last: Bucket,
    /// Length of those buckets in seconds.
    pub bucket_secs: u32,
    /// The most surprising of them.
    pub peak: Verdict,
    /// Events in all of them.
    pub observed: i64,
}
