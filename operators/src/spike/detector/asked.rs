//! What others ask of the detector: what it knows of a series, and a part of it to try something on.

use super::{Detector, Group, SeriesId, Settings, Watched, rhythm};
use std::collections::BTreeSet;

/// What is known of a series at the tick that was closed last.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Its group.
    pub group: usize,
    /// Whether it fires.
    pub is_firing: bool,
    /// The tick at which its last event arrived.
    pub touched: i64,
    /// Ticks since its first event.
    pub age: u32,
    /// Whether it began later than the detector.
    pub is_newborn: bool,
    /// Whether something was deployed in its group within the last hour.
    pub is_after_deploy: bool,
}

/// One bucket that is remembered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Remembered {
    /// The bucket.
    pub tick: i64,
    /// Events in it.
    pub events: u32,
    /// Events that were expected in it.
    pub expected: f64,
}

impl Detector {
    /// Returns the settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns how many series had an event within the last days.
    pub fn alive(&self) -> u64 {
        self.alive
    }

    /// Returns how many groups there are.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Returns the series, in the order in which they were added.
    pub fn all(&self) -> impl Iterator<Item = SeriesId> + use<> {
        (0..self.watched.len()).map(SeriesId)
    }

    /// Returns how a series stands.
    pub fn standing(&self, id: SeriesId) -> Standing {
        let Watched { series, group, alarm } = &self.watched[id.0];
        Standing {
            group: *group,
            is_firing: alarm.is_firing,
            touched: series.touched(),
            age: series.age(),
            is_newborn: self.is_newborn(id),
            is_after_deploy: self.is_after_deploy(*group),
        }
    }

    /// Returns a bucket of a series, if it is remembered.
    pub fn bucket(&self, id: SeriesId, tick: i64) -> Option<Remembered> {
        let cell = self.watched[id.0].series.cell(tick)?;
        Some(Remembered { tick, events: cell.x, expected: f64::from(cell.mean) })
    }

    /// Returns the buckets of a series that are remembered, up to the one that was closed last, ascending.
    pub fn curve(&self, id: SeriesId) -> impl Iterator<Item = Remembered> {
        let oldest = self.now - rhythm::RING as i64;
        (oldest..self.now).filter_map(move |tick| self.bucket(id, tick))
    }

    /// Returns a copy that knows these series only, in this order, to try on it what has arrived so far.
    pub fn part(&self, ids: &[SeriesId]) -> Detector {
        let active: BTreeSet<SeriesId> =
            (0..ids.len()).filter(|&at| self.active.contains(&ids[at])).map(SeriesId).collect();
        Detector {
            watched: ids.iter().map(|id| self.watched[id.0].clone()).collect(),
            active,
            groups: self.groups.clone(),
            last_touched: self.last_touched.clone(),
            deploys: self.deploys.clone(),
            began: self.began,
            ..Detector::new(self.settings, self.now)
        }
        .with_alive(self.alive)
    }

    fn with_alive(self, alive: u64) -> Detector {
        Detector { alive, ..self }
    }

    /// Returns whether a whole group was silent in a bucket although events were expected.
    pub fn is_silent(&self, group: usize, tick: i64) -> bool {
        let Group { total, .. } = &self.groups[group];
        total.cell(tick).is_some_and(super::is_gap)
    }

    /// Returns a bucket of a whole group, if it is remembered.
    pub fn group_bucket(&self, group: usize, tick: i64) -> Option<Remembered> {
        let cell = self.groups[group].total.cell(tick)?;
        Some(Remembered { tick, events: cell.x, expected: f64::from(cell.mean) })
    }
}
