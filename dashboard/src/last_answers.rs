//! The last good answers, for as long as the store is away: whoever looks at an incident still sees what
//! was known, with its age.
//!
//! A question is an address without the moment it was asked at: pages ask for "the last 24 hours" by two
//! instants that move on, so only their distance counts. *State and limits:* [`ANSWERS_MAX`] answers, the
//! least recently given one goes first; none longer than [`ANSWER_BYTES_MAX`].

use bytes::Bytes;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Answers that are kept.
const ANSWERS_MAX: usize = 128;
/// Longest answer that is kept, in bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct LastAnswers(Mutex<HashMap<String, Given>>);

#[derive(Clone, Debug)]
struct Given {
    at: Instant,
    body: Bytes,
}

impl LastAnswers {
    /// Keeps the answer to a question.
    pub(crate) fn keep(&self, question: String, body: Bytes, now: Instant) {
        if body.len() > ANSWER_BYTES_MAX {
            return;
        }
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= ANSWERS_MAX && !answers.contains_key(&question) {
            let oldest = answers.iter().min_by_key(|(_, given)| given.at);
            if let Some(oldest) = oldest.map(|(question, _)| question.clone()) {
                answers.remove(&oldest);
            }
        }
        answers.insert(question, Given { at: now, body });
    }

    /// Returns the last answer to a question, and its age in seconds.
    pub(crate) fn find(&self, question: &str, now: Instant) -> Option<(Bytes, u64)> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let given = answers.get(question)?;
        Some((given.body.clone(), now.saturating_duration_since(given.at).as_secs()))
    }
}

/// Returns what an address asks for, whenever it is asked.
pub(crate) fn question(path: &str, query: &str) -> String {
    let instant = |text: &str| -> Option<i64> {
        let text = text.replace("%3A", ":").replace("%3a", ":");
        text.parse::<Timestamp>().ok().map(Timestamp::as_second)
    };
    let (mut from, mut to, mut rest) = (None, None, Vec::new());
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("from", text)) => from = instant(text),
            Some(("to", text)) => to = instant(text),
            _ => rest.push(pair),
        }
    }
    rest.sort_unstable();
    let span = from.zip(to).map(|(from, to)| to - from);
    format!("{path}?{}&span={span:?}&open={}", rest.join("&"), from.is_some() != to.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_question_is_the_same_a_minute_later() {
        let asked = |query: &str| question("/api/v1/issues", query);
        let first = asked("from=2026-03-01T10:00:00Z&to=2026-03-02T10:00:00Z&limit=50");
        let later = asked("limit=50&to=2026-03-02T10%3A01%3A00Z&from=2026-03-01T10%3A01%3A00Z");
        assert_eq!(first, later);
        assert_ne!(first, asked("from=2026-03-01T11:00:00Z&to=2026-03-02T10:00:00Z&limit=50"));
        assert_ne!(first, asked("from=2026-03-01T10:00:00Z&to=2026-03-02T10:00:00Z&limit=51"));
        assert_ne!(first, question("/api/v1/alerts", "limit=50"));
    }

    #[test]
    fn limit_the_oldest_answer_goes_and_long_ones_are_not_kept() {
        let (answers, start) = (LastAnswers::default(), Instant::now());
        for n in 0..=ANSWERS_MAX as u64 {
            answers.keep(n.to_string(), Bytes::from_static(b"x"), start + Duration::from_secs(n));
        }
        assert!(answers.find("0", start).is_none());
        let now = start + Duration::from_secs(9);
        assert_eq!(answers.find("2", now), Some((Bytes::from_static(b"x"), 7)));
        answers.keep("long".to_owned(), vec![0; ANSWER_BYTES_MAX + 1].into(), start);
        assert!(answers.find("long", start).is_none());
    }
}
