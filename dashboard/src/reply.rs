//! Replies: the few shapes an answer can have, and the headers that every answer carries.

use crate::problem::Problem;
use bytes::Bytes;
use futures_util::stream::poll_fn;
use http::header::{ACCEPT, AGE, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, WARNING};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use std::task::Poll;
use tokio::sync::mpsc;
use warp::Reply;

/// An answer, as warp and hyper pass it on.
pub(crate) type Response = warp::reply::Response;

/// Why a streamed body ends early; hyper then breaks the connection, so that the client notices.
#[derive(Debug, thiserror::Error)]
#[error("the stream ends early: {0}")]
pub(crate) struct BrokenStream(pub(crate) String);

/// A piece of a streamed body.
pub(crate) type Piece = Result<Bytes, BrokenStream>;

/// What the browser may load: our own files and nothing inline, so that text from a log can never
/// become a script.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; base-uri 'none'; object-src 'none'; \
     form-action 'self'; frame-ancestors 'none'";

/// Headers of every answer.
const SECURITY_HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// Adds the headers that every answer carries.
pub(crate) fn secure(mut response: Response) -> Response {
    add(response.headers_mut(), SECURITY_HEADERS.iter().copied());
    response
}

fn add(headers: &mut HeaderMap, more: impl Iterator<Item = (&'static str, &'static str)>) {
    for (name, value) in more {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

/// Returns an answer with a body held in memory.
pub(crate) fn with_headers<const N: usize>(
    status: StatusCode,
    headers: [(HeaderName, &'static str); N],
    body: impl Into<Bytes>,
) -> Response {
    let mut response = http::Response::new(body.into()).into_response();
    *response.status_mut() = status;
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Returns plain text.
pub(crate) fn text(body: impl Into<Bytes>) -> Response {
    let headers = [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    with_headers(StatusCode::OK, headers, body)
}

/// Returns a page.
pub(crate) fn html(status: StatusCode, body: impl Into<Bytes>) -> Response {
    let headers = [(CONTENT_TYPE, "text/html; charset=utf-8"), (CACHE_CONTROL, "no-store")];
    with_headers(status, headers, body)
}

/// Returns a value as JSON. Answers change with every commit, so nothing stores them.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Result<Response, Problem> {
    let body = serde_json::to_vec(value).map_err(|error| {
        let detail = format!("cannot write the answer as JSON: {error}");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, detail)
    })?;
    let body = Bytes::from(body);
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    let mut response = with_headers(status, headers, body.clone());
    response.extensions_mut().insert(Whole(body));
    Ok(response)
}

/// The body of an answer that is held in memory, to keep it.
#[derive(Clone)]
pub(crate) struct Whole(pub(crate) Bytes);

/// Returns an answer that was given `age` seconds ago.
pub(crate) fn stale(body: Bytes, age: u64) -> Response {
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
        (WARNING, "110 seismolog \"the store is away: this is the last answer\""),
    ];
    let mut response = with_headers(StatusCode::OK, headers, body);
    response.headers_mut().insert(AGE, HeaderValue::from(age));
    response
}

/// Returns an answer whose body is received piece by piece, as fast as the client takes it.
pub(crate) fn stream(
    content_type: &'static str,
    mut first: Option<Piece>,
    mut pieces: mpsc::Receiver<Piece>,
) -> Response {
    let body = poll_fn(move |context| match first.take() {
        Some(piece) => Poll::Ready(Some(piece)),
        None => pieces.poll_recv(context),
    });
    let mut response = warp::reply::stream(body).into_response();
    let headers = [
        ("content-type", content_type),
        ("cache-control", "no-store"),
        ("x-accel-buffering", "no"),
    ];
    add(response.headers_mut(), headers.into_iter());
    response
}

/// Returns whether a person's browser asks, and not a program.
pub(crate) fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}
