//! Deploys: what was deployed when, so that alerts can tell what came just before them.

use super::decision::{self, NAME_CHARS_MAX};
use crate::context::Call;
use crate::problem::Problem;
use crate::reply::{Response, json};
use crate::wire;
use engine::model::{Command, Deploy, EventTime};
use http::StatusCode;
use serde::{Deserialize, Serialize};

#[derive(Serialize)]
struct List {
    deploys: Vec<wire::Deploy>,
}

/// A deploy that somebody tells of.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewDeploy {
    service: Option<String>,
    version: String,
    at: Option<String>,
}

/// What became of it.
#[derive(Serialize)]
struct Added {
    deploy: wire::Deploy,
    /// Whether it is committed.
    durable: bool,
}

/// `GET /api/v1/deploys`
pub(crate) async fn list(call: Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let deploys = call.blocking(|dashboard| dashboard.alerts.deploys()).await?;
    json(StatusCode::OK, &List { deploys: deploys.into_iter().map(wire::Deploy::from).collect() })
}

/// `POST /api/v1/deploys`
pub(crate) async fn add(call: Call) -> Result<Response, Problem> {
    let deploy = read(call.json()?, call.now())?;
    let durable = decision::pass_on(&call, Command::Deploy(deploy.clone())).await?;
    json(decision::status(durable), &Added { deploy: deploy.into(), durable })
}

fn read(new: NewDeploy, now: EventTime) -> Result<Deploy, Problem> {
    let service = decision::text("service", new.service, NAME_CHARS_MAX)?;
    let version = decision::text("version", Some(new.version), NAME_CHARS_MAX)?;
    if version.is_empty() {
        return Err(decision::invalid("`version` must say what was deployed"));
    }
    let at = new.at.map_or(Ok(now), |at| decision::instant("at", &at))?;
    if !at.is_plausible(now) {
        let detail = "`at` lies before 1990, or more than a day in the future";
        return Err(decision::invalid(detail));
    }
    Ok(Deploy { service, version, at })
}
