//! Payment cards: numbers whose first digits, length and check digit are those of a card.

/// The fewest and the most digits of a card's number.
pub(super) const DIGITS: std::ops::RangeInclusive<usize> = 13..=19;

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
