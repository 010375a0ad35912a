//! The engine's life: recover, start, run, stop, in reading order.
//!
//! Threads of one process: one per source, N timely workers, one for the store. The caller keeps a
//! [`StopHandle`] and calls [`Engine::join`], which returns when everything read is committed and the
//! sources are finished or stopped, or when the store refuses for good.

use super::beats::{BEAT_EVERY, Beats, CatchingUp};
use super::bell::Bell;
use super::commit::{Committer, CompletedEpoch, EPOCHS_MAX};
use super::embedding::{self, Desk, OpenEmbedder};
use super::epochs::{Epochs, Pace};
use super::intake::{Queues, Wakers};
use super::observer::Observer;
use super::orders::Orders;
use super::outbox::{Postman, Surroundings};
use super::reader::{Reader, Request};
use super::receipts::Receipts;
use super::recovery::offsets_by_source;
use super::shutdown::{StopSignal, StopStage};
use super::sources::{Ground, Prepared, REQUESTS_MAX, Sources, StoredSource, stored_sources};
use super::supervise::store_backoff;
use super::worker::{self, Around, Shape};
use crate::clock::{Clock, SystemClock};
use crate::component::{
    History, Incarnation, NodeIdentity, Operator, ReadStore, Recovered, SourceTable, Store,
    StoreError,
};
use crate::dataflow::{CommunicationConfig, Config, WorkerConfig, execute};
use crate::graph::{ForeignCheckpoint, Graph, NotifierNode, SourceNode, check_identity};
use crate::model::{Chunk, Epoch, SourceIndex};
use crossbeam_channel::{Receiver, Sender, bounded};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// This process's place among several that run one dataflow (timely's own TCP mode).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Index of this process.
    pub process: usize,
    /// `host:port` of every process, in order.
    pub hosts: Vec<String>,
}

/// How to run a graph.
pub struct RunOptions {
    /// What closes an epoch.
    pub pace: Pace,
    /// Where instants come from.
    pub clock: Arc<dyn Clock>,
    /// How often operators hear of time.
    pub beat: Duration,
    /// Who watches.
    pub observer: Arc<dyn Observer>,
    /// Other processes, if any.
    pub cluster: Option<Cluster>,
    /// What embeds; without it patterns have no vectors.
    pub embedder: Option<Arc<dyn OpenEmbedder>>,
    /// Through which its sources can be changed while it runs.
    pub sources: Sources,
    /// Through which people decide about alerts while it runs.
    pub orders: Orders,
    /// Where people read on about alerts.
    pub public_url: Option<String>,
    /// What makes sources that people have added; without it they are left alone.
    pub make_source: Option<MakeSource>,
    /// Through which it can be stopped, also while it waits for its store.
    pub stop: StopHandle,
}

impl RunOptions {
    /// Returns options for one process that nobody changes and that embeds nothing.
    pub fn new(pace: Pace, observer: Arc<dyn Observer>) -> Self {
        Self {
            pace,
            clock: Arc::new(SystemClock),
            beat: BEAT_EVERY,
            observer,
            cluster: None,
            embedder: None,
            sources: Sources::default(),
            orders: Orders::default(),
            public_url: None,
            make_source: None,
            stop: StopHandle::default(),
        }
    }
}

/// Makes a source from its id and what was stored of it: `type`, options, `service`, `timezone`.
pub type MakeSource =
    Arc<dyn Fn(&str, &serde_json::Value) -> Result<SourceNode, String> + Send + Sync>;

/// Why the engine could not start, or stopped by itself.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The store failed in a way that trying again does not mend.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store was written by another graph.
    #[error("{0}\nHint: {hint}", hint = .0.hint())]
    ForeignCheckpoint(#[from] ForeignCheckpoint),
    /// Several processes cannot continue from a store that only one of them can read.
    #[error(
        "cannot continue a cluster from epoch {0}: its other processes do not know where to resume\n\
         Hint: run one process, or start the cluster with an empty store."
    )]
    ClusterRestart(Epoch),
    /// A source failed for good and the others have ended.
    #[error("source {0:?} failed for good: its message stands above")]
    SourceFailed(String),
    /// The operating system refused a thread or a connection.
    #[error("cannot start {what}: {cause}")]
    Start {
        /// What was to be started.
        what: &'static str,
        /// Why not.
        cause: String,
    },
    /// It was told to stop before its store could be reached.
    #[error("stopped before the store could be reached")]
    Stopped,
    /// A thread ended by panicking: a broken promise, not bad input.
    #[error("a worker failed: {0}")]
    Worker(String),
}

/// Stops an engine from anywhere.
#[derive(Clone, Default)]
pub struct StopHandle {
    signal: StopSignal,
    wakers: Arc<Wakers>,
    sources: Arc<OnceLock<Sources>>,
    /// What wakes those who deliver.
    pub(super) bell: Bell,
}

impl StopHandle {
    /// Asks the engine to stop; a later stage may follow an earlier one.
    pub fn stop(&self, stage: StopStage) {
        self.signal.raise(stage);
        if let Some(sources) = self.sources.get() {
            sources.stopping();
        }
        self.wakers.wake_all();
        self.bell.ring();
    }

    /// Returns how far the stop has gone.
    pub fn stage(&self) -> StopStage {
        self.signal.stage()
    }
}

/// A running engine.
pub struct Engine {
    stop: StopHandle,
    reader: Arc<dyn ReadStore>,
    sources: Sources,
    workers: JoinHandle<Result<(), EngineError>>,
    committer: Option<JoinHandle<Result<(), StoreError>>>,
}

/// A graph taken apart for the threads that use its pieces.
struct Parts {
    operators: Vec<(String, Vec<String>, Box<dyn Operator>)>,
    stored: Vec<String>,
    sources: Vec<SourceNode>,
    identity: Vec<NodeIdentity>,
    notifiers: Vec<NotifierNode>,
    store: Box<dyn Store>,
    workers: usize,
}

impl Parts {
    fn of(graph: Graph) -> Self {
        let identity = graph.identity();
        let operators = graph.operators.into_iter();
        let operators = operators.map(|node| (node.id, node.inputs, node.operator)).collect();
        Parts {
            operators,
            stored: graph.store.inputs,
            sources: graph.sources,
            identity,
            notifiers: graph.notifiers,
            store: graph.store.store,
            workers: graph.engine.workers,
        }
    }

    /// Returns a history that serves every operator.
    fn history(&self, recovered: &Recovered) -> Option<History> {
        let operators = self.operators.iter();
        let histories = operators.filter_map(|(id, _, operator)| operator.history(id, recovered));
        histories.reduce(History::with)
    }
}

impl Engine {
    /// Recovers from the graph's store and starts every thread. Waits for a store that is a server and
    /// cannot be reached yet.
    pub fn start(graph: Graph, options: RunOptions) -> Result<Engine, EngineError> {
        let mut parts = Parts::of(graph);
        let mut recovered = patiently(parts.store.as_mut(), &options, |store| store.load())?;
        if let Some(opener) = &options.embedder {
            // Vectors of another class are made anew: the two kinds are never compared.
            recovered.vectors.retain(|(_, embedding)| embedding.kernel() == opener.kernel());
        }
        if let (Some(_), Some(epoch)) = (&options.cluster, recovered.epoch) {
            return Err(EngineError::ClusterRestart(epoch));
        }
        if recovered.epoch.is_some() {
            check_identity(&recovered.identity, &parts.identity)?;
        }
        if let Some(history) = parts.history(&recovered) {
            let counts = |store: &mut dyn Store| store.counts(history);
            recovered.counts = patiently(parts.store.as_mut(), &options, counts)?;
        }
        let recovered = Arc::new(recovered);
        // Only the process that commits owns the store.
        let commits = options.cluster.as_ref().is_none_or(|cluster| cluster.process == 0);
        let incarnation = Incarnation(options.clock.now().0 as u64 ^ u64::from(std::process::id()));
        if commits {
            let claim = |store: &mut dyn Store| store.claim(incarnation, &parts.identity);
            patiently(parts.store.as_mut(), &options, claim)?;
        }
        options.observer.recovered(&recovered);
        Self::start_threads(parts, options, recovered, commits.then_some(incarnation))
    }

    fn start_threads(
        parts: Parts,
        options: RunOptions,
        recovered: Arc<Recovered>,
        incarnation: Option<Incarnation>,
    ) -> Result<Engine, EngineError> {
        let first_worker = options.cluster.as_ref().map_or(0, |c| c.process * parts.workers);
        let (queues, receivers) = Queues::new(first_worker, parts.workers);
        let (stop, backlog, desk) = (options.stop.clone(), Arc::default(), Desk::default());
        let wakers = Arc::clone(&stop.wakers);
        let table = SourceTable::new(parts.sources.iter().map(|source| source.defaults.clone()));
        // Those that follow share one stream, whether they were added in this life or in one before.
        let shape = Shape::new(table.clone(), parts.operators, parts.stored);
        let shape = Arc::new(shape.with_notifiers(reads(&parts.notifiers)));
        let starting = all_sources(parts.sources, &options, &recovered, &table);
        let receipts = Receipts::new(SourceTable::SOURCES_MAX);
        let (completed_sender, completed) = bounded(EPOCHS_MAX);
        let (requests_sender, requests) = bounded(REQUESTS_MAX);
        let (catching_up, reader) = (CatchingUp::default(), parts.store.reader());

        let committer = incarnation.map(|incarnation| Committer {
            store: parts.store,
            incarnation,
            last: recovered.epoch,
            sources: table.clone(),
            backlog: Arc::clone(&backlog),
            observer: Arc::clone(&options.observer),
            stop: stop.signal.clone(),
            receipts: receipts.clone(),
            wake: waker(&wakers),
            bell: stop.bell.clone(),
        });
        let committer = start_committer(committer, completed, stop.clone())?;
        let around =
            Around { backlog: Arc::clone(&backlog), stop: stop.signal.clone(), desk: desk.clone() };
        let workers = start_workers(WorkerParts {
            shape,
            receivers,
            requests,
            completed: completed_sender,
            beats: Beats::live(Arc::clone(&options.clock), options.beat, catching_up.clone()),
            epochs: Epochs::after(recovered.epoch, options.pace),
            recovered: Arc::clone(&recovered),
            wakers: Arc::clone(&wakers),
            around,
            config: config(parts.workers, options.cluster.as_ref()),
            first_worker,
        })?;

        start_embedding(&desk, options.embedder, Arc::clone(&options.observer), &stop)?;
        let alerting = (options.orders.clone(), options.public_url.clone(), Arc::clone(&reader));
        let ground = Ground {
            table,
            wakers,
            stop: stop.signal.clone(),
            clock: options.clock,
            observer: options.observer,
            receipts,
            backlog,
            requests: requests_sender,
            catching_up,
        };
        let notifiers = incarnation.map_or_else(Vec::new, |_| parts.notifiers);
        start_alerting(alerting, &ground, &stop.bell, notifiers)?;
        // Whoever stops the engine lets go of paused sources too.
        let _first = stop.sources.set(options.sources.clone());
        let (sources, cluster) = (&options.sources, options.cluster.as_ref());
        start_sources(sources, ground, queues, starting, &recovered, cluster)?;
        Ok(Engine { stop, reader, sources: options.sources, workers, committer })
    }

    /// Returns a handle that stops this engine.
    pub fn stop_handle(&self) -> StopHandle {
        self.stop.clone()
    }

    /// Returns the reading side of the store.
    pub fn reader(&self) -> Arc<dyn ReadStore> {
        Arc::clone(&self.reader)
    }

    /// Waits for the end: all sources finished, or a stop that has run its course.
    pub fn join(self) -> Result<(), EngineError> {
        // Workers end when every source thread has dropped its queue; a source that does not return
        // is left behind, since the workers also end when the stop is abandoned.
        let worked = join_thread(self.workers).map_err(EngineError::Worker).flatten();
        if worked.is_err() {
            self.stop.stop(StopStage::Abandoned);
        }
        let committed = self.committer.map(join_thread);
        // The embedding threads have nobody left to answer.
        self.stop.stop(StopStage::Draining);
        let mut failed = None;
        if self.stop.stage() < StopStage::Abandoned {
            failed = self.sources.join().map_err(EngineError::Worker)?;
        }
        match committed {
            Some(Ok(outcome)) => outcome?,
            Some(Err(panic)) => return Err(EngineError::Worker(panic)),
            None => {}
        }
        worked?;
        failed.map_or(Ok(()), |id| Err(EngineError::SourceFailed(id)))
    }
}

/// Sources are dealt out to processes by their position in the graph file.
fn owns_source(index: usize, cluster: Option<&Cluster>) -> bool {
    cluster.is_none_or(|cluster| index % cluster.hosts.len().max(1) == cluster.process)
}

fn config(workers: usize, cluster: Option<&Cluster>) -> Config {
    let communication = match cluster {
        Some(cluster) => CommunicationConfig::Cluster {
            threads: workers,
            process: cluster.process,
            addresses: cluster.hosts.clone(),
            report: false,
            zerocopy: false,
        },
        None if workers == 1 => CommunicationConfig::Thread,
        None => CommunicationConfig::Process(workers),
    };
    Config { communication, worker: WorkerConfig::default() }
}

/// Asks something of the store until it answers, if it is one that may be away.
fn patiently<T>(
    store: &mut dyn Store,
    options: &RunOptions,
    mut ask: impl FnMut(&mut dyn Store) -> Result<T, StoreError>,
) -> Result<T, EngineError> {
    let (started, mut failures) = (Instant::now(), 0);
    loop {
        match ask(store) {
            Err(error @ StoreError::Unavailable { .. }) if store.is_remote() => {
                options.observer.store(Some(&error.sentence()));
                let jitter = (started.elapsed().subsec_nanos() >> 8) as u8;
                let delay = store_backoff(failures, jitter);
                if options.stop.signal.wait(StopStage::Draining, delay) {
                    return Err(EngineError::Stopped);
                }
                failures += 1;
            }
            answer => {
                if failures > 0 && answer.is_ok() {
                    options.observer.store(None);
                }
                return Ok(answer?);
            }
        }
    }
}

/// Returns every source that starts, by index: those of the graph file, then those that people added,
/// which get their place in the table.
fn all_sources(
    declared: Vec<SourceNode>,
    options: &RunOptions,
    recovered: &Recovered,
    table: &SourceTable,
) -> Vec<Prepared> {
    let mut stored = stored_sources(recovered);
    let mut starting = Vec::new();
    for node in declared {
        // The graph file decides what a source is, people whether it is paused.
        let stored = stored.remove(&node.defaults.id).unwrap_or_default();
        starting.push(prepared(node, StoredSource { options: None, ..stored }));
    }
    for (id, stored) in stored {
        let Some(given) = &stored.options else { continue };
        let Some(make) = &options.make_source else { continue };
        let made = make(&id, given).and_then(|node| {
            table.add(node.defaults.clone()).map_err(|error| error.to_string()).map(|_| node)
        });
        match made {
            Ok(node) => starting.push(prepared(node, stored)),
            Err(error) => tracing::error!("source {id:?}, which was added, cannot start: {error}"),
        }
    }
    starting
}

fn prepared(node: SourceNode, stored: StoredSource) -> Prepared {
    let SourceNode { component, defaults, source } = node;
    Prepared { defaults, component: component.name, source, stored }
}

/// Starts the sources of this process, each where it resumes.
fn start_sources(
    sources: &Sources,
    ground: Ground,
    queues: Queues,
    starting: Vec<Prepared>,
    recovered: &Recovered,
    cluster: Option<&Cluster>,
) -> Result<(), EngineError> {
    let (offsets, strangers) = offsets_by_source(recovered, &ground.table.ids());
    if !strangers.is_empty() {
        let ids = strangers.keys().cloned().collect::<Vec<_>>().join(", ");
        tracing::warn!("the places of sources that are not there are kept: {ids}");
    }
    let observer = Arc::clone(&ground.observer);
    sources.open(ground, queues, strangers);
    for (index, (source, offsets)) in starting.into_iter().zip(offsets).enumerate() {
        let at = SourceIndex(index as u16);
        observer.source_added(at, &source.defaults.id);
        if owns_source(index, cluster) {
            sources.start(at, source, offsets).map_err(|error| EngineError::Start {
                what: "a source thread",
                cause: error.to_string(),
            })?;
        }
    }
    // Sources that have ended already could not end the engine while others had not started.
    sources.settle();
    Ok(())
}

fn start_committer(
    committer: Option<Committer>,
    completed: Receiver<CompletedEpoch>,
    stop: StopHandle,
) -> Result<Option<JoinHandle<Result<(), StoreError>>>, EngineError> {
    let Some(committer) = committer else { return Ok(None) };
    let commits = move || {
        let outcome = committer.run(&completed);
        if outcome.is_err() {
            stop.stop(StopStage::Abandoned);
        }
        outcome
    };
    spawn("the store thread", "store".to_owned(), commits).map(Some)
}

/// Starts one thread a core that embeds what stages ask for at `desk`.
fn start_embedding(
    desk: &Desk,
    opener: Option<Arc<dyn OpenEmbedder>>,
    observer: Arc<dyn Observer>,
    stop: &StopHandle,
) -> Result<(), EngineError> {
    let Some(opener) = opener else { return Ok(()) };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    embedding::start(desk, opener, observer, stop.signal.clone(), threads).map_err(|error| {
        EngineError::Start { what: "an embedding thread", cause: error.to_string() }
    })
}

/// Returns what each notifier reads.
fn reads(notifiers: &[NotifierNode]) -> Vec<(String, Vec<String>)> {
    notifiers.iter().map(|node| (node.id.clone(), node.inputs.clone())).collect()
}

/// Returns what wakes all workers.
fn waker(wakers: &Arc<Wakers>) -> Box<dyn Fn() + Send> {
    let wakers = Arc::clone(wakers);
    Box::new(move || wakers.wake_all())
}

/// Lets people decide about alerts, and starts a thread for each notifier. Nobody waits for those: what they have
/// not settled is still queued at the next start.
fn start_alerting(
    (orders, public_url, store): (Orders, Option<String>, Arc<dyn ReadStore>),
    ground: &Ground,
    bell: &Bell,
    notifiers: Vec<NotifierNode>,
) -> Result<(), EngineError> {
    let around = Surroundings {
        store,
        orders: orders.clone(),
        clock: Arc::clone(&ground.clock),
        observer: Arc::clone(&ground.observer),
        public_url,
        stop: ground.stop.clone(),
        bell: bell.clone(),
    };
    orders.open(ground.orders());
    for NotifierNode { id, notifier, .. } in notifiers {
        let postman = Postman::new(&id, notifier, around.clone());
        spawn("a notifier's thread", format!("notify-{id}"), move || postman.run())?;
    }
    Ok(())
}

/// What the worker threads share.
struct WorkerParts {
    shape: Arc<Shape>,
    receivers: Vec<Receiver<Chunk>>,
    requests: Receiver<Request>,
    completed: Sender<CompletedEpoch>,
    beats: Beats,
    epochs: Epochs,
    recovered: Arc<Recovered>,
    wakers: Arc<Wakers>,
    around: Around,
    config: Config,
    first_worker: usize,
}

/// The longest a worker sleeps without looking around.
const PARK_MAX: Duration = Duration::from_secs(1);

fn start_workers(parts: WorkerParts) -> Result<JoinHandle<Result<(), EngineError>>, EngineError> {
    spawn("the worker threads", "workers".to_owned(), move || {
        let WorkerParts { shape, receivers, requests, completed, .. } = parts;
        // Each worker takes its queue and its handle on what was recovered, so that the memory of the
        // latter is free once the dataflow has it.
        let recovered = parts.recovered;
        let takes = receivers.into_iter().map(|queue| Some((queue, Arc::clone(&recovered))));
        let takes: Mutex<Vec<_>> = Mutex::new(takes.collect());
        drop(recovered);
        let (wakers, around) = (parts.wakers, parts.around);
        let (epochs, first_worker, started) = (parts.epochs, parts.first_worker, Instant::now());
        // Worker 0 owns the committer's queue; when its dataflow ends, the committer does.
        let completed = Mutex::new(Some(completed));
        let beats = Mutex::new(Some(parts.beats));
        let guards = execute(parts.config, move |worker| {
            let index = worker.index();
            let (queue, recovered) = takes
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .get_mut(index - first_worker)
                .and_then(Option::take)
                .expect("each worker index of this process is started once");
            let committer = (index == 0)
                .then(|| completed.lock().unwrap_or_else(PoisonError::into_inner).take())
                .flatten();
            let input = Reader {
                requests: (index == first_worker).then(|| requests.clone()),
                beats: match index {
                    0 => beats.lock().unwrap_or_else(PoisonError::into_inner).take(),
                    _ => None,
                }
                .unwrap_or(Beats::Silent),
                queue,
                sources: shape.streams(),
                epochs,
                started,
                wakers: Arc::clone(&wakers),
                backlog: Arc::clone(&around.backlog),
                stop: around.stop.clone(),
            };
            worker.dataflow(|scope| {
                worker::build(scope, &shape, input, &recovered, committer, &around);
            });
            drop(recovered);
            while worker.step_or_park(Some(PARK_MAX)) {}
        })
        .map_err(|cause| EngineError::Start { what: "the worker threads", cause })?;
        for outcome in guards.join() {
            outcome.map_err(EngineError::Worker)?;
        }
        Ok(())
    })
}

fn spawn<T: Send + 'static>(
    what: &'static str,
    name: String,
    body: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, EngineError> {
    Builder::new()
        .name(name)
        .spawn(body)
        .map_err(|error| EngineError::Start { what, cause: error.to_string() })
}

fn join_thread<T>(thread: JoinHandle<T>) -> Result<T, String> {
    thread.join().map_err(|panic| {
        panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_else(|| "a thread panicked".to_owned())
    })
}
