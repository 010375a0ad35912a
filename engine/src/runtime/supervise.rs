//! Restarts a failed source with backoff, alone (I7).
//!
//! Each source has one thread. An error or a panic ends one run of the source, never another's, and
//! never an epoch; the next run resumes behind the last chunk that was handed over. Delays grow from
//! [`BACKOFF_FIRST`] to [`BACKOFF_MAX`] with jitter and start over after a run of
//! [`HEALTHY_RUN`].

use super::intake::SourceIntake;
use super::observer::SourceReport;
use super::shutdown::StopStage;
use crate::component::{Intake, Source, SourceError};
use crate::error::sentence;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The first delay.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(200);
/// The longest delay.
pub const BACKOFF_MAX: Duration = Duration::from_secs(60);
/// A run of this length forgives earlier failures.
const HEALTHY_RUN: Duration = Duration::from_secs(60);

/// Returns the delay before try `failures + 1`: exponential, capped, with up to half taken off by
/// `jitter` (0..=255).
pub fn backoff(failures: u32, jitter: u8) -> Duration {
    let full = BACKOFF_FIRST.saturating_mul(1 << failures.min(16)).min(BACKOFF_MAX);
    full - full.mul_f64(f64::from(jitter) / 510.0)
}

/// Failures after which the delay for a store grows no further: 3.2 s, so that what piled up during an
/// outage is not kept waiting when it is over.
const STORE_FAILURES_MAX: u32 = 4;

/// As [`backoff`], for a store.
pub fn store_backoff(failures: u32, jitter: u8) -> Duration {
    backoff(failures.min(STORE_FAILURES_MAX), jitter)
}

/// How a source's thread ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceEnd {
    /// Everything has been read.
    Finished,
    /// The engine stopped it.
    Stopped,
    /// It failed, and trying again is useless.
    Failed,
}

/// Runs `source` until it is finished, fails for good, or is stopped.
pub fn supervise(source: &dyn Source, intake: &mut SourceIntake) -> SourceEnd {
    let observer = Arc::clone(&intake.observer);
    let index = intake.source;
    let mut failures = 0;
    loop {
        observer.source(index, SourceReport::Running);
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| source.run(intake)));
        intake.catching_up(false);
        if intake.stopped() {
            return SourceEnd::Stopped;
        }
        let error = match outcome {
            Ok(Ok(())) => {
                observer.source(index, SourceReport::Finished);
                return SourceEnd::Finished;
            }
            Ok(Err(error)) => error,
            Err(panic) => panicked(panic.as_ref()),
        };
        let sentence = sentence(&error);
        if !error.retry {
            observer.source(index, SourceReport::Failed(sentence));
            return SourceEnd::Failed;
        }
        failures = if started.elapsed() > HEALTHY_RUN { 0 } else { failures };
        observer.source(index, SourceReport::BackingOff(sentence));
        let jitter = (started.elapsed().subsec_nanos() >> 8) as u8;
        if intake.stop.wait(StopStage::Draining, backoff(failures, jitter)) {
            return SourceEnd::Stopped;
        }
        failures += 1;
    }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> SourceError {
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message");
    SourceError { what: format!("the source panicked: {said}"), retry: true, cause: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_cap_and_jitter_only_shortens_them() {
        assert_eq!(backoff(0, 0), BACKOFF_FIRST);
        assert_eq!(backoff(1, 0), 2 * BACKOFF_FIRST);
        assert_eq!(backoff(40, 0), BACKOFF_MAX);
        assert!(backoff(3, 255) >= backoff(3, 0) / 2 && backoff(3, 255) < backoff(3, 0));
    }

    #[test]
    fn a_sentence_names_every_cause() {
        let cause = std::io::Error::other("permission denied");
        let error = SourceError {
            what: "cannot read \"a.log\"".into(),
            retry: true,
            cause: Some(Box::new(cause)),
        };
        assert_eq!(sentence(&error), "cannot read \"a.log\": permission denied");
    }
}
