//! Payment cards: numbers whose first digits, length and check digit are those of a card.

/// The fewest and the most digits of a card's number.
pub(super) const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

/// Reports the cards in `row`: groups of digits with one blank or dash between them. Other numbers may
/// stand before and behind a card.
pub(super) fn find(row: &[u8], mut report: impl FnMut(usize, usize)) {
    let mut start = 0;
    while start < row.len() {
        let first_end = group_end(row, start);
        let (mut end, mut card) = (first_end, None);
        while end - start <= BYTES_MAX {
            if is_card(&row[start..end]) {
                card = Some(end);
            }
            if end == row.len() {
                break;
            }
            end = group_end(row, end + 1);
        }
        if let Some(end) = card {
            report(start, end);
        }
        start = card.unwrap_or(first_end) + 1;
    }
}

/// The most bytes of a card: as many digits as there may be, in groups of three.
const BYTES_MAX: usize = 19 + 19 / 3;

/// Returns the end of the group of digits at `start`.
fn group_end(row: &[u8], start: usize) -> usize {
    let is_digit = |byte: &&u8| byte.is_ascii_digit();
    start + row[start..].iter().take_while(is_digit).count()
}

/// Returns whether a run of digits, in groups between single blanks or dashes, is a card's number.
pub(super) fn is_card(text: &[u8]) -> bool {
    let mut digits = [0u8; 19];
    let mut count = 0;
    for byte in text.iter().filter(|byte| byte.is_ascii_digit()) {
        let Some(slot) = digits.get_mut(count) else { return false };
        *slot = byte - b'0';
        count += 1;
    }
    let digits = &digits[..count];
    is_grouped(text) && is_issued(digits) && has_check_digit(digits)
}

/// Groups are of three digits or more: `2024-01-02 03` is none.
fn is_grouped(text: &[u8]) -> bool {
    text.split(|byte| !byte.is_ascii_digit()).all(|group| group.len() >= 3)
}

/// Returns whether an issuer gives out numbers that begin like this one and are as long.
fn is_issued(digits: &[u8]) -> bool {
    if !DIGITS.contains(&digits.len()) {
        return false;
    }
    let prefix = |n: usize| digits[..n].iter().fold(0u32, |value, d| value * 10 + u32::from(*d));
    match digits.len() {
        13 | 19 => digits[0] == 4 || matches!(prefix(2), 35 | 62),
        14 => matches!(prefix(2), 36 | 38) || matches!(prefix(3), 300..=305),
        15 => matches!(prefix(2), 34 | 37),
        16 => {
            digits[0] == 4
                || matches!(prefix(2), 35 | 51..=55 | 62 | 65)
                || matches!(prefix(3), 644..=649)
                || matches!(prefix(4), 2221..=2720 | 6011)
        }
        _ => false,
    }
}

/// The check of Luhn: every second digit from the right counts double, and tens count as ones.
fn has_check_digit(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match place % 2 {
            0 => u32::from(digit),
            _ => u32::from(digit * 2 / 10 + digit * 2 % 10),
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_is_found_among_other_numbers() {
        let found = |row: &str| {
            let mut found = Vec::new();
            find(row.as_bytes(), |start, end| found.push(row[start..end].to_owned()));
            found
        };
        assert_eq!(found("4111111111111111 3"), ["4111111111111111"]);
        assert_eq!(found("12 4111 1111 1111 1111 17"), ["4111 1111 1111 1111"]);
        assert_eq!(
            found("2024-4111111111111111-5500000000000004"),
            ["4111111111111111", "5500000000000004"]
        );
        assert!(found("41111111111111110000000").is_empty(), "a part of a number is no card");
        assert!(found("1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1").is_empty());
    }

    #[test]
    fn numbers_of_cards_are_told_from_other_numbers() {
        assert!(is_card(b"4111111111111111"));
        assert!(is_card(b"5500 0000 0000 0004"));
        assert!(is_card(b"3782-822463-10005"));
        assert!(!is_card(b"4111111111111112"), "its check digit is wrong");
        assert!(!is_card(b"1704164645678901"), "nobody issues it");
        assert!(!is_card(b"41 11 11 11 11 11 11 11"), "its groups are too short");
        assert!(!is_card(b"0000000000000000"));
    }
}
