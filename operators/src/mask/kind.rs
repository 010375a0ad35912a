//! Kinds of variables, the placeholders that stand for them, and how a kind is told from a text.
//! Only what is displayed depends on the kind; identity knows one kind of variable.

/// What a variable is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MaskKind {
    /// A number, with sign, decimals or per cent.
    Number,
    /// An amount of bytes: `12KB`.
    Size,
    /// A span of time: `1.5s`.
    Duration,
    /// A date, a time of day, or part of them.
    Time,
    /// An IPv4 or IPv6 address, with or without port.
    Ip,
    /// A hardware address.
    Mac,
    /// A UUID.
    Uuid,
    /// A hexadecimal number.
    Hex,
    /// A URL.
    Url,
    /// An e-mail address.
    Email,
    /// A dotted name, with or without port.
    Host,
    /// A path of a file.
    Path,
    /// An identifier with digits in it.
    Identifier,
    /// `true`, `false`, `null`.
    Literal,
    /// A quoted text.
    Quoted,
    /// Any other value: after a key, after `user`, or missing.
    Word,
}

/// Every kind with its placeholder and the rule that finds it.
const KINDS: [(MaskKind, &str, &str); 16] = [
    (MaskKind::Number, "<num>", "number"),
    (MaskKind::Size, "<size>", "size"),
    (MaskKind::Duration, "<duration>", "duration"),
    (MaskKind::Time, "<time>", "time"),
    (MaskKind::Ip, "<ip>", "ip_address"),
    (MaskKind::Mac, "<mac>", "mac_address"),
    (MaskKind::Uuid, "<uuid>", "uuid"),
    (MaskKind::Hex, "<hex>", "hexadecimal"),
    (MaskKind::Url, "<url>", "url"),
    (MaskKind::Email, "<email>", "email"),
    (MaskKind::Host, "<host>", "host_name"),
    (MaskKind::Path, "<path>", "path"),
    (MaskKind::Identifier, "<id>", "identifier"),
    (MaskKind::Literal, "<bool>", "literal"),
    (MaskKind::Quoted, "<str>", "quoted"),
    (MaskKind::Word, "<*>", "value"),
];

impl MaskKind {
    /// Returns what is displayed instead of the variable.
    pub fn placeholder(self) -> &'static str {
        self.entry().1
    }

    /// Returns the name of the rule, for explanations.
    pub fn rule(self) -> &'static str {
        self.entry().2
    }

    /// Returns whether a unit may follow.
    pub(super) fn is_number(self) -> bool {
        matches!(self, MaskKind::Number | MaskKind::Time)
    }

    fn entry(self) -> (MaskKind, &'static str, &'static str) {
        KINDS[self as usize]
    }

    /// Returns the kind of a value that is not further known.
    pub(crate) fn of(value: &[u8]) -> MaskKind {
        let value = strip_sign(value);
        if let Some(kind) = of_structure(value) {
            return kind;
        }
        if value.iter().any(|&byte| matches!(byte, b'/' | b'\\')) {
            return MaskKind::Path;
        }
        match leading_number(value) {
            Some(len) if len == value.len() => MaskKind::Number,
            Some(len) => of_unit(&value[len..]),
            None if is_hex(value) => MaskKind::Hex,
            None if value.contains(&b'.') && ends_like_a_host(value) => MaskKind::Host,
            None if value.iter().any(u8::is_ascii_digit) => MaskKind::Identifier,
            None => MaskKind::Word,
        }
    }
}

/// Returns the kind and end of the placeholder that begins at `at`.
pub(super) fn placeholder_at(text: &[u8], at: usize) -> Option<(MaskKind, usize)> {
    let rest = text.get(at..)?;
    if rest.first() != Some(&b'<') {
        return None;
    }
    KINDS
        .iter()
        .find(|(_, placeholder, _)| rest.starts_with(placeholder.as_bytes()))
        .map(|(kind, placeholder, _)| (*kind, at + placeholder.len()))
}

/// Returns `value` without its sign.
fn strip_sign(value: &[u8]) -> &[u8] {
    match value {
        [b'-' | b'+', rest @ ..] => rest,
        _ => value,
    }
}

/// Returns the kind of values that are known by their punctuation.
fn of_structure(value: &[u8]) -> Option<MaskKind> {
    if memchr::memmem::find(value, b"://").is_some() {
        return Some(MaskKind::Url);
    }
    if is_uuid(value) {
        return Some(MaskKind::Uuid);
    }
    if is_mac(value) {
        return Some(MaskKind::Mac);
    }
    if is_ipv4(value) || is_ipv6(value) {
        return Some(MaskKind::Ip);
    }
    if is_time(value) {
        return Some(MaskKind::Time);
    }
    if is_email(value) {
        return Some(MaskKind::Email);
    }
    if let Some(colon) = value.iter().rposition(|&byte| byte == b':') {
        let (host, port) = (&value[..colon], &value[colon + 1..]);
        if !host.is_empty() && !port.is_empty() && port.iter().all(u8::is_ascii_digit) {
            return Some(MaskKind::Host);
        }
    }
    None
}

/// Returns the kind of a number that `unit` follows.
fn of_unit(unit: &[u8]) -> MaskKind {
    const SIZES: [&[u8]; 11] =
        [b"b", b"k", b"kb", b"mb", b"g", b"gb", b"tb", b"kib", b"mib", b"gib", b"bytes"];
    const DURATIONS: [&[u8]; 9] = [b"ns", b"us", b"ms", b"s", b"m", b"h", b"d", b"sec", b"min"];
    if SIZES.iter().any(|size| unit.eq_ignore_ascii_case(size)) {
        MaskKind::Size
    } else if DURATIONS.contains(&unit) {
        MaskKind::Duration
    } else if unit.iter().all(u8::is_ascii_hexdigit) {
        MaskKind::Hex
    } else {
        MaskKind::Identifier
    }
}

/// Returns the length of the number with which `value` begins.
fn leading_number(value: &[u8]) -> Option<usize> {
    let is_part = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b',');
    let len = value.iter().position(|byte| !is_part(byte)).unwrap_or(value.len());
    let is_number = value[..len].iter().any(u8::is_ascii_digit) && !value.starts_with(b"0x");
    is_number.then_some(len)
}

fn is_hex(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"0x").or(value.strip_prefix(b"0X")).unwrap_or(value);
    digits.len() >= 4 && digits.iter().all(u8::is_ascii_hexdigit) || value.starts_with(b"0x")
}

fn is_uuid(value: &[u8]) -> bool {
    value.len() == 36
        && value.iter().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => *byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

fn is_mac(value: &[u8]) -> bool {
    value.len() == 17
        && value.iter().enumerate().all(|(at, byte)| match at % 3 {
            2 => matches!(byte, b':' | b'-'),
            _ => byte.is_ascii_hexdigit(),
        })
}

pub(super) fn is_ipv4(value: &[u8]) -> bool {
    let address = value.split(|&byte| matches!(byte, b':' | b'/')).next().unwrap_or(value);
    let mut parts = 0;
    let well_formed = address.split(|&byte| byte == b'.').all(|part| {
        parts += 1;
        (1..=3).contains(&part.len()) && part.iter().all(u8::is_ascii_digit)
    });
    well_formed && parts == 4
}

fn is_ipv6(value: &[u8]) -> bool {
    let colons = value.iter().filter(|&&byte| byte == b':').count();
    let is_hex = value.iter().all(|&byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
    let has_letters = value.iter().any(u8::is_ascii_alphabetic);
    is_hex
        && colons >= 2
        && (has_letters || colons > 3 || memchr::memmem::find(value, b"::").is_some())
}

/// Returns whether `value` looks like a date (`2024-05-06`, `06/May/2024`), a time (`12:30:01.5`),
/// or both.
fn is_time(value: &[u8]) -> bool {
    let digits_before = |mark: u8| {
        value
            .iter()
            .position(|&byte| byte == mark)
            .is_some_and(|at| matches!(at, 1 | 2 | 4) && value[..at].iter().all(u8::is_ascii_digit))
    };
    let separators =
        |mark: u8| value.iter().filter(|&&byte| byte == mark).count() >= 2 && digits_before(mark);
    let well_formed = value.iter().all(|&byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b':' | b'.' | b',' | b'-' | b'+' | b'/')
    });
    let is_clock = digits_before(b':')
        && value.iter().all(|&byte| byte.is_ascii_digit() || matches!(byte, b':' | b'.' | b','));
    well_formed
        && (is_clock || separators(b'-') || separators(b'/') || separators(b':'))
        && value.iter().filter(|byte| byte.is_ascii_alphabetic()).count() <= 5
}

fn is_email(value: &[u8]) -> bool {
    value.iter().position(|&byte| byte == b'@').is_some_and(|at| {
        at > 0 && value[at + 1..].contains(&b'.') && !value[at + 1..].contains(&b'@')
    })
}

fn ends_like_a_host(value: &[u8]) -> bool {
    value
        .rsplit(|&byte| byte == b'.')
        .next()
        .is_some_and(|last| last.len() >= 2 && last.iter().all(u8::is_ascii_lowercase))
}
