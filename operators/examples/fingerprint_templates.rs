//! Writes what a scorer of log templates wants, for every system in a folder: one line
//! `line<TAB>pattern id<TAB>template` per line of its log, in two tracks.
//!
//! ```text
//! DATA/X/X_2k.log                            ──parse──► message ─┐
//! DATA/X/X_2k.log_structured_corrected.csv   ──► Content ────────┴─► skeletons ─► patterns
//! OUT/raw/X.tsv, OUT/content/X.tsv           ◄───────────────────────────────────────┘
//! ```
//! Two passes: the first collects the set of skeletons, the second names each line's pattern. One
//! configuration for all systems; the service is unset. `cargo run --release -p operators --example
//! fingerprint_templates -- DATA OUT`.
#![allow(clippy::disallowed_methods, reason = "a measuring tool reads files and its arguments")]

use engine::model::{Chunk, EventTime, Offset, PartitionId, Pattern, PatternId, SourceIndex};
use operators::parse::{Format, Parser};
use operators::pattern::{Patterns, text_of};
use operators::skeleton::skeleton;
use std::collections::BTreeMap;
use std::io::{BufWriter, Error, Result, Write};
use std::path::Path;
use std::sync::Arc;

fn main() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(data), Some(out)) = (arguments.next(), arguments.next()) else {
        return Err(Error::other("usage: fingerprint_templates DATA OUT"));
    };
    let (data, out) = (Path::new(&data), Path::new(&out));
    for entry in std::fs::read_dir(data)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let folder = data.join(&name);
        let log = folder.join(format!("{name}_2k.log"));
        let table = folder.join(format!("{name}_2k.log_structured_corrected.csv"));
        if let Ok(log) = std::fs::read(log) {
            write(&out.join("raw"), &name, &messages(&log))?;
        }
        if let Ok(table) = std::fs::read(table) {
            write(&out.join("content"), &name, &contents(&table))?;
        }
    }
    Ok(())
}

/// Writes the patterns of `messages` to `folder/name.tsv`.
fn write(folder: &Path, name: &str, messages: &[Vec<u8>]) -> Result<()> {
    let mut skeletons: Vec<String> = messages.iter().map(|message| words_of(message)).collect();
    skeletons.sort_unstable();
    skeletons.dedup();
    let patterns = Patterns::of(skeletons.iter().map(String::as_str));
    std::fs::create_dir_all(folder)?;
    let path = folder.join(format!("{name}.tsv"));
    let mut out = BufWriter::new(std::fs::File::create(path)?);
    let of = |message: &Vec<u8>| patterns.pattern_of(&words_of(message));
    let mut members: BTreeMap<Pattern, Vec<&[u8]>> = BTreeMap::new();
    for message in messages {
        members.entry(of(message)).or_default().push(message);
    }
    let text = |(pattern, members): (&Pattern, &Vec<&[u8]>)| {
        (pattern.id, text_of(&pattern.skeleton, members.iter().copied()))
    };
    let texts: BTreeMap<PatternId, String> = members.iter().map(text).collect();
    for (index, message) in messages.iter().enumerate() {
        let id = of(message).id;
        writeln!(out, "{}\t{id}\t{}", index + 1, texts[&id])?;
    }
    out.flush()
}

fn words_of(message: &[u8]) -> String {
    String::from_utf8_lossy(&skeleton(message)).into_owned()
}

/// Returns the message of every line of a log, its header taken off.
fn messages(log: &[u8]) -> Vec<Vec<u8>> {
    let mut parser = Parser::utc(Format::Auto);
    let service = Arc::from("");
    let lines = log.strip_suffix(b"\n").unwrap_or(log).split(|&byte| byte == b'\n');
    let message = |line: &[u8]| {
        let chunk = Chunk {
            source: SourceIndex(0),
            partition: PartitionId(Arc::from("log")),
            bytes: Arc::new(line.to_vec()),
            end: Some(Offset::default()),
            received: EventTime::from_secs(1_716_000_000),
            lines_cut: 0,
            lost_bytes: 0,
            lag_bytes: 0,
        };
        let parsed = parser.parse(&service, &chunk);
        let event = parsed.batch.events.first();
        event.map_or_else(|| line.to_vec(), |event| parsed.batch.text(event.message).to_vec())
    };
    lines.map(message).collect()
}

/// Returns the column `Content` of a table in CSV.
fn contents(table: &[u8]) -> Vec<Vec<u8>> {
    let mut rows = rows(table).into_iter();
    let head = rows.next().unwrap_or_default();
    let column = head.iter().position(|name| name == b"Content").unwrap_or(0);
    rows.filter_map(|row| row.into_iter().nth(column)).collect()
}

/// Returns the fields of every row of a CSV file.
fn rows(table: &[u8]) -> Vec<Vec<Vec<u8>>> {
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), Vec::new());
    let (mut quoted, mut bytes) = (false, table.iter().copied().peekable());
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' if quoted && bytes.peek() == Some(&b'"') => {
                bytes.next();
                field.push(byte);
            }
            b'"' => quoted = !quoted,
            b',' if !quoted => row.push(std::mem::take(&mut field)),
            b'\r' if !quoted => {}
            b'\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            _ => field.push(byte),
        }
    }
    if !field.is_empty() || !row.is_empty() {
        row.push(field);
        rows.push(row);
    }
    rows
}
