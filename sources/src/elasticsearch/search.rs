//! What is asked of the cluster and what it answers. Pure.
//!
//! Documents are sorted by time, in milliseconds whatever the field's resolution, then by `id_field`.
//! `_seq_no` is the default for that: it can be sorted on in Elasticsearch and OpenSearch without
//! being mapped, stays the same from search to search, and needs no memory of the cluster. `_id`
//! does (many clusters forbid to sort on it), and `_shard_doc` is another one in every point in time.
//! Two shards may give two documents of one instant the same `_seq_no`; therefore every start and,
//! without a point in time, every page begins *at* the last key and not behind it, and
//! [`super::position`] knows which documents were read. Text has no value just before it, so an
//! `id_field` of text is begun *behind* between pages: it must be unique where a point in time adds
//! no value of its own.

use super::config::Config;
use super::failure::Failure;
use super::position::{Key, Tie};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};
use std::borrow::Cow;

/// How long a cluster keeps a point in time without hearing from us.
pub const KEEP_ALIVE: &str = "1m";

/// Where a pass begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begin {
    /// Behind this instant, in milliseconds; `i64::MIN` is the beginning.
    Behind(i64),
    /// At this key.
    At(Key),
}

/// One page to ask for.
#[derive(Clone, Debug)]
pub struct Ask<'a> {
    /// Where the pass began.
    pub from: &'a Begin,
    /// Nothing later than this, in milliseconds.
    pub until: i64,
    /// How many documents.
    pub size: u32,
    /// The sort values behind which to go on.
    pub behind: Option<&'a [Json]>,
    /// The point in time.
    pub snapshot: Option<&'a str>,
    /// Whether the documents themselves are wanted.
    pub source: bool,
}

/// Returns the body that asks for a page.
pub fn page_body(config: &Config, ask: &Ask<'_>) -> String {
    let mut filter = filters(config, ask.until);
    filter.extend(lower_bound(config, ask.from));
    let mut body = json!({
        "size": ask.size,
        "query": {"bool": {"filter": filter}},
        "sort": [by_time(config, "asc"), {config.id_field.as_str(): {"order": "asc"}}],
        "track_total_hits": false,
        "_source": wanted_fields(config, ask.source),
    });
    if let Some(behind) = ask.behind {
        body["search_after"] = json!(behind);
    }
    if let Some(id) = ask.snapshot {
        body["pit"] = json!({"id": id, "keep_alive": KEEP_ALIVE});
    }
    body.to_string()
}

/// Returns the body that asks for the newest document until `until`, and how many there are.
pub fn newest_body(config: &Config, until: i64, snapshot: Option<&str>, count: bool) -> String {
    let mut body = json!({
        "size": 1,
        "query": {"bool": {"filter": filters(config, until)}},
        "sort": [by_time(config, "desc"), {config.id_field.as_str(): {"order": "desc"}}],
        "track_total_hits": count,
        "_source": false,
    });
    if let Some(id) = snapshot {
        body["pit"] = json!({"id": id, "keep_alive": KEEP_ALIVE});
    }
    body.to_string()
}

fn by_time(config: &Config, order: &str) -> Json {
    let how = json!({"order": order, "numeric_type": "date", "unmapped_type": "date"});
    json!({config.time_field.as_str(): how})
}

fn filters(config: &Config, until: i64) -> Vec<Json> {
    let range = json!({"lte": until, "format": "epoch_millis"});
    let known = json!({"range": {config.time_field.as_str(): range}});
    config.query.iter().cloned().chain([known]).collect()
}

fn lower_bound(config: &Config, from: &Begin) -> Option<Json> {
    let time = config.time_field.as_str();
    let range = |how: &str, instant: i64| json!({"range": {time: {how: instant, "format": "epoch_millis"}}});
    let Key(instant, tie) = match from {
        Begin::Behind(i64::MIN) => return None,
        Begin::Behind(instant) => return Some(range("gt", *instant)),
        Begin::At(key) => key,
    };
    let tie = match tie {
        Tie::Number(number) => json!(number),
        Tie::Text(text) => json!(text),
        Tie::Missing => return Some(range("gte", *instant)),
    };
    // Within the instant, only what has not been passed: it may hold very many documents.
    let same = json!([range("gte", *instant), {"range": {config.id_field.as_str(): {"gte": tie}}}]);
    Some(json!({"bool": {
        "should": [range("gt", *instant), {"bool": {"filter": same}}],
        "minimum_should_match": 1,
    }}))
}

fn wanted_fields(config: &Config, source: bool) -> Json {
    match &config.fields {
        _ if !source => json!(false),
        None => json!(true),
        Some(fields) => {
            let named = [Some(&fields.message), fields.level.as_ref(), fields.service.as_ref()];
            json!(named.into_iter().flatten().collect::<Vec<_>>())
        }
    }
}

/// Returns the sort values behind which the next page begins, given the last ones of this page.
pub fn behind(sort: &[Json]) -> Vec<Json> {
    let mut behind = sort.to_vec();
    if let [_, tie] = &mut behind[..]
        && let Some(number) = tie.as_i64()
    {
        // No third value makes them unique: take those of the same key again.
        *tie = json!(number.saturating_sub(1));
    }
    behind
}

/// Returns where sort values stand.
pub fn key_of(sort: &[Json]) -> Option<Key> {
    let tie = match sort.get(1)? {
        Json::Null => Tie::Missing,
        Json::String(text) => Tie::Text(text.clone()),
        number => Tie::Number(number.as_i64()?),
    };
    Some(Key(sort.first()?.as_i64()?, tie))
}

/// The answer to a search.
#[derive(Debug, Deserialize)]
pub struct Answer<'a> {
    /// The point in time to go on with.
    #[serde(borrow, default)]
    pub pit_id: Option<Cow<'a, str>>,
    #[serde(default)]
    timed_out: bool,
    #[serde(rename = "_shards", default)]
    shards: Shards,
    #[serde(borrow)]
    hits: Hits<'a>,
}

#[derive(Debug, Default, Deserialize)]
struct Shards {
    #[serde(default)]
    failed: u64,
}

#[derive(Debug, Deserialize)]
struct Hits<'a> {
    #[serde(default)]
    total: Option<Total>,
    #[serde(borrow)]
    hits: Vec<Hit<'a>>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct Total {
    value: u64,
}

/// One document.
#[derive(Debug, Deserialize)]
pub struct Hit<'a> {
    /// Its index.
    #[serde(rename = "_index", borrow)]
    pub index: Cow<'a, str>,
    /// Its id.
    #[serde(rename = "_id", borrow)]
    pub id: Cow<'a, str>,
    /// What it holds; nothing if that was not asked for, or is not kept.
    #[serde(rename = "_source", borrow, default)]
    pub source: Option<&'a RawValue>,
    /// Its time, its tie-breaker and perhaps one of the point in time's own.
    pub sort: Vec<Json>,
}

impl Hit<'_> {
    /// Returns where the document stands.
    pub fn key(&self) -> Result<Key, Failure> {
        key_of(&self.sort).ok_or_else(|| {
            Failure::Strange(format!(
                "document \"{}\" is sorted by {}, which is no time and a whole number or text. Hint: check the options `time_field` and `id_field`",
                self.id,
                json!(self.sort)
            ))
        })
    }
}

impl<'a> Answer<'a> {
    /// Reads an answer. One that lacks a shard is a failure: its documents would be passed over.
    pub fn read(bytes: &'a [u8]) -> Result<Self, Failure> {
        let answer: Answer<'a> = serde_json::from_slice(bytes).map_err(|error| {
            Failure::Strange(format!("its answer is no search result ({error})"))
        })?;
        if answer.timed_out || answer.shards.failed > 0 {
            let failed = answer.shards.failed;
            return Err(Failure::Answer {
                status: 503,
                kind: "partial_result".to_owned(),
                reason: format!("{failed} shards did not answer"),
            });
        }
        Ok(answer)
    }

    /// Returns the documents.
    pub fn hits(&self) -> &[Hit<'a>] {
        &self.hits.hits
    }

    /// Returns how many documents match, if that was asked for.
    pub fn total(&self) -> Option<u64> {
        self.hits.total.map(|total| total.value)
    }
}
