//! UI: every address that is not the API's belongs to the browser UI.

use crate::assets;
use crate::context::Call;
use crate::problem::Problem;
use crate::reply::Response;
use http::Method;

/// `GET /builtin.css`
pub(crate) async fn stylesheet(_: Call) -> Result<Response, Problem> {
    Ok(assets::stylesheet())
}

/// Anything else: a file of the UI, or its start page for addresses that the UI itself understands.
pub(crate) async fn anything_else(call: Call) -> Result<Response, Problem> {
    if call.method != Method::GET && call.method != Method::HEAD {
        return Err(Problem::method(&call.method));
    }
    let path = call.path.as_str();
    let under_api = path == "/api" || path.starts_with("/api/");
    if !under_api && let Some(response) = assets::serve(path, &call.headers) {
        return Ok(response);
    }
    let shown: String = path.chars().take(60).flat_map(char::escape_default).collect();
    Err(Problem::not_found(format!("there is nothing at `{shown}`; the API is under /api/v1")))
}
