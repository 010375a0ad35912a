//! Tests of what all pushed sources have in common, with a protocol of lines.

use super::testing::{Answer, connect, head, post, read_answer};
use super::*;
use engine::component::Options;
use engine::model::EventTime;
use engine::testing::{Ended, Life};
use http::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};

/// Every line is a record.
struct Lines;

impl Protocol for Lines {
    fn decoder(&self, _: Option<&str>) -> Result<Decode, Refusal> {
        Ok(|body, records| {
            let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            lines.into_iter().try_for_each(|line| records.push(line))
        })
    }

    fn accepted(&self, _: Option<&str>, accepted: &Accepted) -> Reply {
        let body = accepted.records.to_string().into_bytes();
        Reply { status: StatusCode::OK, content_type: "text/plain", body }
    }

    fn refused(&self, _: Option<&str>, refusal: &Refusal) -> Reply {
        Reply::problem(refusal)
    }
}

struct Running {
    life: Life,
    bound: Arc<Bound>,
}

impl Running {
    fn with(value: Value, change: impl FnOnce(&mut PushSource)) -> Self {
        let mut value = value;
        value["listen"] = json!("127.0.0.1:0");
        let options = Options { id: "in".into(), value, base: "/".into() };
        let defaults = options::Defaults { listen: "127.0.0.1:0", paths: &["/in"] };
        let settings = Settings::from_options(&options, defaults).unwrap();
        let mut source = PushSource::new(settings, Arc::new(Lines));
        change(&mut source);
        let bound = source.bound();
        let now = EventTime::from_secs(1_700_000_000);
        Self { life: Life::start(Arc::new(source), BTreeMap::new(), now), bound }
    }

    fn start(value: Value) -> Self {
        Self::with(value, |_| {})
    }

    fn post(&self, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        post(&self.bound, "/in", headers, body)
    }

    /// Posts until it is accepted: on a busy machine a short deadline of a test may hit it, too.
    fn post_until_accepted(&self, headers: &[(&str, &str)], body: &[u8]) {
        while self.post(headers, body).status != 200 {}
    }

    fn stop(self) -> Ended {
        self.life.stop()
    }
}

#[test]
fn problems_say_what_is_wrong() {
    let running = Running::start(json!({}));
    let answer = post(&running.bound, "/elsewhere", &[], b"line");
    assert_eq!(answer.status, 404);
    assert!(answer.has("content-type: application/problem+json"));
    let problem: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(problem["status"], 404);
    assert_eq!(problem["detail"], "nothing is taken at this path; post to `/in`");
    let mut stream = connect(&running.bound);
    stream.write_all(b"GET /in HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let answer = read_answer(&mut stream).unwrap();
    assert!(answer.status == 405 && answer.has("allow: POST"), "{answer:?}");
    assert_eq!(running.post(&[("Content-Encoding", "br")], b"x").status, 415);
    assert_eq!(running.post(&[("Content-Encoding", "gzip")], b"not packed").status, 400);
    assert_eq!(running.post(&[("Idempotency-Key", "")], b"x").status, 400);
    assert_eq!(running.stop().lines(), [""; 0]);
}

#[test]
fn only_whoever_shows_a_token_may_push() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(b"the-token-of-this-test\n").unwrap();
    let running = Running::start(json!({ "token_file": file.path() }));
    let answer = running.post(&[], b"line");
    assert!(answer.status == 401 && answer.has("www-authenticate: Bearer"), "{answer:?}");
    assert_eq!(running.post(&[("X-API-Key", "some-other-token-here")], b"line").status, 401);
    assert_eq!(running.post(&[("X-API-Key", "the-token-of-this-test")], b"line").status, 200);
    let bearer = ("Authorization", "Bearer the-token-of-this-test");
    assert_eq!(running.post(&[bearer], b"line").status, 200);
    assert_eq!(running.stop().lines().len(), 2);
}

#[test]
fn one_connection_carries_many_requests() {
    let running = Running::start(json!({}));
    let mut stream = connect(&running.bound);
    for n in 0..5 {
        let line = format!("line {n}");
        write!(stream, "{}{line}", head("/in", &[], line.len())).unwrap();
        assert_eq!(read_answer(&mut stream).unwrap().text(), "1");
    }
    drop(stream);
    assert_eq!(running.stop().lines().len(), 5);
}

#[test]
fn a_sender_that_goes_away_changes_nothing() {
    let running = Running::start(json!({}));
    running.life.hold_commits();
    let mut stream = connect(&running.bound);
    write!(stream, "{}line", head("/in", &[], 4)).unwrap();
    running.life.wait_for_deliveries(1);
    drop(stream);
    // Half a request is none.
    let mut half = connect(&running.bound);
    write!(half, "{}half", head("/in", &[], 100)).unwrap();
    drop(half);
    running.life.commit();
    assert_eq!(running.post(&[], b"next").status, 200);
    assert_eq!(running.stop().lines(), ["line", "next"]);
}

#[test]
fn limit_a_request_waits_so_long_for_its_commit() {
    let running = Running::start(json!({"ack_timeout": "50ms"}));
    running.life.hold_commits();
    let answer = running.post(&[("Idempotency-Key", "k")], b"line");
    assert!(answer.status == 503 && answer.has("retry-after: 5"), "{answer:?}");
    running.life.commit();
    running.post_until_accepted(&[("Idempotency-Key", "k")], b"line");
    assert_eq!(running.stop().lines(), ["line"], "the repetition was not counted again");
}

#[test]
fn limit_requests_over_the_limit_are_asked_to_come_again() {
    let running = Running::start(json!({"max_requests": 1}));
    running.life.hold_commits();
    let mut first = connect(&running.bound);
    write!(first, "{}line", head("/in", &[], 4)).unwrap();
    running.life.wait_for_deliveries(1);
    let answer = running.post(&[], b"one too many");
    assert!(answer.status == 429 && answer.has("retry-after: 1"), "{answer:?}");
    running.life.commit();
    assert_eq!(read_answer(&mut first).unwrap().status, 200);
    assert_eq!(running.post(&[], b"next").status, 200);
    assert_eq!(running.stop().lines(), ["line", "next"]);
}

#[test]
fn limit_while_the_engine_is_behind_so_many_requests_wait_in_the_queue() {
    let running = Running::start(json!({"ack_timeout": "10ms", "max_requests": 4}));
    running.life.set_full(true);
    let answers: Vec<Answer> =
        (0..8).map(|n| running.post(&[], format!("line {n}").as_bytes())).collect();
    assert!(answers.iter().all(|answer| answer.status == 503));
    let full = &answers[7];
    assert!(full.has("retry-after: 1") && full.text().contains("behind"), "{full:?}");
    running.life.set_full(false);
    // One was being sent, four waited; the rest was refused.
    running.life.wait_for_deliveries(5);
    assert_eq!(running.stop().lines().len(), 5);
}

#[test]
fn limit_connections_over_the_limit_are_closed() {
    let running = Running::start(json!({"max_connections": 2}));
    let mut held = [connect(&running.bound), connect(&running.bound)];
    // Both are served, so that the next one is the third.
    for stream in &mut held {
        write!(stream, "{}line", head("/in", &[], 4)).unwrap();
        assert_eq!(read_answer(stream).unwrap().status, 200);
    }
    let mut third = connect(&running.bound);
    let mut said = Vec::new();
    #[allow(clippy::disallowed_methods, reason = "the source closes the connection at once")]
    let _reset = third.read_to_end(&mut said);
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 503"), "{said:?}");
    drop(held);
    assert_eq!(running.stop().lines().len(), 2);
}

#[test]
fn limit_a_large_body_is_refused_whether_or_not_it_says_its_length() {
    let running = Running::start(json!({"max_body_bytes": 1024}));
    let answer = running.post(&[], &[b'x'; 1025]);
    assert!(answer.status == 413 && answer.text().contains("1024 bytes"), "{answer:?}");
    let mut stream = connect(&running.bound);
    stream
        .write_all(b"POST /in HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
        .unwrap();
    for _ in 0..3 {
        let _refused = write!(stream, "200\r\n{}\r\n", "x".repeat(512));
    }
    assert_eq!(read_answer(&mut stream).unwrap().status, 413);
    assert_eq!(running.stop().lines(), [""; 0]);
}

#[test]
fn limit_what_waits_is_bounded_in_bytes() {
    let body = vec![b'x'; 200_000];
    let value = json!({"max_body_bytes": 300_000, "max_pending_bytes": 1_200_000});
    let running = Running::start(value);
    running.life.hold_commits();
    // Bodies that never end hold what has arrived.
    let mut held: Vec<_> = (0..8).map(|_| connect(&running.bound)).collect();
    for stream in &mut held {
        stream.write_all(head("/in", &[], 300_000).as_bytes()).unwrap();
        let _refused = stream.write_all(&body);
    }
    // What is refused depends on how much of them has been read; in the end one is.
    let refused = (0..).find_map(|_| {
        let stream = held.iter_mut().find_map(|stream| {
            stream.set_nonblocking(true).unwrap();
            let mut first = [0; 1];
            let ready = stream.peek(&mut first).is_ok_and(|count| count == 1);
            stream.set_nonblocking(false).unwrap();
            ready.then_some(stream)
        });
        stream.and_then(read_answer)
    });
    let refused = refused.unwrap();
    assert!(refused.status == 503 && refused.text().contains("too much waits"), "{refused:?}");
    drop(held);
    assert_eq!(running.stop().lines(), [""; 0]);
}

#[test]
fn limit_slow_clients_are_let_go() {
    let hasty = Duration::from_millis(50);
    let running = Running::with(json!({}), |source| {
        source.patience = Patience { stall: hasty, body: 100 * hasty };
        source.header_time = hasty;
    });
    let mut head_only = connect(&running.bound);
    head_only.write_all(b"POST /in HTTP/1.1\r\nHost: t\r\nX-Slow: ").unwrap();
    let mut body_only = connect(&running.bound);
    write!(body_only, "{}half", head("/in", &[], 100)).unwrap();
    assert_eq!(read_answer(&mut body_only).unwrap().status, 408);
    assert!(read_answer(&mut head_only).is_none_or(|answer| answer.status == 408));
    running.post_until_accepted(&[], b"line");
    assert_eq!(running.stop().lines(), ["line"]);
}

#[test]
fn limit_a_body_in_drops_has_an_end() {
    let hasty = Duration::from_millis(100);
    let running = Running::with(json!({}), |source| {
        source.patience = Patience { stall: 100 * hasty, body: hasty };
    });
    let mut stream = connect(&running.bound);
    write!(stream, "{}x", head("/in", &[], 1_000_000)).unwrap();
    assert_eq!(read_answer(&mut stream).unwrap().status, 408);
    running.stop();
}

#[test]
fn limit_a_large_head_is_refused() {
    let running = Running::start(json!({}));
    let large = "x".repeat(4 * listener::HEAD_BYTES_MAX);
    let mut stream = connect(&running.bound);
    let _refused = stream.write_all(head("/in", &[("X-Large", &large)], 4).as_bytes());
    assert!(read_answer(&mut stream).is_none_or(|answer| answer.status == 431));
    running.stop();
}

#[test]
fn nonsense_on_the_wire_ends_its_connection_only() {
    let running = Running::start(json!({}));
    for nonsense in [&b"\x16\x03\x01\x02\x00"[..], b"\r\n\r\n\r\n", b"POST\r\n\r\n", &[0xff; 100]] {
        let mut stream = connect(&running.bound);
        let _refused = stream.write_all(nonsense);
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(read_answer(&mut stream).is_none_or(|answer| answer.status == 400));
    }
    assert_eq!(running.post(&[], b"line").status, 200);
    assert_eq!(running.stop().lines(), ["line"]);
}
