//! The option `assemble`.

use regex::bytes::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::Deserialize;

/// The largest compiled start pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// How lines become records.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Assemble {
    /// Stack traces and indented lines join the record they belong to; nothing has to be configured.
    #[default]
    Auto,
    /// Every line is a record.
    Off,
    /// A line that matches this regular expression begins a record; every other line joins the
    /// record before it. The line is matched without the envelope of a container runtime or a
    /// syslog daemon.
    StartPattern(StartPattern),
}

impl Assemble {
    /// Returns the option as it is stored with a checkpoint.
    pub fn identity(&self) -> String {
        match self {
            Assemble::Auto => "auto".to_owned(),
            Assemble::Off => "off".to_owned(),
            Assemble::StartPattern(pattern) => format!("start_pattern {}", pattern.0.as_str()),
        }
    }
}

/// A regular expression that first lines match.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
#[schemars(with = "String")]
pub struct StartPattern(Regex);

impl StartPattern {
    /// Returns whether `text` begins a record.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.0.is_match(text)
    }
}

impl TryFrom<String> for StartPattern {
    type Error = String;

    fn try_from(pattern: String) -> Result<Self, String> {
        let built = RegexBuilder::new(&pattern).size_limit(PATTERN_BYTES_MAX).build();
        built.map(StartPattern).map_err(|error| {
            format!("start_pattern is no regular expression that can be used: {error}")
        })
    }
}
