//! Tokens: the words of a text as they are looked for, in lower case.
//!
//! A run of letters and digits is taken apart where names written as one word are (`PoolClosed`, `HTTPPool`);
//! everything else stands between runs, so `missing_order_id` is three tokens. Placeholders such as `<num>`
//! are no words of anybody.
//! *Limits:* a token is cut at [`TOKEN_BYTES_MAX`]; linear in the bytes of the text.
//! *Not here:* the text that is embedded (`meaning`): that drops what a search by words must find.

/// What is beyond in a token is not looked at, in a text nor in a question.
const TOKEN_BYTES_MAX: usize = 64;
/// Longest name of a placeholder.
const PLACEHOLDER_CHARS_MAX: usize = 20;

/// Calls `each` for the tokens of a text. Of a name that was taken apart, the whole of it is one more
/// token if `with_whole`: people leave capitals out.
pub(super) fn each_token(text: &str, with_whole: bool, mut each: impl FnMut(&str)) {
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_alphanumeric() || c == '<') {
        rest = &rest[start..];
        if rest.starts_with('<') {
            rest = &rest[placeholder(rest).unwrap_or(1)..];
            continue;
        }
        let end = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        let pieces = each_piece(run, &mut each);
        if with_whole && pieces > 1 {
            each(&lower(run));
        }
        rest = after;
    }
}

/// Returns the bytes of the placeholder that `text` begins with.
fn placeholder(text: &str) -> Option<usize> {
    let mut inner = text.char_indices().skip(1).take(PLACEHOLDER_CHARS_MAX + 1);
    let (end, _) = inner.find(|(_, c)| matches!(c, '<' | '>' | ' '))?;
    (text[end..].starts_with('>') && end > 1).then_some(end + 1)
}

/// Calls `each` for the pieces of a name and returns how many there are.
fn each_piece(run: &str, each: &mut impl FnMut(&str)) -> usize {
    let (mut start, mut pieces) = (0, 0);
    let mut before: Option<char> = None;
    let mut chars = run.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let next_is_lower = chars.peek().is_some_and(|(_, next)| next.is_lowercase());
        let begins = before
            .is_some_and(|before| c.is_uppercase() && (!before.is_uppercase() || next_is_lower));
        if begins {
            each(&lower(&run[start..at]));
            (start, pieces) = (at, pieces + 1);
        }
        before = Some(c);
    }
    each(&lower(&run[start..]));
    pieces + 1
}

fn lower(word: &str) -> String {
    let mut lower = word[..word.floor_char_boundary(TOKEN_BYTES_MAX)].to_lowercase();
    lower.truncate(lower.floor_char_boundary(TOKEN_BYTES_MAX));
    lower
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn tokens(text: &str) -> Vec<String> {
        let mut tokens = Vec::new();
        each_token(text, false, |token| tokens.push(token.to_owned()));
        tokens
    }

    #[test]
    fn names_written_as_one_word_are_taken_apart() {
        assert_eq!(tokens("HTTPServer.closedEarly"), ["http", "server", "closed", "early"]);
        assert_eq!(tokens("missing_order_id=17"), ["missing", "order", "id", "17"]);
        assert_eq!(tokens("ipV6 und Größe, 接続拒否"), ["ip", "v6", "und", "größe", "接続拒否"]);
    }

    #[test]
    fn a_name_that_was_taken_apart_is_also_a_token_as_a_whole() {
        let mut all = Vec::new();
        each_token("NullPointer in cart", true, |token| all.push(token.to_owned()));
        assert_eq!(all, ["null", "pointer", "nullpointer", "in", "cart"]);
    }

    #[test]
    fn placeholders_are_no_words_and_a_lone_bracket_hides_none() {
        assert_eq!(
            tokens("reach <ip>:<num> if a<b or <*> <> <not one>"),
            ["reach", "if", "a", "b", "or", "not", "one"]
        );
        assert_eq!(tokens(&format!("<{}> x", "a".repeat(21))), [&*"a".repeat(21), "x"]);
    }

    #[test]
    fn limit_a_long_token_is_cut_at_a_character() {
        let long = format!("x{}", "é".repeat(TOKEN_BYTES_MAX));
        assert_eq!(tokens(&long)[0].len(), TOKEN_BYTES_MAX - 1);
    }

    proptest! {
        #[test]
        fn any_text_is_taken_and_its_tokens_are_tokens(text in "\\PC{0,200}") {
            for token in tokens(&text) {
                prop_assert!(!token.is_empty() && token.len() <= TOKEN_BYTES_MAX);
                prop_assert!(!token.contains([' ', '<', '_', '-']));
            }
        }
    }
}
