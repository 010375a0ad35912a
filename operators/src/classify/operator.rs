//! The configured operator: issues that are severe enough get tags.
//!
//! ```text
//! issues, severities, titles' embeddings ──┐
//! sentences ──Stage::embed──► embeddings ──┴──► tags of each issue
//! ```
//! Until every sentence has its embedding, rules alone give tags.

use super::{Classifier, ClassifyOptions, Known, Sentence};
use crate::view::{View, differences, one_owner, view};
use engine::component::{
    Build, ComponentType, Operator, Options, OptionsError, Port, Ports, Stage, StreamKind, Titled,
};
use engine::model::{Embedding, IssueId, Severity, Tag};
use foldhash::HashMap;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
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
        let sentences = self.options.sentences();
        let minimum = self.options.min_severity;
        let severe = severities
            .clone()
            .filter(move |(_, severity)| severity.reaches(minimum))
            .map(|(issue, _)| issue);
        let texts = sentences.iter().map(|sentence| Arc::from(sentence.text())).collect();
        let wanted = Wanted { texts, issues: 0, told: false };
        let sentence_embeddings = stage.embed(view("sentences", severe, one_owner, wanted));
        let rows = issues
            .map(|issue| Row::Text(issue.id, issue.text))
            .concat(severities.map(|(issue, severity)| Row::Severity(issue, severity)))
            .concat(embeddings.map(|(issue, embedding)| Row::Embedding(issue, embedding)))
            .concat(sentence_embeddings.map(|(text, embedding)| Row::Sentence(text, embedding)));
        let state = Tags {
            minimum,
            sentences,
            embedded: BTreeMap::new(),
            classifier: Classifier::default(),
            issues: HashMap::default(),
            touched: BTreeSet::new(),
            all_touched: false,
        };
        Port::Tags(view("tags", rows, one_owner, state))
    }
}

/// The sentences, as long as there is an issue to classify.
struct Wanted {
    texts: Vec<Arc<str>>,
    issues: isize,
    told: bool,
}

impl View for Wanted {
    type Row = IssueId;
    type Told = Arc<str>;

    fn change(&mut self, _issue: IssueId, n: isize) {
        self.issues += n;
    }

    fn tell(&mut self) -> Vec<(Arc<str>, isize)> {
        let wanted = self.issues > 0;
        if std::mem::replace(&mut self.told, wanted) == wanted {
            return Vec::new();
        }
        self.texts.iter().map(|text| (Arc::clone(text), if wanted { 1 } else { -1 })).collect()
    }
}

/// What is known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Row {
    Text(IssueId, Arc<str>),
    Severity(IssueId, Severity),
    Embedding(IssueId, Embedding),
    Sentence(Arc<str>, Embedding),
}

/// What is known of one issue, and what was told of it.
#[derive(Default)]
struct Asked {
    text: Option<Arc<str>>,
    severity: Option<Severity>,
    embedding: Option<Embedding>,
    told: Vec<(IssueId, Tag)>,
}

/// See the module.
struct Tags {
    minimum: Severity,
    sentences: Vec<Sentence>,
    /// By the sentences' texts.
    embedded: BTreeMap<Arc<str>, Embedding>,
    classifier: Classifier,
    issues: HashMap<IssueId, Asked>,
    touched: BTreeSet<IssueId>,
    all_touched: bool,
}

impl View for Tags {
    type Row = Row;
    type Told = (IssueId, Tag);

    fn change(&mut self, row: Row, n: isize) {
        let comes = n > 0;
        let (Row::Text(issue, _) | Row::Severity(issue, _) | Row::Embedding(issue, _)) = row else {
            if let Row::Sentence(text, embedding) = row {
                match comes {
                    true => self.embedded.insert(text, embedding),
                    false => self.embedded.remove(&text),
                };
                self.all_touched = true;
            }
            return;
        };
        let asked = self.issues.entry(issue).or_default();
        match row {
            Row::Text(_, text) => asked.text = comes.then_some(text),
            Row::Severity(_, severity) => asked.severity = comes.then_some(severity),
            Row::Embedding(_, embedding) => asked.embedding = comes.then_some(embedding),
            Row::Sentence(..) => {}
        }
        self.touched.insert(issue);
    }

    fn tell(&mut self) -> Vec<((IssueId, Tag), isize)> {
        let mut touched = std::mem::take(&mut self.touched);
        if std::mem::take(&mut self.all_touched) {
            self.classifier = self.classifier();
            touched.extend(self.issues.keys());
        }
        let mut changes = Vec::new();
        for issue in touched {
            let Some(asked) = self.issues.get_mut(&issue) else { continue };
            let severe = asked.severity.is_some_and(|severity| severity.reaches(self.minimum));
            let text = asked.text.as_ref().filter(|_| severe);
            let tags = text.map(|text| self.classifier.tags(text, asked.embedding.as_ref()));
            let tags = tags.into_iter().flatten();
            let mut now: Vec<(IssueId, Tag)> = tags.map(|tag| (issue, tag)).collect();
            now.sort_unstable();
            changes.extend(differences(&asked.told, &now));
            asked.told = now;
            if asked.text.is_none() && asked.told.is_empty() {
                self.issues.remove(&issue);
            }
        }
        changes
    }
}

impl Tags {
    /// Returns what gives tags: rules, and the sentences once all of them are known.
    fn classifier(&self) -> Classifier {
        let known = |sentence: &Sentence| -> Option<Known> {
            let embedding = self.embedded.get(sentence.text().as_str())?;
            Some((sentence.clone(), embedding.clone()))
        };
        let known: Option<Vec<Known>> = self.sentences.iter().map(known).collect();
        Classifier::new(known.unwrap_or_default())
    }
}
