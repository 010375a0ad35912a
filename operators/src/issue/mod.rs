//! Issues from patterns: without embeddings every (severity class, pattern) is one issue, so it may span
//! services and never classes (DESIGN §8, Identity).
//!
//! ```text
//! one row per fingerprint ──by node──┐
//! node → cluster (`cluster` only) ───┼──► per cluster: first member ──► issues, members, severities,
//! texts, embeddings ─────────────────┘                                  parts, titles' embeddings
//! ```
//! An issue's id is that of its *first* member: the smallest (first event time, template). So it
//! stays when later templates join; every other member's own id, [`IssueId::new`] of its class and
//! template, is where a link from before the merge leads to.
//!
//! *Promises:* I1, I2, I3, I6: everything is a function of the *set* of rows.
//! *Frontier:* holds each epoch until its input is complete. *State and limits:* a few rows per fingerprint,
//! bounded by the fingerprint stage's `max_fingerprints`. *Not here:* which templates are one pattern
//! (`pattern`), and which patterns mean the same (`cluster`, which derives its issues here).

mod derived;

pub(crate) use derived::{Embedded, derived, shown};

use engine::component::{
    Build, ComponentType, Operator, Options, OptionsError, Port, Ports, Stage, StreamKind,
};
use schemars::JsonSchema;
use serde::Deserialize;

/// The component type `issue`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "issue",
    summary: "Groups fingerprints of one pattern and severity class into an issue.",
    inputs: &[(StreamKind::Patterns, true)],
    output: Some(StreamKind::Issues),
    schema: || schemars::schema_for!(IssueConfig),
    build: Build::Operator(build),
};

/// Options of `issue`: none yet.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueConfig {}

/// The configured operator.
#[derive(Clone, Copy, Debug, Default)]
pub struct Grouping;

fn build(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    let IssueConfig {} = options.parse()?;
    Ok(Box::new(Grouping))
}

impl Operator for Grouping {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, mut inputs: Ports<'s>) -> Port<'s> {
        let embedded = Embedded {
            texts: stage.at_start(|_| Vec::new()),
            vectors: stage.at_start(|_| Vec::new()),
        };
        derived(inputs.patterns(), stage.at_start(|_| Vec::new()), embedded)
    }
}
