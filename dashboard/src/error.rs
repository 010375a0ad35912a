//! Why the server cannot start or go on. Failures of single requests are `problem`s.

use std::io;
use std::net::SocketAddr;

/// Why the server cannot listen or serve.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Another process listens there.
    #[error(
        "cannot listen on {address}: the port is taken. Hint: stop the other program, or choose \
         another port with `server.listen`; port 0 takes any free one"
    )]
    PortTaken {
        /// Where.
        address: SocketAddr,
        /// The system's error.
        #[source]
        cause: io::Error,
    },
    /// No network interface has the address.
    #[error(
        "cannot listen on {address}: no interface of this machine has that address. Hint: use \
         127.0.0.1 for this machine only, or 0.0.0.0 with a token for every interface"
    )]
    NotOurAddress {
        /// Where.
        address: SocketAddr,
        /// The system's error.
        #[source]
        cause: io::Error,
    },
    /// Anything else the system says.
    #[error("cannot listen on {address}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// The system's error.
        #[source]
        cause: io::Error,
    },
    /// Everybody on the network could read the logs.
    #[error(
        "cannot listen on {address} without a token: everybody who reaches that address could \
         read the logs. Hint: set a token, or listen on 127.0.0.1"
    )]
    TokenNeeded {
        /// Where.
        address: SocketAddr,
    },
    /// The token would not survive a header, or could be guessed.
    #[error(
        "cannot use the configured token: it must be {min} to {max} characters of A-Z, a-z, 0-9 \
         and -._~+/=. Hint: `openssl rand -hex 32` makes one"
    )]
    UnusableToken {
        /// Shortest token.
        min: usize,
        /// Longest token.
        max: usize,
    },
}
