//! Access: who may ask which route. Loopback without a token is open to the person at the machine;
//! any other address needs the token on every route but the open ones.
//!
//! *Not here:* Host and Origin, which are checked before a route is looked for (`door`).

use crate::error::ServeError;
use crate::problem::Problem;
use http::header::{AUTHORIZATION, COOKIE, ORIGIN};
use http::{HeaderMap, StatusCode};
use std::net::SocketAddr;
use subtle::ConstantTimeEq;

/// What a client must show to use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing. The route tells nothing that a log contained.
    Open,
    /// The token, if one is configured.
    Read,
    /// The same, for what changes what the engine does. A cookie alone is not enough: a page must say
    /// where it comes from, and `door` lets only our own through.
    Admin,
}

/// Who may ask, as configured.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct AccessOptions {
    /// The token; `None` is legal on loopback addresses only.
    pub token: Option<String>,
    /// Names under which the server is reached besides loopback names and the listen address, as
    /// `host` or `host:port`: behind a reverse proxy, or by a DNS name.
    pub allowed_hosts: Vec<String>,
}

impl std::fmt::Debug for AccessOptions {
    /// Never prints the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessOptions")
            .field("token", &self.token.as_ref().map(|_| "***"))
            .field("allowed_hosts", &self.allowed_hosts)
            .finish()
    }
}

/// The cookie that `/login` sets.
pub(crate) const COOKIE_NAME: &str = "seismolog_token";

impl AccessOptions {
    /// Shortest token.
    pub const TOKEN_CHARS_MIN: usize = 16;
    /// Longest token.
    pub const TOKEN_CHARS_MAX: usize = 256;

    /// Checks that the token can be used, and that there is one where there must be.
    pub(crate) fn check(&self, address: SocketAddr) -> Result<(), ServeError> {
        match &self.token {
            None if !address.ip().is_loopback() => Err(ServeError::TokenNeeded { address }),
            Some(token) if !is_usable(token) => Err(ServeError::UnusableToken {
                min: Self::TOKEN_CHARS_MIN,
                max: Self::TOKEN_CHARS_MAX,
            }),
            _ => Ok(()),
        }
    }

    /// Returns whether `shown` is the token; takes equally long wherever they differ.
    pub(crate) fn is_token(&self, shown: &str) -> bool {
        match &self.token {
            Some(token) => token.as_bytes().ct_eq(shown.as_bytes()).into(),
            None => true,
        }
    }

    /// Decides whether a request with these headers may use a route with this rule.
    pub(crate) fn authorize(&self, access: Access, headers: &HeaderMap) -> Result<(), Problem> {
        if access == Access::Open || self.token.is_none() {
            return Ok(());
        }
        match shown_token(headers) {
            Some(shown) if self.is_token(shown) => {
                let by_cookie = !headers.contains_key(AUTHORIZATION);
                if access == Access::Admin && by_cookie && !headers.contains_key(ORIGIN) {
                    let detail = "a cookie without an `Origin` may not change anything; send the \
                                  token as `Authorization: Bearer TOKEN`";
                    return Err(Problem::new(StatusCode::FORBIDDEN, detail));
                }
                Ok(())
            }
            Some(_) => Err(unauthorized("the token is not the configured one")),
            None => Err(unauthorized("this address needs a token")),
        }
    }
}

/// Returns whether a token survives a header and a cookie unchanged and cannot be guessed.
fn is_usable(token: &str) -> bool {
    let length = AccessOptions::TOKEN_CHARS_MIN..=AccessOptions::TOKEN_CHARS_MAX;
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    length.contains(&token.len()) && token.bytes().all(legal)
}

fn unauthorized(why: &str) -> Problem {
    let hint = "send it as `Authorization: Bearer TOKEN`, or open /login?token=TOKEN once";
    Problem::new(StatusCode::UNAUTHORIZED, format!("{why}; {hint}"))
}

/// Returns the token that a request shows: the header's if there is one, else the cookie's.
fn shown_token(headers: &HeaderMap) -> Option<&str> {
    if let Some(value) = headers.get(AUTHORIZATION) {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        return scheme.eq_ignore_ascii_case("bearer").then(|| token.trim());
    }
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    cookies
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(name, value)| (name == COOKIE_NAME).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    const TOKEN: &str = "correct-horse-battery";

    fn options() -> AccessOptions {
        AccessOptions { token: Some(TOKEN.to_owned()), ..AccessOptions::default() }
    }

    fn status(name: http::HeaderName, value: &str) -> Option<StatusCode> {
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())]);
        options().authorize(Access::Read, &headers).err().map(|problem| problem.status)
    }

    #[test]
    fn the_token_is_taken_from_the_header_or_the_cookie() {
        assert_eq!(status(AUTHORIZATION, &format!("Bearer {TOKEN}")), None);
        assert_eq!(status(AUTHORIZATION, &format!("bearer {TOKEN}")), None);
        assert_eq!(status(COOKIE, &format!("a=b; seismolog_token={TOKEN}; c=d")), None);
    }

    #[test]
    fn anything_else_is_refused() {
        let refused = Some(StatusCode::UNAUTHORIZED);
        for value in ["", "Bearer", "Bearer ", "Bearer wrong", "Basic dTpw", TOKEN] {
            assert_eq!(status(AUTHORIZATION, value), refused, "{value:?}");
        }
        for value in ["seismolog_token=", "seismolog_token=wrong", "other=correct-horse-battery"] {
            assert_eq!(status(COOKIE, value), refused, "{value:?}");
        }
        assert!(options().authorize(Access::Open, &HeaderMap::new()).is_ok());
    }

    #[test]
    fn only_loopback_may_do_without_a_token() {
        let open = AccessOptions::default();
        assert!(open.check("127.0.0.1:1".parse().unwrap()).is_ok());
        assert!(open.check("[::1]:1".parse().unwrap()).is_ok());
        for address in ["0.0.0.0:1", "192.168.1.5:1", "[::]:1"] {
            let refused = open.check(address.parse().unwrap());
            assert!(matches!(refused, Err(ServeError::TokenNeeded { .. })), "{address}");
        }
        assert!(options().check("0.0.0.0:1".parse().unwrap()).is_ok());
    }

    #[test]
    fn limit_tokens_that_are_short_long_or_illegal_are_refused() {
        let long = "x".repeat(AccessOptions::TOKEN_CHARS_MAX + 1);
        for token in ["", "short", "has a space in the middle", "semi;colon;semi;colon", &long] {
            assert!(!is_usable(token), "{token:?}");
        }
    }

    #[test]
    fn the_token_is_never_printed() {
        assert!(!format!("{:?}", options()).contains(TOKEN));
    }
}
