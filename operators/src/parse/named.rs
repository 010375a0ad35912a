//! First lines that hold nothing but names: the message stands on the next line.
//!
//! ```text
//! info: Shop.Cart[14]              Jan 02, 2024 3:04:05 PM com.example.Cart add
//!       cart 7 is full             WARNING: cart 7 is full
//! ```

use super::found::{Found, Layout, Place};
use super::header;
use engine::model::{Severity, Span};

/// The longest names that are looked at.
const NAMES_BYTES_MAX: usize = 256;

/// Returns whether `message`, what is left of a first line, is a category and the number of its event,
/// or a class and its method.
pub(super) fn is_only_names(message: &[u8]) -> bool {
    if message.len() > NAMES_BYTES_MAX || !message.first().is_some_and(u8::is_ascii_alphabetic) {
        return false;
    }
    match memchr::memchr(b' ', message) {
        None => is_category(message),
        Some(blank) => is_class(&message[..blank]) && is_method(&message[blank + 1..]),
    }
}

/// Returns the message in the second line of such a record, and the severity if it names one; `None`
/// if it is no such line.
pub(super) fn message_of(line: &[u8], place: Place) -> Option<(Span, Option<Severity>)> {
    if line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
        return Some((place.trimmed(line, 0, line.len()), None));
    }
    let mut found = Found::default();
    let leveled = header::find(line, place, &mut found) && is_level(&found);
    leveled.then_some((found.message, found.severity))
}

/// Returns whether a line has a severity before its message, and nothing else.
pub(super) fn is_level(found: &Found) -> bool {
    found.layout == Layout::Level && found.severity.is_some() && !found.message.is_empty()
}

/// `Shop.Cart[14]`
fn is_category(word: &[u8]) -> bool {
    let Some(inner) = word.strip_suffix(b"]") else { return false };
    let digits = inner.iter().rev().take_while(|b| b.is_ascii_digit()).count();
    let name = inner[..inner.len() - digits].strip_suffix(b"[");
    digits > 0 && name.is_some_and(|name| name.iter().all(|byte| is_name_byte(*byte)))
}

/// `com.example.Cart`
fn is_class(word: &[u8]) -> bool {
    let Some(dot) = memchr::memrchr(b'.', word) else { return false };
    word.iter().all(|byte| is_name_byte(*byte))
        && word.get(dot + 1).is_some_and(u8::is_ascii_uppercase)
}

/// `add`, `<init>`, `lambda$add$0`
fn is_method(word: &[u8]) -> bool {
    !word.is_empty()
        && word.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$' | b'<' | b'>'))
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"._$`+<>-/".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_messages() {
        for names in ["Shop.Cart[14]", "Program[0]", "com.example.Cart add", "a.B <init>"] {
            assert!(is_only_names(names.as_bytes()), "{names}");
        }
        for message in ["cart 7 is full", "Cart[]", "stopped", "example.com answers", "a.B is full"]
        {
            assert!(!is_only_names(message.as_bytes()), "{message}");
        }
    }

    #[test]
    fn the_second_line_has_the_message_and_perhaps_a_severity() {
        let place = Place { scratch: false, base: 0 };
        let found = |line: &str| message_of(line.as_bytes(), place);
        assert_eq!(found("      cart is full"), Some((Span::chunk(6, 18), None)));
        let warning = Some((Span::chunk(9, 21), Some(Severity::Warn)));
        assert_eq!(found("WARNING: cart is full"), warning);
        assert_eq!(found("cart is full"), None);
    }
}
