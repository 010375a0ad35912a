//! Tests of the stage. `golden_`: ids that must never change within an algorithm version.
//! `oracle_`: sightings merged over any order, chunks and epochs against one slow fold of all
//! events. `limit_`: what happens at each bound.
#![allow(
    clippy::disallowed_methods,
    reason = "tests take their number of cases from the environment"
)]

use super::identify::{OVERFLOW_SERVICES_MAX, OVERFLOW_TEXT, WIDENED_MAX};
use super::parts::EXPLICIT_BYTES_MAX;
use super::samples::{day_of, keep};
use super::*;
use crate::pattern::Patterns;
use engine::component::{KnownFingerprint, Recovered, SourceDefaults, SourceTable};
use engine::dataflow::{CommunicationConfig, Config, Inspect, WorkerConfig, execute, source};
use engine::model::{
    Account, Counter, EventRef, EventTime, Extra, ExtraIndex, Fingerprint, FirstSeen, Sample,
    Severity, SeverityClass, SourceIndex, Span,
};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use xxhash_rust::xxh3::xxh3_64;

/// What a test says about an event: seconds, severity, message.
pub(super) type Said = (i64, Severity, String);

/// Returns events as a parsed batch of source `source`; each message is also the record.
pub(super) fn batch_of(source: u16, said: &[Said]) -> EventBatch {
    let (mut bytes, mut events) = (Vec::new(), Vec::new());
    for (secs, severity, message) in said {
        let start = bytes.len();
        bytes.extend_from_slice(message.as_bytes());
        let record = Span::chunk(start, bytes.len());
        events.push(EventRef {
            record,
            message: record,
            time: EventTime::from_secs(*secs),
            severity: *severity,
            ..EventRef::default()
        });
    }
    EventBatch {
        source: SourceIndex(source),
        service: "api".into(),
        bytes: Arc::new(bytes),
        scratch: Arc::default(),
        extras: Vec::new(),
        events,
    }
}

pub(super) fn said(secs: i64, severity: Severity, message: &str) -> Said {
    (secs, severity, message.to_owned())
}

fn fingerprinter(max_fingerprints: usize, known: &[KnownFingerprint]) -> Fingerprinter {
    Fingerprinter::new(max_fingerprints, IdentityRules::default(), &["app", "web"], known)
}

/// Merges sightings as a store does.
pub(super) fn store(
    sightings: impl IntoIterator<Item = Sighting>,
) -> BTreeMap<Fingerprint, Sighting> {
    let mut stored: BTreeMap<Fingerprint, Sighting> = BTreeMap::new();
    for sighting in sightings {
        match stored.get_mut(&sighting.fingerprint) {
            Some(known) => known.merge(sighting),
            None => {
                stored.insert(sighting.fingerprint, sighting);
            }
        }
    }
    for sighting in stored.values_mut() {
        let mut kept = Vec::new();
        std::mem::take(&mut sighting.samples).into_iter().for_each(|one| keep(&mut kept, one));
        sighting.samples = kept;
    }
    stored
}

/// Returns the sightings of `said` where the user has no rules.
fn oracle(said: &[Said]) -> BTreeMap<Fingerprint, Sighting> {
    oracle_by(&IdentityRules::default(), said)
}

/// Returns the sightings of `said` by the user's rules, slowly and obviously.
pub(super) fn oracle_by(rules: &IdentityRules, said: &[Said]) -> BTreeMap<Fingerprint, Sighting> {
    store(said.iter().map(|(secs, severity, message)| {
        let parts = EventParts { message: message.as_bytes(), ..EventParts::default() };
        let explained = explain_parts(&parts, b"api", severity.class(), rules);
        let (time, hash) = (EventTime::from_secs(*secs), xxh3_64(message.as_bytes()));
        let sample = Sample { hash, time, source: SourceIndex(0), record: message.clone() };
        Sighting {
            fingerprint: explained.fingerprint,
            template: explained.template,
            class: severity.class(),
            service: "api".into(),
            skeleton: explained.skeleton.join(" ").into(),
            first: FirstSeen { time, hash },
            text: explained.text.into(),
            last: time,
            severity: *severity,
            source: SourceIndex(0),
            samples: vec![sample],
        }
    }))
}

/// These ids are stored in people's databases. If this test fails, the algorithm has changed:
/// it needs a new `FINGERPRINT_VERSION` and a way to map old ids to new ones.
#[test]
fn golden_ids_are_what_they_always_were() {
    let ids: Vec<String> = [
        ("connection to 10.0.0.7:5432 refused", SeverityClass::Error),
        ("connection to 10.0.0.7:5432 refused", SeverityClass::Warn),
        ("java.io.IOException: Broken pipe (os error 32)", SeverityClass::Error),
        ("user=ann took 12 ms for \"/cart\"", SeverityClass::Rest),
        ("", SeverityClass::Rest),
    ]
    .iter()
    .map(|(message, class)| {
        let explained = explain(message.as_bytes(), b"api", *class);
        format!("{} {}", explained.template, explained.fingerprint)
    })
    .collect();
    let expected = [
        "t1_cb8aad9f8e6988157e95825adb298a3d f1_b395f173af8079b06342e591df2087b4",
        "t1_cb8aad9f8e6988157e95825adb298a3d f1_aed9ce041a2360acf12b2ff2076aa6a4",
        "t1_4004d9cd2527e075c55aab239c7a353a f1_c35922ade8fdd7a13ce00b13364cbc57",
        "t1_4dc83e60ecaa0575d0761e38d2f0a78d f1_a1c9cf6addc45eaf1f4d55f907c2eada",
        "t1_d5c8a5b7bbd005f3c5851fb6edad157c f1_1e0ff922cddbe5c58dd886cc2c262292",
    ];
    assert_eq!(ids, expected);
}

#[test]
fn severity_class_and_service_are_part_of_the_identity_and_numbers_are_not() {
    let print =
        |service: &[u8], class, message: &[u8]| explain(message, service, class).fingerprint;
    let error = print(b"api", SeverityClass::Error, b"lost 1 packet");
    assert_eq!(error, print(b"api", SeverityClass::Error, b"lost 2 packet"));
    assert_ne!(error, print(b"api", SeverityClass::Warn, b"lost 1 packet"));
    assert_ne!(error, print(b"web", SeverityClass::Error, b"lost 1 packet"));
}

#[test]
fn an_explanation_names_words_masks_and_rules() {
    let explained = explain(b"peer 10.0.0.7 lost", b"api", SeverityClass::Error);
    assert_eq!(explained.skeleton, ["peer", "<*>", "lost"]);
    assert_eq!(explained.text, "peer <ip> lost");
    let mask = &explained.masks[0];
    assert_eq!((mask.start, mask.end, mask.rule), (5, 13, "ip_address"));
    assert_eq!((mask.placeholder.as_str(), mask.text.as_str()), ("<ip>", "10.0.0.7"));
}

#[test]
fn a_quiet_epoch_of_a_known_fingerprint_still_has_its_first_text() {
    let mut worker = fingerprinter(10, &[]);
    worker.batch(1, &batch_of(0, &[said(5, Severity::Info, "lost 1.5 of them")]));
    worker.batch(2, &batch_of(1, &[said(9, Severity::Info, "lost 7 of them")]));
    let (first, second) = (worker.complete(1), worker.complete(2));
    let second = &second.sightings[0];
    assert_eq!(second.first, first.sightings[0].first);
    assert_eq!(second.last, EventTime::from_secs(9));
    assert_eq!((second.source, &*second.text), (SourceIndex(1), "lost <num> of them"));
    assert_eq!(worker.fold.sizes(), (1, 0));
}

#[test]
fn an_epoch_never_tells_what_only_a_later_one_brought() {
    let mut worker = fingerprinter(10, &[]);
    worker.batch(8, &batch_of(0, &[said(1, Severity::Info, "lost 1")]));
    worker.batch(7, &batch_of(0, &[said(5, Severity::Info, "lost 5")]));
    assert_eq!(worker.complete(7).sightings[0].first.time, EventTime::from_secs(5));
    assert_eq!(worker.complete(8).sightings[0].first.time, EventTime::from_secs(1));
}

#[test]
fn a_service_in_the_event_is_the_events_service() {
    let mut worker = fingerprinter(10, &[]);
    let mut batch = batch_of(0, &[said(1, Severity::Info, "paylost")]);
    batch.events[0].service = Span::chunk(0, 3);
    batch.events[0].message = Span::chunk(3, 7);
    let print = worker.batch(1, &batch).prints[0].fingerprint;
    assert_eq!(print, explain(b"lost", b"pay", SeverityClass::Rest).fingerprint);
    assert_eq!(worker.complete(1).sightings[0].service.as_ref(), "pay");
}

#[test]
fn limit_samples_are_at_most_so_many_and_so_long() {
    let mut worker = fingerprinter(10, &[]);
    let many: Vec<_> = (0..5_000).map(|n| said(n, Severity::Info, &format!("lost {n}"))).collect();
    worker.batch(1, &batch_of(0, &many));
    let learned = worker.complete(1).sightings;
    assert_eq!(learned[0].samples, oracle(&many).into_values().next().unwrap().samples);
    assert_eq!(learned[0].samples.len(), Sample::PER_DAY_MAX);

    let long = "é".repeat(Sample::RECORD_BYTES_MAX);
    worker.batch(2, &batch_of(0, &[said(1, Severity::Info, &long)]));
    let mut broken = batch_of(0, &[said(1, Severity::Info, &long)]);
    broken.bytes = Arc::new(vec![0xff; broken.bytes.len()]);
    worker.batch(2, &broken);
    for sample in worker.complete(2).sightings.iter().flat_map(|sighting| &sighting.samples) {
        let len = sample.record.len();
        assert!((Sample::RECORD_BYTES_MAX - 2..=Sample::RECORD_BYTES_MAX).contains(&len));
    }
}

/// Returns the n-th name of many, of lower-case letters.
fn name(n: usize) -> String {
    let digit = |at: u32| char::from(b'g' + (n / 10usize.pow(at) % 10) as u8);
    (0..7).map(digit).collect()
}

/// Returns the n-th message made of words that no other one has, in two places.
fn unique(n: usize) -> Said {
    let word = name(n);
    said(n as i64, Severity::Error, &format!("failed as {word} with un{word}"))
}

#[test]
fn limit_a_million_names_in_one_place_end_in_one_pattern() {
    const LINES: usize = 1_000_000;
    const MAX: usize = 1_000;
    let mut worker = fingerprinter(MAX, &[]);
    for chunk in 0..LINES / 1_000 {
        let line = |n| said(n as i64, Severity::Error, &format!("card of {} is locked", name(n)));
        let lines: Vec<_> = (chunk * 1_000..(chunk + 1) * 1_000).map(line).collect();
        worker.batch(1, &batch_of(0, &lines));
    }
    let (names, lookups) = worker.identifier.sizes();
    assert_eq!(names, MAX + 1);
    assert!(lookups <= 2 * 64 * 1024, "{lookups} lookups");
    let learned = worker.complete(1);
    assert_eq!(learned.accounts, [], "nothing overflowed");
    let skeletons: Vec<&str> = learned.sightings.iter().map(|one| &*one.skeleton).collect();
    let patterns = Patterns::of(skeletons.iter().copied());
    assert!(patterns.iter().all(|(_, pattern)| &*pattern.skeleton == "card of <*> is locked"));
    assert!(learned.sightings.iter().any(|one| &*one.text == "card of <*> is locked"));
}

#[test]
fn limit_only_so_many_fingerprints_of_crowds_go_beyond_the_bound() {
    const CROWD: usize = 64;
    let mut worker = fingerprinter(CROWD, &[]);
    let line = |n| said(n as i64, Severity::Error, &format!("card of {} is locked", name(n)));
    worker.batch(1, &batch_of(0, &(0..CROWD).map(line).collect::<Vec<_>>()));
    let services = WIDENED_MAX + 7;
    for n in 0..services {
        let mut batch =
            batch_of(0, &[said(1, Severity::Error, &format!("{n:05}card of zed is locked"))]);
        batch.events[0].service = Span::chunk(0, 5);
        batch.events[0].message = Span::chunk(5, batch.bytes.len());
        worker.batch(1, &batch);
    }
    let learned = worker.complete(1);
    let widened = learned.sightings.iter().filter(|one| &*one.skeleton == "card of <*> is locked");
    assert_eq!(widened.count(), WIDENED_MAX);
    let n = (services - WIDENED_MAX) as i64;
    let account = Account { source: SourceIndex(0), counter: Counter::Overflowed, n };
    assert_eq!(learned.accounts, [account]);
}

#[test]
fn limit_a_million_different_messages_stay_bounded_and_are_all_counted() {
    const LINES: usize = 1_000_000;
    const MAX: usize = 100;
    let mut worker = fingerprinter(MAX, &[]);
    let mut prints = 0;
    for chunk in 0..LINES / 1_000 {
        let lines: Vec<_> = (chunk * 1_000..(chunk + 1) * 1_000).map(unique).collect();
        prints += worker.batch(1, &batch_of(0, &lines)).prints.len();
    }
    let (names, lookups) = worker.identifier.sizes();
    assert_eq!((prints, names), (LINES, MAX + 1));
    assert!(lookups <= 2 * 64 * 1024, "{lookups} lookups");
    let learned = worker.complete(1);
    let n = (LINES - MAX) as i64;
    let account = Account { source: SourceIndex(0), counter: Counter::Overflowed, n };
    assert_eq!(learned.accounts, [account]);
    let overflow: Vec<_> =
        learned.sightings.iter().filter(|sighting| &*sighting.text == OVERFLOW_TEXT).collect();
    assert_eq!((learned.sightings.len(), overflow.len()), (MAX + 1, 1));
    assert!(overflow[0].samples.len() <= Sample::PER_DAY_MAX * 12);
}

#[test]
fn limit_each_source_has_its_own_room_and_what_is_recovered_keeps_its_place() {
    let known = |n: usize, source: &str| {
        let explained = explain(unique(n).2.as_bytes(), b"api", SeverityClass::Error);
        KnownFingerprint {
            fingerprint: explained.fingerprint,
            template: explained.template,
            class: SeverityClass::Error,
            service: "api".into(),
            skeleton: explained.skeleton.join(" ").into(),
            severity: Severity::Error,
            first: FirstSeen { time: EventTime(0), hash: 0 },
            text: explained.text.clone().into(),
            source: source.to_owned(),
        }
    };
    let mut worker = fingerprinter(1, &[known(7, "app"), known(8, "gone")]);
    let mut epoch = 0;
    let mut overflowed = |worker: &mut Fingerprinter, source, n| {
        epoch += 1;
        worker.batch(epoch, &batch_of(source, &[unique(n)]));
        worker.complete(epoch).accounts.len() == 1
    };
    assert!(!overflowed(&mut worker, 0, 7), "it was recovered");
    assert!(overflowed(&mut worker, 0, 8), "it was another source's");
    assert!(!overflowed(&mut worker, 1, 9), "this source has none yet");
    assert!(overflowed(&mut worker, 1, 7), "it is known, but not of this source");
}

#[test]
fn limit_overflow_fingerprints_are_bounded_by_service() {
    let mut worker = fingerprinter(1, &[]);
    for n in 0..OVERFLOW_SERVICES_MAX * 5 {
        let mut batch = batch_of(0, &[said(1, Severity::Error, &format!("svc{n} failed"))]);
        let message = batch.text(batch.events[0].message).len();
        batch.events[0].service = Span::chunk(0, message - 7);
        worker.batch(1, &batch);
    }
    // One real fingerprint, the bounded ones, and the source's own.
    assert_eq!(worker.identifier.sizes().0, 1 + OVERFLOW_SERVICES_MAX * 3 + 1);
}

#[test]
fn options_are_checked() {
    let options = |value| Options { id: "prints".into(), value, base: Default::default() };
    assert!(build(&options(serde_json::json!({}))).is_ok());
    assert!(build(&options(serde_json::json!({ "max_fingerprints": 5 }))).is_ok());
    let errors = build(&options(serde_json::json!({ "max_fingerprints": 0 }))).err().unwrap();
    assert_eq!(errors[0].path, ["max_fingerprints"]);
    assert!(build(&options(serde_json::json!({ "max": 5 }))).is_err());
}

/// What a run of the stage brought, with epochs.
#[derive(Debug, Default)]
struct Ran {
    prints: usize,
    sightings: Vec<(u64, Sighting)>,
    facts: Vec<(u64, Fact)>,
}

/// Runs the stage over batches with their epochs, dealt out to `workers` in turn.
fn run(workers: usize, batches: Vec<(u64, EventBatch)>) -> Ran {
    let communication = match workers {
        1 => CommunicationConfig::Thread,
        n => CommunicationConfig::Process(n),
    };
    let found = Arc::new(Mutex::new(Ran::default()));
    let into = Arc::clone(&found);
    let config = Config { communication, worker: WorkerConfig::default() };
    let guards = execute(config, move |worker| {
        let (index, peers) = (worker.index(), worker.peers());
        let mine: Vec<_> = batches
            .iter()
            .enumerate()
            .filter(|(n, _)| n % peers == index)
            .map(|(_, b)| b.clone())
            .collect();
        let into = Arc::clone(&into);
        worker.dataflow::<DataflowTime, _, _>(|scope| {
            let events = source(scope, "Events", move |capability, _| {
                let mut capability = Some(capability);
                move |output| {
                    for (epoch, batch) in &mine {
                        let Some(capability) = capability.as_mut() else { return };
                        capability.downgrade(epoch);
                        output.session(capability).give(batch.clone());
                    }
                    capability = None;
                }
            });
            let sources = SourceTable::new([SourceDefaults {
                id: "app".into(),
                service: "api".into(),
                timezone: "UTC".into(),
            }]);
            let (recovered, mut facts) = (Arc::new(Recovered::default()), Vec::new());
            let mut stage = Stage::new("prints", scope, &sources, &recovered, &mut facts);
            let operator = FingerprintOperator::default();
            let inputs = Ports::new(scope, vec![Port::Events(events)]);
            let Port::Prints { prints, sightings } = operator.stage(&mut stage, inputs) else {
                panic!("fingerprint makes prints")
            };
            let (counted, seen, stored) = (Arc::clone(&into), Arc::clone(&into), into);
            prints.inspect(move |batch| counted.lock().unwrap().prints += batch.prints.len());
            sightings.inspect_time(move |epoch, one| {
                seen.lock().unwrap().sightings.push((*epoch, one.clone()))
            });
            let facts = facts.remove(0);
            facts.inspect_time(move |epoch, one| {
                stored.lock().unwrap().facts.push((*epoch, one.clone()))
            });
        });
    });
    guards.unwrap().join().into_iter().for_each(|result| result.unwrap());
    Arc::try_unwrap(found).unwrap().into_inner().unwrap()
}

#[test]
fn the_stage_prints_every_event_and_sights_each_fingerprint_once_per_epoch() {
    let batches = vec![
        (3, batch_of(0, &[said(1, Severity::Info, "lost 1"), said(2, Severity::Error, "lost 2")])),
        (3, batch_of(0, &[said(3, Severity::Info, "lost 3")])),
        (4, batch_of(0, &[said(4, Severity::Info, "lost 4")])),
    ];
    let Ran { prints, sightings, facts } = run(1, batches);
    let epochs: Vec<u64> = sightings.iter().map(|(epoch, _)| *epoch).collect();
    assert_eq!((prints, epochs), (4, vec![3, 3, 4]));
    assert!(sightings.iter().all(|(_, sighting)| sighting.samples.is_empty()));
    let samples = facts.iter().map(|(_, fact)| match fact {
        Fact::Sighting(sighting) => sighting.samples.len(),
        _ => 0,
    });
    assert_eq!(samples.sum::<usize>(), 4);
}

/// Returns events of few fingerprints and days, so that they meet.
fn events() -> impl Strategy<Value = Vec<Said>> {
    let event =
        (0..12i64, 0..40i64, prop::sample::select(Severity::ALL.to_vec()), 0..3u8, 0..60u32);
    let said = event.prop_map(|(day, secs, severity, kind, n)| {
        let message = match kind {
            0 => format!("lost {n} packets"),
            1 => format!("user=u{n} left"),
            _ => format!("{n}"),
        };
        (day / 3 * 86_400 + secs, severity, message)
    });
    prop::collection::vec(said, 1..250)
}

pub(super) fn cases(default: u32) -> ProptestConfig {
    let cases = std::env::var("SEISMOLOG_CASES").ok().and_then(|n| n.parse().ok());
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(cases.unwrap_or(default))
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn oracle_sightings_do_not_depend_on_chunks_epochs_and_workers(
        said in events(),
        chunk in 1..40usize,
        per_epoch in 1..5usize,
        peers in 1..4usize,
    ) {
        let mut workers: Vec<_> = (0..peers).map(|_| fingerprinter(10_000, &[])).collect();
        let mut found = Vec::new();
        for (n, events) in said.chunks(chunk).enumerate() {
            let epoch = (n / per_epoch) as u64;
            workers[n % peers].batch(epoch, &batch_of(0, events));
        }
        for epoch in 0..=(said.len() as u64) {
            for worker in &mut workers {
                found.extend(worker.complete(epoch).sightings);
            }
        }
        prop_assert_eq!(store(found), oracle(&said));
    }

    #[test]
    fn oracle_sightings_do_not_depend_on_order(said in events().prop_shuffle(), again in 0..50usize) {
        let mut worker = fingerprinter(10_000, &[]);
        worker.batch(1, &batch_of(0, &said));
        let mut found = worker.complete(1).sightings;
        // A restart that reads the tail once more.
        let mut restarted = fingerprinter(10_000, &[]);
        restarted.batch(1, &batch_of(0, &said[said.len().saturating_sub(again)..]));
        found.extend(restarted.complete(1).sightings);
        let mut ordered = said;
        ordered.sort();
        prop_assert_eq!(store(found), oracle(&ordered));
        prop_assert!(ordered.iter().all(|event| day_of(EventTime::from_secs(event.0)) < 4));
    }
}

proptest! {
    #![proptest_config(cases(8))]

    #[test]
    fn oracle_the_stage_commits_the_same_on_any_number_of_workers(said in events(), workers in 1..4usize) {
        let batches = said.chunks(20).enumerate().map(|(n, events)| (1 + n as u64 / 2, batch_of(0, events)));
        let Ran { prints, facts, .. } = run(workers, batches.collect());
        prop_assert_eq!(prints, said.len());
        let sightings = facts.into_iter().filter_map(|(_, fact)| match fact {
            Fact::Sighting(sighting) => Some(*sighting),
            _ => None,
        });
        prop_assert_eq!(store(sightings), oracle(&said));
    }
}

/// Returns one event of source 0 with these parts; all but the message stand in the scratch bytes.
pub(super) fn batch_with(parts: &EventParts<'_>) -> EventBatch {
    let mut batch =
        batch_of(0, &[said(0, Severity::Error, &String::from_utf8_lossy(parts.message))]);
    let mut scratch = Vec::new();
    let mut keep = |bytes: &[u8]| {
        let start = scratch.len();
        scratch.extend_from_slice(bytes);
        Span::scratch(start, scratch.len())
    };
    let extra = Extra {
        trace: keep(parts.trace),
        exception_type: keep(parts.exception_type),
        exception_message: keep(parts.exception_message),
        fingerprint: keep(parts.fingerprint),
    };
    batch.scratch = Arc::new(scratch);
    batch.extras = vec![extra];
    batch.events[0].extra = ExtraIndex::new(0);
    batch
}

pub(super) const TRACE: &[u8] = b"shop.Gone: x\n\tat shop.A.f(A.java:1)\n\tat shop.B.g(B.java:1)";

#[test]
fn a_trace_is_identified_by_its_ladder_and_shown_by_it() {
    let parts = EventParts { message: b"order 12 failed", trace: TRACE, ..EventParts::default() };
    let mut worker = fingerprinter(10, &[]);
    let first = worker.batch(1, &batch_with(&parts)).prints[0].fingerprint;
    let moved = String::from_utf8_lossy(TRACE).replace("java:1", "java:9");
    let other = EventParts { message: b"user 9 is gone", trace: moved.as_bytes(), ..parts };
    assert_eq!(worker.batch(1, &batch_with(&other)).prints[0].fingerprint, first);
    let rules = IdentityRules::default();
    let explained = explain_parts(&parts, b"api", SeverityClass::Error, &rules);
    assert_eq!(explained.fingerprint, first);
    assert_eq!(
        explained.trace.map(|trace| trace.functions),
        Some(vec!["shop.A.f".to_owned(), "shop.B.g".to_owned()])
    );
    let learned = worker.complete(1);
    assert_eq!(learned.sightings.len(), 1);
    assert_eq!(&*learned.sightings[0].text, "Gone: x  at A.f");
    assert_eq!(&*learned.sightings[0].skeleton, "<trace>\nT:shop.Gone\nF:shop.A.f\nF:shop.B.g");
    // A trace that was seen lately costs one lookup.
    assert_eq!(worker.identifier.sizes(), (1, 2));
    worker.batch(2, &batch_with(&parts));
    assert_eq!(worker.identifier.sizes(), (1, 2));
}

#[test]
fn a_record_with_its_own_fingerprint_gets_that_one() {
    let mut worker = fingerprinter(10, &[]);
    let mut print = |message: &[u8], fingerprint: &[u8], trace: &[u8]| {
        let parts = EventParts { message, fingerprint, trace, ..EventParts::default() };
        worker.batch(1, &batch_with(&parts)).prints[0].fingerprint
    };
    assert_eq!(print(b"one", b"billing-7", b""), print(b"two things", b"billing-7", TRACE));
    assert_ne!(print(b"one", b"billing-7", b""), print(b"one", b"billing-8", b""));
    assert_ne!(print(b"one", b"billing", b""), print(b"billing", b"", b""));
}

#[test]
fn limit_of_a_long_fingerprint_of_ones_own_the_first_bytes_count() {
    let of = |bytes: &[u8]| {
        let parts = EventParts { fingerprint: bytes, ..EventParts::default() };
        parts.identity(&IdentityRules::default()).0
    };
    let long = [b'a'; 2 * EXPLICIT_BYTES_MAX];
    assert_eq!(of(&long), of(&long[..EXPLICIT_BYTES_MAX]));
    assert_ne!(of(&long), of(&long[..EXPLICIT_BYTES_MAX - 1]));
}

#[test]
fn several_lines_without_a_trace_are_known_by_the_first_with_words_enough() {
    let of = |message: &[u8], trace: &[u8]| {
        let parts = EventParts { message, trace, ..EventParts::default() };
        let identity = parts.identity(&IdentityRules::default());
        (String::from_utf8(identity.0).unwrap(), identity.1)
    };
    assert_eq!(
        of(b"slow query 12", b"SELECT a\nFROM b"),
        ("slow query <*>".into(), "slow query <num>".into())
    );
    assert_eq!(of(b"query:", b"SELECT a\nFROM b").0, "query SELECT a FROM b");
    assert_eq!(of(b"slow query 12\nSELECT a", b"").0, "slow query <*>");
}

#[test]
fn a_message_of_several_lines_in_a_structured_record_may_be_a_trace() {
    let text = [b"order 12 failed\n", TRACE].concat();
    let mut batch = batch_with(&EventParts::default());
    batch.scratch = Arc::new(text.clone());
    batch.events[0].message = Span::scratch(0, text.len());
    batch.events[0].extra = ExtraIndex::NONE;
    let mut worker = fingerprinter(10, &[]);
    worker.batch(1, &batch);
    assert_eq!(&*worker.complete(1).sightings[0].text, "Gone: x  at A.f");
}

#[test]
fn limit_rules_for_frames_are_options_of_a_bounded_number() {
    let options = |value| Options { id: "prints".into(), value, base: Default::default() };
    let rules = vec!["a."; FingerprintOptions::FRAME_RULES_MAX + 1];
    assert!(build(&options(serde_json::json!({ "in_app": rules[1..] }))).is_ok());
    let errors = build(&options(serde_json::json!({ "not_in_app": rules }))).err().unwrap();
    assert_eq!(errors[0].path, ["not_in_app"]);
    let options = FingerprintOptions {
        not_in_app: vec!["shop.A".to_owned()],
        ..FingerprintOptions::default()
    };
    let mut worker = Fingerprinter::new(10, options.check().unwrap(), &["app"], &[]);
    let parts = EventParts { message: b"x", trace: TRACE, ..EventParts::default() };
    worker.batch(1, &batch_with(&parts));
    assert_eq!(&*worker.complete(1).sightings[0].text, "Gone: x  at B.g");
}
