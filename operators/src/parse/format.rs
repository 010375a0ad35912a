//! The formats that can be asked for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How lines are to be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Each line by its first bytes: JSON, syslog, logfmt or a header; whatever fits nothing is a
    /// plain message. Nothing is rejected for its format.
    #[default]
    Auto,
    /// The whole line is the message.
    Plain,
    /// One JSON object a line.
    Json,
    /// Pairs of `key=value`.
    Logfmt,
    /// `<PRI>` and the header of RFC 3164 or RFC 5424.
    Syslog,
    /// A header with at least a time or a severity, and a message.
    Header,
    /// What the regular expression `pattern` matches; its groups say what is what.
    Regex,
    /// What the grok expression `pattern` matches.
    Grok,
}

impl Format {
    /// Every format, in the order of the manual.
    pub const ALL: [Format; 8] = [
        Format::Auto,
        Format::Plain,
        Format::Json,
        Format::Logfmt,
        Format::Syslog,
        Format::Header,
        Format::Regex,
        Format::Grok,
    ];

    /// Returns the name used in the graph file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Auto => "auto",
            Format::Plain => "plain",
            Format::Json => "json",
            Format::Logfmt => "logfmt",
            Format::Syslog => "syslog",
            Format::Header => "header",
            Format::Regex => "regex",
            Format::Grok => "grok",
        }
    }
}
