//! Timeline: events by class in equal slices of time, of one issue or of everything.

use super::issues::{everything, issue_id, no_such_issue};
use crate::context::Call;
use crate::problem::Problem;
use crate::query::{Query, Range};
use crate::reply::{Response, json};
use crate::wire;
use engine::component::TimelineQuery;
use engine::model::{BucketSize, IssueId};
use http::StatusCode;
use serde::Serialize;

/// Most slices in one answer.
const SLICES_MAX: i64 = 5000;
/// The slice lengths to choose from when none is asked for, in seconds.
const SLICES_SECS: [u32; 9] = [60, 300, 600, 900, 1800, 3600, 10_800, 21_600, 86_400];

const PARAMETERS: &[&str] = &["from", "to", "slice"];

#[derive(Serialize)]
struct Timeline {
    from: wire::Time,
    to: wire::Time,
    slice_seconds: i64,
    slices: Vec<wire::Slice>,
}

/// `GET /api/v1/timeline`
pub(crate) async fn of_everything(call: Call) -> Result<Response, Problem> {
    answer(&call, None).await
}

/// `GET /api/v1/issues/{id}/timeline`
pub(crate) async fn of_issue(call: Call) -> Result<Response, Problem> {
    let id = issue_id(&call)?;
    answer(&call, Some(id)).await
}

async fn answer(call: &Call, issue: Option<IssueId>) -> Result<Response, Problem> {
    let query = call.query(PARAMETERS)?;
    let now = call.now();
    let range = query.range(now)?;
    let size = slice_size(&query, range)?;
    let question = TimelineQuery { issue, from: range.from, to: range.to, size };
    let slices = call.read(move |store| store.timeline(&question)).await?;
    if let (true, Some(id)) = (slices.is_empty(), issue) {
        // No events in the range, or no such issue: only then is the second question needed.
        let any = everything(range, now);
        if call.read(move |store| store.issue(id, &any)).await?.is_none() {
            return Err(no_such_issue(&id.to_string()));
        }
    }
    let answer = Timeline {
        from: range.from.into(),
        to: range.to.into(),
        slice_seconds: size.secs(),
        slices: slices.into_iter().map(wire::Slice::from).collect(),
    };
    json(StatusCode::OK, &answer)
}

/// Reads `slice`; left out, it is the shortest usual length that fits.
fn slice_size(query: &Query, range: Range) -> Result<BucketSize, Problem> {
    let fits = |size: &BucketSize| range.secs() / size.secs() <= SLICES_MAX;
    if query.text("slice").is_none() {
        let usual = SLICES_SECS.iter().filter_map(|secs| BucketSize::new(*secs)).find(fits);
        return usual.ok_or_else(|| Problem::parameter("from", "the range is too long"));
    }
    let secs = query.number("slice", 60, 60..=86_400)?;
    let whole_minutes = u32::try_from(secs).ok().filter(|secs| secs % 60 == 0);
    let Some(size) = whole_minutes.and_then(BucketSize::new) else {
        let detail = "it is not a number of whole minutes, in seconds, that divides a day";
        return Err(Problem::parameter("slice", detail));
    };
    if !fits(&size) {
        let detail = format!("the range has more than {SLICES_MAX} slices of {secs} s");
        return Err(Problem::parameter("slice", detail));
    }
    Ok(size)
}
