//! Start-up and shutdown in reading order: graph, store, recovery, workers, dashboard, signals.

use crate::added_sources::AddedSources;
use crate::alert_desk::{AlertBoard, AlertDesk};
use crate::cli::{GraphFiles, RunArgs};
use crate::explain::RecordAnalyst;
use crate::failure::Failure;
use crate::issue_desk::{GroupingBoard, IssueDesk};
use crate::model::SharedModel;
use crate::registry::REGISTRY;
use crate::search::{Meaning, OpenModel};
use crate::telemetry::Telemetry;
use anyhow::Context;
use dashboard::{AccessOptions, Dashboard, EdgeView, GraphView, Limits, NodeKind, NodeView};
use engine::clock::SystemClock;
use engine::component::{ComponentKind, ComponentType, ReadStore};
use engine::graph::{Graph, GraphInput, ServerOptions, node_of};
use engine::runtime::status::{Phase, Status};
use engine::runtime::{
    Cluster, Engine, EngineError, Orders, Pace, RunOptions, Sources, StopHandle, StopStage,
};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long a drain may take before what is left is abandoned (it is read again after a restart).
const DRAIN_MAX: Duration = Duration::from_millis(4_200);
/// How long threads may take to notice that.
const ABANDON_MAX: Duration = Duration::from_millis(300);
/// How long open requests may take to end after that.
const SERVER_STOP_MAX: Duration = Duration::from_millis(400);
/// How often the start looks whether the engine waits for its store.
const START_POLL: Duration = Duration::from_millis(20);
/// Exit code when a worker of this or another process of the cluster died: restart all of them.
const EXIT_WORKER_LOST: i32 = 101;
/// Component types whose texts are embedded.
const EMBEDDING: [&str; 2] =
    [operators::embed::COMPONENT.name, operators::classify::COMPONENT.name];
/// Longest token accepted from a token file, in bytes.
const TOKEN_BYTES_MAX: u64 = 4096;

/// The verb `run`.
pub fn run(args: RunArgs) -> Result<(), Failure> {
    let mut graph = load(&args.graph)?;
    if let (Some(listen), server) = (args.listen, &mut graph.server) {
        let defaults = ServerOptions {
            listen: String::new(),
            token_file: None,
            allowed_hosts: Vec::new(),
            source_roots: Vec::new(),
            public_url: None,
        };
        server.get_or_insert(defaults).listen = listen;
    }
    let cluster = args.process.map(|process| Cluster { process, hosts: args.hosts });
    if let Some(cluster) = &cluster
        && cluster.process >= cluster.hosts.len()
    {
        let message = format!("--process {} is not among the --hosts", cluster.process);
        return Err(Failure::Usage(message));
    }
    serve(graph, cluster, |address| {
        println!("ready {address}");
    })
}

/// Reads graph files, or says everything that is wrong with them.
pub fn load(files: &GraphFiles) -> Result<Graph, Failure> {
    load_paths(&files.config)
}

/// Reads graph files, or says everything that is wrong with them.
pub fn load_paths(paths: &[PathBuf]) -> Result<Graph, Failure> {
    let failed = |inputs, mistakes| Failure::Configuration { inputs, mistakes };
    let inputs = GraphInput::load(paths).map_err(|mistakes| failed(Vec::new(), mistakes))?;
    Graph::read(&inputs, REGISTRY).map_err(|mistakes| failed(inputs, mistakes))
}

/// Runs a graph until its sources are finished or a signal comes. Calls `ready` with the server's
/// address, or an empty string if the graph has no server.
pub fn serve(
    graph: Graph,
    cluster: Option<Cluster>,
    ready: impl FnOnce(&str),
) -> Result<(), Failure> {
    exit_when_a_worker_dies();
    let runtime = server_threads()?;
    let server = graph.server.clone();
    let access = server.as_ref().map(access).transpose()?;
    let view = view(&graph);
    let telemetry = Arc::new(telemetry(&graph));
    let listener = match (&server, &access) {
        (Some(server), Some(access)) => {
            let address = resolve(&server.listen)?;
            Some(runtime.block_on(dashboard::bind(address, access))?)
        }
        _ => None,
    };

    let (sources, orders) = (Sources::default(), Orders::default());
    let added = AddedSources::new(sources.clone(), Arc::clone(&telemetry.status), server.as_ref());
    let model = graph.model.enabled.then(|| Arc::new(SharedModel::new(graph.model.clone())));
    let analyst = analyst(&graph, &telemetry, model.clone());
    let stop = StopHandle::default();
    let options = RunOptions {
        cluster,
        embedder: model.clone().map(|model| model as _),
        sources,
        orders: orders.clone(),
        public_url: server.as_ref().and_then(|server| server.public_url.clone()),
        make_source: Some(added.maker()),
        stop: stop.clone(),
        ..RunOptions::new(Pace::Every(graph.engine.epoch), Arc::clone(&telemetry) as _)
    };
    let signals = runtime.block_on(async { Signals::listen() })?;
    runtime.spawn(signals.obey(stop, Arc::clone(&telemetry)));
    let read = graph.store.store.reader();
    let (alerts, issues) = desks(&orders, &read, &telemetry);
    let (server_stop, server_stopped) = tokio::sync::oneshot::channel::<()>();
    let served = listener.zip(access).map(|(listener, access)| {
        let address = format!("http://{}", listener.address());
        let dashboard = Dashboard {
            read,
            analyst,
            status: Arc::clone(&telemetry.status),
            live: telemetry.live.clone(),
            metrics: Arc::clone(&telemetry.metrics),
            sources: Arc::new(added),
            alerts,
            issues,
            graph: view,
            clock: Arc::new(SystemClock),
            access,
            limits: Limits::default(),
        };
        let stopped = async { drop(server_stopped.await) };
        (runtime.spawn(dashboard::serve(listener, dashboard, stopped)), address)
    });
    let address = served.as_ref().map_or("", |(_, address)| address);
    let outcome = start(graph, options, &telemetry.status, || ready(address)).and_then(|engine| {
        telemetry.status.phase(Phase::Running);
        engine.join()
    });
    drop(server_stop);
    if let Some((task, _)) = served {
        let_requests_end(&runtime, task);
    }
    runtime.shutdown_background();
    stopped_or(outcome)
}

fn let_requests_end<T>(runtime: &Runtime, task: tokio::task::JoinHandle<T>) {
    let served = async { tokio::time::timeout(SERVER_STOP_MAX, task).await };
    if runtime.block_on(served).is_err() {
        tracing::warn!("open connections were cut off");
    }
}

/// Returns where people decide about alerts, and about issues.
fn desks(
    orders: &Orders,
    read: &Arc<dyn ReadStore>,
    telemetry: &Telemetry,
) -> (Arc<AlertDesk>, Arc<IssueDesk>) {
    let (alerts, groupings) = (Arc::clone(&telemetry.alerts), Arc::clone(&telemetry.groupings));
    let clock = Arc::new(SystemClock);
    let desk = AlertDesk::new(orders.clone(), Arc::clone(read), clock.clone(), alerts);
    let issues = IssueDesk::new(orders.clone(), Arc::clone(read), clock, groupings);
    (Arc::new(desk), Arc::new(issues))
}

/// Whoever stops an engine that waits for its store gets what was asked for.
fn stopped_or(outcome: Result<(), EngineError>) -> Result<(), Failure> {
    match outcome {
        Err(EngineError::Stopped) => Ok(()),
        outcome => Ok(outcome?),
    }
}

fn server_threads() -> Result<Runtime, Failure> {
    let mut threads = Builder::new_multi_thread();
    let threads = threads.worker_threads(2).enable_all().thread_name("server").build();
    Ok(threads.context("cannot start the server's threads")?)
}

/// Starts the engine and says that it is ready; or that the server can be asked, once it is clear that
/// the engine waits for its store.
fn start(
    graph: Graph,
    options: RunOptions,
    status: &Status,
    ready: impl FnOnce(),
) -> Result<Engine, EngineError> {
    let (started, starting) = std::sync::mpsc::sync_channel(1);
    let start = move || {
        // Whoever waits for it waits until it is sent.
        let _ = started.send(Engine::start(graph, options));
    };
    let thread = std::thread::Builder::new().name("start".to_owned()).spawn(start);
    thread.map_err(|error| EngineError::Start { what: "a thread", cause: error.to_string() })?;
    let gone = |_| EngineError::Worker("the engine's start panicked".to_owned());
    loop {
        match starting.recv_timeout(START_POLL) {
            Ok(engine) => {
                if engine.is_ok() {
                    ready();
                }
                return engine;
            }
            Err(RecvTimeoutError::Timeout) if status.has_store_error() => {
                ready();
                return starting.recv().map_err(gone)?;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return Err(gone(std::sync::mpsc::RecvError)),
        }
    }
}

/// Returns what watches the graph, with every metric that it will have.
fn telemetry(graph: &Graph) -> Telemetry {
    let source_ids: Vec<String> = graph.sources.iter().map(|s| s.defaults.id.clone()).collect();
    let telemetry = Telemetry::new(&source_ids, AlertBoard::of(graph), GroupingBoard::of(graph));
    for node in graph.operators.iter().filter(|node| EMBEDDING.contains(&node.component.name)) {
        telemetry.metrics.set_embeddings_computed(&node.id, 0);
    }
    for node in &graph.notifiers {
        telemetry.metrics.set_notices(&node.id, 0, 0, 0);
    }
    telemetry
}

/// Returns what answers questions about records and about what issues mean.
fn analyst(
    graph: &Graph,
    telemetry: &Telemetry,
    model: Option<Arc<SharedModel>>,
) -> Arc<RecordAnalyst> {
    let open: OpenModel = Arc::new(move || match &model {
        Some(model) => model.local(),
        None => Err("the graph file turns it off with `model: { enabled: false }`".to_owned()),
    });
    let store = graph.store.store.reader();
    let meaning = Meaning::of(graph, Arc::clone(&telemetry.index), store, open);
    let analyst = RecordAnalyst::of(graph, Arc::new(SystemClock));
    Arc::new(analyst.with_meaning(Some(meaning)))
}

/// Describes the graph for the dashboard, which does not know components.
fn view(graph: &Graph) -> GraphView {
    let node = |id: &String, component: &ComponentType| NodeView {
        id: id.clone(),
        r#type: component.name.to_owned(),
        kind: match component.kind() {
            ComponentKind::Source => NodeKind::Source,
            ComponentKind::Operator => NodeKind::Operator,
            ComponentKind::Store => NodeKind::Store,
            ComponentKind::Notifier => NodeKind::Notifier,
        },
        output: component.output,
    };
    let sources = graph.sources.iter().map(|n| node(&n.defaults.id, n.component));
    let operators = graph.operators.iter().map(|n| node(&n.id, n.component));
    let store = node(&graph.store.id, graph.store.component);
    let notifiers = graph.notifiers.iter().map(|n| node(&n.id, n.component));
    let nodes: Vec<_> = sources.chain(operators).chain([store]).chain(notifiers).collect();
    let computed = graph.operators.iter().map(|n| (&n.id, &n.inputs));
    let stored = [(&graph.store.id, &graph.store.inputs)];
    let told = graph.notifiers.iter().map(|n| (&n.id, &n.inputs));
    let edges = computed.chain(stored).chain(told).flat_map(|(to, inputs)| {
        inputs.iter().filter_map(|from| {
            let from = node_of(from).to_owned();
            let stream = nodes.iter().find(|node| node.id == from)?.output?;
            Some(EdgeView { from, to: to.clone(), stream })
        })
    });
    let mut edges: Vec<_> = edges.collect();
    // Several outputs of one component may go to the same one.
    edges.dedup();
    GraphView { nodes, edges }
}

/// Returns the first address a listen option names.
fn resolve(listen: &str) -> Result<SocketAddr, Failure> {
    let mut addresses = listen
        .to_socket_addrs()
        .with_context(|| format!("cannot listen on {listen:?}: it is no host and port"))?;
    let address = addresses.next().with_context(|| format!("{listen:?} names no address"))?;
    Ok(address)
}

/// Reads the token, if the graph file names one.
#[allow(clippy::disallowed_methods, reason = "read through `take` with a named limit")]
fn access(server: &ServerOptions) -> Result<AccessOptions, Failure> {
    let token = match &server.token_file {
        None => None,
        Some(path) => {
            let file = std::fs::File::open(path)
                .with_context(|| format!("cannot read the token file {}", path.display()))?;
            let mut text = String::new();
            std::io::Read::read_to_string(
                &mut std::io::Read::take(file, TOKEN_BYTES_MAX),
                &mut text,
            )
            .with_context(|| format!("cannot read the token file {}", path.display()))?;
            Some(text.trim().to_owned()).filter(|token| !token.is_empty())
        }
    };
    Ok(AccessOptions { token, allowed_hosts: server.allowed_hosts.clone() })
}

/// SIGTERM and SIGINT, heard from before the engine starts until the process ends.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Starts listening; must be called within the server's runtime.
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).context("cannot listen for SIGTERM and SIGINT");
        let terminate = listen(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: listen(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    /// First signal: drain, within the deadline. Second signal, or the deadline: now. A thread that
    /// does not return even then is left behind; what is stored is whole at any moment.
    async fn obey(mut self, stop: StopHandle, telemetry: Arc<Telemetry>) {
        self.next().await;
        tracing::info!("stopping: committing what has been read");
        telemetry.status.phase(Phase::Draining);
        stop.stop(StopStage::Draining);
        tokio::select! {
            () = self.next() => tracing::warn!("stopping now: what is not committed is read again"),
            () = tokio::time::sleep(DRAIN_MAX) => {
                tracing::warn!("the drain takes too long: what is not committed is read again");
            }
        }
        stop.stop(StopStage::Abandoned);
        tokio::select! {
            () = self.next() => {}
            () = tokio::time::sleep(ABANDON_MAX) => {}
        }
        std::process::exit(0);
    }
}

/// Workers share one fate: when one panics, the others would wait for it for ever. The process ends
/// with a code of its own and the supervisor restarts it; the store decides where it continues.
pub fn exit_when_a_worker_dies() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        before(panic);
        let thread = std::thread::current();
        let name = thread.name().unwrap_or_default();
        if name.starts_with("timely:") || name == "store" || name == "workers" {
            tracing::error!(thread = name, "a worker died: ending this process");
            std::process::exit(EXIT_WORKER_LOST);
        }
    }));
}
