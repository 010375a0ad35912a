//! Sources over HTTP: what is listed, changed and refused, and how slow bodies end.

use super::client::{Client, Reply};
use super::fake::FakeReadStore;
use super::{Server, TOKEN};
use crate::Limits;
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::Duration;

pub(super) const JSON: &str = "content-type: application/json\r\n";

/// Sends a request with a body.
pub(super) fn send(server: &Server, request: &str, headers: &str, body: &str) -> Reply {
    let mut client = Client::connect(server.address);
    let length = body.len();
    client.send(&format!(
        "{request} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}\
         content-length: {length}\r\n\r\n{body}"
    ));
    client.reply().unwrap()
}

#[test]
fn a_source_is_added_paused_resumed_and_removed() {
    let server = Server::open();
    let new = json!({ "id": "web", "type": "file", "include": ["/var/log/web.log"] });
    let added = send(&server, "POST /api/v1/sources", JSON, &new.to_string());
    assert_eq!((added.status, &added.json()["source"]["origin"]), (201, &json!("added")));
    let again = send(&server, "POST /api/v1/sources", JSON, &new.to_string());
    assert_eq!(again.status, 409);
    let change = |paused: bool| {
        let body = json!({ "paused": paused }).to_string();
        send(&server, "PATCH /api/v1/sources/web", JSON, &body).json()["source"]["state"].clone()
    };
    assert_eq!((change(true), change(false)), (json!("paused"), json!("running")));
    let list = server.get("/api/v1/sources").json();
    let ids: Vec<_> = list["sources"].as_array().unwrap().iter().map(|row| &row["id"]).collect();
    assert_eq!(ids, ["app", "web"]);
    assert_eq!(send(&server, "DELETE /api/v1/sources/web", "", "").status, 200);
    assert_eq!(send(&server, "DELETE /api/v1/sources/web", "", "").status, 404);
    assert_eq!(send(&server, "DELETE /api/v1/sources/app", "", "").status, 409);
}

#[test]
fn a_change_that_is_not_committed_yet_is_accepted_and_says_so() {
    let server = Server::open();
    server.sources.durable.store(false, Ordering::Relaxed);
    let reply = send(&server, "PATCH /api/v1/sources/app", JSON, r#"{"paused": true}"#);
    assert_eq!((reply.status, &reply.json()["durable"]), (202, &json!(false)));
}

#[test]
fn a_connection_test_tells_what_was_found_or_what_is_wrong() {
    let server = Server::open();
    let test = |id: &str| {
        let body = json!({ "id": id, "type": "file" }).to_string();
        send(&server, "POST /api/v1/sources/test", JSON, &body)
    };
    assert_eq!(test("web").json(), json!({ "works": true, "message": "3 files match" }));
    assert_eq!(test("away").json(), json!({ "works": false, "message": "connection refused" }));
    let refused = test("bad");
    assert_eq!(refused.status, 422);
    assert_eq!(refused.json()["detail"], "no `type`; no path");
}

#[test]
fn bodies_that_are_no_json_are_refused_with_the_reason() {
    let server = Server::open();
    assert_eq!(send(&server, "POST /api/v1/sources", "", "{}").status, 415);
    for body in ["", "{", "[]", r#"{"type": "file"}"#] {
        assert_eq!(send(&server, "POST /api/v1/sources", JSON, body).status, 422, "{body}");
    }
    let unknown = send(&server, "PATCH /api/v1/sources/app", JSON, r#"{"pausd": true}"#);
    assert!(unknown.json()["detail"].as_str().unwrap().contains("pausd"));
}

#[test]
fn a_cookie_alone_changes_nothing() {
    let server = Server::start(FakeReadStore::default(), Some(TOKEN), Limits::default());
    let body = r#"{"paused": true}"#;
    let with = |headers: &str| {
        let headers = format!("{JSON}{headers}");
        send(&server, "PATCH /api/v1/sources/app", &headers, body).status
    };
    let cookie = format!("cookie: seismolog_token={TOKEN}\r\n");
    assert_eq!((with(""), with(&cookie)), (401, 403));
    assert_eq!(with(&format!("{cookie}origin: http://evil.example\r\n")), 403);
    assert_eq!(with(&format!("{cookie}origin: http://localhost\r\n")), 200);
    assert_eq!(with(&format!("authorization: Bearer {TOKEN}\r\n")), 200);
}

#[test]
fn limit_a_body_that_does_not_arrive_is_not_waited_for() {
    let limits = Limits { body_read: Duration::from_millis(50), ..Limits::default() };
    let server = Server::start(FakeReadStore::default(), None, limits);
    let mut client = Client::connect(server.address);
    client.send(&format!(
        "POST /api/v1/sources HTTP/1.1\r\nhost: localhost\r\n{JSON}content-length: 9\r\n\r\n{{"
    ));
    assert_eq!(client.reply().unwrap().status, 408);
}
