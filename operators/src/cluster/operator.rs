//! The configured operator: options, and its place in the chain.

use super::groupings::{Groupings, Told, stored};
use super::issues::{ClusterOptions, Clustered, issues};
use crate::view::{commit_state, one_owner, view};
use engine::component::{
    Build, ComponentType, Operator, Options, OptionsError, Port, Ports, Stage, StreamKind,
};
use engine::dataflow::{Collection, Map};
use engine::model::{Constraint, Fact};
use std::sync::Arc;

/// The component type `cluster`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "cluster",
    summary: "Groups patterns with one cause into an issue, by what they mean.",
    inputs: &[(StreamKind::Vectors, true)],
    output: Some(StreamKind::Issues),
    schema: || schemars::schema_for!(ClusterOptions),
    build: Build::Operator(build),
};

/// A configured `cluster`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ClusterOperator {
    options: ClusterOptions,
}

fn build(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    let options: ClusterOptions = options.parse()?;
    let mistakes = options.mistakes();
    if mistakes.is_empty() { Ok(Box::new(ClusterOperator { options })) } else { Err(mistakes) }
}

impl Operator for ClusterOperator {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, mut inputs: Ports<'s>) -> Port<'s> {
        let constraints = constraints(stage);
        let Clustered { issues, crowded, conflicts: _ } =
            issues(self.options, inputs.vectors(), constraints);
        stage.commit(crowded.inner.map(|((), _epoch, n)| Fact::Crowded(n as i64)));
        issues
    }
}

/// Returns what people say about grouping, and stores it.
fn constraints<'s>(stage: &mut Stage<'_, 's>) -> Collection<'s, Constraint> {
    let node: Arc<str> = stage.id.into();
    let before = stage.at_start(|recovered| {
        let groupings = stored(&node, recovered).into_iter();
        groupings.map(|grouping| (grouping.constraint, 1)).collect()
    });
    let said = Groupings::recovered(stage.id, stage.recovered);
    let told = view("groupings", stage.controls(), one_owner, said);
    let state = told.clone().flat_map(|told| match told {
        Told::State(key, value) => Some((key, value)),
        Told::Constraint(_) => None,
    });
    commit_state(stage, state);
    before.concat(told.flat_map(|told| match told {
        Told::Constraint(constraint) => Some(constraint),
        Told::State(..) => None,
    }))
}
