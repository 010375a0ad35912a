//! Records that are pushed to the real binary over HTTP and OTLP: counted once for each key, over a kill,
//! and understood as what they are.

use crate::binary::{Address, Engine, await_some};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use tempfile::TempDir;

/// An engine that listens for lines and for OTLP.
struct Site {
    home: TempDir,
    http: u16,
    otlp: u16,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Site {
    fn new() -> Site {
        Site { home: TempDir::new().unwrap(), http: free_port(), otlp: free_port() }
    }

    fn start(&self) -> (Engine, Address) {
        let path: PathBuf = self.home.path().join("graph.yaml");
        let (http, otlp) = (self.http, self.otlp);
        let text = format!(
            "sources:\n  lines: {{ type: http, listen: \"127.0.0.1:{http}\" }}\n  \
             telemetry: {{ type: otlp, listen: \"127.0.0.1:{otlp}\" }}\n\
             sinks: {{ store: {{ type: sqlite, path: ./store.db }} }}\n\
             server: {{ listen: \"127.0.0.1:0\" }}\nmodel: {{ enabled: false }}\n"
        );
        std::fs::write(&path, text).unwrap();
        let mut engine = Engine::start(&path);
        let address = engine.ready();
        (engine, address)
    }
}

/// Posts a body; returns the status of the answer. Waits until somebody listens.
fn post(port: u16, path: &str, headers: &str, body: &str) -> u16 {
    await_some("an answer of a pushed source", || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\
             Content-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).ok()?;
        stream.write_all(body.as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        answer.split(' ').nth(1)?.parse().ok()
    })
}

const LINES: &str = "content-type: application/x-ndjson\r\n";

#[test]
fn a_keyed_request_is_counted_once_however_often_and_in_whichever_life_it_is_sent() {
    let site = Site::new();
    let (engine, address) = site.start();
    let line = |n: usize| json!({ "time": "2026-03-01T10:00:00Z", "level": "error", "message": format!("order {n} failed") });
    let body: String = (0..20).map(|n| format!("{}\n", line(n))).collect();
    let keyed = format!("{LINES}Idempotency-Key: first\r\n");
    for _ in 0..3 {
        assert_eq!(post(site.http, "/v1/lines", &keyed, &body) / 100, 2);
    }
    let audit = address.await_counted(20, &engine);
    assert_eq!(audit.number("counted"), 20);
    engine.kill();
    let (engine, address) = site.start();
    assert_eq!(post(site.http, "/v1/lines", &keyed, &body) / 100, 2);
    assert_eq!(post(site.http, "/v1/lines", LINES, &body) / 100, 2);
    let audit = address.await_counted(40, &engine);
    assert_eq!(audit.number("counted"), 40, "the key was known, the request without one was not");
    audit.assert_balanced();
    assert_eq!(engine.terminate().0.code(), Some(0));
}

#[test]
fn an_otlp_record_becomes_an_event_of_its_service_with_its_severity_and_time() {
    let site = Site::new();
    let (engine, address) = site.start();
    let record = |message: &str| json!({ "timeUnixNano": "1772359200000000000", "severityNumber": 17, "body": { "stringValue": message } });
    let request = json!({ "resourceLogs": [{
        "resource": { "attributes": [{ "key": "service.name", "value": { "stringValue": "shop" } }] },
        "scopeLogs": [{ "logRecords": [record("card 17 was declined"), record("card 99 was declined")] }],
    }] });
    let headers = "content-type: application/json\r\n";
    assert_eq!(post(site.otlp, "/v1/logs", headers, &request.to_string()), 200);
    assert_eq!(address.await_counted(2, &engine).number("counted"), 2);
    let list: Value = serde_json::from_str(
        &address.get("/api/v1/issues?from=2026-03-01T00:00:00Z&to=2026-03-02T00:00:00Z").unwrap(),
    )
    .unwrap();
    let issue = &list["issues"][0];
    assert_eq!((&issue["severity"], &issue["count"]), (&json!("error"), &json!(2)), "{list}");
    assert_eq!(issue["services"], json!(["shop"]), "{list}");
    assert_eq!(post(site.otlp, "/v1/logs", headers, "{"), 400);
}
