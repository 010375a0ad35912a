//! The analyst: asks the operators' pure functions about a record, or about the samples of an issue, as
//! the source that read them would have them read.
//!
//! *Limits:* what [`values_of`] looks at; a sample is as long as a store keeps it.
//! *Not here:* what an operator of the graph is told about formats; records are read without
//! configuration, and samples that do not fit their pattern then are left out of what is counted.

use super::meaning::Section;
use super::records::chunk;
use super::rules;
use crate::search::Meaning;
use engine::clock::Clock;
use engine::component::{Analyst, AskedRecord, Found, IssueMeaning, KeptSamples, SampleRow};
use engine::component::{StoreError, TopValue, Variable, Variables};
use engine::graph::Graph;
use engine::model::{EventTime, IssueId};
use operators::fingerprint::{EventParts, Explained, IdentityRules, explain_event, explain_parts};
use operators::parse::{Explanation, Format, Parser, explain as explain_line};
use operators::pattern::{Values, rule::is_of_words, values_of};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Explains records for the server and on the command line.
pub struct RecordAnalyst {
    /// Time zones of sources, by id.
    zones: BTreeMap<String, String>,
    /// The zone of records of no known source.
    zone: String,
    /// What the user says about identity.
    rules: IdentityRules,
    clock: Arc<dyn Clock>,
    meaning: Option<Meaning>,
}

impl RecordAnalyst {
    /// Returns the analyst of a graph: records are read as its sources read them. Of a record of no
    /// known source it knows the zone only if all sources share one.
    pub fn of(graph: &Graph, clock: Arc<dyn Clock>) -> Self {
        let sources = graph.sources.iter().map(|source| &source.defaults);
        let zones: BTreeMap<String, String> =
            sources.map(|source| (source.id.clone(), source.timezone.clone())).collect();
        let mut all = zones.values();
        let first = all.next().filter(|first| zones.values().all(|zone| zone == *first));
        let zone = first.map_or("UTC", String::as_str).to_owned();
        Self { zones, zone, rules: rules::of_graph(graph), clock, meaning: None }
    }

    /// Returns an analyst that reads every record in one time zone, by the same rules.
    pub fn in_zone(zone: &str, rules: IdentityRules, clock: Arc<dyn Clock>) -> Self {
        Self { zones: BTreeMap::new(), zone: zone.to_owned(), rules, clock, meaning: None }
    }

    /// Returns the analyst with what questions by meaning need.
    pub fn with_meaning(self, meaning: Option<Meaning>) -> Self {
        Self { meaning, ..self }
    }

    /// Returns what a record means.
    pub(super) fn section(&self, header: &Explanation, identity: &Explained) -> Section {
        match &self.meaning {
            Some(known) => Section::of_record(identity, header.severity, known),
            None => Section::of_text(identity),
        }
    }

    fn zone_of(&self, source: Option<&str>) -> &str {
        source.and_then(|source| self.zones.get(source)).unwrap_or(&self.zone)
    }

    /// Returns what the header of a record says, and why the record has its identity.
    pub(super) fn analyse(&self, record: &AskedRecord<'_>) -> (Explanation, Explained) {
        let zone = self.zone_of(record.source);
        let received = record.received.unwrap_or_else(|| self.clock.now());
        let header = header(record.text, zone, received);
        let chunk = chunk("record", record.text.as_bytes().to_vec(), received);
        let mut parser =
            Parser::new(Format::Auto, zone).unwrap_or_else(|| Parser::utc(Format::Auto));
        let batch = parser.parse(&"".into(), &chunk).batch;
        let identity = match batch.events.iter().find(|event| event.change > 0) {
            Some(event) => explain_event(&batch, event, &self.rules),
            None => rejected_identity(&header, &self.rules),
        };
        (header, identity)
    }

    /// Returns the message of a sample: its first line without the header.
    fn message(&self, sample: &SampleRow) -> Vec<u8> {
        let zone = self.zone_of(Some(&sample.source));
        header(&sample.record, zone, sample.time).message.into_bytes()
    }
}

impl Analyst for RecordAnalyst {
    fn explain(&self, record: &AskedRecord<'_>) -> Value {
        let (header, identity) = self.analyse(record);
        let mut explained = super::one::to_json(&header, &identity);
        explained["meaning"] = json!(self.section(&header, &identity));
        explained
    }

    fn variables(&self, kept: &KeptSamples) -> Variables {
        // A trace and the like have no words between which values could stand.
        if !is_of_words(&kept.skeleton) {
            return Variables::default();
        }
        let messages: Vec<Vec<u8>> = kept.samples.iter().map(|one| self.message(one)).collect();
        let messages = messages.iter().map(Vec::as_slice);
        variables(values_of(&kept.skeleton, &kept.template, messages))
    }

    fn search(&self, query: &str, limit: usize) -> Result<Found, StoreError> {
        match &self.meaning {
            Some(meaning) => meaning.search(query, limit),
            None => {
                let why = "this process keeps no index of its issues".to_owned();
                Ok(Found { without_meaning: Some(why), ..Found::default() })
            }
        }
    }

    fn meaning(&self, issue: IssueId, limit: usize) -> Result<Option<IssueMeaning>, StoreError> {
        self.meaning.as_ref().map_or(Ok(None), |meaning| meaning.of_issue(issue, limit))
    }
}

/// Returns what varies in one message: its own values.
pub(super) fn variables_of_message(message: &str, identity: &Explained) -> Variables {
    let skeleton = identity.skeleton.join(" ");
    match is_of_words(&skeleton) {
        true => variables(values_of(&skeleton, &identity.text, [message.as_bytes()])),
        false => Variables::default(),
    }
}

/// Returns the identity of a record that is not counted: that of its message.
pub(super) fn rejected_identity(header: &Explanation, rules: &IdentityRules) -> Explained {
    let parts = EventParts { message: header.message.as_bytes(), ..EventParts::default() };
    explain_parts(&parts, header.service.as_bytes(), header.severity.class(), rules)
}

/// Returns what is found in the first line of a record.
pub(super) fn header(record: &str, timezone: &str, received: EventTime) -> Explanation {
    let first = record.lines().next().unwrap_or_default();
    explain_line(Format::Auto, timezone, received, first.as_bytes())
}

fn variables(values: Values) -> Variables {
    let variable = |(position, place): (usize, operators::pattern::Position)| {
        let kind = place.kind.placeholder().trim_matches(['<', '>']);
        let top = place.top.into_iter().map(|(value, count)| TopValue { value, count });
        Variable {
            position,
            placeholder: place.placeholder,
            name: if place.key.is_empty() { kind.to_owned() } else { place.key },
            kind,
            distinct: place.distinct,
            top: top.collect(),
            samples: place.seen,
        }
    };
    Variables {
        samples: values.messages,
        variables: values.positions.into_iter().enumerate().map(variable).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::clock::ManualClock;
    use engine::model::Fingerprint;

    const NOW: EventTime = EventTime::from_secs(1_772_323_200);

    fn analyst() -> RecordAnalyst {
        let zones = [("berlin", "Europe/Berlin"), ("here", "UTC")];
        let zones = zones.map(|(id, zone)| (id.to_owned(), zone.to_owned())).into();
        let (zone, rules) = ("UTC".to_owned(), IdentityRules::default());
        let clock = Arc::new(ManualClock::at(NOW));
        RecordAnalyst { zones, zone, rules, clock, meaning: None }
    }

    #[test]
    fn a_record_is_read_in_the_time_zone_of_its_source_by_the_clock_that_was_passed() {
        let time = |source| {
            let text = "Feb 27 12:00:00 host app[7]: disk 3 is full";
            let record = AskedRecord { text, source, received: None };
            analyst().explain(&record)["time"].clone()
        };
        assert_eq!(time(Some("berlin")), "2026-02-27T11:00:00Z");
        assert_eq!(time(Some("here")), "2026-02-27T12:00:00Z");
        assert_eq!(time(None), time(Some("gone")));
    }

    #[test]
    fn a_sample_is_read_as_of_its_own_time() {
        let text = "Feb 27 12:00:00 host app[7]: disk 3 is full";
        let received = Some(EventTime::from_secs(1_456_574_400));
        let record = AskedRecord { text, source: None, received };
        assert_eq!(analyst().explain(&record)["time"], "2016-02-27T12:00:00Z");
    }

    #[test]
    fn variables_are_those_of_the_messages_without_their_headers() {
        let sample = |n: u32| SampleRow {
            time: NOW,
            source: "here".to_owned(),
            fingerprint: Fingerprint(1),
            record: format!("2026-03-01 00:00:0{n} ERROR pool ran dry: active={n} host=10.0.0.7"),
        };
        let strange = SampleRow { record: "not of this pattern".to_owned(), ..sample(1) };
        let (_, identity) = analyst().analyse(&AskedRecord {
            text: &sample(1).record,
            source: None,
            received: None,
        });
        let kept = KeptSamples {
            template: identity.text,
            skeleton: identity.skeleton.join(" "),
            kept: 4,
            samples: vec![sample(1), sample(2), sample(3), strange],
            ..KeptSamples::default()
        };
        let Variables { samples, variables } = analyst().variables(&kept);
        assert_eq!((samples, variables.len()), (3, 2));
        let told = |at: usize| (&*variables[at].name, variables[at].kind, variables[at].distinct);
        assert_eq!((told(0), told(1)), (("active", "num", 3), ("host", "ip", 1)));
        assert_eq!(variables[1].top, [TopValue { value: "10.0.0.7".to_owned(), count: 3 }]);
        assert_eq!((variables[1].position, variables[1].placeholder), (1, Some(1)));
    }

    #[test]
    fn a_trace_has_no_variables() {
        let kept =
            KeptSamples { skeleton: "<trace> shop Cart add".to_owned(), ..Default::default() };
        assert_eq!(analyst().variables(&kept), Variables::default());
    }
}
