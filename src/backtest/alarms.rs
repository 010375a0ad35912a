//! From what happened at each tick to alarms with a beginning and an end.

use operators::spike::detector::{Change, SeriesId};
use std::collections::BTreeMap;

/// One alarm, its buckets inclusive.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alarm {
    /// Whose it is.
    pub series: SeriesId,
    /// The bucket at whose close it fired.
    pub start: i64,
    /// The last bucket in which it fired.
    pub end: i64,
    /// The strongest evidence while it fired.
    pub nats: f64,
}

/// Collects alarms; one that fires again soon after its end is the same.
#[derive(Debug, Default)]
pub struct Alarms {
    open: BTreeMap<SeriesId, Alarm>,
    ended: Vec<Alarm>,
}

impl Alarms {
    /// Takes note of a change of a series at a tick.
    pub fn take(&mut self, tick: i64, series: SeriesId, change: &Change) {
        let nats = match change {
            Change::Fired { evidence, reopened: false } => {
                let fresh = Alarm { series, start: tick, end: tick, nats: evidence.nats };
                self.ended.extend(self.open.insert(series, fresh));
                return;
            }
            Change::Fired { evidence, reopened: true } | Change::Holds(evidence) => evidence.nats,
            Change::Resolved | Change::NewNormal => 0.0,
        };
        if let Some(alarm) = self.open.get_mut(&series) {
            alarm.end = tick;
            alarm.nats = alarm.nats.max(nats);
        }
    }

    /// Returns all alarms, by beginning.
    pub fn finish(mut self) -> Vec<Alarm> {
        self.ended.extend(self.open.into_values());
        self.ended.sort_by_key(|alarm| (alarm.start, alarm.series));
        self.ended
    }
}
