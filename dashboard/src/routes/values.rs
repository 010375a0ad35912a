//! Values: what varies among the kept samples of an issue, place by place. *Limit:* as many samples as
//! [`KeptSamples::READ_MAX`]; `samples` says how many were looked at, `kept` how many there are.

use super::issues::{issue_id, no_such_issue};
use crate::context::Call;
use crate::problem::Problem;
use crate::reply::{Response, json};
use engine::component::{KeptSamples, SamplesOf, Variable, Variables};
use engine::model::IssueId;
use http::StatusCode;
use serde::Serialize;

#[derive(Serialize)]
struct Values {
    issue: Option<IssueId>,
    template: String,
    kept: usize,
    samples: usize,
    variables: Vec<Variable>,
}

/// `GET /api/v1/issues/{id}/values`
pub(crate) async fn of_issue(call: Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let id = issue_id(&call)?;
    let analyst = call.context.dashboard.analyst.clone();
    let ask = move |store: &dyn engine::component::ReadStore| {
        let found = store.samples(SamplesOf::Issue(id), KeptSamples::READ_MAX)?;
        Ok(found.map(|kept| (analyst.variables(&kept), kept)))
    };
    let Some((Variables { samples, variables }, kept)) = call.read(ask).await? else {
        return Err(no_such_issue(&id.to_string()));
    };
    let KeptSamples { issue, template, kept, .. } = kept;
    json(StatusCode::OK, &Values { issue, template, kept, samples, variables })
}
