//! Civil-date arithmetic: the proleptic Gregorian calendar as day numbers since 1970-01-01. Ours and
//! not a library's because it runs once per line; a property holds it against jiff.

/// Seconds in a day.
pub(super) const DAY_SECS: i64 = 86_400;

/// Returns the day number of a date; the date must be valid.
pub(super) const fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    // Years begin in March here, so that the leap day is the last day of a year.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = ((month + 9) % 12) as i64;
    let day_of_year = (153 * month_from_march + 2) / 5 + day as i64 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Returns the year that holds a day number.
pub(super) const fn year_of_day(days: i64) -> i64 {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // From day 306 of a March year on it is January or February of the next.
    year_of_era + era * 400 + if day_of_year >= 306 { 1 } else { 0 }
}

/// Returns whether such a date exists.
pub(super) const fn is_valid(year: i64, month: u32, day: u32) -> bool {
    if month < 1 || month > 12 || day < 1 {
        return false;
    }
    let last = match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    };
    day <= last
}

const fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn civil_dates_agree_with_jiff(year in 1i16..=9998, month in 1i8..=12, day in 1i8..=31) {
            let date = jiff::civil::Date::new(year, month, day);
            let (y, m, d) = (i64::from(year), month as u32, day as u32);
            prop_assert_eq!(date.is_ok(), is_valid(y, m, d));
            if let Ok(date) = date {
                let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).unwrap();
                let days = zoned.timestamp().as_second().div_euclid(DAY_SECS);
                prop_assert_eq!(days_from_civil(y, m, d), days);
                prop_assert_eq!(year_of_day(days), y);
            }
        }
    }

    #[test]
    fn the_epoch_is_day_zero() {
        assert_eq!(days_from_civil(1970, 1, 1), 0);
        assert_eq!(days_from_civil(2000, 2, 29), 11_016);
    }
}
