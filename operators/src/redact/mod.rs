//! redact: secrets and personal data leave every text of an event before it is stored, compared or
//! shown.
//!
//! ```text
//! EventBatch ──► trigger words? digits of a card? ──no──► the same batch, nothing copied
//!                               │yes
//!                               └► rules ──► texts without what they found, in the scratch bytes
//! ```
//! *Promises:* record, message, trace, exception and facets are cleaned alike, so that no sample shows
//! what a message hides. A pure function of each text. Time per text is linear in its bytes.
//!
//! *State and limits:* none; at most [`PATTERNS_MAX`] patterns of the user, whose replacements are at
//! most [`REPLACE_BYTES_MAX`] long.
//!
//! *Not here:* which shapes are secrets ([`rules`]), payment cards ([`cards`]).

mod cards;
mod clean;
mod rules;
#[cfg(test)]
mod tests;

pub use clean::Cleaner;
pub use rules::RuleName;

use crate::batchwise::batchwise;
use engine::component::{
    Build, ComponentType, NodeIdentity, Operator, Options, OptionsError, Port, Ports, Stage,
    StreamKind,
};
use engine::model::{Counter, EventBatch};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many patterns of their own users may add.
pub const PATTERNS_MAX: usize = 64;
/// The longest replacement, in bytes.
pub const REPLACE_BYTES_MAX: usize = 64;

/// The entry of the registry.
pub const COMPONENT: ComponentType = ComponentType {
    name: "redact",
    summary: "Takes secrets and personal data out of events before they are stored or shown.",
    inputs: &[(StreamKind::Events, true)],
    output: Some(StreamKind::Events),
    schema: || schemars::schema_for!(RedactOptions),
    build: Build::Operator(build),
};

/// The options of `redact`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RedactOptions {
    /// Rules that are not to be used; all others are.
    pub without: Vec<RuleName>,
    /// Patterns of your own, tried after the rules.
    pub patterns: Vec<PatternOptions>,
}

/// A pattern of the user.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PatternOptions {
    /// A regular expression; what it matches is replaced.
    pub pattern: String,
    /// What stands there instead, as it is.
    #[serde(default = "default_replace")]
    pub replace: String,
}

fn default_replace() -> String {
    "<redacted>".to_owned()
}

/// A configured `redact`.
#[derive(Clone, Debug)]
pub struct RedactOperator {
    cleaner: Arc<Cleaner>,
}

fn build(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    let options: RedactOptions = options.parse()?;
    let cleaner = Arc::new(Cleaner::new(&options)?);
    Ok(Box::new(RedactOperator { cleaner }))
}

impl Operator for RedactOperator {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, inputs: Ports<'s>) -> Port<'s> {
        let cleaner = Arc::clone(&self.cleaner);
        // No event is left out, so nothing is ever counted here.
        let counter = Counter::Filtered(stage.id.to_owned());
        batchwise(stage, inputs, COMPONENT.name, counter, move |batch: &mut EventBatch| {
            cleaner.apply(batch);
            0
        })
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity {
            node: String::new(),
            component: COMPONENT.name.to_owned(),
            version: 1,
            options: BTreeMap::new(),
        })
    }
}
