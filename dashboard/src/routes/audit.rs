//! Audit: the conservation identity, as committed.

use crate::context::Call;
use crate::problem::Problem;
use crate::reply::{Response, json};
use http::StatusCode;

/// `GET /api/v1/audit`
pub(crate) async fn show(call: Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let audit = call.read(|store| store.audit()).await?;
    json(StatusCode::OK, &audit)
}
