//! Codes of operating systems and of HTTP, in words: `ECONNREFUSED` and `connection refused` say the
//! same, and only words have a meaning for the encoder.

/// Returns the words of a code: a symbol of `errno` or of a resolver, or an abbreviation that errors use.
pub(super) fn in_words(code: &str) -> Option<&'static str> {
    // The longest of them has 14 bytes.
    if !(3..=14).contains(&code.len()) {
        return None;
    }
    Some(match code.to_ascii_lowercase().as_str() {
        "eacces" => "permission denied",
        "eaddrinuse" => "address already in use",
        "eagain" | "ewouldblock" => "resource temporarily unavailable",
        "eai_again" => "temporary failure in name resolution",
        "ebusy" => "device or resource busy",
        "econnaborted" => "connection aborted",
        "econnrefused" => "connection refused",
        "econnreset" => "connection reset by peer",
        "edeadlk" => "resource deadlock avoided",
        "edquot" => "disk quota exceeded",
        "eexist" => "file exists",
        "ehostdown" => "host is down",
        "ehostunreach" => "no route to host",
        "eio" => "input output",
        "eisdir" => "is a directory",
        "emfile" | "enfile" => "too many open files",
        "enetunreach" => "network unreachable",
        "enoent" => "no such file or directory",
        "enomem" => "cannot allocate memory",
        "enospc" => "no space left on device",
        "enotconn" => "not connected",
        "enotdir" => "not a directory",
        "enotfound" => "host not found",
        "eperm" => "operation not permitted",
        "epipe" => "broken pipe",
        "eproto" => "protocol",
        "erofs" => "read only file system",
        "etimedout" => "timed out",
        "esockettimedout" => "socket timed out",
        "gaierror" | "getaddrinfo" => "resolve host name",
        "jwt" => "json web token",
        "npe" => "null pointer",
        "oom" => "out of memory",
        _ => return None,
    })
}

/// Returns the words of an HTTP status, unless `next` shows that the number counts something.
pub(super) fn status_in_words(number: &str, next: Option<&str>) -> Option<&'static str> {
    let words = match number {
        "401" => "unauthorized",
        "403" => "forbidden",
        "404" => "not found",
        "408" => "request timeout",
        "413" => "payload too large",
        "429" => "too many requests",
        "500" => "internal server",
        "502" => "bad gateway",
        "503" => "service unavailable",
        "504" => "gateway timeout",
        _ => return None,
    };
    let counts = next.is_some_and(|next| UNITS.contains(&next));
    (!counts).then_some(words)
}

/// What numbers count.
const UNITS: [&str; 22] = [
    "b",
    "bytes",
    "connections",
    "days",
    "entries",
    "files",
    "h",
    "hours",
    "items",
    "kb",
    "kib",
    "mb",
    "messages",
    "mib",
    "minutes",
    "ms",
    "ns",
    "records",
    "requests",
    "rows",
    "s",
    "seconds",
];
