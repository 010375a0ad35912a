//! Patterns of the user: a regular expression, or grok, whose named groups say what a line says.
//! Matching takes time linear in the line, whatever the pattern.
//!
//! *Limits:* a pattern is at most [`PATTERN_BYTES_MAX`] long when it is written out, and compiles to
//! at most [`COMPILED_BYTES_MAX`].

use super::fields::{self, Role, Value};
use super::format::Format;
use super::found::{Found, Layout, Place};
use super::grok;
use engine::component::OptionsError;
use regex::bytes::{CaptureLocations, Regex, RegexBuilder};
use std::sync::Arc;

/// The longest pattern, its pieces written out.
pub const PATTERN_BYTES_MAX: usize = 32 * 1024;
/// How much a pattern may compile to.
pub const COMPILED_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The groups that mean something.
const GROUPS: [(&str, Role); 8] = [
    ("time", Role::Time),
    ("severity", Role::Level),
    ("message", Role::Message),
    ("service", Role::Service),
    ("host", Role::Host),
    ("process", Role::Process),
    ("thread", Role::Thread),
    ("logger", Role::Logger),
];

/// Why a pattern cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It has no meaning as a regular expression.
    #[error("{0}")]
    Syntax(String),
    /// A `%{` without `}`.
    #[error("a piece that begins with %{{ is never closed")]
    OpenPiece,
    /// `%{NAME}` of a name that is not known.
    #[error("there is no piece of the name {0:?}")]
    UnknownPiece(String),
    /// A group that means nothing.
    #[error("the group {0:?} means nothing")]
    UnknownGroup(String),
    /// No group at all.
    #[error("no group says what is what")]
    NoGroup,
    /// Too long, or compiled too large.
    #[error("it is too large")]
    TooLong,
}

/// A pattern, ready to be matched.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    /// The role of each group, by its number.
    roles: Vec<(usize, Role)>,
}

impl Pattern {
    /// Returns the pattern that is written as a regular expression with named groups.
    pub fn regex(text: &str) -> Result<Pattern, PatternError> {
        if text.len() > PATTERN_BYTES_MAX {
            return Err(PatternError::TooLong);
        }
        let regex = RegexBuilder::new(text).size_limit(COMPILED_BYTES_MAX).build();
        let regex = regex.map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => PatternError::TooLong,
            error => PatternError::Syntax(said(&error.to_string())),
        })?;
        let mut roles = Vec::new();
        for (number, name) in regex.capture_names().enumerate() {
            let Some(name) = name else { continue };
            let known = GROUPS.iter().find(|(group, _)| *group == name);
            let (_, role) = known.ok_or_else(|| PatternError::UnknownGroup(name.to_owned()))?;
            roles.push((number, *role));
        }
        if roles.is_empty() { Err(PatternError::NoGroup) } else { Ok(Pattern { regex, roles }) }
    }

    /// Returns the pattern that is written as grok.
    pub fn grok(text: &str) -> Result<Pattern, PatternError> {
        let known: Vec<&str> = GROUPS.iter().map(|(name, _)| *name).collect();
        Pattern::regex(&grok::expand(text, &known)?)
    }
}

/// Returns the compiled pattern of `format`; a format that needs one must have one, the others none.
pub(super) fn compiled(
    format: Format,
    text: Option<&str>,
) -> Result<Option<Arc<Pattern>>, OptionsError> {
    let of = |message: String, hint: &str| OptionsError::at("pattern", message).hint(hint);
    let compile = match format {
        Format::Regex => Pattern::regex,
        Format::Grok => Pattern::grok,
        _ if text.is_none() => return Ok(None),
        other => {
            let message = format!("the format {:?} has no pattern", other.as_str());
            return Err(of(message, "Set format to regex or grok, or remove the pattern."));
        }
    };
    let Some(text) = text else {
        let message = format!("the format {:?} needs a pattern", format.as_str());
        return Err(of(message, "Write one with groups such as (?P<message>.*)."));
    };
    match compile(text) {
        Ok(pattern) => Ok(Some(Arc::new(pattern))),
        Err(error) => {
            let names: Vec<&str> = GROUPS.iter().map(|(name, _)| *name).collect();
            let hint = format!("Groups are named {}.", names.join(", "));
            Err(of(format!("cannot use the pattern: {error}"), &hint))
        }
    }
}

/// Returns the line of a many-line error that says what is wrong.
fn said(error: &str) -> String {
    error.lines().next_back().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// A pattern and what matching it needs.
#[derive(Clone, Debug)]
pub(super) struct Matcher {
    pattern: Arc<Pattern>,
    locations: CaptureLocations,
}

impl Matcher {
    /// Returns the matcher of `pattern`.
    pub(super) fn new(pattern: Arc<Pattern>) -> Matcher {
        let locations = pattern.regex.capture_locations();
        Matcher { pattern, locations }
    }

    /// Enters what the groups of the pattern found; returns whether it matches.
    pub(super) fn find(&mut self, text: &[u8], place: Place, found: &mut Found) -> bool {
        let Matcher { pattern, locations } = self;
        if pattern.regex.captures_read(locations, text).is_none() {
            return false;
        }
        found.layout = Layout::Pattern;
        found.message = place.trimmed(text, 0, text.len());
        for (group, role) in &pattern.roles {
            let Some((start, end)) = locations.get(*group) else { continue };
            let span = place.trimmed(text, start, end);
            match role {
                Role::Message => found.message = span,
                _ => fields::enter(found, *role, Value { text: &text[start..end], span }),
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_in_patterns_are_named() {
        let error = |text| Pattern::regex(text).unwrap_err();
        assert!(matches!(error("("), PatternError::Syntax(_)));
        assert_eq!(error("(?P<tiem>.*)"), PatternError::UnknownGroup("tiem".to_owned()));
        assert_eq!(error(".*"), PatternError::NoGroup);
        assert_eq!(Pattern::grok("%{WORD:word}").unwrap_err(), PatternError::NoGroup);
    }

    #[test]
    fn limit_patterns_are_bounded_in_text_and_in_what_they_compile_to() {
        let long = format!("(?P<message>{})", "a".repeat(PATTERN_BYTES_MAX));
        assert_eq!(Pattern::regex(&long).unwrap_err(), PatternError::TooLong);
        let large = r"(?P<message>(\w{1000}){1000})";
        assert_eq!(Pattern::regex(large).unwrap_err(), PatternError::TooLong);
        let wide = "%{URI}".repeat(1000);
        assert_eq!(Pattern::grok(&wide).unwrap_err(), PatternError::TooLong);
    }
}
