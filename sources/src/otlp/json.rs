//! JSON: reads `ExportLogsServiceRequest` in the JSON of protobuf, as OpenTelemetry has it: keys in
//! lowerCamelCase, identifiers in hexadecimal digits, 64-bit numbers as numbers or strings; other keys
//! are ignored.
//!
//! *Promises:* lists are read element by element; of a value nothing is built but its text. Time is
//! linear in the bytes: each is read a few times for each level it is nested in, of which there are at
//! most [`DEPTH_MAX`] and six.

mod schema;

use super::protobuf::{DEPTH_MAX, TOO_DEEP, TOO_LARGE};
use super::record::{Attributes, Level, Origin, RECORD_BYTES_MAX, Record, put};
use crate::push::{Records, Refusal};
use schema::{
    AnyValue, KeyValue, LogRecord, Raw, Request, Resource, ResourceLogs, Scope, ScopeLogs, Values,
};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Why a text is no such message.
#[derive(Debug)]
enum Malformed {
    /// It is not what stands in the schema.
    Json(String),
    /// A value nests too deep.
    TooDeep,
    /// It was refused for another reason.
    Refused(Refusal),
}

impl From<serde_json::Error> for Malformed {
    fn from(error: serde_json::Error) -> Self {
        Malformed::Json(error.to_string())
    }
}

impl From<Refusal> for Malformed {
    fn from(refusal: Refusal) -> Self {
        Malformed::Refused(refusal)
    }
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        let why = match malformed {
            Malformed::Refused(refusal) => return refusal,
            Malformed::Json(why) => why,
            Malformed::TooDeep => TOO_DEEP.to_owned(),
        };
        Refusal::malformed(format!("the body is no ExportLogsServiceRequest in JSON: {why}"))
    }
}

/// Reads a list element by element; nothing there is an empty list.
fn each<'b>(
    list: Raw<'b>,
    take: impl FnMut(&'b RawValue) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    struct Elements<F>(F, Option<Malformed>);
    impl<'b, F: FnMut(&'b RawValue) -> Result<(), Malformed>> Visitor<'b> for &mut Elements<F> {
        type Value = ();

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'b>>(self, mut list: A) -> Result<(), A::Error> {
            while let Some(element) = list.next_element::<&'b RawValue>()? {
                if let Err(malformed) = (self.0)(element) {
                    self.1 = Some(malformed);
                    return Err(A::Error::custom("an element"));
                }
            }
            Ok(())
        }
    }
    let Some(list) = list else { return Ok(()) };
    let mut elements = Elements(take, None);
    let read = list.deserialize_seq(&mut elements);
    match elements.1 {
        Some(malformed) => Err(malformed),
        None => Ok(read?),
    }
}

/// Writes the records of a request.
pub fn decode(body: &[u8], records: &mut Records) -> Result<(), Refusal> {
    match body.trim_ascii().first() {
        None => return Ok(()),
        Some(b'{') => {}
        // A list would pass for a message whose fields stand in order.
        Some(_) => return Err(Malformed::Json("it is no object".into()).into()),
    }
    let request: Request<'_> = serde_json::from_slice(body).map_err(Malformed::from)?;
    Ok(each(request.resource_logs, |element| resource_logs(element, records))?)
}

fn read<'b, T: Deserialize<'b>>(text: &'b RawValue) -> Result<T, Malformed> {
    Ok(serde_json::from_str(text.get())?)
}

fn resource_logs(text: &RawValue, records: &mut Records) -> Result<(), Malformed> {
    let logs: ResourceLogs<'_> = read(text)?;
    let mut origin = Origin::default();
    if let Some(resource) = logs.resource {
        check_size(resource)?;
        let resource: Resource<'_> = read(resource)?;
        attributes(resource.attributes, Level::Resource, &mut origin.resource)?;
    }
    each(logs.scope_logs, |element| scope_logs(element, &mut origin, records))
}

fn check_size(text: &RawValue) -> Result<(), Malformed> {
    match text.get().len() > RECORD_BYTES_MAX {
        true => Err(Refusal::too_large(RECORD_BYTES_MAX).into()),
        false => Ok(()),
    }
}

fn scope_logs(
    text: &RawValue,
    origin: &mut Origin,
    records: &mut Records,
) -> Result<(), Malformed> {
    let logs: ScopeLogs<'_> = read(text)?;
    (origin.scope_name, origin.scope_version) = Default::default();
    origin.scope = Attributes::default();
    if let Some(scope) = logs.scope {
        check_size(scope)?;
        let scope: Scope<'_> = read(scope)?;
        origin.scope_name = scope.name.unwrap_or_default();
        origin.scope_version = scope.version.unwrap_or_default();
        attributes(scope.attributes, Level::Scope, &mut origin.scope)?;
    }
    each(logs.log_records, |element| {
        if element.get().len() > RECORD_BYTES_MAX {
            records.reject(TOO_LARGE);
            return Ok(());
        }
        match log_record(element) {
            Ok(record) => Ok(record.write(origin, records)?),
            Err(Malformed::TooDeep) => {
                records.reject(TOO_DEEP);
                Ok(())
            }
            Err(malformed) => Err(malformed),
        }
    })
}

fn log_record(text: &RawValue) -> Result<Record, Malformed> {
    let given: LogRecord<'_> = read(text)?;
    let mut record = Record {
        time: given.time_unix_nano.0,
        observed: given.observed_time_unix_nano.0,
        severity_number: given.severity_number.0,
        severity_text: given.severity_text.unwrap_or_default(),
        body: given.body.map_or(Ok(Vec::new()), |body| any_value(body, 1))?,
        trace_id: identifier(given.trace_id),
        span_id: identifier(given.span_id),
        event_name: given.event_name.unwrap_or_default(),
        ..Record::default()
    };
    attributes(given.attributes, Level::Record, &mut record.attributes)?;
    Ok(record)
}

/// Returns an identifier in lower case; all zeros, or anything else, mean none.
fn identifier(text: Option<String>) -> String {
    let text = text.unwrap_or_default();
    let is_one = text.len() <= 32
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && text.bytes().any(|byte| byte != b'0');
    if is_one { text.to_ascii_lowercase() } else { String::new() }
}

/// Reads attributes. One that nests too deep is left out, unless it is a record's.
fn attributes(list: Raw<'_>, level: Level, into: &mut Attributes) -> Result<(), Malformed> {
    each(list, |element| match key_value(element, 1) {
        Ok((key, value)) => {
            into.add(level, &key, &value);
            Ok(())
        }
        Err(Malformed::TooDeep) if level != Level::Record => Ok(()),
        Err(malformed) => Err(malformed),
    })
}

fn key_value(text: &RawValue, depth: usize) -> Result<(String, Vec<u8>), Malformed> {
    let KeyValue { key, value } = read(text)?;
    let value = value.map_or(Ok(b"null".to_vec()), |value| any_value(value, depth))?;
    Ok((key.unwrap_or_default(), value))
}

/// Returns a value as a JSON text.
fn any_value(text: &RawValue, depth: usize) -> Result<Vec<u8>, Malformed> {
    if depth > DEPTH_MAX {
        return Err(Malformed::TooDeep);
    }
    let value: AnyValue<'_> = read(text)?;
    if let Some(text) = value.string_value.or(value.bytes_value) {
        return scalar(text, |text| text.starts_with('"'));
    }
    if let Some(text) = value.bool_value {
        return scalar(text, |text| matches!(text, "true" | "false"));
    }
    if let Some(text) = value.int_value {
        return whole_number(text);
    }
    if let Some(text) = value.double_value {
        return scalar(text, |text| {
            let quoted = matches!(text, "\"NaN\"" | "\"Infinity\"" | "\"-Infinity\"");
            quoted || text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        });
    }
    if let Some(list) = value.array_value {
        return array(list, depth);
    }
    match value.kvlist_value {
        Some(list) => key_values(list, depth),
        None => Ok(b"null".to_vec()),
    }
}

fn scalar(text: &RawValue, fits: impl Fn(&str) -> bool) -> Result<Vec<u8>, Malformed> {
    match fits(text.get()) {
        true => Ok(text.get().as_bytes().to_vec()),
        false => Err(Malformed::Json("a value is not of its type".into())),
    }
}

/// Returns a whole number that may be written as a string.
fn whole_number(text: &RawValue) -> Result<Vec<u8>, Malformed> {
    let digits = text.get().trim_matches('"');
    match digits.parse::<i64>() {
        Ok(number) => Ok(number.to_string().into_bytes()),
        Err(error) => Err(Malformed::Json(format!("a whole number cannot be read: {error}"))),
    }
}

fn array(text: &RawValue, depth: usize) -> Result<Vec<u8>, Malformed> {
    let Values { values } = read(text)?;
    let mut array = vec![b'['];
    each(values, |element| {
        if array.len() > 1 {
            array.push(b',');
        }
        array.append(&mut any_value(element, depth + 1)?);
        Ok(())
    })?;
    array.push(b']');
    Ok(array)
}

fn key_values(text: &RawValue, depth: usize) -> Result<Vec<u8>, Malformed> {
    let Values { values } = read(text)?;
    let mut object = Vec::new();
    each(values, |element| {
        let (key, value) = key_value(element, depth + 1)?;
        put(&mut object, &key, &value);
        Ok(())
    })?;
    if object.is_empty() {
        object.push(b'{');
    }
    object.push(b'}');
    Ok(object)
}

#[cfg(test)]
pub(super) mod tests;
