//! Issues: the list, page by page, and one issue in full.

use crate::context::Call;
use crate::cursor::Cursor;
use crate::filter::Filter;
use crate::problem::Problem;
use crate::query::{Query, Range};
use crate::reply::{Response, json};
use crate::wire;
use engine::component::{IssueOrder, IssueQuery};
use engine::model::{EventTime, IssueId, Severity};
use http::StatusCode;
use serde::Serialize;

/// Most rows on a page.
const LIMIT_MAX: usize = 200;
const LIMIT_DEFAULT: usize = 50;
/// Most slices of a sparkline.
pub(super) const POINTS_MAX: usize = 200;
const POINTS_DEFAULT: usize = 48;
/// Most members and samples shown of one issue; `issue.fingerprints` tells how many there are.
const MEMBERS_MAX: usize = 1000;
const SAMPLES_MAX: usize = 200;

const LIST_PARAMETERS: &[&str] = &[
    "from", "to", "points", "order", "severity", "q", "service", "tag", "state", "limit", "cursor",
];

const ORDERS: &[(&str, IssueOrder)] = &[
    ("relevance", IssueOrder::Relevance),
    ("count", IssueOrder::Count),
    ("last_seen", IssueOrder::LastSeen),
    ("first_seen", IssueOrder::FirstSeen),
];

#[derive(Serialize)]
struct Page {
    issues: Vec<wire::Issue>,
    matching: usize,
    next: Option<String>,
    from: wire::Time,
    to: wire::Time,
    slice_seconds: i64,
}

/// `GET /api/v1/issues`
pub(crate) async fn list(call: Call) -> Result<Response, Problem> {
    let query = call.query(LIST_PARAMETERS)?;
    let (question, range) = read_question(&query, call.now())?;
    let (skip, points) = (question.skip, question.points);
    let page = call.read(move |store| store.issues(&question)).await?;
    let shown = skip + page.issues.len();
    let more = !page.issues.is_empty() && shown < page.matching && shown <= Cursor::SKIP_MAX;
    let answer = Page {
        issues: page.issues.into_iter().map(wire::Issue::from).collect(),
        matching: page.matching,
        next: more.then(|| Cursor { skip: shown, range }.encode()),
        from: range.from.into(),
        to: range.to.into(),
        slice_seconds: slice_seconds(range, points),
    };
    json(StatusCode::OK, &answer)
}

#[derive(Serialize)]
struct Detail {
    issue: wire::Issue,
    members: Vec<wire::Member>,
    samples: Vec<wire::Sample>,
    alerts: Vec<wire::Alert>,
    from: wire::Time,
    to: wire::Time,
    slice_seconds: i64,
}

/// `GET /api/v1/issues/{id}`
pub(crate) async fn detail(call: Call) -> Result<Response, Problem> {
    let query = call.query(&["from", "to", "points"])?;
    let now = call.now();
    let range = query.range(now)?;
    let points = query.number("points", POINTS_DEFAULT, 1..=POINTS_MAX)?;
    let id = issue_id(&call)?;
    let question = IssueQuery { points, ..everything(range, now) };
    let Some(found) = call.read(move |store| store.issue(id, &question)).await? else {
        return Err(no_such_issue(&id.to_string()));
    };
    let answer = Detail {
        issue: found.issue.into(),
        members: found.members.into_iter().take(MEMBERS_MAX).map(wire::Member::from).collect(),
        samples: found.samples.into_iter().take(SAMPLES_MAX).map(wire::Sample::from).collect(),
        alerts: found.alerts.into_iter().map(wire::Alert::from).collect(),
        from: range.from.into(),
        to: range.to.into(),
        slice_seconds: slice_seconds(range, points),
    };
    json(StatusCode::OK, &answer)
}

/// Reads the issue's id from the path.
pub(super) fn issue_id(call: &Call) -> Result<IssueId, Problem> {
    let text = call.parameters.first().map_or("", String::as_str);
    text.parse().map_err(|_| no_such_issue(text))
}

/// Returns the problem of an id that no issue has.
pub(super) fn no_such_issue(id: &str) -> Problem {
    let id: String = id.chars().take(40).flat_map(char::escape_default).collect();
    Problem::not_found(format!("there is no issue `{id}`; the ids are in /api/v1/issues"))
}

/// Returns the question for all issues in a range.
pub(super) fn everything(range: Range, now: EventTime) -> IssueQuery {
    IssueQuery {
        from: range.from,
        to: range.to,
        points: POINTS_DEFAULT,
        min_severity: Severity::Unknown,
        words: Vec::new(),
        service: None,
        tag: None,
        ids: None,
        only_new: false,
        triage: None,
        assignee: None,
        only_spiking: false,
        order: IssueOrder::default(),
        limit: LIMIT_DEFAULT,
        skip: 0,
        now,
    }
}

/// Reads the parameters of the list. A cursor brings the range of its first page.
fn read_question(query: &Query, now: EventTime) -> Result<(IssueQuery, Range), Problem> {
    let given = query.any_range(now)?;
    let Cursor { skip, range } = Cursor::of(query, given)?;
    let severities = Severity::ALL.map(|severity| (severity.as_str(), severity));
    let (only_new, only_spiking) = read_state(query)?;
    // What the box says wins over a parameter of the same name.
    let filter = Filter::parse(query.text("q").unwrap_or_default())?;
    let text = |typed: Option<String>, name| typed.or(query.text(name).map(str::to_owned));
    let severity = filter.severity.or(query.choice("severity", &severities)?);
    let question = IssueQuery {
        points: query.number("points", POINTS_DEFAULT, 1..=POINTS_MAX)?,
        min_severity: severity.unwrap_or(Severity::Warn),
        words: filter.words,
        service: text(filter.service, "service"),
        tag: text(filter.tag, "tag"),
        triage: filter.triage,
        assignee: filter.assignee,
        only_new: only_new || filter.only_new,
        only_spiking: only_spiking || filter.only_spiking,
        order: query.choice("order", ORDERS)?.unwrap_or_default(),
        limit: query.number("limit", LIMIT_DEFAULT, 1..=LIMIT_MAX)?,
        skip,
        ..everything(range, now)
    };
    Ok((question, range))
}

/// Reads `state`: one of `new` and `spiking`, or both with a comma between.
fn read_state(query: &Query) -> Result<(bool, bool), Problem> {
    const STATES: &[(&str, (bool, bool))] = &[
        ("new", (true, false)),
        ("spiking", (false, true)),
        ("new,spiking", (true, true)),
        ("spiking,new", (true, true)),
    ];
    Ok(query.choice("state", STATES)?.unwrap_or_default())
}

/// Returns the length of one slice of a sparkline, rounded down.
fn slice_seconds(range: Range, points: usize) -> i64 {
    (range.secs() / i64::try_from(points).unwrap_or(i64::MAX).max(1)).max(1)
}
