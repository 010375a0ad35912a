//! What must never stop being true, as numbers that headers and tests quote, and as plain functions
//! that assertions, tests and the audit use alike.
//!
//! - **I1** any arrival order within the lateness bound: same stored results
//! - **I2** any number of workers: same results
//! - **I3** crash anywhere and recover: same results
//! - **I4** no epoch is committed before the frontier passes it
//! - **I5** an epoch's results and offsets are stored together or not at all
//! - **I6** incremental equals recomputed from scratch
//! - **I7** a failing source delays no other
//! - **I8** everything that grows has a bound
//! - **I9** a receiver that honours the alert key acts on it once

use crate::component::{Audit, Commit};
use crate::model::Epoch;

/// I4: returns whether an epoch may be committed when the frontier stands at `frontier`, the lowest
/// epoch that can still change (`None`: none can).
pub fn may_commit(epoch: Epoch, frontier: Option<Epoch>) -> bool {
    epoch > Epoch::RECOVERED && frontier.is_none_or(|lowest| epoch < lowest)
}

/// I5: returns whether a commit continues what is stored.
pub fn continues(commit: &Commit, stored: Option<Epoch>) -> bool {
    commit.predecessor == stored && stored.is_none_or(|epoch| commit.epoch > epoch)
}

/// The promise: returns whether every record read is accounted for.
pub fn is_conserved(audit: &Audit) -> bool {
    audit.clone().balance().balanced
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recovery_epoch_is_never_committed() {
        assert!(!may_commit(Epoch::RECOVERED, None));
        assert!(!may_commit(Epoch(3), Some(Epoch(3))));
        assert!(may_commit(Epoch(3), Some(Epoch(4))));
    }

    #[test]
    fn one_record_too_few_breaks_the_promise() {
        let audit = Audit { read: 3, counted: 2, filtered: 1, ..Audit::default() };
        assert!(is_conserved(&audit));
        assert!(!is_conserved(&Audit { counted: 1, ..audit }));
    }
}
