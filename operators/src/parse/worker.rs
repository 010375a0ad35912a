//! What one worker does with chunks, epoch by epoch: events and facts, and the state that a restart
//! needs. The dataflow around it is `operator`.
//!
//! *State in the checkpoint.* One row per partition and epoch that touched it (key: source id, unit
//! separator, partition; value: the epoch, then the [`Parser`]'s encoding). Rows may hold text that
//! was not emitted when they were written. After a restart worker 0 emits it in the first epoch and
//! notes that epoch in a row of its own; the partition's next owner, who may be another worker,
//! takes it as emitted. So nobody emits it twice, whoever writes the partition's row next.

use super::draft::Parsed;
use super::operator::ParseOptions;
use super::parser::Parser;
use super::pattern::Pattern;
use engine::component::{Recovered, SourceTable, Stage};
use engine::model::{
    Account, Chunk, Counter, Epoch, EventBatch, Fact, PartitionId, RejectReason, SourceIndex,
    StateRow,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Parts of a key.
const SEPARATOR: char = '\u{1f}';
/// The key of the row that says when worker 0 emitted what it found held back; no source has an
/// empty id.
const RELEASED: &str = "\u{1f}released";

/// One source's share of a worker.
#[derive(Debug)]
struct Source {
    index: SourceIndex,
    id: String,
    service: Arc<str>,
    parser: Parser,
}

/// The parsers of a worker, and what has not left it yet.
#[derive(Debug)]
pub(super) struct Worker {
    node: Arc<str>,
    table: SourceTable,
    options: ParseOptions,
    pattern: Option<Arc<Pattern>>,
    /// Those of the table, as far as they were looked at.
    sources: Vec<Source>,
    recovered: Arc<Recovered>,
    /// Partitions whose row has to be written.
    touched: BTreeSet<(SourceIndex, PartitionId)>,
    /// Events that are ready.
    pub batches: Vec<EventBatch>,
    /// Facts that are ready.
    pub facts: Vec<Fact>,
}

impl Worker {
    /// Returns the worker of a stage that is being built.
    pub(super) fn new(
        stage: &Stage<'_, '_>,
        options: &ParseOptions,
        pattern: Option<&Arc<Pattern>>,
    ) -> Worker {
        let mut worker = Worker {
            node: Arc::from(stage.id),
            table: stage.sources.clone(),
            options: options.clone(),
            pattern: pattern.cloned(),
            sources: Vec::new(),
            recovered: Arc::clone(stage.recovered),
            touched: BTreeSet::new(),
            batches: Vec::new(),
            facts: Vec::new(),
        };
        worker.look_at_new_sources();
        worker
    }

    /// Makes a parser for every source that has been added to the table.
    fn look_at_new_sources(&mut self) {
        while let Some(source) = self.table.get(self.sources.len()) {
            // Whoever named the source has checked its zone.
            let parser = Parser::new(self.options.format, &source.timezone)
                .unwrap_or_else(|| Parser::utc(self.options.format));
            let parser = parser.assembling(self.options.assemble.clone());
            self.sources.push(Source {
                index: SourceIndex(self.sources.len() as u16),
                id: source.id.clone(),
                service: Arc::clone(&source.service),
                parser: parser.matching(self.pattern.as_ref()),
            });
        }
    }

    /// Returns the epoch in which what the partition of `chunk` holds back is due, if that is not
    /// after `epoch`: it must leave before the chunk is read.
    pub(super) fn overdue(&self, chunk: &Chunk, epoch: u64) -> Option<u64> {
        let source = self.sources.get(usize::from(chunk.source.0))?;
        source.parser.due_of(&chunk.partition).filter(|due| *due <= epoch)
    }

    /// Reads a chunk. Returns the last epoch in which something of its partition is due.
    pub(super) fn chunk(&mut self, chunk: &Chunk, epoch: u64) -> Option<u64> {
        if self.sources.len() <= usize::from(chunk.source.0) {
            self.look_at_new_sources();
        }
        let source = self.sources.get_mut(usize::from(chunk.source.0))?;
        if !source.parser.knows(&chunk.partition) {
            let key = (Arc::clone(&self.node), Arc::from(key(&source.id, &chunk.partition)));
            if let Some((_, state)) = self.recovered.state.get(&key).and_then(|row| written(row)) {
                source.parser.restore(&chunk.partition, state);
            }
        }
        let parsed = source.parser.parse_at(&source.service, chunk, epoch);
        let due = source.parser.last_due_of(&chunk.partition);
        self.touched.insert((chunk.source, chunk.partition.clone()));
        self.give(chunk.source, parsed);
        due
    }

    /// Emits what is due in `epoch`.
    pub(super) fn release(&mut self, epoch: u64) {
        for index in 0..self.sources.len() {
            let source = &mut self.sources[index];
            if source.parser.due().is_none_or(|due| due > epoch) {
                continue;
            }
            let (id, service) = (source.index, Arc::clone(&source.service));
            let (parsed, partitions) = source.parser.release(id, &service, epoch);
            self.touched.extend(partitions.into_iter().map(|partition| (id, partition)));
            self.give(id, parsed);
        }
    }

    /// Emits what the partition of `chunk` holds back.
    pub(super) fn release_of(&mut self, chunk: &Chunk, epoch: u64) {
        let Some(source) = self.sources.get_mut(usize::from(chunk.source.0)) else { return };
        let service = Arc::clone(&source.service);
        let parsed = source.parser.release_of(&chunk.partition, chunk.source, &service, epoch);
        self.touched.insert((chunk.source, chunk.partition.clone()));
        self.give(chunk.source, parsed);
    }

    /// Writes the rows of the partitions touched since the last call.
    pub(super) fn write_rows(&mut self, epoch: u64) {
        for (index, partition) in std::mem::take(&mut self.touched) {
            let Some(source) = self.sources.get(usize::from(index.0)) else { continue };
            let state = source.parser.state(&partition);
            let value = state.map(|state| Arc::from([&epoch.to_le_bytes()[..], &state].concat()));
            let key = Arc::from(key(&source.id, &partition));
            let row = StateRow { node: Arc::clone(&self.node), key, value };
            self.facts.push(Fact::State(row));
        }
    }

    /// Emits what was held back when the last epoch was committed; returns the first epoch, which
    /// it belongs to.
    pub(super) fn release_stored(&mut self) -> u64 {
        let recovered = Arc::clone(&self.recovered);
        let first = recovered.epoch.unwrap_or(Epoch::RECOVERED).next().0;
        let released_key = (Arc::clone(&self.node), Arc::from(RELEASED));
        let released = recovered.state.get(&released_key).and_then(|row| written(row));
        let released = released.map_or(0, |(epoch, _)| epoch);
        let mut found = false;
        for source in &mut self.sources {
            let prefix = key(&source.id, &PartitionId(Arc::from("")));
            let rows = recovered.state.range((Arc::clone(&self.node), Arc::from(&*prefix))..);
            let states = rows
                .take_while(|((node, key), _)| *node == self.node && key.starts_with(&prefix))
                .filter_map(|(_, row)| written(row))
                .filter(|(epoch, _)| *epoch >= released)
                .map(|(_, state)| state);
            let service = Arc::clone(&source.service);
            let parsed = source.parser.release_stored(source.index, &service, states);
            if !parsed.batch.events.is_empty() {
                found = true;
                push_facts(source.index, &parsed, &mut self.facts);
                self.batches.push(parsed.batch);
            }
        }
        if found {
            let value = Some(Arc::from(&first.to_le_bytes()[..]));
            let (node, key) = released_key;
            self.facts.push(Fact::State(StateRow { node, key, value }));
        }
        first
    }

    fn give(&mut self, source: SourceIndex, parsed: Parsed) {
        push_facts(source, &parsed, &mut self.facts);
        if !parsed.batch.events.is_empty() {
            self.batches.push(parsed.batch);
        }
    }
}

fn key(source: &str, partition: &PartitionId) -> String {
    format!("{source}{SEPARATOR}{}", partition.0)
}

/// Splits a row into the epoch in which it was written and the state.
fn written(row: &Arc<[u8]>) -> Option<(u64, &[u8])> {
    let (epoch, state) = row.split_first_chunk()?;
    Some((u64::from_le_bytes(*epoch), state))
}

/// Says what became of lines and records; nothing of what did not occur.
fn push_facts(source: SourceIndex, parsed: &Parsed, facts: &mut Vec<Fact>) {
    let mut account = |counter: Counter, n: u64| {
        if n > 0 {
            facts.push(Fact::Account(Account { source, counter, n: n as i64 }));
        }
    };
    account(Counter::LinesRead, parsed.lines_read);
    account(Counter::LinesBlank, parsed.lines_blank);
    account(Counter::LinesCut, parsed.lines_cut);
    account(Counter::Read, parsed.read());
    account(Counter::InvalidUtf8, parsed.invalid_utf8);
    for reason in RejectReason::ALL {
        account(Counter::Rejected(reason), parsed.rejected.count(reason));
    }
    facts.extend(parsed.rejected.examples().cloned().map(Fact::Rejected));
}
