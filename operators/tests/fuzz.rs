//! `fuzz_`: what reads bytes of strangers, fed with mutated log lines. Seeds are the golden corpora and
//! the traces of this folder; a case splices, repeats, cuts and flips them. Every target checks what must
//! hold for any bytes: no panic, spans inside their text, records conserved, the same records however the
//! bytes are cut into chunks.
//!
//! `SEISMOLOG_CASES` raises the number of cases; with `SEISMOLOG_FUZZ_SECONDS` every target runs for so
//! long (the soak's way), and then also asks whether the time per byte grows with the length. A finding
//! prints the seed of its case.
#![allow(
    clippy::disallowed_methods,
    reason = "a test takes its number of cases from the environment, and the soak runs by the clock"
)]

use engine::model::{Chunk, EventTime, Offset, PartitionId, SourceIndex};
use engine::testing::generate::Seeded;
use operators::mask::{masks, render};
use operators::parse::{Format, Parsed, Parser};
use operators::skeleton::skeleton;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Cases of one target when nothing else is said.
const CASES: u64 = 4_000;
/// Bytes of a case; one in [`LONG_ONE_IN`] is as long as [`LONG_BYTES`].
const BYTES: usize = 600;
const LONG_BYTES: usize = 40_000;
const LONG_ONE_IN: u64 = 64;
/// How much more time a byte may take in a text that is 16 times as long.
const GROWTH_MAX: u32 = 6;

/// Pieces that decide something somewhere.
const DICTIONARY: &[&str] = &[
    "2024-02-30T24:00:60,999999999+23:59 ",
    "Dec 31 23:59:60 ",
    "1700000000.123 ",
    "[01/Jan/2024:00:00:00 +0000]",
    "ERROR",
    " WARN ",
    "<165>1 ",
    "<13>",
    "{\"",
    "\":\"",
    "\\u0000",
    "\\",
    "\"",
    "'",
    "`",
    "\t",
    "    at ",
    "\n\n",
    "Traceback (most recent call last):\n",
    "Caused by: ",
    "goroutine 1 [running]:\n",
    "panic: ",
    "#0 ",
    " stdout F ",
    "key=",
    "=\"",
    "%",
    "://",
    "127.0.0.1:80",
    "::1",
    "0x",
    "e+9",
    "\u{feff}",
    "\u{202e}",
    "\x1b[31m",
    "\0",
    "…",
    "<*>",
    "<num>",
    "|",
    "---",
    "[",
    "]",
    "(",
    "))",
    "{",
    "}}",
    "-----BEGIN PRIVATE KEY-----",
    "4111 1111 1111 1111",
    "a@b.c",
];

fn corpus() -> Vec<&'static str> {
    [
        include_str!("traces/jvm.txt"),
        include_str!("traces/python.txt"),
        include_str!("traces/go.txt"),
        include_str!("traces/rust.txt"),
        include_str!("traces/javascript.txt"),
        include_str!("traces/dotnet.txt"),
        include_str!("traces/ruby.txt"),
        include_str!("traces/php.txt"),
    ]
    .iter()
    .flat_map(|text| text.split("\n\n"))
    .collect()
}

/// Returns the bytes of a case.
fn mutated(seeded: &mut Seeded, corpus: &[&str]) -> Vec<u8> {
    let length = if seeded.one_in(LONG_ONE_IN) {
        LONG_BYTES
    } else {
        1 + seeded.below(BYTES as u64) as usize
    };
    let mut bytes = Vec::with_capacity(length + 256);
    while bytes.len() < length {
        let piece = match seeded.below(4) {
            0 => DICTIONARY[seeded.below(DICTIONARY.len() as u64) as usize],
            _ => corpus[seeded.below(corpus.len() as u64) as usize],
        };
        let piece = piece.as_bytes();
        let start =
            if seeded.one_in(3) { seeded.below(piece.len() as u64 + 1) as usize } else { 0 };
        let end = start + seeded.below((piece.len() - start) as u64 + 1) as usize;
        let times = if seeded.one_in(16) { seeded.below(40) } else { 1 };
        (0..times).for_each(|_| bytes.extend_from_slice(&piece[start..end]));
    }
    bytes.truncate(length);
    for _ in 0..seeded.below(8) {
        let at = seeded.below(bytes.len() as u64) as usize;
        bytes[at] = match seeded.below(3) {
            0 => seeded.next_u64() as u8,
            1 => b'\n',
            _ => bytes[seeded.below(bytes.len() as u64) as usize],
        };
    }
    bytes
}

/// Runs one target over its cases.
fn fuzz(name: &str, salt: u64, target: impl Fn(&[u8])) {
    let corpus = corpus();
    let number = |variable| std::env::var(variable).ok().and_then(|n| n.parse::<u64>().ok());
    let until = number("SEISMOLOG_FUZZ_SECONDS").map(|s| Instant::now() + Duration::from_secs(s));
    let cases = number("SEISMOLOG_CASES").unwrap_or(CASES);
    let mut case = 0;
    while until.map_or(case < cases, |until| Instant::now() < until) {
        let seed = salt << 32 | case;
        let bytes = mutated(&mut Seeded::new(seed), &corpus);
        let run = std::panic::AssertUnwindSafe(|| target(&bytes));
        if let Err(panic) = std::panic::catch_unwind(run) {
            eprintln!("{name}: case {seed:#x}: {:?}", String::from_utf8_lossy(&bytes));
            std::panic::resume_unwind(panic);
        }
        if until.is_some() && case % 512 == 0 {
            assert_linear(name, &bytes[..bytes.len().min(BYTES)], &target);
        }
        case += 1;
    }
}

/// Fails if a byte takes much longer in a long text than in a short one: three tries, since the machine
/// may be busy. Only the soak measures.
fn assert_linear(name: &str, bytes: &[u8], target: &impl Fn(&[u8])) {
    let took = |bytes: &[u8]| {
        let started = Instant::now();
        target(bytes);
        started.elapsed()
    };
    let short = bytes.repeat(64);
    let long = bytes.repeat(64 * 16);
    let ok =
        (0..3).any(|_| took(&long) < took(&short) * 16 * GROWTH_MAX + Duration::from_millis(20));
    assert!(
        ok,
        "{name}: time per byte grows with the length: {:?}",
        String::from_utf8_lossy(bytes)
    );
}

fn chunk(bytes: &[u8]) -> Chunk {
    Chunk {
        source: SourceIndex(0),
        partition: PartitionId("p".into()),
        bytes: Arc::new(bytes.to_vec()),
        end: Some(Offset("1".to_owned())),
        received: EventTime::from_secs(1_750_000_000),
        lines_cut: 0,
        lost_bytes: 0,
        lag_bytes: 0,
    }
}

/// The records that are left when everything taken back is taken back.
type Records = BTreeMap<(Vec<u8>, Vec<u8>, i64), i64>;

fn add(records: &mut Records, parsed: &Parsed) {
    for event in &parsed.batch.events {
        let text = |span| parsed.batch.text(span).to_vec();
        let key = (text(event.record), text(event.message), event.time.0);
        *records.entry(key).or_default() += i64::from(event.change);
    }
    records.retain(|_, n| *n != 0);
}

fn parsed(format: Format, pieces: &[&[u8]]) -> Records {
    let mut parser = Parser::utc(format);
    let mut records = Records::new();
    for piece in pieces {
        add(&mut records, &parser.parse(&"".into(), &chunk(piece)));
    }
    records
}

#[test]
fn fuzz_records_do_not_depend_on_how_lines_are_cut_into_chunks() {
    fuzz("assembly", 1, |bytes| {
        let whole = parsed(Format::Auto, &[bytes]);
        assert!(whole.values().all(|n| *n > 0), "more was taken back than given");
        let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
        assert_eq!(parsed(Format::Auto, &lines), whole);
    });
}

#[test]
fn fuzz_every_format_conserves_records() {
    fuzz("formats", 2, |bytes| {
        for format in Format::ALL {
            let parsed = Parser::utc(format).parse(&"".into(), &chunk(bytes));
            let events: i64 = parsed.batch.events.iter().map(|event| i64::from(event.change)).sum();
            let rejected = parsed.rejected.total();
            assert_eq!(parsed.read(), events.unsigned_abs() + rejected, "{format:?}");
        }
    });
}

#[test]
fn fuzz_masks_are_inside_and_ordered() {
    fuzz("masks", 3, |bytes| {
        let mut end = 0;
        for mask in masks(bytes) {
            assert!(end <= mask.start && mask.start <= mask.end && mask.end <= bytes.len());
            end = mask.end;
        }
    });
}

/// Lines as they are written, put together from whole words: what a mask leaves it leaves again.
#[test]
fn masks_of_lines_are_idempotent() {
    let words: Vec<&str> = corpus().iter().flat_map(|text| text.split_whitespace()).collect();
    let is_odd = |word: &str| word.contains(['"', '\'', '`']) || word.is_empty();
    let words: Vec<&str> = words.into_iter().filter(|word| !is_odd(word)).collect();
    let cases = std::env::var("SEISMOLOG_CASES").ok().and_then(|n| n.parse().ok());
    for case in 0..cases.unwrap_or(CASES) {
        let mut seeded = Seeded::new(case);
        let word = |_| words[seeded.below(words.len() as u64) as usize];
        let line: Vec<&str> = (0..8).map(word).collect();
        let line = line.join(" ");
        let shown = render(line.as_bytes());
        let (once, twice) = (skeleton(line.as_bytes()), skeleton(shown.as_bytes()));
        assert_eq!(text(&once), text(&twice), "case {case}: {line:?}, shown {shown:?}");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
