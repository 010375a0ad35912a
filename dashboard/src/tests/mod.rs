//! The server over a real loopback socket, on a fake store.
//!
//! `shapes`: every route answers what the contract says. `guards`: Host, Origin and token over
//! every row of the route table. `limit_…`: each bound is reached. Waiting is always for something
//! to happen (a closed socket, an answer), never for time to pass.
#![allow(clippy::disallowed_methods, reason = "tests talk to their own server")]

mod alerts;
mod client;
mod fake;
mod fake_alerts;
mod fake_analyst;
mod fake_issues;
mod fake_sources;
mod guards;
mod limits;
mod meaning;
mod shapes;
mod sources;
mod streams;
mod triage;

use crate::{AccessOptions, Dashboard, EdgeView, GraphView, Limits, NodeKind, NodeView};
use client::{Reply, get_from};
use engine::clock::ManualClock;
use engine::component::StreamKind;
use engine::metrics::Metrics;
use engine::model::{Epoch, EventTime};
use engine::runtime::live::LiveFeed;
use engine::runtime::status::{Phase, Status};
use fake::FakeReadStore;
use fake_alerts::FakeAlerts;
use fake_analyst::FakeAnalyst;
use fake_issues::FakeIssues;
use fake_sources::FakeSources;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio::sync::oneshot;

const TOKEN: &str = "correct-horse-battery-staple";
/// 2023-11-14T22:13:20Z.
const NOW: EventTime = EventTime::from_secs(1_700_000_000);

/// A server on a thread of its own.
struct Server {
    address: SocketAddr,
    live: LiveFeed,
    status: Arc<Status>,
    store: Arc<FakeReadStore>,
    analyst: Arc<FakeAnalyst>,
    sources: Arc<FakeSources>,
    alerts: Arc<FakeAlerts>,
    issues: Arc<FakeIssues>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server that shows `store`, within `limits`.
    fn start(store: FakeReadStore, token: Option<&str>, limits: Limits) -> Server {
        let sources = ["app".to_owned()];
        let (live, status) = (LiveFeed::new(), Arc::new(Status::new(&sources)));
        status.phase(Phase::Running);
        status.committed(Epoch(41));
        let (store, analyst) = (Arc::new(store), Arc::new(FakeAnalyst::default()));
        let admin = Arc::new(FakeSources::default());
        let alerts = Arc::new(FakeAlerts::default());
        let issues = Arc::new(FakeIssues::default());
        let dashboard = Dashboard {
            read: store.clone(),
            analyst: analyst.clone(),
            status: status.clone(),
            live: live.clone(),
            metrics: Arc::new(Metrics::new(&sources)),
            sources: admin.clone(),
            alerts: alerts.clone(),
            issues: issues.clone(),
            graph: graph(),
            clock: Arc::new(ManualClock::at(NOW)),
            access: AccessOptions {
                token: token.map(str::to_owned),
                allowed_hosts: vec!["logs.example.com".to_owned()],
            },
            limits,
        };
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async move {
                let any_port = "127.0.0.1:0".parse().unwrap();
                let listener = crate::bind(any_port, &dashboard.access).await.unwrap();
                tell.send(listener.address()).unwrap();
                let stopped = async {
                    let _ = stopped.await;
                };
                crate::serve(listener, dashboard, stopped).await.unwrap();
            });
        });
        let address = told.recv().unwrap();
        let (stop, thread) = (Some(stop), Some(thread));
        Server {
            address,
            live,
            status,
            store,
            analyst,
            sources: admin,
            alerts,
            issues,
            stop,
            thread,
        }
    }

    /// Starts a server without token and with the default limits.
    fn open() -> Server {
        Self::start(FakeReadStore::default(), None, Limits::default())
    }

    fn get(&self, path: &str) -> Reply {
        get_from(self.address, path, &[])
    }

    fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        get_from(self.address, path, headers)
    }

    /// Asks the server to stop and waits until it has.
    fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.stop();
        }
    }
}

fn graph() -> GraphView {
    let node = |id: &str, r#type: &str, kind, output| NodeView {
        id: id.to_owned(),
        r#type: r#type.to_owned(),
        kind,
        output,
    };
    GraphView {
        nodes: vec![
            node("app", "file", NodeKind::Source, Some(StreamKind::Lines)),
            node("store", "sqlite", NodeKind::Store, None),
        ],
        edges: vec![EdgeView {
            from: "app".to_owned(),
            to: "store".to_owned(),
            stream: StreamKind::Lines,
        }],
    }
}
