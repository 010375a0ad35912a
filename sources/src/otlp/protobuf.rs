//! Protobuf: reads `ExportLogsServiceRequest`, and writes the little that answers need.
//!
//! A reader by hand: the four wire types, and the fields of eight messages. Fields of other numbers are
//! skipped, as are groups' relics (an error). *Promises:* any bytes are read or refused, in time linear
//! in their number: no field is read more than twice at each of its levels.
//!
//! *State and limits:* values nest up to [`DEPTH_MAX`]; a record with a deeper one is rejected.

use super::record::{Attributes, Level, Origin, RECORD_BYTES_MAX, Record, put, quoted};
use crate::poll::to_base64;
use crate::push::{Records, Refusal};

/// How deep values may nest.
pub const DEPTH_MAX: usize = 32;
/// Why a record with a deeper one is rejected.
pub const TOO_DEEP: &str = "a value nests too deep";
/// Why a record is rejected that is larger than one can be.
pub const TOO_LARGE: &str = "a record has more than 8 MiB";

/// Why bytes are no such message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// They end too early, or hold what no message holds.
    Bytes,
    /// A value nests too deep.
    TooDeep,
    /// A record is larger than one can be.
    TooLarge,
}

/// The value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wire<'b> {
    Varint(u64),
    Fixed64(u64),
    Bytes(&'b [u8]),
    Fixed32,
}

impl<'b> Wire<'b> {
    /// Returns the bytes of a message, a string or bytes.
    fn bytes(self) -> Result<&'b [u8], Malformed> {
        match self {
            Wire::Bytes(bytes) => Ok(bytes),
            _ => Err(Malformed::Bytes),
        }
    }

    fn number(self) -> Result<u64, Malformed> {
        match self {
            Wire::Varint(number) | Wire::Fixed64(number) => Ok(number),
            _ => Err(Malformed::Bytes),
        }
    }

    fn text(self) -> Result<String, Malformed> {
        Ok(String::from_utf8_lossy(self.bytes()?).into_owned())
    }

    fn hex(self) -> Result<String, Malformed> {
        let bytes = self.bytes()?;
        // Identifiers have 8 or 16 bytes; what is longer is none, and all zeros mean none.
        let is_one = bytes.len() <= 16 && bytes.iter().any(|byte| *byte != 0);
        let digits = if is_one { bytes } else { &[] };
        Ok(digits.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// The fields of a message.
struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut number = 0;
        for (at, byte) in self.0.iter().take(10).enumerate() {
            number |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                self.0 = &self.0[at + 1..];
                return Ok(number);
            }
        }
        Err(Malformed::Bytes)
    }

    fn take(&mut self, count: u64) -> Result<&'b [u8], Malformed> {
        let count = usize::try_from(count).map_err(|_| Malformed::Bytes)?;
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed::Bytes)?;
        self.0 = rest;
        Ok(taken)
    }

    fn field(&mut self) -> Result<(u64, Wire<'b>), Malformed> {
        let tag = self.varint()?;
        let value = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => {
                let bytes = self.take(8)?.first_chunk().ok_or(Malformed::Bytes)?;
                Wire::Fixed64(u64::from_le_bytes(*bytes))
            }
            2 => {
                let length = self.varint()?;
                Wire::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Wire::Fixed32
            }
            _ => return Err(Malformed::Bytes),
        };
        match tag >> 3 {
            0 => Err(Malformed::Bytes),
            number => Ok((number, value)),
        }
    }
}

impl<'b> Iterator for Fields<'b> {
    type Item = Result<(u64, Wire<'b>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

/// Writes the records of a request.
pub fn decode(body: &[u8], records: &mut Records) -> Result<(), Refusal> {
    for field in Fields(body) {
        if let (1, value) = field.map_err(refusal)? {
            resource_logs(value.bytes().map_err(refusal)?, records)?;
        }
    }
    Ok(())
}

/// Refuses what is said of many records and is larger than one can be.
fn check_size(bytes: &[u8]) -> Result<(), Refusal> {
    match bytes.len() > RECORD_BYTES_MAX {
        true => Err(Refusal::too_large(RECORD_BYTES_MAX)),
        false => Ok(()),
    }
}

fn refusal(_: Malformed) -> Refusal {
    Refusal::malformed("the body is no ExportLogsServiceRequest in protobuf")
}

fn resource_logs(bytes: &[u8], records: &mut Records) -> Result<(), Refusal> {
    let mut origin = Origin::default();
    // The resource may stand behind the records that it is about.
    for field in Fields(bytes) {
        if let (1, value) = field.map_err(refusal)? {
            let resource = value.bytes().map_err(refusal)?;
            check_size(resource)?;
            attributes(resource, 1, Level::Resource, &mut origin.resource).map_err(refusal)?;
        }
    }
    for field in Fields(bytes) {
        if let (2, value) = field.map_err(refusal)? {
            scope_logs(value.bytes().map_err(refusal)?, &mut origin, records)?;
        }
    }
    Ok(())
}

fn scope_logs(bytes: &[u8], origin: &mut Origin, records: &mut Records) -> Result<(), Refusal> {
    (origin.scope_name, origin.scope_version) = Default::default();
    origin.scope = Attributes::default();
    for field in Fields(bytes) {
        if let (1, value) = field.map_err(refusal)? {
            let bytes = value.bytes().map_err(refusal)?;
            check_size(bytes)?;
            scope(bytes, origin).map_err(refusal)?;
        }
    }
    for field in Fields(bytes) {
        if let (2, value) = field.map_err(refusal)? {
            match log_record(value.bytes().map_err(refusal)?) {
                Err(Malformed::TooLarge) => records.reject(TOO_LARGE),
                Ok(record) => record.write(origin, records)?,
                Err(Malformed::TooDeep) => records.reject(TOO_DEEP),
                Err(malformed) => return Err(refusal(malformed)),
            }
        }
    }
    Ok(())
}

fn scope(bytes: &[u8], origin: &mut Origin) -> Result<(), Malformed> {
    for field in Fields(bytes) {
        match field? {
            (1, value) => origin.scope_name = value.text()?,
            (2, value) => origin.scope_version = value.text()?,
            _ => {}
        }
    }
    attributes(bytes, 3, Level::Scope, &mut origin.scope)
}

/// Reads the attributes in the fields with this number. One that nests too deep is left out here: only
/// that of a record is worth its rejection.
fn attributes(
    bytes: &[u8],
    number: u64,
    level: Level,
    into: &mut Attributes,
) -> Result<(), Malformed> {
    for field in Fields(bytes) {
        let (found, value) = field?;
        if found != number {
            continue;
        }
        match key_value(value.bytes()?, 1) {
            Ok((key, value)) => into.add(level, &key, &value),
            Err(Malformed::TooDeep) if level != Level::Record => {}
            Err(malformed) => return Err(malformed),
        }
    }
    Ok(())
}

fn log_record(bytes: &[u8]) -> Result<Record, Malformed> {
    if bytes.len() > RECORD_BYTES_MAX {
        return Err(Malformed::TooLarge);
    }
    let mut record = Record::default();
    for field in Fields(bytes) {
        match field? {
            (1, value) => record.time = value.number()?,
            (11, value) => record.observed = value.number()?,
            (2, value) => record.severity_number = value.number()?,
            (3, value) => record.severity_text = value.text()?,
            (5, value) => record.body = any_value(value.bytes()?, 1)?,
            (9, value) => record.trace_id = value.hex()?,
            (10, value) => record.span_id = value.hex()?,
            (12, value) => record.event_name = value.text()?,
            _ => {}
        }
    }
    attributes(bytes, 6, Level::Record, &mut record.attributes)?;
    Ok(record)
}

fn key_value(bytes: &[u8], depth: usize) -> Result<(String, Vec<u8>), Malformed> {
    let (mut key, mut value) = (String::new(), b"null".to_vec());
    for field in Fields(bytes) {
        match field? {
            (1, found) => key = found.text()?,
            (2, found) => value = any_value(found.bytes()?, depth)?,
            _ => {}
        }
    }
    Ok((key, value))
}

/// Returns a value as a JSON text.
fn any_value(bytes: &[u8], depth: usize) -> Result<Vec<u8>, Malformed> {
    if depth > DEPTH_MAX {
        return Err(Malformed::TooDeep);
    }
    let mut text = b"null".to_vec();
    for field in Fields(bytes) {
        text = match field? {
            (1, value) => quoted(&value.text()?),
            (2, value) => if value.number()? != 0 { "true" } else { "false" }.into(),
            (3, value) => (value.number()? as i64).to_string().into_bytes(),
            (4, value) => double(f64::from_bits(value.number()?)),
            (5, value) => array(value.bytes()?, depth)?,
            (6, value) => key_values(value.bytes()?, depth)?,
            (7, value) => quoted(&to_base64(value.bytes()?)),
            _ => continue,
        };
    }
    Ok(text)
}

fn array(bytes: &[u8], depth: usize) -> Result<Vec<u8>, Malformed> {
    let mut text = vec![b'['];
    for field in Fields(bytes) {
        if let (1, value) = field? {
            if text.len() > 1 {
                text.push(b',');
            }
            text.append(&mut any_value(value.bytes()?, depth + 1)?);
        }
    }
    text.push(b']');
    Ok(text)
}

fn key_values(bytes: &[u8], depth: usize) -> Result<Vec<u8>, Malformed> {
    let mut text = Vec::new();
    for field in Fields(bytes) {
        if let (1, value) = field? {
            let (key, value) = key_value(value.bytes()?, depth + 1)?;
            put(&mut text, &key, &value);
        }
    }
    if text.is_empty() {
        text.push(b'{');
    }
    text.push(b'}');
    Ok(text)
}

/// Returns a number as a JSON text; what JSON has no number for is a string, as protobuf has it.
pub fn double(number: f64) -> Vec<u8> {
    match number {
        _ if number.is_nan() => b"\"NaN\"".to_vec(),
        f64::INFINITY => b"\"Infinity\"".to_vec(),
        f64::NEG_INFINITY => b"\"-Infinity\"".to_vec(),
        // Shortest, however large the number.
        _ => serde_json::Value::from(number).to_string().into_bytes(),
    }
}

/// Writes a number as a field.
pub fn put_varint(out: &mut Vec<u8>, field: u64, number: u64) {
    varint(out, field << 3);
    varint(out, number);
}

/// Writes bytes, a text or a message as a field.
pub fn put_bytes(out: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    varint(out, field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[cfg(test)]
pub(super) mod tests;
