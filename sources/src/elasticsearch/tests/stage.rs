//! A source before a fake cluster.

use super::super::ElasticsearchSource;
use super::super::snapshot::Product;
use super::fake::FakeCluster;
use engine::component::{Options, Source, SourceError};
use engine::model::EventTime;
use engine::testing::FakeIntake;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// When every test begins.
pub const NOW: EventTime = EventTime::from_secs(1_767_225_600);
pub const NOW_MS: i64 = NOW.0 / 1_000_000;

/// Returns a source that reads `logs-*` of the fake, with more options.
pub fn source(cluster: &FakeCluster, options: Json) -> ElasticsearchSource {
    let mut value = json!({"url": cluster.url(), "index": "logs-*"});
    value.as_object_mut().unwrap().extend(options.as_object().unwrap().clone());
    ElasticsearchSource::new(&Options { id: "search".into(), value, base: "/".into() }).unwrap()
}

pub fn both_products() -> [FakeCluster; 2] {
    [Product::Elasticsearch, Product::OpenSearch].map(FakeCluster::start)
}

/// Adds a document that says its id.
pub fn add(cluster: &FakeCluster, id: &str, time_ms: i64) {
    cluster.add("logs-a", id, json!({"@timestamp": time_ms, "message": format!("number {id}")}));
}

/// Runs a source for some polls.
pub fn run(source: &ElasticsearchSource, intake: &mut FakeIntake) -> Result<(), SourceError> {
    source.run(intake)
}

/// Returns the ids of what was delivered, sorted.
pub fn ids(lines: &[String]) -> Vec<String> {
    let mut ids: Vec<String> = lines
        .iter()
        .map(|line| serde_json::from_str::<Json>(line).unwrap()["_id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}

/// Returns how often each id was delivered.
pub fn counted(lines: &[String]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for id in ids(lines) {
        *counts.entry(id).or_default() += 1;
    }
    counts
}
