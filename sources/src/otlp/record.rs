//! Record: one log record of OpenTelemetry as the JSON line that `parse` reads without configuration.
//!
//! ```text
//! {"time_unix_nano":…,"severity_number":…,"message":…,"service.name":…,"host.name":…,"logger":…,
//!  "exception.type":…,"exception.message":…,"exception.stacktrace":…,"trace_id":…,"span_id":…,
//!  "attributes":{…},"scope":{…},"resource":{"attributes":{…}}}
//! ```
//! Only what `parse` looks for stands at the top, so no attribute of a user is taken for something else.
//! A body that is a structure is written as its JSON text. Values are kept as JSON texts from the moment
//! they are read; nothing is built of them.
//!
//! *State and limits:* a line over the limit is written again without attributes, and with its texts cut
//! to a [`PART`]th of the limit each; it stays JSON and is counted as cut.

use crate::escaped::fitting;
use crate::push::{Records, Refusal};

/// Largest record or resource, as it is sent; written as JSON it may be six times as large.
pub const RECORD_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Attributes of a resource or a scope, in bytes: they are written with every record. Further ones are
/// left out.
pub const ORIGIN_BYTES_MAX: usize = 8 * 1024;
/// Which part of a line each text of a record may have that is too long.
const PART: usize = 16;
/// Attributes that are written at the top of the line, with the names they have there.
const PROMOTED: [(&str, &str); 3] = [
    ("exception.type", "exception.type"),
    ("exception.message", "exception.message"),
    ("exception.stacktrace", "exception.stacktrace"),
];
/// Attributes of the resource that are written at the top of the line.
const PROMOTED_OF_RESOURCE: [(&str, &str); 3] =
    [("service.name", "service.name"), ("host.name", "host.name"), ("process.pid", "pid")];

/// Attributes as JSON texts: those with a name of their own, and all others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    promoted: Vec<(&'static str, Vec<u8>)>,
    others: Vec<u8>,
}

/// Where attributes stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// On the record.
    Record,
    /// On its scope.
    Scope,
    /// On its resource.
    Resource,
}

impl Attributes {
    /// Adds an attribute whose value is a JSON text. The first of a name counts.
    pub fn add(&mut self, level: Level, key: &str, value: &[u8]) {
        let promoted: &[(&str, &'static str)] = match level {
            Level::Record => &PROMOTED,
            Level::Resource => &PROMOTED_OF_RESOURCE,
            Level::Scope => &[],
        };
        if level != Level::Record && self.bytes() + key.len() + value.len() > ORIGIN_BYTES_MAX {
            return;
        }
        let promoted = promoted.iter().find(|(name, _)| *name == key).map(|(_, at_top)| *at_top);
        match promoted {
            Some(at_top) if self.promoted.iter().all(|(known, _)| *known != at_top) => {
                self.promoted.push((at_top, value.to_vec()));
            }
            Some(_) => {}
            None => put(&mut self.others, key, value),
        }
    }

    /// Returns how many bytes there are.
    pub fn bytes(&self) -> usize {
        self.others.len() + self.promoted.iter().map(|(_, value)| value.len()).sum::<usize>()
    }

    fn is_empty(&self) -> bool {
        self.others.is_empty()
    }
}

/// What a request says once for many records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Attributes of the resource.
    pub resource: Attributes,
    /// The name of the scope, as text.
    pub scope_name: String,
    /// The version of the scope, as text.
    pub scope_version: String,
    /// Attributes of the scope.
    pub scope: Attributes,
}

/// One log record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// When it happened, in nanoseconds; 0 if it does not say.
    pub time: u64,
    /// When it was seen, in nanoseconds; 0 if it does not say.
    pub observed: u64,
    /// The severity number; 0 if it does not say.
    pub severity_number: u64,
    /// The severity as its program names it.
    pub severity_text: String,
    /// The body as a JSON text; empty if there is none.
    pub body: Vec<u8>,
    /// The attributes.
    pub attributes: Attributes,
    /// The trace, in hexadecimal digits.
    pub trace_id: String,
    /// The span, in hexadecimal digits.
    pub span_id: String,
    /// The name of the event, if it is one.
    pub event_name: String,
}

impl Record {
    /// Writes the record as a line.
    pub fn write(&self, origin: &Origin, records: &mut Records) -> Result<(), Refusal> {
        let line_bytes_max = records.line_bytes_max();
        let bytes = self.body.len()
            + self.attributes.bytes()
            + origin.resource.bytes()
            + origin.scope.bytes();
        if bytes <= line_bytes_max {
            let line = self.line(origin, None);
            if line.len() <= line_bytes_max {
                return records.push(&line);
            }
        }
        records.count_cut();
        let line = self.line(origin, Some(line_bytes_max / PART));
        match line.len() <= line_bytes_max {
            true => records.push(&line),
            false => records.push(b"{}"),
        }
    }

    /// Returns the line; with a limit for each text, without attributes.
    fn line(&self, origin: &Origin, text_max: Option<usize>) -> Vec<u8> {
        let mut line = Vec::with_capacity(256 + self.body.len());
        self.put_head(&mut line, text_max);
        let texts = |line: &mut Vec<u8>, name: &str, text: &str| {
            if !text.is_empty() {
                put(line, name, &limited(&quoted(text), text_max));
            }
        };
        for (name, value) in self.attributes.promoted.iter().chain(&origin.resource.promoted) {
            put(&mut line, name, &limited(value, text_max));
        }
        texts(&mut line, "logger", &origin.scope_name);
        texts(&mut line, "trace_id", &self.trace_id);
        texts(&mut line, "span_id", &self.span_id);
        if text_max.is_none() {
            texts(&mut line, "event_name", &self.event_name);
            self.put_attributes(&mut line, origin);
        }
        if line.is_empty() {
            line.push(b'{');
        }
        line.push(b'}');
        line
    }

    /// Puts time, severity and message.
    fn put_head(&self, line: &mut Vec<u8>, text_max: Option<usize>) {
        let time = if self.time != 0 { self.time } else { self.observed };
        if time != 0 {
            put(line, "time_unix_nano", time.to_string().as_bytes());
        }
        match (self.severity_number, self.severity_text.as_str()) {
            (1..=24, _) => {
                put(line, "severity_number", self.severity_number.to_string().as_bytes());
            }
            (_, "") => {}
            (_, text) => put(line, "severity_text", &limited(&quoted(text), text_max)),
        }
        let is_told =
            self.attributes.promoted.iter().any(|(name, _)| name.starts_with("exception"));
        match self.body.first() {
            Some(b'"') if self.body.len() > 2 => {
                put(line, "message", &limited(&self.body, text_max));
            }
            Some(first) if *first != b'"' && self.body != b"null" => {
                let text = String::from_utf8_lossy(&self.body);
                put(line, "message", &limited(&quoted(&text), text_max));
            }
            // What went wrong is the message then.
            _ if is_told || self.event_name.is_empty() => {}
            _ => put(line, "message", &limited(&quoted(&self.event_name), text_max)),
        }
    }

    fn put_attributes(&self, line: &mut Vec<u8>, origin: &Origin) {
        let object =
            |inner: &[u8]| [if inner.is_empty() { b"{" } else { &b""[..] }, inner, b"}"].concat();
        if !self.attributes.is_empty() {
            put(line, "attributes", &object(&self.attributes.others));
        }
        let mut scope = Vec::new();
        if !origin.scope_version.is_empty() {
            put(&mut scope, "version", &quoted(&origin.scope_version));
        }
        if !origin.scope.is_empty() {
            put(&mut scope, "attributes", &object(&origin.scope.others));
        }
        if !scope.is_empty() {
            put(line, "scope", &object(&scope));
        }
        if !origin.resource.is_empty() {
            let mut resource = Vec::new();
            put(&mut resource, "attributes", &object(&origin.resource.others));
            put(line, "resource", &object(&resource));
        }
    }
}

/// Puts a member into an object that is being written, which it opens if it is the first.
pub fn put(object: &mut Vec<u8>, name: &str, value: &[u8]) {
    object.push(if object.is_empty() { b'{' } else { b',' });
    put_quoted(object, name);
    object.push(b':');
    object.extend_from_slice(value);
}

/// Returns a text as a JSON string.
pub fn quoted(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 2);
    put_quoted(&mut out, text);
    out
}

fn put_quoted(out: &mut Vec<u8>, text: &str) {
    // Writing a string to memory cannot fail.
    let _written = serde_json::to_writer(out, text);
}

/// Returns a JSON value, cut to `max` bytes if it is a string; anything longer that is none becomes null.
fn limited(value: &[u8], max: Option<usize>) -> Vec<u8> {
    let Some(max) = max.filter(|max| value.len() > *max) else { return value.to_vec() };
    let Ok(text) = serde_json::from_slice::<String>(value) else { return b"null".to_vec() };
    quoted(fitting(&text, max.saturating_sub(2)))
}
