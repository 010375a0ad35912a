//! The corpus of traces, one file per language in `traces/`, written for this project: `=== GROUP`,
//! then the lines of one trace, which may begin with a log header. Traces of a group are of one
//! failure, in different releases, places, languages and with different values.
//!
//! `golden_`: grouping accuracy (the share of traces whose group is found exactly), and pairs that
//! look alike and must stay apart.

pub mod interleave;

use engine::model::{EventTime, SeverityClass, Template};
use operators::fingerprint::{EventParts, explain_parts};
use operators::parse::{Format, explain};
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
    let mut samples: Vec<Sample> = Vec::new();
    for line in CORPUS.iter().flat_map(|text| text.lines()) {
        if let Some(group) = line.strip_prefix("=== ") {
            samples.push(Sample { group: group.to_owned(), lines: Vec::new() });
        } else if let Some(sample) = samples.last_mut() {
            sample.lines.push(line.to_owned());
        }
    }
    samples
}

/// Returns the identity of a trace that was assembled from `lines`.
fn template_of(lines: &[String]) -> (Template, String) {
    let message =
        explain(Format::Auto, "UTC", EventTime::from_secs(0), lines[0].as_bytes()).message;
    let trace = lines[1..].join("\n");
    let parts = EventParts {
        message: message.as_bytes(),
        trace: trace.as_bytes(),
        ..EventParts::default()
    };
    let explained = explain_parts(&parts, b"", SeverityClass::Error, &FrameRules::default());
    (explained.template, explained.skeleton.join(" "))
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
    let truth: Vec<String> = samples.iter().map(|sample| sample.group.clone()).collect();
    let found: Vec<(Template, String)> =
        samples.iter().map(|sample| template_of(&sample.lines)).collect();
    let templates: Vec<Template> = found.iter().map(|one| one.0).collect();
    let groups: BTreeSet<&String> = truth.iter().collect();
    assert!(samples.len() >= 80 && groups.len() >= 40, "{} in {}", samples.len(), groups.len());

    let (accuracy, wrong) = grouping_accuracy(&truth, &templates);
    println!("{} traces, {} groups, accuracy {accuracy:.3}", samples.len(), groups.len());
    for at in wrong {
        println!("--- {}\n{}", truth[at], found[at].1);
    }
    assert!(accuracy >= 0.95, "accuracy {accuracy:.3}");
    for (left, right) in LOOK_ALIKES {
        let of = |group: &str| -> BTreeSet<Template> {
            (0..truth.len()).filter(|at| truth[*at] == group).map(|at| templates[at]).collect()
        };
        assert!(!of(left).is_empty() && !of(right).is_empty(), "no group {left} or {right}");
        assert!(of(left).is_disjoint(&of(right)), "{left} merged with {right}");
    }
    let by_template: BTreeMap<Template, &String> = templates.iter().copied().zip(&truth).collect();
    for (template, group) in templates.iter().zip(&truth) {
        assert_eq!(by_template[template], group, "two groups share {template}");
    }
}
