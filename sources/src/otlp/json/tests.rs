//! Tests of the JSON reader: the golden lines of protobuf, and what JSON leaves open.

use super::super::protobuf::tests::GOLDEN;
use super::*;
use crate::push::testing::records;
use engine::testing::fuzz::{Shape, coarse, fuzz};

pub const REQUEST: &str = r#"{ "resourceLogs": [ {
  "scopeLogs": [ { "logRecords": [
    { "timeUnixNano": "1772366400123456789", "observedTimeUnixNano": 1772366400200000000,
      "severityNumber": 17, "severityText": "ERROR", "body": {"stringValue": "payment \"7\" failed"},
      "attributes": [ {"key": "amount", "value": {"intValue": "-3"}},
        {"value": {"doubleValue": 0.5}, "key": "ratio"}, {"key": "retry", "value": {"boolValue": true}} ],
      "traceId": "4B4B4B4B4B4B4B4B4B4B4B4B4B4B4B4B", "spanId": "a1a1a1a1a1a1a1a1", "flags": 1 },
    { "observedTimeUnixNano": "1772366401000000000", "severityText": "Warning", "body": null,
      "attributes": [ {"key": "exception.type", "value": {"stringValue": "java.lang.IllegalStateException"}},
        {"key": "exception.message", "value": {"stringValue": "no stock"}},
        {"key": "exception.stacktrace", "value": {"stringValue":
          "java.lang.IllegalStateException: no stock\n\tat shop.Pay.run(Pay.java:7)"}} ] },
    { "severityNumber": 9, "unknownField": {"deep": [1, {"x": []}]}, "body": {"kvlistValue": {"values": [
        {"key": "event", "value": {"stringValue": "login"}},
        {"key": "tags", "value": {"arrayValue": {"values": [{"stringValue": "a"}, {}]}}},
        {"key": "key", "value": {"bytesValue": "AP9hYg=="}} ]}} },
    { "eventName": "shop.opened", "traceId": "", "spanId": "0000000000000000" },
    {}
  ], "scope": {"name": "shop.pay", "version": "1.2.0"} } ],
  "resource": { "droppedAttributesCount": 0, "attributes": [
    {"key": "service.name", "value": {"stringValue": "shop"}},
    {"key": "host.name", "value": {"stringValue": "host-a"}},
    {"key": "process.pid", "value": {"intValue": 812}},
    {"key": "deployment.environment.name", "value": {"stringValue": "test"}} ] }
} ] }"#;

fn lines(records: &Records) -> Vec<String> {
    let text = String::from_utf8(records.lines().to_vec()).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// Returns a request with one record.
fn with_record(record: &str) -> String {
    format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{record}]}}]}}]}}"#)
}

#[test]
fn golden_json_and_protobuf_are_the_same_lines() {
    let mut records = records(1 << 20);
    decode(REQUEST.as_bytes(), &mut records).unwrap();
    assert_eq!(lines(&records), GOLDEN);
}

#[test]
fn what_is_left_out_null_or_empty_is_nothing() {
    for empty in [
        "",
        "{}",
        r#"{"resourceLogs": null}"#,
        r#"{"resourceLogs": [{"resource": null, "scopeLogs": [{"scope": null, "logRecords": []}]}]}"#,
        r#"{"somethingNew": [1, 2, 3]}"#,
    ] {
        let mut records = records(1 << 20);
        decode(empty.as_bytes(), &mut records).unwrap();
        assert_eq!(records.count(), 0, "{empty}");
    }
    let mut records = records(1 << 20);
    let record = r#"{"timeUnixNano": null, "severityNumber": null, "severityText": null,
        "attributes": null, "traceId": null, "body": {"stringValue": "x"}}"#;
    decode(with_record(record).as_bytes(), &mut records).unwrap();
    assert_eq!(lines(&records), [r#"{"message":"x"}"#]);
}

#[test]
fn what_is_not_in_the_schema_is_refused_with_its_reason() {
    for wrong in [
        "nonsense".to_owned(),
        "[]".to_owned(),
        r#"{"resourceLogs": {}}"#.to_owned(),
        r#"{"resourceLogs": [7]}"#.to_owned(),
        with_record(r#"{"timeUnixNano": "soon"}"#),
        with_record(r#"{"timeUnixNano": -1}"#),
        with_record(r#"{"body": "a bare string"}"#),
        with_record(r#"{"body": {"intValue": "many"}}"#),
        with_record(r#"{"body": {"stringValue": 7}}"#),
        with_record(r#"{"body": {"boolValue": "yes"}}"#),
        with_record(r#"{"body": {"doubleValue": []}}"#),
        with_record(r#"{"attributes": {"a": 1}}"#),
    ] {
        let refusal = decode(wrong.as_bytes(), &mut records(1 << 20)).unwrap_err();
        assert_eq!(refusal.status.as_u16(), 400, "{wrong}");
        assert!(refusal.detail.starts_with("the body is no ExportLogsServiceRequest in JSON: "));
    }
    assert!(decode(b"{\"resourceLogs\":[{\"\xff\":1}]}", &mut records(1 << 20)).is_err());
}

#[test]
fn limit_a_record_with_a_value_too_deep_is_rejected_alone() {
    let deep = |levels: usize| {
        let open = r#"{"arrayValue":{"values":["#.repeat(levels);
        format!("{{\"body\":{open}{{}}{}}}", "]}}".repeat(levels))
    };
    let mut records = records(1 << 20);
    let three = [deep(DEPTH_MAX - 1), deep(DEPTH_MAX), deep(50_000)].join(",");
    decode(with_record(&three).as_bytes(), &mut records).unwrap();
    assert_eq!((records.count(), records.rejected), (1, 2));
    assert_eq!(records.rejected_why.as_deref(), Some(TOO_DEEP));
}

#[test]
fn limit_what_is_larger_than_a_record_can_be_is_not_taken() {
    let large = format!(r#"{{"body":{{"stringValue":"{}"}}}}"#, "x".repeat(RECORD_BYTES_MAX));
    let mut records = records(1 << 20);
    decode(with_record(&format!("{large},{{}}")).as_bytes(), &mut records).unwrap();
    assert_eq!((records.count(), records.rejected), (1, 1));
    let resource = format!(r#"{{"resourceLogs":[{{"resource":{large}}}]}}"#);
    let refusal = decode(resource.as_bytes(), &mut records).unwrap_err();
    assert_eq!(refusal.status.as_u16(), 413);
}

#[test]
fn limit_attributes_of_a_resource_are_written_up_to_a_bound() {
    let attribute =
        |n: usize| format!(r#"{{"key":"k{n}","value":{{"stringValue":"{}"}}}}"#, "x".repeat(1_000));
    let many = (0..100).map(attribute).collect::<Vec<_>>().join(",");
    let body = format!(
        r#"{{"resourceLogs":[{{"resource":{{"attributes":[{many}]}},"scopeLogs":[{{"logRecords":[{{}}]}}]}}]}}"#
    );
    let mut records = records(1 << 20);
    decode(body.as_bytes(), &mut records).unwrap();
    let bound = super::super::record::ORIGIN_BYTES_MAX;
    assert!((bound - 1_100..bound + 100).contains(&records.lines().len()));
}

#[test]
fn fuzz_any_text_is_json_lines_or_a_refusal() {
    let corpus = [REQUEST.as_bytes().to_vec(), with_record("{}").into_bytes()];
    fuzz("otlp json", &corpus, 5_000, |bytes| {
        let max = 256 + bytes.len() % 1024;
        let mut records = records(max);
        let outcome = decode(bytes, &mut records);
        for line in records.lines().split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            assert!(line.len() <= max);
            serde_json::from_slice::<serde_json::Value>(line).unwrap();
        }
        let count = coarse(records.count() as usize);
        Shape::of((outcome.is_ok(), count, records.rejected.min(2), records.cut().min(2)))
    });
}
