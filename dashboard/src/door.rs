//! Door: what is refused before a route is looked for. Sizes first (cheapest), then the method,
//! then where the request claims to come from: a Host we do not know is a DNS-rebinding attempt or
//! a proxy nobody told us about; a foreign Origin is another site's script.
//!
//! *Promise:* a pure function of the request's head, the listen address and the options.

use crate::access::AccessOptions;
use crate::limits::Limits;
use crate::problem::Problem;
use http::header::{CONTENT_LENGTH, HOST, ORIGIN, TRANSFER_ENCODING};
use http::uri::Authority;
use http::{HeaderMap, Method, StatusCode, Uri};
use std::net::{IpAddr, SocketAddr};

/// Methods that some route takes.
const METHODS: [Method; 5] =
    [Method::GET, Method::HEAD, Method::POST, Method::PATCH, Method::DELETE];

/// Refuses what no route may see.
pub(crate) fn check(
    request: &http::request::Parts,
    listen: SocketAddr,
    access: &AccessOptions,
    limits: &Limits,
) -> Result<(), Problem> {
    check_sizes(&request.uri, &request.headers, limits)?;
    if !METHODS.contains(&request.method) {
        return Err(Problem::method(&request.method));
    }
    let host = requested_host(&request.uri, &request.headers)?;
    if !is_known(&host, listen, access) {
        let detail = format!(
            "the host `{host}` is not known here; add it to `server.allowed_hosts` if it is yours"
        );
        return Err(Problem::new(StatusCode::FORBIDDEN, detail));
    }
    check_origin(&request.headers, &host)
}

fn check_sizes(uri: &Uri, headers: &HeaderMap, limits: &Limits) -> Result<(), Problem> {
    let url_bytes = uri.path_and_query().map_or(0, |path| path.as_str().len());
    if url_bytes > limits.url_bytes_max {
        let detail = format!("the address has {url_bytes} bytes, at most {}", limits.url_bytes_max);
        return Err(Problem::new(StatusCode::URI_TOO_LONG, detail));
    }
    let header_bytes: usize =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if header_bytes > limits.header_bytes_max {
        let detail =
            format!("the headers have {header_bytes} bytes, at most {}", limits.header_bytes_max);
        return Err(Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, detail));
    }
    if headers.contains_key(TRANSFER_ENCODING) {
        let detail = "a body of unknown length is not taken here; send `Content-Length`";
        return Err(Problem::new(StatusCode::LENGTH_REQUIRED, detail));
    }
    let body_bytes = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match body_bytes.map_or(Ok(0), str::parse::<u64>) {
        Ok(bytes) if bytes <= limits.body_bytes_max => Ok(()),
        _ => {
            let detail = format!("the body has more than {} bytes", limits.body_bytes_max);
            Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail))
        }
    }
}

/// Returns the one host the request is meant for.
fn requested_host(uri: &Uri, headers: &HeaderMap) -> Result<Authority, Problem> {
    let refuse = |detail: &str| Err(Problem::new(StatusCode::BAD_REQUEST, detail));
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else {
        return refuse("exactly one `Host` header is needed");
    };
    let Ok(host) = Authority::try_from(host.as_bytes()) else {
        return refuse("the `Host` header cannot be read as a host and port");
    };
    if host.as_str().contains('@') {
        return refuse("the `Host` header names a user");
    }
    if uri.authority().is_some_and(|named| !named.as_str().eq_ignore_ascii_case(host.as_str())) {
        return refuse("the address and the `Host` header name different hosts");
    }
    Ok(host)
}

/// Returns whether a host is one under which this server is meant to be reached.
///
/// An address in figures cannot be rebound by DNS. On a loopback listener only loopback addresses
/// make sense; on any other listener (where the token guards every route) any address may be ours.
fn is_known(host: &Authority, listen: SocketAddr, access: &AccessOptions) -> bool {
    let name = host.host().trim_end_matches('.').to_ascii_lowercase();
    if let Ok(ip) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
        return ip.is_loopback() || ip == listen.ip() || !listen.ip().is_loopback();
    }
    let named = |allowed: &String| {
        let allowed = allowed.to_ascii_lowercase();
        allowed == name || host.as_str().eq_ignore_ascii_case(&allowed)
    };
    name == "localhost" || access.allowed_hosts.iter().any(named)
}

/// Refuses a script of another site. Browsers leave the header out where it does not matter.
fn check_origin(headers: &HeaderMap, host: &Authority) -> Result<(), Problem> {
    let same = |origin: &http::HeaderValue| {
        let origin = Uri::try_from(origin.as_bytes()).ok()?;
        let default_port = match origin.scheme_str()? {
            "http" => 80,
            "https" => 443,
            _ => return None,
        };
        let origin = origin.authority()?;
        let port = |of: &Authority| of.port_u16().unwrap_or(default_port);
        let same = origin.host().eq_ignore_ascii_case(host.host()) && port(origin) == port(host);
        same.then_some(())
    };
    if headers.get_all(ORIGIN).iter().all(|origin| same(origin).is_some()) {
        return Ok(());
    }
    let detail = "the request comes from a page of another site, which may not read this one";
    Err(Problem::new(StatusCode::FORBIDDEN, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(listen: &str, uri: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = http::Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let access = AccessOptions {
            token: None,
            allowed_hosts: vec!["logs.example.com".into(), "proxy.example.com:8443".into()],
        };
        let listen = listen.parse().unwrap();
        match check(&parts, listen, &access, &Limits::default()) {
            Ok(()) => 200,
            Err(problem) => problem.status.as_u16(),
        }
    }

    fn host_status(listen: &str, host: &str) -> u16 {
        status(listen, "/", &[("host", host)])
    }

    #[test]
    fn only_hosts_under_which_we_are_meant_to_be_reached_pass() {
        let local = "127.0.0.1:8740";
        for host in [
            "localhost",
            "LOCALHOST:9",
            "localhost.",
            "127.0.0.1:8740",
            "127.9.9.9",
            "[::1]:8740",
            "logs.example.com",
            "logs.example.com:81",
            "Proxy.example.com:8443",
        ] {
            assert_eq!(host_status(local, host), 200, "{host}");
        }
        for host in [
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "192.168.1.5",
            "proxy.example.com",
            "0x7f000001",
        ] {
            assert_eq!(host_status(local, host), 403, "{host}");
        }
    }

    #[test]
    fn an_open_listener_is_reached_by_any_address_in_figures() {
        assert_eq!(host_status("0.0.0.0:8740", "192.168.1.5:8740"), 200);
        assert_eq!(host_status("0.0.0.0:8740", "evil.example"), 403);
    }

    #[test]
    fn a_host_that_cannot_be_read_is_a_bad_request() {
        let local = "127.0.0.1:8740";
        for host in ["", "a b", "user@localhost", "localhost:port:port"] {
            assert_eq!(host_status(local, host), 400, "{host:?}");
        }
        assert_eq!(status(local, "/", &[]), 400);
        assert_eq!(status(local, "/", &[("host", "localhost"), ("host", "evil.example")]), 400);
        assert_eq!(status(local, "http://evil.example/", &[("host", "localhost")]), 400);
        assert_eq!(status(local, "http://localhost/", &[("host", "localhost")]), 200);
    }

    #[test]
    fn only_our_own_pages_may_ask_from_a_browser() {
        let ask =
            |host, origin| status("127.0.0.1:8740", "/", &[("host", host), ("origin", origin)]);
        assert_eq!(ask("localhost:8740", "http://localhost:8740"), 200);
        assert_eq!(ask("logs.example.com", "https://logs.example.com"), 200);
        assert_eq!(ask("logs.example.com:443", "https://logs.example.com"), 200);
        for origin in [
            "null",
            "",
            "http://evil.example",
            "http://localhost",
            "http://localhost:3000",
            "https://localhost:8740.evil.example",
            "file://localhost:8740",
        ] {
            assert_eq!(ask("localhost:8740", origin), 403, "{origin:?}");
        }
    }

    #[test]
    fn limit_sizes_are_refused_before_anything_else() {
        let local = "127.0.0.1:8740";
        let long = format!("/{}", "x".repeat(8 * 1024));
        assert_eq!(status(local, &long, &[("host", "evil.example")]), 414);
        assert_eq!(status(local, &long[..8 * 1024], &[("host", "localhost")]), 200);
        let fat = "x".repeat(16 * 1024);
        assert_eq!(status(local, "/", &[("x-fat", &fat)]), 431);
        assert_eq!(status(local, "/", &[("content-length", "65537")]), 413);
        assert_eq!(status(local, "/", &[("content-length", "-1")]), 413);
        assert_eq!(status(local, "/", &[("content-length", "65536"), ("host", "localhost")]), 200);
        assert_eq!(status(local, "/", &[("transfer-encoding", "chunked")]), 411);
    }
}
