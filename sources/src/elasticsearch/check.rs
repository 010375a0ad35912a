//! Tests the connection: what would be read, in one sentence.

use super::client::{Call, Client, segment};
use super::config::Config;
use super::failure::Failure;
use super::search::{Answer, newest_body};
use super::snapshot;
use engine::model::EventTime;
use serde_json::Value as Json;

/// Asks for the product, the indices and the newest document.
pub fn check(config: &Config, client: &mut Client) -> Result<String, Failure> {
    let stopped = || false;
    let (_, name) = snapshot::product(client, &stopped)?;
    let index = segment(&config.index);
    let path = format!("/{index}/_search?allow_partial_search_results=false");
    let body = newest_body(config, i64::MAX / 1_000_000, None, true);
    let bytes = client.call(&Call::post(path, body), &stopped)?;
    let answer = Answer::read(&bytes)?;
    let indices = indices(client, &index);
    let matching = match indices {
        Some(1) => "1 index matches".to_owned(),
        Some(count) => format!("{count} indices match"),
        None => "indices match".to_owned(),
    };
    let total = answer.total().unwrap_or_default();
    let newest = match answer.hits().first() {
        Some(hit) => {
            let time = EventTime(hit.key()?.0.saturating_mul(1_000_000));
            format!("{total} documents, the newest of {time}")
        }
        None => format!("no document with a `{}` yet", config.time_field),
    };
    Ok(format!("{name}: {matching} {}, {newest}", config.index))
}

/// Returns how many indices match; nothing if the login may not know.
fn indices(client: &mut Client, index: &str) -> Option<usize> {
    let bytes = client.call(&Call::get(format!("/_resolve/index/{index}")), &|| false).ok()?;
    let json: Json = serde_json::from_slice(&bytes).ok()?;
    let backing = |stream: &Json| stream["backing_indices"].as_array().map_or(1, Vec::len);
    let streams = json["data_streams"].as_array()?.iter().map(backing).sum::<usize>();
    Some(json["indices"].as_array()?.len() + json["aliases"].as_array()?.len() + streams)
}
