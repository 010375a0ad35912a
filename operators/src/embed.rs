//! embed: patterns get vectors, once each, as soon as the pool beside the dataflow has them.
//!
//! ```text
//! candidates ─┐ severe enough
//! patterns ───┴─join─► pattern → first member's text ─► words ──Stage::embed──► vectors
//! ```
//! *Promises:* which words a pattern has is a function of the set of sightings (I1, I2, I6); equal words are
//! embedded once, as long as the store keeps their vector; nothing waits for a vector (I4).
//! *Frontier:* never holds an epoch. *State and limits:* one row per pattern, bounded by the fingerprint
//! stage's `max_fingerprints`.
//! *Not here:* which words count (`meaning`), the model and its threads (the engine's runtime).

use crate::issue::{held, shown};
use crate::meaning;
use engine::component::{
    Build, ComponentType, Operator, Options, OptionsError, Port, Ports, Stage, StreamKind,
};
use engine::model::{Severity, TextId};
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

/// The component type `embed`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "embed",
    summary: "Finds out what each pattern means, as a vector, without anything waiting for it.",
    inputs: &[(StreamKind::Patterns, true)],
    output: Some(StreamKind::Vectors),
    schema: || schemars::schema_for!(EmbedOptions),
    build: Build::Operator(build),
};

/// The options of `embed`.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EmbedOptions {
    /// Only patterns that were seen with this severity or a higher one; unknown counts as `warn`.
    pub min_severity: Severity,
}

impl Default for EmbedOptions {
    fn default() -> EmbedOptions {
        EmbedOptions { min_severity: Severity::Warn }
    }
}

/// A configured `embed`.
#[derive(Clone, Copy, Debug, Default)]
pub struct EmbedOperator {
    options: EmbedOptions,
}

fn build(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    Ok(Box::new(EmbedOperator { options: options.parse()? }))
}

impl Operator for EmbedOperator {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, mut inputs: Ports<'s>) -> Port<'s> {
        let (patterns, candidates) = inputs.patterns();
        let minimum = self.options.min_severity;
        let severe = held(patterns.clone(), candidates.clone())
            .filter(move |(_node, held)| held.one.severity.reaches(minimum))
            .map(|(_node, held)| (held.pattern, (held.one.first, held.one.text)));
        let words = severe.reduce(|pattern, texts, words| {
            let first = texts.first().map(|((_, text), _)| shown(pattern, Arc::clone(text)));
            let first = first.and_then(|text| meaning::text(&text));
            words.extend(first.map(|text| (Arc::<str>::from(text), 1)));
        });
        let by_words = words.clone().map(|(pattern, words)| (words, pattern));
        let embeddings = stage.embed(words.clone().map(|(_, words)| words).distinct());
        let vectors = by_words.join_map(embeddings, |_words, pattern, embedding| {
            (pattern.clone(), embedding.clone())
        });
        let texts = words.map(|(pattern, words)| (pattern, TextId::of_text(&words)));
        Port::Vectors { patterns, candidates, texts, vectors }
    }
}
