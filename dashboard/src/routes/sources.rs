//! Sources: what is read from, added, paused and removed while the engine runs.

use crate::context::Call;
use crate::problem::Problem;
use crate::reply::{Response, json};
use engine::component::{NewSource, SourceChange, SourceRefusal, SourceRow};
use http::StatusCode;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct List {
    sources: Vec<SourceRow>,
}

/// What a connection test found.
#[derive(Serialize)]
struct Tested {
    works: bool,
    message: String,
}

/// What `PATCH` may change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    paused: bool,
}

/// `GET /api/v1/sources`
pub(crate) async fn list(call: Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let sources = call.blocking(|dashboard| dashboard.sources.list()).await?;
    json(StatusCode::OK, &List { sources })
}

/// `POST /api/v1/sources`
pub(crate) async fn add(call: Call) -> Result<Response, Problem> {
    let new: NewSource = call.json()?;
    let added = call.blocking(move |dashboard| dashboard.sources.add(&new)).await?;
    changed(added, StatusCode::CREATED)
}

/// `POST /api/v1/sources/test`
pub(crate) async fn test(call: Call) -> Result<Response, Problem> {
    let new: NewSource = call.json()?;
    let found = call.blocking(move |dashboard| dashboard.sources.test(&new)).await?;
    let tested = match found {
        Ok(message) => Tested { works: true, message },
        Err(SourceRefusal::NotNow(message)) => Tested { works: false, message },
        Err(refusal) => return Err(problem(&refusal)),
    };
    json(StatusCode::OK, &tested)
}

/// `PATCH /api/v1/sources/{id}`
pub(crate) async fn change(call: Call) -> Result<Response, Problem> {
    let (id, Change { paused }) = (source_id(&call), call.json()?);
    let change = call.blocking(move |dashboard| match paused {
        true => dashboard.sources.pause(&id),
        false => dashboard.sources.resume(&id),
    });
    changed(change.await?, StatusCode::OK)
}

/// `DELETE /api/v1/sources/{id}`
pub(crate) async fn remove(call: Call) -> Result<Response, Problem> {
    let id = source_id(&call);
    let removed = call.blocking(move |dashboard| dashboard.sources.remove(&id)).await?;
    changed(removed, StatusCode::OK)
}

fn source_id(call: &Call) -> String {
    call.parameters.first().cloned().unwrap_or_default()
}

/// Answers with what became of a change; `202` while the store has not taken it yet.
fn changed(
    change: Result<SourceChange, SourceRefusal>,
    status: StatusCode,
) -> Result<Response, Problem> {
    let change = change.map_err(|refusal| problem(&refusal))?;
    json(if change.durable { status } else { StatusCode::ACCEPTED }, &change)
}

fn problem(refusal: &SourceRefusal) -> Problem {
    let status = match refusal {
        SourceRefusal::Unknown(_) => StatusCode::NOT_FOUND,
        SourceRefusal::Conflict(_) => StatusCode::CONFLICT,
        SourceRefusal::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
        SourceRefusal::Forbidden(_) => StatusCode::FORBIDDEN,
        SourceRefusal::NotNow(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    Problem::new(status, refusal.to_string())
}
