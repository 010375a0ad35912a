//! Decision: what people may say when they decide about alerts, and what they are answered.
//!
//! *Limits:* texts of [`BY_CHARS_MAX`], [`COMMENT_CHARS_MAX`], [`NAME_CHARS_MAX`] characters; nothing holds for longer
//! than [`HOLDS_SECS_MAX`].

use crate::context::Call;
use crate::problem::Problem;
use crate::query;
use engine::component::{HumanDuration, Refusal};
use engine::model::{Command, EventTime};
use http::StatusCode;
use std::sync::Arc;

/// Longest name of a person.
pub(crate) const BY_CHARS_MAX: usize = 100;
/// Longest comment.
pub(crate) const COMMENT_CHARS_MAX: usize = 1000;
/// Longest name of a service, and of a version.
pub(crate) const NAME_CHARS_MAX: usize = 200;
/// How long a snooze or a silence may hold: 366 days.
pub(super) const HOLDS_SECS_MAX: i64 = 366 * 86_400;

/// Returns the problem of a body that says what cannot be.
pub(super) fn invalid(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

/// Returns a text of the body, without blanks around it; nothing given is an empty text.
pub(super) fn text(
    name: &str,
    given: Option<String>,
    chars_max: usize,
) -> Result<Arc<str>, Problem> {
    let given = given.unwrap_or_default();
    let text = given.trim();
    if text.chars().nth(chars_max).is_some() {
        return Err(invalid(format!("`{name}` has more than {chars_max} characters")));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(invalid(format!("`{name}` contains a control character")));
    }
    Ok(text.into())
}

/// Returns an instant of the body.
pub(super) fn instant(name: &str, given: &str) -> Result<EventTime, Problem> {
    query::instant(given).ok_or_else(|| {
        invalid(format!("`{name}` is not an instant like 2026-01-31T13:45:00Z (RFC 3339)"))
    })
}

/// Returns until when something holds: exactly one of `until` and `for` says so.
pub(super) fn end(
    now: EventTime,
    until: Option<&str>,
    lasts: Option<HumanDuration>,
) -> Result<EventTime, Problem> {
    let end = match (until, lasts) {
        (Some(until), None) => instant("until", until)?,
        (None, Some(lasts)) => {
            let nanos = i64::try_from(lasts.0.as_nanos()).unwrap_or(i64::MAX);
            EventTime(now.0.saturating_add(nanos))
        }
        _ => return Err(invalid("either `until` or `for` must say until when it holds")),
    };
    if end <= now {
        return Err(invalid(format!("`until` must be in the future; it is {now} now")));
    }
    if end.secs() - now.secs() > HOLDS_SECS_MAX {
        let days = HOLDS_SECS_MAX / 86_400;
        return Err(invalid(format!("nothing may hold for longer than {days} days")));
    }
    Ok(end)
}

/// Lets the engine hear of a decision; returns whether it is durable.
pub(super) async fn pass_on(call: &Call, command: Command) -> Result<bool, Problem> {
    let decided = call.blocking(move |dashboard| dashboard.alerts.decide(command)).await?;
    decided.map_err(|refusal| problem(&refusal))
}

/// Returns the status of an answer: `202` while the store has not taken the decision yet.
pub(super) const fn status(durable: bool) -> StatusCode {
    if durable { StatusCode::OK } else { StatusCode::ACCEPTED }
}

/// Returns the problem of a decision that was refused.
pub(super) fn problem(refusal: &Refusal) -> Problem {
    let status = match refusal {
        Refusal::Unknown(_) => StatusCode::NOT_FOUND,
        Refusal::Conflict(_) => StatusCode::CONFLICT,
        Refusal::NotNow(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    Problem::new(status, refusal.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_texts_are_counted_in_characters_and_hold_no_controls() {
        let of = |n: usize| text("by", Some("ü".repeat(n)), BY_CHARS_MAX);
        assert_eq!(of(BY_CHARS_MAX).unwrap().chars().count(), BY_CHARS_MAX);
        assert_eq!(of(BY_CHARS_MAX + 1).unwrap_err().status.as_u16(), 422);
        assert!(text("by", Some("a\0b".to_owned()), 9).is_err());
        assert_eq!(&*text("comment", Some(" a\nb ".to_owned()), 9).unwrap(), "a\nb");
        assert_eq!(&*text("by", None, 9).unwrap(), "");
    }

    #[test]
    fn limit_what_holds_ends_in_the_future_and_within_a_year() {
        let now = EventTime::from_secs(1_700_000_000);
        let hours = |hours: u64| end(now, None, Some(HumanDuration::from_secs(hours * 3600)));
        assert_eq!(hours(2).unwrap(), EventTime::from_secs(1_700_007_200));
        assert!(hours(0).is_err() && hours(366 * 24 + 1).is_err());
        assert!(hours(366 * 24).is_ok());
        let until = |until: &str| end(now, Some(until), None);
        assert_eq!(until("2023-11-14T23:13:20Z").unwrap(), EventTime::from_secs(1_700_003_600));
        assert!(until("2023-11-14T22:13:20Z").is_err(), "now is not the future");
        assert!(until("tomorrow").is_err());
        assert!(end(now, None, None).is_err());
        assert!(end(now, Some("2023-11-15T00:00:00Z"), Some(HumanDuration::from_secs(1))).is_err());
    }
}
