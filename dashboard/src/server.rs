//! Server: our own accept loop, because warp's has no deadlines, no connection cap, and panics when
//! the port is taken.
//!
//! *State and limits:* [`Limits::connections_max`](crate::Limits) connections are served at a time. One more
//! is answered `503` from a fixed text and closed, so that a person sees why; at most
//! [`REFUSALS_MAX`] such goodbyes are in progress, beyond them a connection is closed unanswered.
//! *Shutdown:* no new connections; live streams end; open requests get
//! [`Limits::drain`](crate::Limits) to finish, then they are cut.

use crate::access::AccessOptions;
use crate::connection::WriteDeadline;
use crate::context::Context;
use crate::error::ServeError;
use crate::reply::{Response, secure};
use crate::{Dashboard, door, routes};
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Connections waiting to be accepted, in the kernel.
const BACKLOG: u32 = 1024;
/// Goodbyes to refused connections in progress.
const REFUSALS_MAX: usize = 32;
/// How long a goodbye may take.
const REFUSAL_TIME: Duration = Duration::from_secs(1);
/// Pause after the system could not hand over a connection (out of file descriptors, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Most bytes of a request's head that are held; a longer one is refused by hyper with `431`.
const HEAD_BYTES_MAX: usize = 96 * 1024;

const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\n\
    content-length: 53\r\nretry-after: 5\r\nconnection: close\r\n\r\n\
    too many connections are open; try again in a moment\n";

/// A bound socket, not yet served.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Returns where it really listens (port 0 has become a port).
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Takes an address, if the rules of access allow to serve there.
pub async fn bind(address: SocketAddr, access: &AccessOptions) -> Result<Listener, ServeError> {
    access.check(address)?;
    let explain = |cause: io::Error| match cause.kind() {
        io::ErrorKind::AddrInUse => ServeError::PortTaken { address, cause },
        io::ErrorKind::AddrNotAvailable => ServeError::NotOurAddress { address, cause },
        _ => ServeError::Listen { address, cause },
    };
    let open = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // A restart must not wait for the old process's connections to be forgotten.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        let socket = socket.listen(BACKLOG)?;
        let address = socket.local_addr()?;
        Ok(Listener { socket, address })
    };
    open().map_err(explain)
}

/// Serves until `shutdown` completes and open requests have ended or their time is up.
pub async fn serve(
    listener: Listener,
    dashboard: Dashboard,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), ServeError> {
    dashboard.access.check(listener.address)?;
    let (stop, stopping) = watch::channel(false);
    let context = Arc::new(Context::new(dashboard, listener.address, stopping));
    let mut accepting = Accepting::new(context.clone());
    tokio::pin!(shutdown);
    loop {
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            Some(_) = accepting.connections.join_next() => accepting.count(),
            accepted = listener.socket.accept() => match accepted {
                Ok((stream, _)) => accepting.take(stream),
                Err(error) => {
                    tracing::warn!(%error, "could not accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    // The receivers in `context` are alive, so this cannot fail.
    let _ = stop.send(true);
    accepting.drain(context.dashboard.limits.drain).await;
    Ok(())
}

/// The connections of one server.
struct Accepting {
    context: Arc<Context>,
    application: Arc<Application>,
    connections: JoinSet<()>,
    refusals: Arc<Semaphore>,
    graceful: GracefulShutdown,
}

impl Accepting {
    fn new(context: Arc<Context>) -> Self {
        Self {
            application: Arc::new(Application::new(context.clone())),
            context,
            connections: JoinSet::new(),
            refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
            graceful: GracefulShutdown::new(),
        }
    }

    /// Serves a connection, or says why not.
    fn take(&mut self, stream: TcpStream) {
        let limits = &self.context.dashboard.limits;
        if self.connections.len() >= limits.connections_max {
            self.context.dashboard.metrics.add_http_refused();
            if let Ok(place) = self.refusals.clone().try_acquire_owned() {
                tokio::spawn(async move {
                    let _ = tokio::time::timeout(REFUSAL_TIME, refuse(stream)).await;
                    drop(place);
                });
            }
            return;
        }
        // Small answers must not wait for more to come; failing costs only latency.
        let _ = stream.set_nodelay(true);
        let io = TokioIo::new(WriteDeadline::new(stream, limits.write_stall));
        let application = self.application.clone();
        let service = service_fn(move |request| {
            let application = application.clone();
            async move { Ok::<_, Infallible>(application.answer(request).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_read)
            .max_buf_size(HEAD_BYTES_MAX)
            .serve_connection(io, service);
        let connection = self.graceful.watch(connection);
        self.connections.spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection ended early");
            }
        });
        self.count();
    }

    fn count(&self) {
        self.context.dashboard.metrics.set_http_connections(self.connections.len());
    }

    /// Lets open requests end, then cuts what is left.
    async fn drain(mut self, time: Duration) {
        if tokio::time::timeout(time, self.graceful.shutdown()).await.is_err() {
            tracing::warn!(
                connections = self.connections.len(),
                "cut connections that were still open after the drain time"
            );
        }
        self.connections.shutdown().await;
    }
}

/// Tells a client that there is no place for it, then waits until it has gone: closing a socket
/// with unread bytes would reset it before the client has read the answer.
async fn refuse(stream: TcpStream) {
    let mut sent = 0;
    while sent < REFUSAL.len() {
        if stream.writable().await.is_err() {
            return;
        }
        match stream.try_write(&REFUSAL[sent..]) {
            Ok(bytes) => sent += bytes,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
    let mut ignored = [0; 1024];
    while stream.readable().await.is_ok() {
        match stream.try_read(&mut ignored) {
            Ok(0) => return,
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return,
            _ => {}
        }
    }
}

/// The routes behind the door.
struct Application {
    context: Arc<Context>,
    routes: routes::Routes,
}

impl Application {
    fn new(context: Arc<Context>) -> Self {
        Self { routes: routes::build(&context), context }
    }

    /// Answers one request; every answer leaves with the security headers.
    async fn answer(&self, request: Request<Incoming>) -> Response {
        let (head, body) = request.into_parts();
        let dashboard = &self.context.dashboard;
        let checked = door::check(&head, self.context.listen, &dashboard.access, &dashboard.limits);
        let response = match checked {
            Ok(()) => (self.routes)(Request::from_parts(head, body)).await,
            Err(problem) => problem.into_response(),
        };
        secure(response)
    }
}
