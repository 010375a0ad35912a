//! Problem: every error a client sees, in one JSON shape (RFC 9457, `application/problem+json`).

use crate::reply::{Response, with_headers};
use engine::component::StoreError;
use http::StatusCode;
use http::header::{ALLOW, CONNECTION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use serde::Serialize;

/// Why a request has no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    detail: String,
    parameter: Option<String>,
    /// Whether the store could not be asked: an earlier answer is better than none.
    pub(crate) store_is_away: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<[Pointer<'a>; 1]>,
}

/// Points at what the client has to change.
#[derive(Serialize)]
struct Pointer<'a> {
    parameter: &'a str,
    detail: &'a str,
}

impl Problem {
    /// Returns a problem with this status; `detail` says what happened and what to do.
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), parameter: None, store_is_away: false }
    }

    /// Returns the problem of a query parameter that cannot be used.
    pub(crate) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            detail: format!("cannot use the parameter `{name}`: {}", detail.into()),
            parameter: Some(name.to_owned()),
            store_is_away: false,
        }
    }

    /// Returns the problem of something that does not exist.
    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// Returns the problem of a store that does not answer as it should.
    pub(crate) fn store(error: &StoreError) -> Self {
        let status = match error {
            StoreError::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        tracing::warn!(%error, "a question to the store was not answered");
        let store_is_away = status == StatusCode::SERVICE_UNAVAILABLE;
        Self { store_is_away, ..Self::new(status, error.to_string()) }
    }

    /// Returns the problem of a method that the address does not take.
    pub(crate) fn method(method: &http::Method) -> Self {
        let detail = format!("{method} is not offered here; use GET");
        Self::new(StatusCode::METHOD_NOT_ALLOWED, detail)
    }

    /// Returns the problem of doing more at once than a limit allows.
    pub(crate) fn busy(what: &str, most: usize) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("all {most} places for {what} are taken; try again in a moment"),
        )
    }

    /// Returns the answer that carries this problem.
    pub(crate) fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Problem");
        let errors = self
            .parameter
            .as_deref()
            .map(|parameter| [Pointer { parameter, detail: &self.detail }]);
        let body = Body {
            r#type: "about:blank",
            title,
            status: self.status.as_u16(),
            detail: &self.detail,
            errors,
        };
        let text = serde_json::to_string(&body).unwrap_or_default();
        let response = with_headers(
            self.status,
            [(CONTENT_TYPE, "application/problem+json"), (http::header::CACHE_CONTROL, "no-store")],
            text,
        );
        self.add_advice(response)
    }

    /// Adds the header that tells a client how to do better.
    fn add_advice(&self, mut response: Response) -> Response {
        let advice = match self.status {
            StatusCode::UNAUTHORIZED => (WWW_AUTHENTICATE, "Bearer realm=\"seismolog\""),
            StatusCode::METHOD_NOT_ALLOWED => (ALLOW, "GET, HEAD"),
            StatusCode::SERVICE_UNAVAILABLE => (RETRY_AFTER, "5"),
            StatusCode::PAYLOAD_TOO_LARGE | StatusCode::LENGTH_REQUIRED => (CONNECTION, "close"),
            _ => return response,
        };
        response.headers_mut().insert(advice.0, http::HeaderValue::from_static(advice.1));
        response
    }
}
