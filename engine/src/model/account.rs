//! Accounting: the conservation identity of the promise, `read = counted + filtered + sampled +
//! rejected + open`, as numbers that commit with the epoch they describe.

use super::SourceIndex;
use serde::{Deserialize, Serialize};

/// Why a record could not be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectReason {
    /// It carries a time before 1990 or more than 24 h after its receipt.
    AbsurdTime,
    /// It does not have the format that its parse operator was told to expect.
    FormatMismatch,
}

impl RejectReason {
    /// Every reason.
    pub const ALL: [RejectReason; 2] = [RejectReason::AbsurdTime, RejectReason::FormatMismatch];

    /// Returns the name used in the audit.
    pub const fn as_str(self) -> &'static str {
        match self {
            RejectReason::AbsurdTime => "absurd_time",
            RejectReason::FormatMismatch => "format_mismatch",
        }
    }
}

/// What an account line counts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Counter {
    /// Lines handed to parse.
    LinesRead,
    /// Lines with nothing but white space; not records.
    LinesBlank,
    /// Lines cut at the length limit (each is also read and counted).
    LinesCut,
    /// Records with bytes that are not UTF-8 (each is also read and counted).
    InvalidUtf8,
    /// Records handed on by assembly.
    Read,
    /// Records dropped by the operator with this id.
    Filtered(String),
    /// Records left out by sampling by the operator with this id.
    Sampled(String),
    /// Records that could not be used.
    Rejected(RejectReason),
    /// Records counted in the overflow fingerprint (each is also counted).
    Overflowed,
    /// Bytes that were gone before they could be read.
    LostBytes,
}

/// `n` more of something, in one source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Account {
    /// The source.
    pub source: SourceIndex,
    /// What is counted.
    pub counter: Counter,
    /// How many more; fewer, where a record that was counted so has become another one.
    pub n: i64,
}

/// An example of a record that could not be used; the exact number is in the account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Rejected {
    /// The source.
    pub source: SourceIndex,
    /// Why.
    pub reason: RejectReason,
    /// xxh3 of the record; the smallest are kept.
    pub hash: u64,
    /// The record, lossily decoded and cut at [`Rejected::RECORD_BYTES_MAX`].
    pub record: String,
}

impl Rejected {
    /// How many examples are kept per source and reason.
    pub const PER_REASON_MAX: usize = 20;
    /// Longest excerpt kept, in bytes.
    pub const RECORD_BYTES_MAX: usize = 1024;
}
