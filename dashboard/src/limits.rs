//! Limits: every bound of the server that is an option, with its default. Bounds on single
//! parameters stand next to the parameter (`query`, `routes`).

use std::time::Duration;

/// How much the server gives any client, and all of them together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections. One more is answered `503` at once and closed, so that a person sees why.
    pub connections_max: usize,
    /// Time for a whole request header to arrive; also ends a connection that stays silent between
    /// two requests, since that is a header that does not arrive.
    pub header_read: Duration,
    /// Time without any byte taken by the client while there is something to write. The only
    /// deadline of live streams and exports.
    pub write_stall: Duration,
    /// Time for a handler to begin its answer.
    pub handler: Duration,
    /// Time for open requests to end after the shutdown signal; what is left is cut.
    pub drain: Duration,
    /// Longest path and query, in bytes; more is `414`.
    pub url_bytes_max: usize,
    /// Longest header section, in bytes; more is `431`.
    pub header_bytes_max: usize,
    /// Time for a whole request body to arrive.
    pub body_read: Duration,
    /// Longest request body, in bytes; more is `413`.
    pub body_bytes_max: u64,
    /// Calls into the store at the same time; more wait, within the handler's time.
    pub reads_max: usize,
    /// Exports at the same time; one more is `503`.
    pub exports_max: usize,
    /// Live streams at the same time; one more is `503`.
    pub live_max: usize,
    /// Shortest time between two messages of a live stream; commits in between are summed up.
    pub live_interval: Duration,
    /// Longest silence of a live stream.
    pub live_heartbeat: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 256,
            header_read: Duration::from_secs(10),
            write_stall: Duration::from_secs(30),
            handler: Duration::from_secs(15),
            body_read: Duration::from_secs(10),
            drain: Duration::from_secs(3),
            url_bytes_max: 8 * 1024,
            header_bytes_max: 16 * 1024,
            body_bytes_max: 64 * 1024,
            reads_max: 8,
            exports_max: 2,
            live_max: 64,
            live_interval: Duration::from_millis(250),
            live_heartbeat: Duration::from_secs(10),
        }
    }
}
