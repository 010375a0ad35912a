//! The configured operator: options, and its place in the chain.

use super::issues::{ClusterOptions, Clustered, issues};
use engine::component::{
    Build, ComponentType, Operator, Options, OptionsError, Port, Ports, Stage, StreamKind,
};
use engine::dataflow::Map;
use engine::model::Fact;

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
        // What people say about grouping comes with the API; until then nobody says anything.
        let constraints = stage.at_start(|_| Vec::new());
        let Clustered { issues, crowded, conflicts: _ } =
            issues(self.options, inputs.vectors(), constraints);
        stage.commit(crowded.inner.map(|((), _epoch, n)| Fact::Crowded(n as i64)));
        issues
    }
}
