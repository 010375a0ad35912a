//! From lines to issues by meaning: parse, fingerprint, pattern, embed, cluster, classify as one dataflow.
//!
//! `oracle_`: whatever the order of lines, the cut into epochs and the number of workers, issues, members,
//! parts and tags are those of one worker that reads everything at once (I1, I2). Vectors come from a made-up
//! embedding, since the model has tests of its own; clusters are held against their reference in
//! `clusters`.
#![allow(
    clippy::disallowed_methods,
    reason = "tests take their number of cases from the environment"
)]

use engine::component::{Contents, Operator, Recovered, SourceDefaults, SourceTable};
use engine::model::{
    Chunk, EMBEDDING_DIMENSIONS, Embedding, EventTime, Issue, KernelClass, Member, Offset, Part,
    PartitionId, SourceIndex, Tagged, TextId,
};
use engine::runtime::{Fold, Shape};
use engine::testing::harness::{Script, run};
use operators::classify::{ClassifyOperator, ClassifyOptions};
use operators::cluster::ClusterOperator;
use operators::embed::EmbedOperator;
use operators::fingerprint::FingerprintOperator;
use operators::meaning;
use operators::parse::ParseOperator;
use operators::pattern::PatternOperator;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Start of the made-up events: 2026-03-01T00:00:00Z.
const START: i64 = 1_772_323_200;
/// Messages with the cause that the made-up embedding sees in them.
const MESSAGES: [(&str, usize); 12] = [
    ("ERROR connection to the ledger refused", 0),
    ("ERROR ledger unreachable, giving up", 0),
    ("WARN ledger unreachable, trying again", 0),
    ("ERROR could not reach the ledger within {} ms", 0),
    ("ERROR disk full while writing snapshot {}", 1),
    ("ERROR no space left on device", 1),
    ("FATAL snapshot aborted: write failed", 1),
    ("ERROR card was declined by the bank", 2),
    ("WARN card declined, customer {} informed", 2),
    ("INFO ledger reached", 0),
    ("ERROR payload of {} bytes has no checksum", 3),
    ("plain words without a level {}", 4),
];

/// A small deterministic generator (splitmix64, Steele et al. 2014).
struct Seeded(u64);

impl Seeded {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}

/// An embedding near those of the same cause, and a little off for each text.
fn embedding(cause: usize, text: &str) -> Embedding {
    let mut off = Seeded(TextId::of_text(text).0 as u64);
    let mut numbers = [0i8; EMBEDDING_DIMENSIONS];
    for (dimension, number) in numbers.iter_mut().enumerate() {
        let base = if dimension % 6 == cause { 60 } else { 0 };
        *number = base + off.below(50) as i8 - 25;
    }
    Embedding::from_numbers(numbers, KernelClass::MINILM_L6_F32)
}

/// What the pool would have made of every text by now.
fn vectors() -> Vec<(TextId, Embedding)> {
    let message = |(message, cause): &(&str, usize)| {
        let message = message.split_once(' ').filter(|(word, _)| word.to_uppercase() == *word);
        let text = meaning::text(
            &message.unwrap_or(("", "plain words without a level")).1.replace("{}", "<num>"),
        );
        text.map(|text| (TextId::of_text(&text), embedding(*cause, &text)))
    };
    let sentence = |sentence: operators::classify::Sentence| {
        let cause = if &*sentence.tag == "disk" { 1 } else { 5 };
        (TextId::of_text(&sentence.text()), embedding(cause, &sentence.text()))
    };
    let sentences = ClassifyOptions::default().sentences().into_iter().map(sentence);
    MESSAGES.iter().filter_map(message).chain(sentences).collect()
}

fn shape() -> Shape {
    let source = SourceDefaults {
        id: "app".to_owned(),
        service: Arc::from("shop"),
        timezone: "UTC".to_owned(),
    };
    let operator = |id: &str, inputs: &[&str], operator: Box<dyn Operator>| {
        (id.to_owned(), inputs.iter().map(|&i| i.to_owned()).collect(), operator)
    };
    let operators = vec![
        operator("events", &["app"], Box::<ParseOperator>::default()),
        operator("prints", &["events"], Box::<FingerprintOperator>::default()),
        operator("patterns", &["prints"], Box::new(PatternOperator)),
        operator("vectors", &["patterns"], Box::<EmbedOperator>::default()),
        operator("issues", &["vectors"], Box::<ClusterOperator>::default()),
        operator("tags", &["issues"], Box::<ClassifyOperator>::default()),
    ];
    Shape::new(SourceTable::new([source]), operators, vec!["issues".into(), "tags".into()])
}

/// What is stored in the end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Stored {
    issues: BTreeSet<Issue>,
    members: BTreeSet<Member>,
    parts: BTreeSet<Part>,
    tags: BTreeSet<Tagged>,
}

fn apply<T: Ord>(set: &mut BTreeSet<T>, rows: Vec<(T, bool)>) {
    let (come, gone): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, present)| *present);
    gone.into_iter().for_each(|(row, _)| assert!(set.remove(&row), "it was not there"));
    come.into_iter().for_each(|(row, _)| assert!(set.insert(row), "it was there"));
}

/// Runs the stages over chunks and applies what every epoch wants stored.
fn stored(chunks: Vec<Vec<Chunk>>, chunks_per_epoch: u64, recovered: Recovered) -> Stored {
    let mut stored = Stored::default();
    for (_, facts) in
        run(shape(), Script { chunks, chunks_per_epoch, controls: Vec::new(), recovered })
    {
        let mut fold = Fold::default();
        facts.into_iter().for_each(|fact| fold.add(fact));
        let Contents { issues, members, parts, tags, .. } = fold.finish();
        // An issue's row may be replaced by one with another text.
        for (issue, present) in issues {
            stored.issues.retain(|known| known.id != issue.id);
            present.then(|| stored.issues.insert(issue));
        }
        apply(&mut stored.members, members);
        apply(&mut stored.parts, parts);
        apply(&mut stored.tags, tags);
    }
    stored
}

fn known() -> Recovered {
    Recovered { vectors: vectors(), ..Recovered::default() }
}

fn lines(seed: &mut Seeded) -> Vec<String> {
    let count = 30 + seed.below(60);
    let line = |n: usize| {
        let message = MESSAGES[seed.below(MESSAGES.len())].0.replace("{}", &n.to_string());
        format!("{} {message}\n", EventTime::from_secs(START + n as i64))
    };
    (0..count).map(line).collect()
}

fn chunk(worker: usize, text: String) -> Chunk {
    Chunk {
        source: SourceIndex(0),
        partition: PartitionId(format!("p{worker}").into()),
        end: Some(Offset(text.len().to_string())),
        bytes: Arc::new(text.into_bytes()),
        received: EventTime::from_secs(START + 200),
        lines_cut: 0,
        lost_bytes: 0,
        lag_bytes: 0,
    }
}

/// Deals lines out in any order, a few to a chunk.
fn dealt(mut lines: Vec<String>, workers: usize, seed: &mut Seeded) -> Vec<Vec<Chunk>> {
    (1..lines.len()).for_each(|at| lines.swap(at, seed.below(at + 1)));
    let mut dealt = vec![Vec::new(); workers];
    while !lines.is_empty() {
        let some: String = lines.drain(..lines.len().min(1 + seed.below(9))).collect();
        let worker = seed.below(workers);
        dealt[worker].push(chunk(worker, some));
    }
    dealt
}

#[test]
fn oracle_issues_by_meaning_do_not_depend_on_order_epochs_or_workers() {
    let cases = std::env::var("SEISMOLOG_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(60);
    for case in 0..cases {
        let mut seed = Seeded(case);
        let lines = lines(&mut seed);
        let expected = stored(vec![vec![chunk(0, lines.concat())]], u64::MAX, known());
        let workers = 1 + case as usize % 4;
        let per_epoch = 1 + seed.below(4) as u64;
        let found = stored(dealt(lines, workers, &mut seed), per_epoch, known());
        assert_eq!(found, expected, "case {case} with {workers} workers");
    }
}

#[test]
fn patterns_of_one_cause_and_class_are_one_issue_with_a_part_each_and_tags() {
    let line = |(n, (message, _)): (usize, &(&str, usize))| {
        let time = EventTime::from_secs(START + n as i64);
        format!("{time} {}\n", message.replace("{}", "7"))
    };
    let text: String = MESSAGES.iter().enumerate().map(line).collect();
    let stored = stored(vec![vec![chunk(0, text)]], u64::MAX, known());
    let texts_of = |word: &str| -> Vec<usize> {
        let of = |issue: &&Issue| issue.text.contains(word);
        let parts = |issue: &Issue| stored.parts.iter().filter(|p| p.issue == issue.id).count();
        stored.issues.iter().filter(of).map(parts).collect()
    };
    assert_eq!(texts_of("disk full"), [3], "the errors about the disk");
    assert_eq!(texts_of("card was declined"), [1], "an error, so not with the warning");
    assert_eq!(texts_of("connection to the ledger refused"), [3]);
    let info = stored.parts.iter().find(|part| part.text.contains("ledger reached")).unwrap();
    assert_eq!(info.embedded, None, "below the severity that is embedded");
    let tags: BTreeSet<&str> = stored.tags.iter().map(|tagged| &*tagged.tag.name).collect();
    assert!(tags.contains("disk") && tags.contains("network"), "{tags:?}");
    assert!(stored.tags.iter().all(|tagged| tagged.issue != info.issue), "nobody is woken by it");
}

#[test]
fn without_vectors_every_pattern_is_an_issue_and_rules_alone_give_tags() {
    let text: String = ["ERROR disk full while writing", "ERROR no space left on device"]
        .map(|message| format!("{} {message}\n", EventTime::from_secs(START)))
        .concat();
    let stored = stored(vec![vec![chunk(0, text)]], u64::MAX, Recovered::default());
    assert_eq!((stored.issues.len(), stored.parts.len()), (2, 2));
    assert!(stored.parts.iter().all(|part| part.embedded.is_some()), "they wait for a vector");
    assert_eq!(stored.tags.iter().filter(|tagged| &*tagged.tag.name == "disk").count(), 2);
}
