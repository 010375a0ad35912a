//! Rejected records: exact numbers, and a few examples of each reason.

use engine::model::{RejectReason, Rejected, SourceIndex};
use std::collections::BTreeMap;
use xxhash_rust::xxh3::xxh3_64;

/// Rejected records: exact numbers, and the examples with the smallest hashes.
#[derive(Clone, Debug, Default)]
pub struct Rejections {
    counts: [u64; RejectReason::ALL.len()],
    examples: BTreeMap<(RejectReason, u64), Rejected>,
}

impl Rejections {
    /// Returns how many records were rejected for `reason`.
    pub fn count(&self, reason: RejectReason) -> u64 {
        self.counts[reason as usize]
    }

    /// Returns how many records were rejected in all.
    pub fn total(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Returns the examples, at most [`Rejected::PER_REASON_MAX`] per reason.
    pub fn examples(&self) -> impl Iterator<Item = &Rejected> {
        self.examples.values()
    }

    pub(super) fn add(&mut self, source: SourceIndex, reason: RejectReason, record: &[u8]) {
        self.counts[reason as usize] += 1;
        let hash = xxh3_64(record);
        let kept = || self.examples.range((reason, 0)..=(reason, u64::MAX));
        if kept().count() >= Rejected::PER_REASON_MAX {
            match kept().next_back() {
                Some((&(_, largest), _)) if hash < largest => {
                    self.examples.remove(&(reason, largest));
                }
                _ => return,
            }
        }
        let excerpt = excerpt(record, Rejected::RECORD_BYTES_MAX);
        self.examples.insert((reason, hash), Rejected { source, reason, hash, record: excerpt });
    }
}

/// Decodes `record` and cuts it at `bytes_max`, replacement characters included.
fn excerpt(record: &[u8], bytes_max: usize) -> String {
    let mut text = String::from_utf8_lossy(&record[..record.len().min(bytes_max)]).into_owned();
    text.truncate(text.floor_char_boundary(bytes_max));
    text
}
