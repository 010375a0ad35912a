//! The detector once more, slow and plain: every series walks every tick, all counts are kept, sums are taken
//! afresh, numbers are doubles. Shares nothing with the other but the tail of the distribution.

use super::tail::surprise;

const LAG: usize = 3;
const LOCAL: usize = 36;
/// Late events of so many buckets before a series was known still count.
const EARLIER: usize = 64;

/// One series with all its past; index 0 is [`EARLIER`] ticks before it was first seen.
#[derive(Clone)]
struct Past {
    group: usize,
    /// The tick of index 0.
    start: usize,
    touched: usize,
    /// Events of each bucket, as known now, and as tested.
    x: Vec<f64>,
    y: Vec<f64>,
    mean: Vec<f64>,
    level: (f64, f64),
    rare: (f64, f64),
    busy: (f64, f64),
    hours: [(f64, f64, f64); 24],
    weekdays: [(f64, f64, f64); 7],
    days: usize,
    rate: [(f64, f64); 2],
    going_on: [(f64, f64); 2],
    quarantined: usize,
    /// Buckets that were large enough to be a run of some schedule, when they were learned.
    large: Vec<(usize, f64)>,
    firing: bool,
    since: Option<usize>,
    cool: usize,
    resolved: Option<usize>,
    nats: f64,
    hold: f64,
    /// Whether there is evidence of a run.
    by_run: bool,
}

/// Ticks before the first one, so that there is always a bucket to learn: a week.
const BEFORE: usize = 2016;

/// See the module. Buckets are those of five minutes, the first one begins a day.
pub struct Reference {
    day: usize,
    now: usize,
    series: Vec<Past>,
    groups: Vec<Past>,
}

fn half_life(hours: f64) -> f64 {
    0.5f64.powf(1.0 / (hours * 12.0))
}

impl Past {
    fn new(group: usize, start: usize) -> Past {
        Past {
            group,
            start: start - EARLIER,
            touched: start,
            x: vec![0.0; EARLIER],
            y: vec![0.0; EARLIER],
            // Nobody knew it, so it was expected as little as at first.
            mean: vec![1.0 / 12.0; EARLIER],
            level: (0.3, 0.3 * 12.0),
            rare: (0.0, 0.0),
            busy: (0.0, 0.0),
            hours: [(0.0, 0.0, 1.0); 24],
            weekdays: [(0.0, 0.0, 1.0); 7],
            days: 0,
            rate: [(0.4, 40.0); 2],
            going_on: [(0.6, 6.0); 2],
            quarantined: 0,
            large: Vec::new(),
            firing: false,
            since: None,
            cool: 0,
            resolved: None,
            nats: 0.0,
            hold: 0.0,
            by_run: false,
        }
    }

    fn batch(&self) -> f64 {
        ((self.rare.0 + 12.5) / (self.rare.1 + 5.0)).max(1.02)
    }

    fn spread(&self) -> f64 {
        ((self.busy.0 + 2.0) / (self.busy.1 + 20.0)).max(0.004)
    }

    fn factor(&self, day: usize, tick: usize) -> f64 {
        let weekday = (day + tick / 288 + 3) % 7;
        self.hours[tick % 288 / 12].2 * self.weekdays[weekday].2
    }

    fn deviation(&self, mean: f64) -> f64 {
        (self.batch() * mean + mean * mean * (1.0 / self.level.0 + self.spread())).sqrt()
    }

    /// A value of a tick.
    fn at(values: &[f64], start: usize, tick: i64, before: f64) -> f64 {
        usize::try_from(tick - start as i64)
            .ok()
            .and_then(|at| values.get(at))
            .copied()
            .unwrap_or(before)
    }

    fn y(&self, tick: i64) -> f64 {
        Past::at(&self.y, self.start, tick, 0.0)
    }

    fn mean(&self, tick: i64) -> f64 {
        Past::at(&self.mean, self.start, tick, 1.0 / 12.0)
    }

    fn exceeds(&self, mark: usize, tick: i64) -> bool {
        match mark {
            0 => self.y(tick) >= 1.0,
            _ => self.y(tick) > 2.0 * self.mean(tick) + 3.0,
        }
    }

    fn open(&mut self, day: usize, now: usize) {
        let mean = self.level.0 / self.level.1 * self.factor(day, now);
        self.x.push(0.0);
        self.y.push(0.0);
        self.mean.push(mean);
    }

    fn on_schedule(&self, now: usize, tick: usize) -> bool {
        let x = self.x[tick - self.start];
        let mean = self.mean[tick - self.start];
        if x < 5.0 || x <= 3.0 * mean + 4.0 * self.deviation(mean).min(4.0 * mean + 4.0) {
            return false;
        }
        [(12, 3), (288, 2), (2016, 1)].iter().any(|&(period, runs)| {
            (1..=runs).all(|run| {
                let at = tick as i64 - run * period;
                let remembered = |near: i64| {
                    let of = self.large.iter().find(|(tick, _)| *tick as i64 == near);
                    of.map_or(0.0, |(_, x)| *x)
                };
                let had = |near: i64| match near > now as i64 - 64 {
                    true => Past::at(&self.x, self.start, near, 0.0),
                    false => remembered(near),
                };
                (at - 2..=at + 2).any(|near| had(near) >= 0.4 * x)
            })
        })
    }

    fn test(&mut self, day: usize, now: usize, is_gap: bool) {
        (self.nats, self.hold) = (0.0, 0.0);
        for tick in now.saturating_sub(LAG).max(self.start)..=now {
            let at = tick - self.start;
            self.y[at] = if self.on_schedule(now, tick) { self.mean[at] } else { self.x[at] };
        }
        if is_gap {
            return;
        }
        let usual = self.level.0 / self.level.1 * self.factor(day, now);
        let window = |length: i64| {
            let from = now as i64 - length + 1;
            let observed: f64 = (from..=now as i64).map(|tick| self.y(tick)).sum();
            let seasonal: f64 = (from..=now as i64).map(|tick| self.mean(tick)).sum();
            let before: f64 = (from - LOCAL as i64..from).map(|tick| self.y(tick)).sum();
            let recent = (12.0 * usual + before) / (12.0 + LOCAL as f64);
            (from, observed, seasonal.max(length as f64 * recent))
        };
        let is_large = |x: f64, mean: f64| x - mean >= 4.0 && x >= 2.0 * mean * 0.999;
        let (mut nats, mut hold, mut is_tenfold, mut by_run) = (0.0f64, 0.0f64, false, false);
        for (length, left) in [(1, 1.0), (3, 0.8), (12, 0.6)] {
            let (_, x, mean) = window(length);
            if x < 4.0 || x <= 1.2 * mean {
                continue;
            }
            let doubt = 1.0 / self.level.0 + self.spread() * left;
            let found = surprise(x, mean, mean / (self.batch() - 1.0 + mean * doubt));
            if length <= 3 {
                hold = hold.max(found);
            }
            if is_large(x, mean) && found > nats {
                (nats, is_tenfold) = (found, x >= 20.0 && x >= 10.0 * mean);
            }
        }
        for mark in [0, 1] {
            if !self.exceeds(mark, now as i64) {
                continue;
            }
            let mut usual = self.rate[mark].0 / self.rate[mark].1;
            if mark == 0 {
                usual = 1.0 - (1.0 - usual.min(0.999)).powf(self.factor(day, now).max(0.2));
            }
            let goes_on = self.going_on[mark].0 / self.going_on[mark].1;
            for length in [4i64, 8, 12] {
                let (from, x, mean) = window(length);
                let count = |ticks: std::ops::Range<i64>| {
                    ticks.filter(|tick| self.exceeds(mark, *tick)).count() as f64
                };
                let exceeded = count(from..now as i64 + 1);
                if exceeded < 3.0 || !is_large(x, mean) {
                    continue;
                }
                let recent =
                    (12.0 * usual + count(from - LOCAL as i64..from)) / (12.0 + LOCAL as f64);
                let begins = usual.max(recent).min(0.999);
                let goes_on = goes_on.max(usual).max(recent).min(0.999);
                let places: f64 =
                    (0..exceeded as i64).map(|n| ((length - n) as f64 / (n + 1) as f64).ln()).sum();
                let found = -(begins.ln() + (exceeded - 1.0) * goes_on.ln() + places);
                by_run |= found > -(0.02f64.ln());
                if found > nats {
                    (nats, is_tenfold) = (found, x >= 20.0 && x >= 10.0 * mean);
                }
            }
        }
        if nats > 0.0 {
            nats = (nats + self.weight(now as i64, is_tenfold) - 9.0f64.ln()).max(0.0);
        }
        (self.nats, self.hold, self.by_run) = (nats, hold, by_run);
    }

    fn weight(&self, now: i64, is_tenfold: bool) -> f64 {
        let is_elevated = |&tick: &i64| self.y(tick) >= 1.0 && self.y(tick) > 2.0 * self.mean(tick);
        match (now - 4..=now).filter(is_elevated).count() {
            0 | 1 if is_tenfold || self.rare.1 < 0.3 => 0.0,
            0 | 1 => -3.0,
            _ => 1.75,
        }
    }

    fn live(&mut self, day: usize, now: usize, is_told: bool) {
        let is_young = self.since.is_some_and(|since| now - since < 36);
        let reopens = is_young && self.resolved.is_some_and(|at| now - at <= 12);
        let is_fresh = self.by_run || self.hold > -(0.02f64.ln());
        if !self.firing && is_told && (!reopens || is_fresh) {
            self.since = if reopens { self.since } else { Some(now) };
            (self.firing, self.cool, self.resolved) = (true, 0, None);
        }
        if !self.firing {
            return;
        }
        self.cool = if self.hold > -(0.02f64.ln()) { 0 } else { self.cool + 1 };
        if self.cool >= 3 {
            (self.firing, self.resolved) = (false, Some(now));
        } else if now - self.since.unwrap() >= 36 {
            (self.firing, self.resolved) = (false, Some(now));
            let sum: f64 = (now as i64 - 23..=now as i64).map(|tick| self.y(tick)).sum();
            let events = (sum.max(1.0) / self.factor(day, now)).max(0.5);
            let sure = (50.0 / events).min(1.0);
            self.level = (events * sure, 24.0 * sure);
        }
    }

    fn learn(&mut self, day: usize, now: usize, was_silent: bool, age: usize) {
        self.quarantined = if self.hold > -(0.001f64.ln()) { self.quarantined + 1 } else { 0 };
        let tick = now - LAG;
        let factor = self.factor(day, tick);
        let mean = self.level.0 / self.level.1 * factor;
        let (deviation, y) = (self.deviation(mean), self.y(tick as i64));
        let is_calm = self.quarantined == 0 || self.quarantined > 36;
        let learns = !was_silent && !self.firing && is_calm;
        let begins = self.since == Some(tick) && !was_silent;
        if (learns && !self.exceeds(1, tick as i64 - 1)) || begins {
            let square = (y.min((mean + 6.0 * deviation).max(25.0)) - mean).powi(2);
            let fade = half_life(168.0);
            if mean < 8.0 {
                self.rare = (fade * self.rare.0 + square, fade * self.rare.1 + mean);
            } else if age > 48 {
                let beyond = square - self.batch() * mean - mean * mean / self.level.0;
                self.busy =
                    ((fade * self.busy.0 + beyond).max(0.0), fade * self.busy.1 + mean * mean);
            }
            for mark in [0, 1] {
                let exceeds = f64::from(u8::from(self.exceeds(mark, tick as i64)));
                self.rate[mark] =
                    (fade * self.rate[mark].0 + exceeds, fade * self.rate[mark].1 + 1.0);
                if self.exceeds(mark, tick as i64 - 1) {
                    let known = &mut self.going_on[mark];
                    *known = (0.995 * known.0 + exceeds, 0.995 * known.1 + 1.0);
                }
            }
        }
        let x = Past::at(&self.x, self.start, tick as i64, 0.0);
        if x >= 2.0 && x > 0.4 * (3.0 * mean + 4.0 * deviation.min(4.0 * mean + 4.0)) {
            self.large.push((tick, x));
        }
        if learns {
            let believed = y.min(mean + 4.0 * deviation + 2.0);
            let fade = half_life(36.0);
            self.level = ((fade * self.level.0 + believed).max(0.05), fade * self.level.1 + factor);
            let rate = self.level.0 / self.level.1;
            let (hour, weekday) = (tick % 288 / 12, (day + tick / 288 + 3) % 7);
            let (by_hour, by_weekday) = (self.hours[hour].2, self.weekdays[weekday].2);
            self.hours[hour].0 += believed;
            self.hours[hour].1 += rate * by_weekday;
            self.weekdays[weekday].0 += believed;
            self.weekdays[weekday].1 += rate * by_hour;
        }
        if tick % 288 == 287 {
            self.end_day();
        }
    }

    fn end_day(&mut self) {
        self.days += 1;
        let raw = self.hours.map(|(seen, expected, _)| (seen + 20.0) / (expected + 20.0));
        let smooth = |hour: usize| {
            0.25 * raw[(hour + 23) % 24] + 0.5 * raw[hour] + 0.25 * raw[(hour + 1) % 24]
        };
        let total: f64 = (0..24).map(smooth).sum();
        for hour in 0..24 {
            let (seen, expected, _) = self.hours[hour];
            let fade = 0.5f64.powf(1.0 / 7.0);
            self.hours[hour] = (seen * fade, expected * fade, smooth(hour) * 24.0 / total);
        }
        if self.days >= 7 {
            let raw = self.weekdays.map(|(seen, expected, _)| (seen + 60.0) / (expected + 60.0));
            let total: f64 = raw.iter().sum();
            for (weekday, raw) in self.weekdays.iter_mut().zip(raw) {
                let fade = 0.5f64.powf(1.0 / 28.0);
                *weekday = (weekday.0 * fade, weekday.1 * fade, raw * 7.0 / total);
            }
        }
    }
}

impl Reference {
    /// Returns a detector whose first bucket begins `day` days after 1970.
    pub fn new(day: usize, groups: usize) -> Reference {
        let day = day - 7;
        let open = |group| {
            let mut past = Past::new(group, BEFORE);
            past.open(day, BEFORE);
            past
        };
        Reference { day, now: BEFORE, series: Vec::new(), groups: (0..groups).map(open).collect() }
    }

    pub fn add_series(&mut self, group: usize) -> usize {
        let mut past = Past::new(group, self.now);
        past.open(self.day, self.now);
        self.series.push(past);
        self.series.len() - 1
    }

    /// Adds events of a bucket that arrive now; those of buckets long gone change nothing.
    pub fn add(&mut self, series: usize, bucket: usize, events: u32) {
        let (now, bucket) = (self.now, bucket + BEFORE);
        let group = self.series[series].group;
        for past in [&mut self.series[series], &mut self.groups[group]] {
            past.touched = now;
            let Some(at) = bucket.checked_sub(past.start).filter(|_| now - bucket < 64) else {
                continue;
            };
            past.x[at] += f64::from(events);
            if bucket + LAG < now {
                past.y[at] += f64::from(events);
            }
        }
    }

    /// Closes the bucket; returns the evidence of each series, and which of them fire now.
    pub fn close(&mut self) -> Vec<(f64, f64, bool)> {
        let (day, now) = (self.day, self.now);
        let silent = |past: &Past, tick: usize| {
            past.x[tick - past.start] == 0.0 && past.mean(tick as i64) > 20.0
        };
        for past in &mut self.groups {
            past.test(day, now, false);
        }
        let gaps: Vec<_> = self.groups.iter().map(|past| silent(past, now)).collect();
        let were: Vec<_> = self.groups.iter().map(|past| silent(past, now - LAG)).collect();
        for past in &mut self.series {
            past.test(day, now, gaps[past.group]);
        }
        let alive = self.series.iter().filter(|past| now - past.touched < 2016).count().max(1);
        let mut candidates: Vec<f64> = self
            .series
            .iter()
            .filter(|past| !past.firing && past.nats > 0.0)
            .map(|past| past.nats)
            .collect();
        candidates.sort_by(|a, b| b.total_cmp(a));
        let needed = |rank: usize| -(10.0 / 288.0 * rank as f64 / alive as f64).ln();
        let last = (1..=candidates.len()).rev().find(|&rank| candidates[rank - 1] >= needed(rank));
        let cut = last.map(|rank| candidates[rank - 1]);
        for past in &mut self.series {
            let is_told = cut.is_some_and(|cut| past.nats >= cut);
            past.live(day, now, is_told);
            let age = now - EARLIER - past.start + 1;
            past.learn(day, now, were[past.group], age);
            past.open(day, now + 1);
        }
        for past in &mut self.groups {
            let was_silent = were[past.group];
            past.learn(day, now, was_silent, now - EARLIER - past.start + 1);
            past.open(day, now + 1);
        }
        self.now += 1;
        self.series.iter().map(|past| (past.nats, past.hold, past.firing)).collect()
    }
}
