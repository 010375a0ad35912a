//! Silences: what is recorded and not told, until when.

use super::decision::{self, BY_CHARS_MAX, COMMENT_CHARS_MAX, NAME_CHARS_MAX};
use crate::context::Call;
use crate::problem::Problem;
use crate::reply::{Response, json};
use crate::wire;
use engine::component::HumanDuration;
use engine::model::{AlertKind, Command, EventTime, Fingerprint, IssueId, Silence};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Serialize)]
struct List {
    silences: Vec<wire::Silence>,
}

/// A silence that somebody wants.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewSilence {
    service: Option<String>,
    about: Option<String>,
    kind: Option<AlertKind>,
    until: Option<String>,
    #[serde(rename = "for")]
    lasts: Option<HumanDuration>,
    by: Option<String>,
    comment: Option<String>,
}

/// What became of a change.
#[derive(Serialize)]
struct Changed {
    /// The silence; `null` when it was ended.
    silence: Option<wire::Silence>,
    /// Whether the change is committed.
    durable: bool,
}

/// `GET /api/v1/silences`
pub(crate) async fn list(call: Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let silences = call.blocking(|dashboard| dashboard.alerts.silences()).await?;
    json(
        StatusCode::OK,
        &List { silences: silences.into_iter().map(wire::Silence::from).collect() },
    )
}

/// `POST /api/v1/silences`
pub(crate) async fn add(call: Call) -> Result<Response, Problem> {
    let silence = read(call.json()?, call.now())?;
    let durable = decision::pass_on(&call, Command::Silence(silence.clone())).await?;
    json(decision::status(durable), &Changed { silence: Some(silence.into()), durable })
}

/// `DELETE /api/v1/silences/{id}`
pub(crate) async fn end(call: Call) -> Result<Response, Problem> {
    let id: Arc<str> = call.parameters.first().map_or("", String::as_str).into();
    let durable = decision::pass_on(&call, Command::Unsilence { id }).await?;
    json(decision::status(durable), &Changed { silence: None, durable })
}

fn read(new: NewSilence, now: EventTime) -> Result<Silence, Problem> {
    let given = |text: Arc<str>| Some(text).filter(|text| !text.is_empty());
    let service = given(decision::text("service", new.service, NAME_CHARS_MAX)?);
    let about = given(decision::text("about", new.about, NAME_CHARS_MAX)?);
    if let Some(about) = &about
        && about.parse::<IssueId>().is_err()
        && about.parse::<Fingerprint>().is_err()
    {
        let detail = "`about` must be the id of an issue (i_…) or of a fingerprint (f1_…)";
        return Err(decision::invalid(detail));
    }
    if service.is_none() && about.is_none() && new.kind.is_none() {
        let detail = "at least one of `service`, `about` and `kind` must say what is silenced";
        return Err(decision::invalid(detail));
    }
    let silence = Silence {
        service,
        about,
        kind: new.kind,
        from: now,
        until: decision::end(now, new.until.as_deref(), new.lasts)?,
        by: decision::text("by", new.by, BY_CHARS_MAX)?,
        comment: decision::text("comment", new.comment, COMMENT_CHARS_MAX)?,
        ..Silence::default()
    };
    Ok(silence.named())
}
