//! filter: keeps the events that fulfil all of its conditions; the others are counted as filtered,
//! with the operator's id.

use crate::batchwise::batchwise;
use engine::component::{
    Build, ComponentType, NodeIdentity, Operator, Options, OptionsError, Port, Ports, Stage,
    StreamKind,
};
use engine::model::{Counter, EventBatch, EventRef, Severity};
use memchr::memmem::Finder;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The entry of the registry.
pub const COMPONENT: ComponentType = ComponentType {
    name: "filter",
    summary: "Keeps the events that fulfil all given conditions and counts the others.",
    inputs: &[(StreamKind::Events, true)],
    output: Some(StreamKind::Events),
    schema: || schemars::schema_for!(FilterOptions),
    build: Build::Operator(build),
};

/// The options of `filter`. What is left out restricts nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FilterOptions {
    /// Keep events of at least this severity; an unknown severity counts as `warn`.
    #[schemars(with = "Option<SeverityName>")]
    pub min_severity: Option<Severity>,
    /// Keep events of these services.
    pub service: Vec<String>,
    /// Keep events whose message contains at least one of these texts.
    pub contains: Vec<String>,
    /// Drop events whose message contains any of these texts.
    pub not_contains: Vec<String>,
}

/// The severities that a threshold can name.
#[derive(JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(dead_code, reason = "only its schema is used")]
enum SeverityName {
    Trace,
    Debug,
    Info,
    Warn,
    Error,
    Fatal,
}

/// The conditions, ready to be tried.
#[derive(Clone, Debug)]
pub struct Conditions {
    min_severity: Option<Severity>,
    service: Vec<Vec<u8>>,
    contains: Vec<Finder<'static>>,
    not_contains: Vec<Finder<'static>>,
}

impl Conditions {
    /// Returns the conditions that `options` describe.
    pub fn new(options: &FilterOptions) -> Conditions {
        let finders = |texts: &[String]| {
            texts.iter().map(|text| Finder::new(text.as_bytes()).into_owned()).collect()
        };
        Conditions {
            min_severity: options.min_severity,
            service: options.service.iter().map(|name| name.as_bytes().to_vec()).collect(),
            contains: finders(&options.contains),
            not_contains: finders(&options.not_contains),
        }
    }

    /// Returns whether an event of `batch` fulfils all conditions.
    pub fn keep(&self, batch: &EventBatch, event: &EventRef) -> bool {
        if self.min_severity.is_some_and(|minimum| !event.severity.reaches(minimum)) {
            return false;
        }
        let service = batch.service_of(event);
        if !self.service.is_empty() && !self.service.iter().any(|name| name == service) {
            return false;
        }
        let message = batch.text(event.message);
        let found = |finder: &Finder<'static>| finder.find(message).is_some();
        (self.contains.is_empty() || self.contains.iter().any(found))
            && !self.not_contains.iter().any(found)
    }

    /// Drops the events of `batch` that do not fulfil them and returns how many those were, less
    /// those that took an earlier one back.
    pub fn apply(&self, batch: &mut EventBatch) -> i64 {
        let mut events = std::mem::take(&mut batch.events);
        let mut dropped = 0;
        events.retain(|event| {
            let kept = self.keep(batch, event);
            dropped += if kept { 0 } else { i64::from(event.change) };
            kept
        });
        batch.events = events;
        dropped
    }
}

/// A configured `filter`.
#[derive(Clone, Debug)]
pub struct FilterOperator {
    conditions: Conditions,
}

impl FilterOperator {
    /// Returns the operator with these options.
    pub fn new(options: &FilterOptions) -> Self {
        Self { conditions: Conditions::new(options) }
    }
}

impl FilterOptions {
    /// Returns an error for every condition that means nothing.
    pub(crate) fn errors(&self) -> Vec<OptionsError> {
        let mut errors = Vec::new();
        for (option, texts) in [
            ("service", &self.service),
            ("contains", &self.contains),
            ("not_contains", &self.not_contains),
        ] {
            if texts.iter().any(String::is_empty) {
                let error = OptionsError::at(option, format!("{option:?} holds an empty text"));
                errors.push(error.hint("Remove it: every message contains the empty text."));
            }
        }
        if self.min_severity == Some(Severity::Unknown) {
            let error = OptionsError::at("min_severity", "cannot use \"unknown\" as a threshold");
            errors.push(error.hint("Leave the option out to keep every severity."));
        }
        errors
    }
}

fn build(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    let options: FilterOptions = options.parse()?;
    let errors = options.errors();
    if errors.is_empty() { Ok(Box::new(FilterOperator::new(&options))) } else { Err(errors) }
}

impl Operator for FilterOperator {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, inputs: Ports<'s>) -> Port<'s> {
        let conditions = self.conditions.clone();
        let counter = Counter::Filtered(stage.id.to_owned());
        batchwise(stage, inputs, COMPONENT.name, counter, move |batch| conditions.apply(batch))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse::ParseOperator;
    use crate::stage_test::{Ran, chunk, run};
    use engine::model::{Account, Fact, SourceIndex};
    use serde_json::json;

    const LINES: &str = "INFO: started\nWARN: stock is low\nERROR: no such item\nno level\n\
                         {\"level\":\"error\",\"msg\":\"no such user\",\"service\":\"auth\"}\n";

    fn build_filter(options: serde_json::Value) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
        build(&Options { id: "loud".to_owned(), value: options, base: "/".into() })
    }

    fn filtered(options: serde_json::Value) -> Ran {
        let parse = Box::new(ParseOperator::default());
        run(vec![parse, build_filter(options).unwrap()], vec![chunk(LINES)])
    }

    #[test]
    fn without_conditions_every_event_is_kept() {
        assert_eq!(filtered(json!({})).messages.len(), 5);
    }

    #[test]
    fn a_threshold_keeps_unknown_severities_as_warnings() {
        let kept = filtered(json!({"min_severity": "warn"})).messages;
        assert_eq!(kept, ["stock is low", "no such item", "no level", "no such user"]);
        let kept = filtered(json!({"min_severity": "error"})).messages;
        assert_eq!(kept, ["no such item", "no such user"]);
    }

    #[test]
    fn all_conditions_must_hold() {
        let kept = filtered(json!({"contains": ["no such", "low"], "not_contains": ["user"]}));
        assert_eq!(kept.messages, ["stock is low", "no such item"]);
        assert_eq!(filtered(json!({"service": ["auth"]})).messages, ["no such user"]);
        let kept = filtered(json!({"service": ["shop"], "min_severity": "error"}));
        assert_eq!(kept.messages, ["no such item"]);
    }

    #[test]
    fn dropped_events_are_counted_under_the_operators_id() {
        let ran = filtered(json!({"min_severity": "error"}));
        let counter = Counter::Filtered("loud".to_owned());
        let expected = Fact::Account(Account { source: SourceIndex(0), counter, n: 3 });
        assert!(ran.facts.contains(&(0, expected)));
    }

    #[test]
    fn thresholds_and_texts_that_mean_nothing_are_refused() {
        let errors = build_filter(json!({"min_severity": "unknown", "contains": [""]}));
        let paths: Vec<_> = errors.err().unwrap().into_iter().map(|error| error.path).collect();
        assert_eq!(paths, [["contains"], ["min_severity"]]);
    }
}
