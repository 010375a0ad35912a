//! Rejected: records that could not be used, with examples. The numbers are exact, the examples few.

use crate::context::Call;
use crate::problem::Problem;
use crate::reply::{Response, json};
use engine::component::RejectedRow;
use http::StatusCode;
use serde::Serialize;

#[derive(Serialize)]
struct Rejected {
    rejected: Vec<RejectedRow>,
}

/// `GET /api/v1/rejected`
pub(crate) async fn list(call: Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let rejected = call.read(|store| store.rejected()).await?;
    json(StatusCode::OK, &Rejected { rejected })
}
