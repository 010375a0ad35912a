//! FakeCluster: a small HTTP server that answers as Elasticsearch and OpenSearch do, as far as the
//! source asks. **A fake, not a cluster**: it keeps documents in memory, has the parts of the query
//! language that are used here, and refuses whatever else it is asked, so that a request that a real
//! cluster would refuse does not pass unnoticed.
//!
//! It can misbehave: see [`Fault`].

use super::super::snapshot::Product;
use super::query::{matches, sort_values, sorted};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, VecDeque};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};

/// One document.
#[derive(Clone, Debug)]
pub struct Doc {
    pub index: String,
    pub id: String,
    pub shard: u64,
    pub seq_no: i64,
    pub source: Json,
}

/// What goes wrong with one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The answer has this status.
    Status(u16),
    /// The connection closes without an answer.
    Cut,
    /// The connection closes in the middle of the answer.
    CutAnswer,
    /// Every point in time is gone.
    Expire,
    /// One shard does not answer.
    LostShard,
}

#[derive(Default)]
pub struct State {
    pub docs: Vec<Doc>,
    pub faults: VecDeque<Option<Fault>>,
    /// Points in time, with the documents visible in each.
    pub snapshots: BTreeMap<String, Vec<Doc>>,
    pub refuse_snapshots: bool,
    /// What `Authorization` must say.
    pub authorization: Option<String>,
    /// Method and path of every request.
    pub requests: Vec<String>,
    opened: u64,
    next_seq_no: BTreeMap<(String, u64), i64>,
}

/// A running fake.
pub struct FakeCluster {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl FakeCluster {
    pub fn start(product: Product) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        // It ends with the test process; nothing of it is left outside of that.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, product, &state));
            }
        });
        Self { address, state }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Makes a document visible, on one of two shards.
    pub fn add(&self, index: &str, id: &str, source: Json) {
        let mut state = self.state();
        let shard = u64::from(id.bytes().map(u32::from).sum::<u32>() % 2);
        let next = state.next_seq_no.entry((index.to_owned(), shard)).or_default();
        *next += 1;
        let seq_no = *next - 1;
        let (index, id) = (index.to_owned(), id.to_owned());
        state.docs.push(Doc { index, id, shard, seq_no, source });
    }
}

fn serve(mut stream: TcpStream, product: Product, state: &Mutex<State>) {
    let mut buffer = Vec::new();
    while let Some((head, body)) = request(&mut stream, &mut buffer) {
        let mut state = state.lock().unwrap();
        let fault = state.faults.pop_front().flatten();
        state.requests.push(head.lines().next().unwrap().to_owned());
        if fault == Some(Fault::Cut) {
            return;
        }
        if fault == Some(Fault::Expire) {
            state.snapshots.clear();
        }
        let (status, mut answer) = match fault {
            Some(Fault::Status(status)) => {
                (status, error("made_up_exception", "on purpose", status))
            }
            _ => answer(&head, &body, product, &mut state),
        };
        if fault == Some(Fault::LostShard) && answer.get("hits").is_some() {
            answer["_shards"]["failed"] = json!(1);
            answer["hits"]["hits"].as_array_mut().unwrap().pop();
        }
        drop(state);
        let text = answer.to_string();
        let head = format!(
            "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            text.len()
        );
        let whole = format!("{head}{text}");
        let sent = if fault == Some(Fault::CutAnswer) { whole.len() - 5 } else { whole.len() };
        if stream.write_all(&whole.as_bytes()[..sent]).is_err() || sent < whole.len() {
            return;
        }
    }
}

/// Reads one request: its head and its body.
fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(String, String)> {
    loop {
        let text = String::from_utf8_lossy(buffer).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            let length = text[..end].to_lowercase().lines().find_map(|line| {
                line.strip_prefix("content-length:").map(|n| n.trim().parse::<usize>().unwrap())
            });
            let whole = end + 4 + length.unwrap_or(0);
            if buffer.len() >= whole {
                let body = String::from_utf8_lossy(&buffer[end + 4..whole]).into_owned();
                buffer.drain(..whole);
                return Some((text[..end].to_owned(), body));
            }
        }
        let mut piece = [0; 4096];
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return None,
            Ok(n) => buffer.extend_from_slice(&piece[..n]),
        }
    }
}

pub fn error(kind: &str, reason: &str, status: u16) -> Json {
    let cause = json!({"type": kind, "reason": reason});
    json!({"error": {"root_cause": [cause], "type": kind, "reason": reason}, "status": status})
}

type Answered = (u16, Json);

fn answer(head: &str, body: &str, product: Product, state: &mut State) -> Answered {
    let mut words = head.split_whitespace();
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (path, parameters) = target.split_once('?').unwrap_or((target, ""));
    if let Some(wanted) = &state.authorization
        && !head.lines().any(|line| {
            line.to_lowercase().starts_with("authorization:") && line.ends_with(wanted.as_str())
        })
    {
        return (401, error("security_exception", "unable to authenticate", 401));
    }
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let refused = (400, error("illegal_argument_exception", "no handler found", 400));
    match (method, &parts[..], product) {
        ("GET", [""], _) => (200, root(product)),
        ("GET", ["_resolve", "index", pattern], _) => (200, resolved(pattern, state)),
        ("POST", [_, "_pit"] | [_, "_search", "point_in_time"], _) if state.refuse_snapshots => {
            refused
        }
        ("POST", [index, "_pit"], Product::Elasticsearch) => open(index, "id", parameters, state),
        ("POST", [index, "_search", "point_in_time"], Product::OpenSearch) => {
            open(index, "pit_id", parameters, state)
        }
        ("DELETE", ["_pit"], Product::Elasticsearch) => {
            close(&[body_json(body)["id"].clone()], state)
        }
        ("DELETE", ["_search", "point_in_time"], Product::OpenSearch) => {
            close(body_json(body)["pit_id"].as_array().unwrap(), state)
        }
        ("POST", ["_search"], _) => search(None, &body_json(body), product, state),
        ("POST", [index, "_search"], _) => search(Some(index), &body_json(body), product, state),
        _ => refused,
    }
}

fn body_json(body: &str) -> Json {
    serde_json::from_str(body).unwrap()
}

fn root(product: Product) -> Json {
    match product {
        Product::Elasticsearch => json!({"name": "node-1", "version": {"number": "8.15.0"}}),
        Product::OpenSearch => {
            json!({"name": "node-1", "version": {"distribution": "opensearch", "number": "2.17.1"}})
        }
    }
}

fn selected(pattern: &str, index: &str) -> bool {
    pattern.split(',').any(|part| match part.strip_suffix('*') {
        Some(prefix) => index.starts_with(prefix),
        None => part == index,
    })
}

fn visible(pattern: &str, state: &State) -> Option<Vec<Doc>> {
    let docs: Vec<Doc> =
        state.docs.iter().filter(|doc| selected(pattern, &doc.index)).cloned().collect();
    (pattern.contains('*') || !docs.is_empty()).then_some(docs)
}

fn missing(pattern: &str) -> Answered {
    (404, error("index_not_found_exception", &format!("no such index [{pattern}]"), 404))
}

fn resolved(pattern: &str, state: &State) -> Json {
    let mut names: Vec<&str> = state.docs.iter().map(|doc| doc.index.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.retain(|name| selected(pattern, name));
    let indices: Vec<Json> = names.iter().map(|name| json!({"name": name})).collect();
    json!({"indices": indices, "aliases": [], "data_streams": []})
}

fn open(pattern: &str, name: &str, parameters: &str, state: &mut State) -> Answered {
    assert!(parameters.contains("keep_alive="), "a point in time needs keep_alive");
    let Some(docs) = visible(pattern, state) else { return missing(pattern) };
    state.opened += 1;
    let id = format!("snapshot-{}", state.opened);
    state.snapshots.insert(id.clone(), docs);
    (200, json!({name: id}))
}

fn close(ids: &[Json], state: &mut State) -> Answered {
    let closed = ids
        .iter()
        .filter(|id| state.snapshots.remove(id.as_str().unwrap().trim_end_matches('+')).is_some())
        .count();
    (200, json!({"succeeded": true, "num_freed": closed}))
}

fn search(index: Option<&str>, body: &Json, product: Product, state: &mut State) -> Answered {
    let snapshot = body.get("pit").map(|pit| pit["id"].as_str().unwrap().to_owned());
    let docs = match (&snapshot, index) {
        (Some(_), Some(_)) => {
            return (400, error("action_request_validation_exception", "[indices] with pit", 400));
        }
        (Some(id), None) => match state.snapshots.get(id.trim_end_matches('+')) {
            Some(docs) => docs.clone(),
            None => {
                return (
                    404,
                    error("search_context_missing_exception", "No search context found", 404),
                );
            }
        },
        (None, Some(index)) => match visible(index, state) {
            Some(docs) => docs,
            None => return missing(index),
        },
        (None, None) => return (400, error("illegal_argument_exception", "no index", 400)),
    };
    let unique = snapshot.is_some() && product == Product::Elasticsearch;
    let matching: Vec<Doc> = docs.into_iter().filter(|doc| matches(&body["query"], doc)).collect();
    let total = matching.len();
    let page = match sorted(matching, body, unique) {
        Ok(page) => page,
        Err(reason) => return (400, error("illegal_argument_exception", &reason, 400)),
    };
    let hits: Vec<Json> = page.iter().map(|doc| hit(doc, body, unique)).collect();
    let mut answer = json!({
        "took": 1, "timed_out": false,
        "_shards": {"total": 2, "successful": 2, "skipped": 0, "failed": 0},
        "hits": {"max_score": null, "hits": hits},
    });
    if body["track_total_hits"] == true {
        answer["hits"]["total"] = json!({"value": total, "relation": "eq"});
    }
    if let Some(id) = snapshot {
        // A real cluster may answer with another id for the same point in time.
        answer["pit_id"] = json!(format!("{id}+"));
    }
    (200, answer)
}

fn hit(doc: &Doc, body: &Json, unique: bool) -> Json {
    let mut hit = json!({
        "_index": doc.index, "_id": doc.id, "_score": null, "sort": sort_values(doc, body, unique),
    });
    match &body["_source"] {
        Json::Bool(false) => {}
        Json::Array(names) => {
            let kept = names.iter().filter_map(Json::as_str).map(|name| (name, &doc.source[name]));
            hit["_source"] = kept
                .filter(|(_, value)| !value.is_null())
                .map(|(n, v)| (n.to_owned(), v.clone()))
                .collect();
        }
        _ => hit["_source"] = doc.source.clone(),
    }
    hit
}
