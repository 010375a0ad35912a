//! What people decide about issues, through the real binary, over kills: it holds, it follows messages through merges
//! and splits, and no count is ever too many or too few.

use crate::binary::{Address, Engine, await_some};
use serde_json::{Value, json};
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::net::TcpStream;
use tempfile::TempDir;

const REFUSED: &str = "connection to the database refused";
const FULL: &str = "no space left on the upload volume";

/// A folder with a graph and a log of two messages.
fn site() -> TempDir {
    let home = TempDir::new().unwrap();
    let text = "sources: { app: { type: file, include: [\"./app.log\"], service: shop } }\n\
         sinks: { store: { type: sqlite, path: ./store.db } }\n\
         server: { listen: \"127.0.0.1:0\" }\n\
         model: { enabled: false }\n";
    std::fs::write(home.path().join("graph.yaml"), text).unwrap();
    let lines = [(1, REFUSED), (2, REFUSED), (3, FULL), (4, REFUSED), (5, FULL)];
    let log: String = lines.iter().map(|(minute, message)| line(*minute, message)).collect();
    std::fs::write(home.path().join("app.log"), log).unwrap();
    home
}

fn line(minute: u32, message: &str) -> String {
    format!("2026-03-01T10:{minute:02}:30Z ERROR {message}\n")
}

/// A line of now: later than any decision of the test.
fn append(home: &TempDir, message: &str) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let time = engine::model::EventTime::from_secs(now.as_secs() as i64 + 120);
    let mut log = OpenOptions::new().append(true).open(home.path().join("app.log")).unwrap();
    writeln!(log, "{time} ERROR {message}").unwrap();
}

fn start(home: &TempDir, counted: u64) -> (Engine, Address) {
    let mut engine = Engine::start(&home.path().join("graph.yaml"));
    let address = engine.ready();
    address.await_counted(counted, &engine);
    (engine, address)
}

/// Sends a body; returns the status and the answer.
fn send(address: &Address, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address.host()).unwrap();
    let length = body.len();
    write!(
        stream,
        "{method} /api/v1/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap_or(Value::Null))
}

/// Returns the issues that a question finds, by what they display: id, total, state.
fn issues(address: &Address, q: &str) -> Vec<(String, String, i64, String)> {
    let path = format!("/api/v1/issues?from=2026-01-01T00:00:00Z&order=first_seen&q={q}");
    let page: Value = serde_json::from_str(&address.get(&path).unwrap()).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut rows: Vec<_> = page["issues"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let total = row["total"].as_i64().unwrap();
            (text(&row["template"]), text(&row["id"]), total, text(&row["triage"]["state"]))
        })
        .collect();
    rows.sort();
    rows
}

fn await_issues(address: &Address, what: &str, wanted: &[(i64, &str)]) -> Vec<String> {
    await_some(what, || {
        let found = issues(address, "");
        let stands: Vec<_> =
            found.iter().map(|(_, _, total, state)| (*total, state.as_str())).collect();
        (stands == wanted).then(|| found.into_iter().map(|(_, id, _, _)| id).collect())
    })
}

#[test]
fn a_resolved_issue_stays_so_over_a_kill_and_is_opened_by_its_next_event() {
    let home = site();
    let (engine, address) = start(&home, 5);
    // By template: the database, then the volume.
    let ids = await_issues(&address, "two issues", &[(3, "open"), (2, "open")]);
    let path = format!("issues/{}/resolve", ids[0]);
    let (status, answer) = send(&address, "POST", &path, &json!({"by": "ann", "comment": "v7"}));
    assert_eq!((status, &answer["durable"]), (200, &json!(true)), "{answer}");
    await_issues(&address, "one is resolved", &[(3, "resolved"), (2, "open")]);
    assert_eq!(issues(&address, "is:unresolved").len(), 1);
    engine.kill();

    let (engine, address) = start(&home, 5);
    await_issues(&address, "it still is", &[(3, "resolved"), (2, "open")]);
    append(&home, REFUSED);
    await_issues(&address, "its event opens it", &[(4, "regressed"), (2, "open")]);
    engine.kill();
    let (_engine, address) = start(&home, 6);
    await_issues(&address, "it was told once", &[(4, "regressed"), (2, "open")]);
    let activity = address.get(&format!("/api/v1/issues/{}/activity", ids[0])).unwrap();
    let activity: Value = serde_json::from_str(&activity).unwrap();
    let what: Vec<&str> = activity["activity"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["what"].as_str().unwrap())
        .collect();
    assert_eq!(what, ["regressed", "resolved"], "{activity}");
    address.audit().unwrap().assert_balanced();
}

#[test]
fn issues_are_merged_split_and_parted_again_with_every_count() {
    let home = site();
    let (engine, address) = start(&home, 5);
    let ids = await_issues(&address, "two issues", &[(3, "open"), (2, "open")]);
    let merge = json!({"with": [ids[1]], "by": "ann", "comment": "one disk"});
    let (status, merged) = send(&address, "POST", &format!("issues/{}/merge", ids[0]), &merge);
    assert_eq!(status, 200, "{merged}");
    let one = await_issues(&address, "one issue", &[(5, "open")]);
    let again = send(&address, "POST", &format!("issues/{}/merge", ids[0]), &merge);
    assert_eq!(again.0, 409, "{}", again.1);
    engine.kill();

    let (engine, address) = start(&home, 5);
    await_issues(&address, "still one", &[(5, "open")]);
    append(&home, FULL);
    await_issues(&address, "with the new event", &[(6, "open")]);
    // What is decided now is decided about both.
    let resolve = format!("issues/{}/resolve", one[0]);
    assert_eq!(send(&address, "POST", &resolve, &json!({})).0, 200);
    await_issues(&address, "resolved", &[(6, "resolved")]);
    let detail: Value =
        serde_json::from_str(&address.get(&format!("/api/v1/issues/{}", one[0])).unwrap()).unwrap();
    let full = detail["members"]
        .as_array()
        .unwrap()
        .iter()
        .find(|member| member["template"].as_str().unwrap().contains("volume"));
    let print = full.unwrap()["fingerprint"].clone();
    let split = format!("issues/{}/split", one[0]);
    let (status, parted) = send(&address, "POST", &split, &json!({"fingerprints": [print]}));
    assert_eq!(status, 200, "{parted}");
    await_issues(&address, "two again", &[(3, "resolved"), (3, "resolved")]);
    engine.kill();

    let (_engine, address) = start(&home, 6);
    await_issues(&address, "still two", &[(3, "resolved"), (3, "resolved")]);
    let groupings: Value =
        serde_json::from_str(&address.get("/api/v1/groupings").unwrap()).unwrap();
    let held = groupings["groupings"].as_array().unwrap();
    assert_eq!(held.len(), 1, "the merge was taken back by the split: {groupings}");
    let undo = format!("groupings/{}", held[0]["id"].as_str().unwrap());
    assert_eq!(send(&address, "DELETE", &undo, &json!({})).0, 200);
    assert_eq!(send(&address, "DELETE", &undo, &json!({})).0, 404);
    await_issues(&address, "they are what they are", &[(3, "resolved"), (3, "resolved")]);
    address.audit().unwrap().assert_balanced();
}

#[test]
fn decisions_about_what_is_not_there_are_refused() {
    let home = site();
    let (_engine, address) = start(&home, 5);
    let ids = await_issues(&address, "two issues", &[(3, "open"), (2, "open")]);
    let nobody = format!("i_{:032x}", 7);
    let status = |path: &str, body: Value| send(&address, "POST", path, &body).0;
    assert_eq!(status(&format!("issues/{nobody}/resolve"), json!({})), 404);
    assert_eq!(status(&format!("issues/{}/merge", ids[0]), json!({"with": [nobody]})), 404);
    assert_eq!(status(&format!("issues/{}/merge", ids[0]), json!({"with": [ids[0]]})), 409);
    let print = format!("f1_{:032x}", 7);
    let split = format!("issues/{}/split", ids[0]);
    assert_eq!(status(&split, json!({"fingerprints": [print]})), 404);
    let own: Value =
        serde_json::from_str(&address.get(&format!("/api/v1/issues/{}", ids[0])).unwrap()).unwrap();
    let only = own["members"][0]["fingerprint"].clone();
    assert_eq!(status(&split, json!({"fingerprints": [only]})), 409, "nothing would be left");
    assert_eq!(status("issues/decide", json!({"issues": ids, "what": "ignore"})), 200);
    await_issues(&address, "both are ignored", &[(3, "ignored"), (2, "ignored")]);
}
