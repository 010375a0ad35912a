//! One series: its last buckets, what it usually does, and what a bucket adds to that.
//!
//! ```text
//! open(t) ──► add … add ──► evidence(t) ──► settle(t): learns bucket t - LAG ──► open(t + 1)
//! ```
//! A series that nothing happens to may be left alone: [`Series::idle_until`] catches up, with the same
//! result as if every tick had been walked. *State:* about 1.3 KB.

use super::baseline::{Clumps, Cycles, Level, Runs};
use super::evidence::{Evidence, Facts, LONGEST};
use super::recurring::Recurring;
use super::rhythm::{LAG, Place, RING, Rhythm};
use serde::{Deserialize, Serialize};

/// Ticks after the last event of a series before it may be left alone: no window reaches it any more.
pub const QUIET_AFTER: i64 = LONGEST + LAG;
/// Evidence that may go on for so long before it is learned all the same.
const QUARANTINE_MAX: u32 = 36;
/// Evidence, in nats, from which on nothing is learned.
const QUARANTINE_NATS: f64 = 6.907_755; // p = 0.001
/// Deviations above the mean that a bucket may add to the level.
const LEARN_DEVIATIONS: f64 = 4.0;
/// The same for batches and spread, and the events that are always believed.
const CLUMP_DEVIATIONS: f64 = 6.0;
const CLUMP_EVENTS: f64 = 25.0;

/// Fewer events never count as a run of a schedule.
const SCHEDULED_MIN: u32 = 5;

/// One bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cell {
    /// Events.
    pub x: u32,
    /// Events as the tests see them: what came on schedule counts as its expectation.
    pub y: f32,
    /// Events that were expected when it began.
    pub mean: f32,
}

impl Cell {
    /// Returns whether the bucket exceeds a mark: any event at all, or more than twice the expected and 3.
    pub fn exceeds(&self, mark: usize) -> bool {
        match mark {
            0 => self.y >= 1.0,
            _ => self.y > 2.0 * self.mean + 3.0,
        }
    }
}

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Series {
    /// The tick whose bucket is open.
    now: i64,
    #[serde(with = "super::stored::array")]
    cells: [Cell; RING],
    pub(super) level: Level,
    pub(super) cycles: Cycles,
    pub(super) clumps: Clumps,
    pub(super) runs: [Runs; 2],
    recurring: Recurring,
    /// Ticks since the first event.
    age: u32,
    /// Ticks in a row with standing evidence.
    quarantined: u32,
    /// The last tick at which an event arrived.
    touched: i64,
}

/// What the lifecycle of alerts says about a series while a bucket is learned.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Standing {
    /// Whether it fires.
    pub is_firing: bool,
    /// The tick at which it began to fire last.
    pub fired_at: Option<i64>,
}

impl Series {
    /// Returns a series whose first event arrives at `now`.
    pub fn new(rhythm: &Rhythm, now: i64) -> Series {
        let mut series = Series {
            now,
            cells: [Cell::default(); RING],
            level: Level::new(rhythm),
            cycles: Cycles::new(),
            clumps: Clumps::default(),
            runs: [Runs::new(); 2],
            recurring: Recurring::default(),
            age: 0,
            quarantined: 0,
            touched: now,
        };
        // Nobody knew it before, so it was expected as little as now.
        let mean = (series.level.rate() * series.cycles.factor(rhythm.place_of(now))) as f32;
        series.cells = [Cell { mean, ..Cell::default() }; RING];
        series
    }

    /// Returns a series about which nothing is known but when its last event arrived.
    pub fn forgotten(rhythm: &Rhythm, now: i64, touched: i64) -> Series {
        Series { touched, ..Series::new(rhythm, now) }
    }

    /// Returns the tick whose bucket is open.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// Returns ticks since the first event.
    pub fn age(&self) -> u32 {
        self.age
    }

    /// Returns the last tick at which an event arrived.
    pub fn touched(&self) -> i64 {
        self.touched
    }

    /// Returns whether nothing can come of it until the next event.
    pub fn is_quiet(&self) -> bool {
        self.now - self.touched > QUIET_AFTER && self.quarantined == 0
    }

    /// Returns a bucket, if it is still remembered.
    pub fn cell(&self, tick: i64) -> Option<Cell> {
        let is_known = tick <= self.now && tick > self.now - RING as i64;
        is_known.then(|| self.cells[slot(tick)])
    }

    /// Sums over the buckets `from..until` (clipped to what is remembered): events as tested, and expected.
    pub fn sums(&self, from: i64, until: i64) -> (f64, f64) {
        let mut sums = (0.0, 0.0);
        for cells in self.cells_of(from, until) {
            for cell in cells {
                sums.0 += f64::from(cell.y);
                sums.1 += f64::from(cell.mean);
            }
        }
        sums
    }

    /// Counts the buckets of `from..until` that satisfy something.
    pub fn count(&self, from: i64, until: i64, what: impl Fn(&Cell) -> bool) -> f64 {
        let counts = self.cells_of(from, until);
        counts.map(|cells| cells.iter().filter(|cell| what(cell)).count()).iter().sum::<usize>()
            as f64
    }

    /// Returns the buckets `from..until` (clipped to what is remembered), the oldest first.
    fn cells_of(&self, from: i64, until: i64) -> [&[Cell]; 2] {
        let from = from.max(self.now - RING as i64 + 1);
        let length = (until - from).max(0) as usize;
        let (newer, older) = self.cells.split_at(slot(from));
        let rest = length.saturating_sub(older.len());
        [&older[..length - rest], &newer[..rest]]
    }

    /// Adds events that arrive now, of the open bucket or an earlier one; those of buckets that are no longer
    /// remembered change nothing here.
    pub fn add(&mut self, bucket: i64, events: u32) {
        self.touched = self.now;
        let bucket = bucket.min(self.now);
        if bucket > self.now - RING as i64 {
            let cell = &mut self.cells[slot(bucket)];
            cell.x = cell.x.saturating_add(events);
            if bucket < self.now - LAG {
                // It is learned already, and no schedule is looked for any more.
                cell.y += events as f32;
            }
        }
    }

    /// Takes back events that were added before.
    pub fn take_back(&mut self, bucket: i64, events: u32) {
        let bucket = bucket.min(self.now);
        if bucket > self.now - RING as i64 {
            let cell = &mut self.cells[slot(bucket)];
            cell.x = cell.x.saturating_sub(events);
            if bucket < self.now - LAG {
                cell.y = (cell.y - events as f32).max(0.0);
            }
        }
    }

    /// Returns what the open bucket says already: no more than it will say when it is closed, since more events
    /// can only add to it. What could still turn out to be on schedule counts as expected.
    pub fn early_evidence(&self, rhythm: &Rhythm, facts: &Facts, is_gap: bool) -> Evidence {
        let mut probe = self.clone();
        let evidence = probe.evidence(rhythm, facts, is_gap);
        let cell = probe.cells[slot(self.now)];
        let recent = |tick| self.cell(tick).map(|cell| cell.x);
        if is_gap || !self.recurring.expects(rhythm, self.now, cell.x, recent) {
            return evidence;
        }
        probe.cells[slot(self.now)].y = cell.mean.min(cell.x as f32);
        Evidence::of(&probe, rhythm, facts, self.now)
    }

    /// Closes the open bucket and returns what it says; `is_gap` if its whole group is silent.
    pub fn evidence(&mut self, rhythm: &Rhythm, facts: &Facts, is_gap: bool) -> Evidence {
        // Buckets after the last arrival have no events, and are tested as that.
        let newest = self.now.min(self.touched);
        for tick in self.now - LAG..=newest {
            let cell = self.cells[slot(tick)];
            let on_schedule = cell.x >= SCHEDULED_MIN && self.is_on_schedule(rhythm, tick, cell);
            self.cells[slot(tick)].y = if on_schedule { cell.mean } else { cell.x as f32 };
        }
        if is_gap { Evidence::none() } else { Evidence::of(self, rhythm, facts, self.now) }
    }

    /// Learns the bucket of `LAG` ticks ago and opens the next one. `hold_nats` is what the short windows say
    /// now, `was_silent` whether the whole group was silent in the bucket that is learned.
    pub fn settle(
        &mut self,
        rhythm: &Rhythm,
        hold_nats: f64,
        was_silent: bool,
        standing: Standing,
    ) {
        self.quarantined = if hold_nats > QUARANTINE_NATS { self.quarantined + 1 } else { 0 };
        self.age = self.age.saturating_add(1);
        let tick = self.now - LAG;
        let [cell, before] = [tick, tick - 1].map(|tick| self.cells[slot(tick)]);
        let place = rhythm.place_of(tick);
        let factor = self.cycles.factor(place);
        let mean = self.level.rate() * factor;
        let y = f64::from(cell.y);
        // So few events are believed and not noted, however far they deviate.
        let deviation = match cell.x < 2 && y <= 2.0 {
            true => 0.0,
            false => self.deviation(mean),
        };
        let is_calm = self.quarantined == 0 || self.quarantined > QUARANTINE_MAX;
        let learns = !was_silent && !standing.is_firing && is_calm;
        // The first bucket of an alert teaches how events clump: a second batch of the kind is no news.
        let begins = standing.fired_at == Some(tick) && !was_silent;
        if (learns && !before.exceeds(1)) || begins {
            let believed = y.min((mean + CLUMP_DEVIATIONS * deviation).max(CLUMP_EVENTS));
            let (doubt, fade) = (self.level.doubt(), rhythm.shape_fade);
            self.clumps.learn(believed, mean, doubt, self.age, fade);
            for (mark, runs) in self.runs.iter_mut().enumerate() {
                runs.learn(cell.exceeds(mark), before.exceeds(mark), fade);
            }
        }
        self.recurring.note(rhythm, tick, cell.x, mean, deviation);
        if learns {
            let believed = y.min(mean + LEARN_DEVIATIONS * deviation + 2.0);
            self.level.learn(believed, factor, rhythm.level_fade);
            self.cycles.learn(place, believed, self.level.rate());
        }
        self.open_next(rhythm, place);
    }

    /// Takes the mean of the last `ticks` buckets for the new normal.
    pub fn adopt(&mut self, rhythm: &Rhythm, ticks: i64) {
        let (events, _) = self.sums(self.now - ticks + 1, self.now + 1);
        self.level.adopt(events, ticks as f64, self.cycles.factor(rhythm.place_of(self.now)));
    }

    /// Walks a quiet series to a tick; `was_silent` says of which buckets its group had nothing.
    pub fn idle_until(&mut self, rhythm: &Rhythm, now: i64, was_silent: impl Fn(i64) -> bool) {
        while self.now < now {
            // The same as `settle` of a series without evidence, with what no events leave of it.
            let tick = self.now - LAG;
            self.age = self.age.saturating_add(1);
            let place = rhythm.place_of(tick);
            if !was_silent(tick) {
                let factor = self.cycles.factor(place);
                let mean = self.level.rate() * factor;
                let (doubt, fade) = (self.level.doubt(), rhythm.shape_fade);
                self.clumps.learn(0.0, mean, doubt, self.age, fade);
                self.runs.iter_mut().for_each(|runs| runs.learn(false, false, fade));
                self.level.learn(0.0, factor, rhythm.level_fade);
                self.cycles.learn(place, 0.0, self.level.rate());
            }
            self.open_next(rhythm, place);
        }
    }

    /// Opens the next bucket when the one at a place is learned.
    #[inline]
    fn open_next(&mut self, rhythm: &Rhythm, learned: Place) {
        if learned.ends_day {
            self.cycles.end_day(rhythm);
        }
        self.now += 1;
        let mean = self.level.rate() * self.cycles.factor(rhythm.place_of(self.now));
        self.cells[slot(self.now)] = Cell { mean: mean as f32, ..Cell::default() };
    }

    /// Returns whether a bucket is large and came when a large one was due.
    fn is_on_schedule(&self, rhythm: &Rhythm, tick: i64, cell: Cell) -> bool {
        let (x, mean) = (f64::from(cell.x), f64::from(cell.mean));
        // Most need no deviation to be told from large ones.
        if x <= 3.0 * mean {
            return false;
        }
        let deviation = self.deviation(mean);
        let is_large = x > 3.0 * mean + 4.0 * deviation.min(4.0 * mean + 4.0);
        let recent = |tick| self.cell(tick).map(|cell| cell.x);
        is_large && self.recurring.expects(rhythm, tick, cell.x, recent)
    }

    fn deviation(&self, mean: f64) -> f64 {
        let (batch, spread) = (self.clumps.batch(), self.clumps.spread());
        (batch * mean + mean * mean * (self.level.doubt() + spread)).sqrt()
    }
}

fn slot(tick: i64) -> usize {
    tick.rem_euclid(RING as i64) as usize
}
