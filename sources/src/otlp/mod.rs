//! The `otlp` source: accepts OpenTelemetry logs over HTTP, as protobuf or JSON.
//!
//! ```text
//! protobuf ─┐
//!           ├─► resource, scope, record ─► one JSON line a record (`record`) ─► push
//! json    ──┘
//! ```
//! The answer has the type of the request: `ExportLogsServiceResponse`, with a partial success if some
//! records could not be taken, or a `Status` with the reason. What may succeed later has `Retry-After`.
//! *Promises, Offset and limits:* see [`push`](crate::push); `protobuf` and `json` name theirs.

#[cfg(test)]
mod clients;
mod json;
mod protobuf;
mod record;
mod reply;

use crate::push::options::{Defaults, PushOptions, Settings};
use crate::push::{Accepted, Decode, Protocol, PushSource, Refusal, Reply, essence};
use engine::component::{Build, ComponentType, Options, OptionsError, Source, StreamKind};
use http::StatusCode;
use reply::Encoding;
use std::sync::Arc;

/// The registry's entry.
pub const COMPONENT: ComponentType = ComponentType {
    name: "otlp",
    summary: "Accepts OpenTelemetry logs over HTTP, as protobuf or JSON; at least once.",
    inputs: &[],
    output: Some(StreamKind::Lines),
    schema: || schemars::schema_for!(PushOptions),
    build: Build::Source(build),
};

/// What holds if the user says nothing.
const DEFAULTS: Defaults = Defaults { listen: "127.0.0.1:4318", paths: &["/v1/logs"] };

fn build(options: &Options) -> Result<Box<dyn Source>, Vec<OptionsError>> {
    Ok(Box::new(source(options)?))
}

fn source(options: &Options) -> Result<PushSource, Vec<OptionsError>> {
    Ok(PushSource::new(Settings::from_options(options, DEFAULTS)?, Arc::new(Otlp)))
}

struct Otlp;

/// Returns how a request of this type is encoded.
fn encoding(content_type: Option<&str>) -> Option<Encoding> {
    match essence(content_type?).as_str() {
        "application/x-protobuf" | "application/protobuf" => Some(Encoding::Protobuf),
        "application/json" => Some(Encoding::Json),
        _ => None,
    }
}

impl Protocol for Otlp {
    fn decoder(&self, content_type: Option<&str>) -> Result<Decode, Refusal> {
        match encoding(content_type) {
            Some(Encoding::Protobuf) => Ok(protobuf::decode),
            Some(Encoding::Json) => Ok(json::decode),
            None => {
                let detail = "send `application/x-protobuf` or `application/json`";
                Err(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
            }
        }
    }

    fn accepted(&self, content_type: Option<&str>, accepted: &Accepted) -> Reply {
        reply::accepted(encoding(content_type).unwrap_or(Encoding::Json), accepted)
    }

    fn refused(&self, content_type: Option<&str>, refusal: &Refusal) -> Reply {
        reply::refused(encoding(content_type).unwrap_or(Encoding::Json), refusal)
    }
}

#[cfg(test)]
mod tests;
