//! Cleans texts: finds out cheaply that there is nothing to do, and else writes them anew.

use super::cards;
use super::rules::{Rule, RuleName, is_key_line};
use super::{PATTERNS_MAX, REPLACE_BYTES_MAX, RedactOptions};
use aho_corasick::{AhoCorasick, AhoCorasickKind};
use engine::component::OptionsError;
use engine::model::{EventBatch, EventRef, Span};
use regex::bytes::{Regex, RegexBuilder};
use std::ops::Range;
use std::sync::Arc;

/// How much a pattern of the user may compile to, in bytes.
const PATTERN_SIZE_MAX: usize = 1 << 20;

/// The rules and patterns in use.
#[derive(Clone, Debug)]
pub struct Cleaner {
    /// The words without which no rule but the last two applies.
    triggers: AhoCorasick,
    /// The rule of each trigger, as a bit.
    rule_of_trigger: Vec<u16>,
    rules: Vec<(RuleName, Rule)>,
    patterns: Vec<(Regex, Vec<u8>)>,
}

/// A piece to be replaced, and by what.
struct Find<'c> {
    range: Range<usize>,
    replacement: &'c [u8],
}

impl Cleaner {
    /// Returns the rules and patterns that `options` describe.
    pub fn new(options: &RedactOptions) -> Result<Cleaner, Vec<OptionsError>> {
        let patterns = patterns(options)?;
        let used = RuleName::ALL.into_iter().filter(|name| !options.without.contains(name));
        let mut rules = Vec::new();
        let (mut words, mut rule_of_trigger) = (Vec::new(), Vec::new());
        for name in used {
            for word in name.triggers() {
                words.push(*word);
                rule_of_trigger.push(1 << rules.len());
            }
            let rule = Rule::new(name).map_err(|error| vec![own(&error.to_string())])?;
            rules.push((name, rule));
        }
        let triggers = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(words)
            .map_err(|error| vec![own(&error.to_string())])?;
        Ok(Cleaner { triggers, rule_of_trigger, rules, patterns })
    }

    /// Cleans all texts of all events of `batch`; what changes goes to the scratch bytes.
    pub fn apply(&self, batch: &mut EventBatch) {
        let mut events = std::mem::take(&mut batch.events);
        let mut extras = std::mem::take(&mut batch.extras);
        let mut scratch = Vec::new();
        for event in &mut events {
            let record = self.cleaned(batch, event.record, &mut scratch);
            // All texts stand in the record, unless some were unescaped.
            if record.is_none() && batch.scratch.is_empty() && self.patterns.is_empty() {
                continue;
            }
            event.record = record.unwrap_or(event.record);
            for span in facets(event) {
                *span = self.cleaned(batch, *span, &mut scratch).unwrap_or(*span);
            }
        }
        for extra in &mut extras {
            let texts = [
                &mut extra.trace,
                &mut extra.exception_type,
                &mut extra.exception_message,
                &mut extra.fingerprint,
            ];
            for span in texts {
                *span = self.cleaned(batch, *span, &mut scratch).unwrap_or(*span);
            }
        }
        if !scratch.is_empty() {
            Arc::make_mut(&mut batch.scratch).append(&mut scratch);
        }
        batch.events = events;
        batch.extras = extras;
    }

    /// Returns where the text of `span` stands without what was found in it, if anything was.
    fn cleaned(&self, batch: &EventBatch, span: Span, scratch: &mut Vec<u8>) -> Option<Span> {
        if span.is_empty() {
            return None;
        }
        let start = scratch.len();
        let base = batch.scratch.len();
        self.clean(batch.text(span), scratch)
            .then(|| Span::scratch(base + start, base + scratch.len()))
    }

    /// Appends `text` without what the rules and patterns find, unless they find nothing; returns
    /// whether they found anything.
    pub fn clean(&self, text: &[u8], out: &mut Vec<u8>) -> bool {
        let due = self.due(text);
        if due == 0 && self.patterns.is_empty() {
            return false;
        }
        let mut finds: Vec<Find<'_>> = Vec::new();
        for (index, (name, rule)) in self.rules.iter().enumerate() {
            if due & 1 << index != 0 {
                let replacement = name.replacement();
                rule.find(text, |start, end| {
                    finds.push(Find { range: start..end, replacement });
                });
            }
        }
        for (regex, replacement) in &self.patterns {
            let matches = regex.find_iter(text).filter(|found| !found.is_empty());
            finds.extend(matches.map(|found| Find { range: found.range(), replacement }));
        }
        write_without(text, finds, out)
    }

    /// Returns the rules that may apply to `text`, a bit for each.
    fn due(&self, text: &[u8]) -> u16 {
        let mut due = 0;
        for (index, (name, _)) in self.rules.iter().enumerate() {
            let may = match name {
                RuleName::PrivateKey => is_key_line(text),
                RuleName::CardNumber => has_digits_of_card(text),
                _ => false,
            };
            due |= u16::from(may) << index;
        }
        for found in self.triggers.find_overlapping_iter(text) {
            due |= self.rule_of_trigger[found.pattern().as_usize()];
        }
        due
    }
}

/// Returns the texts of an event beside its record.
fn facets(event: &mut EventRef) -> [&mut Span; 6] {
    [
        &mut event.message,
        &mut event.service,
        &mut event.host,
        &mut event.process,
        &mut event.thread,
        &mut event.logger,
    ]
}

/// Appends `text` with `finds` replaced, of which the first and longest counts where they overlap,
/// together with the ends of the others; returns whether there are any.
fn write_without(text: &[u8], mut finds: Vec<Find<'_>>, out: &mut Vec<u8>) -> bool {
    finds.sort_by(|a, b| (a.range.start, b.range.end).cmp(&(b.range.start, a.range.end)));
    let mut at = 0;
    let mut found = false;
    for find in &finds {
        let Range { start, end } = find.range;
        if start >= at {
            out.extend_from_slice(&text[at..start]);
            out.extend_from_slice(find.replacement);
            found = true;
        }
        at = at.max(end);
    }
    if found {
        out.extend_from_slice(&text[at..]);
    }
    found
}

/// Returns whether digits enough for a card stand together, with single blanks or dashes between.
fn has_digits_of_card(text: &[u8]) -> bool {
    let fewest = *cards::DIGITS.start();
    // Counting all is far cheaper than looking where they stand.
    if text.iter().filter(|byte| byte.is_ascii_digit()).count() < fewest {
        return false;
    }
    let (mut run, mut joined) = (0, false);
    for byte in text {
        match byte {
            b'0'..=b'9' => {
                run += 1;
                joined = false;
                if run >= fewest {
                    return true;
                }
            }
            b' ' | b'-' if run > 0 && !joined => joined = true,
            _ => (run, joined) = (0, false),
        }
    }
    false
}

/// Compiles the patterns of the user.
fn patterns(options: &RedactOptions) -> Result<Vec<(Regex, Vec<u8>)>, Vec<OptionsError>> {
    let mut errors = Vec::new();
    let mut patterns = Vec::new();
    if options.patterns.len() > PATTERNS_MAX {
        let message = format!("cannot take {} patterns", options.patterns.len());
        errors.push(
            OptionsError::at("patterns", message).hint(format!("Use at most {PATTERNS_MAX}.")),
        );
    }
    for (index, pattern) in options.patterns.iter().enumerate() {
        let mut refuse = |option: &str, message: String, hint: String| {
            let path = vec!["patterns".to_owned(), index.to_string(), option.to_owned()];
            errors.push(OptionsError { path, message, hint: Some(hint) });
        };
        if pattern.replace.len() > REPLACE_BYTES_MAX {
            let message = format!("the replacement has {} bytes", pattern.replace.len());
            refuse("replace", message, format!("Use at most {REPLACE_BYTES_MAX}."));
        }
        match RegexBuilder::new(&pattern.pattern).size_limit(PATTERN_SIZE_MAX).build() {
            Ok(regex) if regex.is_match(b"") => {
                let hint = "Let it match at least one character.".to_owned();
                refuse("pattern", "the pattern matches the empty text".to_owned(), hint);
            }
            Ok(regex) => patterns.push((regex, pattern.replace.clone().into_bytes())),
            Err(error) => {
                let message = format!("cannot read the pattern: {}", last_line(&error));
                let hint = "It is a regular expression without look-around and back-references.";
                refuse("pattern", message, hint.to_owned());
            }
        }
    }
    if errors.is_empty() { Ok(patterns) } else { Err(errors) }
}

/// Returns the line of a many-line error that says what is wrong.
fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    let line = text.lines().next_back().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

/// Returns the error that a rule of our own does not compile, which a test rules out.
fn own(error: &str) -> OptionsError {
    OptionsError::at("without", format!("cannot compile a rule: {error}"))
}
