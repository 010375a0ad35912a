//! Severity: the one property of an event that decides which issue it may join.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How bad an event says it is. The order is the order of badness. Unknown stands just below warn:
/// thresholds treat it as warn (DESIGN §8), so a milder label must never hide it in a maximum.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum Severity {
    /// Finest detail.
    Trace = 0,
    /// Detail for developers.
    Debug = 1,
    /// Normal operation, including "notice".
    Info = 2,
    /// The event names no severity that we recognise.
    #[default]
    Unknown = 3,
    /// Something may be wrong.
    Warn = 4,
    /// Something failed.
    Error = 5,
    /// The process or system cannot go on ("critical", "alert", "emergency", "panic").
    Fatal = 6,
}

/// The part of severity that belongs to an issue's identity: an error never joins an info.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u8)]
pub enum SeverityClass {
    /// Trace, debug, info and unknown.
    Rest = 0,
    /// Warnings.
    Warn = 1,
    /// Error and above.
    Error = 2,
}

impl Severity {
    /// Every severity, mildest first.
    pub const ALL: [Severity; 7] = [
        Severity::Trace,
        Severity::Debug,
        Severity::Info,
        Severity::Unknown,
        Severity::Warn,
        Severity::Error,
        Severity::Fatal,
    ];

    /// Returns the class that is part of the fingerprint.
    pub const fn class(self) -> SeverityClass {
        match self {
            Severity::Error | Severity::Fatal => SeverityClass::Error,
            Severity::Warn => SeverityClass::Warn,
            _ => SeverityClass::Rest,
        }
    }

    /// Returns the lower-case name used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            Severity::Unknown => "unknown",
            Severity::Trace => "trace",
            Severity::Debug => "debug",
            Severity::Info => "info",
            Severity::Warn => "warn",
            Severity::Error => "error",
            Severity::Fatal => "fatal",
        }
    }

    /// Returns the severity stored as `code`, or `Unknown`.
    pub const fn from_code(code: u8) -> Severity {
        if (code as usize) < Self::ALL.len() { Self::ALL[code as usize] } else { Severity::Unknown }
    }

    /// Returns whether a threshold of `minimum` lets this severity through. Unknown counts as warn; as
    /// a threshold it lets everything through.
    pub fn reaches(self, minimum: Severity) -> bool {
        let effective = if self == Severity::Unknown { Severity::Warn } else { self };
        minimum == Severity::Unknown || effective >= minimum
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl SeverityClass {
    /// Returns the lower-case name used in every output.
    pub const fn as_str(self) -> &'static str {
        match self {
            SeverityClass::Rest => "rest",
            SeverityClass::Warn => "warn",
            SeverityClass::Error => "error",
        }
    }

    /// Returns the class stored as `code`, or `Rest`.
    pub const fn from_code(code: u8) -> SeverityClass {
        match code {
            2 => SeverityClass::Error,
            1 => SeverityClass::Warn,
            _ => SeverityClass::Rest,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip_and_strangers_are_unknown() {
        for severity in Severity::ALL {
            assert_eq!(Severity::from_code(severity as u8), severity);
        }
        assert_eq!(Severity::from_code(200), Severity::Unknown);
    }

    #[test]
    fn unknown_severity_passes_a_warn_threshold_but_not_an_error_threshold() {
        assert!(Severity::Unknown.reaches(Severity::Warn));
        assert!(!Severity::Unknown.reaches(Severity::Error));
        assert!(!Severity::Info.reaches(Severity::Warn));
        assert!(Severity::Trace.reaches(Severity::Unknown));
    }

    #[test]
    fn a_milder_label_never_hides_that_a_severity_is_unknown() {
        assert_eq!(Severity::Unknown.max(Severity::Info), Severity::Unknown);
        assert_eq!(Severity::Unknown.max(Severity::Warn), Severity::Warn);
    }
}
