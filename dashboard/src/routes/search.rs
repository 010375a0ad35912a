//! Search: issues by the words and the meaning of a question, the best first.

use super::issues::{POINTS_MAX, everything};
use crate::context::Call;
use crate::problem::Problem;
use crate::query::Query;
use crate::reply::{Response, json};
use crate::wire;
use engine::component::{Found, IssueQuery, IssueRow, ReadStore};
use engine::model::IssueId;
use http::StatusCode;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Longest question, in bytes.
const QUESTION_BYTES_MAX: usize = 1000;
/// Most results.
const LIMIT_MAX: usize = 100;
const LIMIT_DEFAULT: usize = 20;

/// What a search found, as the API and the command line write it.
#[derive(Serialize)]
pub struct SearchResults {
    query: String,
    without_meaning: Option<String>,
    results: Vec<Hit>,
}

#[derive(Serialize)]
struct Hit {
    issue: wire::Issue,
    text: Arc<str>,
    score: f64,
    words: Vec<String>,
    similarity: Option<f64>,
}

/// `GET /api/v1/search?q=TEXT`
pub(crate) async fn find(call: Call) -> Result<Response, Problem> {
    let query = call.query(&["q", "limit", "from", "to", "points"])?;
    let question = read_question(&query)?;
    let limit = query.number("limit", LIMIT_DEFAULT, 1..=LIMIT_MAX)?;
    let now = call.now();
    let rows_of = IssueQuery {
        points: query.number("points", 0, 1..=POINTS_MAX)?,
        limit,
        ..everything(query.range_of_all_time(now)?, now)
    };
    let analyst = call.context.dashboard.analyst.clone();
    let asked = question.clone();
    let ask = move |store: &dyn ReadStore| {
        let found = analyst.search(&asked, limit)?;
        let ids = found.hits.iter().map(|hit| hit.issue).collect();
        let rows = store.issues(&IssueQuery { ids: Some(ids), ..rows_of })?.issues;
        Ok((found, rows))
    };
    let (found, rows) = call.read(ask).await?;
    json(StatusCode::OK, &SearchResults::new(question, found, rows))
}

/// Reads `q`.
fn read_question(query: &Query) -> Result<String, Problem> {
    let question = query.text("q").map_or("", str::trim);
    if question.is_empty() {
        let detail = "it is missing; write what you look for, in words or as a question, such as \
                      q=disk%20full or q=why%20can%20nobody%20log%20in";
        return Err(Problem::parameter("q", detail));
    }
    if question.len() > QUESTION_BYTES_MAX {
        let detail = format!("it is longer than {QUESTION_BYTES_MAX} bytes; keep what matters");
        return Err(Problem::parameter("q", detail));
    }
    Ok(question.to_owned())
}

impl SearchResults {
    /// Puts rows into the order of the hits; a hit without a row is gone, or has no events in the range.
    pub fn new(query: String, found: Found, rows: Vec<IssueRow>) -> SearchResults {
        let mut rows: BTreeMap<IssueId, IssueRow> =
            rows.into_iter().map(|row| (row.id, row)).collect();
        let results = found.hits.into_iter().filter_map(|hit| {
            Some(Hit {
                issue: rows.remove(&hit.issue)?.into(),
                text: hit.text,
                score: hit.score,
                words: hit.words,
                similarity: hit.similarity.map(|similarity| similarity.ratio()),
            })
        });
        let (without_meaning, results) = (found.without_meaning, results.collect());
        SearchResults { query, without_meaning, results }
    }
}
