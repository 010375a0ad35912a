//! Tests of the stage under rules of the user: lines, traces, records with fields; and that the stage
//! and its explanation agree. `oracle_`: sightings under rules against one slow fold of all events,
//! whatever the chunks, order and workers.

use super::tests::{Said, TRACE, batch_of, batch_with, cases, oracle_by, said, store};
use super::*;
use engine::model::{Fingerprint, Severity};
use proptest::prelude::*;

/// Returns the rules of these options.
fn rules(rules: serde_json::Value) -> IdentityRules {
    let options: FingerprintOptions =
        serde_json::from_value(serde_json::json!({ "rules": rules })).unwrap();
    options.check().unwrap()
}

/// Rules of every kind.
fn some() -> IdentityRules {
    rules(serde_json::json!([
        { "pattern": r"error code \d+", "keep": true },
        { "pattern": r"tenant-\w+", "mask": "tenant" },
        { "pattern": r"payment (\w+) refused", "fingerprint": "payment-{1}" },
    ]))
}

fn worker(rules: &IdentityRules) -> Fingerprinter {
    Fingerprinter::new(10_000, rules.clone(), &["app"], &[])
}

/// Returns the one fingerprint, skeleton and text of a batch with one event.
fn learned(rules: &IdentityRules, batch: &EventBatch) -> (Fingerprint, String, String) {
    let mut worker = worker(rules);
    let print = worker.batch(1, batch).prints[0].fingerprint;
    let sighting = worker.complete(1).sightings.remove(0);
    assert_eq!(sighting.fingerprint, print);
    let explained = explain_event(batch, &batch.events[0], rules);
    assert_eq!((explained.fingerprint, &*explained.text), (print, &*sighting.text));
    (print, sighting.skeleton.to_string(), sighting.text.to_string())
}

fn line(message: &str) -> EventBatch {
    batch_of(0, &[said(1, Severity::Error, message)])
}

#[test]
fn lines_are_identified_and_shown_by_rules() {
    let some = some();
    let (_, skeleton, text) = learned(&some, &line("order 7 failed: error code 42 of tenant-a1"));
    assert_eq!(skeleton, "order <*> failed =error =code =42 of <*>");
    assert_eq!(text, "order <num> failed: error code 42 of <tenant>");
    let of = |message: &str| learned(&some, &line(message)).0;
    assert_ne!(of("order 7 failed: error code 42"), of("order 7 failed: error code 43"));
    assert_eq!(of("order 7 failed: error code 42"), of("order 8 failed: error code 42"));
    assert_eq!(of("payment x1 refused at noon"), of("a payment x1 refused"));
    assert_ne!(of("payment x1 refused"), of("payment x2 refused"));
    // A rule's fingerprint and a record's own are one.
    let own = EventParts { message: b"y", fingerprint: b"payment-x1", ..EventParts::default() };
    assert_eq!(of("payment x1 refused"), learned(&some, &batch_with(&own)).0);
}

#[test]
fn a_rule_has_the_last_word_about_a_fingerprint() {
    let some = some();
    let own = EventParts {
        message: b"payment x1 refused",
        fingerprint: b"my own",
        ..EventParts::default()
    };
    assert_eq!(learned(&some, &batch_with(&own)).0, learned(&some, &line("payment x1 refused")).0);
}

#[test]
fn rules_hold_for_messages_of_traces() {
    let with = |trace: &str| {
        let parts = EventParts {
            message: b"order 12 failed",
            trace: trace.as_bytes(),
            ..EventParts::default()
        };
        batch_with(&parts)
    };
    let trace = |message: &str| {
        with(&String::from_utf8_lossy(TRACE).replace("Gone: x", &format!("Gone: {message}")))
    };
    let some = some();
    let (_, skeleton, text) = learned(&some, &trace("error code 42 for tenant-a1"));
    assert_eq!(skeleton, "<trace>\nT:shop.Gone\nF:shop.A.f\nF:shop.B.g\nK:error_code_42");
    assert_eq!(text, "Gone: error code 42 for <tenant>  at A.f");
    let of = |message: &str| learned(&some, &trace(message)).0;
    assert_ne!(of("error code 42"), of("error code 43"));
    assert_eq!(of("error code 42 at 7"), of("again error code 42"));
    assert_eq!(of("tenant-a"), of("tenant-b"));
    // The lines of a trace are seen by fingerprint rules, messages and frames alike.
    assert_eq!(of("payment x1 refused"), learned(&some, &line("payment x1 refused")).0);
    let frames = rules(serde_json::json!([{ "pattern": r"shop\.A\.f", "fingerprint": "a" }]));
    assert_eq!(learned(&frames, &trace("x")).1, "<fingerprint>\na");
    // A thin trace, whose message counts.
    let thin = |message: &str| learned(&some, &with(&format!("shop.GoneError: {message}"))).1;
    assert_eq!(
        thin("lost error code 42 of tenant-a"),
        "<trace>\nT:shop.GoneError\nK:error_code_42\nM lost =error =code =42 of <*>"
    );
}

#[test]
fn rules_hold_for_fields_of_structured_records() {
    let of = |text: &[u8]| {
        let parts = EventParts {
            message: b"order 12 failed",
            exception_type: b"Gone",
            exception_message: text,
            ..EventParts::default()
        };
        learned(&some(), &batch_with(&parts)).0
    };
    assert_ne!(of(b"error code 42"), of(b"error code 43"));
    assert_eq!(of(b"tenant-a"), of(b"tenant-b"));
    assert_eq!(of(b"payment x1 refused"), learned(&some(), &line("payment x1 refused")).0);
}

#[test]
fn an_explanation_tells_which_rule_fired_and_where() {
    let batch = line("order 7 failed: error code 42 of tenant-a1");
    let explained = explain_event(&batch, &batch.events[0], &some());
    let told: Vec<_> = explained
        .rules
        .iter()
        .map(|one| {
            (one.rule, one.action, one.start, one.end, one.text.as_str(), one.becomes.as_str())
        })
        .collect();
    assert_eq!(
        told,
        [(1, "keep", 16, 29, "error code 42", ""), (2, "mask", 33, 42, "tenant-a1", "<tenant>")]
    );
    assert_eq!(explained.rules[0].pattern, r"error code \d+");
    let masks: Vec<_> =
        explained.masks.iter().map(|mask| (mask.rule, &*mask.placeholder)).collect();
    assert_eq!(masks, [("number", "<num>"), ("mask", "<tenant>")]);

    let parts = EventParts {
        message: b"order 12 failed",
        trace: b"shop.Gone: payment x1 refused\n\tat shop.A.f(A.java:1)",
        ..EventParts::default()
    };
    let batch = batch_with(&parts);
    let explained = explain_event(&batch, &batch.events[0], &some());
    let one = &explained.rules[0];
    assert_eq!((one.rule, one.part, one.becomes.as_str()), (3, "trace", "payment-x1"));
    assert_eq!(
        (&parts.trace[one.start..one.end], explained.trace),
        (&b"payment x1 refused"[..], None)
    );
}

#[test]
fn mistakes_of_rules_stop_the_stage_from_being_built() {
    let options = |value| Options { id: "prints".into(), value, base: Default::default() };
    let rules = serde_json::json!({ "rules": [{ "pattern": "(a", "keep": true }] });
    let errors = build(&options(rules)).err().unwrap();
    assert_eq!(errors[0].path, ["rules", "0", "pattern"]);
    let rules = serde_json::json!({ "rules": [{ "pattern": "a", "keep": true }] });
    assert!(build(&options(rules)).is_ok());
}

fn events() -> impl Strategy<Value = Vec<Said>> {
    let words = prop::sample::select(vec![
        "order 7 failed",
        "error code 42",
        "error code 43",
        "tenant-a",
        "tenant-b",
        "payment x1 refused",
        "payment x2 refused",
        "at 12:30",
    ]);
    let message = prop::collection::vec(words, 1..4).prop_map(|words| words.join(" "));
    let severity = prop::sample::select(vec![Severity::Info, Severity::Error]);
    prop::collection::vec((0..60i64, severity, message), 1..120)
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn oracle_sightings_under_rules_do_not_depend_on_chunks_order_and_workers(
        said in events().prop_shuffle(),
        chunk in 1..30usize,
        peers in 1..4usize,
    ) {
        let some = some();
        let mut workers: Vec<_> = (0..peers).map(|_| worker(&some)).collect();
        for (n, events) in said.chunks(chunk).enumerate() {
            workers[n % peers].batch(1, &batch_of(0, events));
        }
        let found = workers.iter_mut().flat_map(|worker| worker.complete(1).sightings);
        prop_assert_eq!(store(found), oracle_by(&some, &said));
    }
}
