//! Rows and documents as lines: one JSON object each, within the limit, whatever they hold.
//!
//! *Promises:* JSON text from a server keeps its bytes but for line ends, which can only stand between
//! values. What is too long becomes a shorter object that is still JSON: its short members, and the
//! beginning of its message.

use super::json_text;
use serde_json::{Map, Value as Json};

/// The longest member that a shortened object keeps whole, in bytes.
const MEMBER_BYTES_MAX: usize = 256;

/// The members of a JSON object that is being written.
#[derive(Debug)]
pub struct Members(String);

impl Default for Members {
    fn default() -> Self {
        Self("{".to_owned())
    }
}

impl Members {
    /// Adds a member whose value is JSON text.
    pub fn add(&mut self, name: &str, value: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        self.0.push_str(&json_text(&name));
        self.0.push(':');
        self.0.push_str(value);
    }

    /// Adds the members of an object given as JSON text.
    pub fn add_all(&mut self, object: &str) {
        let inner = object.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let inner = inner.unwrap_or_default().trim();
        if self.0.len() > 1 && !inner.is_empty() {
            self.0.push(',');
        }
        self.0.push_str(inner);
    }

    /// Returns the object.
    pub fn finish(mut self) -> String {
        self.0.push('}');
        self.0
    }
}

/// Appends JSON text as one line.
pub fn append_line(out: &mut Vec<u8>, json: &str) {
    out.extend(json.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }));
    out.push(b'\n');
}

/// Returns the object `json` in at most `max` bytes: its short members, and as much of `message` as
/// there is room for. Without a member of that name the whole text is the message.
pub fn shortened(json: &str, message: &str, max: usize) -> String {
    let mut object: Map<String, Json> = serde_json::from_str(json).unwrap_or_default();
    let text = match object.remove(message) {
        Some(Json::String(text)) => text,
        _ => json.to_owned(),
    };
    let mut members = Members::default();
    for (name, value) in &object {
        let value = json_text(value);
        let length = name.len() + value.len();
        if length <= MEMBER_BYTES_MAX && members.0.len() + length <= max / 2 {
            members.add(name, &value);
        }
    }
    // The name, quotes, colon, comma and brace around it.
    let room = max.saturating_sub(members.0.len() + message.len() + 7);
    members.add(message, &json_text(&beginning(&text, room)));
    members.finish()
}

/// Returns as much of the beginning of `text` as needs at most `max` bytes in JSON.
fn beginning(text: &str, max: usize) -> &str {
    let mut room = max;
    for (at, char) in text.char_indices() {
        let bytes = match char {
            '"' | '\\' => 2,
            '\0'..='\x1f' => 6,
            _ => char.len_utf8(),
        };
        if bytes > room {
            return &text[..at];
        }
        room -= bytes;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_objects_join() {
        let mut members = Members::default();
        members.add("_id", "\"1\"");
        members.add_all(" { } ");
        members.add_all("{\"a\": 1}");
        assert_eq!(members.finish(), "{\"_id\":\"1\",\"a\": 1}");
    }

    #[test]
    fn json_over_several_lines_becomes_one() {
        let mut out = Vec::new();
        append_line(&mut out, "{\n \"a\": \"x\\n\"\r\n}");
        assert_eq!(out, b"{  \"a\": \"x\\n\"  }\n");
    }

    #[test]
    fn limit_a_long_object_keeps_its_short_members_and_the_beginning_of_its_message() {
        let long = "\u{1}\"é".repeat(1000);
        let json = serde_json::json!({"level": "error", "message": long, "trace": "t".repeat(999)});
        for max in 64..200 {
            let short = shortened(&json.to_string(), "message", max);
            assert!(short.len() <= max, "{} bytes of {max}", short.len());
            let read: Json = serde_json::from_str(&short).unwrap();
            assert_eq!(read["level"], "error");
            assert!(long.starts_with(read["message"].as_str().unwrap()));
        }
    }
}
