//! Query: reads the parameters of an address. Whatever cannot be used is refused with the
//! parameter's name, what stood there and what is allowed; nothing is silently replaced.

use crate::problem::Problem;
use engine::model::EventTime;
use jiff::Timestamp;
use std::ops::RangeInclusive;

/// The parameters of one request.
#[derive(Debug)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

/// Longest value that an error repeats.
const QUOTED_CHARS_MAX: usize = 60;

impl Query {
    /// Reads `raw`, allowing each of `known` once and nothing else.
    pub(crate) fn parse(raw: &str, known: &[&str]) -> Result<Query, Problem> {
        let mut pairs: Vec<(String, String)> = Vec::new();
        for piece in raw.split('&').filter(|piece| !piece.is_empty()) {
            let (name, value) = piece.split_once('=').unwrap_or((piece, ""));
            let name = decode(name).map_err(|why| Problem::parameter(&quote(name), why))?;
            if !known.contains(&name.as_str()) {
                let allowed = if known.is_empty() {
                    "this address takes none".to_owned()
                } else {
                    format!("it is not known here; known are {}", known.join(", "))
                };
                return Err(Problem::parameter(&quote(&name), allowed));
            }
            let value = decode(value).map_err(|why| Problem::parameter(&name, why))?;
            if pairs.iter().any(|(earlier, _)| *earlier == name) {
                return Err(Problem::parameter(&name, "it is given more than once"));
            }
            pairs.push((name, value));
        }
        Ok(Query { pairs })
    }

    /// Returns a parameter's value; an empty one counts as left out.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let pair = self.pairs.iter().find(|(known, _)| known == name)?;
        Some(pair.1.as_str()).filter(|value| !value.is_empty())
    }

    /// Returns a whole number within `allowed`.
    pub(crate) fn number(
        &self,
        name: &str,
        default: usize,
        allowed: RangeInclusive<usize>,
    ) -> Result<usize, Problem> {
        let Some(text) = self.text(name) else { return Ok(default) };
        text.parse().ok().filter(|number| allowed.contains(number)).ok_or_else(|| {
            let (least, most) = (allowed.start(), allowed.end());
            let detail = format!("`{}` is not a number from {least} to {most}", quote(text));
            Problem::parameter(name, detail)
        })
    }

    /// Returns the value that one of `choices` names.
    pub(crate) fn choice<T: Copy>(
        &self,
        name: &str,
        choices: &[(&str, T)],
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match choices.iter().find(|(word, _)| *word == text) {
            Some((_, choice)) => Ok(Some(*choice)),
            None => {
                let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
                let detail = format!("`{}` is not one of {}", quote(text), words.join(", "));
                Err(Problem::parameter(name, detail))
            }
        }
    }

    /// Returns an instant.
    fn time(&self, name: &str) -> Result<Option<EventTime>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        // A `+` in an address means a blank; in an instant it can only have been a `+`.
        match instant(&text.replace(' ', "+")) {
            Some(instant) => Ok(Some(instant)),
            None => {
                let detail = format!(
                    "`{}` is not an instant like 2026-01-31T13:45:00Z (RFC 3339)",
                    quote(text)
                );
                Err(Problem::parameter(name, detail))
            }
        }
    }

    /// Returns the range `from` … `to`; what is missing makes it the 24 hours up to `now`.
    pub(crate) fn range(&self, now: EventTime) -> Result<Range, Problem> {
        let range = self.any_range(now)?;
        if range.secs() > Range::DAYS_MAX * DAY_SECS {
            let detail = format!("the range is longer than {} days", Range::DAYS_MAX);
            return Err(Problem::parameter("from", detail));
        }
        Ok(range)
    }

    /// Returns the same range, however long: whoever looks for the latest of logs of any age asks a
    /// list about all time.
    pub(crate) fn any_range(&self, now: EventTime) -> Result<Range, Problem> {
        let to = match self.time("to")? {
            Some(to) => to,
            None => next_minute(now),
        };
        let from = match self.time("from")? {
            Some(from) => from,
            None => EventTime(to.0.saturating_sub(EventTime::from_secs(DAY_SECS).0)),
        };
        Range::new(from, to)
    }

    /// Returns the range `from` … `to`; left out, both mean all time.
    pub(crate) fn range_of_all_time(&self, now: EventTime) -> Result<Range, Problem> {
        let (from, to) = (self.time("from")?, self.time("to")?);
        if (from, to) == (None, None) {
            return Ok(Range::ALL_TIME);
        }
        let latest = EventTime::from_secs(next_minute(now).secs() + EventTime::AHEAD_MAX_SECS);
        Range::new(from.unwrap_or(EventTime::OLDEST), to.unwrap_or(latest))
    }
}

const DAY_SECS: i64 = 24 * 3600;

/// Reads an instant (RFC 3339).
pub(crate) fn instant(text: &str) -> Option<EventTime> {
    let instant: Timestamp = text.parse().ok()?;
    i64::try_from(instant.as_nanosecond()).ok().map(EventTime)
}

/// Returns the end of the minute that holds `now`, so that default ranges hold whole minutes.
fn next_minute(now: EventTime) -> EventTime {
    EventTime::from_secs((now.secs().div_euclid(60) + 1) * 60)
}

/// A range of event time, not empty and not endless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    /// First instant.
    pub(crate) from: EventTime,
    /// First instant after it.
    pub(crate) to: EventTime,
}

impl Range {
    /// Longest range that is shown over time, in days: what stores keep counts for.
    pub(crate) const DAYS_MAX: i64 = 400;
    /// Everything there is.
    pub(crate) const ALL_TIME: Range = Range { from: EventTime::OLDEST, to: EventTime(i64::MAX) };

    /// Returns the range `[from, to)`.
    pub(crate) fn new(from: EventTime, to: EventTime) -> Result<Range, Problem> {
        let length = to.0.checked_sub(from.0);
        if length.is_none_or(|length| length <= 0) {
            return Err(Problem::parameter("from", format!("{from} is not before `to` ({to})")));
        }
        Ok(Range { from, to })
    }

    /// Returns its length in seconds, at least one.
    pub(crate) fn secs(&self) -> i64 {
        ((self.to.0 - self.from.0) / 1_000_000_000).max(1)
    }
}

/// Shortens and cleans text that an error repeats.
fn quote(text: &str) -> String {
    let mut quoted: String =
        text.chars().take(QUOTED_CHARS_MAX).flat_map(char::escape_default).collect();
    if text.chars().nth(QUOTED_CHARS_MAX).is_some() {
        quoted.push('…');
    }
    quoted
}

/// Undoes percent encoding; `+` is a blank, as HTML forms write it.
pub(crate) fn decode(text: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let (pair, tail) = rest.split_at_checked(2).ok_or(BAD_PERCENT)?;
                let pair = std::str::from_utf8(pair).map_err(|_| BAD_PERCENT)?;
                if !pair.bytes().all(|b| b.is_ascii_hexdigit()) {
                    return Err(BAD_PERCENT);
                }
                bytes.push(u8::from_str_radix(pair, 16).map_err(|_| BAD_PERCENT)?);
                rest = tail;
            }
            plain => bytes.push(*plain),
        }
    }
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    if text.contains('\0') { Err("it contains a NUL") } else { Ok(text) }
}

const BAD_PERCENT: &str = "`%` must be followed by two hexadecimal digits";

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> EventTime {
        EventTime::from_secs(1_700_000_001)
    }

    #[test]
    fn parameters_are_decoded_and_empty_ones_count_as_left_out() {
        let query = Query::parse("q=a%20b+c%C3%A9&&service=", &["q", "service"]).unwrap();
        assert_eq!(query.text("q"), Some("a b cé"));
        assert_eq!(query.text("service"), None);
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for raw in ["q=%", "q=%2", "q=%zz", "q=%ff", "q=%00", "q=%+1", "q=a&q=b", "limt=5", "%ff=1"]
        {
            let problem = Query::parse(raw, &["q", "limit"]).unwrap_err();
            assert_eq!(problem.status.as_u16(), 400, "{raw}");
        }
    }

    #[test]
    fn limit_numbers_outside_the_range_are_refused() {
        for raw in ["limit=0", "limit=201", "limit=-1", "limit=1e9", "limit=99999999999999999999"] {
            let query = Query::parse(raw, &["limit"]).unwrap();
            assert!(query.number("limit", 50, 1..=200).is_err(), "{raw}");
        }
        let query = Query::parse("limit=200", &["limit"]).unwrap();
        assert_eq!(query.number("limit", 50, 1..=200).unwrap(), 200);
    }

    #[test]
    fn the_default_range_is_the_last_24_hours_in_whole_minutes() {
        let range = Query::parse("", &[]).unwrap().range(now()).unwrap();
        assert_eq!(range.to, EventTime::from_secs(1_700_000_040));
        assert_eq!(range.secs(), DAY_SECS);
    }

    #[test]
    fn a_search_is_about_all_time_unless_it_says_otherwise() {
        let range = |raw| Query::parse(raw, &["from", "to"]).unwrap().range_of_all_time(now());
        let all = range("").unwrap();
        assert_eq!((all.from, all.to), (EventTime::OLDEST, EventTime(i64::MAX)));
        let until = range("to=2023-11-14T22:13:20Z").unwrap();
        assert_eq!((until.from, until.to), (all.from, EventTime::from_secs(1_700_000_000)));
        let since = range("from=1960-01-01T00:00:00Z").unwrap();
        assert!(since.to > now());
        assert!(range("from=2025-01-01T00:00:00Z").is_err());
    }

    #[test]
    fn instants_may_have_an_offset_also_when_the_plus_was_not_encoded() {
        let raw = "from=2023-11-14T23:13:20+01:00&to=2023-11-14T22:14:20Z";
        let range = Query::parse(raw, &["from", "to"]).unwrap().range(now()).unwrap();
        assert_eq!(range.from, EventTime::from_secs(1_700_000_000));
    }

    #[test]
    fn limit_ranges_are_neither_empty_nor_endless() {
        for raw in [
            "from=2023-11-14T22:13:20Z&to=2023-11-14T22:13:20Z",
            "from=2024-01-01T00:00:00Z&to=2023-01-01T00:00:00Z",
            "from=1970-01-01T00:00:00Z",
            "from=yesterday",
            "from=9999-12-30T00:00:00Z",
            "from=-009999-01-01T00:00:00Z",
        ] {
            let query = Query::parse(raw, &["from", "to"]).unwrap();
            assert!(query.range(now()).is_err(), "{raw}");
        }
    }
}
