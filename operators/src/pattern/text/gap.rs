//! What two gaps have in common, and how a gap is shown.

use super::Token;
use crate::mask::MaskKind;

/// From this many values in a row, with nothing but white space between them, they are one.
const RUN_MIN: usize = 3;

/// Returns the gap that both fit: the same tokens at the beginning and at the end, and one variable
/// for what differs between them.
pub(super) fn generalise(left: &[Token], right: &[Token]) -> Vec<Token> {
    let all = |left: &[Token], right: &[Token]| -> Vec<Token> {
        left.iter().zip(right).filter_map(|(a, b)| unify(a, b)).collect()
    };
    let shorter = left.len().min(right.len());
    let alike = (0..shorter).take_while(|&at| unify(&left[at], &right[at]).is_some()).count();
    if alike == left.len() && alike == right.len() {
        return all(left, right);
    }
    // A unit goes with its value where what follows it differs: "12 bytes (1.2 KB)".
    let is_unit = |token: &&Token| matches!(token, Token::Text(text) if !text.contains(is_mark));
    let units = left[..alike].iter().rev().take_while(is_unit).count();
    let head = if units < alike { alike - units } else { alike };
    let ends = left.iter().rev().zip(right.iter().rev()).take(shorter - head);
    let tail = ends.take_while(|(a, b)| unify(a, b).is_some()).count();
    let mut general = all(&left[..head], &right[..head]);
    let last = all(&left[left.len() - tail..], &right[right.len() - tail..]);
    // The variable takes the values beside it, lists of them included.
    while let Some(Token::Value { .. }) = general.last() {
        general.pop();
        if matches!(general.as_slice(), [.., Token::Value { .. }, space] if is_space(space)) {
            general.pop();
        }
    }
    general.push(Token::Value { kind: MaskKind::Word, text: None, lead: String::new() });
    let skip = usize::from(matches!(last.first(), Some(Token::Value { .. })));
    general.extend(last.into_iter().skip(skip));
    general
}

/// Returns whether a character is punctuation.
fn is_mark(character: char) -> bool {
    !character.is_alphanumeric() && !character.is_whitespace()
}

/// Returns whether a token is white space.
fn is_space(token: &Token) -> bool {
    matches!(token, Token::Text(text) if text.trim().is_empty())
}

/// Returns the token that both fit, if there is one.
fn unify(left: &Token, right: &Token) -> Option<Token> {
    match (left, right) {
        (Token::Text(one), Token::Text(other)) => (one == other).then(|| left.clone()),
        (
            Token::Value { kind, text, lead },
            Token::Value { kind: other_kind, text: other_text, lead: other_lead },
        ) => Some(Token::Value {
            kind: if kind == other_kind { *kind } else { MaskKind::Word },
            text: if text == other_text { text.clone() } else { None },
            lead: if lead == other_lead { lead.clone() } else { String::new() },
        }),
        _ => None,
    }
}

/// Appends the gap as it is shown.
pub(super) fn show(gap: &[Token], shown: &mut String) {
    let mut rest = gap;
    while let Some((token, after)) = rest.split_first() {
        let run = run_len(rest);
        if run >= RUN_MIN {
            shown.push_str(kind_of_run(&rest[..2 * run - 1]).placeholder());
            rest = &rest[2 * run - 1..];
            continue;
        }
        match token {
            Token::Text(text) => shown.push_str(text),
            Token::Value { text: Some(text), .. } if text.is_empty() => {}
            Token::Value { kind, text: Some(text), .. } if is_name(*kind, text) => {
                shown.push_str(text);
            }
            Token::Value { kind, lead, .. } if lead.is_empty() => {
                shown.push_str(kind.placeholder());
            }
            Token::Value { lead, .. } => {
                shown.push_str(lead);
                shown.push_str(MaskKind::Number.placeholder());
            }
        }
        rest = after;
    }
}

/// Returns whether a value on which all agree is a name rather than a value that happens not to
/// have varied yet: a constant in capitals, a short name with a number such as `eth1`.
fn is_name(kind: MaskKind, text: &str) -> bool {
    if is_placeholder(text) {
        return true;
    }
    let letters = text.bytes().take_while(u8::is_ascii_alphabetic).count();
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    match kind {
        MaskKind::Word => {
            let is_word = text.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
            is_word && text.bytes().any(|byte| byte.is_ascii_uppercase())
        }
        MaskKind::Identifier => letters + digits == text.len() && letters <= 5 && digits <= 2,
        MaskKind::Path => text == "/",
        _ => false,
    }
}

/// Returns whether a value is the placeholder of a mask, such as `<tenant>`.
fn is_placeholder(text: &str) -> bool {
    let name = text.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
    name.is_some_and(|name| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    })
}

/// Returns how many values begin `gap` with nothing but white space between them.
fn run_len(gap: &[Token]) -> usize {
    let is_value = |at: usize| match gap.get(at) {
        Some(Token::Value { text, .. }) => text.as_deref() != Some(""),
        _ => false,
    };
    if !is_value(0) {
        return 0;
    }
    let mut len = 1;
    while gap.get(2 * len - 1).is_some_and(is_space) && is_value(2 * len) {
        len += 1;
    }
    len
}

/// Returns what a run of values is together.
fn kind_of_run(run: &[Token]) -> MaskKind {
    let mut kinds = run.iter().filter_map(|token| match token {
        Token::Value { kind, .. } => Some(*kind),
        Token::Text(_) => None,
    });
    let first = kinds.next().unwrap_or(MaskKind::Word);
    if kinds.all(|kind| kind == first) { first } else { MaskKind::Word }
}
