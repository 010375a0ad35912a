//! The rules as the graph file gives them, and everything that can be wrong with them.

use super::asked::{AskedFingerprint, FINGERPRINT_BYTES_MAX};
use super::{Action, COMPILED_BYTES_MAX, PATTERN_BYTES_MAX, RULES_MAX, Rule, UserRules};
use engine::component::OptionsError;
use regex::bytes::{Regex, RegexBuilder, RegexSetBuilder};
use schemars::JsonSchema;
use serde::Deserialize;

/// The longest name of a mask, in bytes.
pub const MASK_NAME_BYTES_MAX: usize = 32;

/// A rule of the user: a pattern, and one of `keep`, `mask` and `fingerprint`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RuleOptions {
    /// A regular expression, tried on messages without their headers, and on the messages of
    /// exceptions. A `fingerprint` rule also sees the lines of a trace.
    pub pattern: String,
    /// Keep what the pattern matches: it is part of the identity, whatever it looks like. So
    /// `error code \d+` makes an issue of every code.
    #[serde(default)]
    pub keep: bool,
    /// Take what the pattern matches for a variable, displayed as `<name>`: lower-case letters and
    /// underscores.
    #[serde(default)]
    pub mask: Option<String>,
    /// Identify every event that the pattern matches by this text, as if it had a fingerprint of
    /// its own. `{1}` and `{name}` stand for groups of the pattern, `{0}` for the whole match.
    #[serde(default)]
    pub fingerprint: Option<String>,
}

/// Compiles all rules, or says everything that is wrong with them.
pub(super) fn compile(options: &[RuleOptions]) -> Result<UserRules, Vec<OptionsError>> {
    if options.len() > RULES_MAX {
        let error = OptionsError::at("rules", format!("{} rules are too many", options.len()));
        return Err(vec![error.hint(format!("At most {RULES_MAX}; `a|b` matches both."))]);
    }
    let (mut rules, mut errors) = (Vec::new(), Vec::new());
    for (position, option) in options.iter().enumerate() {
        match rule(option) {
            Ok(rule) => rules.push(rule),
            Err(wrong) => errors.push(wrong.at(position)),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let patterns = rules.iter().map(|rule| rule.regex.as_str());
    let any = RegexSetBuilder::new(patterns).size_limit(COMPILED_BYTES_MAX).build();
    match any {
        Ok(any) => Ok(UserRules { rules, any }),
        Err(error) => {
            let message = format!("cannot use these rules together: {}", last_line(&error));
            Err(vec![OptionsError::at("rules", message).hint("Use fewer or shorter patterns.")])
        }
    }
}

/// What is wrong with a rule: with which of its options, and what to do.
struct Wrong {
    option: Option<&'static str>,
    message: String,
    hint: String,
}

impl Wrong {
    fn new(
        option: Option<&'static str>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self { option, message: message.into(), hint: hint.into() }
    }

    fn at(self, position: usize) -> OptionsError {
        let place = ["rules".to_owned(), position.to_string()];
        let path = place.into_iter().chain(self.option.map(str::to_owned)).collect();
        OptionsError { path, message: self.message, hint: Some(self.hint) }
    }
}

fn rule(option: &RuleOptions) -> Result<Rule, Wrong> {
    let given = [option.keep, option.mask.is_some(), option.fingerprint.is_some()];
    if given.into_iter().filter(|given| *given).count() != 1 {
        let message = "a rule needs exactly one of `keep: true`, `mask` and `fingerprint`";
        return Err(Wrong::new(None, message, "Write one rule for each."));
    }
    let regex = regex(&option.pattern)?;
    let action = match (&option.mask, &option.fingerprint) {
        (Some(name), _) => Action::Mask(mask(name)?),
        (_, Some(text)) => {
            Action::Fingerprint(AskedFingerprint::read(text, &regex).map_err(|error| {
                let hint = format!(
                    "Groups stand in braces, such as {{1}}; at most {FINGERPRINT_BYTES_MAX} bytes."
                );
                Wrong::new(Some("fingerprint"), error.to_string(), hint)
            })?)
        }
        (None, None) => Action::Keep,
    };
    Ok(Rule { regex, action })
}

fn regex(pattern: &str) -> Result<Regex, Wrong> {
    let at = Some("pattern");
    if pattern.len() > PATTERN_BYTES_MAX {
        let message = format!("the pattern has {} bytes", pattern.len());
        return Err(Wrong::new(at, message, format!("Use at most {PATTERN_BYTES_MAX}.")));
    }
    match RegexBuilder::new(pattern).size_limit(COMPILED_BYTES_MAX).build() {
        Ok(regex) if regex.is_match(b"") => {
            let message = "the pattern matches the empty text";
            Err(Wrong::new(at, message, "Let it match at least one character."))
        }
        Ok(regex) => Ok(regex),
        Err(error) => {
            let message = format!("cannot read the pattern: {}", last_line(&error));
            let hint = "It is a regular expression without look-around and back-references.";
            Err(Wrong::new(at, message, hint))
        }
    }
}

/// Returns the placeholder of that name.
fn mask(name: &str) -> Result<String, Wrong> {
    let is_legal = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    if (1..=MASK_NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_legal) {
        return Ok(format!("<{name}>"));
    }
    let message = format!("{name:?} cannot be the name of a mask");
    let hint = format!("Use 1 to {MASK_NAME_BYTES_MAX} lower-case letters and `_`.");
    Err(Wrong::new(Some("mask"), message, hint))
}

/// Returns the line of a many-line error that says what is wrong.
fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next_back().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}
