//! Explain: why a message has the identity it has.

use super::identify::cut_service;
use super::parts::EventParts;
use crate::mask::masks;
use crate::trace::{ExplainedTrace, FrameRules};
use engine::model::{EventBatch, EventRef, Fingerprint, SeverityClass, Template};

/// A variable of a message and the rule that found it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainedMask {
    /// Where it begins, in bytes of the message.
    pub start: usize,
    /// Where it ends; equal to `start` where a value is missing.
    pub end: usize,
    /// The rule, such as `ip_address`.
    pub rule: &'static str,
    /// What is displayed instead, such as `<ip>`.
    pub placeholder: &'static str,
    /// The text, lossily decoded.
    pub text: String,
}

/// What identity makes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The constant words, and [`MARKER`](crate::skeleton::MARKER) for each run of variables.
    pub skeleton: Vec<String>,
    /// The variables, in order.
    pub masks: Vec<ExplainedMask>,
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
    explain_parts(&parts, service, class, &FrameRules::default())
}

/// Explains the identity of an event of `batch`, as the stage gives it.
pub fn explain_event(batch: &EventBatch, event: &EventRef, rules: &FrameRules) -> Explained {
    let message = batch.text(event.message);
    let parts = EventParts::of(batch, event);
    let parts = parts.unwrap_or(EventParts { message, ..EventParts::default() });
    explain_parts(&parts, batch.service_of(event), event.severity.class(), rules)
}

/// Explains the identity of an event that has more than a message, for `service` and `class`.
pub fn explain_parts(
    parts: &EventParts<'_>,
    service: &[u8],
    class: SeverityClass,
    rules: &FrameRules,
) -> Explained {
    let message = parts.message;
    let (skeleton, text) = parts.identity(rules);
    let template = Template::of_skeleton(&skeleton);
    let explained = masks(message).into_iter().map(|span| ExplainedMask {
        start: span.start,
        end: span.end,
        rule: span.kind.rule(),
        placeholder: span.kind.placeholder(),
        text: String::from_utf8_lossy(&message[span.start..span.end]).into_owned(),
    });
    Explained {
        masks: explained.collect(),
        template,
        fingerprint: Fingerprint::new(cut_service(service), class, template),
        text,
        trace: parts.explain_trace(rules),
        skeleton: skeleton
            .split(|&byte| byte == b' ')
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect(),
    }
}
