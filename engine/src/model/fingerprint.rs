//! Identity: [`Template`] (message with placeholders), [`Fingerprint`] (service, severity class and
//! template), and what is remembered about one ([`Sighting`]). All of it merges: every field is a
//! minimum, a maximum or a bounded set of smallest hashes, so order and repetition do not matter
//! (I1, I2, I3).

use super::{EventTime, Severity, SeverityClass, SourceIndex};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The version of the fingerprint algorithm, part of every id.
pub const FINGERPRINT_VERSION: u8 = 1;

/// Writes the three things every 128-bit id needs: its text form, the way back, and the hash.
macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        #[derive(Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(pub u128);

        impl $name {
            /// Returns the id of `parts`: blake3 over each part and its length, cut to 128 bits.
            pub fn of(parts: &[&[u8]]) -> Self {
                let mut hasher = blake3::Hasher::new();
                hasher.update($prefix.as_bytes());
                for part in parts {
                    hasher.update(&(part.len() as u64).to_le_bytes());
                    hasher.update(part);
                }
                let mut first = [0u8; 16];
                first.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
                Self(u128::from_be_bytes(first))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{:032x}"), self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = ParseIdError;
            fn from_str(text: &str) -> Result<Self, ParseIdError> {
                text.strip_prefix($prefix)
                    .filter(|hex| hex.len() == 32 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
                    .and_then(|hex| u128::from_str_radix(hex, 16).ok())
                    .map(Self)
                    .ok_or_else(|| ParseIdError { expected: $prefix, found: text.to_owned() })
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = ParseIdError;
            fn try_from(text: String) -> Result<Self, ParseIdError> {
                text.parse()
            }
        }
    };
}
pub(crate) use id_type;

/// A text that is not an id of the expected kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read {found:?} as an id: expected {expected:?} and 32 hexadecimal digits")]
pub struct ParseIdError {
    /// The prefix such an id begins with.
    pub expected: &'static str,
    /// What stood there instead.
    pub found: String,
}

id_type!(
    /// Message with placeholders: `H(version, word skeleton)`, written `t1_` + 32 hex.
    Template,
    "t1_"
);
id_type!(
    /// Stable identity of a failure: `H(version, service, class, template)`, written `f1_` + 32 hex.
    Fingerprint,
    "f1_"
);

impl Template {
    /// Returns the template of a word skeleton (words in order, each variable run one marker).
    pub fn of_skeleton(skeleton: &[u8]) -> Template {
        Template::of(&[&[FINGERPRINT_VERSION], skeleton])
    }
}

impl Fingerprint {
    /// Returns the identity of events of `service` and `class` with this template.
    pub fn new(service: &[u8], class: SeverityClass, template: Template) -> Fingerprint {
        let parts: [&[u8]; 4] =
            [&[FINGERPRINT_VERSION], service, &[class as u8], &template.0.to_be_bytes()];
        Fingerprint::of(&parts)
    }
}

/// Which event of a set is shown for it: the smallest (event time, hash of the record), never "the
/// first that arrived".
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FirstSeen {
    /// Event time.
    pub time: EventTime,
    /// xxh3 of the record's bytes.
    pub hash: u64,
}

/// A raw record kept as an example of its fingerprint: those with the smallest hash of a UTC day.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sample {
    /// xxh3 of the record's bytes; decides which samples are kept and removes duplicates.
    pub hash: u64,
    /// Event time.
    pub time: EventTime,
    /// The source that read it.
    pub source: SourceIndex,
    /// The record, lossily decoded and cut at [`Sample::RECORD_BYTES_MAX`].
    pub record: String,
}

impl Sample {
    /// How many samples are kept per fingerprint and UTC day.
    pub const PER_DAY_MAX: usize = 10;
    /// Longest record kept in a sample, in bytes.
    pub const RECORD_BYTES_MAX: usize = 8 * 1024;
}

/// What one epoch learned about a fingerprint. Merging two sightings is commutative, associative
/// and idempotent.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Sighting {
    /// Whose sighting it is.
    pub fingerprint: Fingerprint,
    /// Its template.
    pub template: Template,
    /// Its severity class.
    pub class: SeverityClass,
    /// Its service; empty if none was named.
    pub service: Arc<str>,
    /// Its skeleton: the constant words, `<*>` for each run of variables.
    pub skeleton: Arc<str>,
    /// The event that is shown for it.
    pub first: FirstSeen,
    /// That event's template text, variables written `<name>`.
    pub text: Arc<str>,
    /// Latest event time.
    pub last: EventTime,
    /// Highest severity.
    pub severity: Severity,
    /// The source in which it was seen (smallest index).
    pub source: SourceIndex,
    /// Candidates for the day's samples.
    pub samples: Vec<Sample>,
}

impl Sighting {
    /// Folds `other` (same fingerprint) into this one.
    pub fn merge(&mut self, other: Sighting) {
        debug_assert_eq!(self.fingerprint, other.fingerprint);
        if other.first < self.first {
            self.first = other.first;
            self.text = other.text;
        }
        self.last = self.last.max(other.last);
        self.severity = self.severity.max(other.severity);
        self.source = self.source.min(other.source);
        self.samples.extend(other.samples);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_round_trip_through_text_and_refuse_other_kinds() {
        let template = Template::of_skeleton(b"connection refused");
        let id = Fingerprint::new(b"api", SeverityClass::Error, template);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert!(template.to_string().parse::<Fingerprint>().is_err());
        assert!("f1_+0000000000000000000000000000000".parse::<Fingerprint>().is_err());
    }

    #[test]
    fn golden_ids_never_change_within_a_version() {
        let template = Template::of_skeleton(b"connection refused");
        let id = Fingerprint::new(b"api", SeverityClass::Error, template);
        assert_eq!(template.to_string(), "t1_114922050d97a2d9cf9976180f6c6b94");
        assert_eq!(id.to_string(), "f1_0243beb1dc397d8a9efc2a7a9bbecb5e");
    }

    #[test]
    fn parts_cannot_be_shifted_between_each_other() {
        assert_ne!(Template::of(&[b"ab", b"c"]), Template::of(&[b"a", b"bc"]));
    }
}
