//! The text of a `fingerprint` rule: words, and the groups of the pattern that stand in it.

use regex::bytes::{Captures, Regex};

/// The longest fingerprint that a rule can give, in bytes; also of its text in the file.
pub const FINGERPRINT_BYTES_MAX: usize = 1024;

/// Why a text cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum AskedError {
    /// There is nothing in it.
    #[error("the fingerprint is empty")]
    Empty,
    /// More than [`FINGERPRINT_BYTES_MAX`].
    #[error("the fingerprint is too long")]
    TooLong,
    /// `{` without `}`, or the other way round.
    #[error("a brace in the fingerprint has no partner")]
    OpenBrace,
    /// `{name}` of a group that the pattern does not have.
    #[error("the pattern has no group {0:?}")]
    UnknownGroup(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Group(usize),
}

/// A text with groups, such as `payment-{1}` or `{code}`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AskedFingerprint(Vec<Part>);

impl AskedFingerprint {
    /// Reads `text`, whose groups are those of `regex`; doubled braces stand for themselves.
    pub(super) fn read(text: &str, regex: &Regex) -> Result<AskedFingerprint, AskedError> {
        if text.is_empty() {
            return Err(AskedError::Empty);
        }
        if text.len() > FINGERPRINT_BYTES_MAX {
            return Err(AskedError::TooLong);
        }
        let (mut parts, mut words, mut rest) = (Vec::new(), String::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            words.push_str(&rest[..at]);
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                words.push_str(brace);
                rest = after;
                continue;
            }
            let (name, after) = match brace {
                "{" => rest.split_once('}').ok_or(AskedError::OpenBrace)?,
                _ => return Err(AskedError::OpenBrace),
            };
            let group = group(name, regex);
            let group = group.ok_or_else(|| AskedError::UnknownGroup(name.to_owned()))?;
            if !words.is_empty() {
                parts.push(Part::Text(std::mem::take(&mut words)));
            }
            parts.push(Part::Group(group));
            rest = after;
        }
        words.push_str(rest);
        if !words.is_empty() {
            parts.push(Part::Text(words));
        }
        Ok(AskedFingerprint(parts))
    }

    /// Returns the fingerprint of a match; a group that did not take part is empty.
    pub(super) fn of(&self, captures: &Captures<'_>) -> Vec<u8> {
        let mut fingerprint = Vec::new();
        for part in &self.0 {
            let bytes = match part {
                Part::Text(text) => text.as_bytes(),
                Part::Group(group) => {
                    captures.get(*group).map_or(&b""[..], |found| found.as_bytes())
                }
            };
            let room = FINGERPRINT_BYTES_MAX - fingerprint.len();
            fingerprint.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
        fingerprint
    }
}

/// Returns the number of the group of that number or name; 0 is the whole match.
fn group(name: &str, regex: &Regex) -> Option<usize> {
    match name.parse::<usize>() {
        Ok(number) => (number < regex.captures_len()).then_some(number),
        Err(_) => regex.capture_names().position(|known| known == Some(name)),
    }
}
