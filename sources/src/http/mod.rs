//! The `http` source: accepts lines that others push, and acknowledges what was committed.
//!
//! | Content type | One record is |
//! | --- | --- |
//! | `application/x-ndjson`, `application/jsonl` | a line; what is no JSON object becomes its `message` |
//! | `application/json` | the object, or each element of the array |
//! | `text/plain`, or none | a line, or several that belong together, such as a stack trace |
//! | `application/vnd.fdo.journal` | an entry of the journal's export format |
//!
//! The answer is `{"accepted":n}`, n lines, once they are durable. *Promises, Offset and limits:* see
//! [`push`](crate::push).

mod json;

use crate::journald::export;
use crate::push::options::{Defaults, PushOptions, Settings};
use crate::push::{
    Accepted, Decode, Protocol, PushSource, Records, Refusal, Relation, Reply, essence,
};
use engine::component::{Build, ComponentType, Options, OptionsError, Source, StreamKind};
use http::StatusCode;
use std::sync::Arc;

/// The registry's entry.
pub const COMPONENT: ComponentType = ComponentType {
    name: "http",
    summary: "Accepts lines, JSON and journal entries over HTTP; exactly once with an \
              `Idempotency-Key`, else at least once.",
    inputs: &[],
    output: Some(StreamKind::Lines),
    schema: || schemars::schema_for!(PushOptions),
    build: Build::Source(build),
};

/// What holds if the user says nothing.
const DEFAULTS: Defaults =
    Defaults { listen: "127.0.0.1:8741", paths: &["/", "/v1/lines", "/upload"] };

fn build(options: &Options) -> Result<Box<dyn Source>, Vec<OptionsError>> {
    Ok(Box::new(source(options)?))
}

fn source(options: &Options) -> Result<PushSource, Vec<OptionsError>> {
    Ok(PushSource::new(Settings::from_options(options, DEFAULTS)?, Arc::new(Http)))
}

struct Http;

impl Protocol for Http {
    fn decoder(&self, content_type: Option<&str>) -> Result<Decode, Refusal> {
        Ok(match essence(content_type.unwrap_or("text/plain")).as_str() {
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonlines" => json::lines,
            "application/json" => json::values,
            // What `curl` says if it is told nothing.
            "text/plain" | "application/x-www-form-urlencoded" | "application/octet-stream" => text,
            "application/vnd.fdo.journal" => journal,
            other => {
                let detail = format!(
                    "`{}` is not taken here; send `application/x-ndjson`, `application/json`, \
                     `text/plain` or `application/vnd.fdo.journal`",
                    other.escape_default()
                );
                return Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
            }
        })
    }

    fn accepted(&self, _: Option<&str>, accepted: &Accepted) -> Reply {
        let body = match accepted.rejected {
            0 => serde_json::json!({ "accepted": accepted.records }),
            rejected => serde_json::json!({
                "accepted": accepted.records,
                "rejected": rejected,
                "reason": accepted.rejected_why,
            }),
        };
        let body = body.to_string().into_bytes();
        Reply { status: StatusCode::OK, content_type: "application/json", body }
    }

    fn refused(&self, _: Option<&str>, refusal: &Refusal) -> Reply {
        Reply::problem(refusal)
    }
}

/// Lines as they are.
fn text(body: &[u8], records: &mut Records) -> Result<(), Refusal> {
    records.relation = Relation::Joined;
    for line in lines_of(body) {
        records.push(line)?;
    }
    Ok(())
}

/// Entries of the journal. Those of one unit may be the lines of one record.
fn journal(body: &[u8], records: &mut Records) -> Result<(), Refusal> {
    records.relation = Relation::Joined;
    let mut reader = export::Reader::new(records.line_bytes_max());
    let mut outcome = Ok(());
    reader.push(body, |entry| {
        if outcome.is_ok() {
            outcome = push_entry(records, entry);
        }
    });
    outcome?;
    match reader.finish() {
        Some(entry) => push_entry(records, entry),
        None => Ok(()),
    }
}

fn push_entry(records: &mut Records, entry: export::Entry) -> Result<(), Refusal> {
    match entry.line {
        Some(line) => {
            if entry.is_cut {
                records.count_cut();
            }
            records.push(&line)
        }
        None => {
            records.reject("an entry has no message");
            Ok(())
        }
    }
}

/// Returns the lines of a body; a last one needs no newline.
fn lines_of(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split_inclusive(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\n").unwrap_or(line))
}

#[cfg(test)]
mod tests;
