//! Explain: what was seen in a trace, which frames counted, and which rung of the ladder decided.

use super::ladder::{Rung, climb};
use super::model::{Language, Origin};
use super::origin::FrameRules;
use super::read::read;
use crate::rules::UserRules;
use engine::model::Template;

/// A frame of an explained trace.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ExplainedFrame {
    /// The function, as identity sees it.
    pub function: String,
    /// Whose code it is in.
    pub origin: Origin,
    /// Whether it is part of the identity.
    pub counts: bool,
}

/// An exception of an explained trace.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ExplainedCause {
    /// Its type, empty if unknown.
    pub kind: String,
    /// Its message.
    pub message: String,
    /// Error codes in its message, which count.
    pub codes: Vec<String>,
    /// Its frames, the innermost first.
    pub frames: Vec<ExplainedFrame>,
}

/// Why a trace has the identity it has.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ExplainedTrace {
    /// Whose trace it is.
    pub language: Language,
    /// The exceptions, the root first.
    pub causes: Vec<ExplainedCause>,
    /// What decided.
    pub rung: Rung,
    /// The functions that count, after repeated runs have become one.
    pub functions: Vec<String>,
    /// What rules of the user keep of the messages; it counts.
    pub kept: Vec<String>,
    /// The message's words, where they count.
    pub message: Option<String>,
    /// The hash of the root alone: equal under different wrappers.
    pub root: Template,
}

/// Explains the identity that [`identity`](super::identity) gives to the same parts.
pub fn explain(
    message: &[u8],
    trace: &[u8],
    kind: &[u8],
    text: &[u8],
    rules: &FrameRules,
    texts: &UserRules,
) -> Option<ExplainedTrace> {
    let reading = read(message, trace, kind, text, rules)?;
    let climbed = climb(&reading, texts);
    let root = climbed.root();
    let functions: Vec<String> = climbed.functions.iter().map(|one| one.function.clone()).collect();
    // All counted functions are of the first cause that has one of them.
    let counting = reading.trace.causes.iter().position(|cause| {
        functions.first().is_some_and(|first| cause.frames.iter().any(|one| one.function == *first))
    });
    let causes = reading.trace.causes.into_iter().enumerate().map(|(at, cause)| ExplainedCause {
        frames: cause
            .frames
            .into_iter()
            .map(|frame| ExplainedFrame {
                counts: counting == Some(at)
                    && frame.origin != Origin::Generated
                    && functions.contains(&frame.function),
                origin: frame.origin,
                function: frame.function,
            })
            .collect(),
        kind: cause.kind,
        message: cause.message,
        codes: cause.codes,
    });
    Some(ExplainedTrace {
        language: reading.trace.language,
        causes: causes.collect(),
        rung: climbed.rung,
        functions,
        kept: climbed.kept,
        message: climbed.message,
        root,
    })
}
