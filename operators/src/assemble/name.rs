//! What exceptions are called: the type at the start of `Type: message`, found strictly where it
//! opens a trace, loosely where a trace must end with one.

/// Last parts of names that say that something went wrong.
const ENDINGS: [&[u8]; 14] = [
    b"Error",
    b"Exception",
    b"Failure",
    b"Fault",
    b"Throwable",
    b"Interrupt",
    b"Exit",
    b"Timeout",
    b"Warning",
    b"Panic",
    b"Abort",
    b"Violation",
    b"NotFound",
    b"Iteration",
];

/// Returns how long the qualified name at the start of `text` is: letters, digits and the signs
/// that join parts of names.
pub(super) fn length(text: &[u8]) -> usize {
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let joins = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'.' | b'$' | b'\\' => true,
            b'`' | b'+' => at > 0,
            b':' => text.get(at + 1) == Some(&b':') || at > 0 && text[at - 1] == b':',
            byte => *byte >= 0x80,
        };
        if !joins {
            break;
        }
        at += 1;
    }
    at
}

/// Returns whether a name is that of an exception: its last part begins with a capital and ends as
/// such names do, or it is qualified like a class in a package.
pub(super) fn is_exception(name: &[u8]) -> bool {
    let join = |byte: &u8| matches!(byte, b'.' | b':' | b'\\' | b'$' | b'/' | b'+');
    let last = name.rsplit(join).next().unwrap_or(name);
    if !last.first().is_some_and(u8::is_ascii_uppercase) || !name[0].is_ascii_alphabetic() {
        return false;
    }
    if ENDINGS.iter().any(|ending| last.ends_with(ending)) {
        return true;
    }
    // "shop.errors.OutOfStock": two packages at least, and a word with small letters.
    let packages = &name[..name.len() - last.len()];
    packages.iter().filter(|byte| **byte == b'.').count() >= 2
        && packages.iter().all(|b| b.is_ascii_lowercase() || matches!(b, b'.' | b'_' | b'0'..=b'9'))
        && last.iter().any(u8::is_ascii_lowercase)
}

/// Returns whether `text` is `Type`, `Type: message`, `Type [CODE]: message` or `Type (message):`
/// with a name that can only be an exception's.
pub(super) fn names_exception(text: &[u8]) -> bool {
    let length = length(text);
    let (name, rest) = text.split_at(length);
    let name = name.strip_suffix(b":").unwrap_or(name);
    if name.is_empty() {
        return false;
    }
    match rest {
        [] => is_exception(name),
        [b':', b' ', ..] | [b':'] => is_exception(name),
        [b' ', b'[', ..] => {
            let ends = rest.ends_with(b"]:") || memchr::memmem::find(rest, b"]: ").is_some();
            ends && is_exception(name)
        }
        // "RecordNotFound (no such order):" and "Type (0x80004005): message".
        [b' ', b'(', ..] => {
            let ends = rest.ends_with(b"):") || memchr::memmem::find(rest, b"): ").is_some();
            ends && (is_exception(name) || memchr::memmem::find(name, b"::").is_some())
        }
        _ => false,
    }
}

/// Returns whether `text` can be the last line of a trace that must end with `Type` or
/// `Type: message`: built-in types have a capital, others are qualified.
pub(super) fn may_name_exception(text: &[u8]) -> bool {
    let (name, rest) = text.split_at(length(text));
    let begins = name.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
    let named = name.contains(&b'.') || name.first().is_some_and(u8::is_ascii_uppercase);
    begins && named && !name.ends_with(b".") && matches!(rest, [] | [b':'] | [b':', b' ', ..])
}
