//! The spike detector: counts of many series in, alarms out, one tick at a time. Pure: no clock, no I/O.
//!
//! ```text
//! add(series, bucket, events) … close() ──► evidence of touched series ──► cut over all ──► fire, hold, resolve
//!                                                   learn bucket t - LAG ◄── standing ◄────────┘
//! ```
//! *Levels:* series by themselves, and together ([`wholes`]).
//! *Promises:* the alarms are a function of the events and the ticks at which they arrived; the order in
//! which series appear, and in which events of a tick arrive, changes nothing. Alarms of a tick never depend
//! on later ticks. *Cost:* series that had no event for [`series::QUIET_AFTER`] ticks cost nothing until the
//! next one. *Limits:* as many series and groups as the caller adds, of about 1.3 KB each; a series without an
//! event for [`FORGET_SECS`] begins anew. *Source:* level and tails follow Farrington's family (Noufaily et al., Stat. Med. 2013) with a
//! batch factor; constants in [`rhythm`] and beside what uses them.

mod asked;
mod baseline;
mod discovery;
mod evidence;
mod learning;
mod quiet;
mod recurring;
#[cfg(test)]
mod reference;
pub mod rhythm;
mod series;
mod stored;
mod tail;
#[cfg(test)]
mod tests;
mod wholes;

pub use asked::{Remembered, Standing as Stands};
pub use evidence::{Evidence, Facts, Test};
pub use quiet::{QUIET_DAYS_MAX, Silence};
pub use rhythm::Rhythm;
use serde::{Deserialize, Serialize};
use series::{QUIET_AFTER, Series, Standing};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
pub use stored::Unreadable;
pub use wholes::Whole;
use wholes::Wholes;

/// What an alert needs to go on: the short windows are less probable than this, in nats (p = 0.02).
const HOLD_NATS: f64 = 3.912_023;
/// Cool ticks in a row that end an alert.
const COOL_TICKS: i64 = 3;
/// A series that fires again within so many ticks goes on with the same alert.
const REOPEN_TICKS: i64 = 12;
/// Ticks of firing after which the level is the new normal, and ticks that make it.
const ADOPT_TICKS: i64 = 36;
const ADOPT_WINDOW: i64 = 24;
/// The largest accepted chance of a false alarm in a tick, however many a day are asked for.
const LEVEL_MAX: f64 = 0.5;
/// Seconds without an event after which a series is forgotten: its next event is that of a new one.
const FORGET_SECS: i64 = 28 * rhythm::DAY_SECS;
/// Ticks after a deploy in which the series of its group are judged among themselves.
pub const STEP_TICKS: i64 = 12;
/// Events a whole group must have been expected to have for its silence to be a gap.
const GAP_EVENTS: f64 = 20.0;

/// What can be set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Length of a bucket in seconds; divides a day.
    pub bucket_secs: i64,
    /// False alarms a day that are accepted, over all series.
    pub false_alarms_per_day: f64,
    /// Fewer series are judged as if they were so many: who watches ten of them does not want ten false alarms a day.
    pub series_min: u64,
    /// The least effect.
    pub facts: Facts,
}

impl Default for Settings {
    fn default() -> Self {
        let facts = Facts { min_events: 4.0, min_ratio: 2.0 };
        Settings { bucket_secs: 300, false_alarms_per_day: 10.0, series_min: 500, facts }
    }
}

/// A series, as the detector calls it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(usize);

impl SeriesId {
    /// Returns how many series were added before this one.
    pub fn index(self) -> usize {
        self.0
    }
}

/// What happened at a tick.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Closed {
    /// By series.
    pub series: Vec<(SeriesId, Change)>,
    /// By what is judged together.
    pub wholes: Vec<(Whole, Change)>,
}

/// What happened to a series at a tick, or to what is judged together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// It began to fire; `reopened` with the alert of before.
    Fired {
        /// What it fired on.
        evidence: Evidence,
        /// Whether it fired within the hour before.
        reopened: bool,
    },
    /// It goes on firing; its evidence now.
    Holds(Evidence),
    /// It ended: nothing unusual any more.
    Resolved,
    /// It ended: what lasts so long is the new normal.
    NewNormal,
}

/// The alert of a series.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Alarm {
    is_firing: bool,
    /// When the alert began that goes on, or went on last.
    since: Option<i64>,
    cool: i64,
    resolved_at: Option<i64>,
}

/// A series, its group and its alert.
#[derive(Clone, Debug)]
struct Watched {
    series: Series,
    group: usize,
    alarm: Alarm,
}

/// Series that fall silent together: those of one source.
#[derive(Clone, Debug)]
struct Group {
    /// Everything that comes, whether it is watched or not: it shows that the group is not silent.
    total: Series,
    /// The series of the group together.
    parts: Series,
    /// What they say of the open bucket, while it is closed.
    says: Evidence,
    /// Buckets without any event although some were expected, ascending, back to where series are forgotten.
    silent: VecDeque<i64>,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Detector {
    rhythm: Rhythm,
    settings: Settings,
    /// The tick whose bucket is open.
    now: i64,
    watched: Vec<Watched>,
    groups: Vec<Group>,
    /// Series that cannot be left alone.
    active: BTreeSet<SeriesId>,
    /// How many series had their last event at a tick, of those alive.
    last_touched: BTreeMap<i64, u64>,
    alive: u64,
    /// What was deployed lately: the group, or all, and the tick.
    deploys: Vec<(Option<usize>, i64)>,
    /// When anybody began to look, if nothing was known then.
    began: Option<i64>,
    wholes: Wholes,
    /// Whether quiet series cost nothing; tests compare with walking all of them.
    #[cfg(test)]
    leaves_alone: bool,
}

impl Detector {
    /// Returns a detector whose first open bucket is `now`, counted in buckets since 1970.
    pub fn new(settings: Settings, now: i64) -> Detector {
        Detector {
            rhythm: Rhythm::new(settings.bucket_secs),
            settings,
            now,
            watched: Vec::new(),
            groups: Vec::new(),
            active: BTreeSet::new(),
            last_touched: BTreeMap::new(),
            alive: 0,
            deploys: Vec::new(),
            began: None,
            wholes: Wholes::default(),
            #[cfg(test)]
            leaves_alone: true,
        }
    }

    /// Returns the tick whose bucket is open.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// Adds a group of series that fall silent together.
    pub fn add_group(&mut self) -> usize {
        let series = Series::new(&self.rhythm, self.now);
        let (total, parts) = (series.clone(), series);
        let (says, silent) = (Evidence::none(), VecDeque::new());
        self.groups.push(Group { total, parts, says, silent });
        self.groups.len() - 1
    }

    /// Adds a series of a group, at its first event.
    pub fn add_series(&mut self, group: usize) -> SeriesId {
        let series = Series::new(&self.rhythm, self.now);
        self.watched.push(Watched { series, group, alarm: Alarm::default() });
        *self.last_touched.entry(self.now).or_default() += 1;
        self.alive += 1;
        SeriesId(self.watched.len() - 1)
    }

    /// Adds events of a bucket that arrive while the present one is open.
    pub fn add(&mut self, id: SeriesId, bucket: i64, events: u32) {
        let now = self.now;
        let watched = &mut self.watched[id.0];
        let group = &mut self.groups[watched.group];
        group.total.add(bucket, events);
        group.parts.add(bucket, events);
        if now - watched.series.touched() > FORGET_SECS / self.rhythm.bucket_secs {
            watched.series = Series::forgotten(&self.rhythm, now, watched.series.touched());
            watched.alarm = Alarm::default();
        }
        // Only quiet series are left alone: one that has walked to this tick and is not, is active already. New
        // ones look the same, but are touched now.
        let series = &watched.series;
        let is_active = series.touched() < now && series.now() == now && !series.is_quiet();
        if !is_active && self.active.insert(id) {
            let silent = &group.silent;
            watched
                .series
                .idle_until(&self.rhythm, now, |tick| silent.binary_search(&tick).is_ok());
        }
        let touched = watched.series.touched();
        if touched < now {
            match self.last_touched.get_mut(&touched) {
                Some(count) => *count -= 1,
                None => self.alive += 1,
            }
            *self.last_touched.entry(now).or_default() += 1;
        }
        watched.series.add(bucket, events);
    }

    /// Takes back events that were added before, of a bucket that is still remembered.
    pub fn take_back(&mut self, id: SeriesId, bucket: i64, events: u32) {
        let watched = &mut self.watched[id.0];
        let group = &mut self.groups[watched.group];
        group.total.take_back(bucket, events);
        group.parts.take_back(bucket, events);
        watched.series.take_back(bucket, events);
    }

    /// Adds events (takes them back, if negative) of a series that nobody watches: they show that its group is not
    /// silent.
    pub fn add_to_group(&mut self, group: usize, bucket: i64, events: i64) {
        let total = &mut self.groups[group].total;
        let size = u32::try_from(events.unsigned_abs()).unwrap_or(u32::MAX);
        if events > 0 { total.add(bucket, size) } else { total.take_back(bucket, size) }
    }

    /// Lets the series of a group, or of all, alarm sooner for a while: something was deployed.
    pub fn deployed(&mut self, group: Option<usize>, at: i64) {
        self.deploys.retain(|deploy| self.now - deploy.1 <= STEP_TICKS);
        self.deploys.push((group, at));
    }

    /// Closes the open bucket: judges, learns, and opens the next one.
    pub fn close(&mut self) -> Closed {
        self.close_and_see(|_id, _evidence| {})
    }

    /// The same; shows the evidence of each series that was looked at, by series.
    pub fn close_and_see(&mut self, mut see: impl FnMut(SeriesId, &Evidence)) -> Closed {
        self.forget_silent_series();
        let gaps = self.gaps();
        let evidence: Vec<(SeriesId, Evidence)> = self
            .active
            .iter()
            .map(|&id| {
                let Watched { series, group, .. } = &mut self.watched[id.0];
                (id, series.evidence(&self.rhythm, &self.settings.facts, gaps[*group]))
            })
            .collect();
        evidence.iter().for_each(|(id, evidence)| see(*id, evidence));
        let wholes = self.look_at_wholes();
        let series = self.judge_series(evidence);
        let wholes = self.judge_wholes(wholes);
        self.settle_groups();
        self.now += 1;
        Closed { series, wholes }
    }

    /// Lets series fire, hold, end and learn.
    fn judge_series(&mut self, evidence: Vec<(SeriesId, Evidence)>) -> Vec<(SeriesId, Change)> {
        let cut = self.cut(&evidence);
        let steps = self.step_cuts(&evidence);
        let mut changes = Vec::new();
        for (id, evidence) in evidence {
            let group = self.watched[id.0].group;
            let is_told =
                [cut, steps.get(&group).copied()].iter().flatten().any(|cut| evidence.nats >= *cut)
                    && self.stands_out(id, &evidence);
            let watched = &mut self.watched[id.0];
            let change = watched.alarm.step(self.now, evidence, is_told);
            if change == Some(Change::NewNormal) {
                watched.series.adopt(&self.rhythm, ADOPT_WINDOW);
            }
            changes.extend(change.map(|change| (id, change)));
            let group = &self.groups[watched.group];
            let was_silent = group.silent.binary_search(&(self.now - rhythm::LAG)).is_ok();
            let standing = watched.alarm.standing();
            watched.series.settle(&self.rhythm, evidence.hold, was_silent, standing);
            let may_leave = watched.series.is_quiet() && !watched.alarm.is_firing;
            #[cfg(test)]
            let may_leave = may_leave && self.leaves_alone;
            if may_leave {
                self.active.remove(&id);
            }
        }
        changes
    }

    /// Returns the series that will fire when the open bucket is closed, whatever else arrives on time: what
    /// can be told at once. Only late events for earlier buckets, or series that were not alive before, can still talk
    /// it out of that.
    pub fn early(&self) -> Vec<(SeriesId, Evidence)> {
        let touched =
            self.active.iter().filter(|id| self.watched[id.0].series.touched() == self.now);
        let evidence: Vec<_> = touched
            .map(|&id| {
                let Watched { series, group, .. } = &self.watched[id.0];
                let is_gap =
                    self.groups[*group].total.cell(self.now).is_none_or(|cell| cell.x == 0);
                (id, series.early_evidence(&self.rhythm, &self.settings.facts, is_gap))
            })
            .collect();
        let cut = self.cut(&evidence);
        let is_told = |id: SeriesId, evidence: &Evidence| {
            cut.is_some_and(|cut| evidence.nats >= cut)
                && self.watched[id.0].alarm.may_fire(self.now, evidence)
                && self.stands_out(id, evidence)
        };
        evidence.into_iter().filter(|(id, evidence)| is_told(*id, evidence)).collect()
    }

    /// Returns the least evidence that is told.
    fn cut(&self, evidence: &[(SeriesId, Evidence)]) -> Option<f64> {
        let is_candidate = |id: &SeriesId, evidence: &Evidence| {
            evidence.nats > 0.0 && !self.watched[id.0].alarm.is_firing
        };
        let candidates = evidence.iter().filter(|(id, evidence)| is_candidate(id, evidence));
        let mut nats: Vec<f64> = candidates.map(|(_, evidence)| evidence.nats).collect();
        discovery::cut(&mut nats, self.alive.max(self.settings.series_min), self.level())
    }

    /// Returns the accepted chance of any false alarm in a tick.
    fn budget(&self) -> f64 {
        (self.settings.false_alarms_per_day / self.rhythm.day as f64).min(LEVEL_MAX)
    }

    /// Returns the part of it that series have: the rest is for wholes.
    fn level(&self) -> f64 {
        (1.0 - wholes::SHARE) * self.budget()
    }

    /// Returns the least evidence that is told of each group in which something was deployed lately: its series
    /// are a family of their own for a while.
    fn step_cuts(&self, evidence: &[(SeriesId, Evidence)]) -> BTreeMap<usize, f64> {
        let groups: BTreeSet<usize> = evidence
            .iter()
            .map(|(id, _)| self.watched[id.0].group)
            .filter(|group| self.is_after_deploy(*group))
            .collect();
        let cut = |group: usize| {
            let of_group = |watched: &&Watched| {
                watched.group == group && watched.series.touched() > self.oldest_alive() - 1
            };
            let alive = self.watched.iter().filter(of_group).count() as u64;
            let candidates = evidence.iter().filter(|(id, evidence)| {
                let watched = &self.watched[id.0];
                watched.group == group && evidence.nats > 0.0 && !watched.alarm.is_firing
            });
            let mut nats: Vec<f64> = candidates.map(|(_, evidence)| evidence.nats).collect();
            Some((group, discovery::cut(&mut nats, alive, self.level())?))
        };
        groups.into_iter().filter_map(cut).collect()
    }

    fn is_after_deploy(&self, group: usize) -> bool {
        self.deploys.iter().any(|(of, at)| {
            of.is_none_or(|of| of == group) && (0..=STEP_TICKS).contains(&(self.now - at))
        })
    }

    /// Closes the groups' bucket and returns which of them are silent now.
    fn gaps(&mut self) -> Vec<bool> {
        let (rhythm, facts, now) = (self.rhythm, self.settings.facts, self.now);
        let close = |group: &mut Group| {
            let Group { total, parts, says, silent } = group;
            let evidence = total.evidence(&rhythm, &facts, false);
            let is_gap = |tick| total.cell(tick).is_some_and(is_gap);
            let (is_silent, was_silent) = (is_gap(now), is_gap(now - rhythm::LAG));
            if was_silent {
                silent.push_back(now - rhythm::LAG);
            }
            let oldest = now - FORGET_SECS / rhythm.bucket_secs - QUIET_AFTER;
            while silent.front().is_some_and(|&tick| tick < oldest) {
                silent.pop_front();
            }
            total.settle(&rhythm, evidence.hold, was_silent, Standing::default());
            *says = parts.evidence(&rhythm, &facts, is_silent);
            is_silent
        };
        self.groups.iter_mut().map(close).collect()
    }

    /// Lets groups learn how their series vary together.
    fn settle_groups(&mut self) {
        for (at, group) in self.groups.iter_mut().enumerate() {
            let was_silent = group.silent.back() == Some(&(self.now - rhythm::LAG));
            let alarm = self.wholes.alarms.get(&Whole::Group(at));
            let standing = alarm.map_or(Standing::default(), Alarm::standing);
            group.parts.settle(&self.rhythm, group.says.hold, was_silent, standing);
        }
    }

    fn oldest_alive(&self) -> i64 {
        self.now - rhythm::ALIVE_SECS / self.rhythm.bucket_secs + 1
    }

    /// Stops counting series whose last event is too long ago.
    fn forget_silent_series(&mut self) {
        let kept = self.last_touched.split_off(&self.oldest_alive());
        let gone = std::mem::replace(&mut self.last_touched, kept);
        self.alive -= gone.values().sum::<u64>();
    }
}

/// Returns whether nothing came although much was expected.
fn is_gap(cell: series::Cell) -> bool {
    cell.x == 0 && f64::from(cell.mean) > GAP_EVENTS
}

impl Alarm {
    fn standing(&self) -> Standing {
        Standing { is_firing: self.is_firing, fired_at: self.since }
    }

    /// Returns whether it would go on with the alert of before; one that is as old as a new normal is over.
    fn reopens(&self, now: i64) -> bool {
        let is_young = self.since.is_some_and(|since| now - since < ADOPT_TICKS);
        is_young && self.resolved_at.is_some_and(|at| now - at <= REOPEN_TICKS)
    }

    /// Returns whether it can begin to fire on this: what goes on with the alert of before must be unusual now.
    fn may_fire(&self, now: i64, evidence: &Evidence) -> bool {
        !self.is_firing && (!self.reopens(now) || evidence.is_fresh())
    }

    /// Returns whether it fires, or what it was told for still lies in a window.
    fn covers(&self, now: i64) -> bool {
        self.is_firing || self.resolved_at.is_some_and(|at| now - at <= evidence::LONGEST)
    }

    /// Ends: a part goes on with it.
    fn hand_over(&mut self, now: i64) -> Option<Change> {
        self.is_firing.then(|| {
            (self.is_firing, self.resolved_at) = (false, Some(now));
            Change::Resolved
        })
    }

    fn step(&mut self, now: i64, evidence: Evidence, is_told: bool) -> Option<Change> {
        let mut change = None;
        if self.is_firing {
            change = Some(Change::Holds(evidence));
        } else if is_told && self.may_fire(now, &evidence) {
            let reopened = self.reopens(now);
            let since = if reopened { self.since } else { Some(now) };
            *self = Alarm { is_firing: true, since, cool: 0, resolved_at: None };
            change = Some(Change::Fired { evidence, reopened });
        }
        if !self.is_firing {
            return None;
        }
        self.cool = if evidence.hold > HOLD_NATS { 0 } else { self.cool + 1 };
        let fires_for = self.since.map_or(0, |since| now - since);
        if self.cool >= COOL_TICKS {
            change = Some(Change::Resolved);
        } else if fires_for >= ADOPT_TICKS {
            change = Some(Change::NewNormal);
        } else {
            return change;
        }
        self.is_firing = false;
        self.resolved_at = Some(now);
        change
    }
}
