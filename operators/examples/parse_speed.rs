//! How long parsing takes: nanoseconds per line for a few layouts, best of several rounds. Run with
//! `cargo run --release -p operators --example parse_speed`.
#![allow(clippy::disallowed_methods, reason = "this program measures time")]

use engine::model::{Chunk, EventTime, Offset, PartitionId, SourceIndex};
use operators::parse::{Format, Parser};
use std::sync::Arc;
use std::time::Instant;

const CHUNK_BYTES: usize = 256 * 1024;
const ROUNDS: usize = 40;

type Line = fn(usize) -> String;

const LAYOUTS: [(&str, Line); 6] = [
    ("log4j", |n| {
        format!(
            "2024-05-17 10:{:02}:{:02},{:03} INFO [worker-{}] com.example.shop.OrderService: order \
             {n} accepted for customer {} after {} ms, queue length {} of 4096, region eu-west",
            n / 60 % 60,
            n % 60,
            n % 1000,
            n % 8,
            n * 7919,
            n % 300,
            n % 17,
        )
    }),
    ("syslog", |n| {
        format!(
            "May 17 10:{:02}:{:02} web-{} mountd[{}]: cannot mount volume data{n} from 10.3.{}.{} at \
             slot {}: the key was refused, trying the next one in the ring after a short pause",
            n / 60 % 60,
            n % 60,
            n % 9,
            1000 + n,
            n % 250,
            n % 199,
            1024 + n % 60000,
        )
    }),
    ("plain", |n| {
        format!(
            "the quick brown fox number {n} jumps over the lazy dog and keeps on running through \
             the wood until it is dark and nobody can see it any more, except {n}"
        )
    }),
    ("json", |n| {
        format!(
            "{{\"time\":\"2024-05-17T10:{:02}:{:02}.123Z\",\"level\":\"info\",\"msg\":\"order {n} \
             accepted for customer\",\"service\":\"shop\",\"attempt\":{},\"region\":\"eu-west\"}}",
            n / 60 % 60,
            n % 60,
            n % 5,
        )
    }),
    ("json_escaped", |n| {
        format!(
            "{{\"ts\":1715940000.{:03},\"level\":\"warn\",\"msg\":\"could not open \\\"file-{n}\\\": \
             retrying\",\"logger\":\"store\",\"labels\":{{\"a\":[1,2,3],\"b\":null}}}}",
            n % 1000,
        )
    }),
    ("logfmt", |n| {
        format!(
            "time=2024-05-17T10:{:02}:{:02}Z level=info msg=\"order {n} accepted for customer\" \
             service=shop attempt={} region=eu-west duration=12ms trace=4bf92f3577b34da6",
            n / 60 % 60,
            n % 60,
            n % 5,
        )
    }),
];

fn main() {
    for (name, line) in LAYOUTS {
        for zone in ["UTC", "Europe/Berlin"] {
            measure(name, line, zone);
        }
    }
}

fn measure(name: &str, line: Line, zone: &str) {
    let mut bytes = Vec::with_capacity(CHUNK_BYTES);
    let mut lines = 0;
    while bytes.len() < CHUNK_BYTES - 512 {
        bytes.extend_from_slice(line(lines).as_bytes());
        bytes.push(b'\n');
        lines += 1;
    }
    let bytes_per_line = bytes.len() / lines;
    let chunk = Chunk {
        source: SourceIndex(0),
        partition: PartitionId(Arc::from("speed")),
        bytes: Arc::new(bytes),
        end: Some(Offset::default()),
        received: EventTime::from_secs(1_716_000_000),
        lines_cut: 0,
        lost_bytes: 0,
        lag_bytes: 0,
    };
    let Some(mut parser) = Parser::new(Format::Auto, zone) else { return };
    let service = Arc::from("speed");
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        let parsed = parser.parse(&service, &chunk);
        let spent = start.elapsed().as_nanos() as f64;
        assert_eq!(parsed.batch.events.len(), lines);
        best = best.min(spent / lines as f64);
    }
    println!("{name:13} {zone:14} {bytes_per_line:4} bytes/line {best:7.1} ns/line");
}
