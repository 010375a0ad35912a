//! Health: liveness without I/O, readiness with reasons, version, metrics.

use crate::context::Call;
use crate::problem::Problem;
use crate::reply::{Response, json, text, with_headers};
use engine::metrics::Metrics;
use engine::runtime::status::{Health, SourceState};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde::Serialize;
use std::time::Instant;

/// `GET /livez`: the process answers.
pub(crate) async fn livez(_: Call) -> Result<Response, Problem> {
    Ok(text("ok"))
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reasons: Vec<String>,
    epoch: u64,
    sources: Vec<Source>,
}

#[derive(Serialize)]
struct Source {
    id: String,
    state: SourceState,
    message: Option<String>,
    restarts: u64,
}

impl From<Health> for Readiness {
    fn from(health: Health) -> Self {
        let source = |of: engine::runtime::status::SourceStatus| Source {
            id: of.id,
            state: of.state,
            message: of.message,
            restarts: of.restarts,
        };
        Self {
            ready: health.ready,
            reasons: health.reasons,
            epoch: health.epoch,
            sources: health.sources.into_iter().map(source).collect(),
        }
    }
}

/// `GET /readyz`: whether the engine can do its work, and if not, why (then with status 503).
pub(crate) async fn readyz(call: Call) -> Result<Response, Problem> {
    let health = call.context.dashboard.status.health(Instant::now());
    let status = if health.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, &Readiness::from(health))
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
