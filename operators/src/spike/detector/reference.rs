//! The detector once more, slow and plain: every series walks every tick, all counts are kept, sums are taken
//! afresh, numbers are doubles. Shares nothing with the other but the tail of the distribution.

use super::tail::surprise;
use std::collections::BTreeMap;

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
    /// What it was when it was left alone, as long as it is: an issue goes on to expect that of it.
    asleep: Option<Box<Past>>,
}

/// Ticks before the first one, so that there is always a bucket to learn: a week.
const BEFORE: usize = 2016;

/// See the module. Buckets are those of five minutes, the first one begins a day.
pub struct Reference {
    day: usize,
    now: usize,
    series: Vec<Past>,
    groups: Vec<Past>,
    /// The issue of each series, and what is known of issues: only their alarms are used.
    issue_of: Vec<u128>,
    issues: BTreeMap<u128, Past>,
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
            asleep: None,
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
        Reference {
            day,
            now: BEFORE,
            series: Vec::new(),
            groups: (0..groups).map(open).collect(),
            issue_of: Vec::new(),
            issues: BTreeMap::new(),
        }
    }

    pub fn add_series(&mut self, group: usize, issue: u128) -> usize {
        self.issue_of.push(issue);
        self.issues.entry(issue).or_insert_with(|| Past::new(group, BEFORE));
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
        let needed = |rank: usize| -(0.9 * 10.0 / 288.0 * rank as f64 / alive as f64).ln();
        let last = (1..=candidates.len()).rev().find(|&rank| candidates[rank - 1] >= needed(rank));
        let cut = last.map(|rank| candidates[rank - 1]);
        // What issues say of this tick, before anything is learned.
        let said: BTreeMap<u128, (f64, f64)> =
            self.issues.keys().map(|&issue| (issue, self.together(issue))).collect();
        for past in &mut self.series {
            let is_told = cut.is_some_and(|cut| past.nats >= cut);
            past.live(day, now, is_told);
            let age = now - EARLIER - past.start + 1;
            past.learn(day, now, were[past.group], age);
            past.open(day, now + 1);
            past.sleep(now);
        }
        self.judge_wholes(&said);
        for past in &mut self.groups {
            let was_silent = were[past.group];
            past.learn(day, now, was_silent, now - EARLIER - past.start + 1);
            past.open(day, now + 1);
        }
        self.now += 1;
        self.series.iter().map(|past| (past.nats, past.hold, past.firing)).collect()
    }
}

impl Past {
    fn sleep(&mut self, now: usize) {
        let is_quiet = now + 1 - self.touched > 15 && self.quarantined == 0 && !self.firing;
        if !is_quiet {
            self.asleep = None;
        } else if self.asleep.is_none() {
            self.asleep = Some(Box::new(self.clone()));
        }
    }
}

impl Reference {
    /// Returns which issues, and which groups, fire as wholes.
    pub fn wholes(&self) -> (Vec<u128>, Vec<usize>) {
        let issues = self.issues.iter().filter(|(_, past)| past.firing).map(|(issue, _)| *issue);
        let groups = (0..self.groups.len()).filter(|group| self.groups[*group].firing);
        (issues.collect(), groups.collect())
    }

    fn members(&self, issue: u128) -> Vec<&Past> {
        let members = self.issue_of.iter().zip(&self.series);
        members.filter(|(of, _)| **of == issue).map(|(_, past)| past).collect()
    }

    fn has_parts<'a>(&self, parts: impl IntoIterator<Item = &'a Past>) -> bool {
        parts.into_iter().filter(|past| past.touched + 12 > self.now).count() >= 2
    }

    /// Returns the evidence of the members of an issue together, and of its short windows.
    fn together(&self, issue: u128) -> (f64, f64) {
        let (now, members) = (self.now as i64, self.members(issue));
        if members.len() < 2 || !self.has_parts(members.iter().copied()) {
            return (0.0, 0.0);
        }
        let usual = |past: &Past| past.level.0 / past.level.1 * past.factor(self.day, self.now);
        let (mut nats, mut hold, mut is_tenfold) = (0.0f64, 0.0f64, false);
        for (length, left) in [(1, 1.0), (3, 0.8), (12, 0.6)] {
            let (mut x, mut mean, mut own, mut common) = (0.0, 0.0, 0.0, 0.0);
            for past in &members {
                let from = now - length + 1;
                let before: f64 = (from - LOCAL as i64..from).map(|tick| past.y(tick)).sum();
                let recent = (12.0 * usual(past) + before) / 48.0 * length as f64;
                let seasonal: f64 = (from..=now).map(|tick| past.mean(tick)).sum();
                let (of, m) = match &past.asleep {
                    Some(asleep) => (&**asleep, usual(asleep) * length as f64),
                    None => (*past, seasonal.max(recent)),
                };
                x += (from..=now).map(|tick| past.y(tick)).sum::<f64>();
                mean += m;
                own += (of.batch() - 1.0) * m + m * m / of.level.0;
                common += m * (of.spread() * left).sqrt();
            }
            if x < 4.0 || x <= 1.2 * mean {
                continue;
            }
            let found = surprise(x, mean, mean * mean / (own + common * common));
            if length <= 3 {
                hold = hold.max(found);
            }
            if x - mean >= 4.0 && x >= 2.0 * mean * 0.999 && found > nats {
                (nats, is_tenfold) = (found, x >= 20.0 && x >= 10.0 * mean);
            }
        }
        if nats > 0.0 {
            let is_elevated = |&tick: &i64| {
                let y: f64 = members.iter().map(|past| past.y(tick)).sum();
                let mean = members.iter().map(|past| match &past.asleep {
                    Some(asleep) => usual(asleep),
                    None => past.mean(tick),
                });
                y >= 1.0 && y > 2.0 * mean.sum::<f64>()
            };
            let exposure: f64 = members
                .iter()
                .map(|past| past.asleep.as_deref().map_or(past.rare.1, |asleep| asleep.rare.1))
                .sum();
            let weight = match (now - 4..=now).filter(is_elevated).count() {
                0 | 1 if is_tenfold || exposure < 0.3 => 0.0,
                0 | 1 => -3.0,
                _ => 1.75,
            };
            nats = (nats + weight - 9.0f64.ln()).max(0.0);
        }
        (nats, hold)
    }

    /// Lets issues, and then groups, fire and end, unless a part of theirs fires.
    fn judge_wholes(&mut self, said: &BTreeMap<u128, (f64, f64)>) {
        let (day, now) = (self.day, self.now);
        let mut issues = std::mem::take(&mut self.issues);
        let mut groups = std::mem::take(&mut self.groups);
        let covered: BTreeMap<u128, bool> = issues
            .keys()
            .map(|&issue| (issue, self.members(issue).iter().any(|past| past.covers(now))))
            .collect();
        let parts_of = |group: usize| self.series.iter().filter(move |past| past.group == group);
        let is_covered = |group: usize| parts_of(group).any(|past| past.covers(now));
        let has_parts = |group: usize| self.has_parts(parts_of(group));
        let mut candidates: Vec<f64> = Vec::new();
        for (issue, past) in &mut issues {
            (past.nats, past.hold) = said[issue];
            if !past.firing && !covered[issue] && past.nats > 0.0 {
                candidates.push(past.nats);
            }
        }
        for (group, past) in groups.iter().enumerate() {
            if !past.firing && !is_covered(group) && has_parts(group) && past.nats > 0.0 {
                candidates.push(past.nats);
            }
        }
        candidates.sort_by(|a, b| b.total_cmp(a));
        let shared = issues.keys().filter(|issue| self.members(**issue).len() >= 2).count();
        let alive = (shared + groups.len()) as f64;
        let needed = |rank: usize| -(0.1 * 10.0 / 288.0 * rank as f64 / alive).ln();
        let last = (1..=candidates.len()).rev().find(|&rank| candidates[rank - 1] >= needed(rank));
        let cut = last.map(|rank| candidates[rank - 1]);
        for (issue, past) in &mut issues {
            let is_told = cut.is_some_and(|cut| past.nats >= cut);
            past.live_as_whole(day, now, is_told, covered[issue]);
        }
        for (group, past) in groups.iter_mut().enumerate() {
            let of_issue = self.issue_of.iter().zip(&self.series);
            let mut of_issue = of_issue.filter(|(_, past)| past.group == group);
            let is_covered =
                is_covered(group) || of_issue.any(|(issue, _)| issues[issue].covers(now));
            let said = (past.nats, past.hold, past.by_run);
            if !has_parts(group) {
                (past.nats, past.hold, past.by_run) = (0.0, 0.0, false);
            }
            let is_told = cut.is_some_and(|cut| past.nats >= cut);
            past.live_as_whole(day, now, is_told, is_covered);
            (past.nats, past.hold, past.by_run) = said;
        }
        (self.issues, self.groups) = (issues, groups);
    }
}

impl Past {
    fn covers(&self, now: usize) -> bool {
        self.firing || self.resolved.is_some_and(|at| now - at <= 12)
    }

    fn live_as_whole(&mut self, day: usize, now: usize, is_told: bool, is_covered: bool) {
        match (is_covered, self.firing) {
            (true, true) => (self.firing, self.resolved) = (false, Some(now)),
            (true, false) => {}
            (false, _) => self.live(day, now, is_told),
        }
    }
}
