//! Push: what all sources have in common to which others push over HTTP.
//!
//! ```text
//! clients ──► listener ──► answering ──[ bounded queue ]──► source's thread: ledger ──► intake
//!    ▲        (own thread)     ▲                                   │ committed?
//!    └───────── answer ────────┴──────────── outcome ◄─────────────┘
//! ```
//! *Promises:* a request is acknowledged only after the commit that holds it: at least once. With an
//! `Idempotency-Key`, its receipt is part of the same commit: the same key again has the same answer and
//! is not counted again, also while the first is in flight and after a restart: exactly once. A request
//! that was not acknowledged (a timeout, a stop, a crash) may be counted all the same. A client that
//! goes away changes nothing. Of the lines of two requests, none are ever one record.
//!
//! *Offsets:* see [`ledger`]. *State and limits:* every module names its own; the queue holds as many
//! jobs as there may be requests at a time. Of several processes of a cluster only the first learns of
//! commits: a source in another acknowledges nothing. *Not here:* what the bodies mean (`http`, `otlp`).

mod access;
mod answering;
mod body;
mod budget;
mod job;
mod ledger;
mod listener;
pub mod options;
mod records;
mod refusal;
mod stall;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

pub use records::{Records, Relation};
pub use refusal::{Refusal, Reply};

use access::Tokens;
use answering::Answering;
use body::Patience;
use engine::component::{Intake, Source, SourceError};
use job::Job;
use ledger::{Ledger, RECEIPTS_MAX};
use listener::{HEADER_TIME_MAX, Listener};
use options::Settings;
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// How long to wait when nothing has arrived.
const IDLE: Duration = Duration::from_millis(10);
/// The same once nothing has arrived for [`QUIET_ROUNDS`] waits: an idle source costs next to nothing.
const QUIET: Duration = Duration::from_millis(50);
/// See [`QUIET`].
const QUIET_ROUNDS: u32 = 100;
/// How long to wait for a commit before looking again.
const WAITING: Duration = Duration::from_millis(3);

/// What was accepted of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Records that are durable now.
    pub records: u64,
    /// Records that could not be taken.
    pub rejected: u64,
    /// Why, of the first of them.
    pub rejected_why: Option<String>,
}

/// Writes the records of an unpacked body.
pub type Decode = fn(&[u8], &mut Records) -> Result<(), Refusal>;

/// What requests and answers look like.
pub trait Protocol: Send + Sync {
    /// Returns what reads bodies of this type.
    fn decoder(&self, content_type: Option<&str>) -> Result<Decode, Refusal>;
    /// Returns the answer to a request that is durable.
    fn accepted(&self, content_type: Option<&str>, accepted: &Accepted) -> Reply;
    /// Returns the answer to a request that was refused.
    fn refused(&self, content_type: Option<&str>, refusal: &Refusal) -> Reply;
}

/// Returns a content type without its parameters, in lower case.
pub fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Where a running source listens, for whoever has to know.
#[derive(Debug, Default)]
pub struct Bound {
    address: Mutex<Option<SocketAddr>>,
    changed: Condvar,
}

impl Bound {
    fn set(&self, address: Option<SocketAddr>) {
        *self.address.lock().unwrap_or_else(PoisonError::into_inner) = address;
        self.changed.notify_all();
    }

    /// Waits until the source listens, and returns where.
    pub fn wait(&self) -> SocketAddr {
        let mut address = self.address.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match *address {
                Some(address) => return address,
                None => {
                    address = self.changed.wait(address).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

/// A source to which others push.
pub struct PushSource {
    settings: Settings,
    protocol: Arc<dyn Protocol>,
    patience: Patience,
    header_time: Duration,
    bound: Arc<Bound>,
}

impl PushSource {
    /// Returns a source that speaks `protocol`.
    pub fn new(settings: Settings, protocol: Arc<dyn Protocol>) -> Self {
        let patience = Patience::default();
        let bound = Arc::default();
        Self { settings, protocol, patience, header_time: HEADER_TIME_MAX, bound }
    }

    /// Returns where it will say at which address it listens.
    pub fn bound(&self) -> Arc<Bound> {
        Arc::clone(&self.bound)
    }

    fn tokens(&self) -> Result<Tokens, SourceError> {
        self.settings.token_file.as_deref().map_or_else(|| Ok(Tokens::default()), Tokens::read)
    }

    fn listen(&self) -> Result<(Listener, Receiver<Job>), SourceError> {
        let tokens = self.tokens()?;
        let settings = self.settings.clone();
        // Only requests that are no longer waited for can fill it.
        let (jobs, queue) = sync_channel(settings.requests_max);
        let (listen, connections_max) = (settings.listen, settings.connections_max);
        let protocol = Arc::clone(&self.protocol);
        let answering = Answering::new(settings, tokens, self.patience, protocol, jobs);
        let listener = Listener::start(listen, connections_max, self.header_time, answering)?;
        Ok((listener, queue))
    }
}

impl Source for PushSource {
    fn check(&self) -> Result<String, SourceError> {
        self.tokens()?;
        let address = listener::check(self.settings.listen)?;
        Ok(format!("can listen on {address}"))
    }

    fn run(&self, intake: &mut dyn Intake) -> Result<(), SourceError> {
        let mut ledger = Ledger::resume(intake, RECEIPTS_MAX)?;
        let (listener, queue) = self.listen()?;
        tracing::info!(address = %listener.address(), "listening for pushed logs");
        self.bound.set(Some(listener.address()));
        let outcome = serve(&mut ledger, &queue, intake);
        self.bound.set(None);
        // First whoever waits is told, by being let go; then the listener has its moment to answer.
        drop((ledger, queue));
        drop(listener);
        outcome
    }
}

/// Sends what arrives and answers what is durable, until the engine stops.
fn serve(
    ledger: &mut Ledger,
    queue: &Receiver<Job>,
    intake: &mut dyn Intake,
) -> Result<(), SourceError> {
    let mut idle_rounds: u32 = 0;
    loop {
        let job = match queue.try_recv() {
            Ok(job) => Some(job),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => return Err(listener_gone()),
        };
        let idle = job.is_none();
        if let Some(job) = job {
            ledger.take(job, intake)?;
        }
        let waiting = ledger.settle(intake)?;
        ledger.forget(intake)?;
        idle_rounds = if idle && !waiting { idle_rounds.saturating_add(1) } else { 0 };
        if idle {
            let quiet = idle_rounds > QUIET_ROUNDS;
            intake.wait(if waiting {
                WAITING
            } else if quiet {
                QUIET
            } else {
                IDLE
            })?;
        }
    }
}

fn listener_gone() -> SourceError {
    SourceError { what: "the listener ended by itself".into(), retry: true, cause: None }
}
