//! From a written time to an instant: zone offsets, missing years and missing days.
//!
//! A time without zone is local time in the source's zone; where local time repeats the earlier
//! instant is taken, where it is skipped the time is read as if the clock had not been moved. A time
//! without year is in the latest year that puts it no more than a day after its receipt, and one
//! without date on the day nearest to it.
//!
//! *State and limits:* one remembered offset per local minute in [`SLOTS`] slots, since asking the
//! zone database per line is too slow. A slot never changes a result.

use super::civil::{self, DAY_SECS};
use super::timestamp::{Civil, Day, Written};
use engine::model::EventTime;
use jiff::tz::TimeZone;

const SLOTS: usize = 256;
/// How many years are tried for a date without year: leap days are up to eight years apart.
const YEARS_BACK_MAX: i64 = 10;

/// A time zone that remembers its recent offsets.
#[derive(Clone, Debug)]
pub(super) struct Zone {
    /// `None` is UTC.
    zone: Option<TimeZone>,
    /// Local minute and its offset in seconds.
    slots: Vec<(i64, i32)>,
    /// The latest receipt time asked about, in UTC and local seconds.
    received: (i64, i64),
}

impl Zone {
    /// Returns the zone of that IANA name; `None` if there is no such zone.
    pub(super) fn named(name: &str) -> Option<Zone> {
        if matches!(name, "" | "UTC" | "Etc/UTC" | "Z") {
            return Some(Zone::utc());
        }
        let zone = TimeZone::get(name).ok()?;
        Some(Zone { zone: Some(zone), slots: vec![(i64::MIN, 0); SLOTS], received: (0, 0) }.ready())
    }

    /// Returns UTC.
    pub(super) fn utc() -> Zone {
        Zone { zone: None, slots: Vec::new(), received: (0, 0) }
    }

    fn ready(mut self) -> Zone {
        self.received = (0, self.local_of(0));
        self
    }

    /// Returns the instant that was written, as read at `received`.
    pub(super) fn resolve(&mut self, written: Written, received: EventTime) -> EventTime {
        match written {
            Written::Instant(nanos) => EventTime(nanos),
            Written::Civil(civil) => {
                let local = match civil.day {
                    Day::Full(days) => days * DAY_SECS + i64::from(civil.seconds),
                    Day::NoYear { month, day } => self.latest_year(month, day, &civil, received),
                    Day::Unknown => self.nearest_day(&civil, received),
                };
                let offset = civil.offset_secs.unwrap_or_else(|| self.offset_at(local));
                instant(local - i64::from(offset), civil.nanos)
            }
        }
    }

    /// Returns the latest reading that is not too far ahead of the receipt. It is the nearest one
    /// whenever logs are read within half a year, and never absurd when they are older.
    fn latest_year(&mut self, month: u8, day: u8, civil: &Civil, received: EventTime) -> i64 {
        let now = self.local_received(received);
        let newest = civil::year_of_day(now.div_euclid(DAY_SECS)) + 1;
        let (month, day) = (u32::from(month), u32::from(day));
        (newest - YEARS_BACK_MAX..=newest)
            .rev()
            .filter(|&year| civil::is_valid(year, month, day))
            .map(|year| civil::days_from_civil(year, month, day) * DAY_SECS)
            .map(|midnight| midnight + i64::from(civil.seconds))
            .find(|local| local - now <= EventTime::AHEAD_MAX_SECS)
            .unwrap_or(now)
    }

    fn nearest_day(&mut self, civil: &Civil, received: EventTime) -> i64 {
        let now = match civil.offset_secs {
            Some(offset) => received.secs() + i64::from(offset),
            None => self.local_received(received),
        };
        let ahead = (i64::from(civil.seconds) - now.rem_euclid(DAY_SECS)).rem_euclid(DAY_SECS);
        if ahead <= DAY_SECS / 2 { now + ahead } else { now + ahead - DAY_SECS }
    }

    /// Returns `received` in local seconds.
    fn local_received(&mut self, received: EventTime) -> i64 {
        let secs = received.secs();
        if self.received.0 != secs {
            self.received = (secs, self.local_of(secs));
        }
        self.received.1
    }

    fn local_of(&self, secs: i64) -> i64 {
        let offset = match (&self.zone, jiff::Timestamp::from_second(secs)) {
            (Some(zone), Ok(instant)) => i64::from(zone.to_offset(instant).seconds()),
            _ => 0,
        };
        secs + offset
    }

    /// Returns the offset from UTC in force at a local time, in seconds.
    fn offset_at(&mut self, local: i64) -> i32 {
        let Some(zone) = &self.zone else { return 0 };
        let minute = local.div_euclid(60);
        let slot = &mut self.slots[minute.rem_euclid(SLOTS as i64) as usize];
        if slot.0 != minute {
            *slot = (minute, offset_of_minute(zone, minute));
        }
        slot.1
    }
}

fn offset_of_minute(zone: &TimeZone, minute: i64) -> i32 {
    let local = minute * 60;
    // The civil date is that of the same reading in UTC.
    let Ok(reading) = jiff::Timestamp::from_second(local) else { return 0 };
    let civil = jiff::tz::Offset::UTC.to_datetime(reading);
    match zone.to_ambiguous_timestamp(civil).compatible() {
        Ok(instant) => i32::try_from(local - instant.as_second()).unwrap_or(0),
        Err(_) => 0,
    }
}

fn instant(secs: i64, nanos: u32) -> EventTime {
    EventTime(EventTime::from_secs(secs).0.saturating_add(i64::from(nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(day: Day, seconds: i32) -> Written {
        Written::Civil(Civil { day, seconds, nanos: 0, offset_secs: None })
    }

    /// Returns the date, as year and day number, that a month and day are taken for.
    fn taken_for(month: u8, day: u8, received: (i64, u32, u32)) -> i64 {
        let (year, month_now, day_now) = received;
        let now = civil::days_from_civil(year, month_now, day_now) * DAY_SECS;
        let written = written(Day::NoYear { month, day }, 0);
        Zone::utc().resolve(written, EventTime::from_secs(now)).secs().div_euclid(DAY_SECS)
    }

    #[test]
    fn a_date_without_year_is_never_far_ahead_of_its_receipt() {
        let day = civil::days_from_civil;
        assert_eq!(taken_for(12, 31, (2024, 1, 2)), day(2023, 12, 31), "read after New Year");
        assert_eq!(taken_for(1, 1, (2023, 12, 31)), day(2024, 1, 1), "a clock that is ahead");
        assert_eq!(taken_for(3, 17, (2026, 11, 21)), day(2026, 3, 17), "read months later");
        assert_eq!(taken_for(2, 29, (2025, 5, 1)), day(2024, 2, 29), "a leap day");
    }

    #[test]
    fn a_time_without_date_is_on_the_day_nearest_to_its_receipt() {
        let mut zone = Zone::utc();
        let received = EventTime::from_secs(100 * DAY_SECS + 10);
        let late = written(Day::Unknown, 86_390);
        assert_eq!(zone.resolve(late, received).secs(), 99 * DAY_SECS + 86_390);
        let early = written(Day::Unknown, 20);
        assert_eq!(zone.resolve(early, received).secs(), 100 * DAY_SECS + 20);
    }

    #[test]
    fn years_beyond_the_range_of_an_instant_saturate() {
        let far = written(Day::Full(civil::days_from_civil(9999, 1, 1)), 0);
        assert_eq!(Zone::utc().resolve(far, EventTime(0)), EventTime(i64::MAX));
    }

    #[test]
    fn unknown_zones_are_refused() {
        assert!(Zone::named("Mars/Olympus").is_none());
    }

    proptest! {
        #[test]
        fn local_times_agree_with_jiff(
            secs in 631_152_000i64..2_500_000_000,
            name in prop::sample::select(vec![
                "Europe/Berlin", "America/New_York", "America/St_Johns", "Australia/Lord_Howe",
                "Asia/Kathmandu", "UTC",
            ]),
        ) {
            let mut zone = Zone::named(name).unwrap();
            let reading = jiff::Timestamp::from_second(secs).unwrap();
            let civil = jiff::tz::Offset::UTC.to_datetime(reading);
            let expected = TimeZone::get(name).unwrap().to_timestamp(civil).unwrap().as_second();
            let day = Day::Full(secs.div_euclid(DAY_SECS));
            let seconds = secs.rem_euclid(DAY_SECS) as i32;
            for _ in 0..2 {
                let found = zone.resolve(written(day, seconds), EventTime(0)).secs();
                prop_assert_eq!(found, expected);
            }
        }
    }
}
