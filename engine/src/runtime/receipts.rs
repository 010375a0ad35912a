//! Receipts: which offsets of a source are durable, told by the store thread, asked by the source.
//!
//! ```text
//! store thread ──note(progress of a commit)──► one record per source ◄──durable(partition)── source
//! ```
//! *Promises:* what is returned was part of a commit that is known to be durable, or was recovered;
//! never what was only handed over. *State and limits:* nothing for a source that never asks; else one
//! offset for each of its partitions, as many as its intake keeps anyway.

use crate::model::{Offset, PartitionId, Progress, SourceIndex};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is durable of one source.
#[derive(Debug, Default)]
struct Record(Mutex<Option<BTreeMap<PartitionId, Offset>>>);

impl Record {
    fn lock(&self) -> MutexGuard<'_, Option<BTreeMap<PartitionId, Offset>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is durable of every source of a graph.
#[derive(Clone, Debug, Default)]
pub struct Receipts(Arc<[Record]>);

impl Receipts {
    /// Returns the receipts of so many sources; nobody has asked.
    pub fn new(sources: usize) -> Self {
        Self((0..sources).map(|_| Record::default()).collect())
    }

    /// Notes what a commit that is durable now says of partitions.
    pub fn note(&self, progress: &[Progress]) {
        for progress in progress {
            let Some(record) = self.0.get(usize::from(progress.source.0)) else { continue };
            let mut record = record.lock();
            let Some(durable) = record.as_mut() else { continue };
            match &progress.offset {
                Some(offset) => durable.insert(progress.partition.clone(), offset.clone()),
                None => durable.remove(&progress.partition),
            };
        }
    }

    /// Returns what is durable of a partition. The first question begins the record with what
    /// `recovered` returns: what is known to be durable at that moment.
    pub fn durable(
        &self,
        source: SourceIndex,
        partition: &PartitionId,
        recovered: impl FnOnce() -> BTreeMap<PartitionId, Offset>,
    ) -> Option<Offset> {
        let mut record = self.0.get(usize::from(source.0))?.lock();
        record.get_or_insert_with(recovered).get(partition).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EventTime;

    fn progress(source: u16, partition: &str, offset: Option<&str>) -> Progress {
        Progress {
            source: SourceIndex(source),
            partition: PartitionId(partition.into()),
            offset: offset.map(|text| Offset(text.into())),
            lag_bytes: 0,
            received: EventTime(0),
        }
    }

    fn ask(receipts: &Receipts, source: u16, partition: &str) -> Option<String> {
        let partition = PartitionId(partition.into());
        receipts.durable(SourceIndex(source), &partition, BTreeMap::new).map(|offset| offset.0)
    }

    #[test]
    fn only_what_a_commit_said_is_durable_and_sources_do_not_mix() {
        let receipts = Receipts::new(2);
        assert_eq!((ask(&receipts, 0, "p"), ask(&receipts, 1, "p")), (None, None));
        receipts.note(&[progress(0, "p", Some("5")), progress(1, "q", Some("7"))]);
        assert_eq!(ask(&receipts, 0, "p"), Some("5".into()));
        assert_eq!((ask(&receipts, 0, "q"), ask(&receipts, 1, "q")), (None, Some("7".into())));
        receipts.note(&[progress(0, "p", None)]);
        assert_eq!(ask(&receipts, 0, "p"), None, "a partition that was let go is forgotten");
    }

    #[test]
    fn the_record_begins_with_what_was_recovered() {
        let receipts = Receipts::new(1);
        let partition = PartitionId("p".into());
        let recovered = || BTreeMap::from([(partition.clone(), Offset("3".into()))]);
        let durable = receipts.durable(SourceIndex(0), &partition, recovered);
        assert_eq!(durable, Some(Offset("3".into())));
        assert_eq!(ask(&receipts, 0, "p"), Some("3".into()), "it begins once");
    }

    #[test]
    fn limit_a_source_that_never_asks_costs_nothing() {
        let receipts = Receipts::new(1);
        for n in 0..1_000 {
            receipts.note(&[progress(0, &n.to_string(), Some("1")), progress(9, "other", None)]);
        }
        assert!(receipts.0[0].lock().is_none());
    }
}
