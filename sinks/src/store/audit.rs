//! The audit, put together from stored accounts, partitions and the sum of all counts.

use engine::component::{Audit, SourceAudit};
use engine::model::{Counter, Epoch};

/// Offsets of a source that are told: those of the first partitions by name.
const OFFSETS_MAX: usize = 1_000;

/// An audit under construction.
#[derive(Default)]
pub(crate) struct AuditBuilder(Audit);

impl AuditBuilder {
    /// Begins the audit of the state that `epoch` left.
    pub(crate) fn new(epoch: Option<Epoch>, counted: i64) -> Self {
        let counted = u64::try_from(counted).unwrap_or(0);
        Self(Audit { epoch: epoch.map_or(0, |epoch| epoch.0), counted, ..Audit::default() })
    }

    /// Adds one account of a source, the sum of all its changes.
    pub(crate) fn account(&mut self, source: &str, counter: Counter, n: i64) {
        let n = u64::try_from(n).unwrap_or(0);
        let audit = &mut self.0;
        let by_source = entry(audit, source);
        match counter {
            Counter::Read => by_source.read += n,
            Counter::LostBytes => by_source.lost_bytes += n,
            _ => {}
        }
        match counter {
            Counter::LinesRead => audit.lines_read += n,
            Counter::LinesBlank => audit.lines_blank += n,
            Counter::LinesCut => audit.lines_cut += n,
            Counter::InvalidUtf8 => audit.invalid_utf8 += n,
            Counter::Read => audit.read += n,
            Counter::Filtered(operator) => {
                audit.filtered += n;
                *audit.filtered_by.entry(operator).or_default() += n;
            }
            Counter::Sampled(_) => audit.sampled += n,
            Counter::Rejected(reason) => {
                *audit.rejected.entry(reason.as_str().to_owned()).or_default() += n;
            }
            Counter::Overflowed => audit.overflowed += n,
            Counter::LostBytes => {}
        }
    }

    /// Adds one partition of a source.
    pub(crate) fn partition(
        &mut self,
        source: &str,
        partition: &str,
        offset: &str,
        lag_bytes: u64,
    ) {
        let by_source = entry(&mut self.0, source);
        by_source.lag_bytes += lag_bytes;
        by_source.offset.insert(partition.to_owned(), offset.to_owned());
        if by_source.offset.len() > OFFSETS_MAX {
            by_source.offset.pop_last();
        }
    }

    /// Returns the audit.
    pub(crate) fn finish(self) -> Audit {
        self.0.balance()
    }
}

fn entry<'a>(audit: &'a mut Audit, source: &str) -> &'a mut SourceAudit {
    audit.sources.entry(source.to_owned()).or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_the_offsets_of_the_first_partitions_are_told_and_every_lag_is_summed() {
        let mut audit = AuditBuilder::new(None, 0);
        for n in (0..OFFSETS_MAX + 5).rev() {
            audit.partition("app", &format!("{n:05}"), "0", 1);
        }
        let audit = audit.finish();
        let source = &audit.sources["app"];
        assert_eq!((source.offset.len(), source.lag_bytes), (OFFSETS_MAX, OFFSETS_MAX as u64 + 5));
        assert!(source.offset.contains_key("00000"));
    }
}
