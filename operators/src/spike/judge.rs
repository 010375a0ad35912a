//! The state machine behind `spike`: arrivals in, signals and rows out, at beats.
//!
//! Nothing is judged while sources catch up: what was written before the engine began is judged bucket by bucket
//! afterwards, as if it had arrived when it happened. From then on the clock of the beats closes buckets, and what
//! comes for a closed bucket is late.

use super::arrivals::Arrivals;
use super::detector::{
    Change, Closed, Detector, Evidence, STEP_TICKS, SeriesId, Silence, Whole, rhythm,
};
use super::state::{self, Moved, Quiet, Stored, StoredClock, StoredGroup, StoredSeries};
use super::{SpikeConfig, signals};
use crate::view::View;
use engine::model::{
    AlertKind, Bucket, BucketSize, Command, Control, Deploy, EventTime, Fingerprint, News, Placed,
    Signal,
};
use foldhash::{HashMap, HashMapExt};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A silence before an event that makes it a regression.
const REGRESSION_DAYS: i64 = 14;
/// How long after the clock began nothing is called new: until then everything is.
const LEARNING_SECS: i64 = 86_400;

/// What the operator hears. Within an epoch in this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Row {
    /// Where a fingerprint stands.
    Placed(Box<Placed>),
    /// Events of a bucket of `window`; the count is the difference.
    Count(Bucket, Fingerprint),
    /// Time, or a command.
    Control(Control),
    /// What was stored before has been told.
    Recovered,
}

/// What it says.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Told {
    /// News.
    Signal(Box<Signal>),
    /// What to store under a key; nothing forgets it.
    State(Arc<str>, Option<Vec<u8>>),
}

/// A fingerprint that is watched.
#[derive(Clone, Copy, Debug)]
struct Watched {
    fingerprint: Fingerprint,
    quiet: Quiet,
}

/// A service.
#[derive(Clone, Debug)]
struct Service {
    name: Arc<str>,
    quiet: Quiet,
}

/// See the module.
pub struct Judge {
    size: BucketSize,
    config: SpikeConfig,
    /// Nothing before the first beat that judges.
    detector: Option<Detector>,
    /// The first bucket that was ever open.
    began: i64,
    ids: HashMap<Fingerprint, SeriesId>,
    watched: Vec<Watched>,
    services: Vec<Service>,
    placed: HashMap<Fingerprint, Placed>,
    arrivals: Arrivals,
    is_recovering: bool,
    /// Rows of what came late, ascending.
    late: BTreeSet<(i64, u32)>,
    /// Where fingerprints stood that have gone elsewhere since this was stored last.
    moved: Moved,
    /// Rows of that, ascending.
    moves: BTreeSet<(i64, u32)>,
    early: BTreeSet<Fingerprint>,
    deploys: Vec<Deploy>,
    /// Series whose silence is looked at again at a bucket.
    due: BTreeSet<(i64, SeriesId)>,
    told: Vec<Told>,
    changed: Changed,
}

/// What an epoch has changed of what is stored.
#[derive(Default)]
struct Changed {
    /// Whether a bucket was closed: the clock and all services.
    closed: bool,
    series: BTreeSet<SeriesId>,
    wholes: bool,
    early: bool,
    deploys: bool,
}

impl Changed {
    fn any(&self) -> bool {
        self.closed || self.wholes || self.early || self.deploys || !self.series.is_empty()
    }
}

impl Judge {
    /// Returns a state machine that knows nothing.
    pub fn new(size: BucketSize, config: SpikeConfig) -> Judge {
        Judge {
            size,
            config,
            detector: None,
            began: 0,
            ids: HashMap::new(),
            watched: Vec::new(),
            services: Vec::new(),
            placed: HashMap::new(),
            arrivals: Arrivals::default(),
            is_recovering: true,
            late: BTreeSet::new(),
            moved: Moved::new(),
            moves: BTreeSet::new(),
            early: BTreeSet::new(),
            deploys: Vec::new(),
            due: BTreeSet::new(),
            told: Vec::new(),
            changed: Changed::default(),
        }
    }

    /// Returns one that goes on where another had stored this.
    pub(super) fn recovered(size: BucketSize, config: SpikeConfig, stored: Stored) -> Judge {
        let mut judge = Judge::new(size, config);
        let Some((now, began)) = stored.clock.ticks else { return judge };
        judge.began = began;
        let groups = stored.groups.values().map(|group| group.row.as_slice());
        let series = stored.series.values().map(|series| series.row.as_slice());
        let settings = judge.config.settings(size);
        // What cannot be put together begins anew, at the same bucket.
        let restored = Detector::restored(settings, now, groups, series)
            .and_then(|detector| detector.with_wholes(stored.wholes.as_deref()));
        let Ok(detector) = restored else {
            judge.detector = Some(Detector::new(settings, now).began_at(now));
            return judge;
        };
        for group in stored.groups.into_values() {
            judge.services.push(Service { name: group.service, quiet: group.quiet });
        }
        for (id, (fingerprint, row)) in detector.all().zip(stored.series) {
            judge.ids.insert(fingerprint, id);
            judge.due.extend(row.quiet.due.map(|tick| (tick, id)));
            judge.watched.push(Watched { fingerprint, quiet: row.quiet });
            let service = Arc::clone(&judge.services[detector.standing(id).group].name);
            let (issue, severity) = row.place;
            let placed = Placed { fingerprint, issue, service, severity };
            judge.placed.insert(fingerprint, placed);
        }
        judge.moves = stored.moves.into_keys().collect();
        judge.detector = Some(detector.began_at(began));
        for (fingerprint, id) in judge.ids.clone() {
            judge.belongs(id, fingerprint);
        }
        for (&place, rows) in stored.late.range((now, 0)..) {
            debug_assert_eq!(place.0, now, "nothing comes late for a bucket that is not open yet");
            rows.iter().for_each(|&(tick, of, n)| judge.arrivals.add(tick, of, n));
        }
        judge.late = stored.late.into_keys().collect();
        judge.early = stored.early;
        stored.deploys.into_iter().for_each(|deploy| judge.deployed(deploy));
        judge
    }

    /// Returns the bucket that is open.
    pub fn now(&self) -> Option<i64> {
        self.detector.as_ref().map(Detector::now)
    }

    /// Returns what was told since this was asked last, without what is to be stored.
    pub fn take_told(&mut self) -> Vec<Told> {
        self.changed = Changed::default();
        self.arrivals.take_late();
        self.moved.clear();
        std::mem::take(&mut self.told)
    }

    fn tick_of(&self, bucket: Bucket) -> i64 {
        bucket.0.div_euclid(self.size.secs())
    }

    fn count(&mut self, bucket: Bucket, fingerprint: Fingerprint, events: i64) {
        let (tick, now) = (self.tick_of(bucket), self.now().unwrap_or(i64::MIN));
        if tick < now {
            // Counts of closed buckets that recovery tells of have been judged.
            if self.is_recovering {
                return;
            }
            self.arrivals.note_late(tick, fingerprint, events);
        }
        self.arrivals.add(tick, fingerprint, events);
    }

    fn beat(&mut self, now: EventTime) {
        let target = self.tick_of(self.size.of(now));
        if self.detector.is_none() {
            let Some(oldest) = self.arrivals.oldest().filter(|oldest| *oldest <= target) else {
                return;
            };
            self.begin(oldest);
        }
        while self.now().is_some_and(|open| open < target) {
            self.close();
        }
        self.look_ahead();
    }

    /// Opens a bucket, if none is open: what comes for earlier ones is late.
    pub fn begin_with(&mut self, bucket: Bucket) {
        if self.detector.is_none() {
            self.begin(self.tick_of(bucket));
        }
    }

    fn begin(&mut self, tick: i64) {
        self.began = tick;
        self.detector = Some(Detector::new(self.config.settings(self.size), tick).began_at(tick));
        self.changed.closed = true;
    }

    /// Closes the open bucket.
    fn close(&mut self) {
        let Some(mut detector) = self.detector.take() else { return };
        let tick = detector.now();
        let mut touched = self.apply(&mut detector, tick);
        let active: BTreeSet<SeriesId> = detector.active().collect();
        let Closed { series: changes, wholes } = detector.close();
        let mut fired: BTreeSet<Fingerprint> = changes
            .iter()
            .filter(|(_, change)| matches!(change, Change::Fired { .. }))
            .map(|(id, _)| self.watched[id.index()].fingerprint)
            .collect();
        for (id, change) in &changes {
            self.tell_change(&detector, *id, change);
        }
        for (id, kind) in self.returned(&detector, &touched) {
            if fired.insert(self.watched[id.index()].fingerprint) {
                self.tell(&detector, id, News::Fired, kind, None);
            }
        }
        self.changed.early |= !self.early.is_empty();
        for fingerprint in std::mem::take(&mut self.early).difference(&fired) {
            if let Some(&id) = self.ids.get(fingerprint)
                && !detector.standing(id).is_firing
            {
                self.tell(&detector, id, News::Withdrawn, AlertKind::Spike, None);
            }
        }
        for (whole, change) in &wholes {
            self.tell_whole(&detector, *whole, change);
        }
        self.changed.wholes |= !wholes.is_empty() || detector.wholes_row().is_some();
        if self.config.gone_quiet {
            self.silences(&detector, tick, &mut touched);
        }
        self.changed.series.extend(active);
        self.changed.series.extend(touched.into_keys());
        self.changed.closed = true;
        self.detector = Some(detector);
    }

    /// Gives the detector what arrived for this bucket and late for earlier ones; returns the series it was
    /// given to, with the tick of the event before.
    fn apply(&mut self, detector: &mut Detector, tick: i64) -> BTreeMap<SeriesId, Option<i64>> {
        let mut touched = BTreeMap::new();
        for (of_tick, fingerprint, events) in self.arrivals.take_until(tick) {
            let Some(placed) = self.placed.get(&fingerprint).cloned() else { continue };
            let (service, severity) = (Arc::clone(&placed.service), placed.severity);
            let group = self.group_of(detector, service);
            let size = u32::try_from(events.unsigned_abs()).unwrap_or(u32::MAX);
            let known = self.ids.get(&fingerprint).copied();
            // What is older than a series remembers is history: it changes no judgement.
            let is_history = of_tick <= tick - rhythm::RING as i64;
            if !severity.reaches(self.config.min_severity) || is_history {
                detector.add_to_group(group, of_tick, events);
                continue;
            }
            match (known, events > 0) {
                (Some(id), true) => {
                    let before = detector.standing(id).touched;
                    touched.entry(id).or_insert(Some(before));
                    detector.add(id, of_tick, size);
                }
                (Some(id), false) => {
                    detector.take_back(id, of_tick, size);
                    touched.entry(id).or_insert(Some(detector.standing(id).touched));
                }
                (None, true) => {
                    let id = detector.add_series(group);
                    detector.belongs(id, placed.issue);
                    self.ids.insert(fingerprint, id);
                    self.watched.push(Watched { fingerprint, quiet: Quiet::default() });
                    touched.insert(id, None);
                    detector.add(id, of_tick, size);
                }
                (None, false) => {}
            }
            if let (Some(id), true) = (known, of_tick < tick) {
                self.tell_revised(detector, id, of_tick, events);
            }
        }
        touched
    }

    fn group_of(&mut self, detector: &mut Detector, service: Arc<str>) -> usize {
        if let Some(group) = self.services.iter().position(|known| known.name == service) {
            return group;
        }
        self.services.push(Service { name: service, quiet: Quiet::default() });
        let group = detector.add_group();
        for deploy in &self.deploys {
            if deploy.service == self.services[group].name {
                detector.deployed(Some(group), self.size.of(deploy.at).0 / self.size.secs());
            }
        }
        group
    }

    /// Tells what the open bucket says already, of what it has not told yet.
    fn look_ahead(&mut self) {
        let Some(detector) = &self.detector else { return };
        let tick = detector.now();
        let mut found: Vec<(Fingerprint, Vec<(i64, u32)>)> = Vec::new();
        let mut arrived: BTreeMap<Fingerprint, Vec<(i64, u32)>> = BTreeMap::new();
        for (of_tick, fingerprint, events) in self.arrivals.until(tick) {
            if let Ok(events @ 1..) = u32::try_from(events) {
                arrived.entry(fingerprint).or_default().push((of_tick, events));
            }
        }
        let reaches = |of: &Fingerprint| {
            self.placed.get(of).is_some_and(|p| p.severity.reaches(self.config.min_severity))
        };
        found.extend(arrived.into_iter().filter(|(of, _)| reaches(of)));
        // Those that are known come first, in a part of the detector; new ones are added to it.
        found.sort_by_key(|(of, _)| !self.ids.contains_key(of));
        let known: Vec<SeriesId> =
            found.iter().map_while(|(of, _)| self.ids.get(of).copied()).collect();
        let mut part = detector.part(&known);
        let mut ids: Vec<SeriesId> = part.all().collect();
        for (of, _) in &found[known.len()..] {
            let service = &self.placed[of].service;
            let group = self.services.iter().position(|known| known.name == *service);
            let group = group.unwrap_or_else(|| part.add_group());
            ids.push(part.add_series(group));
        }
        for (id, (_, rows)) in ids.iter().zip(&found) {
            rows.iter().for_each(|&(of_tick, events)| part.add(*id, of_tick, events));
        }
        let early: Vec<(SeriesId, Evidence)> = part.early();
        let before = self.early.len();
        for (id, evidence) in early {
            let fingerprint = found[id.index()].0;
            if self.early.insert(fingerprint) {
                let placed = &self.placed[&fingerprint];
                let signal = signals::early(self.size, placed, &part, id, &evidence);
                self.told.push(Told::Signal(Box::new(signal)));
            }
        }
        self.changed.early |= self.early.len() > before;
    }

    /// Returns the series whose events of the bucket that was closed are news by themselves.
    fn returned(
        &self,
        detector: &Detector,
        touched: &BTreeMap<SeriesId, Option<i64>>,
    ) -> Vec<(SeriesId, AlertKind)> {
        let tick = detector.now() - 1;
        let of_series = |(&id, before): (&SeriesId, &Option<i64>)| {
            Some((id, signals::news_of(self.kinds(tick), detector, id, *before)?))
        };
        touched.iter().filter_map(of_series).collect()
    }

    fn kinds(&self, tick: i64) -> signals::Kinds {
        let secs = self.size.secs();
        let is_learning = (tick - self.began) * secs < LEARNING_SECS;
        signals::Kinds {
            first_seen: if is_learning { 0 } else { self.config.first_seen },
            regression_after: self.config.regression.then_some(REGRESSION_DAYS * 86_400 / secs),
        }
    }

    fn tell_change(&mut self, detector: &Detector, id: SeriesId, change: &Change) {
        let (news, evidence) = news_of(change);
        let kind = signals::kind_of(detector, id);
        self.tell(detector, id, news, kind, evidence);
    }

    fn tell_whole(&mut self, detector: &Detector, whole: Whole, change: &Change) {
        let (news, evidence) = news_of(change);
        let window = evidence.map_or(1, |evidence| evidence.window);
        let leads = |id: &SeriesId| {
            let fingerprint = self.watched[id.index()].fingerprint;
            (-detector.excess(*id, window), fingerprint)
        };
        let parts = detector.parts(whole);
        let lead = parts.iter().copied().min_by_key(leads);
        let lead = lead.and_then(|id| self.placed.get(&self.watched[id.index()].fingerprint));
        let service = |group: usize| Arc::clone(&self.services[group].name);
        let placed = match (lead.cloned(), whole) {
            (Some(lead), Whole::Issue(issue)) => Placed { issue, ..lead },
            (Some(lead), Whole::Group(group)) => Placed { service: service(group), ..lead },
            // Nothing is left of it.
            (None, Whole::Issue(issue)) => Placed { issue, ..Placed::default() },
            (None, Whole::Group(group)) => Placed { service: service(group), ..Placed::default() },
        };
        let signal = signals::of_whole(self.size, &placed, detector, (whole, evidence), news);
        self.told.push(Told::Signal(Box::new(signal)));
    }

    fn tell(
        &mut self,
        detector: &Detector,
        id: SeriesId,
        news: News,
        kind: AlertKind,
        evidence: Option<&Evidence>,
    ) {
        let fingerprint = self.watched[id.index()].fingerprint;
        let Some(placed) = self.placed.get(&fingerprint) else { return };
        let signal = signals::of(self.size, placed, detector, (id, evidence), (news, kind));
        self.told.push(Told::Signal(Box::new(signal)));
    }

    fn tell_revised(&mut self, detector: &Detector, id: SeriesId, tick: i64, events: i64) {
        let fingerprint = self.watched[id.index()].fingerprint;
        let Some(placed) = self.placed.get(&fingerprint) else { return };
        let signal = signals::revised(self.size, placed, detector, tick, events);
        self.told.push(Told::Signal(Box::new(signal)));
    }

    /// Looks at series and services that are silent; what was silent and is not any more is told, too.
    fn silences(
        &mut self,
        detector: &Detector,
        tick: i64,
        touched: &mut BTreeMap<SeriesId, Option<i64>>,
    ) {
        for id in touched.keys().copied().collect::<Vec<_>>() {
            let next = Quiet { due: Some(tick + 1), is_told: false };
            let before = std::mem::replace(&mut self.watched[id.index()].quiet, next);
            self.due.extend([(tick + 1, id)]);
            if let Some(due) = before.due.filter(|due| *due != tick + 1) {
                self.due.remove(&(due, id));
            }
            if before.is_told {
                self.tell(detector, id, News::Resolved, AlertKind::GoneQuiet, None);
            }
        }
        let later = self.due.split_off(&(tick + 1, SeriesId::default()));
        for (_, id) in std::mem::replace(&mut self.due, later) {
            self.look_at_silence(detector, id, tick);
            touched.entry(id).or_insert(None);
        }
        for group in 0..detector.groups() {
            self.look_at_group(detector, group, tick);
        }
    }

    fn look_at_silence(&mut self, detector: &Detector, id: SeriesId, tick: i64) {
        let group = detector.standing(id).group;
        let quiet = &mut self.watched[id.index()].quiet;
        // While its whole service is silent, that is what is told.
        if detector.is_silent(group, tick) {
            quiet.due = Some(tick + 1);
            self.due.insert((tick + 1, id));
            return;
        }
        match detector.silence(id) {
            Silence::Never => quiet.due = None,
            Silence::Until(at) => {
                quiet.due = Some(at);
                self.due.insert((at, id));
            }
            Silence::Told { expected, nats } => {
                *quiet = Quiet { due: None, is_told: true };
                let evidence = signals::silence(expected, nats);
                self.tell(detector, id, News::Fired, AlertKind::GoneQuiet, Some(&evidence));
            }
        }
    }

    fn look_at_group(&mut self, detector: &Detector, group: usize, tick: i64) {
        let Some(bucket) = detector.group_bucket(group, tick) else { return };
        let (was, is) = (self.services[group].quiet.is_told, detector.is_silent(group, tick));
        let news = match (was, is) {
            (false, true) => News::Fired,
            (true, false) if bucket.events > 0 => News::Resolved,
            _ => return,
        };
        self.services[group].quiet.is_told = news == News::Fired;
        let leads = |id: &SeriesId| detector.standing(*id).group == group;
        let lead =
            detector.all().filter(leads).min_by_key(|id| self.watched[id.index()].fingerprint);
        let Some(lead) = lead else { return };
        let Some(placed) = self.placed.get(&self.watched[lead.index()].fingerprint) else { return };
        let signal = signals::service(self.size, placed, detector, bucket, news);
        self.told.push(Told::Signal(Box::new(signal)));
    }

    /// A fingerprint stands somewhere from now on.
    fn place(&mut self, placed: Placed) {
        let fingerprint = placed.fingerprint;
        let id = self.ids.get(&fingerprint).copied();
        match self.placed.insert(fingerprint, placed) {
            Some(before) if before == self.placed[&fingerprint] => return,
            // Of several moves while a bucket is open, where it came from is what counts.
            Some(before) => _ = self.moved.entry(fingerprint).or_insert(before),
            None => {}
        }
        if let Some(id) = id {
            self.belongs(id, fingerprint);
            self.changed.series.insert(id);
        }
    }

    fn belongs(&mut self, id: SeriesId, fingerprint: Fingerprint) {
        if let (Some(detector), Some(placed)) = (&mut self.detector, self.placed.get(&fingerprint))
        {
            detector.belongs(id, placed.issue);
        }
    }

    fn deployed(&mut self, deploy: Deploy) {
        let at = self.tick_of(self.size.of(deploy.at));
        if let Some(detector) = &mut self.detector {
            let group = self.services.iter().position(|known| known.name == deploy.service);
            match (deploy.service.is_empty(), group) {
                (true, _) => detector.deployed(None, at),
                (false, Some(group)) => detector.deployed(Some(group), at),
                (false, None) => {}
            }
        }
        self.deploys.push(deploy);
        let oldest = self.now().unwrap_or(at) - STEP_TICKS;
        let secs = self.size.secs();
        self.deploys.retain(|known| known.at.secs().div_euclid(secs) >= oldest);
    }

    /// Returns what the epoch has changed, as rows.
    fn rows(&mut self) -> Vec<Told> {
        let Some(detector) = self.detector.as_ref().filter(|_| self.changed.any()) else {
            return Vec::new();
        };
        let changed = std::mem::take(&mut self.changed);
        let mut rows: Vec<(Arc<str>, Option<Vec<u8>>)> = Vec::new();
        if changed.closed {
            let clock = StoredClock { ticks: Some((detector.now(), self.began)) };
            rows.push(("clock".into(), Some(state::to_bytes(&clock))));
            for (group, Service { name, quiet }) in self.services.iter().enumerate() {
                let (service, row) = (Arc::clone(name), detector.group_row(group));
                let row = StoredGroup { service, quiet: *quiet, row };
                rows.push((format!("g/{group}").into(), Some(state::to_bytes(&row))));
            }
            let oldest = detector.now() - state::LATE_KEPT_SECS / self.size.secs();
            for (places, key_of) in [
                (&mut self.late, state::late_key as fn((i64, u32)) -> Arc<str>),
                (&mut self.moves, state::moved_key),
            ] {
                let kept = places.split_off(&(oldest, 0));
                let gone = std::mem::replace(places, kept);
                rows.extend(gone.into_iter().map(|place| (key_of(place), None)));
            }
        }
        if changed.wholes {
            rows.push(("wholes".into(), detector.wholes_row()));
        }
        for id in changed.series {
            let Watched { fingerprint, quiet } = self.watched[id.index()];
            let place = self.placed.get(&fingerprint).map(|it| (it.issue, it.severity));
            let place = place.unwrap_or_default();
            let row = StoredSeries { quiet, place, row: detector.series_row(id) };
            rows.push((format!("s/{fingerprint}").into(), Some(state::to_bytes(&row))));
        }
        if changed.early {
            let early = (!self.early.is_empty()).then(|| state::to_bytes(&self.early));
            rows.push(("early".into(), early));
        }
        if changed.deploys {
            rows.push(("deploys".into(), Some(state::to_bytes(&self.deploys))));
        }
        rows.into_iter().map(|(key, value)| Told::State(key, value)).collect()
    }

    /// Stores what came late, and what went elsewhere, while the open bucket was open.
    fn store_arrived(&mut self) {
        let (late, moved) = (self.arrivals.take_late(), std::mem::take(&mut self.moved));
        let Some(now) = self.now() else { return };
        let next = |places: &mut BTreeSet<(i64, u32)>| {
            let last = places.last().filter(|(tick, _)| *tick == now);
            let place = (now, last.map_or(0, |(_, n)| n + 1));
            places.insert(place);
            place
        };
        if !late.is_empty() {
            let key = state::late_key(next(&mut self.late));
            self.told.push(Told::State(key, Some(state::to_bytes(&late))));
        }
        if !moved.is_empty() {
            let key = state::moved_key(next(&mut self.moves));
            self.told.push(Told::State(key, Some(state::to_bytes(&moved))));
        }
    }
}

fn news_of(change: &Change) -> (News, Option<&Evidence>) {
    match change {
        Change::Fired { evidence, .. } => (News::Fired, Some(evidence)),
        Change::Holds(evidence) => (News::Holds, Some(evidence)),
        Change::Resolved => (News::Resolved, None),
        Change::NewNormal => (News::NewNormal, None),
    }
}

impl View for Judge {
    type Row = Row;
    type Told = Told;

    fn change(&mut self, row: Row, n: isize) {
        match row {
            Row::Placed(placed) if n > 0 => self.place(*placed),
            // A fingerprint that goes somewhere else is told so by the row that comes.
            Row::Placed(_) => {}
            Row::Count(bucket, fingerprint) => self.count(bucket, fingerprint, n as i64),
            Row::Control(control) => {
                self.store_arrived();
                match control {
                    Control::Beat { now, is_behind: false } => self.beat(now),
                    Control::Beat { is_behind: true, .. } => {}
                    Control::Command { command: Command::Deploy(deploy), .. } => {
                        self.deployed(deploy);
                        self.changed.deploys = true;
                    }
                    Control::Command { .. } => {}
                }
            }
            Row::Recovered => self.is_recovering = false,
        }
        while self.arrivals.is_too_much() {
            match (self.now(), self.arrivals.oldest()) {
                (None, Some(oldest)) => self.begin(oldest),
                _ => self.close(),
            }
        }
    }

    fn tell(&mut self) -> Vec<(Told, isize)> {
        self.store_arrived();
        let rows = self.rows();
        std::mem::take(&mut self.told).into_iter().chain(rows).map(|told| (told, 1)).collect()
    }
}
