//! JSON bodies become one JSON object a line; what is no object becomes the `message` of one, so that
//! each line is a record of its own whatever was sent.
//!
//! *Promises:* numbers, the order of keys and the spelling of strings in an object stay as they were
//! sent. One pass that checks and one that copies; nothing is kept of the values.

use super::lines_of;
use crate::escaped::fitting;
use crate::push::{Records, Refusal};
use serde::de::IgnoredAny;

/// One JSON value a line; blank lines do not count.
pub fn lines(body: &[u8], records: &mut Records) -> Result<(), Refusal> {
    for line in lines_of(body) {
        let line = line.trim_ascii();
        match serde_json::from_slice::<IgnoredAny>(line) {
            _ if line.is_empty() => {}
            Ok(_) if line.starts_with(b"{") => push_object(line, records)?,
            Ok(_) => push_value(line, records)?,
            Err(_) => push_message(line, records)?,
        }
    }
    Ok(())
}

/// One JSON object, or an array whose elements are records.
pub fn values(body: &[u8], records: &mut Records) -> Result<(), Refusal> {
    let body = body.trim_ascii();
    if body.is_empty() {
        return Ok(());
    }
    serde_json::from_slice::<IgnoredAny>(body)
        .map_err(|error| Refusal::malformed(format!("the body is no JSON: {error}")))?;
    match body.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")) {
        Some(inner) => elements(inner).try_for_each(|element| push_value(element, records)),
        None => push_value(body, records),
    }
}

/// Adds a value that was checked, without line breaks.
fn push_value(value: &[u8], records: &mut Records) -> Result<(), Refusal> {
    match value.trim_ascii() {
        [] => Ok(()),
        object @ [b'{', ..] => push_object(&compact(object), records),
        string @ [b'"', ..] => {
            let text: String = serde_json::from_slice(string).unwrap_or_default();
            push_message(text.as_bytes(), records)
        }
        other => push_message(&compact(other), records),
    }
}

/// Adds an object that fits on a line. Of a longer one the text is kept, as far as it fits: a piece of
/// it would be no record of its own.
fn push_object(object: &[u8], records: &mut Records) -> Result<(), Refusal> {
    match object.len() > records.line_bytes_max() {
        true => push_message(object, records),
        false => records.push(object),
    }
}

/// Adds a text as the message of a record, as far as it fits.
fn push_message(text: &[u8], records: &mut Records) -> Result<(), Refusal> {
    const AROUND: usize = r#"{"message":""}"#.len();
    let text = String::from_utf8_lossy(text);
    let message = fitting(&text, records.line_bytes_max() - AROUND);
    if message.len() < text.len() {
        records.count_cut();
    }
    records.push(serde_json::json!({ "message": message }).to_string().as_bytes())
}

/// Says what of a checked JSON text stands between values, byte by byte.
#[derive(Default)]
struct Outside {
    in_string: bool,
    escaped: bool,
    depth: usize,
}

impl Outside {
    /// Takes the next byte; returns whether it is no part of a string.
    fn step(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        byte != b'"'
    }
}

/// Returns a checked JSON text without the blanks between its values.
fn compact(text: &[u8]) -> Vec<u8> {
    let mut outside = Outside::default();
    let mut kept = Vec::with_capacity(text.len());
    kept.extend(text.iter().filter(|byte| !(outside.step(**byte) && byte.is_ascii_whitespace())));
    kept
}

/// Returns the elements of the inside of a checked array.
fn elements(inner: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut outside = Outside::default();
    inner.split(move |byte| outside.step(*byte) && *byte == b',' && outside.depth == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::push::testing::records;
    use engine::testing::fuzz::{Shape, coarse, fuzz};

    fn written(read: fn(&[u8], &mut Records) -> Result<(), Refusal>, body: &str) -> String {
        let mut records = records(1 << 20);
        read(body.as_bytes(), &mut records).unwrap();
        String::from_utf8(records.lines().to_vec()).unwrap()
    }

    #[test]
    fn a_line_that_is_no_object_becomes_a_message() {
        let body = "{\"a\": 1}\r\n\n  [1, 2]\n\"text\"\nnot JSON \"at\" all\n{\"b\":\n{}";
        let expected = "{\"a\": 1}\n{\"message\":\"[1,2]\"}\n{\"message\":\"text\"}\n\
                        {\"message\":\"not JSON \\\"at\\\" all\"}\n{\"message\":\"{\\\"b\\\":\"}\n{}\n";
        assert_eq!(written(lines, body), expected);
    }

    #[test]
    fn arrays_are_split_and_values_fit_on_a_line() {
        let body = "[ {\n  \"a, ]\\\"\" : [1 , {\"b\" : \"c  d\"}],\n \"n\": 1.50e3\n} , \"x\", 7, null ]\n";
        let expected = "{\"a, ]\\\"\":[1,{\"b\":\"c  d\"}],\"n\":1.50e3}\n{\"message\":\"x\"}\n\
                        {\"message\":\"7\"}\n{\"message\":\"null\"}\n";
        assert_eq!(written(values, body), expected);
        assert_eq!(written(values, " {\"a\" :\t\"b\"} "), "{\"a\":\"b\"}\n");
        for empty in ["", "  ", "[]", "[ ]"] {
            assert_eq!(written(values, empty), "", "{empty:?}");
        }
    }

    #[test]
    fn limit_what_is_too_long_for_a_line_stays_a_record() {
        let long = "\\\"\\u0001é".repeat(100);
        for value in [format!("{{\"a\":\"{long}\"}}"), format!("\"{long}\""), long] {
            let mut records = records(64);
            lines(value.as_bytes(), &mut records).unwrap();
            assert_eq!((records.count(), records.cut()), (1, 1));
            let line: serde_json::Value = serde_json::from_slice(records.lines()).unwrap();
            assert!(records.lines().len() > 58 && line["message"].is_string(), "{line}");
        }
    }

    #[test]
    fn what_is_no_json_is_refused_whole() {
        for body in ["{", "[1", "{} {}", "nope", "{\"a\":\"\n\"}", "[1,]"] {
            let mut records = records(1 << 20);
            let refusal = values(body.as_bytes(), &mut records).unwrap_err();
            assert_eq!(refusal.status.as_u16(), 400, "{body:?}");
        }
    }

    #[test]
    fn fuzz_any_bytes_are_json_objects_a_line_each_or_a_refusal() {
        let corpus = [
            &b"[ {\"a\" : [1, {\"b\": \"c\\\"\"}]} , \"x\", 7, null ]"[..],
            b"{\"a\": 1}\n\n[1]\nnot JSON\n\xff\n",
        ];
        fuzz("http json", &corpus.map(<[u8]>::to_vec), 5_000, |bytes| {
            let (mut whole, mut each) = (records(1 << 20), records(1 << 20));
            let outcome = values(bytes, &mut whole);
            lines(bytes, &mut each).unwrap();
            for written in [&whole, &each] {
                let lines = written.lines().split_inclusive(|byte| *byte == b'\n');
                assert_eq!(lines.clone().count() as u64, written.count());
                for line in lines {
                    assert!(serde_json::from_slice::<IgnoredAny>(line).is_ok());
                    assert!(line.starts_with(b"{") && line.ends_with(b"}\n"));
                }
            }
            let counts = [whole.count(), each.count()].map(|count| coarse(count as usize));
            Shape::of((outcome.is_ok(), counts))
        });
    }

    #[test]
    fn deep_nesting_needs_no_stack() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        let inner = &deep[1..deep.len() - 1];
        assert_eq!(written(values, &deep), format!("{{\"message\":\"{inner}\"}}\n"));
        assert_eq!(written(lines, &deep), format!("{{\"message\":\"{deep}\"}}\n"));
    }
}
