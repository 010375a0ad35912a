//! Blocking calls on a thread of their own, so that a stop need not wait for a server's answer.

use engine::component::Stopped;
use std::io;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

/// How often to look whether the engine is stopping.
const STOP_LOOK: Duration = Duration::from_millis(20);

/// Runs `call` on a thread of its own and returns its answer, or an error as soon as `stopped` says
/// so. A call that was left behind ends at its own time limit; it must have one.
pub fn apart<T: Send + 'static>(
    name: &str,
    stopped: &dyn Fn() -> bool,
    call: impl FnOnce() -> T + Send + 'static,
) -> Result<io::Result<T>, Stopped> {
    let (sender, answer) = sync_channel(1);
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        // Nobody waits any more if the engine stopped meanwhile.
        let _left_behind = sender.send(call());
    });
    if let Err(error) = thread {
        return Ok(Err(error));
    }
    loop {
        match answer.recv_timeout(STOP_LOOK) {
            Ok(answer) => return Ok(Ok(answer)),
            Err(RecvTimeoutError::Disconnected) => {
                return Ok(Err(io::Error::other("the thread of the call panicked")));
            }
            Err(RecvTimeoutError::Timeout) if stopped() => return Err(Stopped),
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_comes_back() {
        assert_eq!(apart("call", &|| false, || 7).unwrap().unwrap(), 7);
    }

    #[test]
    fn a_stop_does_not_wait_for_an_answer() {
        let outcome = apart("call", &|| true, std::thread::park);
        assert!(matches!(outcome, Err(Stopped)));
    }

    #[test]
    fn a_call_that_panics_is_an_error() {
        assert!(apart("call", &|| false, || panic!("on purpose")).unwrap().is_err());
    }
}
