//! Reply: what an OpenTelemetry client is told, in the encoding of its request.

use super::protobuf::{put_bytes, put_varint};
use crate::push::{Accepted, Refusal, Reply};
use http::StatusCode;
use serde_json::json;

/// How a request is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Protobuf.
    Protobuf,
    /// JSON.
    Json,
}

impl Encoding {
    fn reply(self, status: StatusCode, body: Vec<u8>) -> Reply {
        let content_type = match self {
            Encoding::Protobuf => "application/x-protobuf",
            Encoding::Json => "application/json",
        };
        Reply { status, content_type, body }
    }
}

/// Returns an `ExportLogsServiceResponse`; its partial success is left out if all was taken.
pub fn accepted(encoding: Encoding, accepted: &Accepted) -> Reply {
    let why = accepted.rejected_why.as_deref().unwrap_or_default();
    let body = match (encoding, accepted.rejected) {
        (Encoding::Protobuf, 0) => Vec::new(),
        (Encoding::Protobuf, rejected) => {
            let mut partial = Vec::new();
            put_varint(&mut partial, 1, rejected);
            put_bytes(&mut partial, 2, why.as_bytes());
            let mut body = Vec::new();
            put_bytes(&mut body, 1, &partial);
            body
        }
        (Encoding::Json, 0) => b"{}".to_vec(),
        (Encoding::Json, rejected) => {
            // 64-bit numbers are strings in the JSON of protobuf.
            let partial = json!({
                "rejectedLogRecords": rejected.to_string(),
                "errorMessage": why,
            });
            json!({ "partialSuccess": partial }).to_string().into_bytes()
        }
    };
    encoding.reply(StatusCode::OK, body)
}

/// Returns a `Status` with the code that gRPC has for the same.
pub fn refused(encoding: Encoding, refusal: &Refusal) -> Reply {
    let code = code_of(refusal.status);
    let body = match encoding {
        Encoding::Protobuf => {
            let mut body = Vec::new();
            put_varint(&mut body, 1, code);
            put_bytes(&mut body, 2, refusal.detail.as_bytes());
            body
        }
        Encoding::Json => {
            json!({ "code": code, "message": refusal.detail }).to_string().into_bytes()
        }
    };
    encoding.reply(refusal.status, body)
}

/// Returns the code of gRPC for a status of HTTP.
fn code_of(status: StatusCode) -> u64 {
    match status {
        StatusCode::UNAUTHORIZED => 16,
        StatusCode::FORBIDDEN => 7,
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => 12,
        StatusCode::PAYLOAD_TOO_LARGE | StatusCode::TOO_MANY_REQUESTS => 8,
        StatusCode::SERVICE_UNAVAILABLE => 14,
        StatusCode::REQUEST_TIMEOUT => 4,
        StatusCode::UNPROCESSABLE_ENTITY => 9,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partly() -> Accepted {
        Accepted { records: 1, rejected: 300, rejected_why: Some("why".into()) }
    }

    #[test]
    fn golden_success_says_nothing_and_partial_success_says_how_many() {
        let whole = Accepted { records: 3, ..Accepted::default() };
        assert_eq!(accepted(Encoding::Protobuf, &whole).body, b"");
        assert_eq!(accepted(Encoding::Json, &whole).body, b"{}");
        let body = accepted(Encoding::Protobuf, &partly()).body;
        assert_eq!(body, b"\x0a\x08\x08\xac\x02\x12\x03why");
        let reply = accepted(Encoding::Json, &partly());
        let expected = r#"{"partialSuccess":{"errorMessage":"why","rejectedLogRecords":"300"}}"#;
        assert_eq!(reply.body, expected.as_bytes());
        assert_eq!(reply.content_type, "application/json");
    }

    #[test]
    fn golden_a_refusal_is_a_status_in_the_encoding_of_the_request() {
        let refusal = Refusal::malformed("no");
        let reply = refused(Encoding::Protobuf, &refusal);
        assert_eq!(reply.body, b"\x08\x03\x12\x02no");
        assert_eq!(reply.content_type, "application/x-protobuf");
        assert_eq!(refused(Encoding::Json, &refusal).body, br#"{"code":3,"message":"no"}"#);
    }
}
