//! Pieces: what stands between white space and hard punctuation and is not a plain word. Decides
//! which of them are values and which hold words.

use super::classes::{
    AT, BACKSLASH, COLON, DIGIT, DOT, EQUALS, ESCAPE, FOREIGN, LETTER, PIECE, SLASH, SPACE,
    TRIMMED, Word, class_at, class_of, classes_in,
};
use super::kind::{MaskKind, is_ipv4};
use super::scan::{Before, Scanner, Sink, WORD_BYTES_MAX};
use super::words::is_technique;

/// The longest error code that is kept after `errno` and the like.
pub(super) const CODE_BYTES_MAX: usize = 12;

impl<S: Sink> Scanner<'_, '_, S> {
    /// Reads the piece that begins at `start` and returns its end.
    pub(super) fn piece(&mut self, start: usize) -> usize {
        let (mut stop, seen) = self.piece_end(start);
        if seen & SLASH != 0
            && self.text.get(stop) == Some(&b'?')
            && is_path(&self.text[start..stop])
        {
            stop = query_end(self.text, stop);
        }
        if seen & COLON == 0 {
            self.part(start, stop, seen);
            return stop;
        }
        if let Some(colon) = scheme_end(self.text, start, stop, seen) {
            return self.url(start, colon);
        }
        let end = trim_end(self.text, start, stop);
        let begin = trim_start(self.text, start, end);
        if is_one_value(&self.text[begin..end]) {
            self.before = Before::Number;
            self.variable(begin, end, None);
            return stop;
        }
        if is_host_and_port(&self.text[begin..end]) {
            self.before = Before::Nothing;
            self.variable(begin, end, Some(MaskKind::Host));
            return stop;
        }
        let rest = start + leading_address(&self.text[start..stop]);
        if rest > start {
            self.variable(start, rest, Some(MaskKind::Ip));
        }
        let mut from = rest;
        for at in rest..stop {
            if self.text[at] == b':' {
                self.part(from, at, classes_in(&self.text[from..at]));
                from = at + 1;
            }
        }
        self.part(from, stop, classes_in(&self.text[from..stop]));
        stop
    }

    /// Returns whether `start..stop` is the name of a function that is called right there: letters
    /// with dots before `(`, an identifier before `()`.
    fn is_call(&self, start: usize, stop: usize) -> bool {
        let rest = &self.text[stop..];
        let name = &self.text[start..stop];
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
        let is_dotted = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'.');
        rest.starts_with(b"(")
            && name[0].is_ascii_alphabetic()
            && name.len() <= WORD_BYTES_MAX
            && (name.iter().all(is_dotted) || rest.starts_with(b"()") && name.iter().all(is_name))
    }

    /// Returns where the piece ends, and which classes it holds.
    #[inline]
    fn piece_end(&self, start: usize) -> (usize, u16) {
        let (mut stop, mut seen) = (start, 0);
        loop {
            let classes = self.text[stop..].iter().map(|&byte| class_of(byte));
            for class in classes.take_while(|class| class & PIECE != 0) {
                seen |= class;
                stop += 1;
            }
            let decimal_comma = self.text.get(stop) == Some(&b',')
                && seen & LETTER == 0
                && class_of(self.text[stop - 1]) == DIGIT
                && class_at(self.text, stop + 1) == DIGIT;
            if !decimal_comma {
                return (stop, seen);
            }
            stop += 1;
        }
    }

    /// Reads a URL whose `://` is at `colon`, and what stands before its scheme.
    fn url(&mut self, start: usize, colon: usize) -> usize {
        let mut scheme = colon;
        while scheme > start
            && (class_of(self.text[scheme - 1]) & (LETTER | DIGIT) != 0
                || matches!(self.text[scheme - 1], b'+' | b'-' | b'.'))
        {
            scheme -= 1;
        }
        if scheme > start {
            self.part(start, scheme, classes_in(&self.text[start..scheme]));
        }
        let stop = url_end(self.text, colon);
        self.before = Before::Nothing;
        self.variable(scheme, stop, Some(MaskKind::Url));
        stop
    }

    /// Reads a piece without colons.
    fn part(&mut self, start: usize, stop: usize, seen: u16) {
        let stop = trim_end(self.text, start, stop);
        let start = trim_start(self.text, start, stop);
        if start == stop {
            return;
        }
        if seen == LETTER {
            return self.plain_word(Word::at(self.text, start, stop));
        }
        let before = std::mem::replace(&mut self.before, Before::Nothing);
        let part = &self.text[start..stop];
        if before == Before::Code && is_code(part) {
            return self.constant(Word::at(self.text, start, stop));
        }
        if before == Before::User || is_value(part, seen) && !self.is_call(start, stop) {
            let is_number = seen & LETTER == 0 && seen & DIGIT != 0;
            self.before = if is_number { Before::Number } else { Before::Nothing };
            return self.variable(start, stop, None);
        }
        let mut from = start;
        for at in start..=stop {
            let inside = at < stop
                && (class_of(self.text[at]) & (LETTER | DIGIT) != 0 || self.text[at] == b'_');
            if !inside {
                if at > from {
                    self.constant(Word::at(self.text, from, at));
                }
                from = at + 1;
            }
        }
    }
}

/// Returns where the `://` is in `start..stop`, which holds the classes `seen`.
pub(super) fn scheme_end(text: &[u8], start: usize, stop: usize, seen: u16) -> Option<usize> {
    if seen & (COLON | SLASH) != COLON | SLASH {
        return None;
    }
    text[start..stop].windows(3).position(|three| three == b"://").map(|at| start + at)
}

/// Returns where a URL ends whose `://` is at `colon`.
pub(super) fn url_end(text: &[u8], colon: usize) -> usize {
    let mut stop = colon + 3;
    while class_at(text, stop) & (SPACE | ESCAPE) == 0
        && !matches!(text[stop], b'"' | b'\'' | b'`' | b'<' | b'>' | b')' | b']' | b'}' | b'|')
    {
        stop += 1;
    }
    while matches!(text[stop - 1], b'.' | b',' | b';' | b':' | b'!' | b'?') && stop > colon + 3 {
        stop -= 1;
    }
    stop
}

/// Returns where the query ends that stands at `stop`, behind a path: `?page=2&sort=name`. Without a
/// pair in it there is none.
pub(super) fn query_end(text: &[u8], stop: usize) -> usize {
    if text.get(stop) != Some(&b'?') {
        return stop;
    }
    let rest = &text[stop + 1..];
    let is_part = |byte: &u8| class_of(*byte) & (PIECE | EQUALS | FOREIGN) != 0 || *byte == b'?';
    let length = rest.iter().position(|byte| !is_part(byte)).unwrap_or(rest.len());
    match rest[..length].contains(&b'=') {
        true => trim_end(text, stop, stop + 1 + length),
        false => stop,
    }
}

/// Returns `stop` without punctuation before it.
fn trim_end(text: &[u8], start: usize, mut stop: usize) -> usize {
    while stop > start && class_of(text[stop - 1]) & TRIMMED != 0 {
        stop -= 1;
    }
    stop
}

/// Returns `start` without punctuation after it, but with what begins a number or a path.
fn trim_start(text: &[u8], mut start: usize, stop: usize) -> usize {
    while start < stop && class_of(text[start]) & TRIMMED != 0 {
        let next = class_at(text, start + 1);
        let is_sign = matches!(text[start], b'-' | b'+' | b'.') && next == DIGIT;
        let begins_path = matches!(text[start], b'.' | b'~') && next & (SLASH | DOT) != 0;
        if is_sign || begins_path || text[start..].starts_with(b"::") {
            return start;
        }
        start += 1;
    }
    start
}

/// Returns whether a piece with colons is one value: a time, an address with or without port, a
/// Windows path.
fn is_one_value(piece: &[u8]) -> bool {
    if piece.len() >= 3 && piece[0].is_ascii_alphabetic() && piece[1] == b':' {
        return matches!(piece[2], b'\\' | b'/');
    }
    let mut parts = piece.split(|&byte| byte == b':');
    let has_digit = |part: &[u8]| part.iter().any(u8::is_ascii_digit);
    if has_digit(piece) && parts.all(|part| part.is_empty() || has_digit(part)) {
        return true;
    }
    let colons = piece.iter().filter(|&&byte| byte == b':').count();
    let is_hex = piece.iter().all(|&b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.' | b'%'));
    is_hex && (colons >= 5 || colons >= 2 && has_digit(piece))
}

/// Returns whether a piece with colons is a dotted name or `localhost`, and a port.
fn is_host_and_port(piece: &[u8]) -> bool {
    let Some(colon) = piece.iter().position(|&byte| byte == b':') else {
        return false;
    };
    let (host, port) = (&piece[..colon], &piece[colon + 1..]);
    (host == b"localhost" || is_dotted_value(host))
        && (1..=5).contains(&port.len())
        && port.iter().all(u8::is_ascii_digit)
}

/// Returns the length of the IPv4 address and port with which a piece begins before another colon.
fn leading_address(piece: &[u8]) -> usize {
    let mut colons = memchr::memchr_iter(b':', piece);
    let (Some(first), Some(second)) = (colons.next(), colons.next()) else { return 0 };
    let port = &piece[first + 1..second];
    let is_port = !port.is_empty() && port.iter().all(u8::is_ascii_digit);
    if is_port && is_ipv4(&piece[..first]) { second } else { 0 }
}

/// Returns whether `part` may be an error code.
fn is_code(part: &[u8]) -> bool {
    part.len() <= CODE_BYTES_MAX
        && part.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-')
}

/// Returns whether a piece without colons is a value rather than words.
fn is_value(part: &[u8], seen: u16) -> bool {
    if seen & (AT | BACKSLASH) != 0 && part.iter().any(|&b| matches!(b, b'@' | b'\\')) {
        return true;
    }
    if seen & SLASH != 0 && is_path(part) {
        return true;
    }
    if seen & DIGIT != 0 {
        return seen & LETTER == 0 || !is_error_type(part) && !is_technique(part);
    }
    seen & DOT != 0 && is_dotted_value(part)
}

/// Returns whether a piece with a slash is a path, and not two words.
fn is_path(part: &[u8]) -> bool {
    let slashes = part.iter().filter(|&&byte| byte == b'/').count();
    matches!(part[0], b'/' | b'.' | b'~')
        || slashes >= 2
        || slashes == 1 && part.iter().any(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// Returns whether letters with dots are the name of a host, file, package or class that is a
/// value: a lower-case end, or a path of packages. Short names and types of failures stay.
fn is_dotted_value(part: &[u8]) -> bool {
    let Some(dot) = part.iter().rposition(|&byte| byte == b'.') else {
        return false;
    };
    let last = &part[dot + 1..];
    if !part[0].is_ascii_lowercase() {
        // `Class.method`
        return false;
    }
    if last.len() >= 2 && last.iter().all(u8::is_ascii_lowercase) {
        return true;
    }
    let dots = part.iter().filter(|&&byte| byte == b'.').count();
    dots >= 2 && !names_failure(part)
}

/// Returns whether a dotted name speaks of an exception or error, in its module or its type.
fn names_failure(part: &[u8]) -> bool {
    const WORDS: [&[u8]; 4] = [b"Exception", b"exception", b"Error", b"error"];
    WORDS.iter().any(|word| memchr::memmem::find(part, word).is_some())
}

/// Returns whether a piece with digits is the name of an exception all the same.
fn is_error_type(part: &[u8]) -> bool {
    if !part.ends_with(b"Exception") && !part.ends_with(b"Error") {
        return false;
    }
    let last = part.rsplit(|byte| matches!(byte, b'.' | b'$')).next().unwrap_or(part);
    part.len() <= WORD_BYTES_MAX
        && last.first().is_some_and(u8::is_ascii_uppercase)
        && last.iter().all(u8::is_ascii_alphanumeric)
}
