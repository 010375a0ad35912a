//! Assembly on the corpora of traces: two streams, dealt out in turns with plain lines between them, as
//! one partition whose envelopes name the stream. Two partitions are read in `traces`. Family
//! `golden_`.

use crate::traces::interleave::{Row, boundary_f1, interleave};
use crate::traces::{Sample, corpus, loggers};
use engine::model::{Chunk, EventTime, Offset, PartitionId, SourceIndex};
use operators::parse::{Format, Parsed, Parser};
use std::sync::Arc;

fn parse(lines: impl Iterator<Item = String>) -> Parsed {
    let text: String = lines.map(|line| line + "\n").collect();
    let chunk = Chunk {
        source: SourceIndex(0),
        partition: PartitionId(Arc::from("p")),
        bytes: Arc::new(text.into_bytes()),
        end: Some(Offset::default()),
        received: EventTime::from_secs(1_800_000_000),
        lines_cut: 0,
        lost_bytes: 0,
        lag_bytes: 0,
    };
    Parser::utc(Format::Auto).parse(&Arc::from("shop"), &chunk)
}

/// Returns the lines of every record that are not blank.
fn records(parsed: &Parsed) -> Vec<Vec<String>> {
    let text = |event: &engine::model::EventRef| {
        String::from_utf8_lossy(parsed.batch.text(event.record)).into_owned()
    };
    let lines = |text: String| -> Vec<String> {
        text.lines().filter(|line| !line.trim().is_empty()).map(|l| l.trim_end().into()).collect()
    };
    parsed.batch.events.iter().map(text).map(lines).collect()
}

/// Says of each row which record it went to: of the records whose next line it is, the one that had
/// the row before it, else the first.
fn assigned(rows: &[(usize, String)], records: &[Vec<String>], found: &mut [usize], from: usize) {
    let mut read = vec![0; records.len()];
    let mut last = 0;
    for (row, line) in rows {
        if line.trim().is_empty() || line.ends_with(" F") {
            found[*row] = from + last;
            continue;
        }
        let next = |at: &usize| records[*at].get(read[*at]).is_some_and(|l| l == line.trim_end());
        let begun = (0..records.len()).filter(|at| read[*at] > 0).rev();
        let fresh = (0..records.len()).filter(|at| read[*at] == 0);
        let at = std::iter::once(last).chain(begun).chain(fresh).find(next);
        last = at.unwrap_or_else(|| panic!("no record has {line:?}"));
        read[last] += 1;
        found[*row] = from + last;
    }
}

/// Prints the rows whose borders were not found.
fn show(rows: &[Row], found: &[usize]) {
    for stream in 0..2 {
        let of_stream = (0..rows.len()).filter(|at| rows[*at].stream == stream);
        let at: Vec<usize> = of_stream.collect();
        for pair in at.windows(2) {
            let (before, this) = (pair[0], pair[1]);
            let truly = rows[before].event != rows[this].event;
            if truly != (found[before] != found[this]) {
                println!("missed: {truly} between\n  {}\n  {}", rows[before].line, rows[this].line);
            }
        }
    }
}

#[test]
fn golden_borders_of_records_in_one_partition_with_two_streams() {
    for samples in [corpus(), loggers()] {
        assert_borders(&samples);
    }
}

fn assert_borders(samples: &[Sample]) {
    let rows = interleave(samples);
    let envelope = |row: &Row| {
        let stream = ["stdout", "stderr"][row.stream];
        format!("2024-05-06T09:00:00.000000001Z {stream} F {}", row.line)
    };
    let parsed = parse(rows.iter().map(envelope));
    let records = records(&parsed);
    let mut found = vec![0; rows.len()];
    let enveloped: Vec<(usize, String)> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| (at, envelope(row).trim_end().to_owned()))
        .collect();
    for stream in ["stdout", "stderr"] {
        let of_stream = |line: &str| line.contains(&format!("Z {stream} F"));
        let own: Vec<_> = enveloped.iter().filter(|(_, l)| of_stream(l)).cloned().collect();
        let records: Vec<Vec<String>> =
            records.iter().filter(|lines| lines.iter().any(|l| of_stream(l))).cloned().collect();
        let mixed = records.iter().find(|lines| !lines.iter().all(|line| of_stream(line)));
        assert!(mixed.is_none(), "two streams in one record: {mixed:#?}");
        assigned(&own, &records, &mut found, if stream == "stdout" { 0 } else { rows.len() });
    }
    show(&rows, &found);
    let f1 = boundary_f1(&rows, &found);
    println!("boundary F1 {f1:.4}");
    assert!(f1 >= 0.98, "boundary F1 {f1:.4}");
}

/// Returns severity and message of every event.
fn messages(text: &str) -> Vec<String> {
    let parsed = parse(text.lines().map(str::to_owned));
    let message = |event: &engine::model::EventRef| {
        let message = String::from_utf8_lossy(parsed.batch.text(event.message)).into_owned();
        format!("{} {message}", event.severity)
    };
    parsed.batch.events.iter().map(message).collect()
}

#[test]
fn a_line_that_a_container_runtime_cut_is_one_message() {
    let found = messages(
        "2024-05-06T09:00:00.1Z stderr P 2024-05-06 08:59:59,123 ERROR [main] shop.Cart - cannot \n\
         2024-05-06T09:00:00.1Z stdout F 2024-05-06 08:59:59,124 INFO [b] shop.Audit - fine\n\
         2024-05-06T09:00:00.1Z stderr P load the\n\
         2024-05-06T09:00:00.1Z stderr F  basket\n\
         2024-05-06T09:00:00.2Z stderr F next\n",
    );
    assert_eq!(found, ["error cannot load the basket", "info fine", "unknown next"]);
}

#[test]
fn a_message_behind_a_line_of_names_is_the_message_of_the_record() {
    let found = messages(
        "warn: Shop.Cart[14]\n      cart 7 is full\n\
         May 06, 2024 9:00:00 AM com.example.shop.Cart add\nSEVERE: cart 8 is full\n\
         java.lang.IllegalStateException: full\n\tat com.example.shop.Cart.add(Cart.java:7)\n\
         May 06, 2024 9:00:01 AM com.example.shop.Cart add\nINFO: cart 9 is fine\n",
    );
    assert_eq!(found, ["warn cart 7 is full", "error cart 8 is full", "info cart 9 is fine"]);
}
