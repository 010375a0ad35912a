//! Triage: what people decide about issues, what happened to one, and what they said about grouping.

use super::decision::{self, BY_CHARS_MAX, COMMENT_CHARS_MAX, NAME_CHARS_MAX, invalid};
use super::issues::{everything, issue_id, no_such_issue};
use crate::context::Call;
use crate::problem::Problem;
use crate::query::Range;
use crate::reply::{Response, json};
use crate::wire;
use engine::component::{HumanDuration, IssueAdmin, Refusal, Said};
use engine::model::{Activity, Deed, EventTime, Fingerprint, Grouping, IssueId};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Most issues about which one request decides.
pub(crate) const ISSUES_MAX: usize = 200;
/// Most fingerprints that one request splits off.
pub(crate) const FINGERPRINTS_MAX: usize = 1000;
/// Most entries of a page of what happened.
const ACTIVITY_MAX: usize = 200;
const ACTIVITY_DEFAULT: usize = 50;

/// Who decides, and what they say.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct SaidBody {
    by: Option<String>,
    comment: Option<String>,
}

fn said(by: Option<String>, comment: Option<String>) -> Result<Said, Problem> {
    let by = decision::text("by", by, BY_CHARS_MAX)?;
    Ok(Said { by, comment: decision::text("comment", comment, COMMENT_CHARS_MAX)? })
}

/// What became of a decision about one issue.
#[derive(Serialize)]
struct Decided {
    /// As it stands now; `null` while the store cannot be asked.
    issue: Option<wire::Issue>,
    /// Whether the decision is committed; if not, the store is behind or away, and it will be.
    durable: bool,
}

/// `POST /api/v1/issues/{id}/resolve`
pub(crate) async fn resolve(call: Call) -> Result<Response, Problem> {
    let SaidBody { by, comment } = call.json_or_nothing()?;
    decide(&call, Deed::Resolve, said(by, comment)?).await
}

/// `POST /api/v1/issues/{id}/reopen`
pub(crate) async fn reopen(call: Call) -> Result<Response, Problem> {
    let SaidBody { by, comment } = call.json_or_nothing()?;
    decide(&call, Deed::Reopen, said(by, comment)?).await
}

/// Until when nobody wants to see an issue; for good if neither is given.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Ignore {
    until: Option<String>,
    #[serde(rename = "for")]
    lasts: Option<HumanDuration>,
    by: Option<String>,
    comment: Option<String>,
}

/// `POST /api/v1/issues/{id}/ignore`
pub(crate) async fn ignore(call: Call) -> Result<Response, Problem> {
    let Ignore { until, lasts, by, comment } = call.json_or_nothing()?;
    let until = ignored_until(call.now(), until.as_deref(), lasts)?;
    decide(&call, Deed::Ignore { until }, said(by, comment)?).await
}

fn ignored_until(
    now: EventTime,
    until: Option<&str>,
    lasts: Option<HumanDuration>,
) -> Result<Option<EventTime>, Problem> {
    match (until, lasts) {
        (None, None) => Ok(None),
        given => decision::end(now, given.0, given.1).map(Some),
    }
}

/// Who looks after an issue; nobody if that is `null` or empty.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Assign {
    to: Option<String>,
    by: Option<String>,
    comment: Option<String>,
}

/// `POST /api/v1/issues/{id}/assign`
pub(crate) async fn assign(call: Call) -> Result<Response, Problem> {
    let Assign { to, by, comment } = call.json()?;
    let to = decision::text("to", to, NAME_CHARS_MAX)?;
    let to = Some(to).filter(|to| !to.is_empty());
    decide(&call, Deed::Assign { to }, said(by, comment)?).await
}

/// `POST /api/v1/issues/{id}/comment`
pub(crate) async fn comment(call: Call) -> Result<Response, Problem> {
    let SaidBody { by, comment } = call.json()?;
    let said = said(by, comment)?;
    if said.comment.is_empty() {
        return Err(invalid("`comment` must say something"));
    }
    decide(&call, Deed::Comment, said).await
}

async fn decide(call: &Call, deed: Deed, said: Said) -> Result<Response, Problem> {
    call.query(&[])?;
    let id = issue_id(call)?;
    let durable = pass_on(call, move |admin| admin.decide(&[id], &deed, said)).await?;
    let issue = row(call, id).await;
    json(decision::status(durable), &Decided { issue, durable })
}

/// What somebody does about several issues.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bulk {
    issues: Vec<String>,
    what: BulkDeed,
    until: Option<String>,
    #[serde(rename = "for")]
    lasts: Option<HumanDuration>,
    to: Option<String>,
    by: Option<String>,
    comment: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum BulkDeed {
    Resolve,
    Reopen,
    Ignore,
    Assign,
}

#[derive(Serialize)]
struct DecidedAll {
    issues: usize,
    durable: bool,
}

/// `POST /api/v1/issues/decide`
pub(crate) async fn decide_all(call: Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let Bulk { issues, what, until, lasts, to, by, comment } = call.json()?;
    let ids = ids("issues", &issues, ISSUES_MAX)?;
    let deed = match what {
        BulkDeed::Resolve => Deed::Resolve,
        BulkDeed::Reopen => Deed::Reopen,
        BulkDeed::Ignore => {
            Deed::Ignore { until: ignored_until(call.now(), until.as_deref(), lasts)? }
        }
        BulkDeed::Assign => {
            let to = decision::text("to", to, NAME_CHARS_MAX)?;
            Deed::Assign { to: Some(to).filter(|to| !to.is_empty()) }
        }
    };
    let (said, issues) = (said(by, comment)?, ids.len());
    let durable = pass_on(&call, move |admin| admin.decide(&ids, &deed, said)).await?;
    json(decision::status(durable), &DecidedAll { issues, durable })
}

/// Reads ids of the body: some, none twice, not too many.
fn ids<T: std::str::FromStr<Err: ToString> + Ord>(
    name: &str,
    given: &[String],
    most: usize,
) -> Result<Vec<T>, Problem> {
    if given.is_empty() || given.len() > most {
        return Err(invalid(format!("`{name}` must list 1 to {most} ids")));
    }
    let ids: Result<BTreeSet<T>, T::Err> = given.iter().map(|id| id.parse()).collect();
    let ids = ids.map_err(|error| invalid(format!("`{name}`: {}", error.to_string())))?;
    Ok(ids.into_iter().collect())
}

/// Which issues become one.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Merge {
    with: Vec<String>,
    by: Option<String>,
    comment: Option<String>,
}

/// What holds of grouping now.
#[derive(Serialize)]
struct Grouped {
    groupings: Vec<wire::Grouping>,
    durable: bool,
}

/// `POST /api/v1/issues/{id}/merge`
pub(crate) async fn merge(call: Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let (id, Merge { with, by, comment }) = (issue_id(&call)?, call.json()?);
    let (with, said) = (ids::<IssueId>("with", &with, ISSUES_MAX)?, said(by, comment)?);
    let grouped = pass_on(&call, move |admin| admin.merge(id, &with, said)).await?;
    grouped_reply(grouped)
}

/// Which fingerprints become an issue of their own.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Split {
    fingerprints: Vec<String>,
    by: Option<String>,
    comment: Option<String>,
}

/// `POST /api/v1/issues/{id}/split`
pub(crate) async fn split(call: Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let (id, Split { fingerprints, by, comment }) = (issue_id(&call)?, call.json()?);
    let chosen = ids::<Fingerprint>("fingerprints", &fingerprints, FINGERPRINTS_MAX)?;
    let said = said(by, comment)?;
    let grouped = pass_on(&call, move |admin| admin.split(id, &chosen, said)).await?;
    grouped_reply(grouped)
}

fn grouped_reply((groupings, durable): (Vec<Grouping>, bool)) -> Result<Response, Problem> {
    let groupings = groupings.into_iter().map(wire::Grouping::from).collect();
    json(decision::status(durable), &Grouped { groupings, durable })
}

#[derive(Serialize)]
struct Groupings {
    groupings: Vec<wire::Grouping>,
}

/// `GET /api/v1/groupings`
pub(crate) async fn groupings(call: Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let groupings = call.blocking(|dashboard| dashboard.issues.groupings()).await?;
    let groupings = groupings.into_iter().map(wire::Grouping::from).collect();
    json(StatusCode::OK, &Groupings { groupings })
}

#[derive(Serialize)]
struct Ungrouped {
    durable: bool,
}

/// `DELETE /api/v1/groupings/{id}`
pub(crate) async fn ungroup(call: Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let SaidBody { by, comment } = call.json_or_nothing()?;
    let (id, said) = (call.parameters.first().cloned().unwrap_or_default(), said(by, comment)?);
    let durable = pass_on(&call, move |admin| admin.ungroup(&id, said)).await?;
    json(decision::status(durable), &Ungrouped { durable })
}

#[derive(Serialize)]
struct Page {
    activity: Vec<wire::Activity>,
    /// Whether there is more behind `skip` + `limit`.
    more: bool,
}

/// `GET /api/v1/issues/{id}/activity`
pub(crate) async fn activity(call: Call) -> Result<Response, Problem> {
    let query = call.query(&["limit", "skip"])?;
    let id = issue_id(&call)?;
    let limit = query.number("limit", ACTIVITY_DEFAULT, 1..=ACTIVITY_MAX)?;
    let skip = query.number("skip", 0, 0..=crate::cursor::Cursor::SKIP_MAX)?;
    if row(&call, id).await.is_none() {
        return Err(no_such_issue(&id.to_string()));
    }
    let mut rows: Vec<Activity> =
        call.read(move |store| store.activity(id, limit + 1, skip)).await?;
    let more = rows.len() > limit;
    rows.truncate(limit);
    // What was said about two issues that are one now is told once.
    rows.dedup_by(|a, b| (a.at, &a.happened, &a.by) == (b.at, &b.happened, &b.by));
    json(
        StatusCode::OK,
        &Page { activity: rows.into_iter().map(wire::Activity::from).collect(), more },
    )
}

/// Returns an issue as it stands now.
async fn row(call: &Call, id: IssueId) -> Option<wire::Issue> {
    let now = call.now();
    let question = everything(Range::ALL_TIME, now);
    let found = call.read(move |store| store.issue(id, &question)).await.ok().flatten();
    found.map(|found| found.issue.into())
}

/// Lets the engine hear of a decision.
async fn pass_on<T: Send + 'static>(
    call: &Call,
    ask: impl FnOnce(&dyn IssueAdmin) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Problem> {
    let decided = call.blocking(move |dashboard| ask(&*dashboard.issues)).await?;
    decided.map_err(|refusal| decision::problem(&refusal))
}
