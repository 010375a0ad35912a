//! The configured operator: issues that are severe enough get tags.
//!
//! ```text
//! issues ────severe enough────┐
//! embeddings ─────────────────┼──reduce per issue──► texts ──┐
//! sentences ──Stage::embed──► all of them ──► Classifier ────┴─► tags
//! ```
//! Until every sentence has its embedding, rules alone give tags.

use super::{Classifier, ClassifyOptions, Known, Sentence};
use engine::component::{
    Build, ComponentType, Operator, Options, OptionsError, Port, Ports, Stage, StreamKind, Titled,
};
use engine::dataflow::Collection;
use engine::model::Embedding;
use std::sync::Arc;

/// The component type `classify`.
pub const COMPONENT: ComponentType = ComponentType {
    name: "classify",
    summary: "Says what kind of failure an issue is about, and why.",
    inputs: &[(StreamKind::Issues, true)],
    output: Some(StreamKind::Tags),
    schema: || schemars::schema_for!(ClassifyOptions),
    build: Build::Operator(build),
};

/// A configured `classify`.
#[derive(Clone, Debug, Default)]
pub struct ClassifyOperator {
    options: ClassifyOptions,
}

fn build(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    let options: ClassifyOptions = options.parse()?;
    let mistakes = options.mistakes();
    if mistakes.is_empty() { Ok(Box::new(ClassifyOperator { options })) } else { Err(mistakes) }
}

impl Operator for ClassifyOperator {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, mut inputs: Ports<'s>) -> Port<'s> {
        let Titled { issues, severities, embeddings } = inputs.titled_issues();
        let minimum = self.options.min_severity;
        let severe = severities
            .filter(move |(_, severity)| severity.reaches(minimum))
            .map(|(issue, _)| issue);
        let issues = issues.map(|issue| (issue.id, issue.text)).semijoin(severe.distinct());
        let embedded = issues.clone().join_map(embeddings, |issue, text, embedding| {
            (*issue, (Arc::clone(text), Some(embedding.clone())))
        });
        let bare = issues.antijoin(embedded.clone().map(|(issue, _)| issue).distinct());
        let texts = bare.map(|(issue, text)| (issue, (text, None))).concat(embedded);
        let wanted = texts.clone().map(|_| ()).distinct();
        let classifiers = self.classifiers(stage, wanted);
        let tags = texts.map(|row| ((), row)).join_map(classifiers, |(), (issue, asked), known| {
            let (text, embedding): &(Arc<str>, Option<Embedding>) = asked;
            (*issue, Classifier::shared(Arc::clone(known)).tags(text, embedding.as_ref()))
        });
        Port::Tags(tags.flat_map(|(issue, tags)| tags.into_iter().map(move |tag| (issue, tag))))
    }
}

impl ClassifyOperator {
    /// Returns every sentence with its embedding, or none until all have one; asked for once there is
    /// something to classify.
    fn classifiers<'s>(
        &self,
        stage: &mut Stage<'_, 's>,
        wanted: Collection<'s, ()>,
    ) -> Collection<'s, ((), Arc<Vec<Known>>)> {
        let sentences = self.options.sentences();
        let count = sentences.len();
        let texts = stage.at_start(|_| {
            let row = |sentence: Sentence| (((), (Arc::from(sentence.text()), sentence)), 1);
            sentences.into_iter().map(row).collect()
        });
        let texts: Collection<'s, (Arc<str>, Sentence)> =
            texts.semijoin(wanted.clone()).map(|((), row)| row);
        let embeddings = stage.embed(texts.clone().map(|(text, _)| text).distinct());
        let known = texts.join_map(embeddings, |_text, sentence, embedding| {
            ((), Some((sentence.clone(), embedding.clone())))
        });
        known.concat(wanted.map(|()| ((), None))).reduce(move |(), known, all| {
            let known = known.iter().filter_map(|(one, _)| (*one).clone());
            let known: Vec<Known> = known.collect();
            let is_complete = known.len() == count;
            all.push((Arc::new(if is_complete { known } else { Vec::new() }), 1));
        })
    }
}
