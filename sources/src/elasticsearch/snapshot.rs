//! Snapshot: a point in time of the cluster, so that the pages of a pass fit together.
//!
//! Elasticsearch and OpenSearch have one under different paths; `GET /` tells which it is. Where it
//! is refused (older versions, missing rights) pages are read from the live index, which is exact too:
//! what changes meanwhile is found by the next look back.

use super::client::{Call, Client, segment};
use super::config::Config;
use super::failure::Failure;
use super::search::KEEP_ALIVE;
use serde_json::{Value as Json, json};

/// Whose paths to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// Elasticsearch.
    Elasticsearch,
    /// OpenSearch.
    OpenSearch,
}

/// Asks which product it is, and returns it with its name and version for people.
pub fn product(
    client: &mut Client,
    stopped: &dyn Fn() -> bool,
) -> Result<(Product, String), Failure> {
    let bytes = client.call(&Call::get("/"), stopped)?;
    let json: Json = serde_json::from_slice(&bytes)
        .map_err(|_| Failure::Strange("`GET /` does not answer with JSON".to_owned()))?;
    let number = json["version"]["number"].as_str().unwrap_or("of unknown version");
    let opensearch = json["version"]["distribution"] == "opensearch";
    let (product, name) = if opensearch {
        (Product::OpenSearch, "OpenSearch")
    } else {
        (Product::Elasticsearch, "Elasticsearch")
    };
    Ok((product, format!("{name} {number}")))
}

/// Opens a point in time and returns its id; nothing if the cluster refuses.
pub fn open(
    product: Product,
    config: &Config,
    client: &mut Client,
    stopped: &dyn Fn() -> bool,
) -> Result<Option<String>, Failure> {
    let index = segment(&config.index);
    let (path, name) = match product {
        Product::Elasticsearch => (format!("/{index}/_pit?keep_alive={KEEP_ALIVE}"), "id"),
        Product::OpenSearch => {
            (format!("/{index}/_search/point_in_time?keep_alive={KEEP_ALIVE}"), "pit_id")
        }
    };
    match client.call(&Call::post(path, String::new()), stopped) {
        Ok(bytes) => {
            let json: Json = serde_json::from_slice(&bytes).unwrap_or_default();
            Ok(json[name].as_str().map(str::to_owned))
        }
        Err(failure) if failure.is_refusal() => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Closes a point in time. A cluster that does not hear it forgets it by itself.
pub fn close(product: Product, id: &str, client: &mut Client, stopped: &dyn Fn() -> bool) {
    let call = match product {
        Product::Elasticsearch => Call::delete("/_pit", json!({"id": id}).to_string()),
        Product::OpenSearch => {
            Call::delete("/_search/point_in_time", json!({"pit_id": [id]}).to_string())
        }
    };
    if let Err(failure) = client.call(&call, stopped) {
        tracing::debug!(?failure, "could not close a point in time");
    }
}
