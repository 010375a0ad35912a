//! Health: liveness without I/O, readiness with reasons, version, metrics.

use crate::context::Call;
use crate::problem::Problem;
use crate::reply::{Response, json, text, with_headers};
use engine::metrics::Metrics;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use std::time::Instant;

/// `GET /livez`: the process answers.
pub(crate) async fn livez(_: Call) -> Result<Response, Problem> {
    Ok(text("ok"))
}

/// `GET /readyz`: whether the engine can do its work, and if not, why (then with status 503).
pub(crate) async fn readyz(call: Call) -> Result<Response, Problem> {
    let health = call.context.dashboard.status.health(Instant::now());
    let status = if health.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &health)
}

/// `GET /version`: what runs.
pub(crate) async fn version(_: Call) -> Result<Response, Problem> {
    let version = serde_json::json!({ "name": "seismolog", "version": env!("CARGO_PKG_VERSION") });
    json(StatusCode::OK, &version)
}

/// `GET /metrics`: every counter and gauge, as OpenMetrics text.
pub(crate) async fn metrics(call: Call) -> Result<Response, Problem> {
    let headers = [(CONTENT_TYPE, Metrics::CONTENT_TYPE), (CACHE_CONTROL, "no-store")];
    Ok(with_headers(StatusCode::OK, headers, call.context.dashboard.metrics.encode()))
}
