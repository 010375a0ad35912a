//! Context: what handlers share, and the two bounded ways to ask the store.

use crate::Dashboard;
use crate::last_answers::LastAnswers;
use crate::problem::Problem;
use crate::query::Query;
use crate::reply::{BrokenStream, Piece};
use bytes::Bytes;
use engine::clock::Clock;
use engine::component::{ReadStore, StoreError};
use engine::model::EventTime;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode};
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

/// What all requests of one server share.
pub(crate) struct Context {
    /// As given by the caller.
    pub(crate) dashboard: Dashboard,
    /// Where the server really listens.
    pub(crate) listen: SocketAddr,
    /// Turns true when the server shuts down; live streams then end.
    pub(crate) stopping: watch::Receiver<bool>,
    /// What is shown while the store is away.
    pub(crate) last_answers: LastAnswers,
    /// Places for live streams.
    pub(crate) live_places: Arc<Semaphore>,
    reads: Arc<Semaphore>,
    exports: Arc<Semaphore>,
}

/// One request, as its handler sees it.
pub(crate) struct Call {
    /// What all requests share.
    pub(crate) context: Arc<Context>,
    /// The variable parts of the path, in order.
    pub(crate) parameters: Vec<String>,
    /// The path as it stands in the address.
    pub(crate) path: String,
    /// The query as it stands in the address.
    pub(crate) query: String,
    /// The request's method.
    pub(crate) method: Method,
    /// The request's headers.
    pub(crate) headers: HeaderMap,
    /// The request's body; empty where none is taken.
    pub(crate) body: Bytes,
}

impl Call {
    /// Reads the query, allowing these parameters and nothing else.
    pub(crate) fn query(&self, known: &[&str]) -> Result<Query, Problem> {
        Query::parse(&self.query, known)
    }

    /// Reads the body as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        let kind = self.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        if !kind.is_some_and(|kind| kind.starts_with("application/json")) {
            let detail = "the body must be JSON; send `Content-Type: application/json`";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        serde_json::from_slice(&self.body).map_err(|error| {
            let detail = format!("the body cannot be read: {error}");
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
        })
    }

    /// Reads the body as JSON; no body is an empty object.
    pub(crate) fn json_or_nothing<T: DeserializeOwned + Default>(&self) -> Result<T, Problem> {
        if self.body.is_empty() { Ok(T::default()) } else { self.json() }
    }

    /// Does something on a thread that may block.
    pub(crate) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Dashboard) -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let context = self.context.clone();
        let done = tokio::task::spawn_blocking(move || work(&context.dashboard));
        done.await.map_err(|_| gone())
    }

    /// Returns the current instant.
    pub(crate) fn now(&self) -> EventTime {
        Clock::now(&*self.context.dashboard.clock)
    }

    /// Asks the store something, on a thread that may block.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn ReadStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        self.context.read(ask).await
    }
}

impl Context {
    /// Returns the context of a server that listens at `listen`.
    pub(crate) fn new(
        dashboard: Dashboard,
        listen: SocketAddr,
        stopping: watch::Receiver<bool>,
    ) -> Self {
        let places = |most: usize| Arc::new(Semaphore::new(most));
        Self {
            last_answers: LastAnswers::default(),
            live_places: places(dashboard.limits.live_max),
            reads: places(dashboard.limits.reads_max),
            exports: places(dashboard.limits.exports_max),
            dashboard,
            listen,
            stopping,
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn ReadStore) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Problem> {
        let places = self.reads.clone();
        // The semaphore is never closed.
        let place = places.acquire_owned().await.map_err(|_| gone())?;
        let store = self.dashboard.read.clone();
        let answer = tokio::task::spawn_blocking(move || {
            let _place: OwnedSemaphorePermit = place;
            ask(&*store)
        });
        match answer.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(Problem::store(&error)),
            Err(_) => Err(gone()),
        }
    }

    /// Starts to export: `write` runs on a thread that may block and hands over pieces of the body
    /// through a channel that holds at most [`Context::EXPORT_PIECES_MAX`].
    pub(crate) fn export(
        &self,
        write: impl FnOnce(&dyn ReadStore, &mpsc::Sender<Piece>) -> Result<(), StoreError>
        + Send
        + 'static,
    ) -> Result<mpsc::Receiver<Piece>, Problem> {
        let most = self.dashboard.limits.exports_max;
        let place = self.exports.clone().try_acquire_owned();
        let place = place.map_err(|_| Problem::busy("exports", most))?;
        let (sender, receiver) = mpsc::channel(Self::EXPORT_PIECES_MAX);
        let store = self.dashboard.read.clone();
        tokio::task::spawn_blocking(move || {
            let _place: OwnedSemaphorePermit = place;
            if let Err(error) = write(&*store, &sender) {
                tracing::warn!(%error, "an export ended early");
                // If the client is gone too, there is nobody left to tell.
                let _ = sender.blocking_send(Err(BrokenStream(error.to_string())));
            }
        });
        Ok(receiver)
    }

    /// Pieces of an export that wait for the client.
    pub(crate) const EXPORT_PIECES_MAX: usize = 4;
}

fn gone() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "the question to the store was not finished")
}
