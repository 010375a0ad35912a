//! Budget: the bytes that all requests of a source may hold at a time.
//!
//! *Promise:* what a request holds is taken before it is allocated and given back when its share is
//! dropped, whatever becomes of it.

use super::refusal::Refusal;
use http::StatusCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes by which a share grows: fewer, and counting would cost more than copying.
const STEP_BYTES: usize = 64 * 1024;

/// What may be held.
#[derive(Debug)]
pub struct Budget {
    bytes_max: usize,
    held: AtomicUsize,
}

impl Budget {
    /// Returns a budget of so many bytes.
    pub fn new(bytes_max: usize) -> Arc<Self> {
        Arc::new(Self { bytes_max, held: AtomicUsize::new(0) })
    }

    /// Returns a share of it that holds nothing yet.
    pub fn share(self: &Arc<Self>) -> Share {
        Share { budget: Arc::clone(self), bytes: 0 }
    }

    fn take(&self, bytes: usize) -> bool {
        let take = |held: usize| held.checked_add(bytes).filter(|held| *held <= self.bytes_max);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// What one request holds.
#[derive(Debug)]
pub struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Share {
    /// Makes sure that `bytes` in all may be held.
    pub fn cover(&mut self, bytes: usize) -> Result<(), Refusal> {
        if bytes <= self.bytes {
            return Ok(());
        }
        let more = (bytes - self.bytes).next_multiple_of(STEP_BYTES);
        if !self.budget.take(more) {
            let detail = "too much waits to be counted at the moment; send this request again";
            return Err(Refusal::later(StatusCode::SERVICE_UNAVAILABLE, 1, detail));
        }
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limit_what_is_held_is_given_back_and_never_exceeded() {
        let budget = Budget::new(3 * STEP_BYTES);
        let (mut first, mut second) = (budget.share(), budget.share());
        first.cover(STEP_BYTES + 1).unwrap();
        first.cover(10).unwrap();
        second.cover(STEP_BYTES).unwrap();
        let refusal = second.cover(STEP_BYTES + 1).unwrap_err();
        assert_eq!((refusal.status.as_u16(), refusal.retry_after_secs), (503, Some(1)));
        assert!(second.cover(usize::MAX - STEP_BYTES).is_err());
        drop(first);
        second.cover(3 * STEP_BYTES).unwrap();
        drop(second);
        assert_eq!(budget.held.load(Ordering::Relaxed), 0);
    }
}
