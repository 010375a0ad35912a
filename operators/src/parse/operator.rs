//! The parse stage: options, and its place in the dataflow.
//!
//! ```text
//! Lines ──► parse ──► Events
//!             └─────► facts: lines read, blank, invalid, rejected; examples of rejected records
//! ```
//! *Frontier:* stateless with respect to epochs: what a chunk yields leaves at the chunk's epoch.
//! *State and limits:* see [`super::parser`].

use super::format::Format;
use super::parser::{Parsed, Parser};
use engine::component::{
    Build, ComponentType, NodeIdentity, Operator, Options, OptionsError, Port, Ports, Stage,
    StreamKind,
};
use engine::dataflow::{OperatorBuilder, Output, Pipeline};
use engine::model::{Account, Chunk, Counter, EventBatch, Fact, RejectReason};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The entry of the registry.
pub const COMPONENT: ComponentType = ComponentType {
    name: "parse",
    summary: "Raw lines become events: time, severity and facets are found and taken off.",
    inputs: &[(StreamKind::Lines, true)],
    output: Some(StreamKind::Events),
    schema: || schemars::schema_for!(ParseOptions),
    build: Build::Operator(build),
};

/// The options of `parse`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ParseOptions {
    /// How lines are to be read; `auto` decides line by line.
    pub format: Format,
}

/// A configured `parse`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ParseOperator {
    options: ParseOptions,
}

impl ParseOperator {
    /// Returns the operator with these options.
    pub fn new(options: ParseOptions) -> Self {
        Self { options }
    }
}

fn build(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    Ok(Box::new(ParseOperator::new(options.parse()?)))
}

impl Operator for ParseOperator {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, mut inputs: Ports<'s>) -> Port<'s> {
        let mut parsers: Vec<(Arc<str>, Parser)> = stage
            .sources
            .iter()
            .map(|source| {
                // The graph has checked the zones of its sources.
                let parser = Parser::new(self.options.format, &source.timezone)
                    .unwrap_or_else(|| Parser::utc(self.options.format));
                (Arc::clone(&source.service), parser)
            })
            .collect();

        let mut builder = OperatorBuilder::new(format!("parse {}", stage.id), stage.scope);
        let mut input = builder.new_input(inputs.lines(), Pipeline);
        let (events_out, events) = builder.new_output::<Vec<EventBatch>>();
        let (facts_out, facts) = builder.new_output::<Vec<Fact>>();
        let mut events_out = Output::from(events_out);
        let mut facts_out = Output::from(facts_out);
        builder.build(move |_| {
            move |_frontiers| {
                let mut events_out = events_out.activate();
                let mut facts_out = facts_out.activate();
                input.for_each_time(|time, chunks| {
                    let mut batches = Vec::new();
                    let mut facts = Vec::new();
                    for chunk in chunks.flat_map(|chunks| chunks.drain(..)) {
                        let Some((service, parser)) = parsers.get_mut(chunk.source.0 as usize)
                        else {
                            continue;
                        };
                        let parsed = parser.parse(service, &chunk);
                        push_facts(&chunk, &parsed, &mut facts);
                        if !parsed.batch.events.is_empty() {
                            batches.push(parsed.batch);
                        }
                    }
                    events_out.session(&time).give_iterator(batches.into_iter());
                    facts_out.session(&time).give_iterator(facts.into_iter());
                });
            }
        });
        stage.commit(facts);
        Port::Events(events)
    }

    fn identity(&self) -> NodeIdentity {
        NodeIdentity {
            node: String::new(),
            component: COMPONENT.name.to_owned(),
            version: 1,
            options: BTreeMap::from([(
                "format".to_owned(),
                self.options.format.as_str().to_owned(),
            )]),
        }
    }
}

/// Says what became of the lines of `chunk`; nothing of what did not occur.
fn push_facts(chunk: &Chunk, parsed: &Parsed, facts: &mut Vec<Fact>) {
    let source = chunk.source;
    let mut account = |counter: Counter, n: u64| {
        if n > 0 {
            facts.push(Fact::Account(Account { source, counter, n: n as i64 }));
        }
    };
    account(Counter::LinesRead, parsed.lines_read);
    account(Counter::LinesBlank, parsed.lines_blank);
    account(Counter::Read, parsed.read());
    account(Counter::InvalidUtf8, parsed.invalid_utf8);
    for reason in RejectReason::ALL {
        account(Counter::Rejected(reason), parsed.rejected.count(reason));
    }
    facts.extend(parsed.rejected.examples().cloned().map(Fact::Rejected));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage_test::{Ran, chunk, run};
    use engine::model::SourceIndex;

    fn parse(options: serde_json::Value, chunks: Vec<Chunk>) -> Ran {
        let options = Options { id: "events".to_owned(), value: options, base: "/".into() };
        let operator = build(&options).unwrap();
        run(vec![operator], chunks)
    }

    fn account(counter: Counter, n: i64) -> Fact {
        Fact::Account(Account { source: SourceIndex(0), counter, n })
    }

    #[test]
    fn what_becomes_of_every_line_is_committed_with_its_epoch() {
        let lines = "{\"level\":\"error\",\"msg\":\"no\"}\n\nwords\n";
        let ran = parse(serde_json::json!({"format": "json"}), vec![chunk(lines), chunk("\n")]);
        assert_eq!(ran.messages, ["no"]);
        let of_epoch = |epoch| {
            ran.facts.iter().filter(move |(at, _)| *at == epoch).map(|(_, fact)| fact.clone())
        };
        let mut first: Vec<Fact> = of_epoch(0).collect();
        let Some(Fact::Rejected(example)) = first.pop() else { panic!("no example") };
        assert_eq!(example.record, "words");
        let mismatch = RejectReason::FormatMismatch;
        let expected = [
            account(Counter::LinesRead, 3),
            account(Counter::LinesBlank, 1),
            account(Counter::Read, 2),
            account(Counter::Rejected(mismatch), 1),
        ];
        assert_eq!(first, expected);
        let second: Vec<Fact> = of_epoch(1).collect();
        assert_eq!(second, [account(Counter::LinesRead, 1), account(Counter::LinesBlank, 1)]);
    }

    #[test]
    fn the_default_format_is_auto_and_unknown_options_are_refused() {
        let ran = parse(serde_json::json!({}), vec![chunk("2024-01-02 03:04:05 INFO hello\n")]);
        assert_eq!(ran.messages, ["hello"]);
        let value = serde_json::json!({"formats": "json"});
        let options = Options { id: "events".to_owned(), value, base: "/".into() };
        assert!(build(&options).is_err());
    }
}
