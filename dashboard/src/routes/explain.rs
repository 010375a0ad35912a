//! Explain: why a record, or an issue's latest sample, has the identity it has.

use super::issues::{everything, issue_id, no_such_issue};
use crate::context::Call;
use crate::problem::Problem;
use crate::reply::{Response, json};
use engine::component::AskedRecord;
use http::StatusCode;

/// `GET /api/v1/explain?record=TEXT[&source=ID]`
pub(crate) async fn of_record(call: Call) -> Result<Response, Problem> {
    let query = call.query(&["record", "source"])?;
    let Some(record) = query.text("record") else {
        return Err(Problem::parameter("record", "it is missing; give it a log line"));
    };
    let record = AskedRecord { text: record, source: query.text("source"), received: None };
    json(StatusCode::OK, &call.context.dashboard.analyst.explain(&record))
}

/// `GET /api/v1/issues/{id}/explain`
pub(crate) async fn of_issue(call: Call) -> Result<Response, Problem> {
    let query = call.query(&["from", "to"])?;
    let now = call.now();
    let question = everything(query.range(now)?, now);
    let id = issue_id(&call)?;
    let Some(found) = call.read(move |store| store.issue(id, &question)).await? else {
        return Err(no_such_issue(&id.to_string()));
    };
    let Some(sample) = found.samples.first() else {
        let detail = format!("issue `{id}` has no samples left to explain; its counts are exact");
        return Err(Problem::not_found(detail));
    };
    let record = AskedRecord {
        text: &sample.record,
        source: Some(&sample.source),
        received: Some(sample.time),
    };
    json(StatusCode::OK, &call.context.dashboard.analyst.explain(&record))
}
