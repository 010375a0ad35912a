//! Refusal: why a request was not accepted, and what its sender should do.

use http::StatusCode;

/// Why a request was not accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: StatusCode,
    /// What is wrong, as a sentence for the sender.
    pub detail: String,
    /// After how many seconds the same request may succeed; `None` if it never will.
    pub retry_after_secs: Option<u32>,
}

impl Refusal {
    /// Returns the refusal of a request that will never be accepted.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), retry_after_secs: None }
    }

    /// Returns the refusal of a request that cannot be read.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// Returns the refusal of a request that may be accepted later.
    pub fn later(status: StatusCode, secs: u32, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), retry_after_secs: Some(secs) }
    }

    /// Returns the refusal of a request, or of what is packed in it, that is too large.
    pub fn too_large(bytes_max: usize) -> Self {
        let detail = format!("the request has more than {bytes_max} bytes; send it in parts");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }
}

/// An answer before it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Its status.
    pub status: StatusCode,
    /// The type of its body.
    pub content_type: &'static str,
    /// Its body.
    pub body: Vec<u8>,
}

impl Reply {
    /// Returns a refusal as a problem document (RFC 9457).
    pub fn problem(refusal: &Refusal) -> Self {
        let title = refusal.status.canonical_reason().unwrap_or("Refused");
        let body = serde_json::json!({
            "type": "about:blank",
            "title": title,
            "status": refusal.status.as_u16(),
            "detail": refusal.detail,
        });
        let content_type = "application/problem+json";
        Self { status: refusal.status, content_type, body: body.to_string().into_bytes() }
    }
}
