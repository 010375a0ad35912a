//! Properties of parse on arbitrary bytes, and its limits. `SEISMOLOG_CASES` raises the number of
//! cases. Families `oracle_`, `limit_`.

use super::json::DEPTH_MAX;
use super::{Format, PARTITIONS_MAX, Parsed, Parser};
use crate::assemble::Assemble;
use crate::stage_test::chunk;
use engine::model::{EventRef, PartitionId, RejectReason, Rejected, Span};
use proptest::prelude::*;
use std::sync::Arc;

fn config() -> ProptestConfig {
    #[allow(clippy::disallowed_methods, reason = "a test may be told how long to run")]
    let wanted = std::env::var("SEISMOLOG_CASES");
    let cases = wanted.ok().and_then(|cases| cases.parse().ok()).unwrap_or(256);
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases) }
}

fn parse(parser: &mut Parser, bytes: &[u8]) -> Parsed {
    parser.parse(&Arc::from("shop"), &chunk(bytes))
}

/// The pieces of an event, its time and its severity.
type Content = (Vec<Vec<u8>>, i64, u8);

/// Every piece of every event as bytes: touching them shows that they are in range.
fn contents(parsed: &Parsed) -> Vec<Content> {
    let batch = &parsed.batch;
    let pieces = |e: &EventRef| -> [Span; 7] {
        [e.record, e.message, e.service, e.host, e.process, e.thread, e.logger]
    };
    let texts = |e: &EventRef| pieces(e).iter().map(|span| batch.text(*span).to_vec()).collect();
    batch.events.iter().map(|e| (texts(e), e.time.0, e.severity as u8)).collect()
}

/// Fragments that headers and envelopes are made of, so that random lines get deep into the code.
fn fragment() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "2024-01-02 03:04:05",
        "2024-01-02T03:04:05.678Z",
        "Jan  2 03:04:05",
        "[",
        "]",
        "(",
        ")",
        "|",
        "1704164645",
        "INFO",
        "error",
        "W",
        " ",
        "  ",
        "\t",
        ": ",
        " - ",
        "---",
        "web1",
        "sshd[12]:",
        "com.example.Cart",
        "{",
        "}",
        "\"msg\":",
        "\"level\"",
        ":",
        ",",
        "\"",
        "\\",
        "\\u00fc",
        "\\n",
        "\"log\":\"",
        "null",
        "1.5e9",
        "msg=",
        "level=warn",
        "a=\"b",
        "<34>",
        "<165>1 ",
        "-",
        "E/Tag(",
        "I0102 03:04:05",
        "99",
        "24/01/02 03:04:05",
        "01-02 03:04:05.6",
        "\u{1b}[31m",
        "\u{feff}",
        "stdout F ",
        "\r",
        "12:00:00",
        "PM",
        "+02:00",
        "0",
        "#12]",
        "[12]",
    ]);
    prop_oneof![
        8 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
        1 => "[a-zA-Z0-9 ]{0,8}".prop_map(String::into_bytes),
    ]
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    let line = prop::collection::vec(fragment(), 0..14).prop_map(|parts| parts.concat());
    prop::collection::vec(line, 0..6).prop_map(|lines| lines.join(&b'\n'))
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_line_is_blank_an_event_or_rejected(
        text in text(),
        format in prop::sample::select(Format::ALL.to_vec()),
    ) {
        let off = Parser::utc(format).assembling(Assemble::Off);
        let parsed = parse(&mut { off }, &text);
        let lines = text.split(|b| *b == b'\n').count() as u64
            - u64::from(text.last().is_none_or(|last| *last == b'\n'));
        prop_assert_eq!(parsed.lines_read, lines);
        let events = parsed.batch.events.len() as u64;
        prop_assert_eq!(parsed.read(), events + parsed.rejected.total());
        prop_assert_eq!(parsed.read() + parsed.lines_blank, parsed.lines_read);
        prop_assert_eq!(contents(&parsed).len() as u64, events);
        prop_assert!(parsed.invalid_utf8 <= parsed.read());
        if format == Format::Auto {
            prop_assert_eq!(parsed.rejected.count(RejectReason::FormatMismatch), 0);
        }
    }

    #[test]
    fn oracle_chunk_boundaries_do_not_matter(text in text(), cuts in any::<u64>()) {
        let mut whole = Parser::utc(Format::Auto).assembling(Assemble::Off);
        let mut parts = Parser::utc(Format::Auto).assembling(Assemble::Off);
        let expected = contents(&parse(&mut whole, &text));
        let mut found = Vec::new();
        let mut piece = Vec::new();
        for (index, line) in text.split_inclusive(|b| *b == b'\n').enumerate() {
            piece.extend_from_slice(line);
            if cuts >> (index % 64) & 1 == 1 {
                found.extend(contents(&parse(&mut parts, &piece)));
                piece.clear();
            }
        }
        found.extend(contents(&parse(&mut parts, &piece)));
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn a_line_says_the_same_among_any_neighbours(before in text(), rest in fragment()) {
        let mut line = b"2024-01-02 03:04:05 INFO ".to_vec();
        line.extend(rest.into_iter().filter(|b| *b != b'\n'));
        let alone = contents(&parse(&mut Parser::utc(Format::Auto), &line));
        let mut both = before;
        both.push(b'\n');
        both.extend_from_slice(&line);
        let among = contents(&parse(&mut Parser::utc(Format::Auto), &both));
        let last = alone.len().saturating_sub(1);
        prop_assert_eq!(among.last(), alone.get(last));
    }

    #[test]
    fn oracle_json_that_a_library_accepts_is_read(value in json_value(4)) {
        let line = serde_json::json!({ "x": value, "msg": "m\"1", "level": "warn" }).to_string();
        let parsed = parse(&mut Parser::utc(Format::Json), line.as_bytes());
        prop_assert_eq!(parsed.batch.events.len(), 1);
        prop_assert_eq!(parsed.batch.text(parsed.batch.events[0].message), b"m\"1");
    }

    #[test]
    fn oracle_strings_are_unescaped_as_a_library_does(message in "\\PC{0,20}[\\n\\t\"\\\\]?x") {
        let line = serde_json::json!({ "msg": message }).to_string();
        let parsed = parse(&mut Parser::utc(Format::Json), line.as_bytes());
        let found = parsed.batch.text(parsed.batch.events[0].message);
        let mut lines = message.trim_ascii().split('\n');
        prop_assert_eq!(found, lines.next().unwrap_or_default().as_bytes().trim_ascii());
    }
}

fn json_value(depth: u32) -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        "\\PC{0,6}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(depth, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            prop::collection::btree_map("x[a-z]{1,3}", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn limit_json_is_read_to_its_depth_and_no_deeper() {
    let nested = |depth: usize| {
        let inner = depth - 1;
        format!("{{\"msg\":\"m\",\"x\":{}{}}}", "[".repeat(inner), "]".repeat(inner))
    };
    let events =
        |depth| parse(&mut Parser::utc(Format::Json), nested(depth).as_bytes()).batch.events.len();
    assert_eq!(events(DEPTH_MAX), 1);
    assert_eq!(events(DEPTH_MAX + 1), 0);
}

#[test]
fn limit_header_fields_and_keys_are_short() {
    let message = |line: String| -> String {
        let parsed = parse(&mut Parser::utc(Format::Auto), line.as_bytes());
        let text = parsed.batch.text(parsed.batch.events[0].message);
        String::from_utf8_lossy(text).into_owned()
    };
    let threaded = |n: usize| format!("2024-01-02 03:04:05 INFO [{}] words", "t".repeat(n));
    assert_eq!(message(threaded(300)), "words");
    assert!(message(threaded(330)).starts_with("[tt"));
    let fields = |n: usize| format!("2024-01-02 03:04:05 {}ERROR words", "7 ".repeat(n));
    assert_eq!(message(fields(5)), "words");
    assert_eq!(message(fields(6)), "7 7 7 7 7 7 ERROR words");
    let leads = |n: usize| format!("{}2024-01-02 03:04:05 words", "a1 ".repeat(n));
    assert_eq!(message(leads(4)), "words");
    assert!(message(leads(5)).starts_with("a1 a1"));
    let keyed = |n: usize| format!("{}=1 msg=words", "k".repeat(n));
    assert_eq!(message(keyed(63)), "words");
    assert!(message(keyed(64)).ends_with("msg=words"));
    let nested =
        |n: usize| format!("{{\"fields\":{{\"{}\":1,\"message\":\"words\"}}}}", "k".repeat(n));
    assert_eq!(message(nested(1000)), "words");
}

#[test]
fn hostile_lines_are_events_like_any_other() {
    let mut eight_megabytes = b"2024-01-02 03:04:05 INFO ".to_vec();
    eight_megabytes.resize(8 << 20, b'x');
    for line in [
        b"[".repeat(1 << 20),
        b"{".repeat(1 << 20),
        b"{\"a\":".repeat(200_000),
        b"\x1b[".repeat(1 << 19),
        b"a=".repeat(1 << 19),
        b"\0".repeat(1 << 10),
        eight_megabytes,
    ] {
        let parsed = parse(&mut Parser::utc(Format::Auto), &line);
        assert_eq!((parsed.lines_read, parsed.batch.events.len()), (1, 1));
    }
}

#[test]
fn events_without_time_take_that_of_the_event_before_across_chunks() {
    let mut parser = Parser::utc(Format::Auto);
    let first = parse(&mut parser, b"starting\n2024-01-02 03:04:05 ERROR no\n");
    let second = parse(&mut parser, b"later\n");
    let times: Vec<i64> =
        first.batch.events.iter().chain(&second.batch.events).map(|e| e.time.secs()).collect();
    assert_eq!(times, [1_715_947_200, 1_704_164_645, 1_704_164_645]);
}

#[test]
fn absurd_times_are_rejected_with_an_example_and_leave_no_trace() {
    let mut parser = Parser::utc(Format::Auto);
    let text = b"1980-01-02 03:04:05 ERROR too old\n9999-01-02 03:04:05 INFO far\nnext\n";
    let parsed = parse(&mut parser, text);
    assert_eq!(parsed.rejected.count(RejectReason::AbsurdTime), 2);
    assert!(parsed.rejected.examples().any(|e| e.record.ends_with("too old")));
    assert_eq!(parsed.batch.events[0].time.secs(), 1_715_947_200);
}

#[test]
fn records_that_are_not_utf8_are_counted_and_kept() {
    let parsed = parse(&mut Parser::utc(Format::Auto), b"good\nbad \xFF\n\n \t\r\n");
    assert_eq!((parsed.lines_read, parsed.lines_blank, parsed.invalid_utf8), (4, 2, 1));
    assert_eq!(parsed.batch.text(parsed.batch.events[1].message), b"bad \xFF");
}

#[test]
fn limit_examples_of_rejected_records_are_the_smallest_hashes() {
    let lines = |range: std::ops::Range<u32>| -> Vec<u8> {
        range.map(|n| format!("words {n} {}\n", "é".repeat(700))).collect::<String>().into_bytes()
    };
    let parsed = parse(&mut Parser::utc(Format::Json), &lines(0..100));
    let kept: Vec<u64> = parsed.rejected.examples().map(|example| example.hash).collect();
    assert_eq!(kept.len(), Rejected::PER_REASON_MAX);
    assert_eq!(parsed.rejected.count(RejectReason::FormatMismatch), 100);
    assert!(parsed.rejected.examples().all(|e| e.record.len() <= Rejected::RECORD_BYTES_MAX));
    let reversed: Vec<u8> =
        lines(0..100).split_inclusive(|b| *b == b'\n').rev().flatten().copied().collect();
    let again = parse(&mut Parser::utc(Format::Json), &reversed);
    assert!(again.rejected.examples().map(|example| example.hash).eq(kept));
}

#[test]
fn limit_partitions_beyond_the_bound_are_not_remembered() {
    let mut parser = Parser::utc(Format::Auto);
    let mut chunk = chunk(b"2024-01-02 03:04:05 INFO x\n");
    let service = Arc::from("shop");
    for n in 0..=PARTITIONS_MAX {
        chunk.partition = PartitionId(Arc::from(n.to_string()));
        parser.parse(&service, &chunk);
    }
    let mut time_of = |partition: usize| {
        chunk.partition = PartitionId(Arc::from(partition.to_string()));
        chunk.bytes = Arc::new(b"later\n".to_vec());
        parser.parse(&service, &chunk).batch.events[0].time.secs()
    };
    assert_eq!(time_of(0), 1_704_164_645);
    assert_eq!(time_of(PARTITIONS_MAX), 1_715_947_200);
}
