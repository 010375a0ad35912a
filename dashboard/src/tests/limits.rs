//! Each bound of the server is reached.
#![allow(clippy::disallowed_methods, reason = "tests talk to their own server")]

use super::Server;
use super::client::Client;
use super::fake::{FakeReadStore, Mood};
use crate::Limits;
use std::sync::{Mutex, mpsc};
use std::time::Duration;

const SHORT: Duration = Duration::from_millis(200);
const ASK: &str = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";

fn with(limits: Limits) -> Server {
    Server::start(FakeReadStore::default(), None, limits)
}

#[test]
fn limit_half_a_header_and_silence_end_the_connection() {
    let server = with(Limits { header_read: SHORT, ..Limits::default() });
    for start in ["", "GET /livez HTTP/1.1\r\nhost: loc", ASK] {
        let mut client = Client::connect(server.address);
        client.send(start);
        while client.line().is_some() {}
    }
    assert_eq!(server.get("/livez").status, 200);
}

#[test]
fn limit_one_connection_too_many_is_told_so_and_a_freed_place_is_used() {
    let server = with(Limits { connections_max: 2, ..Limits::default() });
    let mut places = [Client::connect(server.address), Client::connect(server.address)];
    for place in &mut places {
        place.send(ASK);
        assert_eq!(place.reply().unwrap().status, 200);
    }
    let refused = server.get("/livez");
    assert_eq!((refused.status, refused.header("connection")), (503, "close"));
    assert!(refused.complete && refused.text().starts_with("too many connections"));
    for place in &mut places {
        place.send(ASK);
        assert_eq!(place.reply().unwrap().status, 200, "the others go on");
    }
    drop(places);
    while server.get("/livez").status != 200 {
        std::thread::yield_now();
    }
    assert!(server.get("/metrics").text().contains("seismolog_http_connections_refused_total"));
}

#[test]
fn limit_addresses_headers_and_bodies_that_are_too_long_are_refused() {
    let server = Server::open();
    let ask = |request: String| {
        let mut client = Client::connect(server.address);
        client.send(&request);
        client.reply().unwrap().status
    };
    let end = "HTTP/1.1\r\nhost: localhost\r\n";
    for url_bytes in [9_000, 60_000, 80_000] {
        assert_eq!(ask(format!("GET /{} {end}\r\n", "x".repeat(url_bytes))), 414, "{url_bytes}");
    }
    for header_bytes in [20_000, 200_000] {
        let request = format!("GET / {end}x-fat: {}\r\n\r\n", "x".repeat(header_bytes));
        assert_eq!(ask(request), 431, "{header_bytes}");
    }
    let many: String = (0..200).map(|n| format!("x-{n}: y\r\n")).collect();
    assert_eq!(ask(format!("GET / {end}{many}\r\n")), 431);
    assert_eq!(ask(format!("POST / {end}content-length: 64000000\r\n\r\n")), 413);
    assert_eq!(ask(format!("POST / {end}transfer-encoding: chunked\r\n\r\n5\r\nhello")), 411);
    assert_eq!(ask(format!("GET / {end}content-length: 5\r\ncontent-length: 6\r\n\r\n")), 400);
}

#[test]
fn limit_a_store_that_thinks_too_long_is_a_503_and_its_places_come_back() {
    let (answer, gate) = mpsc::channel();
    let mood = Mood::Waiting(Mutex::new(gate));
    let store = FakeReadStore { mood, ..FakeReadStore::default() };
    let limits = Limits { handler: SHORT, reads_max: 1, ..Limits::default() };
    let server = Server::start(store, None, limits);
    // The first waits in the store, the second for the only place; liveness needs neither.
    for _ in 0..2 {
        let reply = server.get("/api/v1/audit");
        assert_eq!(reply.status, 503);
        assert!(reply.text().contains("no answer within"));
        assert_eq!(server.get("/livez").status, 200);
    }
    drop(answer);
    while server.get("/api/v1/audit").status != 200 {
        std::thread::yield_now();
    }
}

#[test]
fn limit_a_client_that_does_not_read_is_dropped_and_its_export_ends() {
    let rows = 5_000_000;
    let store = FakeReadStore { export_rows: rows, ..FakeReadStore::default() };
    let limits = Limits { write_stall: SHORT, ..Limits::default() };
    let server = Server::start(store, None, limits);
    let mut client = Client::connect(server.address);
    client.send("GET /api/v1/export/counts HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert!(server.store.exported_rows() < rows, "reading stopped before the end");
}

#[test]
fn limit_exports_and_live_streams_have_a_fixed_number_of_places() {
    let limits = Limits { live_max: 1, ..Limits::default() };
    let server = with(limits);
    let mut client = Client::connect(server.address);
    client.send("GET /api/v1/live HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert_eq!(client.head().unwrap().status, 200);
    let refused = server.get("/api/v1/live");
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("all 1 places for live streams are taken"));
    drop(client);
    loop {
        let mut client = Client::connect(server.address);
        client.send("GET /api/v1/live HTTP/1.1\r\nhost: localhost\r\n\r\n");
        if client.head().unwrap().status == 200 {
            break;
        }
    }
    let no_exports = with(Limits { exports_max: 0, ..Limits::default() });
    assert_eq!(no_exports.get("/api/v1/export/counts").status, 503);
}
