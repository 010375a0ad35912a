//! Start: where a source begins that has read nothing yet.

use engine::component::OptionsError;
use engine::model::EventTime;

/// Where to begin at the first start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With everything that is there.
    Beginning,
    /// With what is written from now on.
    Now,
    /// With what carries this time or a later one.
    At(EventTime),
}

impl Start {
    /// Reads the option `start`.
    pub fn parse(text: &str) -> Result<Self, OptionsError> {
        match text {
            "beginning" => return Ok(Start::Beginning),
            "now" => return Ok(Start::Now),
            _ => {}
        }
        let instant = text.parse::<jiff::Timestamp>().ok();
        let nanos = instant.and_then(|instant| i64::try_from(instant.as_nanosecond()).ok());
        nanos.map(|nanos| Start::At(EventTime(nanos))).ok_or_else(|| {
            OptionsError::at("start", format!("cannot read the time \"{text}\""))
                .hint("Write `beginning`, `now`, or a time such as 2026-01-31T12:00:00Z")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_word_or_a_time() {
        assert_eq!(Start::parse("now"), Ok(Start::Now));
        assert_eq!(Start::parse("beginning"), Ok(Start::Beginning));
        let at = Start::parse("1970-01-01T00:00:01Z");
        assert_eq!(at, Ok(Start::At(EventTime::from_secs(1))));
        assert!(Start::parse("yesterday").is_err());
    }
}
