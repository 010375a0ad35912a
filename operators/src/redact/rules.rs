//! The rules that come with `redact`: the shapes of secrets and of personal data, each with the words
//! that must stand in a text before its pattern is tried.

use super::cards;
use regex::bytes::{Captures, Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::Deserialize;

/// A rule that comes with `redact`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RuleName {
    /// Private keys, whole blocks or single lines of one.
    PrivateKey,
    /// What follows `Authorization:`, `Bearer` and `Basic`.
    Authorization,
    /// The values of `password`, `token`, `secret`, `api_key` and their kin in queries, pairs and
    /// JSON, and passwords in addresses (`scheme://user:password@host`).
    SecretValue,
    /// Access keys of cloud and code hosting providers, by their shape.
    AccessKey,
    /// JSON web tokens.
    WebToken,
    /// Mail addresses.
    MailAddress,
    /// Numbers of payment cards, by their digits and check digit.
    CardNumber,
}

impl RuleName {
    /// Every rule, in the order in which they are tried.
    pub const ALL: [RuleName; 7] = [
        RuleName::PrivateKey,
        RuleName::Authorization,
        RuleName::SecretValue,
        RuleName::AccessKey,
        RuleName::WebToken,
        RuleName::MailAddress,
        RuleName::CardNumber,
    ];

    /// Returns the words, in any case, of which one stands in every text that the rule applies to.
    pub(super) fn triggers(self) -> &'static [&'static str] {
        match self {
            RuleName::PrivateKey => &["private key"],
            RuleName::Authorization => &["authorization", "bearer", "basic"],
            RuleName::SecretValue => &[
                "passw",
                "passphrase",
                "pwd",
                "secret",
                "token",
                "api_key",
                "api-key",
                "apikey",
                "access_key",
                "access-key",
                "accesskey",
                "private_key",
                "credential",
                "auth_key",
                "session_id",
                "sessionid",
                "://",
            ],
            RuleName::AccessKey => &[
                "akia",
                "asia",
                "aiza",
                "ghp_",
                "gho_",
                "ghu_",
                "ghs_",
                "ghr_",
                "github_pat_",
                "glpat-",
                "xoxa-",
                "xoxb-",
                "xoxp-",
                "xoxr-",
                "xoxs-",
                "sk_live_",
                "sk_test_",
                "rk_live_",
                "sk-",
                "npm_",
                "sg.",
            ],
            RuleName::WebToken => &["eyj"],
            RuleName::MailAddress => &["@"],
            RuleName::CardNumber => &[],
        }
    }

    /// Returns what stands in place of what the rule finds.
    pub(super) fn replacement(self) -> &'static [u8] {
        match self {
            RuleName::PrivateKey => b"<private-key>",
            RuleName::Authorization | RuleName::SecretValue => b"<secret>",
            RuleName::AccessKey => b"<access-key>",
            RuleName::WebToken => b"<web-token>",
            RuleName::MailAddress => b"<mail-address>",
            RuleName::CardNumber => b"<card-number>",
        }
    }

    /// Returns the pattern; the group `v` is what is taken out, or the whole match.
    fn pattern(self) -> &'static str {
        match self {
            RuleName::PrivateKey => {
                r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----(?s:.)*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\z)"
            }
            RuleName::Authorization => {
                r#"(?i)\bauthorization\\?["']?\s*[:=]\s*\\?["']?(?:(?:bearer|basic|digest|negotiate|token|apikey)\s+)?(?P<v>[^\s"',;\\]+)|\b(?:bearer|basic)\s+(?P<w>[a-z0-9._~+/-]{8,}=*)"#
            }
            RuleName::SecretValue => SECRET_VALUE,
            RuleName::AccessKey => {
                r"\b(?:(?:AKIA|ASIA)[A-Z0-9]{16}\b|AIza[0-9A-Za-z_-]{35}|gh[opusr]_[A-Za-z0-9]{30,}|github_pat_[A-Za-z0-9_]{22,}|glpat-[A-Za-z0-9_-]{20,}|xox[abprs]-[A-Za-z0-9-]{10,}|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|sk-[A-Za-z0-9_-]{20,}|npm_[A-Za-z0-9]{30,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,})"
            }
            RuleName::WebToken => r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)?",
            RuleName::MailAddress => {
                r"[A-Za-z0-9._%+-]+@(?P<domain>(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,24})\b"
            }
            // Groups of digits in a row, of which some may be a card.
            RuleName::CardNumber => r"\d+(?:[ -]\d+)*",
        }
    }
}

/// Keys that end in a secret's name, as `key=value`, `"key": "value"` and `\"key\":\"value\"`; a
/// few also as `key: value`. And passwords in addresses.
const SECRET_VALUE: &str = concat!(
    r#"(?i)(?:passwd|password|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key(?:[_-]id)?"#,
    r#"|secret[_-]?key|private[_-]?key|credentials?|auth[_-]?key|session[_-]?id)"#,
    r#"(?:\\?["']\s*:\s*|\\?["']?\s*=>?\s*)"#,
    r#"(?:\\"(?P<v>[^"\\]+)|"(?P<w>(?:[^"\\]|\\.)+)|'(?P<x>[^']+)|(?P<y>[^\s"'&,;)\]}\\]+))"#,
    r#"|(?:passwd|password|passphrase|pwd|secret|api[_-]?key):[ \t]+["']?(?P<z>[^\s"'&,;)\]}]+)"#,
    r#"|\b[a-z][a-z0-9+.-]*://[^\s/:@"']*:(?P<p>[^\s/@"']+)@"#,
);

/// Endings that look like those of mail addresses and name other things.
const NO_MAIL_ENDINGS: [&[u8]; 12] = [
    b"service",
    b"socket",
    b"timer",
    b"slice",
    b"target",
    b"mount",
    b"scope",
    b"device",
    b"path",
    b"tgz",
    b"js",
    b"local-disk",
];

/// A rule, ready to be tried.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    name: RuleName,
    regex: Regex,
}

impl Rule {
    /// Returns the rule of that name.
    pub(super) fn new(name: RuleName) -> Result<Rule, regex::Error> {
        // Bytes need not be text, so nothing here may ask for characters.
        let regex = RegexBuilder::new(name.pattern()).unicode(false).build()?;
        Ok(Rule { name, regex })
    }

    /// Reports every piece of `text` that the rule takes out.
    pub(super) fn find(&self, text: &[u8], mut report: impl FnMut(usize, usize)) {
        if self.name == RuleName::PrivateKey && is_key_line(text) {
            return report(0, text.len());
        }
        if self.name == RuleName::CardNumber {
            for row in self.regex.find_iter(text) {
                cards::find(row.as_bytes(), |start, end| {
                    report(row.start() + start, row.start() + end);
                });
            }
            return;
        }
        for captures in self.regex.captures_iter(text) {
            if let Some((start, end)) = self.piece(&captures) {
                report(start, end);
            }
        }
    }

    /// Returns the piece of a match that is taken out, if it is what it looks like.
    fn piece(&self, captures: &Captures<'_>) -> Option<(usize, usize)> {
        let whole = captures.get(0)?;
        let value = ["v", "w", "x", "y", "z", "p"].iter().find_map(|name| captures.name(name));
        let taken = value.unwrap_or(whole);
        let bytes = taken.as_bytes();
        let fits = match self.name {
            RuleName::Authorization => captures.name("v").is_some() || is_credential(bytes),
            RuleName::SecretValue => !is_placeholder(bytes),
            RuleName::MailAddress => {
                captures.name("domain").is_some_and(|d| is_domain(d.as_bytes()))
            }
            RuleName::PrivateKey
            | RuleName::AccessKey
            | RuleName::WebToken
            | RuleName::CardNumber => true,
        };
        fits.then_some((taken.start(), taken.end()))
    }
}

/// Returns whether the text is one line of a key's block: nothing but base64, in its usual length.
pub(super) fn is_key_line(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let has = |of: fn(&u8) -> bool| text.iter().any(of);
    (60..=76).contains(&text.len())
        && text.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_digit)
}

/// Returns whether what stands behind "basic" or "bearer" is a credential and not a word.
fn is_credential(value: &[u8]) -> bool {
    value.iter().any(|b| b.is_ascii_digit() || *b == b'=')
        || value.len() >= 12 && value[1..].iter().any(u8::is_ascii_uppercase)
}

/// Returns whether a value only says that there is none, or was redacted before.
fn is_placeholder(value: &[u8]) -> bool {
    let words: [&[u8]; 6] = [b"null", b"nil", b"none", b"true", b"false", b"undefined"];
    words.iter().any(|word| value.eq_ignore_ascii_case(word))
        || RuleName::ALL.iter().any(|rule| value.starts_with(rule.replacement()))
        || value.iter().all(|b| matches!(b, b'*' | b'x' | b'X' | b'.' | b'<' | b'>'))
}

/// Returns whether a name can be a mail domain: not a version, nor a unit of a service manager.
fn is_domain(domain: &[u8]) -> bool {
    let Some(dot) = memchr::memrchr(b'.', domain) else { return false };
    let (labels, ending) = (&domain[..dot], &domain[dot + 1..]);
    let versioned = labels.iter().all(|b| b.is_ascii_digit() || *b == b'.');
    !versioned && !NO_MAIL_ENDINGS.iter().any(|no| ending.eq_ignore_ascii_case(no))
}
