//! The promise of identity: the same record, the same template and fingerprint, for all records of the
//! golden corpora and all traces, whether they come in another order, over four workers, without the
//! first half, or to a process that was started anew (I1, I2, I3). Family `oracle_`.
//!
//! Every record arrives in an epoch of its own, so that what the epoch counts is its fingerprint. A
//! pattern is a function of the *set* of templates and may be another one for half of a set; that it is
//! the same for the same set is shown in `patterns` and in `oracle`.
#![allow(clippy::disallowed_methods, reason = "a test reads its corpora")]

use crate::traces;
use engine::component::{KnownFingerprint, Operator, Recovered, SourceDefaults, SourceTable};
use engine::model::{
    BucketSize, Chunk, Epoch, EventTime, Fact, Fingerprint, Offset, PartitionId, Sighting,
    SourceIndex, Template,
};
use engine::runtime::Shape;
use engine::testing::generate::Seeded;
use engine::testing::harness::{Script, run};
use operators::assemble::Assemble;
use operators::fingerprint::{FingerprintOperator, FingerprintOptions};
use operators::parse::{HOLD_EPOCHS, ParseOperator, ParseOptions};
use operators::window::Window;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// A corpus: what is read as one record each, and how many epochs one may take.
struct Corpus {
    records: Vec<String>,
    assemble: Assemble,
    epochs_per_record: usize,
}

/// Returns the lines of all golden corpora, each a record.
fn lines() -> Corpus {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut folders: Vec<_> =
        std::fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let text = |folder| std::fs::read_to_string(Path::join(folder, "lines.log")).unwrap();
    let texts: Vec<String> = folders.iter().map(|folder| text(folder)).collect();
    let records = texts.iter().flat_map(|text| text.lines()).map(str::to_owned).collect();
    Corpus { records, assemble: Assemble::Off, epochs_per_record: 1 }
}

/// Returns all traces, each a record of several lines.
fn records() -> Corpus {
    let records = traces::corpus().iter().map(|sample| sample.lines.join("\n")).collect();
    // A trace may be held back, and the next one must not come before it is let go.
    let epochs_per_record = HOLD_EPOCHS as usize + 2;
    Corpus { records, assemble: Assemble::Auto, epochs_per_record }
}

/// Template and fingerprint of each record, by its number, and how often they were counted; none for
/// what is rejected, several where one record was read as more.
type Ids = BTreeMap<usize, Vec<(Template, Fingerprint, i64)>>;

impl Corpus {
    /// Returns the ids of the records in `order`, dealt out to workers.
    fn read(&self, order: &[usize], workers: usize, known: &mut Known) -> Ids {
        let empty = vec![chunk(0, ""); order.len() * self.epochs_per_record];
        let mut chunks = vec![empty; workers];
        for (turn, &record) in order.iter().enumerate() {
            let worker = record.wrapping_mul(7) % workers;
            chunks[worker][turn * self.epochs_per_record] = chunk(record, &self.records[record]);
        }
        let script = Script {
            chunks,
            chunks_per_epoch: 1,
            controls: Vec::new(),
            recovered: known.recovered(),
        };
        let first = known.epoch.map_or(0, |epoch| epoch.0) + 1;
        let mut counted: BTreeMap<usize, BTreeMap<Fingerprint, i64>> = BTreeMap::new();
        for (epoch, facts) in run(self.shape(), script) {
            known.epoch = Some(epoch);
            let turn = (epoch.0 - first) as usize / self.epochs_per_record;
            for fact in facts {
                match fact {
                    Fact::Count { fingerprint, n, .. } => {
                        let record = order[turn.min(order.len() - 1)];
                        *counted.entry(record).or_default().entry(fingerprint).or_default() += n;
                    }
                    Fact::Sighting(sighting) => known.note(*sighting),
                    _ => {}
                }
            }
        }
        let ids = |(record, counts): (usize, BTreeMap<Fingerprint, i64>)| {
            let counted = counts.into_iter().filter(|(_, n)| *n != 0);
            let named = |(id, n): (Fingerprint, i64)| (known.sightings[&id].template, id, n);
            (record, counted.map(named).collect())
        };
        counted.into_iter().map(ids).collect()
    }

    fn shape(&self) -> Shape {
        let source = SourceDefaults {
            id: "app".to_owned(),
            service: Arc::from("shop"),
            timezone: "UTC".to_owned(),
        };
        let operator = |id: &str, input: &str, operator: Box<dyn Operator>| {
            (id.to_owned(), vec![input.to_owned()], operator)
        };
        let options = ParseOptions { assemble: self.assemble.clone(), ..ParseOptions::default() };
        let fingerprints = FingerprintOperator::new(&FingerprintOptions::default()).unwrap();
        let operators = vec![
            operator("events", "app", Box::new(ParseOperator::new(options))),
            operator("prints", "events", Box::new(fingerprints)),
            operator("counts", "prints", Box::new(Window::new(BucketSize::MINUTE))),
        ];
        Shape::new(SourceTable::new([source]), operators, vec!["counts".into()])
    }
}

/// What a store knows: the last epoch, and what was seen.
#[derive(Default)]
struct Known {
    epoch: Option<Epoch>,
    sightings: BTreeMap<Fingerprint, Sighting>,
}

impl Known {
    fn note(&mut self, sighting: Sighting) {
        match self.sightings.get_mut(&sighting.fingerprint) {
            Some(known) => known.merge(sighting),
            None => drop(self.sightings.insert(sighting.fingerprint, sighting)),
        }
    }

    fn recovered(&self) -> Recovered {
        let known = |seen: &Sighting| KnownFingerprint {
            fingerprint: seen.fingerprint,
            template: seen.template,
            class: seen.class,
            service: seen.service.clone(),
            skeleton: seen.skeleton.clone(),
            severity: seen.severity,
            first: seen.first,
            text: seen.text.clone(),
            source: "app".to_owned(),
        };
        let fingerprints = self.sightings.values().map(known).collect();
        Recovered { epoch: self.epoch, fingerprints, ..Recovered::default() }
    }
}

/// A record as a partition of its own brings it: what stands before it must not matter.
fn chunk(record: usize, text: &str) -> Chunk {
    let end = if text.is_empty() { "" } else { "\n" };
    Chunk {
        source: SourceIndex(0),
        partition: PartitionId(format!("p{record}").into()),
        bytes: Arc::new(format!("{text}{end}").into_bytes()),
        end: Some(Offset("1".to_owned())),
        // 2024-05-17T12:00:00Z.
        received: EventTime::from_secs(1_715_947_200),
        lines_cut: 0,
        lost_bytes: 0,
        lag_bytes: 0,
    }
}

fn assert_same(reference: &Ids, found: &Ids, of: impl Iterator<Item = usize>, what: &str) {
    let differ: Vec<usize> =
        of.filter(|record| reference.get(record) != found.get(record)).collect();
    assert!(differ.is_empty(), "{what}: {} records have other ids: {differ:?}", differ.len());
}

fn check(corpus: &Corpus) {
    let all: Vec<usize> = (0..corpus.records.len()).collect();
    let reference = corpus.read(&all, 1, &mut Known::default());
    let whole = reference.values().filter(|ids| matches!(ids.as_slice(), [(_, _, 1)])).count();
    println!("{whole} of {} records have one id", all.len());
    assert!(whole * 10 >= all.len() * 9, "too few to show anything");
    let mut shuffled = all.clone();
    Seeded::new(7).shuffle(&mut shuffled);

    let found = corpus.read(&shuffled, 1, &mut Known::default());
    assert_same(&reference, &found, all.iter().copied(), "shuffled");
    let found = corpus.read(&shuffled, 4, &mut Known::default());
    assert_same(&reference, &found, all.iter().copied(), "over four workers");
    let half = &all[all.len() / 2..];
    let found = corpus.read(half, 1, &mut Known::default());
    assert_same(&reference, &found, half.iter().copied(), "second half only");
    let (mut known, (before, after)) = (Known::default(), shuffled.split_at(all.len() / 2));
    let mut found = corpus.read(before, 4, &mut known);
    found.extend(corpus.read(after, 2, &mut known));
    assert_same(&reference, &found, all.iter().copied(), "restarted in the middle");
}

#[test]
fn oracle_lines_of_all_formats_have_the_same_ids_however_they_are_read() {
    check(&lines());
}

#[test]
fn oracle_traces_have_the_same_ids_however_they_are_read() {
    check(&records());
}
