//! A TCP proxy in front of a Postgres server that can do to a connection what networks do.
//!
//! ```text
//! client ──► listener ──► forwards to the server     one thread for each direction
//!        ◄───────────────        ◄──                 a Fault decides what becomes of the bytes
//! ```
//! It understands just enough of the protocol to find the COMMIT that a client sends and the answer to it:
//! messages are a type, a length and a body, after a first one without a type. The client must not ask for TLS.
//!
//! *Limits:* a message of the client is held back until it is whole, at most [`MESSAGE_BYTES_MAX`].

use super::generate::Seeded;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The longest message that is looked into; a longer one is passed on in pieces.
const MESSAGE_BYTES_MAX: usize = 64;

/// What becomes of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Everything is passed on.
    Pass,
    /// Every connection is cut again and again, after a time that is drawn between two bounds.
    CutEvery(Duration, Duration),
    /// Connections are accepted, bytes are swallowed, nothing is ever answered.
    BlackHole,
    /// The server's side is closed; the client hears nothing of it.
    HalfOpen,
    /// Each COMMIT waits before it is passed on.
    DelayCommits(Duration),
    /// The next COMMIT never arrives, and its connection is cut; then everything is passed on.
    LoseCommit,
    /// The next COMMIT arrives, its answer does not, and its connection is cut; then everything is
    /// passed on.
    LoseAnswer,
}

/// A running proxy. Dropping it cuts every connection and refuses further ones.
pub struct FaultProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    server: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    fault: Fault,
    seeded: Seeded,
    open: Vec<(TcpStream, TcpStream)>,
    accepted: usize,
    /// How many COMMITs or answers were lost.
    lost: usize,
    ended: bool,
}

impl FaultProxy {
    /// Starts a proxy to a server on this machine; `seed` decides when storms cut.
    pub fn start(server_port: u16, seed: u64) -> FaultProxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("the loopback is there");
        let address = listener.local_addr().expect("it is bound");
        let state = State {
            fault: Fault::Pass,
            seeded: Seeded::new(seed),
            open: Vec::new(),
            accepted: 0,
            lost: 0,
            ended: false,
        };
        let server = SocketAddr::from(([127, 0, 0, 1], server_port));
        let shared = Shared { server, state: Mutex::new(state), changed: Condvar::new() };
        let shared = Arc::new(shared);
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.state().ended {
                    break;
                }
                accepting.accept(client);
            }
        });
        FaultProxy { address, shared }
    }

    /// Returns the port to connect to.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Sets what becomes of every connection from now on, those that are open included.
    pub fn set(&self, fault: Fault) {
        let mut state = self.shared.state();
        if fault == Fault::HalfOpen {
            state.open.iter().for_each(|(_, server)| drop(server.shutdown(Shutdown::Both)));
        }
        state.fault = fault;
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Cuts every open connection now.
    pub fn cut(&self) {
        self.shared.state().cut();
    }

    /// Returns how many COMMITs or answers to them were lost so far.
    pub fn lost(&self) -> usize {
        self.shared.state().lost
    }

    /// Returns how many connections were accepted so far.
    pub fn accepted(&self) -> usize {
        self.shared.state().accepted
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.ended = true;
        state.cut();
        drop(state);
        self.shared.changed.notify_all();
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.address);
    }
}

impl State {
    fn cut(&mut self) {
        for (client, server) in self.open.drain(..) {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn accept(self: &Arc<Self>, client: TcpStream) {
        let Ok(server) = TcpStream::connect(self.server) else { return };
        let copies = (client.try_clone(), server.try_clone());
        let (Ok(client_copy), Ok(server_copy)) = copies else { return };
        let nodelay = client.set_nodelay(true).and(server.set_nodelay(true));
        nodelay.expect("the loopback has this option");
        let mut state = self.state();
        state.accepted += 1;
        state.open.push((client_copy, server_copy));
        drop(state);
        let pair = Arc::new((client, server));
        let (up, down, storm) = (self.clone(), self.clone(), self.clone());
        let (upwards, downwards, cut) = (pair.clone(), pair.clone(), pair);
        std::thread::spawn(move || up.forward_up(&upwards));
        std::thread::spawn(move || down.forward_down(&downwards));
        std::thread::spawn(move || storm.cut_in_time(&cut));
    }

    /// Waits while a storm may cut this connection, and cuts it when its time has come.
    fn cut_in_time(&self, pair: &(TcpStream, TcpStream)) {
        let mut state = self.state();
        while !state.ended && pair.0.peer_addr().is_ok() {
            let Fault::CutEvery(least, most) = state.fault else {
                let waited = self.changed.wait_timeout(state, Duration::from_millis(100));
                state = waited.unwrap_or_else(PoisonError::into_inner).0;
                continue;
            };
            let spread = (most - least).as_millis() as u64;
            let life = least + Duration::from_millis(state.seeded.below(spread + 1));
            let storm = |state: &mut State| state.fault == Fault::CutEvery(least, most);
            let waited = self.changed.wait_timeout_while(state, life, storm);
            let (still, outcome) = waited.unwrap_or_else(PoisonError::into_inner);
            state = still;
            if outcome.timed_out() {
                cut(pair);
                return;
            }
        }
    }

    /// Passes on what the client says, message by message once it has introduced itself.
    fn forward_up(&self, pair: &(TcpStream, TcpStream)) {
        let (mut client, mut server) = (&pair.0, &pair.1);
        let mut messages = Messages { untyped: true, ..Messages::default() };
        let mut buffer = [0; 16 << 10];
        loop {
            let read = match client.read(&mut buffer) {
                Ok(read) if read > 0 => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                _ => break,
            };
            for piece in messages.take(&buffer[..read]) {
                if is_commit(&piece) && !self.pass_commit() {
                    return cut(pair);
                }
                if !self.swallows() && server.write_all(&piece).is_err() && !self.swallows() {
                    return cut(pair);
                }
            }
        }
        cut(pair);
    }

    /// Passes on what the server says, until its answer to a COMMIT is to be lost.
    fn forward_down(&self, pair: &(TcpStream, TcpStream)) {
        let (mut client, mut server) = (&pair.0, &pair.1);
        let mut messages = Messages::default();
        let mut buffer = [0; 16 << 10];
        loop {
            let read = match server.read(&mut buffer) {
                Ok(read) if read > 0 => read,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                _ => break,
            };
            for piece in messages.take(&buffer[..read]) {
                if is_committed(&piece) && self.loses_answer() {
                    return cut(pair);
                }
                if !self.swallows() && client.write_all(&piece).is_err() {
                    return cut(pair);
                }
            }
        }
        if !self.swallows() {
            cut(pair);
        }
    }

    /// Returns whether nothing is passed on.
    fn swallows(&self) -> bool {
        matches!(self.state().fault, Fault::BlackHole | Fault::HalfOpen)
    }

    /// Decides about a COMMIT: whether it is passed on, perhaps after a while.
    fn pass_commit(&self) -> bool {
        let mut state = self.state();
        match state.fault {
            Fault::LoseCommit => {
                state.fault = Fault::Pass;
                state.lost += 1;
                false
            }
            Fault::DelayCommits(delay) => {
                let delayed = |state: &mut State| state.fault == Fault::DelayCommits(delay);
                drop(self.changed.wait_timeout_while(state, delay, delayed));
                true
            }
            _ => true,
        }
    }

    fn loses_answer(&self) -> bool {
        let mut state = self.state();
        let loses = state.fault == Fault::LoseAnswer;
        if loses {
            state.fault = Fault::Pass;
            state.lost += 1;
        }
        loses
    }
}

fn cut(pair: &(TcpStream, TcpStream)) {
    let _ = pair.0.shutdown(Shutdown::Both);
    let _ = pair.1.shutdown(Shutdown::Both);
}

/// Returns whether a message of the client is a COMMIT.
fn is_commit(message: &[u8]) -> bool {
    message.first() == Some(&b'Q') && message.get(5..).is_some_and(|sql| sql == b"COMMIT\0")
}

/// Returns whether a message of the server says that a transaction is committed.
fn is_committed(message: &[u8]) -> bool {
    message.first() == Some(&b'C') && message.get(5..).is_some_and(|tag| tag == b"COMMIT\0")
}

/// Finds the messages in a stream of bytes.
#[derive(Default)]
struct Messages {
    /// Whether the next message has no type, as the first of a client.
    untyped: bool,
    /// The beginning of a short message whose end has not come.
    held: Vec<u8>,
    /// Bytes that still belong to a long message.
    passing: usize,
}

impl Messages {
    /// Returns the bytes in pieces: each short message is one.
    fn take(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut pieces = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            if self.passing > 0 {
                let (passed, after) = rest.split_at(self.passing.min(rest.len()));
                self.passing -= passed.len();
                pieces.push(passed.to_vec());
                rest = after;
                continue;
            }
            let head = if self.untyped { 4 } else { 5 };
            let wanted = match self.length(head) {
                None => head - self.held.len(),
                Some(length) => length - self.held.len(),
            };
            let (taken, after) = rest.split_at(wanted.min(rest.len()));
            self.held.extend_from_slice(taken);
            rest = after;
            let Some(length) = self.length(head) else { continue };
            if length <= self.held.len() || length > MESSAGE_BYTES_MAX {
                self.passing = length.saturating_sub(self.held.len());
                pieces.push(std::mem::take(&mut self.held));
                self.untyped = false;
            }
        }
        pieces
    }

    /// Returns how long the message is that has begun, if its head is there.
    fn length(&self, head: usize) -> Option<usize> {
        let length = self.held.get(head - 4..head)?;
        let length = u32::from_be_bytes([length[0], length[1], length[2], length[3]]);
        Some(length as usize + head - 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_found_however_the_bytes_are_cut() {
        let mut said = vec![0, 0, 0, 12, 0, 3, 0, 0, 1, 2, 3, 4];
        said.extend(
            [&b"P\0\0\0\x60"[..], &[7; 92], b"Q\0\0\0\x0bCOMMIT\0", b"S\0\0\0\x04"].concat(),
        );
        for size in [1, 3, 7, said.len()] {
            let mut messages = Messages { untyped: true, ..Messages::default() };
            let pieces: Vec<Vec<u8>> =
                said.chunks(size).flat_map(|chunk| messages.take(chunk)).collect();
            assert_eq!(pieces.concat(), said);
            assert_eq!(pieces.iter().filter(|piece| is_commit(piece)).count(), 1);
            assert_eq!(pieces[0].len(), 12);
        }
    }
}
