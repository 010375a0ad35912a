//! The input of `explain --each`: lines as they are, or rows of JSONL with the text in a field.
//! *Limit:* [`LINE_BYTES_MAX`] per line.

use crate::cli::ExplainArgs;
use crate::failure::Failure;
use anyhow::{Context, anyhow};
use engine::clock::{Clock, SystemClock};
use engine::model::EventTime;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::UNIX_EPOCH;

/// Longest line that is explained, in bytes; the rest of a longer one is skipped.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// A row of the input: its number from 1, the stream it belongs to, its text, and a time if the row
/// itself carries one.
pub(super) struct Row {
    pub(super) number: u64,
    pub(super) stream: String,
    pub(super) text: Vec<u8>,
    pub(super) time: Option<EventTime>,
}

/// Reads rows.
pub(super) struct Rows<'a> {
    input: BufReader<Box<dyn Read>>,
    args: &'a ExplainArgs,
    /// The instant by which times are judged: a file's modification, else now.
    pub(super) received: EventTime,
    number: u64,
}

impl<'a> Rows<'a> {
    /// Opens a file, or standard input for `-`.
    pub(super) fn open(path: &Path, args: &'a ExplainArgs) -> Result<Self, Failure> {
        let now = SystemClock.now();
        let rows =
            |input, received| Rows { input: BufReader::new(input), args, received, number: 0 };
        if path == Path::new("-") {
            return Ok(rows(Box::new(std::io::stdin()), now));
        }
        let cannot_read = || format!("cannot read {}", path.display());
        let metadata = std::fs::metadata(path).with_context(cannot_read)?;
        if metadata.is_dir() {
            return Err(anyhow!("cannot read {}: it is a directory", path.display()).into());
        }
        let file = File::open(path).with_context(cannot_read)?;
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let received = modified.map_or(now, |since| EventTime(since.as_nanos() as i64));
        Ok(rows(Box::new(file), received))
    }

    /// Returns the next row.
    pub(super) fn next_row(&mut self) -> Result<Option<Row>, Failure> {
        let Some(line) = self.next_line()? else { return Ok(None) };
        self.number += 1;
        let number = self.number;
        Ok(Some(row(line, number, self.args).with_context(|| format!("line {number}"))?))
    }

    /// Returns the next line without its end, cut at the limit.
    #[allow(clippy::disallowed_methods, reason = "read through `take` with a named limit")]
    fn next_line(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        let mut line = Vec::new();
        if self.input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        if line.last() != Some(&b'\n') && line.len() as u64 == LINE_BYTES_MAX {
            self.input.skip_until(b'\n')?;
        }
        while matches!(line.last(), Some(b'\n' | b'\r')) {
            line.pop();
        }
        Ok(Some(line))
    }
}

/// Takes a JSONL row apart, if the input is said to be JSONL.
fn row(line: Vec<u8>, number: u64, args: &ExplainArgs) -> anyhow::Result<Row> {
    let Some(text_field) = &args.jsonl_text else {
        return Ok(Row { number, stream: String::new(), text: line, time: None });
    };
    let row: serde_json::Value = serde_json::from_slice(&line).context("cannot read it as JSON")?;
    let text = row[text_field.as_str()]
        .as_str()
        .ok_or_else(|| anyhow!("there is no text in the field {text_field:?}"))?;
    let stream = args.jsonl_stream.as_ref().map_or(String::new(), |field| {
        let value = &row[field.as_str()];
        value.as_str().map_or_else(|| value.to_string(), str::to_owned)
    });
    let time = args.jsonl_time.as_ref().and_then(|field| time_of(&row[field.as_str()]));
    Ok(Row { number, stream, text: text.as_bytes().to_vec(), time })
}

/// Reads a time field: RFC 3339 text, or seconds since 1970.
fn time_of(value: &serde_json::Value) -> Option<EventTime> {
    if let Some(seconds) = value.as_f64() {
        return Some(EventTime((seconds * 1e9) as i64));
    }
    let instant: jiff::Timestamp = value.as_str()?.parse().ok()?;
    i64::try_from(instant.as_nanosecond()).ok().map(EventTime)
}
