//! Meaning: the patterns that an issue is made of, how alike they are, and issues that are possibly
//! related. *Limits:* [`SIMILAR_MAX`] issues, [`IssueMeaning::PARTS_MAX`] patterns.

use super::issues::{everything, issue_id, no_such_issue};
use crate::context::Call;
use crate::problem::Problem;
use crate::query::Range;
use crate::reply::{Response, json};
use crate::wire;
use engine::component::{
    Analyst, IssueMeaning, IssueQuery, IssueRow, PartMeaning, PartState, ReadStore, SamplesOf,
    SimilarIssue, StoreError,
};
use engine::model::{EventTime, IssueId, PatternId, Severity, SeverityClass, Similarity};
use http::StatusCode;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Most issues that are shown as possibly related.
const SIMILAR_MAX: usize = 10;

#[derive(Serialize)]
struct Meaning {
    issue: IssueId,
    same_issue: f64,
    related: f64,
    parts_in_all: usize,
    parts: Vec<Part>,
    similar: Vec<Similar>,
}

#[derive(Serialize)]
struct Part {
    pattern: PatternId,
    text: Arc<str>,
    state: PartState,
    similarity: Option<f64>,
}

#[derive(Serialize)]
struct Similar {
    issue: IssueId,
    template: String,
    /// The text of the part that is nearest.
    text: Arc<str>,
    similarity: f64,
    distance: f64,
    class: SeverityClass,
    severity: Severity,
    services: Vec<String>,
    spiking: bool,
    first_seen: wire::Time,
    last_seen: wire::Time,
    count: i64,
    total: i64,
}

/// `GET /api/v1/issues/{id}/meaning`
pub(crate) async fn of_issue(call: Call) -> Result<Response, Problem> {
    let query = call.query(&["from", "to"])?;
    let now = call.now();
    let range = query.range(now)?;
    let id = issue_id(&call)?;
    let analyst = call.context.dashboard.analyst.clone();
    let ask = move |store: &dyn ReadStore| read(store, &*analyst, id, (range, now));
    match call.read(ask).await? {
        Known::Meaning(meaning) => json(StatusCode::OK, &*meaning),
        Known::IssueOnly => {
            let detail = format!("nothing is known yet of what issue `{id}` means");
            Err(Problem::not_found(detail))
        }
        Known::Nothing => Err(no_such_issue(&id.to_string())),
    }
}

/// What there is to say about an id.
enum Known {
    Meaning(Box<Meaning>),
    IssueOnly,
    Nothing,
}

fn read(
    store: &dyn ReadStore,
    analyst: &dyn Analyst,
    id: IssueId,
    (range, now): (Range, EventTime),
) -> Result<Known, StoreError> {
    let mut found = analyst.meaning(id, SIMILAR_MAX)?;
    if found.is_none() {
        // It may have been merged; the store leads to the issue that it is now.
        let Some(known) = store.samples(SamplesOf::Issue(id), 0)? else {
            return Ok(Known::Nothing);
        };
        if let Some(current) = known.issue.filter(|current| *current != id) {
            found = analyst.meaning(current, SIMILAR_MAX)?;
        }
    }
    let Some(found) = found else { return Ok(Known::IssueOnly) };
    let ids = || Some(found.similar.iter().map(|similar| similar.issue).collect());
    let ever = IssueQuery { ids: ids(), points: 0, ..IssueQuery::everything(now) };
    let within = IssueQuery { ids: ids(), points: 0, ..everything(range, now) };
    let counts = store.issues(&within)?.issues.into_iter().map(|row| (row.id, row.count));
    let rows = store.issues(&ever)?.issues;
    Ok(Known::Meaning(Box::new(meaning(found, rows, &counts.collect()))))
}

/// Says everything at once; an issue without events in the range has a count of 0.
fn meaning(found: IssueMeaning, rows: Vec<IssueRow>, counts: &BTreeMap<IssueId, i64>) -> Meaning {
    let mut rows: BTreeMap<IssueId, IssueRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    let similar = found.similar.into_iter().filter_map(|similar| {
        let row = rows.remove(&similar.issue)?;
        let count = counts.get(&row.id).copied().unwrap_or(0);
        Some(Similar::new(similar, IssueRow { count, ..row }))
    });
    Meaning {
        issue: found.issue,
        same_issue: found.same_issue.ratio(),
        related: found.related.ratio(),
        parts_in_all: found.parts_in_all,
        similar: similar.collect(),
        parts: found.parts.into_iter().take(IssueMeaning::PARTS_MAX).map(Part::from).collect(),
    }
}

impl From<PartMeaning> for Part {
    fn from(part: PartMeaning) -> Self {
        let PartMeaning { pattern, text, state, similarity } = part;
        Self { pattern, text, state, similarity: similarity.map(|similarity| similarity.ratio()) }
    }
}

impl Similar {
    fn new(similar: SimilarIssue, row: IssueRow) -> Self {
        let similarity = similar.similarity;
        // Millionths, so that a distance is not blurred by the subtraction.
        let distance = f64::from(Similarity::ONE.millionths() - similarity.millionths()) / 1e6;
        Self {
            issue: row.id,
            template: row.template,
            text: similar.text,
            similarity: similarity.ratio(),
            distance,
            class: row.class,
            severity: row.severity,
            services: row.services,
            spiking: row.spiking,
            first_seen: row.first_seen.into(),
            last_seen: row.last_seen.into(),
            count: row.count,
            total: row.total,
        }
    }
}
