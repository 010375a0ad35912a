//! Text for people: cleaned of what a terminal or a program would act on, and cut where a receiver's limit
//! is.

use std::cmp::Ordering;

/// What stands where something was cut away.
const ELLIPSIS: char = '…';

/// Returns `text` on one line: runs of white space become one space; control characters, and the
/// invisible ones that change the direction of text, are gone.
pub(super) fn clean(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    for character in text.chars().filter(|character| !is_invisible(*character)) {
        let is_space = character.is_whitespace() || character.is_control();
        if !is_space {
            cleaned.push(character);
        } else if !cleaned.is_empty() && !cleaned.ends_with(' ') {
            cleaned.push(' ');
        }
    }
    cleaned.truncate(cleaned.trim_end().len());
    cleaned
}

/// Returns whether a character shows nothing and changes how its neighbours are shown.
fn is_invisible(character: char) -> bool {
    matches!(character,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns `text`, cut with an ellipsis where it is longer than `units_max`.
pub(super) fn cut(text: &str, units_max: usize) -> String {
    fit(text, units_max, |character, out| out.push(character))
}

/// Returns `text` with each character written as `escape` writes it, cut with an ellipsis where that is
/// longer than `units_max`. Lengths are in UTF-16 units: receivers count these or fewer.
pub(super) fn fit(text: &str, units_max: usize, escape: impl Fn(char, &mut String)) -> String {
    let mut written = String::with_capacity(text.len());
    let (mut units, mut before_ellipsis) = (0, 0);
    for character in text.chars() {
        let start = written.len();
        escape(character, &mut written);
        units += written[start..].chars().map(char::len_utf16).sum::<usize>();
        match units.cmp(&units_max) {
            Ordering::Less => before_ellipsis = written.len(),
            Ordering::Equal => {}
            Ordering::Greater => {
                written.truncate(before_ellipsis);
                if units_max > 0 {
                    written.push(ELLIPSIS);
                }
                return written;
            }
        }
    }
    written
}

/// Returns as many of `lines` as fit, joined, with an ellipsis for the rest.
pub(super) fn lines(lines: impl IntoIterator<Item = String>, units_max: usize) -> String {
    /// What the ellipsis and the line break before it need.
    const REST: usize = 2;
    let mut joined = String::new();
    for line in lines {
        let needed = units(&line) + usize::from(!joined.is_empty());
        if units(&joined) + needed + REST > units_max {
            joined.push('\n');
            joined.push(ELLIPSIS);
            break;
        }
        if !joined.is_empty() {
            joined.push('\n');
        }
        joined.push_str(&line);
    }
    joined
}

/// Returns the length of a text as [`fit`] counts it.
pub(super) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_taken_out() {
        assert_eq!(clean("  a\r\n\tb \u{1b}[31mred\u{7}  "), "a b [31mred");
        assert_eq!(clean("user\u{202e}gnp.exe\u{200b}\u{feff}"), "usergnp.exe");
        assert_eq!(clean("Grüße 🦀"), "Grüße 🦀");
        assert_eq!(clean("\0\n"), "");
    }

    #[test]
    fn limit_a_text_is_cut_with_an_ellipsis() {
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdefg", 6), "abcde…");
        assert_eq!(cut("🦀🦀🦀", 5), "🦀🦀…");
        assert_eq!(cut("ab", 1), "…");
        assert_eq!(cut("ab", 0), "");
    }

    #[test]
    fn limit_lines_are_left_out_whole() {
        let all = || ["one", "two", "three"].map(str::to_owned);
        assert_eq!(lines(all(), 100), "one\ntwo\nthree");
        assert_eq!(lines(all(), 12), "one\ntwo\n…");
        assert!(units(&lines(all(), 12)) <= 12);
        assert_eq!(lines([], 12), "");
    }

    #[test]
    fn limit_what_was_escaped_is_never_cut_in_two() {
        let entity = |character: char, out: &mut String| match character {
            '<' => out.push_str("&lt;"),
            other => out.push(other),
        };
        for max in 0..20 {
            let fitted = fit("a<b<<c", max, entity);
            assert!(units(&fitted) <= max, "{max}: {fitted}");
            let whole = fitted.replace("&lt;", "<");
            assert!(!whole.contains('&'), "{max}: {fitted}");
        }
        assert_eq!(fit("a<b<<c", 15, entity), "a&lt;b&lt;&lt;c");
        assert_eq!(fit("a<b<<c", 14, entity), "a&lt;b&lt;…");
    }
}
