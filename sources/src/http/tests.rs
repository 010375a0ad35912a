//! Tests of the `http` source as a client sees it.

use super::*;
use crate::push::testing::{Answer, post, records};
use engine::model::EventTime;
use engine::testing::source_conformance::Pushed;
use engine::testing::{FakeIntake, Life};
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

fn options(value: serde_json::Value) -> Options {
    Options { id: "in".into(), value, base: "/".into() }
}

fn pushed() -> Pushed {
    let source = source(&options(json!({"listen": "127.0.0.1:0"}))).unwrap();
    let bound = source.bound();
    let push = move |key: Option<&str>, records: &[String]| {
        let mut headers = vec![("Content-Type", "application/x-ndjson")];
        headers.extend(key.map(|key| ("Idempotency-Key", key)));
        let line = |record: &String| format!("{}\n", json!({"message": record}));
        let body: String = records.iter().map(line).collect();
        let answer = post(&bound, "/v1/lines", &headers, body.as_bytes());
        if answer.status == 200 {
            assert_eq!(answer.text(), format!("{{\"accepted\":{}}}", records.len()));
        } else {
            assert_eq!(answer.status, 503, "{answer:?}");
            assert!(answer.has("retry-after: 5"), "{answer:?}");
        }
        answer.status == 200
    };
    Pushed { source: Arc::new(source), push: Arc::new(push) }
}

engine::pushed_source_conforms!(pushed());

/// Runs a source while `with` talks to it; returns its lines.
fn served(
    value: serde_json::Value,
    with: impl FnOnce(&dyn Fn(&str, &[u8]) -> Answer),
) -> Vec<String> {
    let source = source(&options(value)).unwrap();
    let bound = source.bound();
    let life = Life::start(Arc::new(source), BTreeMap::new(), EventTime(0));
    with(&|content_type, body| post(&bound, "/", &[("Content-Type", content_type)], body));
    life.stop().lines()
}

#[test]
fn each_type_of_body_has_its_records() {
    let lines = served(json!({"listen": "127.0.0.1:0"}), |post| {
        let accepted = |content_type, body: &[u8], n| {
            let answer = post(content_type, body);
            assert_eq!((answer.status, answer.text()), (200, format!("{{\"accepted\":{n}}}")));
        };
        accepted("text/plain; charset=utf-8", b"boom\n\tat a.b(c.d:1)\nlast", 3);
        accepted("application/x-ndjson", b"{\"message\":\"m\"}\nplain\n", 2);
        accepted("application/json", b"[{\"a\": 1}, {\"b\": 2}]", 2);
        accepted("application/vnd.fdo.journal", b"MESSAGE=m\nPRIORITY=3\n\n", 1);
        accepted("application/json", b"", 0);
        assert_eq!(post("application/xml", b"<a/>").status, 415);
        assert_eq!(post("application/json", b"{").status, 400);
    });
    assert_eq!(
        lines,
        [
            "boom",
            "\tat a.b(c.d:1)",
            "last",
            "{\"message\":\"m\"}",
            "{\"message\":\"plain\"}",
            "{\"a\":1}",
            "{\"b\":2}",
            "{\"MESSAGE\":\"m\",\"PRIORITY\":\"3\"}",
        ]
    );
}

#[test]
fn entries_without_a_message_are_told_as_rejected() {
    let mut written = records(1 << 20);
    journal(b"PRIORITY=3\n\nMESSAGE=m\n\n", &mut written).unwrap();
    assert_eq!((written.count(), written.rejected), (1, 1));
    let accepted =
        Accepted { records: 1, rejected: 1, rejected_why: Some("an entry has no message".into()) };
    let body = String::from_utf8(Http.accepted(None, &accepted).body).unwrap();
    assert_eq!(body, r#"{"accepted":1,"reason":"an entry has no message","rejected":1}"#);
}

#[test]
fn limit_long_lines_are_cut_and_counted() {
    let source = source(&options(json!({"listen": "127.0.0.1:0", "max_line_bytes": 64}))).unwrap();
    let bound = source.bound();
    let life = Life::start(Arc::new(source), BTreeMap::new(), EventTime(0));
    let body = format!("{}\nshort\n", "x".repeat(1_000));
    assert_eq!(post(&bound, "/", &[("Content-Type", "text/plain")], body.as_bytes()).status, 200);
    let ended = life.stop();
    assert_eq!(ended.lines(), ["x".repeat(64), "short".into()]);
    assert_eq!(ended.deliveries.iter().map(|delivery| delivery.lines_cut).sum::<u64>(), 1);
}

#[test]
fn curl_is_understood_as_it_comes() {
    let source = source(&options(json!({"listen": "127.0.0.1:0"}))).unwrap();
    let bound = source.bound();
    let life = Life::start(Arc::new(source), BTreeMap::new(), EventTime(0));
    let address = bound.wait();
    let curl = |arguments: &[&str], body: &str| {
        let mut child = Command::new("curl")
            .args(["--silent", "--show-error", "--max-time", "60"])
            .args(arguments)
            .arg(format!("http://{address}/"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("this test needs curl: install it");
        child.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(curl(&["--data-binary", "@-"], "one\ntwo\n"), "{\"accepted\":2}");
    // Without a length, and larger than what is sent before the answer to `Expect`.
    let many = "a line that is sent in chunks\n".repeat(100_000);
    let chunked = ["-T", "-", "-X", "POST", "-H", "Content-Type: text/plain"];
    assert_eq!(curl(&chunked, &many), "{\"accepted\":100000}");
    let json = ["--json", "@-", "-H", "Idempotency-Key: k"];
    assert_eq!(curl(&json, "[{\"a\":1}]"), "{\"accepted\":1}");
    assert_eq!(curl(&json, "[{\"a\":1}]"), "{\"accepted\":1}");
    assert!(curl(&json, "[{\"a\":2}]").contains("\"status\":422"));
    assert_eq!(life.stop().lines().len(), 100_003);
}

#[test]
fn a_check_says_where_it_could_listen() {
    let source = source(&options(json!({"listen": "127.0.0.1:0"}))).unwrap();
    assert!(source.check().unwrap().starts_with("can listen on 127.0.0.1:"));
}

#[test]
fn a_taken_port_is_an_error_that_is_tried_again() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let source = source(&options(json!({ "listen": listen }))).unwrap();
    assert!(source.check().is_err());
    let error = source.run(&mut FakeIntake::at(EventTime(0))).unwrap_err();
    assert!(error.retry && error.what.starts_with("cannot listen on"), "{error}");
}
