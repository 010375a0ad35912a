//! Tests of the protobuf reader, with messages that are written here.

use super::*;
use crate::push::testing::records;
use engine::testing::fuzz::{Shape, coarse, fuzz};

/// A message that is being written.
#[derive(Clone, Default)]
pub struct Message(pub Vec<u8>);

impl Message {
    pub fn number(mut self, field: u64, number: u64) -> Self {
        put_varint(&mut self.0, field, number);
        self
    }

    pub fn fixed(mut self, field: u64, number: u64) -> Self {
        varint(&mut self.0, field << 3 | 1);
        self.0.extend_from_slice(&number.to_le_bytes());
        self
    }

    pub fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        put_bytes(&mut self.0, field, bytes);
        self
    }

    pub fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub fn message(self, field: u64, message: Message) -> Self {
        self.bytes(field, &message.0)
    }

    pub fn attribute(self, field: u64, key: &str, value: Message) -> Self {
        self.message(field, Message::default().text(1, key).message(2, value))
    }
}

pub fn string(text: &str) -> Message {
    Message::default().text(1, text)
}

/// A request with these records, of one resource and scope.
pub fn request(records: Vec<Message>) -> Vec<u8> {
    let resource = Message::default()
        .attribute(1, "service.name", string("shop"))
        .attribute(1, "host.name", string("host-a"))
        .attribute(1, "process.pid", Message::default().number(3, 812))
        .attribute(1, "deployment.environment.name", string("test"));
    let scope = Message::default().text(1, "shop.pay").text(2, "1.2.0");
    let logs = records.into_iter().fold(Message::default(), |logs, record| logs.message(2, record));
    // The resource and the scope stand behind what they are about.
    let scope_logs = logs.message(1, scope);
    Message::default().message(1, Message::default().message(2, scope_logs).message(1, resource)).0
}

/// The records of the golden lines.
pub fn golden_records() -> Vec<Message> {
    let plain = Message::default()
        .fixed(1, 1_772_366_400_123_456_789)
        .fixed(11, 1_772_366_400_200_000_000)
        .number(2, 17)
        .text(3, "ERROR")
        .message(5, string("payment \"7\" failed"))
        .attribute(6, "amount", Message::default().number(3, (-3_i64) as u64))
        .attribute(6, "ratio", Message::default().fixed(4, 0.5_f64.to_bits()))
        .attribute(6, "retry", Message::default().number(2, 1))
        .bytes(9, &[0x4b; 16])
        .bytes(10, &[0xa1; 8]);
    let exception = Message::default()
        .fixed(11, 1_772_366_401_000_000_000)
        .text(3, "Warning")
        .attribute(6, "exception.type", string("java.lang.IllegalStateException"))
        .attribute(6, "exception.message", string("no stock"))
        .attribute(
            6,
            "exception.stacktrace",
            string("java.lang.IllegalStateException: no stock\n\tat shop.Pay.run(Pay.java:7)"),
        );
    let list = Message::default().message(1, string("a")).message(1, Message::default());
    let structured = Message::default()
        .number(2, 9)
        .message(
            5,
            Message::default().message(
                6,
                Message::default()
                    .attribute(1, "event", string("login"))
                    .attribute(1, "tags", Message::default().message(5, list))
                    .attribute(1, "key", Message::default().bytes(7, b"\x00\xffab")),
            ),
        )
        .number(99, 5);
    let event = Message::default().text(12, "shop.opened");
    vec![plain, exception, structured, event, Message::default()]
}

pub const GOLDEN: [&str; 5] = [
    r#"{"time_unix_nano":1772366400123456789,"severity_number":17,"message":"payment \"7\" failed","service.name":"shop","host.name":"host-a","pid":812,"logger":"shop.pay","trace_id":"4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b","span_id":"a1a1a1a1a1a1a1a1","attributes":{"amount":-3,"ratio":0.5,"retry":true},"scope":{"version":"1.2.0"},"resource":{"attributes":{"deployment.environment.name":"test"}}}"#,
    r#"{"time_unix_nano":1772366401000000000,"severity_text":"Warning","exception.type":"java.lang.IllegalStateException","exception.message":"no stock","exception.stacktrace":"java.lang.IllegalStateException: no stock\n\tat shop.Pay.run(Pay.java:7)","service.name":"shop","host.name":"host-a","pid":812,"logger":"shop.pay","scope":{"version":"1.2.0"},"resource":{"attributes":{"deployment.environment.name":"test"}}}"#,
    r#"{"severity_number":9,"message":"{\"event\":\"login\",\"tags\":[\"a\",null],\"key\":\"AP9hYg==\"}","service.name":"shop","host.name":"host-a","pid":812,"logger":"shop.pay","scope":{"version":"1.2.0"},"resource":{"attributes":{"deployment.environment.name":"test"}}}"#,
    r#"{"message":"shop.opened","service.name":"shop","host.name":"host-a","pid":812,"logger":"shop.pay","event_name":"shop.opened","scope":{"version":"1.2.0"},"resource":{"attributes":{"deployment.environment.name":"test"}}}"#,
    r#"{"service.name":"shop","host.name":"host-a","pid":812,"logger":"shop.pay","scope":{"version":"1.2.0"},"resource":{"attributes":{"deployment.environment.name":"test"}}}"#,
];

fn lines(records: &Records) -> Vec<String> {
    let text = String::from_utf8(records.lines().to_vec()).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn golden_every_record_becomes_a_json_line() {
    let mut records = records(1 << 20);
    decode(&request(golden_records()), &mut records).unwrap();
    assert_eq!(lines(&records), GOLDEN);
    assert_eq!((records.count(), records.rejected, records.cut()), (5, 0, 0));
}

#[test]
fn an_empty_request_holds_nothing() {
    for empty in [Vec::new(), request(Vec::new()), Message::default().text(1, "").0] {
        let mut records = records(1 << 20);
        decode(&empty, &mut records).unwrap();
        assert_eq!(records.count(), 0);
    }
}

#[test]
fn what_is_no_message_is_refused() {
    let whole = request(golden_records());
    let refused =
        (1..whole.len()).filter(|length| decode(&whole[..*length], &mut records(1 << 20)).is_err());
    assert_eq!(refused.count(), whole.len() - 1, "a request that ends early is none");
    for wrong in [
        &b"\x0b"[..],
        b"\x00\x00",
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x08\x01",
        b"\xff",
    ] {
        let refusal = decode(wrong, &mut records(1 << 20)).unwrap_err();
        assert_eq!(refusal.status.as_u16(), 400, "{wrong:?}");
    }
}

#[test]
fn limit_a_record_with_a_value_too_deep_is_rejected_alone() {
    let deep = |levels| {
        (0..levels).fold(string("bottom"), |inner, _| {
            Message::default().message(5, Message::default().message(1, inner))
        })
    };
    let record = |levels| Message::default().message(5, deep(levels));
    let mut records = records(1 << 20);
    let body = request(vec![record(DEPTH_MAX - 1), record(DEPTH_MAX), record(10_000)]);
    decode(&body, &mut records).unwrap();
    assert_eq!((records.count(), records.rejected), (1, 2));
    assert_eq!(records.rejected_why.as_deref(), Some(TOO_DEEP));
}

#[test]
fn limit_a_long_record_is_cut_and_stays_json() {
    for (max, text) in [(1 << 12, "x".repeat(1 << 16)), (1 << 12, "\u{1}\"é".repeat(1 << 14))] {
        let mut records = records(max);
        let record = Message::default()
            .number(2, 17)
            .message(5, string(&text))
            .attribute(6, "exception.stacktrace", string(&text))
            .attribute(6, "other", string(&text));
        decode(&request(vec![record]), &mut records).unwrap();
        assert_eq!((records.count(), records.cut()), (1, 1));
        let line = lines(&records).remove(0);
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(line.len() <= max && value["message"].as_str().unwrap().len() > 10, "{line}");
        assert_eq!(
            (&value["severity_number"], &value["service.name"]),
            (&17.into(), &"shop".into())
        );
    }
}

#[test]
fn limit_what_is_larger_than_a_record_can_be_is_not_taken() {
    let large = string(&"x".repeat(RECORD_BYTES_MAX));
    let mut records = records(1 << 20);
    let body = request(vec![Message::default().message(5, large.clone()), Message::default()]);
    decode(&body, &mut records).unwrap();
    assert_eq!((records.count(), records.rejected), (1, 1));
    let resource = Message::default().attribute(1, "large", large);
    let body = Message::default().message(1, Message::default().message(1, resource)).0;
    assert_eq!(decode(&body, &mut records).unwrap_err().status.as_u16(), 413);
}

#[test]
fn numbers_that_json_has_not_are_strings() {
    for (number, text) in [
        (f64::NAN, "\"NaN\""),
        (f64::INFINITY, "\"Infinity\""),
        (f64::NEG_INFINITY, "\"-Infinity\""),
        (1e300, "1e+300"),
        (-0.25, "-0.25"),
    ] {
        assert_eq!(double(number), text.as_bytes());
    }
}

#[test]
fn bytes_are_written_in_base64() {
    for (bytes, text) in
        [(&b""[..], ""), (b"f", "Zg=="), (b"fo", "Zm8="), (b"foo", "Zm9v"), (b"\xfb\xff", "+/8=")]
    {
        assert_eq!(to_base64(bytes), text);
        assert_eq!(crate::poll::from_base64(text.trim_end_matches('=')).unwrap(), bytes);
    }
}

#[test]
fn fuzz_any_bytes_are_json_lines_or_a_refusal() {
    let corpus = [request(golden_records()), request(vec![Message::default()])];
    fuzz("otlp protobuf", &corpus, 5_000, |bytes| {
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
