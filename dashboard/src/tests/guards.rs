//! Host, Origin and token over every row of the route table, and the headers of every answer.

use super::client::{Client, Reply};
use super::fake::{FakeReadStore, issue_id};
use super::{Server, TOKEN};
use crate::routes::ROUTES;
use crate::{Access, AccessOptions, Limits, ServeError, bind};
use engine::model::{AlertKey, NoticeId};

fn guarded() -> Server {
    Server::start(FakeReadStore::default(), Some(TOKEN), Limits::default())
}

/// Returns an address that a route takes.
fn example(path: &str) -> String {
    let path = path.replace("{id}", &issue_id(0).to_string()).replace('*', "some/page");
    let path = path.replace("{key}", &AlertKey(9).to_string());
    let path = path.replace("{notice}", &NoticeId(3).to_string()).replace("{notifier}", "pager");
    match path.as_str() {
        "/api/v1/explain" => format!("{path}?record=words"),
        "/api/v1/search" => format!("{path}?q=words"),
        _ => path,
    }
}

/// Asks and reads the head only, since live streams have no end.
fn head(server: &Server, path: &str, headers: &[(&str, &str)]) -> Reply {
    ask(server, "GET", path, headers)
}

/// As [`head`], with a method.
fn ask(server: &Server, method: &str, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "host") {
        request.push_str("host: localhost\r\n");
    }
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut client = Client::connect(server.address);
    client.send(&format!("{request}\r\n"));
    client.head().unwrap()
}

#[test]
fn every_route_but_the_open_ones_wants_the_token() {
    let server = guarded();
    let bearer = format!("Bearer {TOKEN}");
    let cookie = format!("seismolog_token={TOKEN}");
    let almost = format!("Bearer {}", &TOKEN[..TOKEN.len() - 1]);
    for route in ROUTES {
        let path = example(route.path());
        let head =
            |server, path, headers: &[_]| ask(server, route.method().as_str(), path, headers);
        let unguarded = head(&server, &path, &[]).status;
        // The login page is itself a 401; what it guards is tested below.
        if route.access() == Access::Open && route.path() != "/login" {
            assert_eq!(unguarded, 200, "{path}");
            continue;
        }
        assert_eq!(unguarded, 401, "{path}");
        if route.path() == "/login" {
            continue;
        }
        for wrong in [almost.as_str(), "Bearer", "Basic dTpw", "Bearer x"] {
            assert_eq!(head(&server, &path, &[("authorization", wrong)]).status, 401, "{path}");
        }
        assert_eq!(head(&server, &path, &[("cookie", "seismolog_token=x")]).status, 401, "{path}");
        for (name, value) in [("authorization", &bearer), ("cookie", &cookie)] {
            let status = head(&server, &path, &[(name, value)]).status;
            if route.access() == Access::Read {
                assert_eq!(status, 200, "{path}");
            } else {
                // What changes something wants a body, and more than a cookie.
                assert_eq!(status == 403, name == "cookie", "{path}: {status}");
            }
        }
    }
}

#[test]
fn path_tricks_do_not_lead_around_the_token() {
    let server = guarded();
    for path in [
        "//api/v1/issues",
        "/api//v1/issues",
        "/api/v1/issues/",
        "/api/v1/issues;x=1",
        "/API/v1/issues",
        "/%61pi/v1/issues",
        "/livez/../api/v1/issues",
        "/livez%2f..%2fapi/v1/issues",
        "/livez/x",
        "/login/../metrics",
        "/api/v1/issues?token=correct-horse-battery-staple",
    ] {
        assert_eq!(head(&server, path, &[]).status, 401, "{path}");
    }
}

#[test]
fn foreign_hosts_and_origins_are_refused_on_every_route() {
    let server = Server::open();
    for route in ROUTES {
        let path = example(route.path());
        for foreign in [
            [("host", "evil.example"), ("accept", "*/*")],
            [("host", "localhost.evil.example"), ("accept", "*/*")],
            [("host", "localhost"), ("origin", "http://evil.example")],
            [("host", "localhost"), ("origin", "null")],
        ] {
            let status = ask(&server, route.method().as_str(), &path, &foreign).status;
            assert_eq!(status, 403, "{path} {foreign:?}");
        }
        if route.access() == Access::Admin {
            continue;
        }
        for ours in [
            [("host", "127.0.0.1:8740"), ("origin", "http://127.0.0.1:8740")],
            [("host", "logs.example.com"), ("origin", "https://logs.example.com")],
        ] {
            let status = head(&server, &path, &ours).status;
            assert!(status == 200 || status == 303, "{path} {ours:?}: {status}");
        }
    }
}

#[test]
fn every_answer_carries_the_security_headers() {
    let server = guarded();
    let mut paths: Vec<String> = ROUTES.iter().map(|route| example(route.path())).collect();
    paths.push(format!("/login?token={TOKEN}"));
    paths.push("/api/v1/nothing".to_owned());
    for path in paths {
        for headers in [vec![], vec![("host", "evil.example")]] {
            let reply = head(&server, &path, &headers);
            let policy = reply.header("content-security-policy");
            assert!(policy.starts_with("default-src 'self';"), "{path}");
            assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"));
            assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
            assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
        }
    }
}

#[test]
fn login_exchanges_the_token_for_a_cookie_that_scripts_cannot_read() {
    let server = guarded();
    let reply = server.get(&format!("/login?token={TOKEN}"));
    assert_eq!((reply.status, reply.header("location")), (303, "/"));
    let cookie = reply.header("set-cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    let pair = cookie.split(';').next().unwrap();
    assert_eq!(server.get_with("/api/v1/alerts", &[("cookie", pair)]).status, 200);
    for wrong in ["/login?token=wrong", "/login", "/login?token="] {
        let reply = server.get(wrong);
        assert_eq!((reply.status, reply.header("set-cookie")), (401, ""), "{wrong}");
    }
}

#[test]
fn a_person_without_the_token_is_asked_for_it() {
    let server = guarded();
    let reply = server.get_with("/issues", &[("accept", "text/html,*/*")]);
    assert_eq!(reply.status, 401);
    assert!(reply.text().contains("<form action=\"/login\""));
    assert_eq!(server.get("/builtin.css").status, 200);
    let reply = server.get("/api/v1/issues");
    assert_eq!(reply.header("content-type"), "application/problem+json");
    assert!(reply.header("www-authenticate").starts_with("Bearer"));
}

#[test]
fn nothing_but_reading_is_offered() {
    let server = Server::open();
    for method in ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FROBNICATE"] {
        let mut client = Client::connect(server.address);
        client.send(&format!("{method} /api/v1/issues HTTP/1.1\r\nhost: localhost\r\n\r\n"));
        let reply = client.reply().unwrap();
        assert_eq!((reply.status, reply.header("allow")), (405, "GET, HEAD"), "{method}");
    }
    let mut client = Client::connect(server.address);
    client.send("HEAD /api/v1/issues HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    assert_eq!(client.head().unwrap().status, 200);
    assert_eq!(client.line(), None, "no body follows");
}

#[tokio::test]
async fn a_taken_port_and_a_foreign_address_are_clear_errors() {
    let access = AccessOptions { token: Some(TOKEN.to_owned()), ..AccessOptions::default() };
    let first = bind("127.0.0.1:0".parse().unwrap(), &access).await.unwrap();
    let error = bind(first.address(), &access).await.unwrap_err();
    assert!(matches!(error, ServeError::PortTaken { .. }), "{error}");
    assert!(error.to_string().contains("Hint:"));
    let error = bind("203.0.113.7:8740".parse().unwrap(), &access).await.unwrap_err();
    assert!(matches!(error, ServeError::NotOurAddress { .. }), "{error}");
    let open = AccessOptions::default();
    let error = bind("0.0.0.0:0".parse().unwrap(), &open).await.unwrap_err();
    assert!(matches!(error, ServeError::TokenNeeded { .. }), "{error}");
}
