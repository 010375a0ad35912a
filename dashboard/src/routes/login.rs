//! Login: exchanges the token in an address for a cookie that scripts cannot read and that other
//! sites' pages cannot send.

use crate::access::COOKIE_NAME;
use crate::assets;
use crate::context::Call;
use crate::problem::Problem;
use crate::reply::{Response, wants_page, with_headers};
use http::header::{CACHE_CONTROL, LOCATION, SET_COOKIE};
use http::{HeaderValue, StatusCode};

/// How long a browser keeps the cookie.
const COOKIE_SECS: u32 = 30 * 24 * 3600;

/// `GET /login?token=T`: sets the cookie and leads to the start page. Without a token it shows the
/// page that asks for it.
pub(crate) async fn login(call: Call) -> Result<Response, Problem> {
    let query = call.query(&["token"])?;
    let access = &call.context.dashboard.access;
    // Tokens have no blanks; a blank can only have been a `+` that was not encoded.
    let shown = query.text("token").map(|token| token.replace(' ', "+"));
    match (shown, &access.token) {
        (Some(shown), Some(token)) if access.is_token(&shown) => welcome(Some(token)),
        (_, None) => welcome(None),
        _ if wants_page(&call.headers) => Ok(assets::sign_in_page()),
        _ => Err(Problem::new(
            StatusCode::UNAUTHORIZED,
            "the token is not the configured one; open /login?token=TOKEN with the token that the \
             server was started with",
        )),
    }
}

/// Leads to the start page, with the cookie if there is a token.
fn welcome(token: Option<&String>) -> Result<Response, Problem> {
    let headers = [(LOCATION, "/"), (CACHE_CONTROL, "no-store")];
    let mut response = with_headers(StatusCode::SEE_OTHER, headers, "");
    if let Some(token) = token {
        let cookie = format!(
            "{COOKIE_NAME}={token}; Path=/; Max-Age={COOKIE_SECS}; HttpOnly; SameSite=Strict"
        );
        let cookie = HeaderValue::try_from(cookie).map_err(|_| {
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "cannot write the token as a cookie")
        })?;
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    Ok(response)
}
