//! Answering: one request, from its head to its answer.
//!
//! ```text
//! path, method, access ─► body, bounded ─► unpacked, records ─► job ──► source's thread
//!                                                                 ◄── outcome, after the commit
//! ```
//! *Promises:* nothing is read of a request that may not push. A sender hears of success only when the
//! source's thread says that its records are durable; one that went away changes nothing. *State and
//! limits:* the requests and bytes of the settings, beyond which a sender is asked to come again.

use super::access::Tokens;
use super::body::{self, Packing, Patience};
use super::budget::Budget;
use super::job::{Job, Key, Outcome};
use super::options::Settings;
use super::records::Records;
use super::refusal::{Refusal, Reply};
use super::{Accepted, Protocol};
use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError};
use tokio::sync::{Semaphore, oneshot};

/// When to come again if too much is going on.
const BUSY_SECS: u32 = 1;
/// When to come again if the store does not answer.
const UNCOMMITTED_SECS: u32 = 5;

/// What answers the requests of one source.
pub struct Answering {
    settings: Settings,
    tokens: Tokens,
    patience: Patience,
    protocol: Arc<dyn Protocol>,
    jobs: SyncSender<Job>,
    budget: Arc<Budget>,
    requests: Semaphore,
}

/// A request that will be counted, if all goes well.
struct Taken {
    accepted: Accepted,
    outcome: oneshot::Receiver<Outcome>,
}

impl Answering {
    /// Returns what answers by `protocol` and hands over to `jobs`.
    pub fn new(
        settings: Settings,
        tokens: Tokens,
        patience: Patience,
        protocol: Arc<dyn Protocol>,
        jobs: SyncSender<Job>,
    ) -> Self {
        let budget = Budget::new(settings.pending_bytes_max);
        let requests = Semaphore::new(settings.requests_max);
        Self { settings, tokens, patience, protocol, jobs, budget, requests }
    }

    /// Answers a request.
    pub async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let (head, body) = request.into_parts();
        let content_type = head.headers.get(CONTENT_TYPE).cloned();
        let content_type = content_type.as_ref().and_then(|value| value.to_str().ok());
        let outcome = match self.check(&head) {
            Ok(()) => self.take(&head.headers, content_type, body).await,
            Err(refusal) => Err(refusal),
        };
        match outcome {
            Ok(accepted) => written(self.protocol.accepted(content_type, &accepted)),
            Err(refusal) => {
                let mut response = written(self.protocol.refused(content_type, &refusal));
                add_headers(&refusal, response.headers_mut());
                response
            }
        }
    }

    /// Refuses what may not push, by its head alone.
    fn check(&self, head: &http::request::Parts) -> Result<(), Refusal> {
        self.tokens.authorize(&head.headers)?;
        if !self.settings.paths.iter().any(|path| path == head.uri.path()) {
            let paths = self.settings.paths.join("`, `");
            let detail = format!("nothing is taken at this path; post to `{paths}`");
            return Err(Refusal::new(StatusCode::NOT_FOUND, detail));
        }
        if head.method != Method::POST {
            let detail = format!("{} is not offered here; use POST", head.method);
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, detail));
        }
        Ok(())
    }

    /// Reads a request, hands it over, and waits until it is durable.
    async fn take(
        &self,
        headers: &HeaderMap,
        content_type: Option<&str>,
        body: Incoming,
    ) -> Result<Accepted, Refusal> {
        let Ok(_place) = self.requests.try_acquire() else {
            let detail = "too many requests wait at the moment; send this one again";
            return Err(Refusal::later(StatusCode::TOO_MANY_REQUESTS, BUSY_SECS, detail));
        };
        let taken = self.hand_over(headers, content_type, body).await?;
        let Some(taken) = taken else { return Ok(Accepted::default()) };
        let unavailable = |detail: &str| {
            Err(Refusal::later(StatusCode::SERVICE_UNAVAILABLE, UNCOMMITTED_SECS, detail))
        };
        match tokio::time::timeout(self.settings.ack_timeout, taken.outcome).await {
            Ok(Ok(Outcome::Durable)) => Ok(taken.accepted),
            Ok(Ok(Outcome::OtherBody)) => {
                let detail = "this `Idempotency-Key` came with another body before";
                Err(Refusal::new(StatusCode::UNPROCESSABLE_ENTITY, detail))
            }
            Ok(Ok(Outcome::Busy)) => {
                let detail = "too many requests wait to be committed; send this one again";
                Err(Refusal::later(StatusCode::TOO_MANY_REQUESTS, BUSY_SECS, detail))
            }
            Ok(Err(_)) => unavailable("the source stops; send this request again"),
            Err(_) => unavailable("the store does not answer in time; send this request again"),
        }
    }

    /// Reads a request and hands it over; `None` if there is nothing in it.
    async fn hand_over(
        &self,
        headers: &HeaderMap,
        content_type: Option<&str>,
        body: Incoming,
    ) -> Result<Option<Taken>, Refusal> {
        let key = Key::text(headers)?.map(str::to_owned);
        let decode = self.protocol.decoder(content_type)?;
        let packing = Packing::of(headers)?;
        let bytes_max = self.settings.body_bytes_max;
        let mut share = self.budget.share();
        let body = body::read(headers, body, bytes_max, self.patience, &mut share).await?;
        let line_bytes_max = self.settings.line_bytes_max;
        let mut records = Records::new(line_bytes_max, bytes_max, self.budget.share());
        let unpacking = tokio::task::spawn_blocking(move || {
            let body = body::unpack(packing, body, bytes_max, &mut share)?;
            decode(&body, &mut records)?;
            Ok::<_, Refusal>((key.map(|key| Key::new(&key, &body)), records))
        });
        let Ok(unpacked) = unpacking.await else {
            return Err(Refusal::malformed("the body cannot be read"));
        };
        let (key, records) = unpacked?;
        let accepted = Accepted {
            records: records.count(),
            rejected: records.rejected,
            rejected_why: records.rejected_why.clone(),
        };
        let (answer, outcome) = oneshot::channel();
        if accepted.records == 0 && accepted.rejected == 0 {
            return Ok(None);
        }
        if accepted.records == 0 {
            // Nothing has to become durable; who sent it has nobody to wait for.
            let _heard = answer.send(Outcome::Durable);
            return Ok(Some(Taken { accepted, outcome }));
        }
        match self.jobs.try_send(Job { records, key, answer }) {
            Ok(()) => Ok(Some(Taken { accepted, outcome })),
            Err(TrySendError::Full(_)) => {
                let detail = "the engine is behind at the moment; send this request again";
                Err(Refusal::later(StatusCode::SERVICE_UNAVAILABLE, BUSY_SECS, detail))
            }
            Err(TrySendError::Disconnected(_)) => {
                let detail = "the source stops; send this request again";
                Err(Refusal::later(StatusCode::SERVICE_UNAVAILABLE, UNCOMMITTED_SECS, detail))
            }
        }
    }
}

fn written(reply: Reply) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(reply.body)));
    *response.status_mut() = reply.status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(reply.content_type));
    response
}

fn add_headers(refusal: &Refusal, headers: &mut HeaderMap) {
    if let Some(secs) = refusal.retry_after_secs {
        headers.insert(RETRY_AFTER, HeaderValue::from(secs));
    }
    match refusal.status {
        StatusCode::UNAUTHORIZED => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        _ => {}
    }
}
