//! The line that names an exception: its type, its message, and a code printed between them.
//! Shared by the readers of those languages that print `Type: message`.

/// What such a line says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Head<'t> {
    /// The type, as printed.
    pub(super) kind: &'t str,
    /// What follows the type.
    pub(super) message: &'t str,
    /// A code in brackets right after the type: `(0x80131904)`, `[ERR_INVALID_URL]`.
    pub(super) code: Option<&'t str>,
}

/// How sure it is that a line names an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Certainty {
    /// A name in mixed case, or a short name where types have packages.
    Perhaps,
    /// A name that says that it is of a failure.
    Sure,
}

/// What names of exceptions end with.
const FAILURES: [&str; 10] = [
    "Exception",
    "Error",
    "Throwable",
    "Failure",
    "Fault",
    "Interrupt",
    "Timeout",
    "Warning",
    "Panic",
    "Exceptions",
];

/// Returns the exception that one of `lines` names, those that precede the frames. `has_packages`:
/// the language prints types with their packages.
pub(super) fn find_head<'t>(lines: &[&'t str], has_packages: bool) -> Option<Head<'t>> {
    let mut perhaps = None;
    for line in lines {
        let Some(head) = head_at_start(line).map(unwrapped) else { continue };
        match certainty(head.kind, has_packages) {
            Some(Certainty::Sure) => return Some(head),
            Some(Certainty::Perhaps) => perhaps = Some(head),
            None => {}
        }
    }
    perhaps.or_else(|| lines.iter().find_map(|line| head_within(line)).map(unwrapped))
}

/// Returns the exception in the warning that Node wraps around one that nobody has caught.
fn unwrapped(head: Head<'_>) -> Head<'_> {
    match head.kind {
        "UnhandledPromiseRejectionWarning" => head_at_start(head.message).unwrap_or(head),
        _ => head,
    }
}

/// Returns the exception that `line` begins with the name of, whatever the name.
pub(super) fn head_at_start(line: &str) -> Option<Head<'_>> {
    let line = line.trim();
    let end = name_end(line);
    let (kind, rest) = line.split_at(end);
    if !kind.starts_with(|letter: char| letter.is_alphabetic() || matches!(letter, '_' | '\\')) {
        return None;
    }
    let (code, rest) = bracketed(rest);
    match rest.strip_prefix(':') {
        Some(message) => Some(Head { kind, message: message.trim(), code }),
        None if rest.trim().is_empty() => Some(Head { kind, message: "", code }),
        // Chains on one line: `Outer ---> Inner`.
        None if rest.starts_with(" --->") => Some(Head { kind, message: "", code }),
        None => None,
    }
}

/// Returns the first exception whose name stands anywhere in `line`.
pub(super) fn head_within(line: &str) -> Option<Head<'_>> {
    let mut at = 0;
    for token in line.split_inclusive([' ', '\t', '"', '\'', '(', '[']) {
        let start = at;
        at += token.len();
        let end = name_end(token);
        let kind = &token[..end];
        if certainty(kind, false) != Some(Certainty::Sure) {
            continue;
        }
        let after = &line[start + end..];
        let is_qualified = kind.contains(['.', '\\']) || kind.contains("::");
        if is_qualified || after.starts_with(": ") {
            let (code, rest) = bracketed(after);
            let message = rest.trim_start_matches([':', ' ', '"', '\'']);
            return Some(Head { kind, message: message.trim(), code });
        }
    }
    None
}

/// Returns whether `kind` is certainly the name of an exception type.
pub(super) fn names_failure(kind: &str) -> bool {
    certainty(kind, false) == Some(Certainty::Sure)
}

/// Returns whether `name` is certainly that of an exception type, with nothing besides.
pub(crate) fn names_exception(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| name_end(name) == name.len() && names_failure(name))
}

/// Returns the last part of a qualified name of a type.
pub(super) fn short_name(kind: &str) -> &str {
    kind.rsplit(['.', '\\']).next().unwrap_or(kind)
}

/// Returns where the name that begins `text` ends. A single colon ends it, two do not.
fn name_end(text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        at += match bytes[at] {
            b'_' | b'.' | b'$' | b'\\' | b'`' | b'+' => 1,
            byte if byte.is_ascii_alphanumeric() => 1,
            b':' if bytes.get(at + 1) == Some(&b':') && bytes.get(at + 2) != Some(&b' ') => 2,
            _ => break,
        };
    }
    at
}

/// Returns the code in brackets with which `rest` begins, and what follows it.
fn bracketed(rest: &str) -> (Option<&str>, &str) {
    let inner = rest.strip_prefix(" (").and_then(|inner| inner.split_once(')'));
    let inner = inner.or_else(|| rest.strip_prefix(" [").and_then(|inner| inner.split_once(']')));
    let is_code = |code: &str| {
        !code.is_empty()
            && code.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    match inner {
        Some((code, after)) if is_code(code) => (Some(code), after),
        _ => (None, rest),
    }
}

fn certainty(kind: &str, has_packages: bool) -> Option<Certainty> {
    let last = kind.rsplit(['.', '\\', ':', '$', '+']).next()?;
    let is_failure = FAILURES.iter().any(|word| last.ends_with(word));
    let is_qualified = kind.contains(['.', '\\']) || kind.contains("::");
    let begins_upper = last.starts_with(|letter: char| letter.is_ascii_uppercase());
    if is_failure && begins_upper {
        return Some(if is_qualified || !has_packages {
            Certainty::Sure
        } else {
            Certainty::Perhaps
        });
    }
    let is_mixed = last.bytes().skip(1).any(|byte| byte.is_ascii_uppercase())
        && last.bytes().any(|byte| byte.is_ascii_lowercase());
    (begins_upper && (is_qualified || is_mixed)).then_some(Certainty::Perhaps)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind_of(line: &str) -> Option<&str> {
        find_head(&[line], true).map(|head| head.kind)
    }

    #[test]
    fn types_are_found_at_the_start_and_within_a_line() {
        assert_eq!(
            kind_of("java.lang.IllegalStateException: x"),
            Some("java.lang.IllegalStateException")
        );
        assert_eq!(
            kind_of("Exception in thread \"main\" java.lang.StackOverflowError"),
            Some("java.lang.StackOverflowError")
        );
        assert_eq!(kind_of("Uncaught App\\Db\\ConnectError: gone"), Some("App\\Db\\ConnectError"));
        assert_eq!(kind_of("request 12 failed"), None);
        assert_eq!(kind_of(""), None);
    }

    #[test]
    fn a_type_with_a_package_is_believed_before_one_without() {
        let lines = ["Error: charge failed", "com.shop.PoolException: closed"];
        assert_eq!(find_head(&lines, true).unwrap().kind, "com.shop.PoolException");
        assert_eq!(find_head(&lines, false).unwrap().kind, "Error");
    }

    #[test]
    fn a_code_after_the_type_is_kept_apart() {
        let head = head_at_start("System.Data.SqlException (0x80131904): no route").unwrap();
        assert_eq!((head.code, head.message), (Some("0x80131904"), "no route"));
        let head = head_at_start("TypeError [ERR_INVALID_URL]: what").unwrap();
        assert_eq!((head.kind, head.code), ("TypeError", Some("ERR_INVALID_URL")));
    }
}
