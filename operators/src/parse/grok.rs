//! Grok: patterns made of named pieces, `%{TIMESTAMP_ISO8601:time} %{LOGLEVEL:severity} …`, written out
//! as a regular expression.
//!
//! *Limits:* pieces are nested at most [`DEPTH_MAX`] deep; what they expand to is bounded by
//! [`super::pattern`].

use super::pattern::{PATTERN_BYTES_MAX, PatternError};
use std::fmt::Write;

/// How deep the pieces below may be nested.
const DEPTH_MAX: usize = 6;

/// The pieces, ours alone; none of them captures.
const PIECES: [(&str, &str); 58] = [
    ("WORD", r"\b\w+\b"),
    ("NOTSPACE", r"\S+"),
    ("SPACE", r"\s*"),
    ("DATA", r".*?"),
    ("GREEDYDATA", r".*"),
    ("INT", r"[+-]?\d+"),
    ("POSINT", r"\b[1-9]\d*\b"),
    ("NONNEGINT", r"\b\d+\b"),
    ("NUMBER", r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)"),
    ("BASE10NUM", r"%{NUMBER}"),
    ("BASE16NUM", r"(?:0[xX])?[0-9A-Fa-f]+"),
    ("USERNAME", r"[A-Za-z0-9._-]+"),
    ("USER", r"%{USERNAME}"),
    ("EMAILADDRESS", r"[A-Za-z0-9._%+-]+@%{HOSTNAME}"),
    ("UUID", r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"),
    ("MAC", r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}"),
    ("IPV4", r"\b\d{1,3}(?:\.\d{1,3}){3}\b"),
    ("IPV6", r"(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?:\.\d{1,3}){0,3}(?:%\w+)?"),
    ("IP", r"(?:%{IPV6}|%{IPV4})"),
    ("HOSTNAME", r"\b[0-9A-Za-z][0-9A-Za-z_-]*(?:\.[0-9A-Za-z][0-9A-Za-z_-]*)*\.?"),
    ("HOST", r"%{HOSTNAME}"),
    ("IPORHOST", r"(?:%{IP}|%{HOSTNAME})"),
    ("HOSTPORT", r"%{IPORHOST}:\d+"),
    ("UNIXPATH", r"(?:/[^\s/]*)+"),
    ("WINPATH", r"(?:[A-Za-z]:|\\)(?:\\[^\s\\]*)+"),
    ("PATH", r"(?:%{UNIXPATH}|%{WINPATH})"),
    ("URIPROTO", r"[A-Za-z][A-Za-z0-9+.-]*"),
    ("URIPATH", r"(?:/[^\s?#]*)+"),
    ("URIPARAM", r"\?[^\s#]*"),
    ("URIPATHPARAM", r"%{URIPATH}(?:%{URIPARAM})?"),
    ("URI", r"%{URIPROTO}://(?:[^\s@/]+@)?(?:%{IPORHOST}(?::\d+)?)?(?:%{URIPATHPARAM})?"),
    ("QUOTEDSTRING", r#"(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"#),
    ("QS", r"%{QUOTEDSTRING}"),
    ("YEAR", r"\d{4}|\d{2}"),
    (
        "MONTH",
        r"(?i:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:tember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)",
    ),
    ("MONTHNUM", r"(?:0?[1-9]|1[0-2])"),
    ("MONTHDAY", r"(?:0[1-9]|[12]\d|3[01]|[1-9])"),
    ("DAY", r"(?i:mon|tue|wed|thu|fri|sat|sun)[a-z]*"),
    ("HOUR", r"(?:2[0-4]|[01]?\d)"),
    ("MINUTE", r"[0-5]\d"),
    ("SECOND", r"(?:[0-5]\d|60)(?:[:.,]\d+)?"),
    ("TIME", r"%{HOUR}:%{MINUTE}(?::%{SECOND})?"),
    ("TZ", r"[A-Z]{3,5}"),
    ("ISO8601_TIMEZONE", r"(?:Z|[+-]\d{2}(?::?\d{2})?)"),
    ("TIMESTAMP_ISO8601", r"\d{4}-%{MONTHNUM}-%{MONTHDAY}[T ]%{TIME}(?: ?%{ISO8601_TIMEZONE})?"),
    ("DATE_US", r"%{MONTHNUM}[/-]%{MONTHDAY}[/-](?:%{YEAR})"),
    ("DATE_EU", r"%{MONTHDAY}[./-]%{MONTHNUM}[./-](?:%{YEAR})"),
    ("DATE", r"(?:%{DATE_US}|%{DATE_EU})"),
    ("DATESTAMP", r"%{DATE}[- ]%{TIME}"),
    ("SYSLOGTIMESTAMP", r"%{MONTH} +%{MONTHDAY} %{TIME}"),
    ("HTTPDATE", r"%{MONTHDAY}/%{MONTH}/\d{4}:%{TIME} [+-]\d{4}"),
    (
        "LOGLEVEL",
        r"(?i:trace|debug|info(?:rmation)?|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|severe|alert|emerg(?:ency)?|panic)",
    ),
    ("PROG", r"[^\s\[\]:]+"),
    ("SYSLOGPROG", r"%{PROG}(?:\[\d+\])?"),
    ("SYSLOGHOST", r"%{IPORHOST}"),
    ("JAVACLASS", r"(?:[A-Za-z0-9_$]+\.)*[A-Za-z0-9_$]+"),
    ("JAVAFILE", r"[A-Za-z0-9_. -]+"),
    ("JAVATHREAD", r"[^\]]+"),
];

/// The names that fields have elsewhere, and ours.
const FIELDS: [(&str, &str); 12] = [
    ("timestamp", "time"),
    ("level", "severity"),
    ("loglevel", "severity"),
    ("log_level", "severity"),
    ("msg", "message"),
    ("hostname", "host"),
    ("logsource", "host"),
    ("program", "process"),
    ("pid", "process"),
    ("class", "logger"),
    ("logger_name", "logger"),
    ("thread_name", "thread"),
];

/// Returns the regular expression that a grok pattern stands for. Fields that are none of `known` are
/// matched and not kept.
pub(super) fn expand(pattern: &str, known: &[&str]) -> Result<String, PatternError> {
    let mut out = String::new();
    expand_into(pattern, known, 0, &mut out)?;
    Ok(out)
}

fn expand_into(
    pattern: &str,
    known: &[&str],
    depth: usize,
    out: &mut String,
) -> Result<(), PatternError> {
    let mut rest = pattern;
    while let Some(open) = rest.find("%{") {
        out.push_str(&rest[..open]);
        let inner = &rest[open + 2..];
        let close = inner.find('}').ok_or(PatternError::OpenPiece)?;
        piece(&inner[..close], known, depth, out)?;
        rest = &inner[close + 1..];
        if out.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong);
        }
    }
    out.push_str(rest);
    Ok(())
}

/// Writes out `NAME`, `NAME:field` or `NAME:field:type`.
fn piece(text: &str, known: &[&str], depth: usize, out: &mut String) -> Result<(), PatternError> {
    let mut parts = text.split(':');
    let name = parts.next().unwrap_or_default();
    let field = parts.next().unwrap_or_default();
    let found = PIECES.iter().find(|(piece, _)| *piece == name);
    let (_, body) = found.ok_or_else(|| PatternError::UnknownPiece(name.to_owned()))?;
    let ours = FIELDS.iter().find(|(theirs, _)| *theirs == field).map_or(field, |(_, ours)| ours);
    // A string takes whatever is written to it.
    let _ = match known.contains(&ours) {
        true => write!(out, "(?P<{ours}>"),
        false => write!(out, "(?:"),
    };
    if depth >= DEPTH_MAX {
        return Err(PatternError::TooLong);
    }
    expand_into(body, &[], depth + 1, out)?;
    out.push(')');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use regex::bytes::Regex;

    #[test]
    fn every_piece_is_a_pattern_of_its_own() {
        for (name, _) in PIECES {
            let expanded = expand(&format!("%{{{name}}}"), &[]).unwrap();
            assert!(Regex::new(&expanded).is_ok(), "{name}: {expanded}");
        }
    }

    #[test]
    fn pieces_match_what_they_are_named_for() {
        let whole = |name: &str, text: &str| {
            let expanded = expand(&format!("^%{{{name}}}$"), &[]).unwrap();
            Regex::new(&expanded).unwrap().is_match(text.as_bytes())
        };
        for (name, text) in [
            ("TIMESTAMP_ISO8601", "2024-01-02T03:04:05.678+01:00"),
            ("SYSLOGTIMESTAMP", "Jan  2 03:04:05"),
            ("HTTPDATE", "02/Jan/2024:03:04:05 -0700"),
            ("LOGLEVEL", "Warning"),
            ("IPORHOST", "10.1.2.3"),
            ("IPORHOST", "2001:db8::7"),
            ("IPORHOST", "web1.example.com"),
            ("URI", "https://shop.example:8443/cart?id=7"),
            ("QS", r#""a \"quoted\" text""#),
            ("SYSLOGPROG", "shop[12]"),
            ("JAVACLASS", "com.example.Cart$Item"),
            ("UUID", "7ad1c2d3-0000-4000-8000-000000000001"),
            ("PATH", "/srv/cart.log"),
            ("DATESTAMP", "01/02/2024 03:04:05"),
        ] {
            assert!(whole(name, text), "{name} does not match {text}");
        }
        assert!(!whole("LOGLEVEL", "cart"));
    }

    #[test]
    fn mistakes_are_named() {
        let error = |pattern| expand(pattern, &["time"]).unwrap_err().to_string();
        assert!(error("%{TIMESTAMP").contains("never closed"));
        assert!(error("%{NO_SUCH:time}").contains("NO_SUCH"));
    }
}
