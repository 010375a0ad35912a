//! Triage: how issues stand with people, through merges, splits and new events.
//!
//! ```text
//! placed ────► which fingerprints an issue has ──┐
//! controls ──► what people decide ───────────────┼──► [Ledger] ──► standing of each issue, and a journal
//! counts ────► what was resolved comes again ────┘         └─────► rows of each fingerprint
//! ```
//! *Promises:* a decision holds for the fingerprints that the issue has when it is heard; how an issue stands follows from
//! those that it has today, so that nothing is lost when issues are merged or split, and nothing is decided twice (I1, I2,
//! I6). *Frontier:* holds each epoch until its input is complete. *State and limits:* a row for each fingerprint about
//! which something was decided. *Not here:* which fingerprints are one issue (`cluster`).

pub mod ledger;
#[cfg(test)]
mod tests;

pub use ledger::Ledger;

use crate::view::{commit_state, one_owner, view};
use engine::component::{
    Build, ComponentType, NodeIdentity, Operator, Options, OptionsError, Port, Ports, Stage,
    StreamKind,
};
use ledger::{Row, Told};
use schemars::JsonSchema;
use serde::Deserialize;

/// The component type `triage`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "triage",
    summary: "Keeps what people decide about issues, and opens again what comes back.",
    inputs: &[(StreamKind::Counts, true), (StreamKind::Issues, true)],
    output: Some(StreamKind::Standings),
    schema: || schemars::schema_for!(TriageConfig),
    build: Build::Operator(build),
};

/// Options of `triage`: none yet.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TriageConfig {}

/// The configured operator.
#[derive(Clone, Copy, Debug, Default)]
pub struct Triage;

fn build(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    let TriageConfig {} = options.parse()?;
    Ok(Box::new(Triage))
}

impl Operator for Triage {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, mut inputs: Ports<'s>) -> Port<'s> {
        // What was counted before is told at once, and ends with a row that says so.
        let recovered = stage.at_start(|_| vec![(Row::Recovered, 1)]);
        let rows = inputs
            .counts()
            .map(|(fingerprint, bucket)| Row::Count(bucket, fingerprint))
            .concat(inputs.placed().map(|placed| Row::Placed(placed.fingerprint, placed.issue)))
            .concat(stage.controls().map(Row::Control))
            .concat(recovered);
        let ledger = Ledger::recovered(stage.id, stage.recovered);
        let told = view("triage", rows, one_owner, ledger);
        let state = told.clone().flat_map(|told| match told {
            Told::State(key, value) => Some((key, value)),
            _ => None,
        });
        commit_state(stage, state);
        Port::Standings {
            standings: told.clone().flat_map(|told| match told {
                Told::Standing(issue, standing) => Some((issue, standing)),
                _ => None,
            }),
            activity: told.flat_map(|told| match told {
                Told::Activity(entry) => Some(*entry),
                _ => None,
            }),
        }
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity {
            component: COMPONENT.name.to_owned(),
            version: ledger::VERSION,
            ..NodeIdentity::default()
        })
    }
}
