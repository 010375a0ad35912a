//! Times of day, their fractions, and the offsets behind them.

/// A time of day, and where it ends.
pub(super) struct Clock {
    pub seconds: i32,
    pub nanos: u32,
    pub end: usize,
}

/// `15:04:05`, with fraction and `AM` or `PM`; between dots only where `dots` says so.
pub(super) fn clock(text: &[u8], from: usize, dots: bool) -> Option<Clock> {
    let (hour, count) = number(text, from, 2);
    let mut at = from + count;
    let separator = *text.get(at)?;
    if count == 0 || !(separator == b':' || dots && separator == b'.') {
        return None;
    }
    let (minute, count) = number(text, at + 1, 2);
    at += 1 + count;
    if count == 0 || text.get(at) != Some(&separator) {
        return None;
    }
    let (second, count) = number(text, at + 1, 2);
    at += 1 + count;
    if count == 0 || !is_time_of_day(hour, minute, second) {
        return None;
    }
    let (nanos, end) = fraction(text, at);
    let (hour, end) = half_day(text, hour, end);
    Some(Clock { seconds: (hour * 3600 + minute * 60 + second) as i32, nanos, end })
}

fn half_day(text: &[u8], hour: i64, at: usize) -> (i64, usize) {
    let start = skip_blanks(text, at);
    let Some(word) = text.get(start..start + 2) else { return (hour, at) };
    if start == at || !ends_here(text, start + 2) {
        return (hour, at);
    }
    match word {
        b"AM" | b"am" => (hour % 12, start + 2),
        b"PM" | b"pm" => (hour % 12 + 12, start + 2),
        _ => (hour, at),
    }
}

/// Returns whether there is such a time of day; leap seconds are, and midnight at the end of a day.
pub(super) fn is_time_of_day(hour: i64, minute: i64, second: i64) -> bool {
    minute <= 59 && second <= 60 && (hour <= 23 || hour == 24 && minute == 0 && second == 0)
}

/// `030405`, and whatever fraction follows.
pub(super) fn packed_clock(text: &[u8], from: usize) -> Option<Clock> {
    let (value, count) = number(text, from, 7);
    let (hour, minute, second) = (value / 10_000, value / 100 % 100, value % 100);
    if count != 6 || !is_time_of_day(hour, minute, second) {
        return None;
    }
    let (nanos, end) = fraction(text, from + 6);
    Some(Clock { seconds: (hour * 3600 + minute * 60 + second) as i32, nanos, end })
}

/// `.123`, `,123`, `:123`: digits beyond nanoseconds are dropped.
pub(super) fn fraction(text: &[u8], at: usize) -> (u32, usize) {
    let Some(separator @ (b'.' | b',' | b':')) = text.get(at).copied() else { return (0, at) };
    let (value, count) = number(text, at + 1, 9);
    if count == 0 || separator == b':' && count > 3 {
        return (0, at);
    }
    let mut end = at + 1 + count;
    while text.get(end).is_some_and(u8::is_ascii_digit) {
        end += 1;
    }
    // A colon divides milliseconds, which some programs write without leading zeros.
    let nanos = match separator {
        b':' => value * 1_000_000,
        _ => value * 10i64.pow(9 - count as u32),
    };
    (nanos as u32, end)
}

/// `Z`, `+02`, `+0200`, `+02:00`, ` UTC`, ` CET`: the offset and where it ends.
pub(super) fn offset(text: &[u8], at: usize) -> (Option<i32>, usize) {
    let none = (None, at);
    let Some(&first) = text.get(at) else { return none };
    if matches!(first, b'Z' | b'z') && ends_here(text, at + 1) {
        return (Some(0), at + 1);
    }
    let blank = first == b' ';
    let start = at + usize::from(blank);
    match text.get(start) {
        Some(sign @ (b'+' | b'-')) => {
            let (digits, count) = number(text, start + 1, 4);
            let mut end = start + 1 + count;
            let (hours, minutes) = match count {
                4 => (digits / 100, digits % 100),
                2 if text.get(end) == Some(&b':') && number(text, end + 1, 2).1 == 2 => {
                    let minutes = number(text, end + 1, 2).0;
                    end += 3;
                    (digits, minutes)
                }
                // Behind a blank, "-10" is more likely a number.
                2 if !blank || *sign == b'+' => (digits, 0),
                _ => return none,
            };
            if hours > 18 || minutes > 59 || !ends_here(text, end) {
                return none;
            }
            let secs = (hours * 3600 + minutes * 60) as i32;
            (Some(if *sign == b'-' { -secs } else { secs }), end)
        }
        Some(letter) if blank && letter.is_ascii_uppercase() => named_offset(text, start, at),
        _ => none,
    }
}

fn named_offset(text: &[u8], start: usize, at: usize) -> (Option<i32>, usize) {
    let letters = text[start..].iter().take(5).take_while(|b| b.is_ascii_uppercase()).count();
    // Of zones that share an abbreviation the more common one counts.
    let quarters = match &text[start..start + letters] {
        b"Z" | b"UTC" | b"GMT" | b"WET" => 0,
        b"CET" | b"BST" | b"WEST" | b"WAT" => 4,
        b"CEST" | b"EET" | b"CAT" | b"SAST" => 8,
        b"EEST" | b"MSK" | b"EAT" | b"TRT" => 12,
        b"PKT" => 20,
        b"IST" => 22,
        b"WIB" => 28,
        b"SGT" | b"HKT" | b"AWST" | b"PHT" => 32,
        b"JST" | b"KST" => 36,
        b"ACST" => 38,
        b"AEST" => 40,
        b"AEDT" => 44,
        b"NZST" => 48,
        b"NZDT" => 52,
        b"BRT" | b"ART" => -12,
        b"EDT" => -16,
        b"EST" | b"CDT" => -20,
        b"CST" | b"MDT" => -24,
        b"MST" | b"PDT" => -28,
        b"PST" | b"AKDT" => -32,
        b"AKST" => -36,
        b"HST" => -40,
        _ => return (None, at),
    };
    if !ends_here(text, start + letters) {
        return (None, at);
    }
    (Some(quarters * 900), start + letters)
}

/// Returns the number at `at` with at most `digits_max` digits, and how many it has. More digits
/// than that are left standing.
pub(super) fn number(text: &[u8], at: usize, digits_max: usize) -> (i64, usize) {
    let mut value: i64 = 0;
    let mut count = 0;
    while count < digits_max {
        match text.get(at + count) {
            Some(digit) if digit.is_ascii_digit() => {
                value = value.saturating_mul(10).saturating_add(i64::from(digit - b'0'));
                count += 1;
            }
            _ => break,
        }
    }
    (value, count)
}

pub(super) fn skip_blanks(text: &[u8], mut at: usize) -> usize {
    while text.get(at) == Some(&b' ') {
        at += 1;
    }
    at
}

/// Returns whether a value may end at `at`: no letter or digit continues it.
pub(super) fn ends_here(text: &[u8], at: usize) -> bool {
    text.get(at).is_none_or(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'_' | b'.' | b'-'))
}
