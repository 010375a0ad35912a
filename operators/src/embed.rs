//! embed: patterns get vectors, once each, as soon as the pool beside the dataflow has them.
//!
//! ```text
//! one row per fingerprint, severe enough ──► pattern → words ──Stage::embed──► words → vector ──┐
//!                                                 └─────────────────────────────────────────────┴─► vectors
//! ```
//! *Promises:* which words a pattern has is a function of the set of sightings (I1, I2, I6); equal words are
//! embedded once, as long as the store keeps their vector; nothing waits for a vector (I4).
//! *Frontier:* holds each epoch until its input is complete, and none for a vector. *State and limits:* one
//! row per fingerprint, bounded by the fingerprint stage's `max_fingerprints`.
//! *Not here:* which words count (`meaning`), the model and its threads (the engine's runtime).

use crate::issue::shown;
use crate::meaning;
use crate::view::{View, one_owner, view};
use engine::component::{
    Build, ComponentType, Operator, Options, OptionsError, Port, Ports, Stage, StreamKind,
};
use engine::model::{PatternId, Patterned, Severity, TextId};
use foldhash::HashMap;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;
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
        let patterned = inputs.patterns();
        let minimum = self.options.min_severity;
        let severe = patterned.clone().filter(move |held| held.one.severity.reaches(minimum));
        let words = view("words", severe, one_owner, Words::default());
        let embeddings = stage.embed(words.clone().map(|(_, words)| words));
        let by_words = words.clone().map(|(pattern, words)| (words, pattern));
        let vectors = by_words
            .join_map(embeddings, |_words, pattern, embedding| (*pattern, embedding.clone()));
        let texts = words.map(|(pattern, words)| (pattern, TextId::of_text(&words)));
        Port::Vectors { patterned, texts, vectors }
    }
}

/// The words of each pattern: those of its first member.
#[derive(Default)]
struct Words {
    held: HashMap<PatternId, BTreeSet<Patterned>>,
    told: HashMap<PatternId, Arc<str>>,
    touched: BTreeSet<PatternId>,
}

impl View for Words {
    type Row = Patterned;
    type Told = (PatternId, Arc<str>);

    fn change(&mut self, row: Patterned, n: isize) {
        let pattern = row.pattern.id;
        let held = self.held.entry(pattern).or_default();
        if n > 0 {
            held.insert(row);
        } else {
            held.remove(&row);
        }
        if held.is_empty() {
            self.held.remove(&pattern);
        }
        self.touched.insert(pattern);
    }

    fn tell(&mut self) -> Vec<(Self::Told, isize)> {
        let mut changes = Vec::new();
        for pattern in std::mem::take(&mut self.touched) {
            let held = self.held.get(&pattern).into_iter().flatten();
            let first = held.min_by_key(|held| (held.one.first, &held.one.text));
            let now = first.and_then(words).map(Arc::<str>::from);
            let before = match &now {
                Some(now) => self.told.insert(pattern, Arc::clone(now)),
                None => self.told.remove(&pattern),
            };
            if before != now {
                changes.extend(before.map(|words| ((pattern, words), -1)));
                changes.extend(now.map(|words| ((pattern, words), 1)));
            }
        }
        changes
    }
}

fn words(first: &Patterned) -> Option<String> {
    meaning::text(&shown(&first.pattern, Arc::clone(&first.one.text)))
}
