//! Listener: takes connections on a thread of its own and lets [`Answering`] answer their requests.
//!
//! ```text
//! clients ──TCP──► accept loop ──► hyper (HTTP/1) ──► Answering ──[ bounded ]──► source's thread
//! ```
//! *State and limits:* the connections of the settings (one more is told so and closed), a header
//! within [`HEADER_TIME_MAX`] and [`HEAD_BYTES_MAX`], which is also how long a connection may be idle;
//! an answer that is not taken for [`WRITE_STALL_MAX`] ends its connection. [`UNPACKING_MAX`] requests
//! are unpacked at a time.

use super::answering::Answering;
use super::stall::WriteDeadline;
use engine::component::SourceError;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a client may take for a header, and be idle before it.
pub const HEADER_TIME_MAX: Duration = Duration::from_secs(15);
/// Largest header.
pub const HEAD_BYTES_MAX: usize = 32 * 1024;
/// How long a client may leave an answer.
const WRITE_STALL_MAX: Duration = Duration::from_secs(10);
/// Requests that are unpacked at a time.
const UNPACKING_MAX: usize = 4;
/// Connections that wait to be taken.
const BACKLOG: u32 = 256;
/// How long to wait after a connection could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long open requests may take to be answered once the source ends.
const DRAIN_MAX: Duration = Duration::from_millis(500);
/// What a connection too many is told.
const REFUSED: &[u8] =
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\
                         Content-Length: 0\r\n\r\n";

/// A running listener.
pub struct Listener {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    /// Listens at `address`, whose requests are answered by `answering`.
    pub fn start(
        address: SocketAddr,
        connections_max: usize,
        header_time: Duration,
        answering: Answering,
    ) -> Result<Self, SourceError> {
        let failed = |error| failed(address, error);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .max_blocking_threads(UNPACKING_MAX)
            .build()
            .map_err(failed)?;
        let socket = runtime.block_on(async { bind(address) }).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let (stop, stopping) = watch::channel(false);
        let accepting = Accepting {
            answering: Arc::new(answering),
            connections: JoinSet::new(),
            connections_max,
            header_time,
            graceful: GracefulShutdown::new(),
        };
        let thread = std::thread::Builder::new()
            .name(format!("listen-{}", address.port()))
            .spawn(move || {
                runtime.block_on(accepting.run(socket, stopping));
                runtime.shutdown_background();
            })
            .map_err(failed)?;
        Ok(Self { address, stop, thread: Some(thread) })
    }

    /// Returns where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Listener {
    /// Lets open requests be answered for a moment, then closes everything.
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::warn!(address = %self.address, "the listener had panicked");
        }
    }
}

/// Returns the address if it could be listened on at this moment.
pub fn check(address: SocketAddr) -> Result<SocketAddr, SourceError> {
    let socket = std::net::TcpListener::bind(address).map_err(|error| failed(address, error))?;
    socket.local_addr().map_err(|error| failed(address, error))
}

fn failed(address: SocketAddr, error: io::Error) -> SourceError {
    let what = format!("cannot listen on {address}: {error}");
    SourceError { what, retry: true, cause: Some(Box::new(error)) }
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart must not wait for the old process's connections to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

struct Accepting {
    answering: Arc<Answering>,
    connections: JoinSet<()>,
    connections_max: usize,
    header_time: Duration,
    graceful: GracefulShutdown,
}

impl Accepting {
    async fn run(mut self, socket: TcpListener, mut stopping: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                biased;
                _ = stopping.changed() => break,
                Some(_) = self.connections.join_next() => {}
                accepted = socket.accept() => match accepted {
                    Ok((stream, _)) => self.take(stream),
                    Err(error) => {
                        tracing::warn!(%error, "could not accept a connection");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(socket);
        if tokio::time::timeout(DRAIN_MAX, self.graceful.shutdown()).await.is_err() {
            tracing::debug!(connections = self.connections.len(), "cut open connections");
        }
        self.connections.shutdown().await;
    }

    fn take(&mut self, stream: TcpStream) {
        if self.connections.len() >= self.connections_max {
            // If even this does not fit, closing says it too.
            let _told = stream.try_write(REFUSED);
            return;
        }
        // Small answers must not wait for more to come; failing costs only latency.
        let _slower = stream.set_nodelay(true);
        let answering = Arc::clone(&self.answering);
        let service = service_fn(move |request| {
            let answering = Arc::clone(&answering);
            async move { Ok::<_, Infallible>(answering.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.header_time)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(TokioIo::new(WriteDeadline::new(stream, WRITE_STALL_MAX)), service);
        let connection = self.graceful.watch(connection);
        self.connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
    }
}
