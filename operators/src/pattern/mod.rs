//! pattern: words that vary become variables, so that templates that differ only in a name are one.
//!
//! ```text
//! sightings ──► what each worker knows ──► best per fingerprint ──────────────join──► fingerprint, pattern
//!                                               └─► skeletons ──iterate──► pattern ─┘
//! ```
//! *Promises:* a function of the *set* of skeletons, service and class left aside: independent of
//! order and of worker count, incremental, and a skeleton that goes takes back the merges it caused
//! (I1, I2, I6). It equals [`Patterns`], which computes the same from scratch.
//! *Frontier:* never holds an epoch.
//! *State and limits:* one row per fingerprint and worker, at most [`rule::HOLES_MAX`] holes per
//! skeleton; bounded by the fingerprint stage's `max_fingerprints`.
//! *Not here:* what an issue is (`issue`).

mod incremental;
mod known;
mod reference;
pub mod rule;
mod text;

pub use incremental::patterns;
pub use reference::Patterns;
pub use text::{
    MESSAGES_MAX, POSITIONS_MAX, Position, VALUE_BYTES_MAX, VALUES_MAX, Values, text_of, values_of,
};

use engine::component::{
    Build, ComponentType, Operator, Options, OptionsError, Port, Ports, Stage, StreamKind,
};
use engine::model::{Pattern, Patterned};
use known::{Known, best, known};
use schemars::JsonSchema;
use serde::Deserialize;

/// The component type `pattern`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "pattern",
    summary: "Makes words that vary variables, so that many templates become one pattern.",
    inputs: &[(StreamKind::Prints, true)],
    output: Some(StreamKind::Patterns),
    schema: || schemars::schema_for!(PatternOptions),
    build: Build::Operator(build),
};

/// The options of `pattern`: none yet.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PatternOptions {}

/// A configured `pattern`.
#[derive(Clone, Copy, Debug, Default)]
pub struct PatternOperator;

fn build(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    let PatternOptions {} = options.parse()?;
    Ok(Box::new(PatternOperator))
}

impl Operator for PatternOperator {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, mut inputs: Ports<'s>) -> Port<'s> {
        let (_prints, sightings) = inputs.prints();
        let recovered = stage.at_start(|recovered| {
            recovered.fingerprints.iter().map(|one| (Known::recovered(one), 1)).collect()
        });
        let known = known(sightings).concat(recovered);
        let best = best(known);
        let by_skeleton = patterns(best.clone().map(|one| one.skeleton));
        let patterned = best.map(|one| (one.skeleton, one.candidate)).join_map(
            by_skeleton,
            |_skeleton, one, pattern| Patterned {
                one: one.clone(),
                pattern: Pattern::new(pattern.clone()),
            },
        );
        Port::Patterns(patterned)
    }
}
