//! Filter: the words, phrases and `key:value` pairs that people type into one box.
//!
//! `is:unresolved service:api assignee:ann "connection refused" timeout` means what it says: all of it must hold.
//! *Limits:* [`WORDS_MAX`] words of [`WORD_BYTES_MAX`] bytes.

use crate::problem::Problem;
use engine::model::{Severity, TriageState};
use std::collections::BTreeSet;

/// Most words, phrases and pairs.
pub(crate) const WORDS_MAX: usize = 16;
/// The longest of them.
pub(crate) const WORD_BYTES_MAX: usize = 256;
/// Keys that are known.
const KEYS: &str = "is, service, tag, severity, assignee";
/// What may stand behind `is:`.
const STATES: &str = "unresolved, open, regressed, ignored, resolved, new, spiking";

/// What was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filter {
    /// Texts that must stand in the template.
    pub(crate) words: Vec<String>,
    pub(crate) service: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) severity: Option<Severity>,
    pub(crate) assignee: Option<String>,
    /// States of which one must hold; nothing if any may.
    pub(crate) triage: Option<BTreeSet<TriageState>>,
    pub(crate) only_new: bool,
    pub(crate) only_spiking: bool,
}

impl Filter {
    /// Reads what somebody typed.
    pub(crate) fn parse(text: &str) -> Result<Filter, Problem> {
        let mut filter = Filter::default();
        let pieces = pieces(text)?;
        if pieces.len() > WORDS_MAX {
            return Err(refuse(format!("it has more than {WORDS_MAX} words")));
        }
        for piece in pieces {
            if piece.text.len() > WORD_BYTES_MAX {
                return Err(refuse(format!("a word has more than {WORD_BYTES_MAX} bytes")));
            }
            match piece.key {
                Some(key) => filter.pair(&key, piece.text)?,
                None => filter.words.push(piece.text),
            }
        }
        Ok(filter)
    }

    fn pair(&mut self, key: &str, value: String) -> Result<(), Problem> {
        if value.is_empty() {
            return Err(refuse(format!("`{key}:` has nothing behind it")));
        }
        match key {
            "is" => return self.is(&value),
            "service" => self.service = Some(value),
            "tag" => self.tag = Some(value),
            "assignee" => self.assignee = Some(value),
            "severity" => {
                let known = Severity::ALL.iter().find(|severity| severity.as_str() == value);
                let unknown = || refuse(format!("`severity:{value}` is no severity"));
                self.severity = Some(*known.ok_or_else(unknown)?);
            }
            _ => {}
        }
        Ok(())
    }

    fn is(&mut self, value: &str) -> Result<(), Problem> {
        let states: &[TriageState] = match value {
            "new" => {
                self.only_new = true;
                return Ok(());
            }
            "spiking" => {
                self.only_spiking = true;
                return Ok(());
            }
            "unresolved" => &[TriageState::Open, TriageState::Regressed],
            "open" => &[TriageState::Open],
            "regressed" => &[TriageState::Regressed],
            "ignored" => &[TriageState::Ignored],
            "resolved" => &[TriageState::Resolved],
            _ => {
                let value: String = value.chars().take(40).flat_map(char::escape_default).collect();
                return Err(refuse(format!("`is:{value}` is not one of {STATES}")));
            }
        };
        self.triage.get_or_insert_default().extend(states);
        Ok(())
    }
}

/// A word or a phrase, with the key in front of it.
struct Piece {
    key: Option<String>,
    text: String,
}

/// Cuts a text at blanks outside of quotes. A key is known, and not quoted: `error:7` is a word.
fn pieces(text: &str) -> Result<Vec<Piece>, Problem> {
    let mut pieces = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let key = KEYS
            .split(", ")
            .find(|key| rest.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')));
        if let Some(key) = key {
            rest = &rest[key.len() + 1..];
        }
        let (word, left) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or_else(|| {
                refuse("a phrase begins with a quotation mark and does not end".to_owned())
            })?,
            None => rest.split_at(rest.find(char::is_whitespace).unwrap_or(rest.len())),
        };
        if key.is_some() || !word.is_empty() {
            pieces.push(Piece { key: key.map(str::to_owned), text: word.to_owned() });
        }
        rest = left.trim_start();
    }
    Ok(pieces)
}

fn refuse(why: String) -> Problem {
    Problem::parameter("q", why)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Filter {
        Filter::parse(text).unwrap_or_else(|problem| panic!("{text:?}: {problem:?}"))
    }

    #[test]
    fn words_phrases_and_pairs_are_told_apart() {
        let filter = parse("is:unresolved service:api  \"connection refused\" tag:\"a b\" error:7");
        assert_eq!(filter.words, ["connection refused", "error:7"]);
        assert_eq!((filter.service.as_deref(), filter.tag.as_deref()), (Some("api"), Some("a b")));
        let unresolved = [TriageState::Open, TriageState::Regressed];
        assert_eq!(filter.triage, Some(unresolved.into_iter().collect()));
        assert_eq!(parse("   "), Filter::default());
        assert_eq!(parse("\"\""), Filter::default());
        assert_eq!(parse("\"is:resolved\"").words, ["is:resolved"]);
    }

    #[test]
    fn several_states_mean_any_of_them() {
        let filter = parse("is:resolved is:ignored is:new is:spiking severity:error assignee:ann");
        let states = [TriageState::Ignored, TriageState::Resolved];
        assert_eq!(filter.triage, Some(states.into_iter().collect()));
        assert!(filter.only_new && filter.only_spiking);
        assert_eq!(filter.severity, Some(Severity::Error));
        assert_eq!(filter.assignee.as_deref(), Some("ann"));
    }

    #[test]
    fn what_cannot_be_understood_is_refused() {
        for text in ["is:gone", "severity:loud", "service:", "is:", "\"no end", "tag:\"no end"] {
            let problem = Filter::parse(text).unwrap_err();
            assert_eq!(problem.status.as_u16(), 400, "{text}");
        }
    }

    #[test]
    fn limit_words_are_not_too_many_and_not_too_long() {
        let many = "word ".repeat(WORDS_MAX);
        assert!(Filter::parse(&many).is_ok());
        assert!(Filter::parse(&format!("{many} one")).is_err());
        assert!(Filter::parse(&"x".repeat(WORD_BYTES_MAX)).is_ok());
        assert!(Filter::parse(&"x".repeat(WORD_BYTES_MAX + 1)).is_err());
    }
}
