//! One conversation with an SMTP server: within the time of an attempt, and within a bound of what the server
//! may say.
//!
//! The library speaks SMTP; here is what it leaves open: it waits for every line anew and reads a line to its
//! end, however far that is. So it is given a stream of ours, and the clock is ours too.
//! *Limits:* [`CONVERSATION_BYTES_MAX`], [`QUIT_MAX`], the attempt as a whole.

use super::super::secret::{self, Secret};
use super::super::text;
use super::Tls;
use engine::component::DeliveryError;
use lettre::Message as Letter;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{
    AsyncSmtpConnection, AsyncTokioStream, Certificate, CertificateStore, TlsParameters,
};
use lettre::transport::smtp::extension::ClientId;
use std::error::Error as _;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// What a server may say in one conversation, in bytes.
pub(super) const CONVERSATION_BYTES_MAX: usize = 256 * 1024;
/// How long a server may take to say goodbye, after it has accepted the letter.
const QUIT_MAX: Duration = Duration::from_secs(1);
/// What is told of a server's words.
const EXCERPT_UNITS_MAX: usize = 200;

/// A server, and how to get there.
#[derive(Debug)]
pub(super) struct Server {
    pub host: String,
    pub port: u16,
    pub tls: Tls,
    pub ca_file: Option<PathBuf>,
    pub login: Option<Login>,
    /// The name under which we come.
    pub hello: String,
    pub attempt_max: Duration,
}

/// Who logs in.
#[derive(Debug)]
pub(super) struct Login {
    pub user: String,
    pub password_file: PathBuf,
}

/// Sends one letter, in one attempt.
pub(super) fn send(server: &Server, letter: &Letter) -> Result<(), DeliveryError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| later(format!("could not start an attempt: {error}")))?;
    let sent = runtime.block_on(async {
        match tokio::time::timeout(server.attempt_max, server.send(letter)).await {
            Ok(result) => result,
            Err(_) => {
                let secs = server.attempt_max.as_secs_f64();
                Err(later(format!("could not hand it to {} within {secs} s", server.address())))
            }
        }
    });
    // A name that is still looked up is not waited for.
    runtime.shutdown_background();
    sent
}

fn later(reason: String) -> DeliveryError {
    DeliveryError::Later { reason: text::clean(&reason), after: None }
}

impl Server {
    fn address(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    async fn send(&self, letter: &Letter) -> Result<(), DeliveryError> {
        let credentials = self.credentials()?;
        let mut connection = self.connect().await?;
        if let Some(credentials) = credentials {
            let logged_in = connection.auth(DEFAULT_MECHANISMS, &credentials).await;
            logged_in.map_err(|error| {
                self.told(&error, "check `user` and the password in `password_file`")
            })?;
        }
        let sent = connection.send(letter.envelope(), &letter.formatted()).await;
        sent.map_err(|error| self.told(&error, "check `from` and `to`"))?;
        // It has been accepted, whatever is said now.
        let _ = tokio::time::timeout(QUIT_MAX, connection.quit()).await;
        Ok(())
    }

    fn credentials(&self) -> Result<Option<Credentials>, DeliveryError> {
        let Some(Login { user, password_file }) = &self.login else { return Ok(None) };
        let password = Secret::read(password_file)?;
        Ok(Some(Credentials::new(user.clone(), password.expose().to_owned())))
    }

    /// Connects, protects the way, and greets.
    async fn connect(&self) -> Result<AsyncSmtpConnection, DeliveryError> {
        let unreachable =
            |error: io::Error| later(format!("could not reach {}: {error}", self.address()));
        let name = self.host.trim_matches(['[', ']']);
        let tcp = TcpStream::connect((name, self.port)).await.map_err(unreachable)?;
        let peer = tcp.peer_addr().map_err(unreachable)?;
        let stream: Box<dyn AsyncTokioStream> = match self.tls {
            Tls::Implicit => {
                let stream = self.connector(name)?.connect(self.server_name(name)?, tcp).await;
                let untrusted =
                    |error| later(format!("could not trust {}: {error}", self.address()));
                Box::new(Bounded::new(stream.map_err(untrusted)?, peer))
            }
            Tls::Starttls | Tls::None => Box::new(Bounded::new(tcp, peer)),
        };
        let hello = ClientId::Domain(self.hello.clone());
        let greeted = AsyncSmtpConnection::connect_with_transport(stream, &hello).await;
        let mut connection =
            greeted.map_err(|error| self.told(&error, "ask who runs the server"))?;
        if self.tls == Tls::Starttls {
            let parameters = self.parameters(name)?;
            let protected = connection.starttls(parameters, &hello).await;
            protected.map_err(|error| {
                self.told(&error, "set `tls: tls` if it speaks TLS from the first byte")
            })?;
        }
        Ok(connection)
    }

    fn server_name(&self, name: &str) -> Result<ServerName<'static>, DeliveryError> {
        ServerName::try_from(name.to_owned()).map_err(|_| DeliveryError::Never {
            reason: format!("cannot check the certificate of {name:?}: it is no name of a host"),
        })
    }

    /// Returns what wraps a stream in TLS.
    fn connector(&self, name: &str) -> Result<TlsConnector, DeliveryError> {
        let unusable =
            |error: &dyn fmt::Display| later(format!("could not set up TLS for {name}: {error}"));
        let mut roots = RootCertStore::empty();
        match &self.ca_file {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                for certificate in CertificateDer::pem_slice_iter(&secret::read_pem(path)?) {
                    let certificate = certificate.map_err(|error| unusable(&error))?;
                    roots.add(certificate).map_err(|error| unusable(&error))?;
                }
            }
        }
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?;
        let config = config.with_root_certificates(roots).with_no_client_auth();
        Ok(TlsConnector::from(Arc::new(config)))
    }

    /// Returns the same for the library's own change to TLS.
    fn parameters(&self, name: &str) -> Result<TlsParameters, DeliveryError> {
        let unusable = |error: Error| later(format!("could not set up TLS for {name}: {error}"));
        let mut builder = TlsParameters::builder(name.to_owned());
        if let Some(path) = &self.ca_file {
            let certificates = Certificate::from_pem(&secret::read_pem(path)?).map_err(unusable)?;
            builder = builder
                .certificate_store(CertificateStore::None)
                .add_root_certificate(certificates);
        }
        builder.build_rustls().map_err(unusable)
    }

    /// Says why the server did not take the letter, and whether it may later.
    fn told(&self, error: &Error, advice: &str) -> DeliveryError {
        let mut said = error.to_string();
        let mut cause = error.source();
        while let Some(deeper) = cause {
            let words = deeper.to_string();
            if !said.contains(&words) {
                said = format!("{said}: {words}");
            }
            cause = deeper.source();
        }
        let said = text::cut(&text::clean(&said), EXCERPT_UNITS_MAX);
        let address = self.address();
        if error.is_permanent() || error.is_client() {
            let reason = format!("{address} refuses it: {said}; {advice}");
            return DeliveryError::Never { reason };
        }
        later(format!("could not hand it to {address}: {said}"))
    }
}

/// A stream of which no more than [`CONVERSATION_BYTES_MAX`] bytes are read, but for a buffer.
#[derive(Debug)]
struct Bounded<S> {
    stream: S,
    peer: SocketAddr,
    left: usize,
}

impl<S> Bounded<S> {
    fn new(stream: S, peer: SocketAddr) -> Self {
        Self { stream, peer, left: CONVERSATION_BYTES_MAX }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            let what = format!("it said more than {CONVERSATION_BYTES_MAX} bytes");
            return Poll::Ready(Err(io::Error::other(what)));
        }
        let before = buffer.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.left = self.left.saturating_sub(buffer.filled().len() - before);
        poll
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S> AsyncTokioStream for Bounded<S>
where
    S: AsyncRead + AsyncWrite + Send + Sync + Unpin + fmt::Debug,
{
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
