//! Assets: the built browser UI, embedded in the binary, or a plain page that says how to get it.
//!
//! Names under `assets/` carry the hash of their content, so browsers keep them for ever; all else
//! is checked again by its `ETag`. *Not here:* building the UI (`build.rs`).

use crate::reply::{Response, html, with_headers};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use rust_embed::{EmbeddedFile, RustEmbed};

/// What Vite wrote; empty but for `.gitignore` when the UI was not built.
#[derive(RustEmbed)]
#[folder = "ui/dist/"]
struct Dist;

const START_PAGE: &str = "index.html";
/// Vite's folder of files named after their content.
const HASHED: &str = "assets/";

const NOT_BUILT_PAGE: &str = include_str!("pages/not_built.html");
const SIGN_IN_PAGE: &str = include_str!("pages/sign_in.html");
const STYLESHEET: &str = include_str!("pages/builtin.css");

/// Returns the file at `path`, or the start page for an address without extension; `None` if there
/// is no such file, or it is hidden.
pub(crate) fn serve(path: &str, headers: &HeaderMap) -> Option<Response> {
    let name = path.trim_start_matches('/');
    if name.split('/').any(|part| part.starts_with('.')) {
        return None;
    }
    if let Some(file) = Dist::get(name) {
        return Some(file_response(name, file, headers));
    }
    let last = name.rsplit('/').next().unwrap_or_default();
    if last.contains('.') || name.starts_with(HASHED) {
        return None;
    }
    Some(match Dist::get(START_PAGE) {
        Some(file) => file_response(START_PAGE, file, headers),
        None => html(StatusCode::OK, NOT_BUILT_PAGE),
    })
}

/// Returns the page on which a person enters the token, with status 401.
pub(crate) fn sign_in_page() -> Response {
    html(StatusCode::UNAUTHORIZED, SIGN_IN_PAGE)
}

/// Returns the colours of the two plain pages.
pub(crate) fn stylesheet() -> Response {
    let headers =
        [(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "public, max-age=3600")];
    with_headers(StatusCode::OK, headers, STYLESHEET)
}

fn file_response(name: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response {
    let hash: String =
        file.metadata.sha256_hash()[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    let etag = format!("\"{hash}\"");
    let caching =
        if name.starts_with(HASHED) { "public, max-age=31536000, immutable" } else { "no-cache" };
    let known = headers
        .get(IF_NONE_MATCH)
        .and_then(|tags| tags.to_str().ok())
        .is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == etag));
    let common = [(CONTENT_TYPE, content_type(name)), (CACHE_CONTROL, caching)];
    let mut response = if known {
        with_headers(StatusCode::NOT_MODIFIED, common, "")
    } else {
        with_headers(StatusCode::OK, common, file.data.into_owned())
    };
    if let Ok(etag) = HeaderValue::try_from(etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

/// Returns the media type of a file by its extension.
fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_and_missing_files_are_not_served() {
        for path in
            ["/.gitignore", "/x/.git/config", "/../secret", "/missing.js", "/assets/missing"]
        {
            assert!(serve(path, &HeaderMap::new()).is_none(), "{path}");
        }
    }

    #[test]
    fn addresses_without_extension_are_the_start_page() {
        for path in ["/", "/issues", "/issues/i_0", "//", "/etc/passwd"] {
            let response = serve(path, &HeaderMap::new()).unwrap();
            assert_eq!(response.status(), StatusCode::OK, "{path}");
            assert_eq!(response.headers()[CONTENT_TYPE], "text/html; charset=utf-8", "{path}");
        }
    }

    #[test]
    fn a_file_is_not_sent_again_to_who_has_it() {
        let file = || EmbeddedFile {
            data: std::borrow::Cow::Borrowed(b"content".as_slice()),
            metadata: rust_embed::Metadata::__rust_embed_new([7; 32], None, None),
        };
        let first = file_response("assets/main-1a2b.js", file(), &HeaderMap::new());
        assert!(first.headers()[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, first.headers()[ETAG].clone())]);
        let again = file_response("assets/main-1a2b.js", file(), &headers);
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
        assert_eq!(
            file_response(START_PAGE, file(), &HeaderMap::new()).headers()[CACHE_CONTROL],
            "no-cache"
        );
    }

    #[test]
    fn plain_pages_need_no_script_and_no_inline_style() {
        for page in [NOT_BUILT_PAGE, SIGN_IN_PAGE] {
            for inline in ["<script", "<style", "style=", "onclick", "http://", "https://"] {
                assert!(!page.contains(inline), "{inline}");
            }
            assert!(page.contains("/builtin.css"));
        }
    }
}
