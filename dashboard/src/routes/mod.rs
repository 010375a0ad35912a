//! Routes: every address of the server in one table, with the rule that says who may ask.
//!
//! *Promise:* a [`Route`] is built only by functions that take an [`Access`]; forgetting the rule does
//! not compile. The last row takes every other address, so nothing is reached beside the
//! table.

pub(crate) mod alerts;
pub(crate) mod audit;
mod decision;
pub(crate) mod deliveries;
pub(crate) mod deploys;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod graph;
pub(crate) mod health;
pub(crate) mod issues;
pub(crate) mod live;
pub(crate) mod login;
pub(crate) mod meaning;
pub(crate) mod rejected;
mod route;
pub(crate) mod search;
pub(crate) mod silences;
pub(crate) mod sources;
pub(crate) mod timeline;
pub(crate) mod triage;
pub(crate) mod ui;
pub(crate) mod values;

#[cfg(test)]
pub(crate) use decision::{BY_CHARS_MAX, COMMENT_CHARS_MAX, NAME_CHARS_MAX};
pub(crate) use route::{Route, Routes, build};
#[cfg(test)]
pub(crate) use triage::{FINGERPRINTS_MAX, ISSUES_MAX};

use crate::access::Access::{Admin, Open, Read};
use http::Method;

/// Every route, most specific first.
pub(crate) const ROUTES: &[Route] = &[
    Route::get("/livez", Open, |call| Box::pin(health::livez(call))),
    Route::get("/readyz", Open, |call| Box::pin(health::readyz(call))),
    Route::get("/version", Open, |call| Box::pin(health::version(call))),
    // It checks the token itself: this is where a person brings it.
    Route::get("/login", Open, |call| Box::pin(login::login(call))),
    // The colours of the sign-in page.
    Route::get("/builtin.css", Open, |call| Box::pin(ui::stylesheet(call))),
    Route::get("/metrics", Read, |call| Box::pin(health::metrics(call))),
    Route::get("/api/v1/issues", Read, |call| Box::pin(issues::list(call))),
    Route::get("/api/v1/issues/{id}", Read, |call| Box::pin(issues::detail(call))),
    Route::with_body(Method::POST, "/api/v1/issues/decide", Admin, |call| {
        Box::pin(triage::decide_all(call))
    }),
    Route::with_body(Method::POST, "/api/v1/issues/{id}/resolve", Admin, |call| {
        Box::pin(triage::resolve(call))
    }),
    Route::with_body(Method::POST, "/api/v1/issues/{id}/reopen", Admin, |call| {
        Box::pin(triage::reopen(call))
    }),
    Route::with_body(Method::POST, "/api/v1/issues/{id}/ignore", Admin, |call| {
        Box::pin(triage::ignore(call))
    }),
    Route::with_body(Method::POST, "/api/v1/issues/{id}/assign", Admin, |call| {
        Box::pin(triage::assign(call))
    }),
    Route::with_body(Method::POST, "/api/v1/issues/{id}/comment", Admin, |call| {
        Box::pin(triage::comment(call))
    }),
    Route::with_body(Method::POST, "/api/v1/issues/{id}/merge", Admin, |call| {
        Box::pin(triage::merge(call))
    }),
    Route::with_body(Method::POST, "/api/v1/issues/{id}/split", Admin, |call| {
        Box::pin(triage::split(call))
    }),
    Route::get("/api/v1/issues/{id}/activity", Read, |call| Box::pin(triage::activity(call))),
    Route::get("/api/v1/groupings", Read, |call| Box::pin(triage::groupings(call))),
    Route::with_body(Method::DELETE, "/api/v1/groupings/{id}", Admin, |call| {
        Box::pin(triage::ungroup(call))
    }),
    Route::get("/api/v1/issues/{id}/timeline", Read, |call| Box::pin(timeline::of_issue(call))),
    Route::get("/api/v1/issues/{id}/explain", Read, |call| Box::pin(explain::of_issue(call))),
    Route::get("/api/v1/issues/{id}/values", Read, |call| Box::pin(values::of_issue(call))),
    Route::get("/api/v1/issues/{id}/meaning", Read, |call| Box::pin(meaning::of_issue(call))),
    Route::get("/api/v1/search", Read, |call| Box::pin(search::find(call))),
    Route::get("/api/v1/explain", Read, |call| Box::pin(explain::of_record(call))),
    Route::get("/api/v1/timeline", Read, |call| Box::pin(timeline::of_everything(call))),
    Route::get("/api/v1/alerts", Read, |call| Box::pin(alerts::list(call))),
    Route::get("/api/v1/alerts/{key}", Read, |call| Box::pin(alerts::detail(call))),
    Route::with_body(Method::POST, "/api/v1/alerts/{key}/acknowledge", Admin, |call| {
        Box::pin(alerts::acknowledge(call))
    }),
    Route::with_body(Method::POST, "/api/v1/alerts/{key}/snooze", Admin, |call| {
        Box::pin(alerts::snooze(call))
    }),
    Route::with_body(Method::POST, "/api/v1/alerts/{key}/resolve", Admin, |call| {
        Box::pin(alerts::resolve(call))
    }),
    Route::get("/api/v1/silences", Read, |call| Box::pin(silences::list(call))),
    Route::with_body(Method::POST, "/api/v1/silences", Admin, |call| Box::pin(silences::add(call))),
    Route::with_body(Method::DELETE, "/api/v1/silences/{id}", Admin, |call| {
        Box::pin(silences::end(call))
    }),
    Route::get("/api/v1/deploys", Read, |call| Box::pin(deploys::list(call))),
    Route::with_body(Method::POST, "/api/v1/deploys", Admin, |call| Box::pin(deploys::add(call))),
    Route::get("/api/v1/deliveries", Read, |call| Box::pin(deliveries::list(call))),
    Route::with_body(
        Method::POST,
        "/api/v1/deliveries/{notice}/{notifier}/resend",
        Admin,
        |call| Box::pin(deliveries::resend(call)),
    ),
    Route::get("/api/v1/notifiers", Read, |call| Box::pin(deliveries::notifiers(call))),
    Route::get("/api/v1/graph", Read, |call| Box::pin(graph::show(call))),
    Route::get("/api/v1/audit", Read, |call| Box::pin(audit::show(call))),
    Route::get("/api/v1/rejected", Read, |call| Box::pin(rejected::list(call))),
    Route::get("/api/v1/sources", Read, |call| Box::pin(sources::list(call))),
    Route::with_body(Method::POST, "/api/v1/sources", Admin, |call| Box::pin(sources::add(call))),
    Route::with_body(Method::POST, "/api/v1/sources/test", Admin, |call| {
        Box::pin(sources::test(call))
    }),
    Route::with_body(Method::PATCH, "/api/v1/sources/{id}", Admin, |call| {
        Box::pin(sources::change(call))
    }),
    Route::with_body(Method::DELETE, "/api/v1/sources/{id}", Admin, |call| {
        Box::pin(sources::remove(call))
    }),
    Route::get("/api/v1/export/counts", Read, |call| Box::pin(export::counts(call))),
    Route::get("/api/v1/live", Read, |call| Box::pin(live::watch(call))),
    Route::get("/*", Read, |call| Box::pin(ui::anything_else(call))),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_these_routes_are_open() {
        let open: Vec<&str> =
            ROUTES.iter().filter(|r| r.access() == Open).map(|r| r.path()).collect();
        assert_eq!(open, ["/livez", "/readyz", "/version", "/login", "/builtin.css"]);
    }

    #[test]
    fn only_these_routes_change_anything() {
        let writing: Vec<_> = ROUTES.iter().filter(|r| r.method() != Method::GET).collect();
        assert!(writing.iter().all(|route| route.access() == Admin));
        let addresses: Vec<String> =
            writing.iter().map(|route| format!("{} {}", route.method(), route.path())).collect();
        assert_eq!(
            addresses,
            [
                "POST /api/v1/issues/decide",
                "POST /api/v1/issues/{id}/resolve",
                "POST /api/v1/issues/{id}/reopen",
                "POST /api/v1/issues/{id}/ignore",
                "POST /api/v1/issues/{id}/assign",
                "POST /api/v1/issues/{id}/comment",
                "POST /api/v1/issues/{id}/merge",
                "POST /api/v1/issues/{id}/split",
                "DELETE /api/v1/groupings/{id}",
                "POST /api/v1/alerts/{key}/acknowledge",
                "POST /api/v1/alerts/{key}/snooze",
                "POST /api/v1/alerts/{key}/resolve",
                "POST /api/v1/silences",
                "DELETE /api/v1/silences/{id}",
                "POST /api/v1/deploys",
                "POST /api/v1/deliveries/{notice}/{notifier}/resend",
                "POST /api/v1/sources",
                "POST /api/v1/sources/test",
                "PATCH /api/v1/sources/{id}",
                "DELETE /api/v1/sources/{id}",
            ]
        );
    }

    #[test]
    fn the_last_route_takes_everything_else() {
        assert_eq!(ROUTES.last().unwrap().path(), "/*");
        assert_eq!(ROUTES.iter().filter(|r| r.path().contains('*')).count(), 1);
    }
}
