//! The parse stage: options, and its place in the dataflow.
//!
//! ```text
//! Lines ──► parse ──► Events
//!             └─────► facts: lines read, blank, cut, invalid, rejected; examples of rejected
//!                     records; per partition what must be known after a restart
//! ```
//! *Frontier:* what a chunk yields leaves at the chunk's epoch, except a trace that may go on: it
//! holds the epoch [`HOLD_EPOCHS`](super::HOLD_EPOCHS) later, and lets go when the frontier gets
//! there. Epochs before that commit without it; it is not counted as read before it is emitted.
//! *Promises.* A restart between any two epochs emits every record once (I3): what was held back at
//! the last commit is emitted by worker 0 in the epoch that follows, which is noted in the state.
//! *State and limits:* see [`super::parser`].

use super::format::Format;
use super::pattern::{self, Pattern};
use super::worker::Worker;
use crate::assemble::Assemble;
use engine::component::{
    Build, ComponentType, NodeIdentity, Operator, Options, OptionsError, Port, Ports, Stage,
    StreamKind,
};
use engine::dataflow::{Capability, DataflowTime, OperatorBuilder, Output, Pipeline};
use engine::model::{EventBatch, Fact};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The entry of the registry.
pub const COMPONENT: ComponentType = ComponentType {
    name: "parse",
    summary: "Raw lines become events: stack traces are put together; time, severity and facets \
              are found and taken off.",
    inputs: &[(StreamKind::Lines, true)],
    output: Some(StreamKind::Events),
    schema: || schemars::schema_for!(ParseOptions),
    build: Build::Operator(build),
};

/// The options of `parse`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ParseOptions {
    /// How lines are to be read; `auto` decides line by line.
    pub format: Format,
    /// The pattern of the formats `regex` and `grok`. The groups `time`, `severity`, `message`,
    /// `service`, `host`, `process`, `thread` and `logger` say what is what; a line that the pattern
    /// does not match is rejected.
    pub pattern: Option<String>,
    /// Which lines are one record: `auto` joins stack traces and indented lines to the record they
    /// belong to, `off` makes a record of every line, `start_pattern` is a regular expression that
    /// first lines match.
    pub assemble: Assemble,
}

/// A configured `parse`.
#[derive(Clone, Debug, Default)]
pub struct ParseOperator {
    options: ParseOptions,
    pattern: Option<Arc<Pattern>>,
}

impl ParseOperator {
    /// Returns the operator with these options, whose format needs no pattern.
    pub fn new(options: ParseOptions) -> Self {
        Self { options, pattern: None }
    }

    /// Returns the operator with these options, or what is wrong with its pattern.
    pub fn with_pattern(options: ParseOptions) -> Result<Self, OptionsError> {
        let pattern = pattern::compiled(options.format, options.pattern.as_deref())?;
        Ok(Self { options, pattern })
    }
}

/// The right to send events and facts in one epoch.
type Outputs = [Capability<DataflowTime>; 2];

fn build(options: &Options) -> Result<Box<dyn Operator>, Vec<OptionsError>> {
    let operator = ParseOperator::with_pattern(options.parse()?).map_err(|error| vec![error])?;
    Ok(Box::new(operator))
}

impl Operator for ParseOperator {
    fn stage<'s>(&self, stage: &mut Stage<'_, 's>, mut inputs: Ports<'s>) -> Port<'s> {
        let mut worker = Worker::new(stage, &self.options, self.pattern.as_ref());
        let mut builder = OperatorBuilder::new(format!("parse {}", stage.id), stage.scope);
        let mut input = builder.new_input(inputs.lines(), Pipeline);
        let (events_out, events) = builder.new_output::<Vec<EventBatch>>();
        let (facts_out, facts) = builder.new_output::<Vec<Fact>>();
        let mut events_out = Output::from(events_out);
        let mut facts_out = Output::from(facts_out);
        let is_first = stage.scope.index() == 0;
        builder.build(move |mut at_start| {
            at_start.retain(|_| is_first);
            let mut waiting: BTreeMap<DataflowTime, Outputs> = BTreeMap::new();
            move |frontiers| {
                let mut events_out = events_out.activate();
                let mut facts_out = facts_out.activate();
                let mut give = |worker: &mut Worker, at: &Outputs| {
                    events_out.session(&at[0]).give_iterator(worker.batches.drain(..));
                    facts_out.session(&at[1]).give_iterator(worker.facts.drain(..));
                };
                if let [events, facts] = std::mem::take(&mut at_start).as_slice() {
                    let first = worker.release_stored();
                    give(&mut worker, &[events.delayed(&first), facts.delayed(&first)]);
                }
                while let Some(entry) = waiting.first_entry()
                    && !frontiers[0].less_than(entry.key())
                {
                    let (due, outputs) = entry.remove_entry();
                    worker.release(due);
                    worker.write_rows(due);
                    give(&mut worker, &outputs);
                }
                input.for_each_time(|time, chunks| {
                    let epoch = *time.time();
                    let now = [time.retain(0), time.retain(1)];
                    for chunk in chunks.flat_map(|chunks| chunks.drain(..)) {
                        while let Some(due) = worker.overdue(&chunk, epoch)
                            && let Some(outputs) = waiting.get(&due)
                        {
                            // It belongs to an epoch that may be committed before this one.
                            worker.write_rows(epoch);
                            give(&mut worker, &now);
                            worker.release_of(&chunk, due);
                            worker.write_rows(due);
                            give(&mut worker, outputs);
                        }
                        if let Some(due) = worker.chunk(&chunk, epoch) {
                            let later = || [time.delayed(&due, 0), time.delayed(&due, 1)];
                            waiting.entry(due).or_insert_with(later);
                        }
                    }
                    worker.write_rows(epoch);
                    give(&mut worker, &now);
                });
            }
        });
        stage.commit(facts);
        Port::Events(events)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity {
            node: String::new(),
            component: COMPONENT.name.to_owned(),
            version: 2,
            options: BTreeMap::from([
                ("format".to_owned(), self.options.format.as_str().to_owned()),
                ("assemble".to_owned(), self.options.assemble.identity()),
                ("pattern".to_owned(), self.options.pattern.clone().unwrap_or_default()),
            ]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stage_test::{Ran, chunk, run, run_from};
    use engine::component::Recovered;
    use engine::model::{Account, Chunk, Counter, Epoch, RejectReason, SourceIndex};
    use std::sync::Arc;

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
        let Some(Fact::State(row)) = first.pop() else { panic!("no state") };
        assert_eq!((&*row.node, &*row.key), ("loud", "app\u{1f}p"));
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
        assert_eq!(second[..2], [account(Counter::LinesRead, 1), account(Counter::LinesBlank, 1)]);
    }

    /// What a store would give back if the last commit had been that of `epoch`.
    fn stored(ran: &Ran, epoch: u64) -> Recovered {
        let mut state = BTreeMap::new();
        for (at, fact) in &ran.facts {
            if let (true, Fact::State(row)) = (*at <= epoch, fact) {
                let key = (Arc::clone(&row.node), Arc::clone(&row.key));
                state.insert(key, row.value.clone().unwrap());
            }
        }
        Recovered { epoch: Some(Epoch(epoch)), state, ..Recovered::default() }
    }

    fn auto() -> Vec<Box<dyn Operator>> {
        vec![Box::new(ParseOperator::default())]
    }

    #[test]
    fn a_kill_between_any_two_epochs_leaves_every_record_counted_once() {
        let chunks: Vec<Chunk> = [
            "2024-01-02 03:04:05 ERROR failed\njava.lang.Error: no\n",
            "\tat a.b.C.f(C.java:1)\n",
            "\tat a.b.C.g(C.java:2)\n2024-01-02 03:04:06 INFO next\nwithout a time\n",
            "2024-01-02 03:04:07 ERROR again\njava.lang.Error: no\n",
        ]
        .map(chunk)
        .to_vec();
        let sum = |parts: &[(&Ran, u64)]| -> BTreeMap<String, i64> {
            let mut sum = BTreeMap::new();
            for (ran, last) in parts {
                for (_, record, change) in ran.records.iter().filter(|(at, ..)| at <= last) {
                    *sum.entry(record.clone()).or_insert(0) += i64::from(*change);
                }
            }
            sum.retain(|_, n| *n != 0);
            sum
        };
        let read = |ran: &Ran, last: u64| -> i64 {
            let of_read = |(at, fact): &(u64, Fact)| match fact {
                Fact::Account(account) if *at <= last && account.counter == Counter::Read => {
                    account.n
                }
                _ => 0,
            };
            ran.facts.iter().map(of_read).sum()
        };
        // Epochs begin at 1: nothing is ever committed at 0.
        let start = || Recovered { epoch: Some(Epoch(0)), ..Recovered::default() };
        let expected = run_from(start(), auto(), chunks.clone());
        let whole = sum(&[(&expected, u64::MAX)]);
        assert_eq!((whole.len(), read(&expected, u64::MAX)), (4, 4), "{whole:#?}");
        for killed in 1..=4 {
            let recovered = stored(&expected, killed);
            let again = run_from(recovered, auto(), chunks[killed as usize..].to_vec());
            let found = sum(&[(&expected, killed), (&again, u64::MAX)]);
            assert_eq!(found, whole, "killed after epoch {killed}");
            assert_eq!(read(&expected, killed) + read(&again, u64::MAX), 4);
            // A second kill, before anything else of the partition was read.
            let twice = stored(&again, killed + 1);
            let mut state = stored(&expected, killed).state;
            state.extend(twice.state);
            let twice = Recovered { state, ..twice };
            let rest = chunks.get(killed as usize + 1..).unwrap_or_default().to_vec();
            let third = run_from(twice, auto(), rest);
            let parts = [(&expected, killed), (&again, killed + 1), (&third, u64::MAX)];
            assert_eq!(sum(&parts), whole, "killed after epochs {killed} and {}", killed + 1);
        }
    }

    #[test]
    fn patterns_say_what_is_what_and_their_mistakes_are_refused() {
        let grok = "%{TIMESTAMP_ISO8601:timestamp} <%{LOGLEVEL:level}> %{GREEDYDATA:message}";
        let options = serde_json::json!({"format": "grok", "pattern": grok});
        let ran = parse(options, vec![chunk("2024-01-02 03:04:05 <error> no such item\nother\n")]);
        assert_eq!(ran.messages, ["no such item"]);
        let rejected = Counter::Rejected(RejectReason::FormatMismatch);
        assert!(ran.facts.iter().any(|(_, fact)| *fact == account(rejected.clone(), 1)));
        for value in [
            serde_json::json!({"format": "regex"}),
            serde_json::json!({"format": "regex", "pattern": "("}),
            serde_json::json!({"format": "grok", "pattern": "%{NOTHING:time}"}),
            serde_json::json!({"format": "json", "pattern": "(?P<time>.*)"}),
        ] {
            let options = Options { id: "events".to_owned(), value, base: "/".into() };
            let errors = build(&options).err().unwrap();
            assert_eq!(errors[0].path, ["pattern"]);
        }
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
