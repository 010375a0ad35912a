//! HumanDuration: a length of time as people write it in the graph file, `500ms` or `10m`.
//!
//! One whole number and one unit; a bare number is refused, since nobody can tell its unit.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// The `format` by which the graph file's checker recognises a duration in a JSON Schema.
pub const HUMAN_DURATION_FORMAT: &str = "human-duration";

/// Units and their length in milliseconds, longest first.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// A length of time, written as a whole number and a unit: `ms`, `s`, `m`, `h` or `d`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanDuration(pub Duration);

impl HumanDuration {
    /// Longest duration that can be written: 100 years of 365 days.
    pub const MAX: HumanDuration = HumanDuration(Duration::from_secs(100 * 365 * 86_400));

    /// Returns the duration of `millis` milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(Duration::from_millis(millis))
    }

    /// Returns the duration of `secs` seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    /// Returns whole seconds, leaving out what is less than one.
    pub const fn as_secs(self) -> u64 {
        self.0.as_secs()
    }
}

/// Why a text is not a duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseDurationError {
    /// There is no number, or no unit, or an unknown one.
    #[error("must be a duration such as `500ms`, `30s`, `10m`, `24h` or `7d`, not `{0}`")]
    Malformed(String),
    /// It is longer than [`HumanDuration::MAX`].
    #[error("must be at most `36500d`, not `{0}`")]
    TooLong(String),
}

impl FromStr for HumanDuration {
    type Err = ParseDurationError;

    fn from_str(text: &str) -> Result<Self, ParseDurationError> {
        let malformed = || ParseDurationError::Malformed(text.to_owned());
        let too_long = || ParseDurationError::TooLong(text.to_owned());
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at(digits);
        let unit = UNITS.iter().find(|(name, _)| *name == unit).ok_or_else(malformed)?;
        if number.is_empty() {
            return Err(malformed());
        }
        let millis = number.parse::<u64>().ok().and_then(|n| n.checked_mul(unit.1));
        let duration = HumanDuration::from_millis(millis.ok_or_else(too_long)?);
        if duration > Self::MAX { Err(too_long()) } else { Ok(duration) }
    }
}

impl fmt::Display for HumanDuration {
    /// Writes the longest unit that needs no fraction.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        if millis == 0 {
            return f.write_str("0s");
        }
        let exact = UNITS.iter().find(|(_, unit)| millis.is_multiple_of(u128::from(*unit)));
        let (name, unit) = exact.unwrap_or(&("ms", 1));
        write!(f, "{}{name}", millis / u128::from(*unit))
    }
}

impl Serialize for HumanDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for HumanDuration {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "HumanDuration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "format": HUMAN_DURATION_FORMAT,
            "pattern": "^[0-9]+(ms|s|m|h|d)$",
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_they_are_written() {
        for text in ["1ms", "100ms", "30s", "10m", "24h", "7d", "90m", "1500ms"] {
            let parsed: HumanDuration = text.parse().unwrap();
            assert_eq!(parsed.to_string().parse::<HumanDuration>().unwrap(), parsed, "{text}");
        }
        assert_eq!(HumanDuration::from_secs(600).to_string(), "10m");
        assert_eq!(HumanDuration::from_secs(86_400).to_string(), "1d");
        assert_eq!(HumanDuration::default().to_string(), "0s");
    }

    #[test]
    fn a_number_without_a_unit_is_no_duration() {
        for text in ["", "10", "m", "10 m", "1.5h", "-1s", "10min", "1h30m"] {
            let error = text.parse::<HumanDuration>().unwrap_err();
            assert_eq!(error, ParseDurationError::Malformed(text.to_owned()));
        }
    }

    #[test]
    fn limit_a_duration_of_more_than_a_hundred_years_is_refused() {
        assert_eq!("36500d".parse(), Ok(HumanDuration::MAX));
        assert!("36501d".parse::<HumanDuration>().is_err());
        assert!("99999999999999999999d".parse::<HumanDuration>().is_err());
        assert!("18446744073709551615d".parse::<HumanDuration>().is_err());
    }
}
