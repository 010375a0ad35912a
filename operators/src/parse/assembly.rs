//! Properties of assembly: however the bytes of a partition are cut into chunks and epochs, and
//! wherever the process is killed, the sum of what is emitted is the same. `SEISMOLOG_CASES` raises
//! the number of cases. Families `oracle_`, `limit_`.

use super::parser::OPEN_BYTES_MAX;
use super::{Format, HOLD_EPOCHS, Parsed, Parser};
use crate::assemble::{
    Assemble, BLANKS_MAX, GAP_SECS_MAX, INTERPOSED_MAX, MESSAGE_LINES_MAX, OPEN_RECORDS_MAX,
    ORDINARY_RECORDS_MAX, RECORD_BYTES_MAX, RECORD_LINES_MAX,
};
use crate::stage_test::chunk;
use engine::model::{PartitionId, SourceIndex};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

fn config() -> ProptestConfig {
    #[allow(clippy::disallowed_methods, reason = "a test may be told how long to run")]
    let wanted = std::env::var("SEISMOLOG_CASES");
    let cases = wanted.ok().and_then(|cases| cases.parse().ok()).unwrap_or(256);
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

/// Everything that a reader of the events can tell, and how often.
#[derive(Debug, Default, PartialEq)]
struct Sum {
    events: BTreeMap<(Vec<Vec<u8>>, i64, u8), i64>,
    read: i64,
    lines: u64,
    blank: u64,
    cut: u64,
    invalid: u64,
    rejected: u64,
}

impl Sum {
    fn add(&mut self, parsed: &Parsed) {
        let batch = &parsed.batch;
        for event in &batch.events {
            let extra = batch.extra_of(event).copied().unwrap_or_default();
            let spans =
                [event.record, event.message, event.thread, event.host, event.process, extra.trace];
            let texts = spans.iter().map(|span| batch.text(*span).to_vec()).collect();
            let key = (texts, event.time.0, event.severity as u8);
            *self.events.entry(key).or_insert(0) += i64::from(event.change);
        }
        self.events.retain(|_, n| *n != 0);
        self.read += parsed.read() as i64;
        self.lines += parsed.lines_read;
        self.blank += parsed.lines_blank;
        self.cut += parsed.lines_cut;
        self.invalid += parsed.invalid_utf8;
        self.rejected += parsed.rejected.total();
    }

    fn total(&self) -> i64 {
        self.events.values().sum()
    }

    fn records(&self) -> Vec<String> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        self.events.keys().map(|(texts, ..)| text(&texts[0])).collect()
    }
}

fn whole(assemble: &Assemble, text: &[u8]) -> Sum {
    let mut sum = Sum::default();
    let mut parser = Parser::utc(Format::Auto).assembling(assemble.clone());
    sum.add(&parser.parse(&Arc::from("shop"), &chunk(text)));
    sum
}

fn records(text: &str) -> Vec<String> {
    whole(&Assemble::Auto, text.as_bytes()).records()
}

/// One way through the bytes of a partition: cut behind some lines, some epochs later, killed and
/// restarted from the checkpoint behind some chunks.
fn in_parts(assemble: &Assemble, text: &[u8], cuts: u64, gaps: u64, kills: u64) -> Sum {
    let service: Arc<str> = Arc::from("shop");
    let new = || Parser::utc(Format::Auto).assembling(assemble.clone());
    let (mut parser, mut sum, mut epoch) = (new(), Sum::default(), 1);
    let mut piece = Vec::new();
    let lines: Vec<&[u8]> = text.split_inclusive(|b| *b == b'\n').collect();
    for (index, line) in lines.iter().enumerate() {
        piece.extend_from_slice(line);
        let bit = |bits: u64| bits >> (index % 64) & 1 == 1;
        if !bit(cuts) && index + 1 < lines.len() {
            continue;
        }
        let chunk = chunk(&piece);
        sum.add(&parser.parse_at(&service, &chunk, epoch));
        piece.clear();
        epoch += if bit(gaps) { HOLD_EPOCHS + 1 } else { 1 };
        sum.add(&parser.release(SourceIndex(0), &service, epoch).0);
        if bit(kills) {
            let stored = parser.state(&chunk.partition).unwrap();
            parser = new();
            let states = std::iter::once(stored.as_slice());
            sum.add(&new().release_stored(SourceIndex(0), &service, states));
            parser.restore(&chunk.partition, &stored);
        }
    }
    sum.add(&parser.release(SourceIndex(0), &service, u64::MAX).0);
    sum
}

/// Lines that traces, headers and envelopes are made of.
fn line() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "2024-05-17 10:00:00 ERROR [a] failed",
        "2024-05-17 10:00:00 INFO [b] fine",
        "2024-05-17 10:00:01 WARN slow {",
        "2024-05-17 10:00:30 ERROR [b] java.lang.IllegalStateException: late",
        "2024-05-17 10:00:00 ERROR at a.b.C.f(C.java:1)",
        "java.lang.IllegalStateException: boom",
        "\tat a.b.C.main(C.java:1)",
        "\t... 3 more",
        "Caused by: java.io.IOException",
        "Traceback (most recent call last):",
        "  File \"/app/a.py\", line 3, in f",
        "    f()",
        "ValueError: no",
        "During handling of the above exception, another exception occurred:",
        "  + Exception Group Traceback (most recent call last):",
        "  | ValueError: 1",
        "panic: boom",
        "goroutine 1 [running]:",
        "main.main()",
        "\t/app/main.go:9 +0x1d",
        "exit status 2",
        "thread 'main' panicked at src/main.rs:3:5:",
        "stack backtrace:",
        "   0: core::panicking",
        "             at ./src/main.rs:3:5",
        "Error: boom",
        "    at f (/app/a.js:1:2) {",
        "  code: 'X'",
        "}",
        "   at A.B.C() in /src/A.cs:line 1",
        "#0 /app/a.php(3): f()",
        "Stack trace:",
        "words",
        "",
        "  ",
        "\r",
        "\u{1b}[31m    at f (/app/a.js:1:2)\u{1b}[0m",
        "May 17 10:00:00 web1 app[7]: Traceback (most recent call last):",
        "May 17 10:00:00 web1 app[7]:   File \"/app/a.py\", line 3, in f",
        "May 17 10:00:00 web1 app[7]: ValueError: no",
        "May 17 10:00:00 web1 db[8]: ERROR failed",
        "May 17 10:00:00 web1 db[8]: \tat a.b.C.main(C.java:1)",
        "2024-05-17T10:00:00.1Z stderr F java.lang.Error: boom",
        "2024-05-17T10:00:00.1Z stderr F \tat a.b.C.main(C.java:1)",
        "2024-05-17T10:00:00.1Z stdout F 2024-05-17 10:00:00 ERROR failed",
        "2024-05-17T10:00:00.1Z stdout P long",
        "2024-05-17T10:00:00.1Z stdout P 2024-05-17 10:00:00 ERR",
        "2024-05-17T10:00:00.1Z stdout F OR failed",
        "fail: Shop.Cart[14]",
        "      cart 7 is full",
        "May 17, 2024 10:00:00 AM com.example.Cart add",
        "SEVERE: cart 7 is full",
        "{\"log\":\"\\tat a.b.C.main(C.java:1)\\n\",\"stream\":\"stderr\",\"time\":\"2024-05-17T10:00:00Z\"}",
        "{\"log\":\"java.lang.Error: x\\n\",\"stream\":\"stderr\",\"time\":\"2024-05-17T10:00:00Z\"}",
        "{\"level\":\"error\",\"msg\":\"no\",\"stack\":\"Error: no\\n    at f (a.js:1:2)\"}",
        "1980-01-02 03:04:05 ERROR too old",
    ]);
    prop_oneof![
        12 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>().prop_filter("no line end", |b| *b != b'\n'), 0..9),
    ]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(line(), 0..40).prop_map(|lines| lines.join(&b'\n'))
}

fn assemble() -> impl Strategy<Value = Assemble> {
    let pattern = serde_json::json!({"start_pattern": "^\\S"});
    let pattern: Assemble = serde_json::from_value(pattern).unwrap();
    prop_oneof![4 => Just(Assemble::Auto), 1 => Just(Assemble::Off), 1 => Just(pattern)]
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn oracle_chunks_epochs_and_restarts_do_not_matter(
        text in text(),
        assemble in assemble(),
        (cuts, gaps, kills) in any::<(u64, u64, u64)>(),
    ) {
        let expected = whole(&assemble, &text);
        prop_assert_eq!(&in_parts(&assemble, &text, cuts, gaps, kills & cuts), &expected);
        prop_assert_eq!(&in_parts(&assemble, &text, cuts, 0, 0), &expected);
        prop_assert_eq!(&in_parts(&assemble, &text, u64::MAX, gaps, kills), &expected);
        prop_assert_eq!(expected.total() + expected.rejected as i64, expected.read);
    }

    #[test]
    fn every_line_is_in_exactly_one_record(text in text()) {
        let sum = whole(&Assemble::Auto, &text);
        prop_assert!(sum.events.values().all(|n| *n > 0));
        let lines = sum.events.iter().map(|((texts, ..), n)| {
            let lines = texts[0].split(|b| *b == b'\n').filter(|line| !line.is_empty()).count();
            lines as i64 * n
        });
        let in_records = lines.sum::<i64>() as u64;
        // Lines of rejected records are read and in no event.
        prop_assert!(in_records <= sum.lines - sum.blank);
        // The parts of a line that a container runtime cut are one line of their record.
        let has_cut_lines = memchr::memmem::find(&text, b" P ").is_some();
        if sum.rejected == 0 && !has_cut_lines {
            prop_assert_eq!(in_records, sum.lines - sum.blank);
        }
    }

    #[test]
    fn two_streams_of_one_partition_never_mix(order in any::<u64>()) {
        let line = |stream: &str, text: &str| format!("2024-05-17T10:00:00.1Z {stream} F {text}\n");
        let trace = |name: &str| -> Vec<String> {
            let calls = (0..5).map(|n| format!("\tat {name}.C.f{n}(C.java:{n})"));
            std::iter::once(format!("java.lang.{name}Exception: boom")).chain(calls).collect()
        };
        let (mut one, mut two) = (trace("One").into_iter(), trace("Two").into_iter());
        let mut text = String::new();
        for index in 0..64 {
            let (lines, stream) =
                if order >> index & 1 == 0 { (&mut one, "stdout") } else { (&mut two, "stderr") };
            text.extend(lines.next().map(|trace| line(stream, &trace)));
        }
        for (mut rest, stream) in [(one, "stdout"), (two, "stderr")] {
            text.extend(rest.by_ref().map(|trace| line(stream, &trace)));
        }
        let sum = whole(&Assemble::Auto, text.as_bytes());
        prop_assert_eq!(sum.total(), 2, "{:#?}", sum.records());
        for record in sum.records() {
            prop_assert!(record.contains("One") != record.contains("Two"), "{}", record);
            prop_assert_eq!(record.lines().count(), 6);
        }
    }
}

/// A header line of `millis` after ten o'clock.
fn headed(secs: i64, level: &str, message: &str) -> String {
    format!("2024-05-17 10:{:02}:{:02} {level} {message}\n", secs / 60, secs % 60)
}

const FRAME: &str = "\tat a.b.C.main(C.java:1)\n";

#[test]
fn limit_lines_of_a_record_beyond_the_bound_are_cut_and_counted() {
    let frames = RECORD_LINES_MAX as usize + 9;
    let text = headed(0, "ERROR", "failed") + &FRAME.repeat(frames) + &headed(1, "INFO", "next");
    let sum = whole(&Assemble::Auto, text.as_bytes());
    assert_eq!((sum.total(), sum.cut), (2, 10));
    assert_eq!(sum.records()[0].lines().count(), RECORD_LINES_MAX as usize);
    assert_eq!(in_parts(&Assemble::Auto, text.as_bytes(), u64::MAX / 5, 0, u64::MAX / 7), sum);
}

#[test]
fn limit_bytes_of_a_record_beyond_the_bound_are_cut_and_counted() {
    let long = format!("    {}\n", "x".repeat(RECORD_BYTES_MAX / 4));
    let text = headed(0, "ERROR", "failed") + &long.repeat(6) + &headed(1, "INFO", "next");
    let sum = whole(&Assemble::Auto, text.as_bytes());
    assert_eq!((sum.total(), sum.cut), (2, 3));
    assert!(sum.records()[0].len() <= RECORD_BYTES_MAX);
    assert_eq!(in_parts(&Assemble::Auto, text.as_bytes(), u64::MAX, 0, u64::MAX), sum);
}

#[test]
fn limit_a_first_line_longer_than_a_record_is_whole_and_alone() {
    let text = headed(0, "ERROR", &"x".repeat(2 * RECORD_BYTES_MAX)) + FRAME;
    let sum = whole(&Assemble::Auto, text.as_bytes());
    assert_eq!((sum.total(), sum.cut), (1, 1));
    assert_eq!(in_parts(&Assemble::Auto, text.as_bytes(), u64::MAX, 0, u64::MAX), sum);
}

#[test]
fn limit_blank_lines_records_in_between_and_time_end_a_trace() {
    let trace = headed(0, "ERROR", "java.lang.Error: boom") + FRAME;
    let with = |between: String| records(&(trace.clone() + &between + FRAME)).len();
    let blanks = |n: u8| "\n".repeat(usize::from(n));
    assert_eq!((with(blanks(BLANKS_MAX)), with(blanks(BLANKS_MAX + 1))), (1, 2));
    let last = |between: &str| -> bool {
        let records = records(&(trace.clone() + between + FRAME));
        records.iter().any(|record| record.contains("boom") && record.lines().count() == 3)
    };
    let others =
        |n: u8| -> String { (0..n).map(|n| headed(0, "INFO", &format!("between {n}"))).collect() };
    assert!(last(&others(INTERPOSED_MAX)));
    assert!(!last(&others(INTERPOSED_MAX + 1)));
    assert!(last(&headed(GAP_SECS_MAX, "INFO", "on time")));
    assert!(!last(&headed(GAP_SECS_MAX + 1, "INFO", "too late")));
}

#[test]
fn limit_message_lines_that_only_their_place_connects() {
    let text = headed(0, "ERROR", "failed") + "java.lang.Error: boom\n" + &"more\n".repeat(40);
    let first = records(&text).into_iter().find(|record| record.contains("boom")).unwrap();
    assert_eq!(first.lines().count(), 2 + usize::from(MESSAGE_LINES_MAX));
}

#[test]
fn limit_open_records_of_a_partition() {
    let line = |n: usize, text: &str| format!("May 17 10:00:00 web1 app[{n}]: {text}\n");
    let starts = |n| line(n, "java.lang.IllegalStateException: boom");
    let streams = OPEN_RECORDS_MAX + 1;
    let text: String = (0..streams).map(starts).collect();
    // The one that was begun first was let go; the others go on.
    let text = text + &(0..streams).rev().map(|n| line(n, FRAME.trim_end())).collect::<String>();
    let sum = whole(&Assemble::Auto, text.as_bytes());
    let whole_traces = sum.records().iter().filter(|record| record.lines().count() == 2).count();
    assert_eq!((whole_traces, sum.total()), (OPEN_RECORDS_MAX, OPEN_RECORDS_MAX as i64 + 2));
    assert_eq!(in_parts(&Assemble::Auto, text.as_bytes(), u64::MAX, 0, u64::MAX), sum);
}

#[test]
fn limit_records_of_a_partition_that_are_no_traces() {
    let line = |n: usize, text: &str| format!("May 17 10:00:00 web1 app[{n}]: {text}\n");
    let streams = ORDINARY_RECORDS_MAX + 1;
    let text: String = (0..streams).map(|n| line(n, "order could not be shipped")).collect();
    // Those that were begun last may still turn out to head a trace.
    let text = text + &(0..streams).rev().map(|n| line(n, FRAME.trim_end())).collect::<String>();
    let sum = whole(&Assemble::Auto, text.as_bytes());
    let headed = sum.records().iter().filter(|record| record.lines().count() == 2).count();
    assert_eq!((headed, sum.total()), (ORDINARY_RECORDS_MAX, ORDINARY_RECORDS_MAX as i64 + 2));
    assert_eq!(in_parts(&Assemble::Auto, text.as_bytes(), u64::MAX, 0, u64::MAX), sum);
}

#[test]
fn limit_bytes_of_open_records_over_all_partitions() {
    let service = Arc::from("shop");
    let mut parser = Parser::utc(Format::Auto);
    let mut chunk = chunk((headed(0, "ERROR", &"x".repeat(100_000)) + FRAME).as_bytes());
    let partitions = OPEN_BYTES_MAX / 100_000 + 2;
    for n in 0..partitions {
        chunk.partition = PartitionId(Arc::from(n.to_string()));
        assert_eq!(parser.parse(&service, &chunk).batch.events.len(), 1);
    }
    chunk.bytes = Arc::new(FRAME.as_bytes().to_vec());
    let mut changes = |partition: usize| -> Vec<i8> {
        chunk.partition = PartitionId(Arc::from(partition.to_string()));
        parser.parse(&service, &chunk).batch.events.iter().map(|event| event.change).collect()
    };
    assert_eq!((changes(0), changes(partitions - 1)), (vec![-1, 1], vec![1]));
}

#[test]
fn hostile_lines_take_time_in_proportion_to_their_bytes() {
    let hostile = [
        "a".repeat(1 << 20),
        "a.".repeat(1 << 19),
        "at (".repeat(1 << 18),
        "    at f (a:".repeat(1 << 16),
        ".rb:1".repeat(1 << 17),
        format!("{}:in ", "x.rb:".repeat(1 << 17)),
        ":1".repeat(1 << 19),
        "\tat ".repeat(1 << 18),
        "[".repeat(1 << 20),
        "@".repeat(1 << 20),
    ];
    for line in hostile {
        let text = format!("{line}\n{}", format!("  {line}\n").repeat(2));
        assert_eq!(whole(&Assemble::Auto, text.as_bytes()).lines, 3);
    }
    // Many short lines, each of which changes the record: what is re-emitted is bounded.
    let text = headed(0, "ERROR", "failed") + &FRAME.repeat(300);
    let sum = in_parts(&Assemble::Auto, text.as_bytes(), u64::MAX, u64::MAX, 0);
    assert_eq!(sum.total(), 1);
}

#[test]
fn a_start_pattern_decides_alone() {
    let pattern = serde_json::json!({"start_pattern": "^begin"});
    let assemble: Assemble = serde_json::from_value(pattern).unwrap();
    let sum = whole(&assemble, b"before\nbegin 1\nmore\n\n  more\nbegin 2\n");
    let mut found = sum.records();
    found.sort();
    assert_eq!(found, ["before", "begin 1\nmore\n\n  more", "begin 2"]);
    let refused = serde_json::json!({"start_pattern": "(open"});
    let error = serde_json::from_value::<Assemble>(refused).unwrap_err().to_string();
    assert!(error.contains("start_pattern is no regular expression"), "{error}");
}

#[test]
fn lines_behind_a_rejected_line_belong_to_what_was_rejected() {
    let text = "1980-01-02 03:04:05 ERROR too old\njava.lang.Error: x\n\tat a.b.C.f(C.java:1)\n";
    let sum = whole(&Assemble::Auto, text.as_bytes());
    assert_eq!((sum.rejected, sum.read), (1, sum.total() + 1), "{:?}", sum.records());
}

#[test]
fn a_trace_is_held_back_and_what_is_emitted_too_early_is_taken_back() {
    let service: Arc<str> = Arc::from("shop");
    let mut parser = Parser::utc(Format::Auto);
    let changes = |parsed: &Parsed| -> Vec<i8> {
        parsed.batch.events.iter().map(|event| event.change).collect()
    };
    let begun = headed(0, "ERROR", "failed") + "java.lang.Error: x\n";
    let first = parser.parse_at(&service, &chunk(begun.as_bytes()), 3);
    assert_eq!((changes(&first), first.read()), (vec![], 0));
    assert_eq!(parser.due(), Some(3 + HOLD_EPOCHS));
    let second = parser.parse_at(&service, &chunk(FRAME.as_bytes()), 4);
    assert_eq!((changes(&second), parser.due()), (vec![], Some(3 + HOLD_EPOCHS)));
    let (released, _) = parser.release(SourceIndex(0), &service, 3 + HOLD_EPOCHS);
    assert_eq!((changes(&released), released.read(), parser.due()), (vec![1], 1, None));
    let next = FRAME.to_owned() + &headed(1, "INFO", "next");
    let corrected = parser.parse_at(&service, &chunk(next.as_bytes()), 20);
    assert_eq!((changes(&corrected), corrected.read()), (vec![1, -1, 1], 1));
}
