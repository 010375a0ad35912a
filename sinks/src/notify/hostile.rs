//! The client of notifiers against receivers on real sockets that do everything a receiver must not do.
#![allow(clippy::disallowed_methods, reason = "receivers of tests end with their tests")]

use super::http::{ANSWER_BYTES_MAX, Client, HEADERS_BYTES_MAX, REDIRECTS_MAX};
use super::receiver::{
    Receiver, SECRET_PATH, client, client_within, hang, reply, start_over_tls, tls_file, trickle,
};
use super::target::Target;
use engine::component::DeliveryError;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a hostile receiver may cost in these tests.
const SHORT: Duration = Duration::from_millis(300);

fn post(client: &Client, url: &str) -> Result<(), DeliveryError> {
    let target = Target::parse(url).unwrap();
    client.post_json(&target, &Vec::new(), r#"{"a":1}"#).map(|_| ())
}

/// Posts and expects that the receiver may accept later; returns the reason and the rest it asks for.
fn later(client: &Client, url: &str) -> (String, Option<Duration>) {
    match post(client, url).unwrap_err() {
        DeliveryError::Later { reason, after } => (harmless(reason), after),
        never => panic!("{never:?}"),
    }
}

/// Posts and expects that the receiver never accepts; returns the reason.
fn never(client: &Client, url: &str) -> String {
    match post(client, url).unwrap_err() {
        DeliveryError::Never { reason } => harmless(reason),
        later => panic!("{later:?}"),
    }
}

/// Checks that a reason gives no secret away.
fn harmless(reason: String) -> String {
    assert!(!reason.contains("hunter2"), "{reason}");
    assert!(!reason.contains(char::is_control), "{reason:?}");
    reason
}

#[test]
fn what_a_receiver_gets_is_one_whole_request() {
    let receiver = Receiver::replying(204, "", "");
    post(&client(), &receiver.url()).unwrap();
    let requests = receiver.requests();
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].line, format!("POST {SECRET_PATH} HTTP/1.1"));
    assert_eq!(requests[0].header("content-type"), Some("application/json; charset=utf-8"));
    assert!(requests[0].header("user-agent").unwrap().starts_with("seismolog/"));
    assert_eq!(requests[0].header("accept-encoding"), None);
    assert_eq!(requests[0].body, r#"{"a":1}"#);
}

#[test]
fn a_receiver_in_trouble_may_accept_later() {
    let body = format!("no disk\r\nleft\x07 at {SECRET_PATH}");
    let receiver = Receiver::replying(500, "", &body);
    let (reason, after) = later(&client(), &receiver.url());
    assert!(reason.ends_with("answered 500 and says \"no disk left at /***\""), "{reason}");
    assert_eq!(after, None);
}

#[test]
fn a_receiver_that_asks_for_rest_gets_it() {
    for (value, secs) in [("17", 17), ("Sun, 01 Mar 2026 14:07:00 GMT", 60), ("99999999", 3600)] {
        for status in [429, 503] {
            let receiver = Receiver::replying(status, &format!("Retry-After: {value}\r\n"), "");
            let (_, after) = later(&client(), &receiver.url());
            assert_eq!(after, Some(Duration::from_secs(secs)), "{status} {value}");
        }
    }
}

#[test]
fn a_receiver_that_refuses_is_not_asked_again() {
    let receiver = Receiver::replying(404, "", "no_service");
    let reason = never(&client(), &receiver.url());
    assert!(
        reason.contains("it answers 404 and says \"no_service\"; check the address"),
        "{reason}"
    );
    let receiver = Receiver::replying(401, "", "");
    let reason = never(&client(), &receiver.url());
    assert!(reason.ends_with("it answers 401; check the token and what it may do"), "{reason}");
}

#[test]
fn a_receiver_that_hangs_costs_no_more_than_an_attempt() {
    let receiver = Receiver::start(|stream, _| hang(stream));
    let started = Instant::now();
    let (reason, _) = later(&client_within(SHORT), &receiver.url());
    assert!(reason.contains("could not get an answer from 127.0.0.1:"), "{reason}");
    assert!(reason.ends_with("within 0.3 s"), "{reason}");
    assert!(started.elapsed() < 4 * SHORT, "{:?}", started.elapsed());
}

#[test]
fn a_receiver_that_trickles_costs_no_more_than_an_attempt() {
    let receiver = Receiver::start(|stream, _| {
        trickle(stream, b"HTTP/1.1 200 OK\r\nX-Slow: ".iter().copied().chain([b'x'; 10_000]));
    });
    let started = Instant::now();
    later(&client_within(SHORT), &receiver.url());
    assert!(started.elapsed() < 4 * SHORT, "{:?}", started.elapsed());
}

#[test]
fn a_body_that_trickles_does_not_delay_what_was_accepted() {
    let receiver = Receiver::start(|stream, _| {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n").unwrap();
        trickle(stream, [b'x'; 10_000].into_iter());
    });
    let started = Instant::now();
    post(&client(), &receiver.url()).unwrap();
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn a_redirect_to_another_host_is_not_followed() {
    let other = Receiver::replying(200, "", "");
    for to in [other.url(), "https://127.0.0.1/x".to_owned(), "//other.example/x".to_owned()] {
        let receiver = Receiver::replying(307, &format!("Location: {to}\r\n"), "");
        let reason = never(&client(), &receiver.url());
        assert!(reason.contains("no redirect is followed to another"), "{reason}");
    }
    assert!(other.requests().is_empty());
}

#[test]
fn a_redirect_to_the_same_host_keeps_method_and_body() {
    for status in [301, 302, 303, 307, 308] {
        let redirect = reply(status, "Location: /next?a=b\r\n", "moved");
        let receiver = Receiver::answering([&redirect, &reply(202, "", "")]);
        post(&client(), &receiver.url()).unwrap();
        let requests = receiver.requests();
        assert_eq!(requests[1].line, "POST /next?a=b HTTP/1.1", "{status}");
        assert_eq!(requests[1].body, requests[0].body, "{status}");
    }
}

#[test]
fn limit_redirects_end() {
    let receiver = Receiver::replying(308, "Location: /again\r\n", "");
    let reason = never(&client(), &receiver.url());
    assert!(reason.contains("redirects more than 3 times"), "{reason}");
    assert_eq!(receiver.requests().len(), REDIRECTS_MAX + 1);
}

/// Writes a body of 1 GB; returns how much of it went out.
fn flood(stream: &mut TcpStream, status: u16) -> u64 {
    const LENGTH: u64 = 1 << 30;
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {LENGTH}\r\n\r\n");
    let mut sent = 0;
    let chunk = [b'x'; 16 * 1024];
    let _ = stream.write_all(head.as_bytes());
    while sent < LENGTH && stream.write_all(&chunk).is_ok() {
        sent += chunk.len() as u64;
    }
    sent
}

#[test]
fn limit_an_answer_of_a_gigabyte_costs_nothing() {
    for status in [200, 500] {
        let sent = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&sent);
        let receiver = Receiver::start(move |stream, _| {
            counted.fetch_add(flood(stream, status), Ordering::Relaxed);
        });
        assert_eq!(post(&client(), &receiver.url()).is_ok(), status == 200);
        drop(receiver);
        // What is beyond the limit stays in the buffers of both sockets.
        assert!(sent.load(Ordering::Relaxed) < 64 * 1024 * 1024, "{sent:?}");
    }
}

#[test]
fn limit_a_body_is_read_up_to_the_limit() {
    let receiver = Receiver::start(|stream, _| {
        flood(stream, 200);
    });
    let target = Target::parse(&receiver.url()).unwrap();
    let accepted = client().post_json(&target, &Vec::new(), "{}").unwrap();
    assert_eq!(accepted.read().len() as u64, ANSWER_BYTES_MAX);
}

#[test]
fn limit_a_head_without_end_is_given_up() {
    let receiver = Receiver::start(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        let line = format!("X-Long: {}\r\n", "x".repeat(1000));
        for _ in 0..100 * HEADERS_BYTES_MAX / line.len() {
            if stream.write_all(line.as_bytes()).is_err() {
                return;
            }
        }
        hang(stream);
    });
    let started = Instant::now();
    later(&client(), &receiver.url());
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn a_receiver_that_closes_before_its_status_may_accept_later() {
    for head in ["", "HTTP/1.1", "HTTP/1.1 200 OK\r\nContent-Le"] {
        let receiver = Receiver::answering([head]);
        later(&client(), &receiver.url());
    }
}

#[test]
fn a_receiver_that_closes_behind_its_status_has_accepted() {
    let receiver = Receiver::answering(["HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"]);
    post(&client(), &receiver.url()).unwrap();
}

#[test]
fn a_receiver_that_speaks_no_http_is_told() {
    for text in ["SSH-2.0-OpenSSH_9.9\r\n", "\x15\x03\x01\x00\x02\x02\x16", "HTTP/9.9 abc\r\n\r\n"]
    {
        let receiver = Receiver::answering([text]);
        let (reason, _) = later(&client(), &receiver.url());
        assert!(reason.starts_with("could not"), "{reason}");
    }
}

#[test]
fn a_receiver_without_tls_is_told() {
    let receiver = Receiver::start(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let (reason, _) = later(&client(), &receiver.url().replace("http:", "https:"));
    assert!(reason.starts_with("could not"), "{reason}");
}

#[test]
fn a_receiver_is_trusted_only_if_somebody_vouches_for_it() {
    let url = |port: u16, host: &str| format!("https://{host}:{port}{SECRET_PATH}");
    let (reason, _) = later(&client(), &url(start_over_tls(), "localhost"));
    assert!(reason.starts_with("could not trust localhost:"), "{reason}");
    let client = Client { ca_file: Some(tls_file("certificate.pem")), ..client() };
    post(&client, &url(start_over_tls(), "localhost")).unwrap();
    let (reason, _) = later(&client, &url(start_over_tls(), "127.0.0.1"));
    assert!(reason.starts_with("could not trust 127.0.0.1:"), "{reason}");
    let client = Client { ca_file: Some("/nowhere/ca.pem".into()), ..client };
    let (reason, _) = later(&client, &url(1, "localhost"));
    assert!(reason.starts_with("could not read certificates from /nowhere/ca.pem:"), "{reason}");
}

#[test]
fn a_receiver_that_is_not_there_may_be_later() {
    let gone = Receiver::replying(200, "", "").url();
    let (reason, _) = later(&client(), &gone);
    assert!(reason.starts_with("could not reach 127.0.0.1:"), "{reason}");
}

#[test]
fn private_addresses_are_refused_before_anything_is_sent() {
    let receiver = Receiver::replying(200, "", "");
    let client = Client { allow_private: false, ..client() };
    let port = receiver.root().rsplit_once(':').unwrap().1.to_owned();
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0", "127.1"] {
        let reason = never(&client, &format!("http://{host}:{port}{SECRET_PATH}"));
        assert!(reason.contains("it is at a private address"), "{reason}");
        assert!(reason.ends_with("set `allow_private: true` if that is meant"), "{reason}");
    }
    assert!(receiver.requests().is_empty());
}

#[test]
fn a_redirect_is_checked_again() {
    // The same host, so it is followed; the address is checked for every request.
    let receiver = Receiver::replying(307, "Location: /next\r\n", "");
    let client = Client { allow_private: false, ..client() };
    never(&client, &receiver.url());
    assert!(receiver.requests().is_empty());
}
