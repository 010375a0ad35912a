//! Recognises a written time at a given place, in the many forms in which programs write one. Forms
//! are told apart by shape only; [`super::zone`] turns the result into an instant.

mod clock;

use super::civil;
use clock::{
    Clock, clock, ends_here, fraction, is_time_of_day, number, offset, packed_clock, skip_blanks,
};

/// A time as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// An instant, in nanoseconds since 1970.
    Instant(i64),
    /// A date and time of day.
    Civil(Civil),
}

/// A date and time of day, with what was left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Civil {
    /// The day.
    pub day: Day,
    /// Seconds since midnight.
    pub seconds: i32,
    /// Nanoseconds of the second.
    pub nanos: u32,
    /// Offset from UTC, if one was written.
    pub offset_secs: Option<i32>,
}

/// The day of a written time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Day {
    /// Days since 1970-01-01.
    Full(i64),
    /// A date without year.
    NoYear {
        /// 1 to 12.
        month: u8,
        /// 1 to 31.
        day: u8,
    },
    /// Only a time of day.
    Unknown,
}

/// What a written time looks like, as far as it says what may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `Jan  2 03:04:05`.
    Syslog,
    /// `2024-01-02T03:04:05Z`.
    Iso,
    /// `2024-01-02 03:04:05` and its kin: starts with the year.
    Dated,
    /// `10/Oct/2000:13:55:36 -0700`.
    Access,
    /// A bare number.
    Epoch,
    /// Only a time of day.
    ClockOnly,
    /// Anything else.
    Other,
}

/// A recognised time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// What it says.
    pub written: Written,
    /// Where it ends.
    pub end: usize,
    /// What it looks like.
    pub style: Style,
}

/// Bare numbers are times only between 1990 and 2100; outside they are just numbers.
const EPOCH_SECS: std::ops::Range<i64> = 631_152_000..4_102_444_800;
const MONTHS: [&[u8; 3]; 12] = [
    b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
];
const WEEKDAYS: [&[u8; 3]; 7] = [b"mon", b"tue", b"wed", b"thu", b"fri", b"sat", b"sun"];

/// What long names add.
const MONTH_RESTS: [&[u8]; 11] =
    [b"uary", b"ruary", b"ch", b"il", b"e", b"y", b"ust", b"tember", b"ober", b"ember", b"t"];
const WEEKDAY_RESTS: [&[u8]; 5] = [b"day", b"sday", b"nesday", b"rsday", b"urday"];

/// Returns the time written at `from`.
pub(super) fn at(text: &[u8], from: usize) -> Option<Stamp> {
    let first = *text.get(from)?;
    if first.is_ascii_digit() {
        return iso_fast(text, from).or_else(|| starting_with_digits(text, from));
    }
    if first.is_ascii_alphabetic() { starting_with_name(text, from) } else { None }
}

/// Returns the time `0102 15:04:05.678901` (month and day without separator) at `from`.
pub(super) fn month_day_clock(text: &[u8], from: usize) -> Option<Stamp> {
    let (value, count) = number(text, from, 5);
    if count != 4 || text.get(from + 4) != Some(&b' ') {
        return None;
    }
    let day = no_year((value / 100) as u32, (value % 100) as u32)?;
    let clock = clock(text, from + 5, false)?;
    Some(civil_stamp(text, day, clock, Style::Other))
}

/// Returns where a date without time of day (`2024.01.02`) at `from` ends.
pub(super) fn date_only(text: &[u8], from: usize) -> Option<usize> {
    let (_, end) = year_month_day(text, from)?;
    ends_here(text, end).then_some(end)
}

/// Returns a bare number as an instant: its size tells seconds from milli-, micro- and nanoseconds.
pub(super) fn from_number(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.first()? {
        b'-' => (true, &text[1..]),
        _ => (false, text),
    };
    let (whole, count) = number(digits, 0, 19);
    if count == 0 {
        return None;
    }
    let mut nanos_of_unit: i64 = match count {
        0..=11 => 1_000_000_000,
        12..=14 => 1_000_000,
        15..=17 => 1_000,
        _ => 1,
    };
    let mut nanos = whole.saturating_mul(nanos_of_unit);
    let rest = &digits[count..];
    match rest.first() {
        None => {}
        Some(b'.') if rest.len() > 1 => {
            for digit in &rest[1..] {
                if !digit.is_ascii_digit() {
                    return exponent(text);
                }
                nanos_of_unit /= 10;
                nanos = nanos.saturating_add(nanos_of_unit * i64::from(digit - b'0'));
            }
        }
        _ => return exponent(text),
    }
    Some(if negative { -nanos } else { nanos })
}

/// Reads `1.7e9`, which float formatters write.
fn exponent(text: &[u8]) -> Option<i64> {
    let value: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    let nanos_of_unit = match value.abs() {
        v if v < 1e11 => 1e9,
        v if v < 1e14 => 1e6,
        v if v < 1e17 => 1e3,
        _ => 1.0,
    };
    // The cast saturates, and a saturated instant is rejected as absurd.
    value.is_finite().then_some((value * nanos_of_unit) as i64)
}

/// The commonest form, `dddd-dd-dd[ T]dd:dd:dd`, without a loop.
fn iso_fast(text: &[u8], from: usize) -> Option<Stamp> {
    let t: &[u8; 19] = text.get(from..from + 19)?.first_chunk()?;
    let separators = t[4] == b'-' && t[7] == b'-' && t[13] == b':' && t[16] == b':';
    if !separators || !matches!(t[10], b' ' | b'T') {
        return None;
    }
    let places = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18];
    if !places.iter().all(|&place| t[place].is_ascii_digit()) {
        return None;
    }
    let pair = |place: usize| u32::from(t[place] - b'0') * 10 + u32::from(t[place + 1] - b'0');
    let day = full(i64::from(pair(0) * 100 + pair(2)), pair(5), pair(8))?;
    let (hour, minute, second) = (pair(11), pair(14), pair(17));
    if !is_time_of_day(i64::from(hour), i64::from(minute), i64::from(second)) {
        return None;
    }
    let (nanos, end) = fraction(text, from + 19);
    let clock = Clock { seconds: (hour * 3600 + minute * 60 + second) as i32, nanos, end };
    Some(civil_stamp(text, day, clock, if t[10] == b'T' { Style::Iso } else { Style::Dated }))
}

fn starting_with_digits(text: &[u8], from: usize) -> Option<Stamp> {
    let (value, count) = number(text, from, 20);
    let end = from + count;
    let next = text.get(end).copied().unwrap_or(b' ');
    match count {
        4 => {
            let (day, end) = year_month_day(text, from)?;
            let separator = *text.get(end)?;
            if !matches!(separator, b' ' | b'T' | b't' | b'_' | b'-' | b',' | b':' | b'/') {
                return None;
            }
            let mut start = skip_blanks(text, end + 1);
            if text.get(start..start + 2) == Some(b"- ") {
                start += 2;
            }
            let clock = clock(text, start, true)?;
            Some(civil_stamp(text, day, clock, Style::Dated))
        }
        8 if matches!(next, b'-' | b'T' | b' ' | b'_') => {
            let day = full(value / 10_000, (value / 100 % 100) as u32, (value % 100) as u32)?;
            let clock = clock(text, end + 1, false).or_else(|| packed_clock(text, end + 1))?;
            Some(civil_stamp(text, day, clock, Style::Dated))
        }
        6 if next == b' ' => {
            let (year, month, day) = (value / 10_000, value / 100 % 100, value % 100);
            let day = full(century(year), month as u32, day as u32)?;
            let start = skip_blanks(text, end);
            let clock = packed_clock(text, start).or_else(|| clock(text, start, false))?;
            Some(civil_stamp(text, day, clock, Style::Other))
        }
        1 | 2 => starting_with_pair(text, value as u32, end, next),
        10 | 13 | 16 | 19 => epoch(text, from, end),
        _ => None,
    }
}

/// `24/01/02 …`, `10/Oct/2000:…`, `01-02 …`, `01.02 …`, `01 Jan 2024 …`, `12:00:00`.
fn starting_with_pair(text: &[u8], first: u32, end: usize, separator: u8) -> Option<Stamp> {
    if separator == b':' {
        let clock = clock(text, end.checked_sub(2)?, false)?;
        return Some(civil_stamp(text, Day::Unknown, clock, Style::ClockOnly));
    }
    if !matches!(separator, b'/' | b'-' | b'.' | b' ') {
        return None;
    }
    let start = end + 1;
    if let Some(month) = name_at(text, start, &MONTHS) {
        let start = start + 3;
        if !matches!(text.get(start), Some(b'/' | b'-' | b' ')) {
            return None;
        }
        let (year, count) = number(text, start + 1, 4);
        let day = full(if count == 2 { century(year) } else { year }, month, first)?;
        let end = start + 1 + count;
        let style = if text.get(end) == Some(&b':') { Style::Access } else { Style::Other };
        let clock = clock(text, after_date(text, end)?, false)?;
        return Some(civil_stamp(text, day, clock, style));
    }
    if separator == b' ' {
        return None;
    }
    let (second, count) = number(text, start, 2);
    let (second, end) = (second as u32, start + count);
    if count == 0 {
        return None;
    }
    if text.get(end) == Some(&separator) {
        let (third, count) = number(text, end + 1, 4);
        let day = three_numbers(separator, first, second, third, count)?;
        let clock = clock(text, after_date(text, end + 1 + count)?, false)?;
        return Some(civil_stamp(text, day, clock, Style::Other));
    }
    let (month, day) = if first > 12 { (second, first) } else { (first, second) };
    let clock = clock(text, after_date(text, end)?, false)?;
    Some(civil_stamp(text, no_year(month, day)?, clock, Style::Other))
}

/// Orders three numbers of a date: a four-digit year is last; a two-digit one is first, except
/// between dots. Of two that could be a month the first is, except between dots.
fn three_numbers(separator: u8, a: u32, b: u32, c: i64, digits: usize) -> Option<Day> {
    match (digits, separator) {
        (4, b'.') => full(c, b, a),
        (4, _) if a > 12 => full(c, b, a),
        (4, _) => full(c, a, b),
        (2, b'.') => full(century(c), b, a),
        (2, _) => full(century(i64::from(a)), b, c as u32).or_else(|| full(century(c), a, b)),
        _ => None,
    }
}

/// `Jan  2 03:04:05`, `Tue Jan 02 03:04:05 2024`, `Mon, 02 Jan 2006 15:04:05 MST`,
/// `Jan 02, 2024 3:04:05 PM`.
fn starting_with_name(text: &[u8], from: usize) -> Option<Stamp> {
    let mut at = from;
    let weekday = name_at(text, at, &WEEKDAYS).is_some();
    if weekday {
        at += 3 + rest_of_name(&text[at + 3..], &WEEKDAY_RESTS);
        if text.get(at) == Some(&b',') {
            at += 1;
        }
        at = skip_blanks(text, at);
        if text.get(at)?.is_ascii_digit() {
            return starting_with_digits(text, at).map(|s| Stamp { style: Style::Other, ..s });
        }
    }
    let month = name_at(text, at, &MONTHS)?;
    at += 3;
    if text.get(at) != Some(&b' ') {
        at += rest_of_name(&text[at..], &MONTH_RESTS);
    }
    if text.get(at) != Some(&b' ') {
        return None;
    }
    at = skip_blanks(text, at);
    let (day, count) = number(text, at, 2);
    at += count;
    let comma = text.get(at) == Some(&b',');
    at = skip_blanks(text, at + usize::from(comma));
    let (year, digits) = number(text, at, 4);
    let (date, at) = if digits == 4 {
        (full(year, month, day as u32)?, skip_blanks(text, at + 4))
    } else {
        (no_year(month, day as u32)?, at)
    };
    let clock = clock(text, at, false)?;
    let (offset_secs, end) = offset(text, clock.end);
    let style = if weekday || comma { Style::Other } else { Style::Syslog };
    let (date, end) = match (date, year_after(text, end)) {
        (Day::NoYear { month, day }, Some(year)) => {
            (full(year, u32::from(month), u32::from(day))?, skip_blanks(text, end) + 4)
        }
        (date, _) => (date, end),
    };
    let Clock { seconds, nanos, .. } = clock;
    let civil = Civil { day: date, seconds, nanos, offset_secs };
    Some(Stamp { written: Written::Civil(civil), end, style })
}

fn year_after(text: &[u8], at: usize) -> Option<i64> {
    let start = skip_blanks(text, at);
    let (year, count) = number(text, start, 4);
    let plausible = start > at && count == 4 && (1900..2200).contains(&year);
    (plausible && ends_here(text, start + 4)).then_some(year)
}

fn epoch(text: &[u8], from: usize, end: usize) -> Option<Stamp> {
    let mut end = end;
    if end - from == 10 && text.get(end) == Some(&b'.') {
        let (_, count) = number(text, end + 1, 9);
        end += if count > 0 { 1 + count } else { 0 };
    }
    let nanos = from_number(&text[from..end])?;
    let plausible = EPOCH_SECS.contains(&(nanos / 1_000_000_000)) && ends_here(text, end);
    plausible.then_some(Stamp { written: Written::Instant(nanos), end, style: Style::Epoch })
}

fn civil_stamp(text: &[u8], day: Day, clock: Clock, style: Style) -> Stamp {
    let (offset_secs, end) = offset(text, clock.end);
    let Clock { seconds, nanos, .. } = clock;
    Stamp { written: Written::Civil(Civil { day, seconds, nanos, offset_secs }), end, style }
}

fn year_month_day(text: &[u8], from: usize) -> Option<(Day, usize)> {
    let (year, count) = number(text, from, 5);
    let at = from + count;
    let separator = *text.get(at)?;
    if count != 4 || !matches!(separator, b'-' | b'/' | b'.') {
        return None;
    }
    let (month, count) = number(text, at + 1, 2);
    let at = at + 1 + count;
    if count == 0 || text.get(at) != Some(&separator) {
        return None;
    }
    let (day, count) = number(text, at + 1, 2);
    Some((full(year, month as u32, day as u32)?, at + 1 + count))
}

/// After a date: blanks, one of `:`, `T`, `,`, and blanks.
fn after_date(text: &[u8], at: usize) -> Option<usize> {
    match text.get(at)? {
        b' ' | b':' | b'T' | b'-' | b'_' => Some(skip_blanks(text, at + 1)),
        b',' => Some(skip_blanks(text, at + 1)),
        _ => None,
    }
}

fn full(year: i64, month: u32, day: u32) -> Option<Day> {
    civil::is_valid(year, month, day).then(|| Day::Full(civil::days_from_civil(year, month, day)))
}

fn no_year(month: u32, day: u32) -> Option<Day> {
    // 2000 has a leap day.
    let valid = civil::is_valid(2000, month, day);
    valid.then_some(Day::NoYear { month: month as u8, day: day as u8 })
}

fn century(year: i64) -> i64 {
    if year < 70 { 2000 + year } else { 1900 + year }
}

/// Returns how long the rest of a name is that goes on behind its first three letters.
fn rest_of_name(text: &[u8], rests: &[&[u8]]) -> usize {
    let length = text.iter().take(7).take_while(|b| b.is_ascii_lowercase()).count();
    if rests.contains(&&text[..length]) { length } else { 0 }
}

fn name_at<const N: usize>(text: &[u8], at: usize, names: &[&[u8; 3]; N]) -> Option<u32> {
    let name: &[u8; 3] = text.get(at..at + 3)?.first_chunk()?;
    let name = [name[0] | 0x20, name[1] | 0x20, name[2] | 0x20];
    names.iter().position(|&known| *known == name).map(|index| index as u32 + 1)
}
