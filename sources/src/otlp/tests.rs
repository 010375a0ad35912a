//! Tests of the `otlp` source as a client sees it.

use super::json::tests::REQUEST;
use super::protobuf::tests::{GOLDEN, Message, golden_records, request, string};
use super::*;
use crate::push::testing::{build as built, post};
use engine::model::EventTime;
use engine::testing::Life;
use engine::testing::source_conformance::Pushed;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use std::collections::BTreeMap;
use std::io::Write;

const PROTOBUF: &str = "application/x-protobuf";

pub fn new(value: serde_json::Value) -> PushSource {
    let mut value = value;
    value["listen"] = json!("127.0.0.1:0");
    source(&Options { id: "in".into(), value, base: "/".into() }).unwrap()
}

pub fn life(source: PushSource) -> Life {
    Life::start(Arc::new(source), BTreeMap::new(), EventTime(0))
}

fn pushed() -> Pushed {
    let source = new(json!({}));
    let bound = source.bound();
    let push = move |key: Option<&str>, records: &[String]| {
        let mut headers = vec![("Content-Type", PROTOBUF)];
        headers.extend(key.map(|key| ("Idempotency-Key", key)));
        let record = |text: &String| Message::default().message(5, string(text));
        let body = request(records.iter().map(record).collect());
        let answer = post(&bound, "/v1/logs", &headers, &body);
        assert!(answer.has("content-type: application/x-protobuf"), "{answer:?}");
        match answer.status {
            200 => assert_eq!(answer.body, b""),
            503 => assert!(answer.has("retry-after: 5"), "{answer:?}"),
            _ => panic!("{answer:?}"),
        }
        answer.status == 200
    };
    Pushed { source: Arc::new(source), push: Arc::new(push) }
}

engine::pushed_source_conforms!(pushed());

#[test]
fn both_encodings_are_taken_packed_or_not() {
    let source = new(json!({}));
    let bound = source.bound();
    let life = life(source);
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&request(golden_records())).unwrap();
    let packed = packed.finish().unwrap();
    let gzip = [("Content-Type", PROTOBUF), ("Content-Encoding", "gzip")];
    assert_eq!(post(&bound, "/v1/logs", &gzip, &packed).status, 200);
    let json = [("Content-Type", "application/json; charset=utf-8")];
    let answer = post(&bound, "/v1/logs", &json, REQUEST.as_bytes());
    assert_eq!((answer.status, answer.text()), (200, "{}".into()));
    assert_eq!(life.stop().lines(), [GOLDEN, GOLDEN].concat());
}

#[test]
fn an_empty_request_is_a_success_in_its_encoding() {
    let source = new(json!({}));
    let bound = source.bound();
    let life = life(source);
    let answer = post(&bound, "/v1/logs", &[("Content-Type", PROTOBUF)], b"");
    assert_eq!((answer.status, answer.body.len()), (200, 0));
    let answer = post(&bound, "/v1/logs", &[("Content-Type", "application/json")], b"{}");
    assert_eq!((answer.status, answer.text()), (200, "{}".into()));
    assert!(life.stop().deliveries.is_empty());
}

#[test]
fn records_that_cannot_be_taken_are_a_partial_success() {
    let deep = (0..50).fold(string("x"), |inner, _| {
        Message::default().message(5, Message::default().message(1, inner))
    });
    let deep = Message::default().message(5, deep);
    let source = new(json!({}));
    let bound = source.bound();
    let life = life(source);
    let headers = [("Content-Type", PROTOBUF)];
    let one = request(vec![deep.clone(), Message::default()]);
    let expected = Message::default()
        .message(1, Message::default().number(1, 1).text(2, "a value nests too deep"));
    let answer = post(&bound, "/v1/logs", &headers, &one);
    assert_eq!((answer.status, answer.body), (200, expected.0.clone()));
    let none = post(&bound, "/v1/logs", &headers, &request(vec![deep]));
    assert_eq!((none.status, none.body), (200, expected.0));
    assert_eq!(life.stop().lines().len(), 1);
}

#[test]
fn refusals_are_a_status_in_the_encoding_of_the_request() {
    let source = new(json!({}));
    let bound = source.bound();
    let life = life(source);
    let answer = post(&bound, "/v1/logs", &[("Content-Type", PROTOBUF)], b"\xff");
    assert_eq!(answer.status, 400);
    let why = b"\x08\x03\x12\x33the body is no ExportLogsServiceRequest in protobuf";
    assert_eq!(answer.body.escape_ascii().to_string(), why.escape_ascii().to_string());
    let answer = post(&bound, "/v1/logs", &[("Content-Type", "application/json")], b"[");
    assert!(answer.status == 400 && answer.text().starts_with("{\"code\":3,"), "{answer:?}");
    let answer = post(&bound, "/v1/logs", &[("Content-Type", "text/plain")], b"x");
    assert!(answer.status == 415 && answer.has("content-type: application/json"), "{answer:?}");
    assert_eq!(post(&bound, "/v1/logs", &[], b"x").status, 415);
    let answer = post(&bound, "/v1/traces", &[("Content-Type", PROTOBUF)], b"");
    assert!(answer.status == 404 && answer.body.starts_with(b"\x08\x0c"), "{answer:?}");
    life.stop();
}

#[test]
fn options_are_checked() {
    assert_eq!(built(&COMPONENT, json!({})), Ok(()));
    assert_eq!(built(&COMPONENT, json!({"listen": "0.0.0.0:4318"})), Err(vec!["listen".into()]));
}
