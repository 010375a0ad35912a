//! Route: one row of the table, and the table as warp filters.

use super::ROUTES;
use crate::access::Access;
use crate::assets;
use crate::context::{Call, Context};
use crate::last_answers::question;
use crate::problem::Problem;
use crate::reply::{Response, Whole, stale, wants_page};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, TryStreamExt};
use http::{HeaderMap, Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::path::FullPath;

/// What a handler returns: an answer, or why there is none, later.
pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<Response, Problem>> + Send>>;

/// The whole table as one function.
pub(crate) type Routes =
    Box<dyn Fn(Request<Incoming>) -> Pin<Box<dyn Future<Output = Response> + Send>> + Send + Sync>;

/// A method and an address, who may ask it, and what answers.
pub(crate) struct Route {
    method: Method,
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
        Self { method: Method::GET, path, access, handler }
    }

    /// Returns a route for another method, whose body is read first.
    pub(crate) const fn with_body(
        method: Method,
        path: &'static str,
        access: Access,
        handler: fn(Call) -> Answer,
    ) -> Self {
        Self { method, path, access, handler }
    }

    /// Returns the method.
    #[cfg(test)]
    pub(crate) const fn method(&self) -> &Method {
        &self.method
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

    /// Checks the token, then reads the body, then answers, each in time.
    async fn answer<B: Buf>(
        &self,
        mut call: Call,
        body: impl Stream<Item = Result<B, warp::Error>> + Send,
    ) -> Response {
        let context = call.context.clone();
        let limits = &context.dashboard.limits;
        let authorized = context.dashboard.access.authorize(self.access, &call.headers);
        if let Err(problem) = authorized {
            return refuse(problem, &call.headers);
        }
        if self.method != Method::GET {
            match tokio::time::timeout(limits.body_read, whole(body)).await {
                Ok(Some(body)) => call.body = body,
                _ => return unread().into_response(),
            }
        }
        if self.access != Access::Read {
            return within(limits.handler, (self.handler)(call))
                .await
                .unwrap_or_else(Problem::into_response);
        }
        let question = question(&call.path, &call.query);
        let last = |now| context.last_answers.find(&question, now);
        // Whoever knows that the store is away does not make a person wait for it.
        if context.dashboard.status.has_store_error()
            && let Some((body, age)) = last(Instant::now())
        {
            return stale(body, age);
        }
        match within(limits.handler, (self.handler)(call)).await {
            Ok(response) => {
                if let Some(Whole(body)) = response.extensions().get() {
                    context.last_answers.keep(question, body.clone(), Instant::now());
                }
                response
            }
            Err(problem) if problem.store_is_away => match last(Instant::now()) {
                Some((body, age)) => stale(body, age),
                None => problem.into_response(),
            },
            Err(problem) => problem.into_response(),
        }
    }

    /// Returns the filter that takes this route's requests.
    fn filter(&'static self, context: Arc<Context>) -> BoxedFilter<(Response,)> {
        let query = warp::query::raw().or(warp::any().map(String::new)).unify();
        let method = self.takes_any_method().then(|| warp::any().boxed());
        method
            .unwrap_or_else(|| method_filter(&self.method))
            .and(path_filter(self.path))
            .and(warp::path::full())
            .and(query)
            .and(warp::method())
            .and(warp::header::headers_cloned())
            .and(warp::body::stream())
            .then(move |parameters, path: FullPath, query, method, headers, body| {
                let (context, path) = (context.clone(), path.as_str().to_owned());
                let body_read = Bytes::new();
                let call =
                    Call { context, parameters, path, query, method, headers, body: body_read };
                self.answer(call, body)
            })
            .boxed()
    }

    /// The last row takes what no other row does, whatever is asked of it.
    fn takes_any_method(&self) -> bool {
        self.path.ends_with('*')
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

/// Lets requests of one method pass; `HEAD` is a `GET` without the body.
fn method_filter(method: &'static Method) -> BoxedFilter<()> {
    let is_it = move |asked: Method| async move {
        let is_head = asked == Method::HEAD && *method == Method::GET;
        if asked == *method || is_head { Ok(()) } else { Err(warp::reject::not_found()) }
    };
    warp::method().and_then(is_it).untuple_one().boxed()
}

/// Reads a whole body, whose length `door` has checked.
async fn whole<B: Buf>(body: impl Stream<Item = Result<B, warp::Error>> + Send) -> Option<Bytes> {
    let add = |mut all: BytesMut, mut piece: B| async move {
        while piece.has_remaining() {
            let chunk = piece.chunk();
            all.extend_from_slice(chunk);
            let taken = chunk.len();
            piece.advance(taken);
        }
        Ok(all)
    };
    body.try_fold(BytesMut::new(), add).await.ok().map(BytesMut::freeze)
}

fn unread() -> Problem {
    Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive whole in time")
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
async fn within(time: Duration, answer: Answer) -> Result<Response, Problem> {
    let late = || {
        let detail = format!("no answer within {} s; try a shorter range", time.as_secs());
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    };
    tokio::time::timeout(time, answer).await.unwrap_or_else(|_| Err(late()))
}
