//! Route: one row of the table, and the table as warp filters.

use super::ROUTES;
use crate::access::Access;
use crate::assets;
use crate::context::{Call, Context};
use crate::problem::Problem;
use crate::reply::{Response, wants_page};
use http::{HeaderMap, Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::path::FullPath;

/// What a handler returns: an answer, or why there is none, later.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;

/// The whole table as one function.
pub(crate) type Routes =
    Box<dyn Fn(Request<Incoming>) -> Pin<Box<dyn Future<Output = Response> + Send>> + Send + Sync>;

/// An address, who may ask it, and what answers.
pub(crate) struct Route {
    path: &'static str,
    access: Access,
    handler: fn(Call) -> Answer,
}

impl Route {
    /// Returns a route for `GET` (and `HEAD`, which hyper answers without the body). In `path`,
    /// `{…}` takes one segment and a final `*` takes all that is left.
    pub(crate) const fn get(
        path: &'static str,
        access: Access,
        handler: fn(Call) -> Answer,
    ) -> Self {
        Self { path, access, handler }
    }

    /// Returns the address.
    #[cfg(test)]
    pub(crate) const fn path(&self) -> &'static str {
        self.path
    }

    /// Returns who may ask.
    #[cfg(test)]
    pub(crate) const fn access(&self) -> Access {
        self.access
    }

    /// Checks the token, then answers in time.
    async fn answer(&self, call: Call) -> Response {
        let dashboard = &call.context.dashboard;
        if let Err(problem) = dashboard.access.authorize(self.access, &call.headers) {
            return refuse(problem, &call.headers);
        }
        within(dashboard.limits.handler, (self.handler)(call)).await
    }

    /// Returns the filter that takes this route's requests.
    fn filter(&'static self, context: Arc<Context>) -> BoxedFilter<(Response,)> {
        let query = warp::query::raw().or(warp::any().map(String::new)).unify();
        path_filter(self.path)
            .and(warp::path::full())
            .and(query)
            .and(warp::header::headers_cloned())
            .then(move |parameters, path: FullPath, query, headers| {
                let (context, path) = (context.clone(), path.as_str().to_owned());
                self.answer(Call { context, parameters, path, query, headers })
            })
            .boxed()
    }
}

/// Returns the table as one function from request to answer.
pub(crate) fn build(context: &Arc<Context>) -> Routes {
    let nothing =
        warp::any().and_then(|| async { Err::<Response, _>(warp::reject::not_found()) }).boxed();
    let all = ROUTES
        .iter()
        .fold(nothing, |earlier, route| earlier.or(route.filter(context.clone())).unify().boxed());
    let service = TowerToHyperService::new(warp::service(all));
    Box::new(move |request| {
        let answer = service.call(request);
        Box::pin(async move {
            match answer.await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        })
    })
}

/// Turns a pattern into warp's path filters; extracts the variable parts.
fn path_filter(pattern: &'static str) -> BoxedFilter<(Vec<String>,)> {
    let mut filter = warp::any().map(Vec::new).boxed();
    for segment in pattern.split('/').filter(|segment| !segment.is_empty()) {
        if segment == "*" {
            return filter;
        }
        filter = if segment.starts_with('{') {
            let keep = |mut parameters: Vec<String>, value: String| {
                parameters.push(value);
                parameters
            };
            filter.and(warp::path::param()).map(keep).boxed()
        } else {
            filter.and(warp::path(segment)).boxed()
        };
    }
    filter.and(warp::path::end()).boxed()
}

/// Answers who has no token: a person with a page to enter it, a program with a problem.
fn refuse(problem: Problem, headers: &HeaderMap) -> Response {
    if wants_page(headers) { assets::sign_in_page() } else { problem.into_response() }
}

/// Limits how long a handler may take to begin its answer.
async fn within(time: Duration, answer: Answer) -> Response {
    let late = || {
        let detail = format!("no answer within {} s; try a shorter range", time.as_secs());
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    };
    let answer = tokio::time::timeout(time, answer).await.unwrap_or_else(|_| Err(late()));
    answer.unwrap_or_else(Problem::into_response)
}
