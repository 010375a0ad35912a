//! Live streams and exports over the socket, and an ordered end.
#![allow(clippy::disallowed_methods, reason = "tests talk to their own server")]

use super::Server;
use super::client::Client;
use super::fake::{FakeReadStore, Mood, issue_id};
use crate::Limits;
use engine::model::{AlertKey, Epoch};
use engine::runtime::live::Committed;
use serde_json::{Value, json};
use std::net::TcpStream;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

fn watch(server: &Server) -> Client {
    let mut client = Client::connect(server.address);
    client.send("GET /api/v1/live HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let head = client.head().unwrap();
    assert_eq!(head.status, 200);
    assert_eq!(head.header("content-type"), "text/event-stream");
    assert_eq!(head.header("cache-control"), "no-store");
    assert_eq!(head.header("x-accel-buffering"), "no");
    client
}

/// Reads on to the next line of data, and returns it with the event's name.
fn next_event(client: &mut Client) -> (String, Value) {
    let mut name = String::new();
    loop {
        let line = client.line().expect("the stream goes on");
        if let Some(event) = line.strip_prefix("event: ") {
            name = event.to_owned();
        }
        if let Some(data) = line.strip_prefix("data: ") {
            return (name, serde_json::from_str(data).unwrap());
        }
    }
}

#[test]
fn a_live_stream_says_hello_and_then_what_was_committed() {
    let server = Server::open();
    let mut client = watch(&server);
    assert_eq!(next_event(&mut client), ("hello".to_owned(), json!({ "epoch": 41 })));
    server.live.publish(Committed::new(Epoch(42), 5, [issue_id(0)], [AlertKey(9)]));
    let news = json!({
        "epoch": 42,
        "counted": 5,
        "issues": [issue_id(0).to_string()],
        "alerts": [AlertKey(9).to_string()],
        "cut": false,
    });
    assert_eq!(next_event(&mut client), ("commit".to_owned(), news));
}

#[test]
fn a_live_stream_outlives_the_header_and_handler_deadlines() {
    let short = Duration::from_millis(100);
    let limits = Limits {
        header_read: short,
        handler: short,
        live_heartbeat: short * 2,
        ..Limits::default()
    };
    let server = Server::start(FakeReadStore::default(), None, limits);
    let mut client = watch(&server);
    let mut heartbeats = 0;
    while heartbeats < 3 {
        let line = client.line().expect("the stream goes on");
        heartbeats += u32::from(line == ": heartbeat");
    }
}

#[test]
fn an_export_streams_every_row_as_a_line() {
    let rows = 20_000;
    let store = FakeReadStore { export_rows: rows, ..FakeReadStore::default() };
    let server = Server::start(store, None, Limits::default());
    let reply = server.get("/api/v1/export/counts");
    assert_eq!((reply.status, reply.complete), (200, true));
    assert_eq!(reply.header("content-type"), "application/x-ndjson");
    let lines: Vec<&str> = reply.text().lines().collect();
    assert_eq!(lines.len(), rows);
    let last: Value = serde_json::from_str(lines[rows - 1]).unwrap();
    let expected = json!({
        "issue": issue_id(0).to_string(),
        "fingerprint": "f1_00000000000000000000000000000005",
        "severity": "error",
        "template": "connection to <ip> refused",
        "sample": "connection to 10.0.0.1 refused",
        "bucket_start": "1970-01-14T21:19:00Z",
        "bucket_seconds": 60,
        "count": 19_999,
    });
    assert_eq!(last, expected);
}

#[test]
fn an_export_that_breaks_is_never_taken_for_a_whole_one() {
    let store =
        FakeReadStore { export_rows: 20_000, export_breaks: true, ..FakeReadStore::default() };
    let server = Server::start(store, None, Limits::default());
    let reply = server.get("/api/v1/export/counts");
    assert_eq!((reply.status, reply.complete), (200, false));
}

#[test]
fn an_export_stops_when_the_client_goes_away() {
    let rows = 5_000_000;
    let store = FakeReadStore { export_rows: rows, ..FakeReadStore::default() };
    let server = Server::start(store, None, Limits::default());
    let mut client = Client::connect(server.address);
    client.send("GET /api/v1/export/counts HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert_eq!(client.head().unwrap().status, 200);
    drop(client);
    assert!(server.store.exported_rows() < rows);
}

#[test]
fn an_empty_export_is_an_empty_body() {
    let store = FakeReadStore { export_rows: 0, ..FakeReadStore::default() };
    let server = Server::start(store, None, Limits::default());
    let reply = server.get("/api/v1/export/counts");
    assert_eq!((reply.status, reply.complete, reply.text()), (200, true, ""));
}

#[test]
fn shutdown_ends_live_streams_lets_open_requests_finish_and_frees_the_port() {
    let (answer, gate) = mpsc::channel();
    let mood = Mood::Waiting(Mutex::new(gate));
    let store = FakeReadStore { mood, ..FakeReadStore::default() };
    let limits = Limits { drain: Duration::from_secs(20), ..Limits::default() };
    let mut server = Server::start(store, None, limits);
    let mut live = watch(&server);
    let mut open = Client::connect(server.address);
    open.send("GET /api/v1/audit HTTP/1.1\r\nhost: localhost\r\n\r\n");
    // The second watcher was accepted after the request, so the request is being served.
    let mut second = watch(&server);
    let _ = server.stop.take().unwrap().send(());
    while live.line().is_some() {}
    while second.line().is_some() {}
    assert!(TcpStream::connect(server.address).is_err(), "no new connections");
    answer.send(()).unwrap();
    assert_eq!(open.reply().unwrap().status, 200);
    server.stop();
}

#[test]
fn limit_shutdown_cuts_what_does_not_end_in_time() {
    let (answer, gate) = mpsc::channel();
    let mood = Mood::Waiting(Mutex::new(gate));
    let store = FakeReadStore { mood, ..FakeReadStore::default() };
    let limits = Limits { drain: Duration::from_millis(100), ..Limits::default() };
    let mut server = Server::start(store, None, limits);
    let mut open = Client::connect(server.address);
    open.send("GET /api/v1/audit HTTP/1.1\r\nhost: localhost\r\n\r\n");
    drop(watch(&server));
    let _ = server.stop.take().unwrap().send(());
    assert!(open.reply().is_none(), "cut without an answer");
    drop(answer);
    server.stop();
}
