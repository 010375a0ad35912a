//! The first hours: to a detector that has just begun everything is new. Until it has seen what is usual, only what
//! stands out from its own past is told.

use super::{Detector, Evidence, SeriesId};

/// Ticks after the beginning in which usual things are still to be learned.
pub const LEARN_TICKS: i64 = 36;
/// Events that must stand out in that time.
const EVENTS_MIN: f64 = 20.0;
/// How many times what came before, per bucket.
const RATIO_MIN: f64 = 5.0;
/// The longest window that counts.
const WINDOW_MAX: i64 = 3;

impl Detector {
    /// Lets the detector know at which tick anybody began to look; before that nothing is known of any series.
    pub fn began_at(self, tick: i64) -> Detector {
        Detector { began: Some(tick), ..self }
    }

    /// Returns whether a series began later than the detector.
    pub fn is_newborn(&self, id: SeriesId) -> bool {
        let born = self.now - i64::from(self.watched[id.0].series.age());
        self.began.is_none_or(|began| born > began + 1)
    }

    /// Returns whether evidence of the open bucket is worth telling so soon after the beginning.
    pub(super) fn stands_out(&self, id: SeriesId, evidence: &Evidence) -> bool {
        let Some(began) = self.began.filter(|began| self.now - began < LEARN_TICKS) else {
            return true;
        };
        if evidence.observed < EVENTS_MIN || evidence.window > WINDOW_MAX {
            return false;
        }
        let series = &self.watched[id.0].series;
        let from = (self.now - i64::from(series.age())).max(began);
        let until = self.now - evidence.window + 1;
        if until <= from {
            return self.is_newborn(id);
        }
        let (before, _) = series.sums(from, until);
        let mean = before / (until - from) as f64;
        evidence.observed >= RATIO_MIN * mean * evidence.window as f64
    }
}
