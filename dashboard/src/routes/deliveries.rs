//! Deliveries: how notices stand with notifiers, and how notifiers fare.

use super::decision;
use crate::context::Call;
use crate::cursor::Cursor;
use crate::problem::Problem;
use crate::query::Range;
use crate::reply::{Response, json};
use crate::wire;
use engine::component::{NotifierRow, OutboxQuery};
use engine::model::{NoticeId, OutboxStanding};
use http::StatusCode;
use serde::Serialize;

/// Most rows on a page.
const LIMIT_MAX: usize = 200;
const LIMIT_DEFAULT: usize = 50;
const STANDINGS: [OutboxStanding; 3] =
    [OutboxStanding::Queued, OutboxStanding::Delivered, OutboxStanding::Dead];

#[derive(Serialize)]
struct Page {
    deliveries: Vec<wire::Delivery>,
    next: Option<String>,
}

/// `GET /api/v1/deliveries`
pub(crate) async fn list(call: Call) -> Result<Response, Problem> {
    let query = call.query(&["state", "notifier", "limit", "cursor"])?;
    let place = Cursor::of(&query, Range::ALL_TIME)?;
    let limit = query.number("limit", LIMIT_DEFAULT, 1..=LIMIT_MAX)?;
    let question = OutboxQuery {
        notifier: query.text("notifier").map(str::to_owned),
        state: query.choice("state", &STANDINGS.map(|one| (one.as_str(), one)))?,
        // One more than is shown tells whether there is a next page.
        limit: limit + 1,
        skip: place.skip,
    };
    let mut rows = call.read(move |store| store.outbox(&question)).await?;
    let next = place.next(rows.len(), limit);
    rows.truncate(limit);
    let deliveries = rows.into_iter().map(wire::Delivery::from).collect();
    json(StatusCode::OK, &Page { deliveries, next })
}

/// What became of a notice that is to be sent again.
#[derive(Serialize)]
struct Resent {
    notice: NoticeId,
    notifier: String,
    /// Whether it is committed that it waits again.
    durable: bool,
}

/// `POST /api/v1/deliveries/{notice}/{notifier}/resend`
pub(crate) async fn resend(call: Call) -> Result<Response, Problem> {
    let [notice, notifier] = call.parameters.as_slice() else {
        return Err(Problem::not_found("a notice and a notifier must be named"));
    };
    let unknown = |_| Problem::not_found("there is no such notice; they are in /api/v1/deliveries");
    let (notice, notifier) = (notice.parse::<NoticeId>().map_err(unknown)?, notifier.clone());
    let to = notifier.clone();
    let resent = call.blocking(move |dashboard| dashboard.alerts.resend(notice, &to)).await?;
    let durable = resent.map_err(|refusal| decision::problem(&refusal))?;
    json(decision::status(durable), &Resent { notice, notifier, durable })
}

#[derive(Serialize)]
struct Notifiers {
    notifiers: Vec<NotifierRow>,
}

/// `GET /api/v1/notifiers`
pub(crate) async fn notifiers(call: Call) -> Result<Response, Problem> {
    call.query(&[])?;
    let notifiers = call.blocking(|dashboard| dashboard.alerts.notifiers()).await?;
    json(StatusCode::OK, &Notifiers { notifiers })
}
