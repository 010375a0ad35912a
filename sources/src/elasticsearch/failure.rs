//! Why the cluster did not do what it was asked to, as sentences a person can act on.
//!
//! Everything is tried again: clusters restart, indices are made later, rights are granted. What
//! needs a person is said as such.

use engine::component::SourceError;
use serde_json::Value as Json;

/// Most characters of a cluster's own words that are repeated.
const REASON_CHARS_MAX: usize = 300;

/// Why a request failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The engine is stopping.
    Stopped,
    /// Nothing came back, or not whole.
    Unreachable(String),
    /// The answer is larger than what is kept in memory.
    TooLarge,
    /// The cluster refused.
    Answer {
        /// The status of HTTP.
        status: u16,
        /// The cluster's name for the failure; empty if it gave none.
        kind: String,
        /// Its reason.
        reason: String,
    },
    /// It answered, but not what a cluster answers.
    Strange(String),
}

impl Failure {
    /// Returns the failure that an answer describes.
    pub fn answer(status: u16, body: &[u8]) -> Self {
        let json: Json = serde_json::from_slice(body).unwrap_or_default();
        let error = &json["error"];
        let cause = match &error["root_cause"][0] {
            Json::Null => error,
            cause => cause,
        };
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        let reason = match cause["reason"].as_str().or_else(|| error.as_str()) {
            Some(reason) => reason.to_owned(),
            None => String::from_utf8_lossy(body).into_owned(),
        };
        let reason: String = reason.trim().chars().take(REASON_CHARS_MAX).collect();
        Failure::Answer { status, kind: text(&cause["type"]), reason: reason.replace('\n', " ") }
    }

    /// Returns the same failure with the address, if it concerns that.
    pub fn at(self, url: &str) -> Self {
        match self {
            Failure::Unreachable(why) => Failure::Unreachable(format!("{url}: {why}")),
            other => other,
        }
    }

    /// Returns whether a point in time is gone: it expired, or its node did.
    pub fn is_expired(&self) -> bool {
        matches!(self, Failure::Answer { kind, .. } if kind == "search_context_missing_exception")
    }

    /// Returns whether points in time are refused while searches may still be allowed.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Failure::Answer { status: 400 | 403 | 404 | 405 | 501, kind, .. }
            if kind != "index_not_found_exception")
    }

    /// Returns the sentence about the index that was read.
    pub fn sentence(&self, index: &str) -> String {
        let (status, kind, reason) = match self {
            Failure::Stopped => return "stopped".to_owned(),
            Failure::Unreachable(why) => return format!("could not reach {why}"),
            Failure::TooLarge => {
                return format!("could not read \"{index}\": the answer is too large");
            }
            Failure::Strange(what) => return format!("cannot understand the cluster: {what}"),
            Failure::Answer { status, kind, reason } => (*status, kind, reason),
        };
        let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        match (status, kind.as_str()) {
            (401, _) => {
                format!(
                    "the cluster does not accept the login (401){because}. Hint: check the key or password file."
                )
            }
            (403, _) => format!(
                "the login may not read \"{index}\" (403){because}. Hint: grant it the right to read these indices."
            ),
            (404, _) => format!(
                "could not find \"{index}\" (404){because}. Hint: check the option `index`."
            ),
            (429, _) => format!("the cluster asked to slow down (429){because}"),
            (300..=399, _) => format!(
                "the address sends somewhere else ({status}), which is not followed. Hint: write the other address."
            ),
            _ => format!("could not read \"{index}\" ({status}){because}"),
        }
    }

    /// Returns whether a person should know even while it is tried again.
    pub fn needs_a_person(&self) -> bool {
        matches!(self, Failure::Answer { status: 300..=404, .. })
    }

    /// Returns the error of the whole source.
    pub fn into_error(self, index: &str) -> SourceError {
        SourceError { what: self.sentence(index), retry: true, cause: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(status: u16, kind: &str, reason: &str) -> Failure {
        let cause = json!({"type": kind, "reason": reason});
        let body = json!({"error": {"root_cause": [cause], "type": kind}, "status": status});
        Failure::answer(status, body.to_string().as_bytes())
    }

    #[test]
    fn a_cluster_s_own_reason_is_repeated() {
        let failure = refused(404, "index_not_found_exception", "no such index [logs]");
        assert_eq!(
            failure.sentence("logs"),
            "could not find \"logs\" (404): no such index [logs]. Hint: check the option `index`."
        );
        assert!(!failure.is_refusal() && !failure.is_expired() && failure.needs_a_person());
    }

    #[test]
    fn an_expired_point_in_time_and_a_refused_one_differ() {
        assert!(refused(404, "search_context_missing_exception", "No search context").is_expired());
        assert!(refused(403, "security_exception", "no permissions").is_refusal());
        assert!(!refused(429, "es_rejected_execution_exception", "full").is_refusal());
    }

    #[test]
    fn limit_plain_text_is_repeated_only_in_part() {
        let failure = Failure::answer(503, "x".repeat(9_999).as_bytes());
        assert!(failure.sentence("logs").len() < 400);
    }
}
