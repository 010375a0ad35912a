//! Alerts: those that are open, then those that ended last.

use crate::context::Call;
use crate::problem::Problem;
use crate::reply::{Response, json};
use crate::wire;
use engine::component::AlertQuery;
use http::StatusCode;
use serde::Serialize;

/// Most alerts in one answer.
const LIMIT_MAX: usize = 200;
const LIMIT_DEFAULT: usize = 100;

#[derive(Serialize)]
struct Alerts {
    alerts: Vec<wire::Alert>,
}

/// `GET /api/v1/alerts`
pub(crate) async fn list(call: Call) -> Result<Response, Problem> {
    let limit = call.query(&["limit"])?.number("limit", LIMIT_DEFAULT, 1..=LIMIT_MAX)?;
    let now = call.now();
    let query = AlertQuery { limit, ..AlertQuery::default() };
    let rows = call.read(move |store| store.alerts(&query, now)).await?;
    let alerts = rows.into_iter().take(limit).map(wire::Alert::from).collect();
    json(StatusCode::OK, &Alerts { alerts })
}
