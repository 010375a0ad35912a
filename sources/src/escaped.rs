//! How much of a text fits into a JSON string of a given length.

/// Returns the longest beginning of `text` that takes at most `room` bytes in a JSON string, its quotes
/// not counted.
pub fn fitting(text: &str, room: usize) -> &str {
    let mut length = 0;
    for (at, character) in text.char_indices() {
        length += match character {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '\0'..='\u{1f}' => 6,
            _ => character.len_utf8(),
        };
        if length > room {
            return &text[..at];
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_as_fits_is_kept() {
        let text = "a\"\u{1}é\u{1F600}\\\n\u{7f}z";
        let length = |text: &str| serde_json::Value::from(text).to_string().len() - 2;
        for room in 0..=length(text) + 3 {
            let kept = fitting(text, room);
            assert!(text.starts_with(kept) && length(kept) <= room);
            let next = text[kept.len()..].chars().next();
            let more = next.map(|next| format!("{kept}{next}"));
            assert!(more.is_none_or(|more| length(&more) > room), "{room}");
        }
    }
}
