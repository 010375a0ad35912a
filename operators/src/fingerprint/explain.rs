//! Explain: why a message has the identity it has.

use super::identify::cut_service;
use super::options::IdentityRules;
use super::parts::EventParts;
use crate::mask::masks_with;
use crate::rules::{Piece, UserRules};
use crate::trace::ExplainedTrace;
use engine::model::{EventBatch, EventRef, Fingerprint, SeverityClass, Template};

/// A variable of a message and the rule that found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedMask {
    /// Where it begins, in bytes of the message.
    pub start: usize,
    /// Where it ends; equal to `start` where a value is missing.
    pub end: usize,
    /// The rule, such as `ip_address`, or `mask` for a rule of the user.
    pub rule: &'static str,
    /// What is displayed instead, such as `<ip>`.
    pub placeholder: String,
    /// The text, lossily decoded.
    pub text: String,
}

/// What a rule of the user did.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ExplainedRule {
    /// Which rule, counted from 1 in the order of the file.
    pub rule: usize,
    /// `keep`, `mask` or `fingerprint`.
    pub action: &'static str,
    /// Its pattern.
    pub pattern: String,
    /// Where it matched: `message`, `exception` (the message of one) or `trace`.
    pub part: &'static str,
    /// Where the match begins, in bytes of that part.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// What matched, lossily decoded.
    pub text: String,
    /// The placeholder or the fingerprint that it became; empty for what was kept.
    pub becomes: String,
}

/// What identity makes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The constant words, and [`MARKER`](crate::skeleton::MARKER) for each run of variables.
    pub skeleton: Vec<String>,
    /// The variables, in order.
    pub masks: Vec<ExplainedMask>,
    /// What rules of the user did.
    pub rules: Vec<ExplainedRule>,
    /// The template's id.
    pub template: Template,
    /// The fingerprint's id, for the given service and class.
    pub fingerprint: Fingerprint,
    /// The template as it is displayed.
    pub text: String,
    /// What decided instead of the words, where an exception was seen.
    pub trace: Option<ExplainedTrace>,
}

/// Explains the identity of `message` for events of `service` and `class`.
pub fn explain(message: &[u8], service: &[u8], class: SeverityClass) -> Explained {
    let parts = EventParts { message, ..EventParts::default() };
    explain_parts(&parts, service, class, &IdentityRules::default())
}

/// Explains the identity of an event of `batch`, as the stage gives it.
pub fn explain_event(batch: &EventBatch, event: &EventRef, rules: &IdentityRules) -> Explained {
    let parts = EventParts::of_any(batch, event);
    explain_parts(&parts, batch.service_of(event), event.severity.class(), rules)
}

/// Explains the identity of an event that has more than a message, for `service` and `class`.
pub fn explain_parts(
    parts: &EventParts<'_>,
    service: &[u8],
    class: SeverityClass,
    rules: &IdentityRules,
) -> Explained {
    let (skeleton, text) = parts.identity(rules);
    let template = Template::of_skeleton(&skeleton);
    let trace = parts.explain_trace(rules);
    Explained {
        masks: explained_masks(parts.message, &rules.texts),
        rules: explained_rules(parts, rules, trace.as_ref()),
        template,
        fingerprint: Fingerprint::new(cut_service(service), class, template),
        text,
        trace,
        skeleton: skeleton
            .split(|&byte| byte == b' ')
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect(),
    }
}

/// Returns the variables of a message, those that rules of the user found among them.
fn explained_masks(message: &[u8], texts: &UserRules) -> Vec<ExplainedMask> {
    let text =
        |start: usize, end: usize| String::from_utf8_lossy(&message[start..end]).into_owned();
    let pieces = texts.pieces(message);
    let found = masks_with(message, &texts.ruled(&pieces)).into_iter().map(|span| ExplainedMask {
        start: span.start,
        end: span.end,
        rule: span.kind.rule(),
        placeholder: span.kind.placeholder().to_owned(),
        text: text(span.start, span.end),
    });
    let named = pieces.iter().filter_map(|piece| {
        let placeholder = texts.placeholder(piece.rule)?.to_owned();
        let (start, end) = (piece.start, piece.stop);
        Some(ExplainedMask { start, end, rule: "mask", placeholder, text: text(start, end) })
    });
    let mut masks: Vec<ExplainedMask> = found.chain(named).collect();
    masks.sort_by_key(|mask| (mask.start, mask.end));
    masks
}

/// Returns what rules of the user did to an event.
fn explained_rules(
    parts: &EventParts<'_>,
    rules: &IdentityRules,
    trace: Option<&ExplainedTrace>,
) -> Vec<ExplainedRule> {
    let texts = &rules.texts;
    let explained = |piece: &Piece, part: &'static str, text: &[u8], becomes: &[u8]| {
        let (pattern, action) = texts.describe(piece.rule);
        ExplainedRule {
            rule: piece.rule + 1,
            action,
            pattern: pattern.to_owned(),
            part,
            start: piece.start,
            end: piece.stop,
            text: String::from_utf8_lossy(&text[piece.start..piece.stop]).into_owned(),
            becomes: String::from_utf8_lossy(becomes).into_owned(),
        }
    };
    let mut found = Vec::new();
    if let Some(asked) = parts.asked(rules) {
        let seen = [
            ("message", parts.message),
            ("exception", parts.exception_message),
            ("trace", parts.trace),
        ];
        let (part, text) = seen[asked.text];
        found.push(explained(&asked.piece, part, text, &asked.fingerprint));
    }
    let causes = trace.into_iter().flat_map(|trace| &trace.causes);
    let messages = causes.map(|cause| ("exception", cause.message.as_bytes()));
    for (part, text) in std::iter::once(("message", parts.message)).chain(messages) {
        let pieces = texts.pieces(text);
        found.extend(pieces.iter().map(|piece| {
            let becomes = texts.placeholder(piece.rule).unwrap_or_default();
            explained(piece, part, text, becomes.as_bytes())
        }));
    }
    found
}
