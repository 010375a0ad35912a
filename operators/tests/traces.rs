//! The corpus of traces, one file per language in `traces/`, written for this project: `=== GROUP`,
//! then the lines of one trace, which may begin with a log header. Traces of a group are of one
//! failure, in different releases, places, languages and with different values.
//!
//! `golden_`: grouping accuracy (the share of traces whose group is found exactly), pairs that look
//! alike and must stay apart, and the borders between events when two streams with all traces are
//! read line by line.

mod assembled;
pub mod interleave;

use assembled::{Assembled, identify};
use engine::model::Template;
use interleave::{boundary_f1, interleave};
use operators::trace::FrameRules;
use std::collections::{BTreeMap, BTreeSet};

const CORPUS: [&str; 8] = [
    include_str!("traces/jvm.txt"),
    include_str!("traces/python.txt"),
    include_str!("traces/go.txt"),
    include_str!("traces/rust.txt"),
    include_str!("traces/javascript.txt"),
    include_str!("traces/dotnet.txt"),
    include_str!("traces/ruby.txt"),
    include_str!("traces/php.txt"),
];

/// Rarer forms of all languages, which are only grouped.
const FORMS: &str = include_str!("traces/forms.txt");

/// Traces behind the headers of many loggers, with blank lines, carets and causes in odd places.
const LOGGERS: &str = include_str!("traces/loggers.txt");

/// Groups that look alike and must never be one: same type elsewhere, other type in the same
/// place, same wrapper around another root, other code.
const LOOK_ALIKES: [(&str, &str); 24] = [
    ("jvm-pool-closed", "jvm-pool-closed-refund"),
    ("jvm-pool-closed", "jvm-pool-closed-unsupported"),
    ("jvm-import-timeout", "jvm-import-parse"),
    ("jvm-driver-order", "jvm-driver-user"),
    ("jvm-fast-throw", "jvm-fast-throw-other"),
    ("py-key", "py-key-voucher"),
    ("py-key", "py-index"),
    ("py-http-chain", "py-http-chain-timeout"),
    ("go-index", "go-nil"),
    ("go-value", "go-value-unknown"),
    ("rs-unwrap-none", "rs-unwrap-err"),
    ("rs-bounds", "rs-bounds-return"),
    ("rs-no-backtrace", "rs-no-backtrace-other"),
    ("rs-report", "rs-report-denied"),
    ("js-undefined", "js-undefined-wish"),
    ("js-undefined", "js-range"),
    ("cs-null", "cs-null-wish"),
    ("cs-null", "cs-arg"),
    ("cs-inner-sql", "cs-inner-json"),
    ("rb-nil", "rb-nil-wish"),
    ("rb-nil", "rb-arg"),
    ("rb-cause", "rb-cause-parse"),
    ("php-db", "php-db-users"),
    ("php-db", "php-db-locked"),
];

/// One trace of the corpus.
pub struct Sample {
    /// Which failure it is of.
    pub group: String,
    /// Its lines.
    pub lines: Vec<String>,
}

/// Returns the corpus.
pub fn corpus() -> Vec<Sample> {
    samples_of(&CORPUS)
}

/// Returns the corpus of traces behind the headers of many loggers.
pub fn loggers() -> Vec<Sample> {
    samples_of(&[LOGGERS])
}

fn samples_of(texts: &[&str]) -> Vec<Sample> {
    let mut samples: Vec<Sample> = Vec::new();
    for line in texts.iter().flat_map(|text| text.lines()) {
        if let Some(group) = line.strip_prefix("=== ") {
            samples.push(Sample { group: group.to_owned(), lines: Vec::new() });
        } else if let Some(sample) = samples.last_mut() {
            sample.lines.push(line.to_owned());
        }
    }
    samples
}

/// Returns the share of samples whose found group equals their true group as a set, and the samples
/// that are in none.
fn grouping_accuracy(truth: &[String], found: &[Template]) -> (f64, Vec<usize>) {
    let mut members: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let mut together: BTreeMap<Template, BTreeSet<usize>> = BTreeMap::new();
    for (at, (group, template)) in truth.iter().zip(found).enumerate() {
        members.entry(group).or_default().insert(at);
        together.entry(*template).or_default().insert(at);
    }
    let wrong: Vec<usize> = (0..truth.len())
        .filter(|at| members[truth[*at].as_str()] != together[&found[*at]])
        .collect();
    (1.0 - wrong.len() as f64 / truth.len() as f64, wrong)
}

#[test]
fn golden_traces_of_one_failure_are_one_group_and_of_two_are_two() {
    let samples = corpus();
    let groups: BTreeSet<&String> = samples.iter().map(|sample| &sample.group).collect();
    assert!(samples.len() >= 80 && groups.len() >= 40, "{} in {}", samples.len(), groups.len());
    let (truth, templates) = assert_groups(&samples);
    assert_look_alikes_are_apart(&truth, &templates, &LOOK_ALIKES);
}

#[test]
fn golden_traces_behind_the_headers_of_many_loggers_are_grouped() {
    let (truth, templates) = assert_groups(&loggers());
    assert_look_alikes_are_apart(&truth, &templates, &[("w-jvm-npe", "w-jvm-npe-route")]);
}

#[test]
fn golden_rarer_forms_are_grouped_too() {
    assert_groups(&samples_of(&[FORMS]));
}

/// Asserts the accuracy; returns true groups and found ones.
fn assert_groups(samples: &[Sample]) -> (Vec<String>, Vec<Template>) {
    let rules = FrameRules::default();
    let truth: Vec<String> = samples.iter().map(|sample| sample.group.clone()).collect();
    let found: Vec<Assembled> = samples.iter().map(|one| identify(&one.lines, &rules)).collect();
    let templates: Vec<Template> = found.iter().map(|one| one.template).collect();
    let (accuracy, wrong) = grouping_accuracy(&truth, &templates);
    println!("{} traces, accuracy {accuracy:.3}", samples.len());
    for at in wrong {
        println!("--- {}\n{}\n{}", truth[at], found[at].record, found[at].skeleton);
    }
    assert!(accuracy >= 0.95, "accuracy {accuracy:.3}");
    (truth, templates)
}

fn assert_look_alikes_are_apart(
    truth: &[String],
    templates: &[Template],
    look_alikes: &[(&str, &str)],
) {
    for (left, right) in look_alikes {
        let of = |group: &str| -> BTreeSet<Template> {
            (0..truth.len()).filter(|at| truth[*at] == group).map(|at| templates[at]).collect()
        };
        assert!(!of(left).is_empty() && !of(right).is_empty(), "no group {left} or {right}");
        assert!(of(left).is_disjoint(&of(right)), "{left} merged with {right}");
    }
}

#[test]
fn golden_borders_of_events_are_found_in_two_streams_at_once() {
    for samples in [corpus(), loggers()] {
        assert_borders(&samples);
    }
}

fn assert_borders(samples: &[Sample]) {
    let rows = interleave(samples);
    let found = assembled::events_of_rows(&rows, &FrameRules::default());
    let events: Vec<usize> = found.iter().map(|one| one.0).collect();
    let f1 = boundary_f1(&rows, &events);
    let mut holds: BTreeMap<usize, BTreeSet<usize>> = BTreeMap::new();
    for (row, event) in rows.iter().zip(&events) {
        holds.entry(*event).or_default().insert(row.event);
    }
    let mixed: Vec<_> = holds.values().filter(|of| of.len() > 1).collect();
    println!("{} rows, boundary F1 {f1:.3}, {} mixed", rows.len(), mixed.len());
    for pair in rows.iter().zip(&events).collect::<Vec<_>>().windows(2) {
        let is_split = pair[0].0.event == pair[1].0.event && pair[0].1 != pair[1].1;
        if is_split {
            println!("split before {:?}", pair[1].0.line);
        }
    }
    for of in &mixed {
        let first = rows.iter().find(|row| of.contains(&row.event));
        println!("mixed {:?}", first.map(|row| &row.line));
    }
    assert!(f1 >= 0.98, "boundary F1 {f1:.3}");
    assert!(mixed.is_empty(), "{} mixed events", mixed.len());

    let (mut truth, mut templates) = (Vec::new(), Vec::new());
    for (at, row) in rows.iter().enumerate() {
        let is_first = rows[..at].iter().all(|earlier| earlier.event != row.event);
        if is_first && let Some(sample) = row.sample {
            truth.push(samples[sample].group.clone());
            templates.push(found[at].1);
        }
    }
    let (accuracy, _) = grouping_accuracy(&truth, &templates);
    println!("{} traces out of the streams, accuracy {accuracy:.3}", truth.len());
    assert!(accuracy >= 0.95, "accuracy {accuracy:.3}");
}
