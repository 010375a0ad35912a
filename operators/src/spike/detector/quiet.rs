//! What always came and no longer does: silence that chance does not explain.
//!
//! A silence is judged by the events that were expected in it, at the level and by the hours and weekdays known when
//! the last event came, and by how the events of the series clump: those that come in batches are often silent.

use super::series::Series;
use super::{Detector, SeriesId, rhythm};

/// Events that must have been expected in a silence.
pub const QUIET_EVENTS: f64 = 10.0;
/// The least evidence, in nats: p = 0.0001.
const QUIET_NATS: f64 = 9.210_34;
/// The longest silence that is waited for.
pub const QUIET_DAYS_MAX: i64 = 7;

/// What is known of a silence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Silence {
    /// It cannot be chance.
    Told {
        /// Events that were expected in it.
        expected: f64,
        /// `-ln p`.
        nats: f64,
    },
    /// It may be chance until then.
    Until(i64),
    /// Too little is expected of the series.
    Never,
}

impl Detector {
    /// Judges the silence of a series up to the bucket that was closed last.
    pub fn silence(&self, id: SeriesId) -> Silence {
        let series = &self.watched[id.0].series;
        // As for one candidate among all series at a tick.
        let needed = -libm::log(self.level() / self.alive.max(self.settings.series_min) as f64);
        let (closed, touched) = (self.now - 1, series.touched());
        let longest = QUIET_DAYS_MAX * rhythm::DAY_SECS / self.rhythm.bucket_secs;
        let mut expected = 0.0;
        for tick in touched + 1..=touched + longest {
            expected += series.level.rate() * series.cycles.factor(self.rhythm.place_of(tick));
            if expected < QUIET_EVENTS {
                continue;
            }
            let nats = series.silence_nats(expected);
            if nats < needed.max(QUIET_NATS) {
                continue;
            }
            return match tick <= closed {
                true => Silence::Told { expected, nats },
                false => Silence::Until(tick),
            };
        }
        Silence::Never
    }
}

impl Series {
    /// Returns how improbable it is that nothing comes where so much is expected, in nats.
    fn silence_nats(&self, expected: f64) -> f64 {
        let spread =
            self.clumps.batch() - 1.0 + expected * (self.level.doubt() + self.clumps.spread());
        let size = expected / spread.max(f64::MIN_POSITIVE);
        size * libm::log1p(expected / size)
    }
}
