//! Alerts: those that are open, then those that ended last; one in full; and what people decide about them.

use super::decision::{self, BY_CHARS_MAX, COMMENT_CHARS_MAX};
use crate::context::Call;
use crate::cursor::Cursor;
use crate::problem::Problem;
use crate::query::Query;
use crate::reply::{Response, json};
use crate::wire;
use engine::component::{AlertQuery, AlertRow, HumanDuration};
use engine::model::{AlertKey, Command, EventTime, IssueId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Most alerts in one answer.
const LIMIT_MAX: usize = 200;
const LIMIT_DEFAULT: usize = 100;
/// Most alerts that are shown of one incident.
const INCIDENT_MAX: usize = 200;

#[derive(Serialize)]
struct Page {
    alerts: Vec<wire::Alert>,
    next: Option<String>,
}

/// `GET /api/v1/alerts`
pub(crate) async fn list(call: Call) -> Result<Response, Problem> {
    let query = call.query(&["open", "service", "issue", "from", "to", "limit", "cursor"])?;
    let now = call.now();
    let (question, place) = read_question(&query, now)?;
    let limit = question.limit;
    // One more than is shown tells whether there is a next page.
    let question = AlertQuery { limit: limit + 1, ..question };
    let mut rows = call.read(move |store| store.alerts(&question, now)).await?;
    let next = place.next(rows.len(), limit);
    rows.truncate(limit);
    let alerts = rows.into_iter().map(wire::Alert::from).collect();
    json(StatusCode::OK, &Page { alerts, next })
}

fn read_question(query: &Query, now: EventTime) -> Result<(AlertQuery, Cursor), Problem> {
    let place = Cursor::of(query, query.range_of_all_time(now)?)?;
    let issue = query.text("issue").map(|text| {
        text.parse::<IssueId>().map_err(|error| Problem::parameter("issue", error.to_string()))
    });
    let question = AlertQuery {
        open_only: query.choice("open", &[("true", true), ("false", false)])?.unwrap_or(false),
        issue: issue.transpose()?,
        service: query.text("service").map(str::to_owned),
        from: place.range.from,
        to: place.range.to,
        limit: query.number("limit", LIMIT_DEFAULT, 1..=LIMIT_MAX)?,
        skip: place.skip,
    };
    Ok((question, place))
}

#[derive(Serialize)]
struct Detail {
    alert: wire::Alert,
    /// Observed and expected around it, ascending.
    baseline: Vec<wire::BaselinePoint>,
    /// The other alerts of its incident.
    incident: Vec<wire::Alert>,
}

/// `GET /api/v1/alerts/{key}`
pub(crate) async fn detail(call: Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let (key, now) = (alert_key(&call)?, call.now());
    let found = call.read(move |store| {
        let Some(row) = store.alert(key, now)? else { return Ok(None) };
        let others = store.alerts(&beside(&row), now)?;
        Ok(Some((row, others)))
    });
    let (row, others) = found.await?.ok_or_else(|| no_such_alert(&key.to_string()))?;
    let incident = row.alert.details.incident;
    let of_incident = |other: &AlertRow| {
        incident != AlertKey::default()
            && other.alert.details.incident == incident
            && other.alert.key != key
    };
    let incident = others.into_iter().filter(of_incident).map(wire::Alert::from).collect();
    let baseline = &row.alert.details.explanation.baseline;
    let baseline = baseline.iter().copied().map(wire::BaselinePoint::from).collect();
    json(StatusCode::OK, &Detail { alert: row.into(), baseline, incident })
}

/// Returns the question for alerts of one service that went on when an alert began: those of its incident began
/// at most a bucket apart.
fn beside(row: &AlertRow) -> AlertQuery {
    let (start, secs) = (row.alert.start.start().secs(), i64::from(row.alert.bucket_secs));
    let service = &row.alert.details.service;
    AlertQuery {
        service: Some(service.to_string()).filter(|service| !service.is_empty()),
        from: EventTime::from_secs(start - secs),
        to: EventTime::from_secs(start + 2 * secs),
        limit: INCIDENT_MAX,
        ..AlertQuery::default()
    }
}

/// Who decides, and what they say.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Said {
    by: Option<String>,
    comment: Option<String>,
}

impl Said {
    fn texts(self) -> Result<(Arc<str>, Arc<str>), Problem> {
        let by = decision::text("by", self.by, BY_CHARS_MAX)?;
        Ok((by, decision::text("comment", self.comment, COMMENT_CHARS_MAX)?))
    }
}

/// The same, and until when; no `Said` inside, since that could not refuse unknown fields.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Snooze {
    until: Option<String>,
    #[serde(rename = "for")]
    lasts: Option<HumanDuration>,
    by: Option<String>,
    comment: Option<String>,
}

/// What became of a decision.
#[derive(Serialize)]
struct Decided {
    /// As it stands now; `null` while the store cannot be asked.
    alert: Option<wire::Alert>,
    /// Whether the decision is committed; if not, the store is behind or away, and it will be.
    durable: bool,
}

/// `POST /api/v1/alerts/{key}/acknowledge`
pub(crate) async fn acknowledge(call: Call) -> Result<Response, Problem> {
    let (alert, (by, comment)) = (alert_key(&call)?, call.json_or_nothing::<Said>()?.texts()?);
    decide(&call, alert, Command::Acknowledge { alert, by, comment }).await
}

/// `POST /api/v1/alerts/{key}/snooze`
pub(crate) async fn snooze(call: Call) -> Result<Response, Problem> {
    let alert = alert_key(&call)?;
    let Snooze { until, lasts, by, comment } = call.json()?;
    let until = decision::end(call.now(), until.as_deref(), lasts)?;
    let (by, comment) = Said { by, comment }.texts()?;
    decide(&call, alert, Command::Snooze { alert, until, by, comment }).await
}

/// `POST /api/v1/alerts/{key}/resolve`
pub(crate) async fn resolve(call: Call) -> Result<Response, Problem> {
    let (alert, (by, comment)) = (alert_key(&call)?, call.json_or_nothing::<Said>()?.texts()?);
    decide(&call, alert, Command::Resolve { alert, by, comment }).await
}

async fn decide(call: &Call, key: AlertKey, command: Command) -> Result<Response, Problem> {
    let durable = decision::pass_on(call, command).await?;
    let now = call.now();
    let alert = call.read(move |store| store.alert(key, now)).await.ok().flatten();
    let decided = Decided { alert: alert.map(wire::Alert::from), durable };
    json(decision::status(durable), &decided)
}

fn alert_key(call: &Call) -> Result<AlertKey, Problem> {
    let text = call.parameters.first().map_or("", String::as_str);
    text.parse().map_err(|_| no_such_alert(text))
}

fn no_such_alert(key: &str) -> Problem {
    let key: String = key.chars().take(40).flat_map(char::escape_default).collect();
    Problem::not_found(format!("there is no alert `{key}`; the keys are in /api/v1/alerts"))
}
