//! Error codes that a message prints: they tell failures of one type apart where the words around
//! them vary with the language of the machine. A code is kept in one spelling however it is printed.
//!
//! *State and limits:* at most [`CODES_MAX`] codes of a message, each of bounded length.

/// How many codes of one message count.
const CODES_MAX: usize = 4;
/// How many words before a number may say that it is a status.
const WORDS_BEFORE_MAX: usize = 6;

/// Status codes of RPC, which messages begin with or name after `code = `.
const RPC_CODES: [&str; 16] = [
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

/// What the C library says for an error number, where no name is printed.
const ERRNO_TEXTS: [(&str, &str); 14] = [
    ("connection refused", "ECONNREFUSED"),
    ("connection reset by peer", "ECONNRESET"),
    ("broken pipe", "EPIPE"),
    ("no such file or directory", "ENOENT"),
    ("permission denied", "EACCES"),
    ("no route to host", "EHOSTUNREACH"),
    ("network is unreachable", "ENETUNREACH"),
    ("address already in use", "EADDRINUSE"),
    ("too many open files", "EMFILE"),
    ("no space left on device", "ENOSPC"),
    ("operation timed out", "ETIMEDOUT"),
    ("connection timed out", "ETIMEDOUT"),
    ("i/o timeout", "ETIMEDOUT"),
    ("read-only file system", "EROFS"),
];

/// Returns the codes in the message of an exception of type `kind`, in order, each once.
pub(super) fn codes_of(kind: &str, message: &str) -> Vec<String> {
    let mut codes: Vec<String> = Vec::new();
    let mut add = |code: String| {
        if codes.len() < CODES_MAX && !codes.contains(&code) {
            codes.push(code);
        }
    };
    first_word_code(kind, message).into_iter().for_each(&mut add);
    let words: Vec<&str> =
        message.split(is_between_words).filter(|word| !word.is_empty()).collect();
    for (at, word) in words.iter().enumerate() {
        let before = &words[at.saturating_sub(WORDS_BEFORE_MAX)..at];
        word_code(before, word).into_iter().for_each(&mut add);
    }
    codes
}

/// Returns the name of the error that `text` ends with in words.
pub(super) fn errno_of_words(text: &str) -> Option<&'static str> {
    let last = text.rsplit(": ").next().unwrap_or(text).trim();
    ERRNO_TEXTS
        .iter()
        .find(|(words, _)| last.len() < 64 && last.eq_ignore_ascii_case(words))
        .map(|(_, name)| *name)
}

fn is_between_words(letter: char) -> bool {
    letter.is_whitespace()
        || matches!(letter, ':' | ',' | ';' | '(' | ')' | '[' | ']' | '=' | '"' | '\'' | '/')
}

/// Returns the code that the first word is because of the exception's type.
fn first_word_code(kind: &str, message: &str) -> Option<String> {
    let end = message.find([' ', ':', ',']).unwrap_or(message.len());
    let word = &message[..end];
    let of = |part: &str| {
        kind.len() >= part.len()
            && kind.as_bytes().windows(part.len()).any(|w| w.eq_ignore_ascii_case(part.as_bytes()))
    };
    if is_http_status(word) && (of("http") || of("api") || of("response")) {
        return Some(format!("HTTP {word}"));
    }
    let is_sql = of("sql") || of("postgres") || of("pg");
    if is_sql && is_sqlstate(word) && message[end..].starts_with(':') {
        return Some(format!("SQLSTATE {word}"));
    }
    RPC_CODES.contains(&word).then(|| format!("RPC {word}"))
}

/// Returns the code that `word` is, `before` being the words before it.
fn word_code(before: &[&str], word: &str) -> Option<String> {
    let last = before.last().copied().unwrap_or("");
    let says = |word: &str| before.iter().any(|one| one.eq_ignore_ascii_case(word));
    if last.eq_ignore_ascii_case("SQLSTATE") && is_sqlstate(word) {
        return Some(format!("SQLSTATE {word}"));
    }
    if is_hresult(word) {
        return Some(format!("HRESULT {}", word.to_ascii_uppercase()));
    }
    let number = word.trim_start_matches('-');
    let is_number = (1..=5).contains(&number.len()) && super::lines::is_digits(number);
    let names_errno = ["errno", "winerror"].iter().any(|one| last.eq_ignore_ascii_case(one));
    if is_number && (names_errno || last == "error" && says("os")) {
        return Some(format!("errno {number}"));
    }
    let names_status = ["http", "status", "statuscode", "status_code", "1.1", "1.0"];
    let is_status = names_status.iter().any(|one| says(one)) || says("HTTP") && says("code");
    if is_http_status(word) && is_status && !says("exit") {
        return Some(format!("HTTP {word}"));
    }
    if last == "code" || last.eq_ignore_ascii_case("statuscode") {
        return rpc_code(word);
    }
    is_named_code(word).then(|| word.to_owned())
}

/// Returns the RPC status that `word` is in mixed case: `DeadlineExceeded`.
fn rpc_code(word: &str) -> Option<String> {
    let letters = |text: &str| text.replace('_', "").to_ascii_uppercase();
    let found = RPC_CODES.iter().find(|code| word.len() < 32 && letters(code) == letters(word))?;
    Some(format!("RPC {found}"))
}

/// Returns whether `word` is `ECONNREFUSED`, `ERR_INVALID_ARG_TYPE`, `ORA-00942` or alike.
fn is_named_code(word: &str) -> bool {
    let of_upper = |text: &str, min: usize| {
        text.len() >= min
            && text.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
    };
    if word.len() > 48 {
        return false;
    }
    if let Some(rest) = word.strip_prefix("ERR_") {
        return of_upper(rest, 3);
    }
    if let Some((name, number)) = word.split_once('-') {
        let is_vendor = (2..=4).contains(&name.len()) && of_upper(name, 2);
        return is_vendor && number.len() == 5 && super::lines::is_digits(number);
    }
    word.starts_with('E') && is_errno_name(word)
}

/// Returns whether `word` is the name of an error number. Upper-case words that begin with an E
/// are common, so the names are listed.
fn is_errno_name(word: &str) -> bool {
    const NAMES: [&str; 34] = [
        "EACCES",
        "EADDRINUSE",
        "EADDRNOTAVAIL",
        "EAGAIN",
        "EAI_AGAIN",
        "EBADF",
        "EBUSY",
        "ECANCELED",
        "ECONNABORTED",
        "ECONNREFUSED",
        "ECONNRESET",
        "EEXIST",
        "EHOSTUNREACH",
        "EINTR",
        "EINVAL",
        "EIO",
        "EISDIR",
        "EMFILE",
        "ENETUNREACH",
        "ENFILE",
        "ENOENT",
        "ENOMEM",
        "ENOSPC",
        "ENOTCONN",
        "ENOTDIR",
        "ENOTEMPTY",
        "ENOTFOUND",
        "ENOTSUP",
        "EPERM",
        "EPIPE",
        "EPROTO",
        "EROFS",
        "ESOCKETTIMEDOUT",
        "ETIMEDOUT",
    ];
    NAMES.contains(&word)
}

fn is_http_status(word: &str) -> bool {
    word.len() == 3
        && super::lines::is_digits(word)
        && matches!(word.as_bytes()[0], b'3' | b'4' | b'5')
}

fn is_sqlstate(word: &str) -> bool {
    word.len() == 5
        && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_digit())
}

/// Returns whether `word` is `0x8…` with eight digits.
fn is_hresult(word: &str) -> bool {
    let digits = word.strip_prefix("0x").or(word.strip_prefix("0X")).unwrap_or("");
    digits.len() == 8
        && matches!(digits.as_bytes()[0], b'8' | b'C' | b'c')
        && super::lines::is_hex(digits, 8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_every_usual_spelling() {
        let codes = |kind: &str, message: &str| codes_of(kind, message).join(" ");
        assert_eq!(
            codes("PDOException", "SQLSTATE[HY000] [2002] Verbindung verweigert"),
            "SQLSTATE HY000"
        );
        assert_eq!(codes("Npgsql.PostgresException", "23505: duplicate key"), "SQLSTATE 23505");
        assert_eq!(codes("Error", "connect ECONNREFUSED 10.0.0.1:5432"), "ECONNREFUSED");
        assert_eq!(codes("ConnectionError", "[Errno 111] Connection refused"), "errno 111");
        assert_eq!(codes("panic", "refused (os error 111)"), "errno 111");
        assert_eq!(
            codes(
                "HttpRequestException",
                "Response status code does not indicate success: 503 (x)"
            ),
            "HTTP 503"
        );
        assert_eq!(codes("X", "Response status code: 503 (Service Unavailable)"), "HTTP 503");
        assert_eq!(
            codes("requests.exceptions.HTTPError", "404 Client Error: Not Found"),
            "HTTP 404"
        );
        assert_eq!(codes("COMException", "no access (0x80070005)"), "HRESULT 0X80070005");
        assert_eq!(codes("StatusRuntimeException", "UNAVAILABLE: io exception"), "RPC UNAVAILABLE");
        assert_eq!(
            codes("X", "rpc error: code = DeadlineExceeded desc = x"),
            "RPC DEADLINE_EXCEEDED"
        );
        assert_eq!(codes("X", "ORA-00942: table or view does not exist"), "ORA-00942");
    }

    #[test]
    fn numbers_and_words_that_are_no_codes_are_left_alone() {
        for message in [
            "order 404 of 503",
            "FATAL: no database",
            "exit status 137",
            "EMPTY CART",
            "id 0x7fff5fbff8c0",
        ] {
            assert!(codes_of("Error", message).is_empty(), "{message}");
        }
    }

    #[test]
    fn limit_only_the_first_codes_count() {
        let names = ["EACCES", "EBADF", "EBUSY", "EINVAL", "EIO", "EPIPE"];
        assert_eq!(codes_of("", &names.join(" ")), names[..CODES_MAX]);
    }

    #[test]
    fn limit_only_the_words_right_before_a_number_say_what_it_is() {
        let codes = |words: usize| codes_of("", &format!("HTTP {}503", "so ".repeat(words)));
        assert_eq!(codes(WORDS_BEFORE_MAX - 1), ["HTTP 503"]);
        assert!(codes(WORDS_BEFORE_MAX).is_empty());
    }
}
