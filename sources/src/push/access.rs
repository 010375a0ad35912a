//! Access: which requests may push. Pure, but for reading the tokens.
//!
//! *Promises:* tokens are compared in constant time, all of them, by their digests, and are never
//! shown. Without tokens (then the source listens on loopback only) a page of another site, which a
//! browser on this machine may have open, is refused by its `Origin`.
//!
//! *State and limits:* [`TOKENS_MAX`] tokens, [`FILE_BYTES_MAX`] of their file.

use super::refusal::Refusal;
use engine::component::SourceError;
use http::header::{AUTHORIZATION, ORIGIN};
use http::{HeaderMap, StatusCode};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use subtle::{Choice, ConstantTimeEq};

/// Most tokens that are accepted side by side.
pub const TOKENS_MAX: usize = 64;
/// Shortest token, in bytes.
pub const TOKEN_BYTES_MIN: usize = 16;
/// Largest file of tokens.
const FILE_BYTES_MAX: u64 = 64 * 1024;

/// The digests of the tokens that are accepted; none if there is no need of one.
#[derive(Debug, Default)]
pub struct Tokens(Vec<blake3::Hash>);

impl Tokens {
    /// Reads the tokens of a file, one a line; blank lines do not count.
    pub fn read(path: &Path) -> Result<Self, SourceError> {
        let failed = |why: String, cause| SourceError {
            what: format!("cannot read the tokens in \"{}\": {why}", path.display()),
            retry: true,
            cause,
        };
        let mut text = String::new();
        let read = File::open(path).and_then(|file| {
            #[allow(clippy::disallowed_methods, reason = "bounded by `take`")]
            file.take(FILE_BYTES_MAX).read_to_string(&mut text)
        });
        read.map_err(|error| failed(error.to_string(), Some(Box::new(error))))?;
        let tokens: Vec<&str> =
            text.lines().map(str::trim).filter(|token| !token.is_empty()).collect();
        if tokens.is_empty() || tokens.len() > TOKENS_MAX {
            return Err(failed(format!("it must hold 1 to {TOKENS_MAX}, one a line"), None));
        }
        if tokens.iter().any(|token| token.len() < TOKEN_BYTES_MIN) {
            return Err(failed(format!("one has fewer than {TOKEN_BYTES_MIN} bytes"), None));
        }
        Ok(Self(tokens.into_iter().map(|token| blake3::hash(token.as_bytes())).collect()))
    }

    /// Decides whether a request with these headers may push.
    pub fn authorize(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        if self.0.is_empty() {
            return match headers.contains_key(ORIGIN) {
                false => Ok(()),
                true => {
                    let detail = "pages of a browser may push only with a token; set `token_file`";
                    Err(Refusal::new(StatusCode::FORBIDDEN, detail))
                }
            };
        }
        let Some(shown) = shown_token(headers) else {
            return Err(unauthorized("this source needs a token"));
        };
        let digest = blake3::hash(shown);
        let equal = |token: &blake3::Hash| token.as_bytes().ct_eq(digest.as_bytes());
        let any = self.0.iter().map(equal).fold(Choice::from(0), |any, one| any | one);
        match bool::from(any) {
            true => Ok(()),
            false => Err(unauthorized("the token is none of the configured ones")),
        }
    }
}

fn unauthorized(why: &str) -> Refusal {
    let hint = "send it as `Authorization: Bearer TOKEN` or `X-API-Key: TOKEN`";
    Refusal::new(StatusCode::UNAUTHORIZED, format!("{why}; {hint}"))
}

/// Returns the token that a request shows.
fn shown_token(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(key) = headers.get("x-api-key") {
        return Some(key.as_bytes().trim_ascii());
    }
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let blank = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, token) = value.split_at(blank);
    scheme.eq_ignore_ascii_case(b"bearer").then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};
    use std::io::Write;

    const TOKEN: &str = "correct-horse-battery";

    fn read(text: &str) -> Result<Tokens, SourceError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        Tokens::read(file.path())
    }

    fn status(tokens: &Tokens, name: &str, value: &str) -> u16 {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())]);
        tokens.authorize(&headers).map_or_else(|refusal| refusal.status.as_u16(), |()| 200)
    }

    #[test]
    fn one_of_the_tokens_is_needed_in_either_header() {
        let tokens = read(&format!("first-of-the-tokens\n\n  {TOKEN} \n")).unwrap();
        assert_eq!(status(&tokens, "authorization", &format!("Bearer {TOKEN}")), 200);
        assert_eq!(status(&tokens, "authorization", &format!("bearer  {TOKEN}")), 200);
        assert_eq!(status(&tokens, "x-api-key", TOKEN), 200);
        assert_eq!(status(&tokens, "x-api-key", "first-of-the-tokens"), 200);
        for wrong in ["", "Bearer", "Bearer ", "Basic correct-horse-battery", "Bearer correct"] {
            assert_eq!(status(&tokens, "authorization", wrong), 401, "{wrong}");
        }
        assert_eq!(tokens.authorize(&HeaderMap::new()).unwrap_err().status.as_u16(), 401);
    }

    #[test]
    fn without_tokens_only_pages_of_other_sites_are_refused() {
        let tokens = Tokens::default();
        assert!(tokens.authorize(&HeaderMap::new()).is_ok());
        assert_eq!(status(&tokens, "origin", "https://evil.example"), 403);
    }

    #[test]
    fn limit_a_file_holds_some_tokens_that_cannot_be_guessed() {
        assert!(read("").is_err() && read("short\n").is_err());
        let many = format!("{TOKEN}\n").repeat(TOKENS_MAX);
        assert!(read(&many).is_ok() && read(&format!("{many}{TOKEN}\n")).is_err());
        let error = Tokens::read(Path::new("no/such/file")).unwrap_err();
        assert!(error.retry && error.what.contains("no/such/file"), "{error}");
        assert!(!read(&format!("{TOKEN}\nshort\n")).unwrap_err().what.contains("short"));
    }
}
