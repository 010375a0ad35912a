//! The sources of a running engine: those of the graph file, then those that were added since. Operators
//! find here what a source says about events that do not say it themselves.

use super::SourceDefaults;
use crate::model::SourceIndex;
use std::sync::{Arc, PoisonError, RwLock};

/// Sources by [`SourceIndex`]. Only grows: an index means the same source as long as the process lives.
/// Cheap to clone; the clones are one table.
#[derive(Clone, Debug, Default)]
pub struct SourceTable(Arc<RwLock<Rows>>);

#[derive(Debug, Default)]
struct Rows {
    sources: Vec<Arc<SourceDefaults>>,
    ids: Arc<[String]>,
}

/// Why a source got no index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoIndex {
    /// There are [`SourceTable::SOURCES_MAX`] already.
    #[error("there are {} sources already, removed ones included", SourceTable::SOURCES_MAX)]
    Full,
    /// The id had another service or time zone before; events already read would not agree with it.
    #[error("the id had another service or time zone since the engine started; take another id")]
    Different,
}

impl SourceTable {
    /// The most sources of one process life, removed ones included.
    pub const SOURCES_MAX: usize = 1024;

    /// Returns the table of these sources.
    pub fn new(sources: impl IntoIterator<Item = SourceDefaults>) -> Self {
        let table = Self::default();
        table.write().extend(sources);
        table
    }

    /// Returns the index of a source: a new one, or the one that its id has already.
    pub fn add(&self, source: SourceDefaults) -> Result<SourceIndex, NoIndex> {
        let mut rows = self.write();
        let index = match rows.sources.iter().position(|known| known.id == source.id) {
            Some(known) if *rows.sources[known] != source => return Err(NoIndex::Different),
            Some(known) => known,
            None if rows.sources.len() >= Self::SOURCES_MAX => return Err(NoIndex::Full),
            None => {
                rows.extend([source]);
                rows.sources.len() - 1
            }
        };
        Ok(SourceIndex(index as u16))
    }

    /// Returns a source.
    pub fn get(&self, index: usize) -> Option<Arc<SourceDefaults>> {
        self.read().sources.get(index).cloned()
    }

    /// Returns the ids of all sources, by index; the same allocation until a source is added.
    pub fn ids(&self) -> Arc<[String]> {
        Arc::clone(&self.read().ids)
    }

    /// Returns how many sources there are.
    pub fn len(&self) -> usize {
        self.read().sources.len()
    }

    /// Returns whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Rows> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Rows> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rows {
    fn extend(&mut self, sources: impl IntoIterator<Item = SourceDefaults>) {
        self.sources.extend(sources.into_iter().map(Arc::new));
        self.ids = self.sources.iter().map(|source| source.id.clone()).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(id: &str, service: &str) -> SourceDefaults {
        SourceDefaults { id: id.into(), service: service.into(), timezone: "UTC".into() }
    }

    #[test]
    fn an_id_keeps_its_index_and_what_it_says_of_its_events() {
        let table = SourceTable::new([source("app", "shop")]);
        assert_eq!(table.add(source("web", "")), Ok(SourceIndex(1)));
        assert_eq!(table.add(source("app", "shop")), Ok(SourceIndex(0)));
        assert_eq!(table.add(source("app", "other")), Err(NoIndex::Different));
        assert_eq!(*table.ids(), ["app", "web"]);
        assert_eq!(table.get(1).map(|found| found.id.clone()), Some("web".to_owned()));
        assert!(table.get(2).is_none());
    }

    #[test]
    fn limit_a_table_has_at_most_sources_max_sources() {
        let full =
            SourceTable::new((0..SourceTable::SOURCES_MAX).map(|n| source(&n.to_string(), "")));
        assert_eq!(full.add(source("one more", "")), Err(NoIndex::Full));
        assert_eq!(full.add(source("7", "")), Ok(SourceIndex(7)));
    }
}
